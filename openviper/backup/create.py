"""A backup from start to finish: dump, archive, verify, publish, prune."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from openviper.backup.archive.writer import DEFAULT_LEVEL
from openviper.backup.background import run_in_thread
from openviper.backup.engines.base import BackupEngine
from openviper.backup.engines.by_url import detect_engine_from_url
from openviper.backup.exceptions import BackupError, BackupExistsError
from openviper.backup.inventory import prune
from openviper.backup.names import (
    generate_backup_filename,
    parse_db_name_from_url,
    result_extension,
    sanitize_db_name,
    timestamp,
)
from openviper.backup.paths import ValidationError, validate_backup_name, validate_backup_path
from openviper.backup.result import BackupResult, Observer, ResultWriter, is_taken, numbered
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
    compress: bool = True,
    overwrite: bool = False,
    level: int = DEFAULT_LEVEL,
    keep: int | None = None,
    observe: Observer | None = None,
) -> BackupResult:
    """Back up a database into a directory, verify the result and write its sidecar.

    The result gets its name only when it is complete and verified; a run that fails leaves nothing.

    Args:
        url: The database.
        directory: Where the result goes; created with mode 0700 when missing.
        name: The result's name without extension; made of the database's name and the UTC time when `None`.
        compress: Whether to make a ``.tar.gz``; otherwise the dump itself is the result, named ``.sql``.
        overwrite: Replace a result of the given `name`.
        level: Of compression, 1 to 9.
        keep: Afterwards delete all but so many of the results of this database with made-up names; `None` keeps all.
        observe: Told about the progress.

    Raises:
        UnsupportedSchemeError: If no engine serves the URL.
        ValidationError: If the directory, the name, or a number is not acceptable.
        BackupExistsError: If the result exists and `overwrite` is false.
        ToolNotFoundError: If a program that the engine needs is not installed.
        BackupError: If the database cannot be copied, or the directory not be written.
        OSError: If the disk is full, or fails otherwise.
    """
    _check_options(name, level, keep)
    target = validate_backup_path(directory)
    engine = detect_engine_from_url(url)
    engine.check(url)
    with _directory(target), _workspace(target) as workspace:
        extension = result_extension(compress=compress)
        if name is None:
            names = numbered(
                generate_backup_filename(parse_db_name_from_url(url), compress=compress), extension
            )
        else:
            names = iter([name + extension])
            _require_free(target / (name + extension), overwrite)
        dump = await engine.open_dump(url, workspace.path)
        writer = ResultWriter(
            engine,
            url,
            workspace,
            overwrite=overwrite and name is not None,
            level=level,
            observe=observe,
        )
        result = await run_in_thread(lambda stop: writer.write(dump, names, stop))
    if keep is None:
        return result
    return dataclasses.replace(
        result, removed=tuple(await run_in_thread(lambda _stop: prune(result.path, keep)))
    )


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
        names = numbered(name + ".tar.gz", ".tar.gz")
        writer = ResultWriter(engine, url, workspace, level=_SAFETY_LEVEL)
        result = await run_in_thread(lambda stop: writer.write(dump, names, stop))
        return result.path


def _check_options(name: str | None, level: int, keep: int | None) -> None:
    if name is not None:
        validate_backup_name(name)
    if not 1 <= level <= 9:
        raise ValidationError(f"Invalid compression level {level!r}: 1 to 9")
    if keep is not None and keep < 1:
        raise ValidationError(f"Invalid number of backups to keep {keep!r}: at least 1")
    if keep is not None and name is not None:
        raise ValidationError(
            "A number of backups to keep needs made-up names, so it does not go with --name"
        )


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
            raise BackupError(
                f"Cannot write into the directory {str(parent)!r}: {exc.strerror}"
            ) from exc
        yield workspace


def _require_free(final: Path, overwrite: bool) -> None:
    # Said before the database is copied, not after; the publishing itself decides.
    if not overwrite and is_taken(final):
        raise BackupExistsError(final)
    if overwrite and os.path.lexists(final) and not final.is_file():
        raise BackupError(f"Not a regular file, so not replaced: {str(final)!r}")
