"""Where the `.env` file of a project is."""

from __future__ import annotations

import os

from openviper.project.directory import SCRIPT, script_directory, settings_directory

NAME = ".env"
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
    for directory in (script_directory(), settings_directory()):
        if directory is not None and _has_dotenv(directory):
            return os.path.join(directory, NAME)
    try:
        first = os.fspath(start) if start is not None else os.getcwd()
    except FileNotFoundError:  # The working directory has been removed.
        return None
    return _find_upwards(os.path.abspath(first))


def _has_dotenv(directory: str) -> bool:
    return os.path.isfile(os.path.join(directory, NAME))


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
