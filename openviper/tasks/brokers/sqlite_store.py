"""A connection of the database broker to an SQLite file: `sqlite3` called directly."""

from __future__ import annotations

import math
import select
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from openviper.db.connections.url import DatabaseURL
from openviper.tasks.brokers.claims import (
    PRIORITY,
    SUSPECT,
    in_parts,
    marks,
    rows_in_state,
    take_rows,
)
from openviper.tasks.brokers.fresh import (
    INSERT_ALONE,
    INSERT_READY,
    Values,
    are_usual,
    claim_usual,
    inserts,
)
from openviper.tasks.brokers.tables import (
    MESSAGES,
    NEWEST,
    WORKERS,
    creation,
    insert_sql,
    what_it_does,
)
from openviper.tasks.exceptions import BrokerError
from openviper.utils.private_files import ensure_private

if TYPE_CHECKING:
    from openviper.tasks.brokers.file_watch import FileWatch

PATIENCE = 30.0
"""Seconds to wait for another writer."""
POLL = 0.003
"""Seconds between two looks at the version of the file, where the system does not tell of writes to it."""
# The database took offence at a value; with anything else, such as a table that is not there, it may be better in a moment.
_REFUSALS = frozenset(
    {
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_RANGE,
    }
)
# What Python refuses before SQLite sees it: a text that is not Unicode, a number that is too large, an odd type.
_REFUSED_BY_PYTHON = (
    UnicodeEncodeError,
    OverflowError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
)
abandoned: list[sqlite3.Connection | sqlite3.Cursor] = []
"""Connections of the parent process, kept open: closing one here would drop the parent's locks. Their cursors too: to free one
could wait for a thread that is not here."""


def translate(error: Exception) -> BrokerError:
    """Return an error of the driver as a `BrokerError`."""
    code = getattr(error, "sqlite_errorcode", None)
    basic = None if code is None else code & 0xFF
    refused = basic in _REFUSALS or isinstance(error, _REFUSED_BY_PYTHON)
    return BrokerError(
        f"the message store {what_it_does(refused)}: {error}",
        busy=basic == sqlite3.SQLITE_BUSY,
        duplicate=code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
        refused=refused,
    )


ERRORS = (sqlite3.Error, UnicodeEncodeError, OverflowError)


def _watch(path: str) -> FileWatch | None:
    """Return what tells of writes to the log, through which every write goes; `None` where the system does not."""
    # Late: it takes 8 ms, which a worker does not need before its first task.
    from openviper.tasks.brokers.file_watch import FileWatch

    try:
        return FileWatch(path)
    except OSError:
        return None


