"""Making private, self-contained, checked SQLite files out of live databases and SQL texts."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from openviper.backup.background import StopFlag
from openviper.backup.exceptions import BackupError, TargetBusyError

BUSY_TIMEOUT = 10.0
"""How long a lock held by another connection is waited for, in seconds."""

# 4 MiB at the usual page size: short enough that a stop is noticed at once.
_PAGES_PER_STEP = 1024
# A copy of a database without WAL starts over when somebody writes; after this many the writers have to wait.
_MAX_RESTARTS = 3
_HEADER = b"SQLite format 3\x00"
_INSTRUCTIONS_PER_CHECK = 20_000
_BUSY_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
# What a dump may set; the rest reaches outside the file or has no business in it.
_ALLOWED_PRAGMAS = frozenset(
    "application_id auto_vacuum defer_foreign_keys encoding foreign_keys ignore_check_constraints journal_mode "
    "legacy_alter_table page_size recursive_triggers synchronous user_version writable_schema".split()
)
_REFUSED_ACTIONS = {sqlite3.SQLITE_ATTACH: "ATTACH or VACUUM", sqlite3.SQLITE_DETACH: "DETACH"}
_REFUSED_FUNCTIONS = frozenset(
    {"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"}
)


class _Restarted(Exception):
    """Writers made the copy start over too often."""


class StepMonitor:
    """Watches the steps of an online backup: stops it, and bounds its wait for a lock.

    Python's `backup` waits for a busy database for ever; only an exception out of its progress callback ends it.
    """

    def __init__(self, locked: Path, stop: StopFlag, *, max_restarts: int | None = None) -> None:
        self._locked = locked
        self._stop = stop
        self._restarts_left = max_restarts
        self._least_remaining: int | None = None
        self._busy_since: float | None = None

    def __call__(self, status: int, remaining: int, total: int) -> None:
        self._stop.check()
        if status in _BUSY_CODES:
            now = time.monotonic()
            self._busy_since = self._busy_since or now
            if now - self._busy_since >= BUSY_TIMEOUT:
                raise TargetBusyError(self._locked, BUSY_TIMEOUT)
            return
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
    """Tell whether a file starts like an SQLite database."""
    with open(path, "rb") as file:
        return file.read(len(_HEADER)) == _HEADER


def copy_database(source: Path, copy: Path, stop: StopFlag) -> None:
    """Copy a database that others may be writing into a new self-contained file, mode 0600, without WAL.

    Raises:
        BackupError: If the source is not a readable database.
        TargetBusyError: If it stays locked.
        Stopped: If `stop` was set meanwhile.
    """
    with translated_errors(f"cannot copy the database {str(source)!r}", source):
        with contextlib.closing(_open_source(source)) as reader:
            if _one_row(reader, "PRAGMA journal_mode") == "wal":
                # An open read transaction pins the snapshot and blocks nobody.
                _copy_pinned(reader, source, copy, stop)
                return
            try:
                _copy_pages(reader, copy, StepMonitor(source, stop, max_restarts=_MAX_RESTARTS))
            except _Restarted:
                _copy_pinned(reader, source, copy, stop)


def require_integrity(path: Path, what: str, stop: StopFlag) -> None:
    """Make a private database self-contained and check every page of it.

    Args:
        path: A database file in a private directory.
        what: What it is, for the message.
        stop: Ends the check early when set.

    Raises:
        BackupError: If it is damaged or not a database.
        Stopped: If `stop` was set meanwhile.
    """
    make_self_contained(path, what, stop)
    check_pages(path, what, stop)


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


def check_pages(path: Path, what: str, stop: StopFlag) -> None:
    """Check every page of a private, self-contained database; it is only read.

    Raises:
        BackupError: If it is damaged or not a database.
        Stopped: If `stop` was set meanwhile.
    """
    with (
        translated_errors(f"{what} is damaged", path, stop),
        open_private(path, stop) as connection,
    ):
        problems = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
        if problems != ["ok"]:
            raise BackupError(f"{what} is damaged: integrity check says {'; '.join(problems)!r}")


def build_from_sql(script: Path, path: Path, stop: StopFlag) -> None:
    """Run an SQL text into a new private database file.

    Raises:
        BackupError: If the text is not SQL, fails, is cut off, makes nothing, or uses what a dump must not use.
        Stopped: If `stop` was set meanwhile.
    """
    try:
        text = script.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BackupError(f"{script.name!r} is neither an SQLite database nor SQL text") from None
    refused: list[str] = []

    def authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        reason = _reason_to_refuse(action, first, second)
        if reason is None:
            return sqlite3.SQLITE_OK
        refused.append(reason)
        return sqlite3.SQLITE_DENY

    create_private(path)
    try:
        with translated_errors(f"the SQL text {script.name!r} fails", script, stop):
            with open_private(path, stop) as connection:
                connection.set_authorizer(authorize)
                connection.executescript(text)
                connection.set_authorizer(None)
                if connection.in_transaction:
                    raise BackupError(
                        f"the SQL text {script.name!r} is cut off: its transaction does not end"
                    )
                if not _one_row(connection, "SELECT count(*) FROM sqlite_master"):
                    raise BackupError(f"the SQL text {script.name!r} creates nothing")
    except BackupError as exc:
        if refused:
            raise BackupError(
                f"the SQL text {script.name!r} uses {refused[0]}, which a restore refuses"
            ) from exc
        raise


def create_private(path: Path) -> None:
    """Create an empty file, mode 0600, that SQLite takes for a new database."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


@contextlib.contextmanager
def open_private(path: Path, stop: StopFlag) -> Iterator[sqlite3.Connection]:
    """Open a database only we know, of content we do not trust, so that statements end when `stop` is set."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.set_progress_handler(stop.is_set, _INSTRUCTIONS_PER_CHECK)
        yield connection


@contextlib.contextmanager
def translated_errors(what: str, path: Path, stop: StopFlag | None = None) -> Iterator[None]:
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
            raise TargetBusyError(path, BUSY_TIMEOUT) from exc
        raise BackupError(f"{what}: {exc}") from exc


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code of an error, or 0 for an error of the Python module itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _open_source(path: Path) -> sqlite3.Connection:
    """Open a database for reading; one whose last writer died is rolled back first, which needs write access."""
    for mode in ("ro", "rw"):
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT, isolation_level=None
        )
        try:
            connection.execute("PRAGMA query_only=ON")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return connection
        except sqlite3.OperationalError as exc:
            connection.close()
            if mode == "rw" or primary_code(exc) not in (
                sqlite3.SQLITE_READONLY,
                sqlite3.SQLITE_CANTOPEN,
            ):
                raise
        except BaseException:
            connection.close()
            raise
    raise AssertionError("unreachable")


def _copy_pinned(reader: sqlite3.Connection, source: Path, copy: Path, stop: StopFlag) -> None:
    reader.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT * 1000)}")
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
    _copy_pages(reader, copy, StepMonitor(source, stop))


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


def _reason_to_refuse(action: int, first: str | None, second: str | None) -> str | None:
    if action in _REFUSED_ACTIONS:
        return _REFUSED_ACTIONS[action]
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _REFUSED_FUNCTIONS:
        return f"the function {second}"
    if action == sqlite3.SQLITE_PRAGMA and (first or "").lower() not in _ALLOWED_PRAGMAS:
        return f"PRAGMA {first}"
    return None
