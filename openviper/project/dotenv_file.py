"""Where the `.env` file of a project is."""

from __future__ import annotations

import os
import sys

from openviper.project.source import find_source

NAME = ".env"
SCRIPT = "viperctl.py"
LAST_SEARCHED = (SCRIPT, "pyproject.toml", ".git")
"""A folder with one of these is the last one searched on the way up."""

# Paths are strings here: see `openviper.project.settings_module`.


def find_dotenv(start: str | os.PathLike[str] | None = None) -> str | None:
    """Return the `.env` of the project this process works for, or `None`.

    It is looked for beside the `viperctl.py` that is running, beside the top package of the settings module, then in
    the working directory and the folders above it: as far as the project, the home directory, or the last folder of the
    same owner. So a command finds the same file from whatever directory it is started.

    Args:
        start: Where the way up begins; the working directory when not given.
    """
    for directory in (_script_directory(), _settings_directory()):
        if directory is not None and _has_dotenv(directory):
            return os.path.join(directory, NAME)
    try:
        first = os.fspath(start) if start is not None else os.getcwd()
    except FileNotFoundError:  # The working directory has been removed.
        return None
    return _find_upwards(os.path.abspath(first))


def find_project_root() -> str | None:
    """Return the folder of the running `viperctl.py`, else that of the settings module's top package, or `None`."""
    return _script_directory() or _settings_directory()


def _has_dotenv(directory: str) -> bool:
    return os.path.isfile(os.path.join(directory, NAME))


def _script_directory() -> str | None:
    script = sys.argv[0] if sys.argv else ""
    if os.path.basename(script) != SCRIPT:
        return None
    return os.path.dirname(os.path.realpath(script))


def _settings_directory() -> str | None:
    module = os.environ.get("OPENVIPER_SETTINGS_MODULE", "").strip()
    path = find_source(module) if module else None
    if path is None:
        return None
    # shop/settings.py for "shop.settings", shop/settings/__init__.py for a package.
    levels = module.count(".") + (os.path.basename(path) == "__init__.py")
    directory = os.path.dirname(os.path.realpath(path))
    for _ in range(levels):
        directory = os.path.dirname(directory)
    return directory


def _find_upwards(directory: str) -> str | None:
    owner = _owner(directory)
    while _owner(directory) == owner:
        if _has_dotenv(directory):
            return os.path.join(directory, NAME)
        above = os.path.dirname(directory)
        if above == directory or _is_last_searched(directory):
            break
        directory = above
    return None


def _is_last_searched(directory: str) -> bool:
    if directory == os.path.expanduser("~"):
        return True
    return any(os.path.exists(os.path.join(directory, name)) for name in LAST_SEARCHED)


def _owner(directory: str) -> int | None:
    try:
        return os.stat(directory).st_uid
    except OSError:
        return None
