"""The directory of the project, whatever the working directory is."""

from __future__ import annotations

import os
import sys

from openviper.project.source import find_source

# Not from `typing`: see `openviper.utils.terminal`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = "viperctl.py"
# Not an `lru_cache`: `functools` is a fifth of the time of `--help`.
_around: dict[tuple[str, str], str] = {}
"""Directories by module and file."""


def project_directory() -> str:
    """Return the absolute path of the directory that relative paths of settings are meant from.

    That is the folder of the `viperctl.py` that is running, else the one around the top package of the settings module,
    else the working directory; an empty text if that has been removed.
    """
    directory = script_directory() or settings_directory()
    if directory is not None:
        return directory
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def in_project(path: str | os.PathLike[str]) -> Path:
    """Return a path of the settings as an absolute one; a relative one is meant from the project."""
    # Every start of a command loads this module, and only some need paths.
    from pathlib import Path

    return Path(project_directory(), path)


def script_directory() -> str | None:
    """Return the directory of the `viperctl.py` that is running, or `None`."""
    script = sys.argv[0] if sys.argv else ""
    if os.path.basename(script) != SCRIPT:
        return None
    return os.path.dirname(os.path.realpath(script))


def settings_directory() -> str | None:
    """Return the directory around the top package of the settings module, or `None`."""
    module = os.environ.get("OPENVIPER_SETTINGS_MODULE", "").strip()
    path = _file_of(module) if module else None
    return None if path is None else _directory_around(module, path)


def _directory_around(module: str, path: str) -> str:
    """Return the directory around the top package of a module that lies in this file; a link on the way is followed once."""
    if not os.path.isabs(path):
        return _followed(module, path)
    directory = _around.get((module, path))
    if directory is None:
        directory = _around[module, path] = _followed(module, path)
    return directory


def _followed(module: str, path: str) -> str:
    # shop/settings.py for "shop.settings", shop/settings/__init__.py for a package.
    levels = module.count(".") + (os.path.basename(path) == "__init__.py")
    directory = os.path.dirname(os.path.realpath(path))
    for _ in range(levels):
        directory = os.path.dirname(directory)
    return directory


def _file_of(module: str) -> str | None:
    loaded: str | None = getattr(sys.modules.get(module), "__file__", None)
    return loaded or find_source(module)
