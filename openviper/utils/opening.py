"""Opening files below a folder so that no link can lead out of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, TypeAlias

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A pipe with nobody at its other end would otherwise block the thread that opens it.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Opened: TypeAlias = "tuple[BinaryIO, os.stat_result]"
"""A file, open for reading, and its status."""


def open_below(directory: Path, name: str) -> Opened | None:
    """Open a regular file below a directory without following a link on the way; `None` if that cannot be done.

    Each part is opened relative to the one before, so nothing can be exchanged for a link in between.
    """
    *folders, last = name.split("/")
    try:
        current = os.open(directory, _DIRECTORY)
        try:
            for folder in folders:
                inner = os.open(folder, _DIRECTORY | os.O_NOFOLLOW, dir_fd=current)
                os.close(current)
                current = inner
            opened = os.open(last, _FILE, dir_fd=current)
        finally:
            os.close(current)
    except (OSError, ValueError):
        # Missing, a link, no permission, a name too long, or a lone surrogate.
        return None
    return _regular(opened)


def open_file(path: Path) -> Opened | None:
    """Open a regular file, wherever links lead; `None` if that cannot be done."""
    try:
        opened = os.open(path, _FILE & ~os.O_NOFOLLOW)
    except (OSError, ValueError):
        return None
    return _regular(opened)


def _regular(opened: int) -> Opened | None:
    status = os.fstat(opened)
    if not stat.S_ISREG(status.st_mode):
        os.close(opened)
        return None
    return os.fdopen(opened, "rb"), status
