"""Archives in `.tar.gz` form, read with suspicion: whoever made them, nothing is written outside their directory."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import itertools
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, TypeAlias

from openviper.backup.archive.writer import BLOCK_SIZE, ArchivedFile, TarGzWriter
from openviper.backup.background import StopFlag, run_in_thread
from openviper.backup.exceptions import ArchiveError
from openviper.backup.paths import ValidationError, validate_archive_member

# `tarfile` reads extended headers into memory as a whole; no honest one comes near this.
_MAX_HEADER_READ = 1 << 20
# As many media files as anybody keeps; whoever claims more wants us to be busy.
_MAX_MEMBERS = 5_000_000

_Member: TypeAlias = tuple[tarfile.TarInfo, IO[bytes] | None]


def write_tar_gz(
    file: BinaryIO, files: Sequence[Path], *, stop: StopFlag | None = None
) -> list[ArchivedFile]:
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


def verify_tar_gz(
    archive: Path, expected: Sequence[ArchivedFile], *, stop: StopFlag | None = None
) -> None:
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
        raise ArchiveError(
            f"Not a readable archive: {str(archive)!r} differs from what was written into it"
        )


def unpack_tar_gz(
    archive: Path,
    dest: Path,
    *,
    only: str | None = None,
    below: str | None = None,
    stop: StopFlag | None = None,
    observe: Callable[[int, int | None], None] | None = None,
) -> list[Path]:
    """Extract the regular files of an archive of unknown origin into a directory.

    Links, devices, directories and sparse files are skipped. Files get mode 0600. Nothing is written outside `dest`,
    nothing is overwritten, and the free space of the file system is never used up.

    Args:
        archive: The archive.
        dest: An existing directory.
        only: Extract the top-level member of this name alone.
        below: Extract what lies in this top-level directory of the archive alone.
        stop: Ends the work early when set.
        observe: Told how many bytes of the archive are read, and of how many.

    Returns:
        The extracted files, in the order of the archive.

    Raises:
        ArchiveError: If the archive is truncated, damaged or foreign, holds a file twice, or does not fit on the disk.
        ValidationError: If a member's name leads out of `dest`.
        OSError: If a file cannot be written.
        Stopped: If `stop` was set meanwhile.
    """
    extracted: dict[Path, None] = {}
    root = dest.resolve()
    with _open_archive(archive, observe) as members:
        for info, content in members:
            path = validate_archive_member(info.name, dest)
            if content is None or not _is_wanted(path, root, only, below):
                continue
            if path in extracted:
                raise ArchiveError(
                    f"Not a readable archive: {str(archive)!r} holds {info.name!r} twice"
                )
            _make_parent(path, archive)
            _extract(info, content, path, stop)
            extracted[path] = None
    return list(extracted)


def _is_wanted(path: Path, root: Path, only: str | None, below: str | None) -> bool:
    if only is not None:
        return path == root / only
    return below is None or root / below in path.parents


def _make_parent(path: Path, archive: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as exc:
        raise ArchiveError(
            f"Not a readable archive: {str(archive)!r} holds a file where it needs a directory: {path.name!r}"
        ) from exc


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
        raise ArchiveError(
            f"Not a readable archive: {info.name!r} ends after {written} of {info.size} bytes"
        )


def _require_space(needed: int, info: tarfile.TarInfo, path: Path) -> None:
    free = shutil.disk_usage(path.parent).free
    if needed >= free:
        raise ArchiveError(
            f"Not enough disk space: {info.name!r} needs {info.size} bytes, {free} are free in {str(path.parent)!r}"
        )


class _CautiousGzip(gzip.GzipFile):
    """A gzip stream that does not fill the memory on behalf of a header's claim, and remembers what it gave last."""

    last_block = b""
    tell_progress: Callable[[], None] | None = None
    header_rest: int | None = _MAX_HEADER_READ
    """How many bytes of headers may still be read; `None` while content is read."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0 or size > _MAX_HEADER_READ:
            raise ArchiveError(f"Not a readable archive: a header claims {size} bytes")
        self.last_block = super().read(size)
        self._count_header()
        if self.tell_progress is not None:
            self.tell_progress()
        return self.last_block

    def _count_header(self) -> None:
        # Newer Pythons read a large header in pieces, each of which is small enough.
        if self.header_rest is None:
            return
        self.header_rest -= len(self.last_block)
        if self.header_rest < 0:
            raise ArchiveError(
                f"Not a readable archive: a header claims more than {_MAX_HEADER_READ} bytes"
            )


@contextlib.contextmanager
def _open_archive(
    archive: Path, observe: Callable[[int, int | None], None] | None = None
) -> Iterator[Iterator[_Member]]:
    """Open an archive for one pass over its members; plain regular files come with their content."""
    members = _iter_members(archive, observe)
    try:
        yield members
    except ValidationError:
        raise
    except (
        tarfile.TarError,
        EOFError,
        zlib.error,
        gzip.BadGzipFile,
        OverflowError,
        ValueError,
    ) as exc:
        # ValueError: a number or a text in an extended header that is none.
        raise ArchiveError(f"Not a readable archive: {str(archive)!r} ({exc})") from exc
    finally:
        members.close()


def _iter_members(
    archive: Path, observe: Callable[[int, int | None], None] | None = None
) -> Generator[_Member, None, None]:
    with (
        open(archive, "rb") as file,
        _CautiousGzip(fileobj=file, mode="rb") as stream,
        tarfile.open(fileobj=stream, mode="r:") as tar,
    ):
        if observe is not None:
            stream.tell_progress = partial(_tell, observe, file)
        for count in itertools.count(1):
            info = tar.next()  # The first one was read when the archive was opened.
            stream.header_rest = None
            if info is None:
                break
            if count > _MAX_MEMBERS:
                raise ArchiveError(
                    f"Not a readable archive: {str(archive)!r} has more than {_MAX_MEMBERS} members"
                )
            is_plain = info.isreg() and not info.issparse()
            yield info, tar.extractfile(info) if is_plain else None
            # `tarfile` would keep every header it has seen.
            tar.members.clear()  # type: ignore[attr-defined]  # not in the stubs
            stream.header_rest = _MAX_HEADER_READ
        _require_end(stream, archive)


def _tell(observe: Callable[[int, int | None], None], file: IO[bytes]) -> None:
    observe(file.tell(), os.fstat(file.fileno()).st_size)


def _require_end(stream: _CautiousGzip, archive: Path) -> None:
    # `tarfile` takes a cut or unreadable header for the end; only two blocks of zeros and nothing else are one.
    block = stream.last_block
    rest = 0
    while not any(block) and (chunk := stream.read(BLOCK_SIZE)):
        block = chunk
        rest += len(chunk)
    if any(block) or rest < tarfile.BLOCKSIZE:
        raise ArchiveError(f"Not a readable archive: {str(archive)!r} is cut off or damaged")
