"""A connection of the database broker to MariaDB or MySQL: PyMySQL called directly."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from openviper.db.connections.drivers.mysql_connect import connect_arguments, import_driver
from openviper.db.connections.drivers.mysql_results import connection_class
from openviper.db.connections.url import DatabaseURL
from openviper.db.dialects.folding import MYSQL_COLLATION
from openviper.tasks.brokers.claims import claim_on_mysql, waiting_state
from openviper.tasks.brokers.server_store import ServerStore
from openviper.tasks.brokers.tables import MESSAGES, TABLES
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.message import State

OLD_COLLATION = "utf8mb4_bin"
"""Of tables that an earlier version has made."""
POLL = 0.003
"""Seconds between two looks at the table: there is nothing to wait for."""
SETTLED = 0.1
"""Seconds of waiting after which a worker counts as idle: MariaDB then looks by itself, which costs less than being asked."""
LOOKS = 10
"""Looks in one such statement; a call that ends meanwhile in this worker is settled after the statement."""
CREATION_LOCK = "openviper_tasks_tables"
READY, DELAYED = int(State.READY), int(State.DELAYED)

# Numbers of errors, https://mariadb.com/kb/en/mariadb-error-codes/
DUPLICATE = 1062
PARSE_ERROR = 1064
BUSY = frozenset({1205, 1213})
"""A lock that was waited for too long, and a deadlock."""
PACKET_TOO_LARGE = 1153


class MySQLStore(ServerStore):
    """A connection to MariaDB or MySQL."""

    vendor = "mysql"
    schema = "DATABASE()"
    table_tail = f" ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE {MYSQL_COLLATION}"

    def __init__(self, url: DatabaseURL) -> None:
        self._pymysql = import_driver()
        # A text that is not Unicode is refused by Python before the server sees it.
        self.errors = (self._pymysql.Error, OSError, UnicodeEncodeError)
        self._lock_words = "FOR UPDATE SKIP LOCKED"
        self._can_watch = True
        self._look_texts: dict[tuple[str, ...] | None, tuple[str, str]] = {}
        super().__init__(url)

    def _connect(self) -> None:
        # Rows met, not rows changed: as the other databases count.
        found_rows = self._pymysql.constants.CLIENT.FOUND_ROWS
        self.raw = connection_class()(
            autocommit=True, **connect_arguments(self.url) | {"client_flag": found_rows}
        )
        # Without gap locks, claims do not stand in each other's way.
        self.raw.cursor().execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")

    def _text(self, error: Exception) -> str:
        # Of a text that has no form in UTF-8, the second one is the whole statement, with all that it was to store.
        has_code = len(error.args) > 1 and not isinstance(error, UnicodeError)
        return str(error.args[1]) if has_code else str(error)

    @staticmethod
    def _number(error: Exception) -> object:
        return error.args[0] if error.args else None

    def _is_duplicate(self, error: Exception) -> bool:
        return self._number(error) == DUPLICATE

    def _is_busy(self, error: Exception) -> bool:
        return self._number(error) in BUSY

    def _is_refusal(self, error: Exception) -> bool:
        refusals = (
            self._pymysql.DataError,
            self._pymysql.IntegrityError,
            UnicodeEncodeError,
        )
        # A table that is not there, a ProgrammingError, may be there again in a moment.
        return isinstance(error, refusals) or self._number(error) == PACKET_TOO_LARGE

    @property
    def is_lost(self) -> bool:
        """Whether the connection cannot be used any more."""
        return not self.raw.open

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        self.rows("SELECT GET_LOCK(?, 30)", (CREATION_LOCK,))
        try:
            yield
        finally:
            self.rows("SELECT RELEASE_LOCK(?)", (CREATION_LOCK,))

    def _conversions(self) -> list[str]:
        """Return statements for tables in which a space at the end of a text does not count."""
        old = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_collation = ?"
        names = {row[0] for row in self.rows(old, (OLD_COLLATION,))}
        return [
            f"ALTER TABLE {table.name} CONVERT TO CHARACTER SET utf8mb4 COLLATE {MYSQL_COLLATION}"
            for table in TABLES
            if table.name in names
        ]

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Store messages in one statement."""
        try:
            self.raw.cursor().executemany(self._insert, rows)
        except self.errors as error:
            raise self.translated(error) from error

    def insert_new(self, table: str, columns: str, values: tuple[Any, ...]) -> bool:
        """Insert a row unless one with its primary key is there."""
        marks = ", ".join("?" * len(values))
        try:
            return bool(self.change(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values))
        except BrokerError as error:  # INSERT IGNORE would cut what is too long.
            if not error.duplicate:
                raise
            return False

    def claim(
        self, worker: str, queues: tuple[str, ...] | None, want: int, *, suspects: bool
    ) -> list[Any]:
        """Mark messages as the worker's and return their rows in order."""
        state = waiting_state(suspects)
        try:
            return claim_on_mysql(self, worker, queues, want, state, lock=self._lock_words)
        except BrokerError as error:
            # MariaDB before 10.6 does not know the words; there, claims wait for each other.
            if "SKIP" not in str(error) or "SKIP" not in self._lock_words:
                raise
            self._lock_words = "FOR UPDATE"
            return claim_on_mysql(self, worker, queues, want, state, lock=self._lock_words)

    def wait(self, wake: int, timeout: float, queues: tuple[str, ...] | None) -> None:
        """Look at the table now and then: there is nothing to wait for."""
        look, watch = self._looks(queues)
        began = time.monotonic()
        deadline, settled = began + timeout, began + SETTLED
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        try:
            while not poll.poll(POLL * 1000) and (now := time.monotonic()) < deadline:
                if self.raw.query(watch if watch and now >= settled else look):
                    return
        except self.errors as error:
            # MySQL, or MariaDB in its Oracle mode, does not know the statement.
            if not watch or self._number(error) != PARSE_ERROR:
                raise self.translated(error) from error
            self._can_watch = False
            self._look_texts.clear()

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
                f"BEGIN NOT ATOMIC DECLARE looks INT DEFAULT {LOOKS}; watching: LOOP "
                f"IF {ready} THEN SELECT 1 {into}; LEAVE watching; END IF; SET looks = looks - 1; "
                f"IF looks = 0 THEN SELECT 1 FROM dual WHERE FALSE {into}; LEAVE watching; END IF; "
                f"DO SLEEP({POLL}); END LOOP; END"
            )
            cursor, values = self.raw.cursor(), tuple(queues or ()) * 2
            texts = (f"SELECT 1 FROM dual WHERE {ready} {into}", watch if self._can_watch else "")
            look, watch = (cursor.mogrify(text, values) if values else text for text in texts)
            self._look_texts[queues] = (look, watch)
        return self._look_texts[queues]
