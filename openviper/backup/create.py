"""A backup from start to finish: dump, archive, verify, publish, prune."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from openviper.backup.archive.writer import DEFAULT_LEVEL
from openviper.backup.background import run_in_thread
from openviper.backup.engines.base import LOCK_TIMEOUT, BackupEngine, Observer
from openviper.backup.engines.by_url import detect_engine_from_url
from openviper.backup.exceptions import BackupError, BackupExistsError
from openviper.backup.inventory import prune
from openviper.backup.media import list_media
from openviper.backup.names import (
    generate_backup_filename,
    parse_db_name_from_url,
    result_extension,
    sanitize_db_name,
    stamped,
    timestamp,
)
from openviper.backup.paths import (
    ValidationError,
    require_directory,
    validate_backup_name,
    validate_backup_path,
    validate_filename,
)
from openviper.backup.result import BackupResult, ResultWriter, is_taken, numbered
from openviper.backup.retention import Retention
from openviper.backup.workspace import Workspace
from openviper.utils.atomic_files import sync_directory

__all__ = ["BackupResult", "create_backup", "create_safety_copy"]

# A safety copy stands between the operator and the restore; it is quick rather than small.
_SAFETY_LEVEL = 1


async def create_backup(
    url: str,
    directory: str | os.PathLike[str],
    *,
    name: str | None = None,
    filename: str | None = None,
    compress: bool = True,
    overwrite: bool = False,
    level: int = DEFAULT_LEVEL,
    keep: int | Retention | None = None,
    work_path: str | os.PathLike[str] | None = None,
    media: str | os.PathLike[str] | None = None,
    lock_timeout: float = LOCK_TIMEOUT,
    observe: Observer | None = None,
) -> BackupResult:
    """Back up a database into a directory, verify the result and write its sidecar.

    The result gets its name only when it is complete and verified; a run that fails leaves nothing.

    Args:
        url: The database.
        directory: Where the result goes; created with mode 0700 when missing.
        name: What the result's name begins with, before the UTC time; the database's name when `None`.
        filename: The result's exact name, with or without its extension.
        compress: Whether to make a ``.tar.gz``; otherwise the dump itself is the result, named ``.sql``.
        overwrite: Replace a result of the given `filename`.
        level: Of compression, 1 to 9.
        keep: Afterwards delete the results of this database and this `name` that the rule does not keep; a number keeps so many,
            `None` keeps all.
        work_path: An existing directory for private files; that of the results when `None`.
        media: A directory of media files that go into the same archive.
        lock_timeout: How long a lock that somebody else holds is waited for, in seconds.
        observe: Told about the progress.

    Raises:
        UnsupportedSchemeError: If no engine serves the URL.
        ValidationError: If a directory, a name, or a number is not acceptable.
        BackupExistsError: If the result exists and `overwrite` is false.
        ToolNotFoundError: If a program that the engine needs is not installed.
        LockedError: If somebody holds a lock for too long; with SQLite `TargetBusyError`.
        BackupError: If the database cannot be copied, or the directory not be written.
        OSError: If the disk is full, or fails otherwise.
    """
    retention = Retention(last=keep) if isinstance(keep, int) else keep
    _check_options(name, filename, level, retention, compress or media is None)
    target = validate_backup_path(directory)
    engine = detect_engine_from_url(url)
    engine.check(url)
    media_files = None if media is None else list_media(validate_backup_path(media))
    with _directory(target), open_workspace(target) as workspace:
        names = _names(url, name, filename, compress)
        if filename is not None:
            final = target / validate_filename(filename, result_extension(compress=compress))
            _require_free(final, overwrite)
        with _work_directory(work_path, workspace) as work_dir:
            dump = await engine.open_dump(url, work_dir, lock_timeout=lock_timeout)
            writer = ResultWriter(
                engine,
                url,
                workspace,
                overwrite=overwrite and filename is not None,
                level=level,
                observe=observe,
                media=media_files,
            )
            result = await run_in_thread(lambda stop: writer.write(dump, names, stop))
    if not retention:
        return result
    removed = await run_in_thread(lambda _stop: prune(result.path, retention, name=name))
    return dataclasses.replace(result, removed=tuple(removed))


async def create_safety_copy(
    engine: BackupEngine,
    url: str,
    directory: Path,
    *,
    work_path: Path | None = None,
    lock_timeout: float = LOCK_TIMEOUT,
    observe: Observer | None = None,
) -> Path | None:
    """Save a restore's target, whatever its state, as ``<db name>_<stamp>_before_restore.tar.gz`` with a sidecar.

    Args:
        engine: The target's engine.
        url: The target.
        directory: Where the copy goes.
        work_path: A directory for private files; `directory` when `None`.
        lock_timeout: How long a lock that somebody else holds is waited for, in seconds.
        observe: Told about the progress.

    Returns:
        The copy, or `None` when the target is too damaged to be read.

    Raises:
        BackupError: If it cannot be copied, or the directory not be written.
        OSError: If the disk is full, or fails otherwise.
    """
    with open_workspace(directory) as workspace, _work_directory(work_path, workspace) as work_dir:
        dump = await engine.save(url, work_dir, lock_timeout=lock_timeout)
        if dump is None:
            return None
        name = f"{sanitize_db_name(parse_db_name_from_url(url))}_{timestamp()}_before_restore"
        names = numbered(name + ".tar.gz", ".tar.gz")
        writer = ResultWriter(engine, url, workspace, level=_SAFETY_LEVEL, observe=observe)
        result = await run_in_thread(lambda stop: writer.write(dump, names, stop))
        return result.path


@contextlib.contextmanager
def open_workspace(parent: Path) -> Iterator[Workspace]:
    """Open a private directory with room for unfinished results in a directory.

    Raises:
        BackupError: If the directory cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            workspace = stack.enter_context(Workspace(parent))
        except OSError as exc:
            raise BackupError(
                f"Cannot write into the directory {str(parent)!r}: {exc.strerror}"
            ) from exc
        yield workspace


