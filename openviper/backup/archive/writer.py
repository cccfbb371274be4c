"""Archives in `.tar.gz` form, written once.

A gzip file may be a series of members that decompress to one stream (RFC 1952, 2.2). That makes three things possible
here: blocks are compressed on all cores, each as a member of its own; the tar header, whose place is before the data,
is reserved as a member of fixed length and filled in when the size is known; and nothing is ever held in memory but a
few blocks. ``tar``, ``gzip -t`` and `tarfile` read the result like any other archive.
"""

from __future__ import annotations

import hashlib
import os
import struct
import tarfile
import time
import zlib
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

from openviper.backup.background import StopFlag
from openviper.backup.exceptions import ArchiveError

BLOCK_SIZE = 1 << 20
DEFAULT_LEVEL = 6
_GZIP_WBITS = 31
# Magic, deflate, no flags, no time, no extra flags, unknown system (RFC 1952).
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """What an archive holds of one file.

    Attributes:
        name: The member's name.
        size: Length of the content, in bytes.
        checksum: SHA-256 of the content.
    """

    name: str
    size: int
    checksum: str


class TarGzWriter:
    """Writes members into an archive, compressing on all cores, and reads it back.

    Args:
        file: The archive; must be readable, seekable and empty.
        workers: Number of threads; the number of usable cores when `None`.
        level: Of compression, 1 to 9.
    """

    def __init__(
        self, file: BinaryIO, *, workers: int | None = None, level: int = DEFAULT_LEVEL
    ) -> None:
        self._file = file
        self._workers = workers or _usable_cores()
        self._level = level
        self._position = 0
        # One entry for each gzip member: where it ends, and the CRC-32 of what it holds.
        self._ends = array("Q")
        self._sums = array("L")

    def add(self, name: str, blocks: Iterable[bytes]) -> ArchivedFile:
        """Add one regular file of mode 0600, owned by id 0, whose content may be a stream of unknown length.

        The name may have as many bytes as fit into a gzip member of stored data, some 60,000.

        Raises:
            OSError: If the archive cannot be written.
        """
        self._fill(tarfile.BLOCKSIZE)
        header_offset = self._file.tell()
        # As long as the one to come: its length depends on the name alone.
        reserved = len(_tar_header(name, 0))
        self._write(_stored_member(bytes(reserved)), 0)
        number = len(self._sums) - 1
        digest = hashlib.sha256()
        size = 0
        for raw, (packed, checksum) in _in_order(self._workers, self._pack, blocks):
            digest.update(raw)
            size += len(raw)
            self._write(packed, checksum)
        self._position += reserved + size
        end = self._file.tell()
        header = _tar_header(name, size)
        self._sums[number] = zlib.crc32(header)
        self._file.seek(header_offset)
        self._file.write(_stored_member(header))
        self._file.seek(end)
        return ArchivedFile(name, size, digest.hexdigest())

    def close(self) -> None:
        """Write the padding that ends a tar archive; the file itself stays open."""
        self._position += 2 * tarfile.BLOCKSIZE
        self._fill(tarfile.RECORDSIZE, extra=2 * tarfile.BLOCKSIZE)

    def verify(self, *, stop: StopFlag | None = None) -> str:
        """Read the closed archive back on all cores, and compare every block with what went into it.

        Returns:
            The lower-case SHA-256 of the whole archive.

        Raises:
            ArchiveError: If anything differs.
            Stopped: If `stop` was set meanwhile.
        """
        digest = hashlib.sha256()
        self._file.seek(0)
        for expected, ((packed, _), found) in zip(
            self._sums, _in_order(self._workers, _unpacked_sum, self._members(stop)), strict=True
        ):
            digest.update(packed)
            if found != expected:
                raise ArchiveError(
                    "Not a readable archive: what was read back differs from what was written into it"
                )
        if self._file.read(1):
            raise ArchiveError("Not a readable archive: it is longer than what was written into it")
        return digest.hexdigest()

    def _members(self, stop: StopFlag | None) -> Iterator[tuple[bytes, int]]:
        start = 0
        for end in self._ends:
            if stop is not None:
                stop.check()
            yield self._file.read(end - start), end - start
            start = end

    def _pack(self, block: bytes) -> tuple[bytes, int]:
        # The sum is taken from the block itself, not from what the compressor says it has seen.
        return zlib.compress(block, self._level, _GZIP_WBITS), zlib.crc32(block)

    def _write(self, packed: bytes, checksum: int) -> None:
        self._file.write(packed)
        self._ends.append((self._ends[-1] if self._ends else 0) + len(packed))
        self._sums.append(checksum)

    def _fill(self, unit: int, extra: int = 0) -> None:
        missing = -self._position % unit
        self._position += missing
        if missing + extra:
            self._write(*self._pack(bytes(missing + extra)))


def _in_order(
    workers: int, work: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[tuple[Item, Result]]:
    """Do the work on threads, and yield each item with its result in the order of the items."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="backup-compress")
    pending: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            pending.append((item, _submit(pool, work, item)))
            # Memory stays bounded: two items for each thread.
            if len(pending) > 2 * workers:
                first, future = pending.popleft()
                yield first, future.result()
        while pending:
            first, future = pending.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submit(pool: ThreadPoolExecutor, work: Callable[[Item], Result], item: Item) -> Future[Result]:
    """Have the work done on a thread, or at once where the system gives no further one, as under a tight limit."""
    try:
        return pool.submit(work, item)
    except RuntimeError:
        done: Future[Result] = Future()
        done.set_result(work(item))
        return done


def _unpacked_sum(member: tuple[bytes, int]) -> int:
    """Return the CRC-32 of what a gzip member holds, or -1 if it is not exactly one whole member."""
    packed, length = member
    decoder = zlib.decompressobj(_GZIP_WBITS)
    try:
        # This also compares the member's own sum and length.
        content = decoder.decompress(packed)
    except zlib.error:
        return -1
    whole = decoder.eof and not decoder.unused_data and len(packed) == length
    return zlib.crc32(content) if whole else -1


def _usable_cores() -> int:
    # Not every system can tell how many of its cores this process may use.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _stored_member(data: bytes) -> bytes:
    # Written by hand: the length must not depend on the content nor on the version of zlib.
    length = len(data)
    block = struct.pack("<BHH", 1, length, length ^ 0xFFFF) + data
    return _GZIP_HEADER + block + struct.pack("<II", zlib.crc32(data), length)


def _tar_header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o600
    info.mtime = int(time.time())
    # The GNU format holds sizes above 8 GiB in the header itself, and a long name in blocks before it.
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
