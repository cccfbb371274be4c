"""Writing one collected file: the copy, its hashed name, its compressed companion."""

from __future__ import annotations

import os
from contextlib import suppress

BLOCK = 1024 * 1024
SMALL = 64 * 1024
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
DIGEST_LENGTH = 12
"""Hexadecimal digits of the SHA-256 in a hashed name: 48 bits tell the versions of one file apart."""
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
        with suppress(
            OSError
        ):  # Not between these file systems: the loop below goes on where this stopped.
            while os.copy_file_range(reader, writer, 64 * BLOCK):
                pass
    # One byte more than expected: a shorter answer means that this was all.
    wanted = min(size + 1, BLOCK)
    while data := os.read(reader, wanted):
        _write_all(writer, data)
        if len(data) < wanted:
            return


def _write_all(writer: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(writer, view) :]


def digest_of(path: str) -> str:
    """Return the part of a file's SHA-256 that goes into its name."""
    import hashlib

    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:DIGEST_LENGTH]


def hashed_name(name: str, digest: str) -> str:
    """Return the name of a file with its hash before the suffix: ``css/site.3f2a….css``."""
    stem, suffix = os.path.splitext(name)
    return f"{stem}.{digest}{suffix}"


def is_compressible(name: str, size: int) -> bool:
    """Tell whether a companion is worth trying."""
    return size >= MIN_COMPRESSED and os.path.splitext(name)[1].lower() in COMPRESSIBLE


def compress_file(source: str, target: str, mode: int, mtime_ns: int) -> bool:
    """Write the gzip form of a file under a new name, unless it saves too little.

    The same content gives the same bytes: the member (RFC 1952) holds neither name nor time.

    Returns:
        Whether it was kept.
    """
    import gzip

    with open(source, "rb") as reader:
        data = gzip.compress(reader.read(), 9, mtime=0)
    if len(data) > os.path.getsize(source) * WORTHWHILE:
        return False
    writer = os.open(target, _NEW, 0o600)
    try:
        _write_all(writer, data)
        os.fchmod(writer, mode)
        os.utime(writer, ns=(mtime_ns, mtime_ns))
    finally:
        os.close(writer)
    return True


def link_or_copy(source: str, target: str, mode: int, mtime_ns: int) -> None:
    """Give a file a second name; where the file system knows no hard links, copy it."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        copy_file(source, target, os.path.getsize(source), mode, mtime_ns)
