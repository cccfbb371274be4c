"""The connections of the database broker: `sqlite3`, psycopg and PyMySQL called directly."""

from __future__ import annotations

import select
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from openviper.db.connections.url import DatabaseURL
from openviper.tasks.brokers.sql import (
    CHANNEL,
    COLUMNS,
    MESSAGES,
    NOTIFY,
    RESULTS,
    SLOTS,
    Store,
    creation,
    insert_sql,
)
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.message import State

PATIENCE = 30.0
"""Seconds to wait for another writer of an SQLite file."""
SQLITE_POLL = 0.003
"""Seconds between two looks at the version of an SQLite file, which cost some microseconds each."""
MYSQL_POLL = 0.003
"""Seconds between two looks at the table on MariaDB, which has nothing to wait for."""
MYSQL_SETTLED = 0.1
"""Seconds of waiting after which a worker counts as idle: MariaDB then looks by itself, which costs less than being asked."""
MYSQL_LOOKS = 10
"""Looks in one such statement; a call that ends meanwhile in this worker is settled after the statement."""
READY, RUNNING, DELAYED = int(State.READY), int(State.RUNNING), int(State.DELAYED)


def open_store(url: DatabaseURL) -> Store:
    """Return a new connection.

    Raises:
        BrokerError: If the database does not take it.
    """
    if url.vendor == "sqlite":
        return SQLiteStore(url)
    return PostgreSQLStore(url) if url.vendor == "postgresql" else MySQLStore(url)


class SQLiteStore:
    """A connection to an SQLite file."""

    def __init__(self, url: DatabaseURL) -> None:
        self.is_lost = False
        self._version = -1
        self._patience = -1.0
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
        self._insert = insert_sql("?")

    def create_tables(self) -> None:
        """Create what does not exist."""
        present = "SELECT count(*) FROM sqlite_master WHERE name IN (?, ?)"
        if self.rows(present, (SLOTS, f"{MESSAGES}_due"))[0][0] < 2:
            with self.transaction():
                for statement in creation("sqlite"):
                    self.raw.execute(statement)

    def set_patience(self, wait: bool) -> None:
        """Wait for other writers, or give up at once."""
        patience = PATIENCE if wait else 0.0
        if patience != self._patience:
            self._patience = patience
            self.raw.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Store messages in one transaction; consumers see the version of the file change."""
        try:
            if len(rows) == 1:
                self.raw.execute(self._insert, rows[0])
                return
            with self.transaction():
                self.raw.executemany(self._insert, rows)
        except sqlite3.Error as error:
            raise self._translate(error) from error

    @staticmethod
    def _translate(error: sqlite3.Error) -> BrokerError:
        code = getattr(error, "sqlite_errorcode", 0)
        return BrokerError(
            f"the message store does not answer: {error}",
            busy=code & 0xFF == sqlite3.SQLITE_BUSY,
            duplicate=code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
        )

    def rows(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        """Run a read."""
        try:
            return self.raw.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def change(self, sql: str, values: tuple[Any, ...]) -> int:
        """Run a write and return the number of rows."""
        try:
            return self.raw.execute(sql, values).rowcount
        except sqlite3.Error as error:
            raise self._translate(error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the statements of a block one transaction for writing."""
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
            raise self._translate(error) from error

    def claim(self, worker: str, queues: tuple[str, ...] | None, want: int) -> list[Any]:
        """Mark messages as the worker's and return their rows in order."""
        chosen = "" if queues is None else f" AND queue_name IN ({', '.join('?' * len(queues))})"
        rows = self.rows(
            f"SELECT {COLUMNS} FROM {MESSAGES} WHERE state = {READY}{chosen} ORDER BY priority, id LIMIT ?",
            (*(queues or ()), want),
        )
        if rows:
            self.raw.executemany(
                f"UPDATE {MESSAGES} SET state = {RUNNING}, worker = ? WHERE id = ?",
                [(worker, row[0]) for row in rows],
            )
        return rows

    def delete_claimed(self, worker: str, keys: Sequence[int]) -> None:
        """Delete messages that the worker has."""
        self.raw.executemany(
            f"DELETE FROM {MESSAGES} WHERE id = ? AND worker = ?", [(key, worker) for key in keys]
        )

    def save_result(
        self, message_id: str, value: str | None, error: str | None, now: float
    ) -> None:
        """Store what became of a message."""
        self.change(
            f"INSERT OR REPLACE INTO {RESULTS} VALUES (?, ?, ?, ?)", (message_id, value, error, now)
        )

    def claim_slot(self, name: str, slot: int) -> bool:
        """Take a slot; true for the one that does."""
        if self.change(
            f"UPDATE {SLOTS} SET slot = ? WHERE name = ? AND slot < ?", (slot, name, slot)
        ):
            return True
        return bool(self.change(f"INSERT OR IGNORE INTO {SLOTS} VALUES (?, ?)", (name, slot)))

    def listen(self) -> None:
        """Do nothing: the version of the file tells of every write."""

    def notify(self) -> None:
        """Do nothing, for the same reason."""

    def wait(self, wake: int, timeout: float, queues: tuple[str, ...] | None) -> None:
        """Wait for a write of another connection: ``PRAGMA data_version`` changes with each
        (https://sqlite.org/pragma.html#pragma_data_version)."""
        deadline = time.monotonic() + timeout
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        look, interval = self.raw.execute, SQLITE_POLL * 1000
        while True:
            try:
                version = look("PRAGMA data_version").fetchone()[0]
            except sqlite3.Error as error:
                raise self._translate(error) from error
            if version != self._version:
                self._version = version
                return
            if poll.poll(interval) or time.monotonic() >= deadline:
                return

    def close(self) -> None:
        """Close the connection."""
        self.raw.close()

    def abandon(self) -> None:
        """Keep the connection of the parent open and unused; closing it here would drop the parent's locks."""
        _abandoned.append(self.raw)


