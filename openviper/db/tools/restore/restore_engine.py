"""A restore from start to finish: verify, ask, save the target, apply."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from openviper.db.tools.background import StopFlag, run_in_thread
from openviper.db.tools.backup.backup_engine import create_safety_copy
from openviper.db.tools.backup.base import MEMBER_NAME, BackupEngine
from openviper.db.tools.backup.engines import detect_engine_from_url
from openviper.db.tools.compression.tar import unpack_tar_gz
from openviper.db.tools.exceptions import ArchiveError, BackupError, ChecksumError, RestoreRefusedError
from openviper.db.tools.utils.metadata import compute_checksum, read_metadata, sidecar_path
from openviper.db.tools.utils.validators import validate_backup_file
from openviper.db.tools.workspace import Workspace

__all__ = ["RestoreResult", "detect_engine_from_url", "restore_backup"]


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """A finished restore.

    Attributes:
        source: The backup file.
        safety_copy: The target as it was before, `None` when it was missing, empty or damaged.
        set_aside: Where a damaged target lies now.
        duration: In seconds, without the time spent on the question.
    """

    source: Path
    safety_copy: Path | None
    set_aside: Path | None
    duration: float


def _ignore(_: str) -> None:
    pass


async def restore_backup(
    backup_file: str | os.PathLike[str],
    database_url: str,
    *,
    force: bool = False,
    verify: bool = True,
    confirm: Callable[[str], bool] | None = None,
    warn: Callable[[str], None] = _ignore,
) -> RestoreResult:
    """Make a database hold what a backup holds, all of it or nothing.

    Everything is verified before the target is touched; a target that holds something is saved beside the backup
    file first.

    Args:
        backup_file: A ``.tar.gz`` archive, or the dump itself.
        database_url: The target.
        force: Replace a target that holds data without asking.
        verify: Refuse a file that differs from the checksum in its sidecar.
        confirm: Asked with a sentence about what will be lost; without it, such a target is refused.
        warn: Told about what is not as it should be but does not stop the restore.

    Raises:
        UnsupportedSchemeError: If no engine serves the URL.
        ValidationError: If the file is missing, unreadable, or its path not acceptable.
        ChecksumError: If the file differs from its sidecar.
        ArchiveError: If the archive is damaged or holds no ``backup.sql``.
        RestoreRefusedError: If the target holds data and nobody agreed to replace it.
        TargetBusyError: If the target stays locked.
        BackupError: If the backup is of another engine or damaged, or the target cannot be written.
        OSError: If the disk is full, or fails otherwise.
    """
    started = time.monotonic()
    file = validate_backup_file(backup_file)
    engine = detect_engine_from_url(database_url)
    parent = engine.work_parent(database_url)
    await run_in_thread(lambda stop: _check_sidecar(file, engine, verify, warn, stop))
    with contextlib.ExitStack() as stack:
        try:
            workspace = stack.enter_context(Workspace(parent))
        except OSError as exc:
            raise BackupError(f"Cannot write into the target's directory {str(parent)!r}: {exc.strerror}") from exc
        dump = await run_in_thread(lambda stop: _extract_dump(file, workspace.path, stop))
        prepared = await engine.prepare(dump, workspace.path)
        loss = await engine.loss(database_url)
        asked = time.monotonic()
        if loss is not None and not force:
            if confirm is None:
                raise RestoreRefusedError(f"Refusing to overwrite without --force: {loss}")
            if not confirm(loss):
                raise RestoreRefusedError(f"Restore cancelled: {loss} is unchanged")
        answered = time.monotonic()
        safety_copy = None
        if loss is not None:
            safety_copy = await create_safety_copy(engine, database_url, file.parent)
        set_aside = await engine.apply(prepared, database_url)
    return RestoreResult(file, safety_copy, set_aside, time.monotonic() - started - (answered - asked))


def _check_sidecar(
    file: Path, engine: BackupEngine, verify: bool, warn: Callable[[str], None], stop: StopFlag
) -> None:
    sidecar = sidecar_path(file)
    if not sidecar.exists():
        warn(f"no sidecar {sidecar.name!r}: the checksum of {file.name!r} is not verified")
        return
    try:
        meta = read_metadata(sidecar)
    except BackupError as exc:
        if verify:
            raise
        warn(f"{exc}; the checksum of {file.name!r} is not verified")
        return
    if meta["db_engine"] != engine.engine_name:
        raise BackupError(f"Backup was made from {meta['db_engine']}, the target is {engine.engine_name}")
    actual = compute_checksum(file, stop=stop)
    if actual == meta["checksum"]:
        return
    error = ChecksumError(file, expected=meta["checksum"], actual=actual)
    if verify:
        raise error
    warn(f"{error}")


def _extract_dump(file: Path, work_dir: Path, stop: StopFlag) -> Path:
    if not file.name.lower().endswith(".tar.gz"):
        return file
    extracted = unpack_tar_gz(file, work_dir, only=MEMBER_NAME, stop=stop)
    if not extracted:
        raise ArchiveError(f"No '{MEMBER_NAME}' member found in archive {str(file)!r}")
    return extracted[0]
