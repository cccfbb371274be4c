"""Writing one collected file: the copy, its hashed name, its compressed companion."""

from __future__ import annotations

import os
from contextlib import suppress

BLOCK = 1024 * 1024
SMALL = 64 * 1024
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
COMPRESSIBLE = frozenset(
    ".css .csv .eot .htm .html .ico .js .json .map .md .mjs .otf .svg .ttf .txt .wasm .webmanifest .xml .xhtml".split()
)
"""Suffixes of files that gzip makes smaller; pictures, sound and WOFF fonts are compressed already."""
MIN_COMPRESSED = 1024
"""Files below this size, in bytes, fit into one packet anyway."""
WORTHWHILE = 0.95
"""A companion larger than this share of the file is not kept."""


def copy_file(source: str, target: str, size: int, mode: int, mtime_ns: int) -> None:
    """Copy a file to a new name, with permissions and time of change.

    The time is the one seen while planning: a source changed since then is recognised by the next collection.

    Args:
        source: The file.
        target: The new name, in an existing directory.
        size: How large the file probably is, in bytes; it is copied to its end in any case.
        mode: Permission bits of the copy.
        mtime_ns: Its time of change, in nanoseconds since the epoch.

    Raises:
        OSError: If reading or writing fails, or the new name is taken.
    """
    reader = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        writer = os.open(target, _NEW, 0o600)
        try:
            _copy_content(reader, writer, size)
            os.fchmod(writer, mode)
            os.utime(writer, ns=(mtime_ns, mtime_ns))
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def _copy_content(reader: int, writer: int, size: int) -> None:
    # Small files take one read and one write; large ones the kernel copies without a detour through this process.
    if size > SMALL and hasattr(os, "copy_file_range"):
        _copy_in_kernel(reader, writer)
    # One byte more than expected: a shorter answer means that this was all.
    wanted = min(size + 1, BLOCK)
    while data := os.read(reader, wanted):
        _write_all(writer, data)
        if len(data) < wanted:
            return


def _copy_in_kernel(reader: int, writer: int) -> None:
    # Not between all file systems: what is left is read and written.
    with suppress(OSError):
        while os.copy_file_range(reader, writer, 64 * BLOCK):
            pass


def _write_all(writer: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(writer, view) :]


def is_compressible(name: str, size: int) -> bool:
    """Return whether a companion is worth trying."""
    return size >= MIN_COMPRESSED and os.path.splitext(name)[1].lower() in COMPRESSIBLE


def write_file(target: str, content: bytes, mode: int, mtime_ns: int) -> None:
    """Write a new file, with permissions and time of change.

    Raises:
        OSError: If writing fails, or the name is taken; what was written of it is removed.
    """
    writer = os.open(target, _NEW, 0o600)
    try:
        _write_all(writer, content)
        os.fchmod(writer, mode)
        os.utime(writer, ns=(mtime_ns, mtime_ns))
    except BaseException:
        os.unlink(target)
        raise
    finally:
        os.close(writer)


def compress_file(source: str, target: str, mode: int, mtime_ns: int) -> bool:
    """Write the gzip form of a file under a new name, unless it saves too little.

    The same content gives the same bytes: the member (RFC 1952) holds neither name nor time.

    Returns:
        Whether it was kept.
    """
    import gzip  # Only collections that compress need it.

    with open(source, "rb") as reader:
        content = reader.read()
    data = gzip.compress(content, 9, mtime=0)
    if len(data) > len(content) * WORTHWHILE:
        return False
    write_file(target, data, mode, mtime_ns)
    return True


def link_or_copy(source: str, target: str, mode: int, mtime_ns: int) -> None:
    """Give a file a second name; where the file system knows no hard links, copy it."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        copy_file(source, target, os.path.getsize(source), mode, mtime_ns)
