"""Putting a checked SQLite file in the place of a target that others may have open."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from openviper.backup.background import StopFlag
from openviper.backup.engines.base import Observer, RestoreOptions
from openviper.backup.engines.sqlite_check import needs_application
from openviper.backup.engines.sqlite_copy import (
    BUSY_TIMEOUT,
    StepMonitor,
    open_private,
    primary_code,
    translated_errors,
)
from openviper.backup.exceptions import BackupError
from openviper.backup.names import timestamp
from openviper.utils.atomic_files import atomic_write, sync_directory

_PAGES_PER_STEP = 1024
_SIDE_FILES = ("-wal", "-shm", "-journal")
_DAMAGE_CODES = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def describe_content(target: Path, lock_timeout: float = BUSY_TIMEOUT) -> str | None:
    """Say what a target holds, for the question before it is replaced; `None` when it is missing or holds no table.

    Raises:
        BackupError: If it cannot be opened.
        TargetBusyError: If it stays locked.
    """
    if not target.exists():
        return None
    size = target.stat().st_size
    what = f"cannot open the target database {str(target)!r}"
    with translated_errors(what, target, None, lock_timeout):
        try:
            with contextlib.closing(_open_target(target, lock_timeout)) as connection:
                tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        except sqlite3.DatabaseError as exc:
            if primary_code(exc) not in _DAMAGE_CODES:
                raise
            return f"the file {str(target)!r} ({size} bytes, not a readable database)"
    return f"the database {str(target)!r} ({size} bytes)" if tables else None


def is_damaged(target: Path, lock_timeout: float = BUSY_TIMEOUT) -> bool:
    """Return whether a file cannot be opened as a database any more.

    Raises:
        BackupError: If it cannot be opened for another reason.
        TargetBusyError: If it stays locked.
    """
    what = f"cannot open the target database {str(target)!r}"
    with translated_errors(what, target, None, lock_timeout):
        try:
            _open_target(target, lock_timeout).close()
        except sqlite3.DatabaseError as exc:
            if primary_code(exc) in _DAMAGE_CODES:
                return True
            raise
    return False


def prove_target(prepared: Path, target: Path, options: RestoreOptions, stop: StopFlag) -> None:
    """Prove that a target will take a prepared file; the target's content is only read.

    Raises:
        TargetBusyError: If it stays locked.
        BackupError: If it cannot be written, or would need a page size that the dump cannot get.
    """
    _require_writable(target)
    if not target.exists() or is_damaged(target, options.lock_timeout):
        return
    what = f"cannot write the target database {str(target)!r}"
    with translated_errors(what, target, stop, options.lock_timeout):
        with contextlib.closing(_open_target(target, options.lock_timeout)) as connection:
            connection.execute(f"PRAGMA busy_timeout={int(options.lock_timeout * 1000)}")
            # Takes the lock that the restore will take, and gives it back.
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            page_size = int(connection.execute("PRAGMA page_size").fetchone()[0])
            encoding = connection.execute("PRAGMA encoding").fetchone()[0]
    _require_page_size(prepared, page_size, stop)
    with open_private(prepared, stop) as source:
        if source.execute("PRAGMA encoding").fetchone()[0] != encoding:
            options.warn(
                f"the text encoding changes from {encoding}: connections that are open now fail afterwards and have to be opened "
                "again"
            )


def apply_database(
    prepared: Path, target: Path, options: RestoreOptions, stop: StopFlag
) -> Path | None:
    """Make a target hold exactly what a prepared private file holds, all of it or nothing.

    A database is written through SQLite in one transaction: readers keep their snapshot until it commits, open
    connections see the new content afterwards, a crash rolls back. What is missing or cannot be opened as a database
    is replaced by rename, with its old side files out of the way: SQLite would replay a stale WAL or journal into
    the new file.

    Returns:
        Where a damaged target was set aside, if it was.

    Raises:
        TargetBusyError: If the target stays locked; it is unchanged.
        BackupError: If it cannot be written; it is unchanged.
        Stopped: If `stop` was set in time; the target is unchanged.
    """
    if not target.exists() or is_damaged(target, options.lock_timeout):
        return _replace(prepared, target)
    what = f"cannot write the target database {str(target)!r}"
    with translated_errors(what, target, stop, options.lock_timeout):
        with contextlib.closing(_open_target(target, options.lock_timeout)) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            # The monitor does the long waiting, so that a stop is noticed.
            connection.execute("PRAGMA busy_timeout=100")
            page_size = int(connection.execute("PRAGMA page_size").fetchone()[0])
            prepared = _with_page_size(prepared, page_size, stop)
            monitor = StepMonitor(
                target,
                stop,
                lock_timeout=options.lock_timeout,
                observe=_in_bytes(options.observe, page_size),
            )
            with contextlib.closing(sqlite3.connect(prepared, isolation_level=None)) as source:
                source.backup(connection, pages=_PAGES_PER_STEP, progress=monitor, sleep=0.02)
    return None


def _in_bytes(observe: Observer | None, page_size: int) -> Callable[[int, int], None] | None:
    if observe is None:
        return None
    return lambda done, total: observe(done * page_size, total * page_size)


def _require_writable(target: Path) -> None:
    # SQLite keeps its journal beside the file.
    places = [target.parent, target] if target.exists() else [target.parent]
    for place in places:
        if not os.access(place, os.W_OK):
            raise BackupError(
                f"cannot write the target database {str(target)!r}: {str(place)!r} is read-only here"
            )


def _require_page_size(prepared: Path, page_size: int, stop: StopFlag) -> None:
    with open_private(prepared, stop) as connection:
        if connection.execute("PRAGMA page_size").fetchone()[0] == page_size:
            return
        missing = needs_application(connection)
    if missing is not None:
        raise BackupError(
            f"the target has pages of {page_size} bytes, and the backup can only be given the same with {missing!r}, which only "
            "its application has: restore into a new file, and put that in the target's place"
        )


def _open_target(target: Path, timeout: float = BUSY_TIMEOUT) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{target.as_uri()}?mode=rw", uri=True, timeout=timeout, isolation_level=None
    )
    try:
        # Reads the header and the schema, and rolls back or replays what a dead writer left.
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _with_page_size(prepared: Path, page_size: int, stop: StopFlag) -> Path:
    """Return a file of the same content with the given page size: a database in WAL mode cannot change its own."""
    with open_private(prepared, stop) as connection:
        if connection.execute("PRAGMA page_size").fetchone()[0] == page_size:
            return prepared
        rebuilt = prepared.with_name(f"{prepared.name}.{page_size}")
        connection.execute(f"PRAGMA page_size={page_size:d}")
        connection.execute("VACUUM INTO ?", (str(rebuilt),))
    os.chmod(rebuilt, 0o600)
    return rebuilt


def _replace(prepared: Path, target: Path) -> Path | None:
    aside = target.with_name(f"{target.name}.damaged-{timestamp()}")
    counter = 2
    while any(aside.with_name(aside.name + suffix).exists() for suffix in ("", *_SIDE_FILES)):
        aside = target.with_name(f"{target.name}.damaged-{timestamp()}-{counter}")
        counter += 1
    with open(prepared, "rb+") as file:
        if target.exists():
            _adopt_owner(file.fileno(), target)
        os.fsync(file.fileno())
    for suffix in _SIDE_FILES:
        with contextlib.suppress(FileNotFoundError):
            os.rename(target.with_name(target.name + suffix), aside.with_name(aside.name + suffix))
    set_aside = target.exists()
    if set_aside:
        try:
            # A link keeps a file under the target's name at every moment.
            os.link(target, aside)
        except OSError:
            shutil.copy2(target, aside)
    _move(prepared, target)
    sync_directory(target.parent)
    return aside if set_aside else None


def _move(prepared: Path, target: Path) -> None:
    """Give a file its name in one step, from another file system too."""
    try:
        os.replace(prepared, target)
    except OSError as exc:
        if exc.errno != errno.EXDEV:
            raise
        with atomic_write(target, mode=prepared.stat().st_mode & 0o777) as file:
            with open(prepared, "rb") as source:
                shutil.copyfileobj(source, file, 1 << 20)


def _adopt_owner(descriptor: int, target: Path) -> None:
    info = target.stat()
    os.fchmod(descriptor, info.st_mode & 0o777)
    # Only root may give files away; anybody else restores a file of his own.
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, info.st_uid, info.st_gid)
