"""The backups in a directory: what is there, in which state, and which may go."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from openviper.backup.exceptions import BackupError
from openviper.backup.names import sanitize_db_name
from openviper.backup.paths import validate_backup_path
from openviper.backup.retention import Retention
from openviper.backup.sidecar import (
    SIDECAR_EXTENSION,
    BackupMetadata,
    build_metadata,
    read_metadata,
    sidecar_path,
)
from openviper.utils.atomic_files import sync_directory

EXTENSIONS = (".tar.gz", ".sql")
_GENERATED = re.compile(
    r"(?P<name>.+)_(?P<stamp>\d{8}-\d{6})(?:-(?P<number>\d+))?(?:\.tar\.gz|\.sql)"
)


@dataclass(frozen=True, slots=True)
class BackupEntry:
    """A backup in a directory.

    Attributes:
        path: The file.
        made_at: When it was made, in UTC: by its sidecar, otherwise by the file system.
        size: Its length in bytes, `None` when only its sidecar is left.
        engine: By its sidecar, for example ``sqlite``.
        database_name: By its sidecar.
        state: ``complete`` (its length is the one in the sidecar), ``no sidecar``, ``unreadable sidecar``,
            ``wrong size`` or ``missing``.
    """

    path: Path
    made_at: datetime
    size: int | None
    engine: str | None
    database_name: str | None
    state: str


def list_backups(directory: str | Path) -> list[BackupEntry]:
    """Return the backups in a directory, the newest first; checksums are not computed.

    Raises:
        ValidationError: If the path is not acceptable or is no directory.
        BackupError: If there is no such directory.
        OSError: If it cannot be read.
    """
    path = validate_backup_path(directory)
    if not path.is_dir():
        raise BackupError(f"Backup directory not found: {str(path)!r}")
    names = {
        entry.name.removesuffix(SIDECAR_EXTENSION)
        for entry in path.iterdir()
        if not entry.name.startswith(".")
    }
    entries = [_entry(path / name) for name in sorted(names) if name.endswith(EXTENSIONS)]
    return sorted(entries, key=lambda entry: (entry.made_at, entry.path.name), reverse=True)


def prune(newest: Path, retention: Retention, *, name: str | None = None) -> list[Path]:
    """Delete the results of one database that a rule does not keep.

    A file is deleted only if it has a name with a time stamp, and a sidecar that belongs to it and says that it is a backup of
    the very same database. Safety copies, results with names of their own and damaged files are left alone.

    Args:
        newest: A verified result that has just been made; never deleted.
        retention: What remains, `newest` included.
        name: What their names begin with; the database's name when `None`.

    Returns:
        The deleted files, the oldest first.

    Raises:
        OSError: If a file cannot be deleted.
    """
    meta = read_metadata(sidecar_path(newest))
    removed = _not_kept(newest.parent, meta, retention, name, newest)
    for path in removed:
        # The sidecar goes last: a file without one could not be told from a foreign one by the next run.
        path.unlink()
        sidecar_path(path).unlink(missing_ok=True)
    if removed:
        sync_directory(newest.parent)
    return removed


def planned_removals(
    directory: str | Path,
    retention: Retention,
    *,
    database_name: str,
    engine: str,
    source: str,
    name: str | None = None,
) -> list[Path]:
    """Return what `prune` would delete after a backup made now, the oldest first; nothing is deleted.

    Args:
        directory: The directory of the results.
        retention: What remains.
        database_name: The database's name.
        engine: Its engine's name, for example ``sqlite``.
        source: Which database it is, as in the sidecars.
        name: What the names begin with; the database's name when `None`.

    Raises:
        ValidationError: If the path is not acceptable.
        OSError: If the directory cannot be read.
    """
    path = validate_backup_path(directory)
    if not path.is_dir():
        return []
    meta = build_metadata(
        database_name=database_name, db_engine=engine, filename="", checksum="", source=source
    )
    return _not_kept(path, meta, retention, name, None)


def _not_kept(
    directory: Path,
    ours: BackupMetadata,
    retention: Retention,
    name: str | None,
    newest: Path | None,
) -> list[Path]:
    prefix = name or sanitize_db_name(ours["database_name"])
    orders = _orders(directory, ours, prefix)
    paths = sorted(orders.keys() - {newest}, key=lambda path: orders[path], reverse=True)
    # The one made now comes first, whether it is there already or not.
    moments = [datetime.now(UTC), *(orders[path][0] for path in paths)]
    kept = retention.kept(moments)
    return [path for index, path in enumerate(paths, 1) if index not in kept][::-1]


def _orders(directory: Path, ours: BackupMetadata, prefix: str) -> dict[Path, tuple[datetime, int]]:
    """Return the results of a database that may be deleted, with where they stand in time."""
    orders: dict[Path, tuple[datetime, int]] = {}
    for path in directory.iterdir():
        order = _order(path, ours, prefix)
        if order is not None:
            orders[path] = order
    return orders


def _order(path: Path, ours: BackupMetadata, prefix: str) -> tuple[datetime, int] | None:
    """Return where a result stands in time, or `None` if it is not one of this database that may be deleted."""
    match = _GENERATED.fullmatch(path.name)
    if match is None or match["name"] != prefix or not path.is_file():
        return None
    with contextlib.suppress(BackupError, OSError, ValueError):
        if _is_of(path, ours):
            moment = datetime.strptime(match["stamp"], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
            return moment, int(match["number"] or 1)
    return None


def _is_of(path: Path, ours: BackupMetadata) -> bool:
    """Return whether a result's sidecar belongs to it, and says that it is of our database."""
    meta = read_metadata(sidecar_path(path))
    if meta.get("filename") != path.name or meta.get("size") != path.stat().st_size:
        return False
    return all(meta.get(key) == ours.get(key) for key in ("source", "db_engine", "database_name"))


def _entry(path: Path) -> BackupEntry:
    size = path.stat().st_size if path.is_file() else None
    made_at = datetime.fromtimestamp(
        (path if path.exists() else sidecar_path(path)).stat().st_mtime, UTC
    )
    sidecar = sidecar_path(path)
    if not sidecar.exists():
        return BackupEntry(path, made_at, size, None, None, "no sidecar")
    try:
        meta = read_metadata(sidecar)
    except BackupError:
        return BackupEntry(path, made_at, size, None, None, "unreadable sidecar")
    with contextlib.suppress(KeyError, TypeError, ValueError):
        made_at = datetime.fromisoformat(meta["timestamp"]).astimezone(UTC)
    if size is None:
        state = "missing"
    else:
        state = "complete" if meta.get("size", size) == size else "wrong size"
    return BackupEntry(
        path, made_at, size, meta["db_engine"], str(meta.get("database_name") or ""), state
    )
