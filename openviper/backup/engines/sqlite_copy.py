"""Making private, self-contained, checked SQLite files out of live databases and SQL texts."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from openviper.backup.background import StopFlag
from openviper.backup.engines.base import LOCK_TIMEOUT
from openviper.backup.engines.sqlite_check import check_integrity
from openviper.backup.exceptions import BackupError, TargetBusyError
from openviper.utils.private_files import create_private

BUSY_TIMEOUT = LOCK_TIMEOUT
"""How long a lock held by another connection is waited for by default, in seconds."""

# 4 MiB at the usual page size: short enough that a stop is noticed at once.
_PAGES_PER_STEP = 1024
# A copy of a database without WAL starts over when somebody writes; after this many the writers have to wait.
_MAX_RESTARTS = 3
_HEADER = b"SQLite format 3\x00"
_INSTRUCTIONS_PER_CHECK = 20_000
_NEEDS_WRITING = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
# What is replayed into a file, or rolled back out of it, by whoever opens it next.
_REPLAYED = ("-wal", "-journal")
_BUSY_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class _Restarted(Exception):
    """Writers made the copy start over too often."""


class StepMonitor:
    """Watches the steps of an online backup: stops it, and bounds its wait for a lock.

    Python's `backup` waits for a busy database for ever; only an exception out of its progress callback ends it.
    """

    def __init__(
        self,
        locked: Path,
        stop: StopFlag,
        *,
        max_restarts: int | None = None,
        lock_timeout: float = BUSY_TIMEOUT,
        observe: Callable[[int, int], None] | None = None,
    ) -> None:
        self._locked = locked
        self._lock_timeout = lock_timeout
        self._observe = observe
        self._stop = stop
        self._restarts_left = max_restarts
        self._least_remaining: int | None = None
        self._busy_since: float | None = None

    def __call__(self, status: int, remaining: int, total: int) -> None:
        self._stop.check()
        if status in _BUSY_CODES:
            now = time.monotonic()
            self._busy_since = self._busy_since or now
            if now - self._busy_since >= self._lock_timeout:
                raise TargetBusyError(self._locked, self._lock_timeout)
            return
        if self._observe is not None:
            self._observe(total - remaining, total)
        self._busy_since = None
        if (
            self._restarts_left is not None
            and self._least_remaining is not None
            and remaining > self._least_remaining
        ):
            self._restarts_left -= 1
            if self._restarts_left < 0:
                raise _Restarted
        self._least_remaining = remaining


def has_database_header(path: Path) -> bool:
    """Return whether a file starts like an SQLite database."""
    with open(path, "rb") as file:
        return file.read(len(_HEADER)) == _HEADER


def copy_database(
    source: Path, copy: Path, stop: StopFlag, *, lock_timeout: float = BUSY_TIMEOUT
) -> None:
    """Copy a database that others may be writing into a new self-contained file, mode 0600, without WAL.

    Raises:
        BackupError: If the source is not a readable database.
        TargetBusyError: If it stays locked.
        Stopped: If `stop` was set meanwhile.
    """
    what = f"cannot copy the database {str(source)!r} into {str(copy.parent)!r}"
    with translated_errors(what, source, None, lock_timeout):
        with _open_source(source, copy.parent) as reader:
            if _one_row(reader, "PRAGMA journal_mode") == "wal":
                # An open read transaction pins the snapshot and blocks nobody.
                _copy_pinned(reader, source, copy, stop, lock_timeout)
                return
            monitor = StepMonitor(
                source, stop, max_restarts=_MAX_RESTARTS, lock_timeout=lock_timeout
            )
            try:
                _copy_pages(reader, copy, monitor)
            except _Restarted:
                _copy_pinned(reader, source, copy, stop, lock_timeout)


def require_integrity(path: Path, what: str, stop: StopFlag) -> list[str]:
    """Make a private database self-contained and check every page of it; return what is unusual, in sentences.

    Args:
        path: A database file in a private directory.
        what: What it is, for the message.
        stop: Ends the check early when set.

    Raises:
        BackupError: If it is damaged or not a database.
        Stopped: If `stop` was set meanwhile.
    """
    make_self_contained(path, what, stop)
    return check_pages(path, what, stop)


def make_self_contained(path: Path, what: str, stop: StopFlag) -> None:
    """Take a private database out of WAL mode: a copy of a WAL database says in its header that it needs a WAL.

    Raises:
        BackupError: If it is damaged or not a database.
    """
    with (
        translated_errors(f"{what} is damaged", path, stop),
        open_private(path, stop) as connection,
    ):
        connection.execute("PRAGMA journal_mode=DELETE")


def check_pages(path: Path, what: str, stop: StopFlag) -> list[str]:
    """Check every page of a private, self-contained database; it is only read.

    Returns:
        What is unusual, in sentences, although nothing is damaged.

    Raises:
        BackupError: If it is damaged or not a database.
        Stopped: If `stop` was set meanwhile.
    """
    with (
        translated_errors(f"{what} is damaged", path, stop),
        open_private(path, stop) as connection,
    ):
        return check_integrity(connection, what, stop)


@contextlib.contextmanager
def open_private(path: Path, stop: StopFlag) -> Iterator[sqlite3.Connection]:
    """Open a database only we know, of content we do not trust, so that statements end when `stop` is set."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.set_progress_handler(stop.is_set, _INSTRUCTIONS_PER_CHECK)
        yield connection


