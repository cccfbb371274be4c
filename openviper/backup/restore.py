"""A restore from start to finish: verify, ask, save the target, apply."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from openviper.backup.background import run_in_thread
from openviper.backup.create import create_safety_copy
from openviper.backup.engines.base import BackupEngine
from openviper.backup.engines.by_url import detect_engine_from_url
from openviper.backup.exceptions import BackupError, IncompleteTargetError, RestoreRefusedError
from openviper.backup.paths import validate_backup_file
from openviper.backup.reading import check_sidecar, extract_dump
from openviper.backup.workspace import Workspace

__all__ = ["RestoreResult", "detect_engine_from_url", "restore_backup"]


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """A finished restore.

    Attributes:
        source: The backup file.
        safety_copy: The target as it was before, `None` when it was missing, empty, damaged, or not to be saved.
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
    safety_backup: bool = False,
    confirm: Callable[[str], bool] | None = None,
    warn: Callable[[str], None] = _ignore,
) -> RestoreResult:
    """Make a database hold what a backup holds, all of it or nothing.

    Everything is verified before the target is touched. An SQLite or MariaDB target that holds something is saved
    beside the backup file first; a MariaDB target gets that content back when the restore fails.

    Args:
        backup_file: A ``.tar.gz`` archive, or the dump itself.
        database_url: The target.
        force: Replace a target that holds data without asking.
        verify: Refuse a file that differs from the checksum in its sidecar.
        safety_backup: Save the target first, also where the engine takes a failed restore back by itself.
        confirm: Asked with a sentence about what will be lost; without it, such a target is refused.
        warn: Told about what is not as it should be but does not stop the restore.

    Raises:
        UnsupportedSchemeError: If no engine serves the URL.
        ValidationError: If the file is missing, unreadable, or its path not acceptable.
        ChecksumError: If the file differs from its sidecar.
        ArchiveError: If the archive is damaged or holds no ``backup.sql``.
        RestoreRefusedError: If the target holds data and nobody agreed to replace it.
        ToolNotFoundError: If a program that the engine needs is not installed.
        TargetBusyError: If the target stays locked.
        IncompleteTargetError: If a restore failed that cannot be taken back.
        BackupError: If the backup is of another engine or damaged, or the target cannot be written.
        OSError: If the disk is full, or fails otherwise.
    """
    started = time.monotonic()
    file = validate_backup_file(backup_file)
    engine = detect_engine_from_url(database_url)
    engine.check_target(database_url)
    parent = engine.work_parent(database_url, file)
    await run_in_thread(lambda stop: check_sidecar(file, engine, verify, warn, stop))
    with contextlib.ExitStack() as stack:
        try:
            workspace = stack.enter_context(Workspace(parent))
        except OSError as exc:
            raise BackupError(
                f"Cannot write into the directory {str(parent)!r}: {exc.strerror}"
            ) from exc
        dump = await run_in_thread(lambda stop: extract_dump(file, workspace.path, stop))
        prepared = await engine.prepare(dump, workspace.path)
        loss = await engine.loss(database_url, workspace.path)
        asked = time.monotonic()
        if loss is not None and not force:
            _require_consent(loss, confirm)
        answered = time.monotonic()
        safety_copy = None
        if loss is not None and (engine.always_saves or safety_backup):
            safety_copy = await create_safety_copy(engine, database_url, file.parent)
        set_aside = await _apply(engine, prepared, database_url, workspace.path, safety_copy)
    return RestoreResult(
        file, safety_copy, set_aside, time.monotonic() - started - (answered - asked)
    )


def _require_consent(loss: str, confirm: Callable[[str], bool] | None) -> None:
    if confirm is None:
        raise RestoreRefusedError(f"Refusing to overwrite without --force: {loss}")
    if not confirm(loss):
        raise RestoreRefusedError(f"Restore cancelled: {loss} is unchanged")


async def _apply(
    engine: BackupEngine, prepared: Path, url: str, work_dir: Path, safety_copy: Path | None
) -> Path | None:
    try:
        return await engine.apply(prepared, url, work_dir)
    except (BackupError, OSError) as exc:
        if engine.rolls_back:
            raise
        outcome = await _put_back(engine, url, work_dir, safety_copy)
        raise IncompleteTargetError(f"{exc}; {outcome}") from exc
    except asyncio.CancelledError:
        if not engine.rolls_back:
            # Ctrl-C: the cancellation was delivered, so this can still be waited for.
            await _put_back(engine, url, work_dir, safety_copy)
        raise


async def _put_back(
    engine: BackupEngine, url: str, work_dir: Path, safety_copy: Path | None
) -> str:
    """Bring back what the target held before; return a sentence about what it holds now."""
    if safety_copy is None:
        return (
            "there is no safety backup to put back, so the target is incomplete: restore it again"
        )
    try:
        again = work_dir / "before"
        again.mkdir(mode=0o700)
        dump = await run_in_thread(lambda stop: extract_dump(safety_copy, again, stop))
        await engine.apply(dump, url, again)
    except (BackupError, OSError) as exc:
        return f"the target is incomplete, and putting its old content back failed ({exc}): restore {str(safety_copy)!r}"
    return f"the old content was put back from {str(safety_copy)!r}"
