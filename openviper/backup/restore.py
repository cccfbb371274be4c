"""A restore from start to finish: verify, ask, prove, save the target, apply."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from openviper.backup.background import Finished, outlast, run_in_thread
from openviper.backup.create import create_safety_copy, private_directory
from openviper.backup.engines.base import (
    DEFAULT_OPTIONS,
    BackupEngine,
    Observer,
    Prepared,
    RestoreOptions,
    ignore,
)
from openviper.backup.engines.by_url import detect_engine_from_url
from openviper.backup.exceptions import (
    BackupError,
    IncompleteTargetError,
    LockedError,
    RestoreRefusedError,
)
from openviper.backup.media import MediaRestore
from openviper.backup.paths import require_directory, validate_backup_file, validate_backup_path
from openviper.backup.reading import check_sidecar, extract_dump, with_trust
from openviper.backup.sidecar import BackupMetadata

__all__ = ["RestoreResult", "detect_engine_from_url", "restore_backup"]

StepObserver: TypeAlias = Callable[[str, int, int | None], None]
"""Told what is being done, how many bytes are done, and of how many where that is known; called from a thread."""


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """A finished restore.

    Attributes:
        source: The backup file.
        safety_copy: The target as it was before, `None` when it was missing, empty, damaged, or not to be saved.
        set_aside: Where a damaged target lies now.
        duration: In seconds, without the time spent on the question.
        media_files: How many media files were restored; `None` when that was not asked for.
        media_set_aside: Where the media files lie now that were there before.
    """

    source: Path
    safety_copy: Path | None
    set_aside: Path | None
    duration: float
    media_files: int | None = None
    media_set_aside: Path | None = None


async def restore_backup(
    backup_file: str | os.PathLike[str],
    database_url: str,
    *,
    force: bool = False,
    verify: bool = True,
    safety_backup: bool | None = None,
    confirm: Callable[[str], bool] | None = None,
    warn: Callable[[str], None] = ignore,
    options: RestoreOptions = DEFAULT_OPTIONS,
    work_path: str | os.PathLike[str] | None = None,
    safety_path: str | os.PathLike[str] | None = None,
    media: str | os.PathLike[str] | None = None,
    at_stake: Callable[[str], None] = ignore,
    observe: StepObserver | None = None,
) -> RestoreResult:
    """Make a database hold what a backup holds, all of it or nothing.

    Everything is verified, and proved as far as the engine can, before the target is touched. An SQLite or MariaDB target that
    holds something is saved first. When the caller is cancelled, the target keeps or gets back its old content, and the
    `CancelledError` says so.

    Args:
        backup_file: A ``.tar.gz`` archive, or the dump itself.
        database_url: The target.
        force: Replace a target that holds data without asking.
        verify: Refuse a file that differs from the checksum in its sidecar.
        safety_backup: Whether the target is saved first; `None` leaves that to the engine.
        confirm: Asked with a sentence about what will be lost; without it, such a target is refused.
        warn: Told about what is not as it should be but does not stop the restore.
        options: What the restore may do; its `warn` and `observe` are set from the other arguments.
        work_path: An existing directory for private files.
        safety_path: An existing directory for the safety copy; that of the file when `None`.
        media: The directory of the media files, which are restored too.
        at_stake: Told what would be lost if the process were killed from now on.
        observe: Told about the progress.

    Raises:
        UnsupportedSchemeError: If no engine serves the URL.
        ValidationError: If the file is missing, unreadable, or a path not acceptable.
        ChecksumError: If the file differs from its sidecar.
        ArchiveError: If the archive is damaged or holds no ``backup.sql``.
        RestoreRefusedError: If the target holds data and nobody agreed to replace it, or the target could not be put back.
        ToolNotFoundError: If a program that the engine needs is not installed.
        LockedError: If somebody holds a lock for too long; with SQLite `TargetBusyError`.
        IncompleteTargetError: If a restore failed that cannot be taken back.
        BackupError: If the backup is of another engine or damaged, or the target cannot be written or would not take it.
        OSError: If the disk is full, or fails otherwise.
    """
    started = time.monotonic()
    file = validate_backup_file(backup_file)
    engine = detect_engine_from_url(database_url)
    engine.check_target(database_url)
    steps = _Steps(observe)
    parent = engine.work_parent(database_url, file)
    if work_path is not None:
        parent = require_directory(work_path, "The work path")
    meta = await run_in_thread(
        lambda stop: check_sidecar(file, engine, verify, warn, stop, steps.of("Verifying"))
    )
    options = replace(with_trust(options, warn, meta), observe=steps.of("Loading"))
    with contextlib.ExitStack() as stack:
        work_dir = stack.enter_context(private_directory(parent))
        dump = await run_in_thread(
            lambda stop: extract_dump(file, work_dir, stop, steps.of("Unpacking"))
        )
        prepared = await engine.prepare(dump, work_dir, options)
        loss = await engine.loss(database_url, work_dir, lock_timeout=options.lock_timeout)
        prepared = await engine.prove(prepared, database_url, work_dir, options)
        restored_media = _open_media(stack, file, media, meta)
        asked = time.monotonic()
        if loss is not None and not force:
            _require_consent(loss, confirm)
        answered = time.monotonic()
        media_files = None
        if restored_media is not None:
            media_files = await run_in_thread(restored_media.unpack)
        job = _Restore(engine, database_url, work_dir, options, at_stake)
        if loss is not None:
            await job.secure(prepared, safety_backup, file, safety_path, steps.of("Saving"))
        set_aside = await job.apply(prepared)
        media_set_aside = None
        if restored_media is not None:
            media_set_aside = restored_media.put_in_place()
    duration = time.monotonic() - started - (answered - asked)
    return RestoreResult(file, job.safety_copy, set_aside, duration, media_files, media_set_aside)


class _Steps:
    """Makes an observer for each step of a restore."""

    def __init__(self, observe: StepObserver | None) -> None:
        self._observe = observe

    def of(self, step: str) -> Observer | None:
        return None if self._observe is None else partial(self._observe, step)


class _Restore:
    """The steps of a restore that change something.

    Attributes:
        safety_copy: The target as it was before, if it was saved.
    """

    def __init__(
        self,
        engine: BackupEngine,
        url: str,
        work_dir: Path,
        options: RestoreOptions,
        at_stake: Callable[[str], None],
    ) -> None:
        self.safety_copy: Path | None = None
        self._engine = engine
        self._url = url
        self._work_dir = work_dir
        self._options = options
        self._at_stake = at_stake
        self._before: Prepared | None = None

    async def secure(
        self,
        prepared: Prepared,
        safety_backup: bool | None,
        file: Path,
        safety_path: str | os.PathLike[str] | None,
        observe: Observer | None,
    ) -> None:
        """Save a target that holds something, where that is asked for or usual.

        Raises:
            RestoreRefusedError: If it is not to be saved, and a failed restore could not be taken back.
            BackupError: If it cannot be saved.
        """
        saves = self._engine.always_saves if safety_backup is None else safety_backup
        if saves:
            await self.save(_safety_place(file, safety_path), prepared, observe)
        elif not prepared.rolls_back:
            self.require_agreement(safety_backup)

    async def save(self, place: Path, prepared: Prepared, observe: Observer | None) -> None:
        """Save the target, and prove that it will take its old content back where that may be needed.

        Raises:
            BackupError: If it cannot be saved, or would not take it back.
        """
        self.safety_copy = await create_safety_copy(
            self._engine,
            self._url,
            place,
            lock_timeout=self._options.lock_timeout,
            observe=observe,
        )
        copy = self.safety_copy
        if prepared.rolls_back or copy is None:
            return
        again = self._work_dir / "before"
        again.mkdir(mode=0o700)
        dump = await run_in_thread(lambda stop: extract_dump(copy, again, stop))
        # It is the target's own content, so whatever it names is named there already.
        options = replace(self._options, trust_dump=True, verified=True, warn=ignore)
        before = await self._engine.prepare(dump, again, options)
        self._before = await self._engine.prove(before, self._url, again, options)

    def require_agreement(self, safety_backup: bool | None) -> None:
        """Refuse to go without a safety copy where a failed restore could not be taken back.

        Raises:
            RestoreRefusedError: If it was told not to make one.
        """
        if safety_backup is False and self._engine.always_saves:
            raise RestoreRefusedError(
                "Refusing to restore without a safety backup: here a failed restore cannot be taken back without it (the user "
                "may not create a database beside the target)"
            )

    async def apply(self, prepared: Prepared) -> Path | None:
        """Replace the content of the target.

        Raises:
            IncompleteTargetError: If that fails and cannot be taken back; the message says what the target holds.
            BackupError: If it fails, and the target is as it was.
            CancelledError: If the caller was cancelled; its text says what the target holds.
        """
        if not prepared.rolls_back:
            self._at_stake(self._stake())
        try:
            return await self._engine.apply(prepared, self._url, self._work_dir, self._options)
        except (BackupError, OSError) as exc:
            if prepared.rolls_back or (isinstance(exc, LockedError) and exc.untouched):
                raise
            outcome = await self._put_back()
            raise IncompleteTargetError(f"{exc}; {outcome}") from exc
        except Finished:
            raise asyncio.CancelledError("the restore was complete already") from None
        except asyncio.CancelledError:
            if prepared.rolls_back:
                raise asyncio.CancelledError("the target is unchanged") from None
            raise asyncio.CancelledError(await self._put_back()) from None

    def _stake(self) -> str:
        copy = (
            "" if self.safety_copy is None else f" (its safety copy is {str(self.safety_copy)!r})"
        )
        return (
            f"the old content is being put back; to end now would leave the target incomplete{copy}"
        )

    async def _put_back(self) -> str:
        """Bring back what the target held before; return a sentence about what it holds now."""
        if self.safety_copy is None or self._before is None:
            return "there is no safety backup to put back, so the target is incomplete: restore it again"
        again = self._work_dir / "before"
        options = replace(self._options, observe=None)
        # Whoever cancels us again does not keep us from it.
        running = asyncio.ensure_future(self._engine.apply(self._before, self._url, again, options))
        await outlast(running)
        error = None if running.cancelled() else running.exception()
        if error is None and not running.cancelled():
            return f"the old content was put back from {str(self.safety_copy)!r}"
        return (
            f"the target is incomplete, and putting its old content back failed ({error}): "
            f"restore {str(self.safety_copy)!r}"
        )


def _open_media(
    stack: contextlib.ExitStack,
    file: Path,
    media: str | os.PathLike[str] | None,
    meta: BackupMetadata | None,
) -> MediaRestore | None:
    if media is None:
        return None
    if not file.name.lower().endswith(".tar.gz") or (
        meta is not None and "media_files" not in meta
    ):
        raise BackupError(f"the backup {file.name!r} holds no media files")
    return stack.enter_context(MediaRestore(file, validate_backup_path(media)))


def _safety_place(file: Path, safety_path: str | os.PathLike[str] | None) -> Path:
    if safety_path is not None:
        return require_directory(safety_path, "The safety path")
    if not os.access(file.parent, os.W_OK | os.X_OK):
        raise BackupError(
            f"Cannot write into the directory {str(file.parent)!r}, where the safety copy would go: name another one with "
            "--safety-path, or go without with --no-safety-backup"
        )
    return file.parent


def _require_consent(loss: str, confirm: Callable[[str], bool] | None) -> None:
    if confirm is None:
        raise RestoreRefusedError(f"Refusing to overwrite without --force: {loss}")
    if not confirm(loss):
        raise RestoreRefusedError(f"Restore cancelled: {loss} is unchanged")