@contextlib.contextmanager
def private_directory(parent: Path) -> Iterator[Path]:
    """Open a private directory in a directory, or among the system's temporary files where that cannot be written."""
    with contextlib.ExitStack() as stack:
        try:
            path = stack.enter_context(Workspace(parent)).path
        except OSError:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="openviper-work-")))
        yield path


@contextlib.contextmanager
def _work_directory(
    work_path: str | os.PathLike[str] | None, workspace: Workspace
) -> Iterator[Path]:
    if work_path is None:
        yield workspace.path
        return
    with open_workspace(require_directory(work_path, "The work path")) as other:
        yield other.path


def _names(url: str, name: str | None, filename: str | None, compress: bool) -> Iterator[str]:
    """Return the names that the result may get, the preferred one first."""
    extension = result_extension(compress=compress)
    if filename is not None:
        return iter([validate_filename(filename, extension)])
    if name is not None:
        return numbered(stamped(name, compress=compress), extension)
    database = parse_db_name_from_url(url)
    return numbered(generate_backup_filename(database, compress=compress), extension)


def _check_name(name: str, filename: str | None) -> None:
    validate_backup_name(name)
    if filename is not None:
        raise ValidationError("A name to begin with and an exact file name exclude each other")


def _check_options(
    name: str | None,
    filename: str | None,
    level: int,
    retention: Retention | None,
    has_room_for_media: bool,
) -> None:
    if name is not None:
        _check_name(name, filename)
    if not 1 <= level <= 9:
        raise ValidationError(f"Invalid compression level {level!r}: 1 to 9")
    if retention and filename is not None:
        raise ValidationError(
            "Keeping only some backups needs names with a time, so it does not go with --filename"
        )
    if not has_room_for_media:
        raise ValidationError("Media files need an archive, so they do not go with --no-compress")


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


def _require_free(final: Path, overwrite: bool) -> None:
    # Said before the database is copied, not after; the publishing itself decides.
    if not overwrite and is_taken(final):
        raise BackupExistsError(final)
    if overwrite and os.path.lexists(final) and not final.is_file():
        raise BackupError(f"Not a regular file, so not replaced: {str(final)!r}")
