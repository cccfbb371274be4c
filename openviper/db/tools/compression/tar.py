"""Archives in `.tar.gz` form, written once and read with suspicion.

A gzip file may be a series of members that decompress to one stream. That makes three things possible here: blocks are
compressed on all cores, each as a member of its own; the tar header, whose place is before the data, is reserved as a
member of fixed length and filled in when the size is known; and nothing is ever held in memory but a few blocks.
``tar``, ``gzip -t`` and `tarfile` read the result like any other archive.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import shutil
import struct
import tarfile
import time
import zlib
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, TypeAlias

from openviper.db.tools.background import StopFlag, run_in_thread
from openviper.db.tools.exceptions import ArchiveError
from openviper.db.tools.utils.validators import ValidationError, validate_archive_member

BLOCK_SIZE = 1 << 20
_COMPRESSION_LEVEL = 6
_GZIP_WBITS = 31
# Magic, deflate, no flags, no time, no extra flags, unknown system (RFC 1952).
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
# `tarfile` reads extended headers into memory as a whole; no honest one comes near this.
_MAX_HEADER_READ = 1 << 20
# `tarfile` keeps every header it has seen.
_MAX_MEMBERS = 10_000

_Member: TypeAlias = tuple[tarfile.TarInfo, IO[bytes] | None]


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
    """Writes members into an archive, compressing on all cores.

    Args:
        file: The archive; must be seekable and empty.
        workers: Number of threads; the number of usable cores when `None`.
    """

    def __init__(self, file: BinaryIO, *, workers: int | None = None) -> None:
        self._file = file
        self._workers = workers or _usable_cores()
        self._position = 0

    def add(self, name: str, blocks: Iterable[bytes]) -> ArchivedFile:
        """Add one regular file of mode 0600, owned by id 0, whose content may be a stream of unknown length.

        Raises:
            OSError: If the archive cannot be written.
        """
        self._fill(tarfile.BLOCKSIZE)
        header_offset = self._file.tell()
        self._file.write(_stored_member(bytes(tarfile.BLOCKSIZE)))
        digest = hashlib.sha256()
        size = 0
        for raw, packed in self._compressed(blocks):
            digest.update(raw)
            size += len(raw)
            self._file.write(packed)
        self._position += tarfile.BLOCKSIZE + size
        end = self._file.tell()
        self._file.seek(header_offset)
        self._file.write(_stored_member(_tar_header(name, size)))
        self._file.seek(end)
        return ArchivedFile(name, size, digest.hexdigest())

    def close(self) -> None:
        """Write the padding that ends a tar archive; the file itself stays open."""
        self._position += 2 * tarfile.BLOCKSIZE
        self._fill(tarfile.RECORDSIZE, extra=2 * tarfile.BLOCKSIZE)

    def _fill(self, unit: int, extra: int = 0) -> None:
        missing = -self._position % unit
        self._position += missing
        if missing + extra:
            self._file.write(_compress(bytes(missing + extra)))

    def _compressed(self, blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="backup-compress")
        pending: deque[tuple[bytes, Future[bytes]]] = deque()
        try:
            for block in blocks:
                pending.append((block, pool.submit(_compress, block)))
                # Memory stays bounded: two blocks for each thread.
                if len(pending) > 2 * self._workers:
                    raw, future = pending.popleft()
                    yield raw, future.result()
            while pending:
                raw, future = pending.popleft()
                yield raw, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def write_tar_gz(file: BinaryIO, files: Sequence[Path], *, stop: StopFlag | None = None) -> list[ArchivedFile]:
    """Write the given files, each under its own name without directories, into an open empty archive.

    Raises:
        OSError: If a file cannot be read or the archive cannot be written.
        Stopped: If `stop` was set meanwhile.
    """
    writer = TarGzWriter(file)
    entries = []
    for path in files:
        with open(path, "rb") as source:
            entries.append(writer.add(path.name, _blocks(source, stop)))
    writer.close()
    return entries


def verify_tar_gz(archive: Path, expected: Sequence[ArchivedFile], *, stop: StopFlag | None = None) -> None:
    """Read a finished archive back and compare every byte with what went in.

    Raises:
        ArchiveError: If it cannot be read or differs.
        Stopped: If `stop` was set meanwhile.
    """
    found = []
    with _open_archive(archive) as members:
        for info, content in members:
            digest = hashlib.sha256()
            size = 0
            while content is not None and (chunk := content.read(BLOCK_SIZE)):
                if stop is not None:
                    stop.check()
                digest.update(chunk)
                size += len(chunk)
            found.append(ArchivedFile(info.name, size, digest.hexdigest()))
    if found != list(expected):
        raise ArchiveError(f"Not a readable archive: {str(archive)!r} differs from what was written into it")


def unpack_tar_gz(
    archive: Path, dest: Path, *, only: str | None = None, stop: StopFlag | None = None
) -> list[Path]:
    """Extract the regular files of an archive of unknown origin into a directory.

    Links, devices, directories and sparse files are skipped. Files get mode 0600. Nothing is written outside `dest`,
    nothing is overwritten, and the free space of the file system is never used up.

    Args:
        archive: The archive.
        dest: An existing directory.
        only: Extract the top-level member of this name alone.
        stop: Ends the work early when set.

    Returns:
        The extracted files, in the order of the archive.

    Raises:
        ArchiveError: If the archive is truncated, damaged or foreign, holds a file twice, or does not fit on the disk.
        ValidationError: If a member's name leads out of `dest`.
        OSError: If a file cannot be written.
        Stopped: If `stop` was set meanwhile.
    """
    extracted: list[Path] = []
    with _open_archive(archive) as members:
        for info, content in members:
            path = validate_archive_member(info.name, dest)
            if content is None or (only is not None and path != dest.resolve() / only):
                continue
            if path in extracted:
                raise ArchiveError(f"Not a readable archive: {str(archive)!r} holds {info.name!r} twice")
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _extract(info, content, path, stop)
            extracted.append(path)
    return extracted


async def create_tar_gz(archive: Path, files: Sequence[Path]) -> list[ArchivedFile]:
    """Create an archive, mode 0600, of the given files under their own names; it must not exist yet.

    An archive that could not be finished is removed.

    Raises:
        FileExistsError: If `archive` exists.
        OSError: If a file cannot be read or the archive cannot be written.
    """

    def work(stop: StopFlag) -> list[ArchivedFile]:
        with os.fdopen(os.open(archive, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            try:
                return write_tar_gz(file, files, stop=stop)
            except BaseException:
                archive.unlink(missing_ok=True)
                raise

    return await run_in_thread(work)


async def extract_tar_gz(archive: Path, dest: Path) -> list[Path]:
    """Extract the regular files of an archive of unknown origin into a directory; see `unpack_tar_gz`."""
    return await run_in_thread(lambda stop: unpack_tar_gz(archive, dest, stop=stop))


def list_tar_gz_members(archive: Path) -> list[str]:
    """Return the names of all members, whatever their kind; the whole archive is read.

    Raises:
        ArchiveError: If it is truncated, damaged or foreign.
    """
    with _open_archive(archive) as members:
        return [info.name for info, _ in members]


def _usable_cores() -> int:
    # Not every system can tell how many of its cores this process may use.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _compress(block: bytes) -> bytes:
    return zlib.compress(block, _COMPRESSION_LEVEL, _GZIP_WBITS)


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
    # The GNU format holds sizes above 8 GiB in the header itself; other formats would need a further block.
    header = info.tobuf(tarfile.GNU_FORMAT)
    if len(header) != tarfile.BLOCKSIZE:
        raise ValueError(f"the name {name!r} is too long for a tar header")
    return header


def _blocks(source: IO[bytes], stop: StopFlag | None) -> Iterator[bytes]:
    while block := source.read(BLOCK_SIZE):
        if stop is not None:
            stop.check()
        yield block


def _extract(info: tarfile.TarInfo, content: IO[bytes], path: Path, stop: StopFlag | None) -> None:
    _require_space(info.size, info, path)
    written = 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        for chunk in _blocks(content, stop):
            _require_space(len(chunk), info, path)
            target.write(chunk)
            written += len(chunk)
    if written != info.size:
        raise ArchiveError(f"Not a readable archive: {info.name!r} ends after {written} of {info.size} bytes")


def _require_space(needed: int, info: tarfile.TarInfo, path: Path) -> None:
    free = shutil.disk_usage(path.parent).free
    if needed >= free:
        raise ArchiveError(
            f"Not enough disk space: {info.name!r} needs {info.size} bytes, {free} are free in {str(path.parent)!r}"
        )


class _CautiousGzip(gzip.GzipFile):
    """A gzip stream that does not fill the memory on behalf of a header's claim, and remembers what it gave last."""

    last_block = b""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0 or size > _MAX_HEADER_READ:
            raise ArchiveError(f"Not a readable archive: a header claims {size} bytes")
        self.last_block = super().read(size)
        return self.last_block


