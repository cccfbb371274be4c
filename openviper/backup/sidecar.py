"""The sidecar: what a backup file is and which checksum it must have."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NotRequired, TypedDict, cast

from openviper.backup.background import StopFlag
from openviper.backup.exceptions import BackupError
from openviper.utils.atomic_files import atomic_write
from openviper.version import VERSION

SIDECAR_EXTENSION = ".meta.json"
# A sidecar is well below 1 KiB; more than this is some other file.
_MAX_SIDECAR_SIZE = 1 << 20
_CHUNK_SIZE = 1 << 20


class BackupMetadata(TypedDict):
    """The content of a sidecar.

    `timestamp` is ISO 8601 in UTC, `checksum` the lower-case SHA-256 of the result file, `size` its length in bytes,
    `content` one of ``sql``, ``sqlite-file``, ``oracle-dump``, ``mssql-bak``, `source` the database's URL without
    password and parameters, `warnings` what was not as it should be in the database, `media_files` the number of media files.
    """

    database_name: str
    db_engine: str
    timestamp: str
    filename: str
    openviper_version: str
    checksum: str
    size: NotRequired[int]
    content: NotRequired[str]
    source: NotRequired[str]
    warnings: NotRequired[list[str]]
    media_files: NotRequired[int]


def sidecar_path(backup_file: Path) -> Path:
    """Return where the sidecar of a backup file lies."""
    return backup_file.with_name(backup_file.name + SIDECAR_EXTENSION)


def compute_checksum(
    path: Path,
    *,
    stop: StopFlag | None = None,
    observe: Callable[[int, int | None], None] | None = None,
) -> str:
    """Return the lower-case SHA-256 of a file; it is read in pieces, of which `observe` is told.

    Raises:
        OSError: If the file cannot be read.
        Stopped: If `stop` was set meanwhile.
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while chunk := file.read(_CHUNK_SIZE):
            if stop is not None:
                stop.check()
            digest.update(chunk)
            if observe is not None:
                observe(file.tell(), size)
    return digest.hexdigest()


def build_metadata(
    *,
    database_name: str,
    db_engine: str,
    filename: str,
    checksum: str,
    size: int | None = None,
    content: str | None = None,
    source: str | None = None,
    warnings: Sequence[str] = (),
    media_files: int | None = None,
) -> BackupMetadata:
    """Return the sidecar's content for a finished result file, stamped with the present time and our version.

    Args:
        database_name: The name in the database URL.
        db_engine: The engine's name, for example ``sqlite``.
        filename: The result file's name, without directories.
        checksum: Its lower-case SHA-256.
        size: Its length, in bytes.
        content: What the dump is, for example ``sqlite-file``.
        source: Which database it is of, without a password.
        warnings: What was not as it should be.
        media_files: How many media files are in it; `None` without them.
    """
    meta: BackupMetadata = {
        "database_name": database_name,
        "db_engine": db_engine,
        "timestamp": datetime.now(UTC).isoformat(timespec="microseconds"),
        "filename": filename,
        "openviper_version": VERSION,
        "checksum": checksum,
    }
    if size is not None:
        meta["size"] = size
    if content is not None:
        meta["content"] = content
    if source is not None:
        meta["source"] = source
    if warnings:
        meta["warnings"] = list(warnings)
    if media_files is not None:
        meta["media_files"] = media_files
    return meta


def write_metadata(meta: BackupMetadata, path: Path) -> None:
    """Write a sidecar, readable by its owner only; a reader sees all of it or nothing.

    Raises:
        OSError: If it cannot be written.
    """
    with atomic_write(path, mode=0o600) as file:
        file.write(json.dumps(meta, indent=2).encode() + b"\n")


def read_metadata(path: Path) -> BackupMetadata:
    """Read a sidecar.

    `size` and `content` may be missing; other keys are kept as they are.

    Raises:
        BackupError: If it is not a sidecar.
        OSError: If it cannot be read.
    """
    try:
        meta = json.loads(_read_regular(path))
    except (ValueError, RecursionError) as exc:
        raise BackupError(f"Not a readable sidecar: {str(path)!r} is not JSON ({exc})") from exc
    if not isinstance(meta, dict):
        raise BackupError(f"Not a readable sidecar: {str(path)!r} is not a JSON object")
    for key in ("db_engine", "checksum"):
        if not isinstance(meta.get(key), str):
            raise BackupError(f"Not a readable sidecar: {str(path)!r} has no text {key!r}")
    return cast(BackupMetadata, meta)


def _read_regular(path: Path) -> bytes:
    # Without blocking: a pipe of this name would make us wait for somebody to write into it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise BackupError(f"Not a readable sidecar: {str(path)!r} is not a regular file")
        if info.st_size > _MAX_SIDECAR_SIZE:
            raise BackupError(f"Not a readable sidecar: {str(path)!r} is too large")
        return file.read(_MAX_SIDECAR_SIZE)
