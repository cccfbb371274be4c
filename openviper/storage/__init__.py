"""Storage of uploaded files: a directory by default, memory for tests, or a class of the project.

Lazy, as commands without uploads need none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.storage.base import Content as Content
    from openviper.storage.base import Storage as Storage
    from openviper.storage.configured import default_storage as default_storage
    from openviper.storage.configured import get_storage as get_storage
    from openviper.storage.filesystem import FileSystemStorage as FileSystemStorage
    from openviper.storage.memory import MemoryStorage as MemoryStorage
    from openviper.storage.names import clean_name as clean_name
    from openviper.storage.names import generate_unique_name as generate_unique_name

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.storage.base": ("Content", "Storage"),
        "openviper.storage.configured": ("default_storage", "get_storage"),
        "openviper.storage.filesystem": ("FileSystemStorage",),
        "openviper.storage.memory": ("MemoryStorage",),
        "openviper.storage.names": ("clean_name", "generate_unique_name"),
    },
)