@contextlib.contextmanager
def _open_archive(archive: Path) -> Iterator[Iterator[_Member]]:
    """Open an archive for one pass over its members; plain regular files come with their content."""
    members = _iter_members(archive)
    try:
        yield members
    except ValidationError:
        raise
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, OverflowError, ValueError) as exc:
        # ValueError: a number or a text in an extended header that is none.
        raise ArchiveError(f"Not a readable archive: {str(archive)!r} ({exc})") from exc
    finally:
        members.close()


def _iter_members(archive: Path) -> Generator[_Member, None, None]:
    with _CautiousGzip(archive, "rb") as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
        for count, info in enumerate(tar):
            if count >= _MAX_MEMBERS:
                raise ArchiveError(f"Not a readable archive: {str(archive)!r} has more than {_MAX_MEMBERS} members")
            yield info, tar.extractfile(info) if info.isreg() and not info.issparse() else None
        # `tarfile` takes a cut or unreadable header for the end; only two blocks of zeros and nothing else are one.
        block = stream.last_block
        rest = 0
        while not any(block) and (chunk := stream.read(BLOCK_SIZE)):
            block = chunk
            rest += len(chunk)
        if any(block) or rest < tarfile.BLOCKSIZE:
            raise ArchiveError(f"Not a readable archive: {str(archive)!r} is cut off or damaged")