class SQLiteStore:
    """A connection to an SQLite file."""

    vendor = "sqlite"

    def __init__(self, url: DatabaseURL) -> None:
        self.is_lost = False
        self.has_more = False
        self._version = -1
        self._waits: bool | None = None
        self._path = str(url.path)
        self._watch: FileWatch | None = None
        self._wants_watch = False
        self._is_told = False
        ensure_private(str(url.path))
        try:
            self.raw = sqlite3.connect(
                str(url.path),
                timeout=PATIENCE,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=64,
            )
            if self.raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                self.raw.execute("PRAGMA journal_mode=WAL")
            self.raw.execute("PRAGMA synchronous=NORMAL")
        except sqlite3.Error as error:
            raise BrokerError(
                f"cannot open the message store {str(url.path)!r}: {error}"
            ) from error
        # One for all that is sent: Python makes one for each `execute` of the connection.
        self._writer = self.raw.cursor()
        self._insert = insert_sql("?")

    def has_tables(self) -> bool:
        """Return whether all tables are there."""
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE name = ?", (NEWEST["sqlite"],)))

    def create_tables(self) -> None:
        """Create what does not exist."""
        if self.has_tables():
            return
        with self.transaction():
            for statement in creation("sqlite", self._present_columns()):
                self.change(statement)

    def _present_columns(self) -> list[str]:
        return [
            f"{table}.{row[1]}"
            for table in (MESSAGES, WORKERS)
            for row in self.rows(f"PRAGMA table_info({table})")
        ]

    def set_patience(self, wait: bool) -> None:
        """Wait for other writers, or give up at once."""
        if wait is not self._waits:
            self._waits = wait
            self.raw.execute(f"PRAGMA busy_timeout={int(PATIENCE * 1000) if wait else 0}")

    def insert_one(self, row: tuple[Any, ...], wait: bool) -> None:
        """Store a message that is fresh; wait for other writers, or give up at once."""
        if wait is not self._waits:
            self.set_patience(wait)
        try:
            self._writer.execute(INSERT_READY if row[PRIORITY] else INSERT_ALONE, row)
        except ERRORS as error:
            raise translate(error) from error

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Store messages in one transaction; consumers see the version of the file change."""
        if len(rows) == 1 or self.raw.in_transaction:
            self._insert_many(self._insert, rows)
        else:
            with self.transaction():
                self._insert_many(self._insert, rows)

    def insert_fresh(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Store messages that are fresh in one transaction."""
        with self.transaction():
            new: list[Values] = [row[1:] for row in rows]
            if not are_usual(new):
                self._insert_many(INSERT_READY, rows)
            elif rows:
                for sql, parts in inserts(rows[0][0], new):
                    self._insert_many(sql, parts)

    def _insert_many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        try:
            self.raw.executemany(sql, rows)
        except ERRORS as error:
            raise translate(error) from error

    def insert_new(self, table: str, columns: str, values: tuple[Any, ...]) -> bool:
        """Insert a row unless one with its primary key is there."""
        sql = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks(values)})"
        return bool(self.change(sql, values))

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """Run a read."""
        try:
            return self.raw.execute(sql, values).fetchall()
        except ERRORS as error:
            raise translate(error) from error

    def change(self, sql: str, values: tuple[Any, ...] = ()) -> int:
        """Run a write and return the number of rows."""
        try:
            return self.raw.execute(sql, values).rowcount
        except ERRORS as error:
            raise translate(error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the statements inside a `with` one transaction for writing."""
        try:
            self.raw.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.raw.execute("COMMIT")
            except BaseException:
                if self.raw.in_transaction:
                    self.raw.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise translate(error) from error

    def claim(
        self, worker: str, queues: tuple[str, ...] | None, want: int, *, suspects: bool
    ) -> list[Any]:
        """Mark messages as the worker's and return their rows in order."""
        if suspects:
            rows = rows_in_state(self, queues, want, SUSPECT)
            take_rows(self, worker, rows)
            return rows
        rows, self.has_more = claim_usual(self, worker, queues, want)
        return rows

    def delete_claimed(self, worker: str, keys: Sequence[int]) -> None:
        """Delete messages that the worker has."""
        for part in in_parts(keys):
            self.change(
                f"DELETE FROM {MESSAGES} WHERE id IN ({marks(part)}) AND worker = ?",
                (*part, worker),
            )

    def listen(self) -> None:
        """Have the system tell of writes, from the first wait on: what is there already needs no telling."""
        self._wants_watch = True

    def notify(self) -> None:
        """Do nothing, for the same reason."""

    def wait(self, wake: int, timeout: float, queues: tuple[str, ...] | None) -> None:
        """Wait for a write of another connection: ``PRAGMA data_version`` changes with each
        (https://sqlite.org/pragma.html#pragma_data_version)."""
        deadline = time.monotonic() + timeout
        poll, longest = self._poll(wake)
        pause = longest
        while not self._has_changed():
            if self._is_told:
                # The log is written before the version changes, which readers see: soon, or when the writer gets to run again.
                pause = POLL
            left = max(0.0, deadline - time.monotonic())
            ready = [descriptor for descriptor, _ in poll.poll(min(pause, left) * 1000)]
            if wake in ready or not left:
                return
            pause = min(longest, pause * 2)

    def _poll(self, wake: int) -> tuple[select.poll, float]:
        """Return what to wait at, and the longest pause between two looks in seconds."""
        if self._wants_watch:
            self._wants_watch = False
            self._watch = _watch(f"{self._path}-wal")
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        if self._watch is None:
            return poll, POLL
        poll.register(self._watch.descriptor, select.POLLIN)
        return poll, math.inf

    def _has_changed(self) -> bool:
        """Return whether another connection has written since this was asked last."""
        self._is_told = self._watch is not None and self._watch.clear()
        try:
            version = self.raw.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error as error:
            raise translate(error) from error
        before, self._version = self._version, version
        return bool(version != before)

    def close(self) -> None:
        """Close the connection."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        self.raw.close()

    def abandon(self) -> None:
        """Keep the connection of the parent open and unused."""
        abandoned.extend((self.raw, self._writer))
