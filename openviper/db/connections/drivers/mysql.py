"""MariaDB and MySQL through PyMySQL, each connection with a thread of its own.

PyMySQL blocks, so every statement is one hop to the connection's thread: sent, fetched and converted there. A thread
cannot be interrupted; when the task that waits is cancelled, the server is asked by another connection to stop the
statement (KILL QUERY), and the task waits for its end, so no connection is given back with a statement running.
"""

from __future__ import annotations

import logging
import re
import select
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from openviper.db.connections.drivers.base import Described, Movable, Parameters, Row, Waiting
from openviper.db.connections.drivers.mysql_commits import refuse_commit
from openviper.db.connections.drivers.mysql_connect import (
    connect_arguments,
    import_driver,
    time_limit,
)
from openviper.db.connections.drivers.mysql_errors import DEADLOCK, translate
from openviper.db.connections.drivers.mysql_results import (
    Decoders,
    check_readable,
    connection_class,
)
from openviper.db.connections.options import DatabaseOptions
from openviper.db.exceptions import OperationalError
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import asyncio

    import pymysql
    from pymysql.cursors import Cursor
else:
    asyncio = lazy_module("asyncio")

T = TypeVar("T")
logger = logging.getLogger("openviper.db")

PATIENCE = 0.1
"""Seconds a statement may go on after its task was cancelled before the server is asked to stop it."""
ATTEMPTS = 5
"""How often a statement of its own is sent that the server ends in favour of another one."""
IN_TRANSACTION = 0x0001
"""SERVER_STATUS_IN_TRANS of the protocol."""
MODE = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO"
"""Values that do not fit are errors, and 0 is a key like any other."""
MARIADB_MODE = "SIMULTANEOUS_ASSIGNMENT"
"""An UPDATE reads the row as it was, whatever it has assigned already; MySQL has no such mode."""
MARIADB_WORDS = (f"sql_mode = '{MODE},{MARIADB_MODE}'", "collation_connection = utf8mb4_nopad_bin")
MYSQL_WORDS = (f"sql_mode = '{MODE}'", "collation_connection = utf8mb4_0900_bin")
"""The mode, and how texts are compared that come from no column: by their characters, spaces at the end included."""
_SAVEPOINT = (
    "SAVEPOINT openviper_many",
    "RELEASE SAVEPOINT openviper_many",
    "ROLLBACK TO SAVEPOINT openviper_many",
)
_TRANSACTION = ("START TRANSACTION", "COMMIT", "ROLLBACK")
"""What begins, ends and undoes work that is done as a whole or not at all."""
_VALUES = re.compile(r"(?is)(.*\bVALUES\s*)(\(.*\))\s*\Z")
_CHANGE = re.compile(r"(?i)\s*(?:INSERT|UPDATE|DELETE|REPLACE)\b")
BATCH_BYTES = 1024 * 1024
"""Most bytes of one INSERT of many rows; servers take 16 MiB by default."""


