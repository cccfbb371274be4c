"""Reading backup files with suspicion: the sidecar, the archive, and a check of both that touches nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from openviper.backup.archive.reader import unpack_tar_gz
from openviper.backup.background import StopFlag, run_in_thread
from openviper.backup.create import private_directory
from openviper.backup.engines.base import (
    DEFAULT_OPTIONS,
    MEMBER_NAME,
    BackupEngine,
    Observer,
    Prepared,
    RestoreOptions,
    ignore,
)
from openviper.backup.engines.by_url import detect_engine_from_url, find_engine
from openviper.backup.engines.foreign import refuse_foreign
from openviper.backup.engines.sqlite_copy import has_database_header
from openviper.backup.exceptions import (
    ArchiveError,
    BackupError,
    ChecksumError,
    ToolFailedError,
    ToolNotFoundError,
)
from openviper.backup.paths import require_directory, validate_backup_file
from openviper.backup.sidecar import BackupMetadata, compute_checksum, read_metadata, sidecar_path
from openviper.db.exceptions import DatabaseConfigurationError


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A backup file that can be read, and perhaps restored.

    Attributes:
        path: The file.
        engine: The engine's name, `None` when nothing tells.
        content_size: Length of the dump, in bytes.
        has_sidecar: Whether the checksum was compared with one.
        proved: Whether the target was asked, and will take it.
        unproved_because: Why the target was not asked, in words; `None` when it was.
    """

    path: Path
    engine: str | None
    content_size: int
    has_sidecar: bool
    proved: bool = False
    unproved_because: str | None = None


async def check_backup(
    backup_file: str | os.PathLike[str],
    *,
    url: str | None = None,
    warn: Callable[[str], None] | None = None,
    options: RestoreOptions = DEFAULT_OPTIONS,
    work_path: str | os.PathLike[str] | None = None,
) -> CheckResult:
    """Do everything a restore does before it touches its target, and no more.

    The dump is unpacked into a private directory beside the file, or among the system's temporary files if that place
    cannot be written, and removed again.

    Args:
        backup_file: A ``.tar.gz`` archive, or the dump itself.
        url: The target, which is asked whether it will take the dump; nothing in it is changed.
        warn: Told about what is not as it should be but would not stop a restore.
        options: What the restore would be allowed.
        work_path: An existing directory for private files; that of the file when `None`.

    Raises:
        ValidationError: If the file is missing, unreadable, or its path not acceptable.
        ChecksumError: If the file differs from its sidecar.
        ArchiveError: If the archive is damaged or holds no ``backup.sql``.
        BackupError: If the dump in it is damaged, foreign, does what a dump must not do, or the target would not take it.
        OSError: If the disk is full, or fails otherwise.
    """
    file = validate_backup_file(backup_file)
    tell = warn or ignore
    meta = await run_in_thread(lambda stop: check_sidecar(file, None, True, tell, stop))
    options = with_trust(options, tell, meta)
    parent = file.parent if work_path is None else require_directory(work_path, "The work path")
    with private_directory(parent) as work_dir:
        dump = await run_in_thread(lambda stop: extract_dump(file, work_dir, stop))
        size = dump.stat().st_size
        engine = _engine_of(dump, meta, url)
        if engine is None:
            await run_in_thread(lambda _stop: refuse_foreign(dump))
            reason = "neither a sidecar nor the content tells its engine"
            return CheckResult(file, None, size, meta is not None, False, reason)
        prepared = await engine.prepare(dump, work_dir, options)
        unproved = await _ask_target(engine, prepared, url, work_dir, options)
    return CheckResult(file, engine.engine_name, size, meta is not None, unproved is None, unproved)


def with_trust(
    options: RestoreOptions, warn: Callable[[str], None], meta: BackupMetadata | None
) -> RestoreOptions:
    """Return the options of a restore of a file whose sidecar has been looked at."""
    return RestoreOptions(
        lock_timeout=options.lock_timeout,
        skip_definers=options.skip_definers,
        trust_dump=options.trust_dump,
        verified=meta is not None,
        warn=warn,
        observe=options.observe,
    )


def _engine_of(dump: Path, meta: BackupMetadata | None, url: str | None) -> BackupEngine | None:
    if has_database_header(dump):
        return find_engine("sqlite")
    if meta is not None:
        return find_engine(meta["db_engine"])
    return None if url is None else detect_engine_from_url(url)


async def _ask_target(
    engine: BackupEngine,
    prepared: Prepared,
    url: str | None,
    work_dir: Path,
    options: RestoreOptions,
) -> str | None:
    """Have the target prove that it takes a dump; return why it could not be asked, `None` if it was."""
    if url is None:
        return "no target is given"
    try:
        target = detect_engine_from_url(url)
        if target.engine_name != engine.engine_name:
            return f"the target is {target.engine_name}"
        engine.check_target(url)
        await engine.loss(url, work_dir, lock_timeout=options.lock_timeout)
    except (ToolNotFoundError, ToolFailedError, DatabaseConfigurationError) as exc:
        return f"the target does not answer: {exc}"
    await engine.prove(prepared, url, work_dir, options)
    return None


def check_sidecar(
    file: Path,
    engine: BackupEngine | None,
    verify: bool,
    warn: Callable[[str], None],
    stop: StopFlag,
    observe: Observer | None = None,
) -> BackupMetadata | None:
    """Compare a backup file with its sidecar, and return that; `None` if there is none to be trusted.

    Args:
        file: The backup file.
        engine: The target's engine, which the sidecar must name; any will do when `None`.
        verify: Whether a difference is an error rather than a warning.
        warn: Told about what is not as it should be.
        stop: Ends the work early when set.
        observe: Told how much of the file is read.

    Raises:
        ChecksumError: If the checksum differs.
        BackupError: If the sidecar is unreadable or names another engine.
        Stopped: If `stop` was set meanwhile.
    """
    sidecar = sidecar_path(file)
    if not sidecar.exists():
        warn(f"no sidecar {sidecar.name!r}: the checksum of {file.name!r} is not verified")
        return None
    try:
        meta = read_metadata(sidecar)
    except BackupError as exc:
        if verify:
            raise
        warn(f"{exc}; the checksum of {file.name!r} is not verified")
        return None
    if engine is not None and meta["db_engine"] != engine.engine_name:
        raise BackupError(
            f"Backup was made from {meta['db_engine']}, the target is {engine.engine_name}"
        )
    actual = compute_checksum(file, stop=stop, observe=observe)
    if actual == meta["checksum"]:
        return meta
    error = ChecksumError(file, expected=meta["checksum"], actual=actual)
    if verify:
        raise error
    warn(f"{error}")
    return None


def extract_dump(
    file: Path, work_dir: Path, stop: StopFlag, observe: Observer | None = None
) -> Path:
    """Return the dump of a backup file: unpacked into `work_dir`, or the file itself if it is no archive.

    Raises:
        ArchiveError: If the archive is damaged or holds no ``backup.sql``.
        OSError: If it cannot be written.
        Stopped: If `stop` was set meanwhile.
    """
    if not file.name.lower().endswith(".tar.gz"):
        return file
    extracted = unpack_tar_gz(file, work_dir, only=MEMBER_NAME, stop=stop, observe=observe)
    if not extracted:
        raise ArchiveError(f"No '{MEMBER_NAME}' member found in archive {str(file)!r}")
    return extracted[0]
