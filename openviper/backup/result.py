"""Turning a dump into a verified result file with its sidecar."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from openviper.backup.archive.writer import DEFAULT_LEVEL, TarGzWriter
from openviper.backup.background import StopFlag
from openviper.backup.engines.base import MEMBER_NAME, BackupEngine, Dump, Observer
from openviper.backup.exceptions import BackupError, BackupExistsError
from openviper.backup.media import MediaFile
from openviper.backup.names import parse_db_name_from_url
from openviper.backup.sidecar import build_metadata, compute_checksum, sidecar_path, write_metadata
from openviper.backup.workspace import Workspace, publish


@dataclass(frozen=True, slots=True)
class BackupResult:
    """A finished backup.

    Attributes:
        path: The result file; its sidecar lies beside it.
        database_name: The name in the database URL.
        engine: The engine's name, for example ``sqlite``.
        checksum: Lower-case SHA-256 of the result file.
        size: Its length, in bytes.
        content_size: Length of the dump in it, in bytes.
        removed: Older results that were deleted.
        warnings: What is not as it should be in the database, in sentences.
        media_files: How many media files are in it; `None` without them.
    """

    path: Path
    database_name: str
    engine: str
    checksum: str
    size: int
    content_size: int
    removed: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()
    media_files: int | None = None


class ResultWriter:
    """Turns a dump into a result file with a sidecar beside a workspace.

    Args:
        engine: The engine of the dump.
        url: The database.
        workspace: Where unfinished files lie.
        overwrite: Whether a result of the same name is replaced.
        level: Of compression, 1 to 9.
        observe: Told about the progress.
        media: Media files that go into the same archive; `None` for none.
    """

    def __init__(
        self,
        engine: BackupEngine,
        url: str,
        workspace: Workspace,
        *,
        overwrite: bool = False,
        level: int = DEFAULT_LEVEL,
        observe: Observer | None = None,
        media: Sequence[MediaFile] | None = None,
    ) -> None:
        self._engine = engine
        self._url = url
        self._workspace = workspace
        self._overwrite = overwrite
        self._level = level
        self._observe = observe
        self._media = media
        self._warnings: list[str] = []

    def write(self, dump: Dump, names: Iterator[str], stop: StopFlag) -> BackupResult:
        """Write the result under the first of the names that is free, and close the dump.

        Raises:
            BackupExistsError: If none is.
            BackupError: If the dump fails, is damaged, or differs from what is read back.
            OSError: If the disk is full, or fails otherwise.
            Stopped: If `stop` was set meanwhile.
        """
        with contextlib.closing(dump):
            final, partial, file = self._open_partial(names)
            compress = final.name.endswith(".tar.gz")
            checked_dump = _CheckedBlocks(dump, self._observe, stop)
            checksum = self._fill(partial, file, checked_dump, compress, stop)
            self._warnings += [*dump.warnings(), *checked_dump.warnings]
        while True:
            result = BackupResult(
                path=final,
                database_name=parse_db_name_from_url(self._url),
                engine=self._engine.engine_name,
                checksum=checksum,
                size=partial.stat().st_size,
                content_size=checked_dump.done,
                warnings=tuple(self._warnings),
                media_files=None if self._media is None else len(self._media),
            )
            stop.check()
            try:
                self._publish(partial, self._write_sidecar(result), final)
                return result
            except FileExistsError:  # another run was faster
                final = self._next_free(names, final)

    def _open_partial(self, names: Iterator[str]) -> tuple[Path, Path, BinaryIO]:
        final = self._next_free(names, None)
        while True:
            try:
                return (final, *self._workspace.open_partial(final))
            except FileExistsError:
                final = self._next_free(names, final)

    def _next_free(self, names: Iterator[str], last: Path | None) -> Path:
        for name in names:
            final = self._workspace.parent / name
            if self._overwrite or not is_taken(final):
                return final
            last = final
        raise BackupExistsError(last or self._workspace.parent)

    def _fill(
        self, partial: Path, file: BinaryIO, dump: _CheckedBlocks, compress: bool, stop: StopFlag
    ) -> str:
        """Write, flush and read back the result; return its SHA-256."""
        if not compress:
            written = hashlib.sha256()
            with dump as blocks:
                for block in blocks:
                    written.update(block)
                    file.write(block)
            _settle(file)
            checksum = compute_checksum(partial, stop=stop)
            if checksum != written.hexdigest():
                raise BackupError("Not a readable result: what was read back differs from the dump")
            return checksum
        writer = TarGzWriter(file, level=self._level)
        with dump as blocks:
            writer.add(MEMBER_NAME, blocks)
        for media_file in self._media or ():
            self._add_media(writer, media_file, stop)
        writer.close()
        _settle(file)
        return writer.verify(stop=stop)

    def _add_media(self, writer: TarGzWriter, media_file: MediaFile, stop: StopFlag) -> None:
        try:
            writer.add(media_file.member, media_file.blocks(stop))
        except FileNotFoundError:
            # Its header is reserved, and holds the place of an empty file.
            self._warnings.append(f"the media file {str(media_file.path)!r} was deleted meanwhile")

    def _write_sidecar(self, result: BackupResult) -> Path:
        sidecar = self._workspace.path / "sidecar"
        write_metadata(
            build_metadata(
                database_name=result.database_name,
                db_engine=result.engine,
                filename=result.path.name,
                checksum=result.checksum,
                size=result.size,
                content=self._engine.content,
                source=self._engine.identify(self._url),
                warnings=result.warnings,
                media_files=result.media_files,
            ),
            sidecar,
        )
        return sidecar

    def _publish(self, partial: Path, sidecar: Path, final: Path) -> None:
        final_sidecar = sidecar_path(final)
        if self._overwrite:
            # A sidecar must never stand beside a file it does not describe.
            final_sidecar.unlink(missing_ok=True)
        publish(partial, final, overwrite=self._overwrite)
        try:
            publish(sidecar, final_sidecar, overwrite=True)
        except BaseException:
            final.unlink(missing_ok=True)
            raise


class _CheckedBlocks:
    """The blocks of a dump, whose content is vouched for on another thread while they are read."""

    def __init__(self, dump: Dump, observe: Observer | None, stop: StopFlag) -> None:
        self._dump = dump
        self._observe = observe
        self._stop = stop
        self.done = 0
        self.warnings: list[str] = []

    def __enter__(self) -> Iterator[bytes]:
        self._stop_check = StopFlag(self._stop)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="backup-check")
        self._checked = self._pool.submit(self._dump.check, self._stop_check)
        return self._blocks(self._checked)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: object
    ) -> None:
        if error is not None:
            self._stop_check.set()
        self._pool.shutdown(wait=True)
        if error is None:
            self.warnings = self._checked.result()

    def _blocks(self, checked: Future[list[str]]) -> Iterator[bytes]:
        for block in self._dump.blocks(self._stop):
            self.done += len(block)
            if self._observe is not None:
                self._observe(self.done, self._dump.size)
            yield block
            if checked.done():
                # What is damaged need not be read to the end.
                checked.result()


def numbered(name: str, extension: str) -> Iterator[str]:
    """Yield a file name, then the same with ``-2``, ``-3`` and so on before its extension."""
    yield name
    for number in itertools.count(2):
        yield f"{name.removesuffix(extension)}-{number}{extension}"


def is_taken(final: Path) -> bool:
    """Return whether a result or a sidecar of this name exists."""
    return os.path.lexists(final) or os.path.lexists(sidecar_path(final))


def _settle(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
    if hasattr(os, "posix_fadvise"):
        # What is read back comes from the disk, not from memory.
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