class MySQLConnection(Movable, Waiting):
    """One connection to MariaDB or MySQL and the thread that does its work.

    Args:
        options: Where to connect to, and how.
    """

    begin: ClassVar[str] = "START TRANSACTION"
    begin_read_only: ClassVar[str] = "START TRANSACTION READ ONLY"

    def __init__(self, options: DatabaseOptions) -> None:
        self._options = options
        self._pymysql = import_driver()
        self._lock = asyncio.Lock()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="openviper-mysql")
        self._running = False
        self._decoders = Decoders()
        self.raw: pymysql.Connection[Cursor]

    # Opening and closing

    async def open(self) -> None:
        """Connect and set up the session: UTC, strict mode, time limit, read-only mode.

        Raises:
            OperationalError: If the server does not take the connection.
        """
        try:
            await self._in_thread(self._open)
        except BaseException:
            # Cancelled, the thread has come to its end nevertheless, perhaps with a connection.
            if hasattr(self, "raw"):
                self._close()
            self._executor.shutdown(wait=False)
            raise

    def _open(self) -> None:
        try:
            self.raw = self._connect()
            self._check_tls()
            with self.raw.cursor() as cursor:
                for setting in self._session():
                    cursor.execute(setting)
        except (self._pymysql.Error, OSError) as error:
            text = error.args[1] if len(error.args) > 1 else error
            raise OperationalError(
                f"cannot connect to {self._options.url.redacted()}: {text}",
                retryable=True,
                unreachable=True,
            ) from error

    def _check_tls(self) -> None:
        """Close what a driver opened without the TLS it was asked for, which old ones do when the server has none."""
        wanted = connect_arguments(self._options.url)["ssl"] is not None
        if wanted and not getattr(self.raw, "_secure", False):
            self.raw.close()
            raise OSError("the server offers no TLS")

    def _connect(self) -> pymysql.Connection[Cursor]:
        from pymysql.constants import CLIENT

        return connection_class()(
            autocommit=True,
            conv=self._decoders.by_type(),
            # An UPDATE tells how many rows it found, as everywhere else, not how many it changed.
            client_flag=CLIENT.FOUND_ROWS,
            **connect_arguments(self._options.url),
        )

    def _session(self) -> list[str]:
        is_mariadb = "mariadb" in str(self.raw.get_server_info()).lower()
        settings = ["time_zone = '+00:00'", *(MARIADB_WORDS if is_mariadb else MYSQL_WORDS)]
        limit = self._options.statement_timeout
        if limit is not None:
            settings.append(time_limit(limit, is_mariadb=is_mariadb))
        statements = [f"SET SESSION {', '.join(settings)}"]
        if self._options.read_only:
            statements.append("SET SESSION TRANSACTION READ ONLY")
        return statements

    async def close(self) -> None:
        """Close; a statement that runs is stopped."""
        async with self._lock:
            await self._in_thread(self._close)
        self._executor.shutdown(wait=False)

    def _close(self) -> None:
        try:
            self.raw.close()
        except (self._pymysql.Error, OSError):
            logger.debug("closing a connection failed; it was lost already", exc_info=True)

    def close_now(self) -> None:
        """Close without the event loop."""
        self._executor.shutdown(wait=True)
        self._close()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, as the server said last."""
        return bool(self.raw.open and self.raw.server_status & IN_TRANSACTION)

    @property
    def is_usable(self) -> bool:
        """Whether it is open, with no transaction and no statement on it."""
        return bool(self.raw.open) and not self._running and not self.in_transaction

    @property
    def is_alive(self) -> bool:
        """Whether the server has not closed the connection."""
        if not self.raw.open:
            return False
        poll = select.poll()
        poll.register(self.raw._sock, select.POLLIN)
        return not poll.poll(0)

    # The thread

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Run `work` in the thread and wait for its end even if this task is cancelled meanwhile."""

        def guarded() -> T:
            try:
                return work()
            except self._pymysql.Error as error:
                self._note_rollback(error)
                raise translate(error) from error
            except OSError as error:
                raise OperationalError(
                    f"the connection was lost: {error}", retryable=True
                ) from error

        self._running = True
        future = asyncio.get_running_loop().run_in_executor(self._executor, guarded)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await self._settle(future)
            raise
        finally:
            self._running = False

    def _note_rollback(self, error: pymysql.Error) -> None:
        """Take note that a deadlock ended the transaction: an error tells no status."""
        if error.args[:1] == (DEADLOCK,):
            self.raw.server_status &= ~IN_TRANSACTION

    async def _settle(self, future: asyncio.Future[Any]) -> None:
        """Wait until `future` is done, however often this task is cancelled; stop a statement that takes its time."""
        loop = asyncio.get_running_loop()
        await _wait(future, PATIENCE)
        if not future.done():
            kill = loop.run_in_executor(None, self._kill)
            await _wait(kill)
            await _wait(future)
            if self.raw.open:
                # It may have come too late, and would then stop whatever is sent next.
                await _wait(loop.run_in_executor(self._executor, self._absorb_kill))
        if not future.cancelled():
            future.exception()

    def _absorb_kill(self) -> None:
        try:
            self.raw.cursor().execute("DO 0")
        except (self._pymysql.Error, OSError):
            logger.debug("a late KILL QUERY was absorbed")

    def _kill(self) -> None:
        if not hasattr(self, "raw"):
            return
        try:
            other = self._connect()
            try:
                other.cursor().execute(f"KILL QUERY {int(self.raw.thread_id())}")
            finally:
                other.close()
        except (self._pymysql.Error, OSError):
            logger.warning("cannot stop a statement on %s", self._options.alias, exc_info=True)

    def _execute(self, cursor: Cursor, sql: str, parameters: Parameters) -> None:
        if self._options.echo:
            logger.info("%s", sql)
        self._decoders.failed = False
        # Without values the text is sent as it is; with an empty list a percent sign in it would be looked at.
        cursor.execute(sql, tuple(parameters) or None)

    # Statements

    async def read(self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]) -> T:
        """Run a read and its conversion in the thread."""

        def work() -> T:
            with self.raw.cursor() as cursor:
                self._execute(cursor, sql, parameters)
                if isinstance(convert, Described):
                    convert.note(cursor)
                rows = list(cursor.fetchall())
                if self._decoders.failed:
                    check_readable(cursor, rows)
            return convert(rows)

        async with self._lock:
            return await self._in_thread(work)

    async def write(self, sql: str, parameters: Parameters, *, single: bool) -> tuple[int, Any]:
        """Run any other statement; the server undoes it alone when it fails.

        InnoDB ends one of several statements that insert the same key at once, or change rows in another order. Outside of
        a transaction nothing else is undone with it, so that it is sent again; not a CALL, of which a part may be stored.

        Raises:
            DatabaseOperationNotSupportedError: If it would commit the open transaction; it is not sent.
        """
        if self.in_transaction:
            refuse_commit(sql)

        def send() -> tuple[int, Any]:
            with self.raw.cursor() as cursor:
                self._execute(cursor, sql, parameters)
                return cursor.rowcount, cursor.lastrowid

        def work() -> tuple[int, Any]:
            is_alone = not self.in_transaction and _CHANGE.match(sql)
            for _ in range(ATTEMPTS - 1 if is_alone else 0):
                try:
                    return send()
                except self._pymysql.Error as error:
                    if error.args[:1] != (DEADLOCK,):
                        raise
                # Those who stood in each other's way have other numbers, and do not meet again.
                time.sleep(self.raw.thread_id() % 10 / 1000)
            return send()

        async with self._lock:
            return await self._in_thread(work)

    async def write_many(self, sql: str, rows: Iterable[Parameters]) -> int:
        """Run a write once per row of values, all or nothing; INSERTs are joined into few."""

        def work() -> int:
            with self.raw.cursor() as cursor:
                return self._write_each(cursor, sql, rows)

        async with self._lock:
            return await self._in_thread(lambda: self._all_or_nothing(work))

    def _write_each(self, cursor: Cursor, sql: str, rows: Iterable[Parameters]) -> int:
        if _VALUES.match(sql):
            return sum(count for count, _ in self._insert_batches(cursor, sql, rows))
        count = 0
        for row in rows:
            self._execute(cursor, sql, row)
            count += cursor.rowcount
        return count

    async def insert_many(self, sql: str, rows: Iterable[Parameters]) -> list[int]:
        """Insert rows whose keys the database makes, all or nothing, and return the keys.

        InnoDB gives the rows of one INSERT ... VALUES consecutive numbers in the order of the rows
        (https://dev.mysql.com/doc/refman/8.0/en/innodb-auto-increment-handling.html, "simple inserts"), in steps of
        ``auto_increment_increment``, and the protocol tells the first.
        """

        def work() -> list[int]:
            keys: list[int] = []
            with self.raw.cursor() as cursor:
                cursor.execute("SELECT @@auto_increment_increment")
                step = int(cursor.fetchall()[0][0])
                for count, first in self._insert_batches(cursor, sql, rows):
                    keys += range(first, first + count * step, step)
            return keys

        async with self._lock:
            return await self._in_thread(lambda: self._all_or_nothing(work))

    def _insert_batches(
        self, cursor: Cursor, sql: str, rows: Iterable[Parameters]
    ) -> Iterable[tuple[int, int]]:
        """Insert rows in as few statements as fit; yield the number of rows and the first key of each."""
        match = _VALUES.match(sql)
        assert match is not None
        head, marks = match.groups()
        batch: list[str] = []
        size = 0
        for row in rows:
            text = cursor.mogrify(marks, tuple(row))
            if batch and size + len(text) > BATCH_BYTES:
                yield self._insert_batch(cursor, head, batch)
                batch, size = [], 0
            batch.append(text)
            size += len(text) + 1
        if batch:
            yield self._insert_batch(cursor, head, batch)

    def _insert_batch(self, cursor: Cursor, head: str, batch: Sequence[str]) -> tuple[int, int]:
        if self._options.echo:
            logger.info("%s (%d rows)", head, len(batch))
        cursor.execute(head + ",".join(batch))
        return len(batch), int(cursor.lastrowid or 0)

    def _all_or_nothing(self, work: Callable[[], T]) -> T:
        nested = self.in_transaction
        begin, end, undo = _SAVEPOINT if nested else _TRANSACTION
        with self.raw.cursor() as cursor:
            cursor.execute(begin)
            try:
                result = work()
                cursor.execute(end)
            except BaseException:
                # A deadlock has rolled the whole transaction back already.
                if self.in_transaction:
                    cursor.execute(undo)
                raise
        return result

    async def stream(
        self,
        sql: str,
        parameters: Parameters,
        convert: Callable[[list[Row]], list[T]],
        chunk_size: int,
    ) -> AsyncGenerator[list[T], None]:
        """Run a read and yield its rows in chunks.

        The protocol sends one result at a time, so inside a transaction, where other statements may come in between, all
        rows are fetched at once.
        """
        from pymysql.cursors import Cursor, SSCursor

        cursor = self.raw.cursor(Cursor if self.in_transaction else SSCursor)
        begun = complete = suspect = False

        def fetch() -> list[T]:
            nonlocal begun, complete, suspect
            if not begun:
                begun = True
                self._execute(cursor, sql, parameters)
            rows = list(cursor.fetchmany(chunk_size))
            complete = len(rows) < chunk_size
            suspect |= self._decoders.failed
            if suspect:
                check_readable(cursor, rows)
            return convert(rows)

        try:
            while not complete:
                async with self._lock:
                    chunk = await self._in_thread(fetch)
                if chunk:
                    yield chunk
        finally:
            if begun and not complete and isinstance(cursor, SSCursor):
                # The rest of the rows would have to be read to its end; without the connection the server gives up.
                self.raw._force_close()
                cursor.connection = None
                if self.raw._result is not None:
                    self.raw._result.unbuffered_active = False
            cursor.close()

    async def control(self, sql: str) -> None:
        """Begin or end a transaction or savepoint."""
        await self.write(sql, (), single=True)


async def _wait(future: asyncio.Future[Any], seconds: float | None = None) -> None:
    """Wait until `future` is done, for so many seconds at most, however often this task is cancelled."""
    loop = asyncio.get_running_loop()
    end = None if seconds is None else loop.time() + seconds
    while not future.done():
        left = None if end is None else end - loop.time()
        if left is not None and left <= 0:
            return
        try:
            await asyncio.wait([future], timeout=left)
        except asyncio.CancelledError:
            continue
