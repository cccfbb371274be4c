"""A connection of the database broker to PostgreSQL: psycopg called directly."""

from __future__ import annotations

import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from openviper.db.connections.drivers.postgresql import connect_arguments, import_driver
from openviper.db.connections.url import DatabaseURL
from openviper.tasks.brokers.claims import claim_on_postgresql, waiting_state
from openviper.tasks.brokers.server_store import ServerStore
from openviper.tasks.brokers.tables import CHANNEL, COPY, MANY, MESSAGES, NEWEST, NOTIFY

CREATION_LOCK = 823991001
"""The number of the advisory lock under which tables are created."""
AT_ONCE = 500
"""Rows of which a text is made for COPY at a time."""
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def copy_text(rows: Sequence[tuple[Any, ...]]) -> bytes:
    """Return rows of `INSERT_COLUMNS` as COPY reads them: a line each, with tabs between the values
    (https://www.postgresql.org/docs/current/sql-copy.html, "Text Format"). psycopg's `write_row` looks at each value.

    Raises:
        UnicodeEncodeError: If a text is not Unicode.
    """
    return "".join(map(_copy_line, rows)).encode()


def _copy_line(row: tuple[Any, ...]) -> str:
    key, name, queue, actor, payload, priority, state, due, attempts, sent_at, lost, options = row
    if options is None:
        options = r"\N"
    else:
        options = options.translate(_ESCAPES)
    texts = f"{name}{queue}{actor}{payload}"
    if "\\" in texts or not texts.isprintable():
        name, queue, actor, payload = (
            text.translate(_ESCAPES) for text in (name, queue, actor, payload)
        )
    return (
        f"{key}\t{name}\t{queue}\t{actor}\t{payload}\t{priority}\t{state}\t{due}\t{attempts}\t{sent_at}"
        f"\t{lost}\t{options}\n"
    )


class PostgreSQLStore(ServerStore):
    """A connection to PostgreSQL."""

    vendor = "postgresql"
    schema = "current_schema()"

    def __init__(self, url: DatabaseURL) -> None:
        self._psycopg = import_driver()
        # A text that is not Unicode is refused by Python before the server sees it.
        self.errors = (self._psycopg.Error, UnicodeEncodeError)
        super().__init__(url)

    def _connect(self) -> None:
        told = f"SELECT pg_notify('{CHANNEL}', '')"
        self._insert_and_notify = f"WITH stored AS ({self._insert}) {told}"
        self._insert_fresh = f"WITH stored AS ({self._insert_fresh}) {told}"
        self.raw = self._psycopg.connect(autocommit=True, **connect_arguments(self.url))

    def _is_duplicate(self, error: Exception) -> bool:
        return isinstance(error, self._psycopg.errors.UniqueViolation)

    def _is_busy(self, error: Exception) -> bool:
        # 40001 serialization_failure, 40P01 deadlock_detected, 55P03 lock_not_available
        return getattr(error, "sqlstate", None) in ("40001", "40P01", "55P03")

    def _is_refusal(self, error: Exception) -> bool:
        refusals = (
            self._psycopg.DataError,
            self._psycopg.IntegrityError,
            UnicodeEncodeError,
        )
        # A table that is not there, a ProgrammingError, may be there again in a moment. Class 54, program limit exceeded, such as an index row that is too long.
        return isinstance(error, refusals) or str(getattr(error, "sqlstate", ""))[:2] == "54"

    @property
    def is_lost(self) -> bool:
        """Whether the connection cannot be used any more."""
        return bool(self.raw.closed)

    def has_tables(self) -> bool:
        """Return whether all tables are there; the first look at `information_schema` takes twice as long on a new connection."""
        sql = (
            "SELECT 1 FROM pg_class WHERE relname = ? AND relnamespace = "
            "(SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
        )
        return bool(self.rows(sql, (NEWEST[self.vendor],)))

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        with self.transaction():
            self.rows(f"SELECT pg_advisory_xact_lock({CREATION_LOCK})")
            yield

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Store messages and tell consumers, in one round trip."""
        try:
            if len(rows) == 1:
                self.raw.execute(self._insert_and_notify, rows[0])
            elif self.raw.info.transaction_status != 0:
                self._insert_many(rows)
            else:
                with self.raw.transaction():
                    self._insert_many(rows)
        except self.errors as error:
            raise self.translated(error) from error

    def _insert_many(self, rows: Sequence[tuple[Any, ...]]) -> None:
        with self.raw.cursor() as cursor:
            if len(rows) < MANY:
                cursor.executemany(self._insert, rows)
            else:
                with cursor.copy(COPY) as copy:
                    for start in range(0, len(rows), AT_ONCE):
                        copy.write(copy_text(rows[start : start + AT_ONCE]))
            cursor.execute(NOTIFY)

    def insert_new(self, table: str, columns: str, values: tuple[Any, ...]) -> bool:
        """Insert a row unless one with its primary key is there."""
        marks = ", ".join("?" * len(values))
        return bool(
            self.change(
                f"INSERT INTO {table} ({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING", values
            )
        )

    def claim(
        self, worker: str, queues: tuple[str, ...] | None, want: int, *, suspects: bool
    ) -> list[Any]:
        """Mark messages as the worker's and return their rows in order."""
        return claim_on_postgresql(self, worker, queues, want, waiting_state(suspects))

    def delete_claimed(self, worker: str, keys: Sequence[int]) -> None:
        """Delete messages that the worker has: one statement, however many there are, so that it stays prepared."""
        self.change(
            f"DELETE FROM {MESSAGES} WHERE id = ANY(?) AND worker = ?", (list(keys), worker)
        )

    def listen(self) -> None:
        """Listen for messages; a worker's own settlements need no flush to disk, as a lost one only means a second run."""
        self.change(f"LISTEN {CHANNEL}")
        self.change("SET synchronous_commit = off")

    def notify(self) -> None:
        """Wake consumers."""
        self.change(NOTIFY)

    def wait(self, wake: int, timeout: float, queues: tuple[str, ...] | None) -> None:
        """Wait for a notification."""
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        poll.register(self.raw.fileno(), select.POLLIN)
        try:
            if any(descriptor != wake for descriptor, _ in poll.poll(timeout * 1000)):
                for _ in self.raw.notifies(timeout=0):
                    pass
        except self.errors as error:
            raise self.translated(error) from error