@contextlib.contextmanager
def translated_errors(
    what: str, path: Path, stop: StopFlag | None = None, lock_timeout: float = BUSY_TIMEOUT
) -> Iterator[None]:
    """Turn SQLite's errors into ours.

    Raises:
        TargetBusyError: If the database at `path` is locked.
        BackupError: For every other error of SQLite, beginning with `what`.
        Stopped: If the error comes from `stop`.
    """
    try:
        yield
    except sqlite3.Error as exc:
        if stop is not None:
            stop.check()
        if primary_code(exc) in _BUSY_CODES:
            raise TargetBusyError(path, lock_timeout) from exc
        raise BackupError(f"{what}: {exc}") from exc


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code of an error, or 0 for an error of the Python module itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


@contextlib.contextmanager
def _open_source(path: Path, work_dir: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for reading.

    One whose last writer died is rolled back first, which needs write access; where we have none, a private copy of the file
    with what lies beside it is rolled back instead.
    """
    connection = _try_open(path, "ro") or _try_open(path, "rw")
    if connection is not None:
        with contextlib.closing(connection):
            yield connection
        return
    with contextlib.ExitStack() as stack:
        still = _copy_still(path, work_dir)
        stack.callback(_remove_with_side_files, still)
        connection = _try_open(still, "rw")
        if connection is None:
            raise BackupError(f"the database {str(path)!r} cannot be opened for reading")
        with contextlib.closing(connection):
            yield connection


def _try_open(path: Path, mode: str) -> sqlite3.Connection | None:
    """Return a connection, or `None` if the file cannot be opened without writing to it or its directory."""
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT, isolation_level=None
    )
    try:
        connection.execute("PRAGMA query_only=ON")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return connection
    except sqlite3.OperationalError as exc:
        connection.close()
        if primary_code(exc) not in _NEEDS_WRITING:
            raise
        return None
    except BaseException:
        connection.close()
        raise


def _copy_still(path: Path, work_dir: Path) -> Path:
    """Copy a database that nobody writes, file by file, with its log or journal.

    Raises:
        BackupError: If somebody wrote meanwhile.
    """
    still = work_dir / "still.sqlite3"
    before = _states(path)
    for suffix in ("", *_REPLAYED):
        source = path.with_name(path.name + suffix)
        if source.exists():
            copy = still.with_name(still.name + suffix)
            create_private(copy)
            shutil.copyfile(source, copy)
    if _states(path) != before:
        raise BackupError(
            f"the database {str(path)!r} is being written, and cannot be read without writing beside it: back it up as a user "
            "who may write into its directory"
        )
    return still


def _states(path: Path) -> list[tuple[int, int] | None]:
    states: list[tuple[int, int] | None] = []
    for suffix in ("", *_REPLAYED):
        try:
            info = path.with_name(path.name + suffix).stat()
        except FileNotFoundError:
            states.append(None)
        else:
            states.append((info.st_size, info.st_mtime_ns))
    return states


def _remove_with_side_files(path: Path) -> None:
    for suffix in ("", "-shm", *_REPLAYED):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _copy_pinned(
    reader: sqlite3.Connection, source: Path, copy: Path, stop: StopFlag, lock_timeout: float
) -> None:
    reader.execute(f"PRAGMA busy_timeout={int(lock_timeout * 1000)}")
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
    _copy_pages(reader, copy, StepMonitor(source, stop, lock_timeout=lock_timeout))


def _copy_pages(reader: sqlite3.Connection, copy: Path, monitor: StepMonitor) -> None:
    copy.unlink(missing_ok=True)
    create_private(copy)
    with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as writer:
        # Nobody needs this file if we die, so it needs neither a journal nor flushing.
        writer.execute("PRAGMA journal_mode=OFF")
        writer.execute("PRAGMA synchronous=OFF")
        # The monitor does the long waiting, so that a stop is noticed.
        reader.execute("PRAGMA busy_timeout=100")
        reader.backup(writer, pages=_PAGES_PER_STEP, progress=monitor, sleep=0.02)
        if copy.stat().st_size == 0:
            # An empty database is an empty file; writing a header makes it recognisable.
            writer.execute("PRAGMA user_version=0")


def _one_row(connection: sqlite3.Connection, sql: str) -> object:
    return connection.execute(sql).fetchone()[0]
