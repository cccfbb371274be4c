"""Storage of uploaded files: a directory by default, memory for tests, or a class of the project.

Lazy, as commands without uploads need none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openviper.storage.base import Content as Content
    from openviper.storage.base import Storage as Storage
    from openviper.storage.configured import default_storage as default_storage
    from openviper.storage.configured import get_storage as get_storage
    from openviper.storage.filesystem import FileSystemStorage as FileSystemStorage
    from openviper.storage.memory import MemoryStorage as MemoryStorage
    from openviper.storage.names import clean_name as clean_name
    from openviper.storage.names import generate_unique_name as generate_unique_name

_HOMES = {
    "Content": "openviper.storage.base",
    "FileSystemStorage": "openviper.storage.filesystem",
    "MemoryStorage": "openviper.storage.memory",
    "Storage": "openviper.storage.base",
    "clean_name": "openviper.storage.names",
    "default_storage": "openviper.storage.configured",
    "generate_unique_name": "openviper.storage.names",
    "get_storage": "openviper.storage.configured",
}

__all__ = [
    "Content",
    "FileSystemStorage",
    "MemoryStorage",
    "Storage",
    "clean_name",
    "default_storage",
    "generate_unique_name",
    "get_storage",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
