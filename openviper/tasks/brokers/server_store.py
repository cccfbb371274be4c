"""What the connections of the database broker to servers have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

from openviper.db.connections.url import DatabaseURL
from openviper.tasks.brokers.tables import (
    MESSAGES,
    NEWEST,
    WORKERS,
    creation,
    full_row,
    insert_fresh_sql,
    insert_sql,
    what_it_does,
)
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.message import clean_text

abandoned: list[Any] = []
"""Connections of the parent process, which a forked child must not close."""


class ServerStore:
    """A connection to a server."""

    vendor: str
    schema: str
    """The SQL of the schema that the tables are in."""
    has_more = False
    table_tail = ""
    """SQL: what follows the columns of a table."""
    raw: Any
    errors: tuple[type[Exception], ...]

    def __init__(self, url: DatabaseURL) -> None:
        self.url = url
        self._insert = insert_sql("%s")
        self._insert_fresh = insert_fresh_sql("%s")
        try:
            self._connect()
        except self.errors as error:
            raise BrokerError(
                f"cannot open the message store {url.redacted()}: {self._text(error)}"
            ) from error
        # One for all that writes: psycopg takes as long to make one as to send a statement.
        self._writer = self.raw.cursor()

    def _connect(self) -> None:
        raise NotImplementedError

    def _text(self, error: Exception) -> str:
        return str(error).strip()

    def _is_duplicate(self, error: Exception) -> bool:
        raise NotImplementedError

    def _is_busy(self, error: Exception) -> bool:
        raise NotImplementedError

    def _is_refusal(self, error: Exception) -> bool:
        raise NotImplementedError

    @property
    def is_lost(self) -> bool:
        """Whether the connection cannot be used any more."""
        raise NotImplementedError

    def translated(self, error: Exception) -> BrokerError:
        """Return an error of the driver as a `BrokerError`."""
        busy = self._is_busy(error)
        refused = not busy and not self.is_lost and self._is_refusal(error)
        return BrokerError(
            f"the message store {what_it_does(refused)}: {clean_text(self._text(error))}",
            busy=busy,
            duplicate=self._is_duplicate(error),
            refused=refused,
        )

    def has_tables(self) -> bool:
        """Return whether all tables are there."""
        sql = (
            "SELECT 1 FROM information_schema.tables "
            f"WHERE table_schema = {self.schema} AND table_name = ?"
        )
        return bool(self.rows(sql, (NEWEST[self.vendor],)))

    def create_tables(self) -> None:
        """Create what does not exist."""
        if self.has_tables() and not self._conversions():
            return
        with self._only_one():
            present = self._present_columns()
            for statement in creation(self.vendor, present, self.table_tail):
                self.change(statement)
            for statement in self._conversions():
                self.change(statement)

    def _conversions(self) -> list[str]:
        """Return statements that bring tables of an earlier version up to date."""
        return []

    def _present_columns(self) -> list[str]:
        sql = (
            "SELECT table_name, column_name FROM information_schema.columns "
            f"WHERE table_schema = {self.schema} AND table_name IN (?, ?)"
        )
        return [f"{row[0]}.{row[1]}" for row in self.rows(sql, (MESSAGES, WORKERS))]

    def _only_one(self) -> AbstractContextManager[None]:
        """Keep other processes from creating tables at the same time."""
        raise NotImplementedError

    def set_patience(self, wait: bool) -> None:
        """Do nothing: writers do not wait for each other."""

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Store messages in one transaction, the one that is open if there is one, and wake consumers."""
        raise NotImplementedError

    def insert_fresh(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Store messages that are fresh: one with few values, of which drivers look at each."""
        if len(rows) == 1:
            self.insert_one(rows[0], True)
        else:
            self.insert([full_row(row) for row in rows])

    def insert_one(self, row: tuple[Any, ...], wait: bool) -> None:
        """Store a message that is fresh."""
        try:
            self._writer.execute(self._insert_fresh, row)
        except self.errors as error:
            raise self.translated(error) from error

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """Run a read."""
        try:
            cursor = self.raw.cursor()
            cursor.execute(sql.replace("?", "%s"), values or None)
            return list(cursor.fetchall())
        except self.errors as error:
            raise self.translated(error) from error

    def change(self, sql: str, values: tuple[Any, ...] = ()) -> int:
        """Run a write and return the number of rows."""
        try:
            self._writer.execute(sql.replace("?", "%s"), values or None)
            return int(self._writer.rowcount)
        except self.errors as error:
            raise self.translated(error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the statements inside a `with` one transaction."""
        self.change("BEGIN")
        try:
            yield
            self.change("COMMIT")
        except BaseException:
            with suppress(BrokerError):
                self.change("ROLLBACK")
            raise

    def delete_claimed(self, worker: str, keys: Sequence[int]) -> None:
        """Delete messages that the worker has."""
        marks = ", ".join("?" * len(keys))
        self.change(f"DELETE FROM {MESSAGES} WHERE id IN ({marks}) AND worker = ?", (*keys, worker))

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
        abandoned.append(self.raw)
