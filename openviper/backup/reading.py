"""Reading backup files with suspicion: the sidecar, the archive, and a check of both that touches nothing."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from openviper.backup.archive.reader import unpack_tar_gz
from openviper.backup.background import StopFlag, run_in_thread
from openviper.backup.engines.base import MEMBER_NAME, BackupEngine
from openviper.backup.engines.by_url import find_engine
from openviper.backup.engines.sqlite_copy import has_database_header
from openviper.backup.exceptions import ArchiveError, BackupError, ChecksumError
from openviper.backup.paths import validate_backup_file
from openviper.backup.sidecar import BackupMetadata, compute_checksum, read_metadata, sidecar_path
from openviper.backup.workspace import Workspace


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A backup file that could be restored.

    Attributes:
        path: The file.
        engine: The engine's name, `None` when neither a sidecar nor the content tells.
        content_size: Length of the dump, in bytes.
        has_sidecar: Whether the checksum was compared with one.
    """

    path: Path
    engine: str | None
    content_size: int
    has_sidecar: bool


async def check_backup(
    backup_file: str | os.PathLike[str], *, warn: Callable[[str], None] | None = None
) -> CheckResult:
    """Do everything a restore does before it touches its target, and no more.

    The dump is unpacked into a private directory beside the file, or among the system's temporary files if that place
    cannot be written, and removed again.

    Args:
        backup_file: A ``.tar.gz`` archive, or the dump itself.
        warn: Told about what is not as it should be but would not stop a restore.

    Raises:
        ValidationError: If the file is missing, unreadable, or its path not acceptable.
        ChecksumError: If the file differs from its sidecar.
        ArchiveError: If the archive is damaged or holds no ``backup.sql``.
        BackupError: If the dump in it is damaged, foreign, or does what a dump must not do.
        OSError: If the disk is full, or fails otherwise.
    """
    file = validate_backup_file(backup_file)
    meta = await run_in_thread(
        lambda stop: check_sidecar(file, None, True, warn or (lambda _: None), stop)
    )
    with _check_directory(file.parent) as work_dir:
        dump = await run_in_thread(lambda stop: extract_dump(file, work_dir, stop))
        size = dump.stat().st_size
        engine = find_engine(
            "sqlite" if has_database_header(dump) else "" if meta is None else meta["db_engine"]
        )
        if engine is not None:
            await engine.prepare(dump, work_dir)
    return CheckResult(file, None if engine is None else engine.engine_name, size, meta is not None)


def check_sidecar(
    file: Path,
    engine: BackupEngine | None,
    verify: bool,
    warn: Callable[[str], None],
    stop: StopFlag,
) -> BackupMetadata | None:
    """Compare a backup file with its sidecar, and return that; `None` if there is none to be trusted.

    Args:
        file: The backup file.
        engine: The target's engine, which the sidecar must name; any will do when `None`.
        verify: Whether a difference is an error rather than a warning.
        warn: Told about what is not as it should be.
        stop: Ends the work early when set.

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
    actual = compute_checksum(file, stop=stop)
    if actual != meta["checksum"]:
        error = ChecksumError(file, expected=meta["checksum"], actual=actual)
        if verify:
            raise error
        warn(f"{error}")
    return meta


def extract_dump(file: Path, work_dir: Path, stop: StopFlag) -> Path:
    """Return the dump of a backup file: unpacked into `work_dir`, or the file itself if it is no archive.

    Raises:
        ArchiveError: If the archive is damaged or holds no ``backup.sql``.
        OSError: If it cannot be written.
        Stopped: If `stop` was set meanwhile.
    """
    if not file.name.lower().endswith(".tar.gz"):
        return file
    extracted = unpack_tar_gz(file, work_dir, only=MEMBER_NAME, stop=stop)
    if not extracted:
        raise ArchiveError(f"No '{MEMBER_NAME}' member found in archive {str(file)!r}")
    return extracted[0]


@contextlib.contextmanager
def _check_directory(parent: Path) -> Iterator[Path]:
    with contextlib.ExitStack() as stack:
        try:
            path = stack.enter_context(Workspace(parent)).path
        except OSError:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="openviper-check-")))
        yield path
