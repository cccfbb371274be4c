"""A backup from start to finish: dump, archive, verify, publish."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from openviper.db.tools.background import StopFlag, run_in_thread
from openviper.db.tools.backup.base import BackupEngine
from openviper.db.tools.backup.engines import detect_engine_from_url
from openviper.db.tools.compression.tar import verify_tar_gz, write_tar_gz
from openviper.db.tools.exceptions import BackupError, BackupExistsError
from openviper.db.tools.utils.filename import (
    generate_backup_filename,
    parse_db_name_from_url,
    result_extension,
    sanitize_db_name,
    timestamp,
)
from openviper.db.tools.utils.metadata import build_metadata, compute_checksum, sidecar_path, write_metadata
from openviper.db.tools.utils.validators import validate_backup_name, validate_backup_path
from openviper.db.tools.workspace import Workspace, publish
from openviper.utils.files import sync_directory


@dataclass(frozen=True, slots=True)
class BackupResult:
    """A finished backup.

    Attributes:
        path: The result file; its sidecar lies beside it.
        database_name: The name in the database URL.
        engine: The engine's name, for example ``sqlite``.
        checksum: Lower-case SHA-256 of the result file.
        size: Its length, in bytes.
    """

    path: Path
    database_name: str
    engine: str
    checksum: str
    size: int


async def create_backup(
    url: str,
    directory: str | os.PathLike[str],
    *,
    name: str | None = None,
    compress: bool = True,
    overwrite: bool = False,
) -> BackupResult:
    """Back up a database into a directory, verify the result and write its sidecar.

    The result gets its name only when it is complete and verified; a run that fails leaves nothing.

    Args:
        url: The database.
        directory: Where the result goes; created with mode 0700 when missing.
        name: The result's name without extension; made of the database's name and the UTC time when `None`.
        compress: Whether to make a ``.tar.gz``; otherwise the dump itself is the result, named ``.sql``.
        overwrite: Replace a result of the given `name`.

    Raises:
        UnsupportedSchemeError: If no engine serves the URL.
        ValidationError: If the directory or the name is not acceptable.
        BackupExistsError: If the result exists and `overwrite` is false.
        BackupError: If the database cannot be copied, or the directory not be written.
        OSError: If the disk is full, or fails otherwise.
    """
    target = validate_backup_path(directory)
    if name is not None:
        validate_backup_name(name)
    engine = detect_engine_from_url(url)
    engine.check(url)
    with _directory(target), _workspace(target) as workspace:
        extension = result_extension(compress=compress)
        if name is None:
            names = _numbered(generate_backup_filename(parse_db_name_from_url(url), compress=compress), extension)
        else:
            names = iter([name + extension])
            _require_free(target / (name + extension), overwrite)
        dump = await engine.dump(url, workspace.path)
        writer = _ResultWriter(engine, url, workspace, overwrite=overwrite and name is not None)
        return await run_in_thread(lambda stop: writer.write(dump, names, stop))


async def create_safety_copy(engine: BackupEngine, url: str, directory: Path) -> Path | None:
    """Save a restore's target, whatever its state, as ``<db name>_<stamp>_before_restore.tar.gz`` with a sidecar.

    Returns:
        The copy, or `None` when the target is too damaged to be read.

    Raises:
        BackupError: If it cannot be copied, or the directory not be written.
        OSError: If the disk is full, or fails otherwise.
    """
    with _workspace(directory) as workspace:
        dump = await engine.save(url, workspace.path)
        if dump is None:
            return None
        name = f"{sanitize_db_name(parse_db_name_from_url(url))}_{timestamp()}_before_restore"
        names = _numbered(name + ".tar.gz", ".tar.gz")
        writer = _ResultWriter(engine, url, workspace, overwrite=False)
        result = await run_in_thread(lambda stop: writer.write(dump, names, stop))
        return result.path


class _ResultWriter:
    """Turns a dump in a workspace into a result file with a sidecar beside the workspace."""

    def __init__(self, engine: BackupEngine, url: str, workspace: Workspace, *, overwrite: bool) -> None:
        self._engine = engine
        self._url = url
        self._workspace = workspace
        self._overwrite = overwrite

    def write(self, dump: Path, names: Iterable[str], stop: StopFlag) -> BackupResult:
        """Write the result under the first of the names that is free."""
        for name in names:
            final = self._workspace.parent / name
            if not self._overwrite and _is_taken(final):
                continue
            try:
                return self._write(dump, final, stop)
            except FileExistsError:  # another run was faster
                continue
        raise BackupExistsError(final)

    def _write(self, dump: Path, final: Path, stop: StopFlag) -> BackupResult:
        partial = self._write_partial(dump, final, stop)
        checksum = compute_checksum(partial, stop=stop)
        result = BackupResult(
            path=final,
            database_name=parse_db_name_from_url(self._url),
            engine=self._engine.engine_name,
            checksum=checksum,
            size=partial.stat().st_size,
        )
        sidecar = self._workspace.path / "sidecar"
        write_metadata(
            build_metadata(
                database_name=result.database_name,
                db_engine=result.engine,
                filename=final.name,
                checksum=checksum,
                size=result.size,
                content=self._engine.content,
            ),
            sidecar,
        )
        stop.check()
        self._publish(partial, sidecar, final)
        return result

    def _write_partial(self, dump: Path, final: Path, stop: StopFlag) -> Path:
        compress = final.name.endswith(".tar.gz")
        partial, file = self._workspace.open_partial(final)
        if compress:
            entries = write_tar_gz(file, [dump], stop=stop)
        else:
            with open(dump, "rb") as source:
                while chunk := source.read(1 << 20):
                    stop.check()
                    file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):
            # What is read back comes from the disk, not from memory.
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if compress:
            verify_tar_gz(partial, entries, stop=stop)
        elif compute_checksum(partial, stop=stop) != compute_checksum(dump, stop=stop):
            raise BackupError(f"Not a readable result: {str(partial)!r} differs from the dump")
        return partial

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


@contextlib.contextmanager
def _directory(path: Path) -> Iterator[None]:
    """Create a directory, and remove it again when the run fails and nothing is in it."""
    created = not path.exists()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise BackupError(f"Cannot create the directory {str(path)!r}: {exc.strerror}") from exc
    try:
        if created:
            sync_directory(path.parent)
        yield
    except BaseException:
        if created:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


@contextlib.contextmanager
def _workspace(parent: Path) -> Iterator[Workspace]:
    with contextlib.ExitStack() as stack:
        try:
            workspace = stack.enter_context(Workspace(parent))
        except OSError as exc:
            raise BackupError(f"Cannot write into the directory {str(parent)!r}: {exc.strerror}") from exc
        yield workspace


def _numbered(name: str, extension: str) -> Iterator[str]:
    yield name
    for number in itertools.count(2):
        yield f"{name.removesuffix(extension)}-{number}{extension}"


def _is_taken(final: Path) -> bool:
    return os.path.lexists(final) or os.path.lexists(sidecar_path(final))


def _require_free(final: Path, overwrite: bool) -> None:
    # Said before the database is copied, not after; the publishing itself decides.
    if not overwrite and _is_taken(final):
        raise BackupExistsError(final)
    if overwrite and os.path.lexists(final) and not final.is_file():
        raise BackupError(f"Not a regular file, so not replaced: {str(final)!r}")