_abandoned: list[Any] = []


class _ServerStore:
    """What the connections to servers have in common."""

    placeholder = "%s"
    vendor: str
    raw: Any
    errors: Any

    def __init__(self, url: DatabaseURL) -> None:
        self.url = url
        self._insert = insert_sql("%s")
        try:
            self._connect()
        except self.errors as error:
            raise BrokerError(
                f"cannot open the message store {url.redacted()}: {self._text(error)}"
            ) from error

    def _connect(self) -> None:
        raise NotImplementedError

    def _text(self, error: Exception) -> str:
        return str(error).strip()

    def _is_duplicate(self, error: Exception) -> bool:
        raise NotImplementedError

    def _translate(self, error: Exception) -> BrokerError:
        return BrokerError(
            f"the message store does not answer: {self._text(error)}",
            duplicate=self._is_duplicate(error),
        )

    def set_patience(self, wait: bool) -> None:
        """Do nothing: writers do not wait for each other."""

    def rows(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        """Run a read."""
        try:
            cursor = self.raw.cursor()
            cursor.execute(sql.replace("?", "%s"), values or None)
            return list(cursor.fetchall())
        except self.errors as error:
            raise self._translate(error) from error

    def change(self, sql: str, values: tuple[Any, ...]) -> int:
        """Run a write and return the number of rows."""
        try:
            cursor = self.raw.cursor()
            cursor.execute(sql.replace("?", "%s"), values or None)
            return int(cursor.rowcount)
        except self.errors as error:
            raise self._translate(error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the statements of a block one transaction."""
        self.change("BEGIN", ())
        try:
            yield
            self.change("COMMIT", ())
        except BaseException:
            with suppress(BrokerError):
                self.change("ROLLBACK", ())
            raise

    def delete_claimed(self, worker: str, keys: Sequence[int]) -> None:
        """Delete messages that the worker has."""
        marks = ", ".join("?" * len(keys))
        self.change(f"DELETE FROM {MESSAGES} WHERE id IN ({marks}) AND worker = ?", (*keys, worker))

    def _claim_by_select(
        self, worker: str, queues: tuple[str, ...] | None, want: int, lock: str
    ) -> list[Any]:
        chosen = "" if queues is None else f" AND queue_name IN ({', '.join('?' * len(queues))})"
        rows = self.rows(
            f"SELECT {COLUMNS} FROM {MESSAGES} WHERE state = {READY}{chosen} ORDER BY priority, id LIMIT ? {lock}",
            (*(queues or ()), want),
        )
        if rows:
            marks = ", ".join("?" * len(rows))
            self.change(
                f"UPDATE {MESSAGES} SET state = {RUNNING}, worker = ? WHERE id IN ({marks})",
                (worker, *(row[0] for row in rows)),
            )
        return rows

    def listen(self) -> None:
        """Do nothing."""

    def notify(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Close the connection."""
        with suppress(*self.errors):
            self.raw.close()

    def abandon(self) -> None:
        """Keep the connection of the parent open and unused."""
        _abandoned.append(self.raw)


class PostgreSQLStore(_ServerStore):
    """A connection to PostgreSQL."""

    vendor = "postgresql"

    def __init__(self, url: DatabaseURL) -> None:
        from openviper.db.connections.drivers.postgresql import import_driver

        self._psycopg = import_driver()
        self.errors = (self._psycopg.Error,)
        super().__init__(url)

    def _connect(self) -> None:
        from openviper.db.connections.drivers.postgresql import connect_arguments

        self.raw = self._psycopg.connect(autocommit=True, **connect_arguments(self.url))

    def _is_duplicate(self, error: Exception) -> bool:
        return isinstance(error, self._psycopg.errors.UniqueViolation)

    @property
    def is_lost(self) -> bool:
        """Whether the connection cannot be used any more."""
        return bool(self.raw.closed)

    def create_tables(self) -> None:
        """Create what does not exist, one process at a time."""
        if self.rows("SELECT to_regclass(?)", (f"{MESSAGES}_due",))[0][0] is None:
            with self.transaction():
                self.rows("SELECT pg_advisory_xact_lock(823991001)", ())
                for statement in creation("postgresql"):
                    self.change(statement, ())

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Store messages and tell consumers, in one round trip."""
        try:
            if len(rows) == 1:
                self.raw.execute(
                    f"WITH stored AS ({self._insert}) SELECT pg_notify('{CHANNEL}', '')", rows[0]
                )
                return
            with self.raw.pipeline(), self.raw.transaction(), self.raw.cursor() as cursor:
                for row in rows:
                    cursor.execute(self._insert, row)
                cursor.execute(NOTIFY)
        except self.errors as error:
            raise self._translate(error) from error

    def claim(self, worker: str, queues: tuple[str, ...] | None, want: int) -> list[Any]:
        """Mark messages as the worker's and return their rows in order."""
        chosen = "" if queues is None else " AND queue_name = ANY(?)"
        columns = ", ".join(f"m.{name}" for name in COLUMNS.split(", "))
        rows = self.rows(
            f"WITH chosen AS (SELECT id FROM {MESSAGES} WHERE state = {READY}{chosen} ORDER BY priority, id LIMIT ? "
            f"FOR UPDATE SKIP LOCKED) UPDATE {MESSAGES} m SET state = {RUNNING}, worker = ? FROM chosen "
            f"WHERE m.id = chosen.id RETURNING {columns}",
            (*(() if queues is None else (list(queues),)), want, worker),
        )
        return sorted(rows, key=lambda row: (row[5], row[0]))

    def save_result(
        self, message_id: str, value: str | None, error: str | None, now: float
    ) -> None:
        """Store what became of a message."""
        self.change(
            f"INSERT INTO {RESULTS} VALUES (?, ?, ?, ?) ON CONFLICT (message_id) DO UPDATE "
            "SET value = excluded.value, error = excluded.error, stored_at = excluded.stored_at",
            (message_id, value, error, now),
        )

    def claim_slot(self, name: str, slot: int) -> bool:
        """Take a slot; true for the one that does."""
        return bool(
            self.change(
                f"INSERT INTO {SLOTS} VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET slot = excluded.slot "
                f"WHERE {SLOTS}.slot < excluded.slot",
                (name, slot),
            )
        )

    def listen(self) -> None:
        """Listen for messages; a worker's own settlements need no flush to disk, as a lost one only means a second run."""
        self.change(f"LISTEN {CHANNEL}", ())
        self.change("SET synchronous_commit = off", ())

    def notify(self) -> None:
        """Wake consumers."""
        self.change(NOTIFY, ())

    def wait(self, wake: int, timeout: float, queues: tuple[str, ...] | None) -> None:
        """Wait for a notification."""
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        poll.register(self.raw.fileno(), select.POLLIN)
        try:
            if any(fd != wake for fd, _ in poll.poll(timeout * 1000)):
                for _ in self.raw.notifies(timeout=0):
                    pass
        except self.errors as error:
            raise self._translate(error) from error


class MySQLStore(_ServerStore):
    """A connection to MariaDB or MySQL."""

    vendor = "mysql"

    def __init__(self, url: DatabaseURL) -> None:
        from openviper.db.connections.drivers.mysql_connect import import_driver

        self._pymysql = import_driver()
        self.errors = (self._pymysql.Error, OSError)
        self._lock_words = "FOR UPDATE SKIP LOCKED"
        self._can_watch = True
        self._look_texts: dict[tuple[str, ...] | None, tuple[str, str]] = {}
        super().__init__(url)

    def _connect(self) -> None:
        from openviper.db.connections.drivers.mysql_connect import connect_arguments

        self.raw = self._pymysql.connect(autocommit=True, **connect_arguments(self.url))
        # Without gap locks, claims do not stand in each other's way.
        self.raw.cursor().execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")

    def _text(self, error: Exception) -> str:
        return str(error.args[1]) if len(error.args) > 1 else str(error)

    def _is_duplicate(self, error: Exception) -> bool:
        return bool(error.args) and error.args[0] == 1062  # ER_DUP_ENTRY

    @property
    def is_lost(self) -> bool:
        """Whether the connection cannot be used any more."""
        return not self.raw.open

    def create_tables(self) -> None:
        """Create what does not exist."""
        sql = "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?"
        if not self.rows(sql, (SLOTS,))[0][0]:
            for statement in creation("mysql"):
                self.change(statement, ())

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Store messages in one statement."""
        try:
            self.raw.cursor().executemany(self._insert, rows)
        except self.errors as error:
            raise self._translate(error) from error

    def claim(self, worker: str, queues: tuple[str, ...] | None, want: int) -> list[Any]:
        """Mark messages as the worker's and return their rows in order."""
        try:
            return self._claim_by_select(worker, queues, want, self._lock_words)
        except BrokerError as error:
            # MariaDB before 10.6 does not know the words; there, claims wait for each other.
            if "SKIP" not in str(error) or "SKIP" not in self._lock_words:
                raise
            self._lock_words = "FOR UPDATE"
            return self._claim_by_select(worker, queues, want, self._lock_words)

    def save_result(
        self, message_id: str, value: str | None, error: str | None, now: float
    ) -> None:
        """Store what became of a message."""
        self.change(f"REPLACE INTO {RESULTS} VALUES (?, ?, ?, ?)", (message_id, value, error, now))

    def claim_slot(self, name: str, slot: int) -> bool:
        """Take a slot; true for the one that does."""
        if self.change(
            f"UPDATE {SLOTS} SET slot = ? WHERE name = ? AND slot < ?", (slot, name, slot)
        ):
            return True
        return bool(self.change(f"INSERT IGNORE INTO {SLOTS} VALUES (?, ?)", (name, slot)))

    def wait(self, wake: int, timeout: float, queues: tuple[str, ...] | None) -> None:
        """Look at the table now and then: there is nothing to wait for."""
        look, watch = self._looks(queues)
        began = time.monotonic()
        deadline, settled = began + timeout, began + MYSQL_SETTLED
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        try:
            while not poll.poll(MYSQL_POLL * 1000) and (now := time.monotonic()) < deadline:
                if self.raw.query(watch if watch and now >= settled else look):
                    return
        except self.errors as error:
            if (
                error.args and error.args[0] == 1064 and watch
            ):  # ER_PARSE_ERROR: MySQL, or MariaDB in its Oracle mode.
                self._can_watch = False
                self._look_texts.clear()
                return
            raise self._translate(error) from error

    def _looks(self, queues: tuple[str, ...] | None) -> tuple[str, str]:
        """Return a statement that looks once, and one in which MariaDB looks again and again, empty if it cannot.

        The answer is the number of rows put into a variable: no row is sent, which costs least to read.
        """
        if queues not in self._look_texts:
            chosen = (
                "" if queues is None else f" AND queue_name IN ({', '.join(['%s'] * len(queues))})"
            )
            ready = (
                f"EXISTS (SELECT 1 FROM {MESSAGES} WHERE state = {READY}{chosen}) OR EXISTS (SELECT 1 FROM "
                f"{MESSAGES} WHERE state = {DELAYED} AND due <= UNIX_TIMESTAMP(NOW(3)){chosen})"
            )
            into = "INTO @openviper_ready"
            watch = (
                f"BEGIN NOT ATOMIC DECLARE looks INT DEFAULT {MYSQL_LOOKS}; watching: LOOP "
                f"IF {ready} THEN SELECT 1 {into}; LEAVE watching; END IF; SET looks = looks - 1; "
                f"IF looks = 0 THEN SELECT 1 FROM dual WHERE FALSE {into}; LEAVE watching; END IF; "
                f"DO SLEEP({MYSQL_POLL}); END LOOP; END"
            )
            cursor, values = self.raw.cursor(), tuple(queues or ()) * 2
            texts = (f"SELECT 1 FROM dual WHERE {ready} {into}", watch if self._can_watch else "")
            look, watch = (cursor.mogrify(text, values) if values else text for text in texts)
            self._look_texts[queues] = (look, watch)
        return self._look_texts[queues]
