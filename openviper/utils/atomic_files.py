"""Writing files so that a reader sees all of them or nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What only a write fails with, and always without the name of a file."""


def sync_directory(directory: Path) -> None:
    """Flush a directory's entries to disk, so that a rename in it survives a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def naming(target: Path, hidden: Path | None = None) -> Iterator[None]:
    """Have an error of the block say what could not be written.

    A full disk is reported without any name, and another error with that of a hidden file which is gone by then.

    Args:
        target: What is being written, as the person who asked for it calls it.
        hidden: Where it is written until it is whole: a file, or a directory with all that is in it.
    """
    try:
        yield
    except OSError as error:
        is_nameless = error.filename is None and error.errno in NO_ROOM
        if is_nameless or _is_at(error.filename, hidden):
            error.filename = str(target)
            del error.filename2  # One that is `None` would be told too.
        raise


def _is_at(name: object, hidden: Path | None) -> bool:
    return (
        hidden is not None
        and isinstance(name, (str, Path))
        and hidden in (Path(name), *Path(name).parents)
    )


@contextlib.contextmanager
def atomic_write(path: Path, *, mode: int = 0o644) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the name `path` only when the block ends without an error.

    The content goes into a hidden file in the same directory, is flushed to disk and renamed; an existing file is
    replaced in one step and stays untouched on failure.

    Args:
        path: The final name.
        mode: Permission bits of the new file, applied before anything is written.

    Raises:
        OSError: If the directory is missing, not writable or full; it names `path`.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    with naming(path, temporary), _renamed(temporary, path, mode) as file:
        yield file
    sync_directory(path.parent)


@contextlib.contextmanager
def _renamed(temporary: Path, path: Path, mode: int) -> Iterator[BinaryIO]:
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            os.fchmod(file.fileno(), mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
