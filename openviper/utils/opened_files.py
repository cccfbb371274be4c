"""Opening files below a directory so that no link can lead out of it."""

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


def open_below(directory: str | os.PathLike[str], name: str) -> int:
    """Open a regular file below a directory for reading and return its descriptor.

    Each part of the name is opened relative to the one before and never through a link, so that nothing can be
    exchanged for a link in between.

    Args:
        directory: Where to begin; a link here is followed.
        name: The path below it, with ``/`` and without ``.`` and ``..`` parts.

    Raises:
        OSError: If a part is missing, is a link (`errno.ELOOP`, or `NotADirectoryError`), or may not be read.
        ValueError: If the name cannot be one, or it is not a regular file.
    """
    *folders, last = name.split("/")
    if not last or {".", "..", ""} & set(folders) or last in (".", ".."):
        raise ValueError(f"{name!r} is not the path of a file below a directory")
    current = os.open(directory, _DIRECTORY)
    try:
        for folder in folders:
            inner = os.open(folder, _DIRECTORY | os.O_NOFOLLOW, dir_fd=current)
            os.close(current)
            current = inner
        descriptor = os.open(last, _FILE, dir_fd=current)
    finally:
        os.close(current)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError(f"{name!r} is not a regular file")
    return descriptor


def find_below(directory: Path, name: str) -> Opened | None:
    """Return a file below a directory, opened as `open_below` does; `None` if that cannot be done."""
    try:
        descriptor = open_below(directory, name)
    except (OSError, ValueError):
        # Missing, a link, no permission, a name too long, or a lone surrogate.
        return None
    return os.fdopen(descriptor, "rb"), os.fstat(descriptor)


def find_file(path: Path) -> Opened | None:
    """Return a regular file, wherever links lead, open for reading; `None` if that cannot be done."""
    try:
        descriptor = os.open(path, _FILE & ~os.O_NOFOLLOW)
    except (OSError, ValueError):
        return None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb"), status
