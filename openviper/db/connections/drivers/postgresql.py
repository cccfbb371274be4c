"""PostgreSQL through psycopg 3 and its asynchronous interface.

Connections are in autocommit mode and transactions are begun by statement, so nothing is ever open that nobody asked
for. A failed statement breaks a PostgreSQL transaction, so each write inside one gets a savepoint of its own; the three
statements travel in one pipeline, which is one round trip.
"""

from __future__ import annotations

import logging
import re
import select
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from openviper.db.connections.drivers.base import Described, Movable, Parameters, Row, Waiting
from openviper.db.connections.drivers.postgresql_errors import translate
from openviper.db.connections.drivers.postgresql_pipeline import (
    Prepared,
    as_pipeline,
    write_in_savepoint,
)
from openviper.db.connections.drivers.postgresql_results import unreadable
from openviper.db.connections.options import DatabaseOptions
from openviper.db.connections.url import DatabaseURL
from openviper.db.exceptions import DatabaseError, OperationalError
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import asyncio

    import psycopg
    from psycopg.abc import Transformer
    from psycopg.pq import TransactionStatus
else:
    asyncio = lazy_module("asyncio")

T = TypeVar("T")
logger = logging.getLogger("openviper.db")

CONNECT_TIMEOUT = 10
"""Seconds to wait for the server when the URL does not say."""
_ACTIVE = 1
"""What libpq says of a connection while a statement runs, in a transaction or not."""
_CURSOR = "openviper_stream"
_numbers = count()
_CONTROL = re.compile(
    r"(?is)(?:\s|--[^\n]*\n|/\*.*?\*/)*(?:ABORT|BEGIN|COMMIT|END|PREPARE\s+TRANSACTION|RELEASE|ROLLBACK|SAVEPOINT|START)\b"
)
"""Statements that begin or end a transaction or a savepoint, so that none of their own can be around them."""
_STORES = re.compile(r"(?is)(?:\s|--[^\n]*\n|/\*.*?\*/)*(?:COMMIT|END|PREPARE)\b")
"""Statements that store a transaction."""


def import_driver() -> Any:
    """Return the psycopg package.

    Raises:
        ModuleNotFoundError: If it, or the library it needs, is not installed.
    """
    try:
        import psycopg
    except ImportError as error:
        raise ModuleNotFoundError(
            f"PostgreSQL needs the package psycopg: pip install 'openviper[postgres]' ({error})"
        ) from error
    logging.getLogger("psycopg").addFilter(_is_news)
    return psycopg


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether a line of psycopg's log says what nobody else does: the error of a pipeline is raised anyway."""
    return not str(record.msg).startswith("error ignored terminating")


def connect_arguments(url: DatabaseURL) -> dict[str, Any]:
    """Return libpq's keywords for a URL."""
    given: dict[str, Any] = {
        "host": url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "dbname": url.database,
        "connect_timeout": CONNECT_TIMEOUT,
        "fallback_application_name": "openviper",
        **url.query,
        "client_encoding": "UTF8",
    }
    return {name: value for name, value in given.items() if value is not None}


@lru_cache
def _json_loaders() -> tuple[type[Any], type[Any]]:
    """Return loaders that give JSON as text, for text and binary results.

    Values are decoded by the field: what a query remembers of a row must not change when its decoded form does.
    """
    from psycopg.adapt import Loader
    from psycopg.pq import Format

    class JSONText(Loader):
        def load(self, data: bytes | bytearray | memoryview) -> str:
            return bytes(data).decode()

    class JSONBinary(Loader):
        format = Format.BINARY

        def load(self, data: bytes | bytearray | memoryview) -> str:
            return bytes(data[1:]).decode()  # Behind the version of the format, which is 1.

    return JSONText, JSONBinary


class PostgreSQLConnection(Movable, Waiting):
    """One connection to PostgreSQL.

    Args:
        options: Where to connect to, and how.
    """

    begin: ClassVar[str] = "BEGIN"
    begin_read_only: ClassVar[str] = "BEGIN READ ONLY"

    def __init__(self, options: DatabaseOptions) -> None:
        self._options = options
        self._psycopg = import_driver()
        self._idle: TransactionStatus = self._psycopg.pq.TransactionStatus.IDLE
        self._lock = asyncio.Lock()
        self._in_transaction = False
        self._ends = 0  # Of transactions and savepoints, with which their cursors go.
        self.raw: psycopg.AsyncConnection[Row]
        self._points: psycopg.AsyncCursor[Row]
        self._transformer: Transformer
        self._prepared: Prepared

    # Opening and closing

    async def open(self) -> None:
        """Connect and set up the session: time zone UTC, time limit, read-only mode.

        Raises:
            OperationalError: If the server does not take the connection.
        """
        options = self._options
        settings = ["SET TIME ZONE 'UTC'"]
        if options.statement_timeout is not None:
            settings.append(
                f"SET statement_timeout = {max(1, round(options.statement_timeout * 1000))}"
            )
        if options.read_only:
            settings.append("SET default_transaction_read_only = on")
        try:
            self.raw = await self._psycopg.AsyncConnection.connect(
                autocommit=True,
                prepare_threshold=5 if options.prepared_statements else None,
                **connect_arguments(options.url),
            )
        except self._psycopg.Error as error:
            raise self._refused(error) from error
        try:
            self.raw.prepared_max = options.prepared_statements or None
            self.raw.add_notice_handler(_log_notice)
            text, binary = _json_loaders()
            self.raw.adapters.register_loader("json", text)
            self.raw.adapters.register_loader("jsonb", text)
            self.raw.adapters.register_loader("jsonb", binary)
            await self.raw.execute("; ".join(settings))
            self._points = self.raw.cursor()
            self._transformer = self._psycopg.adapt.Transformer(self.raw)
            self._prepared = Prepared(options.prepared_statements)
        except BaseException as error:
            await self.raw.close()
            if isinstance(error, self._psycopg.Error):
                raise self._refused(error) from error
            raise

    def _refused(self, error: psycopg.Error) -> OperationalError:
        # libpq's message names host and port, never the password.
        url = self._options.url.redacted()
        return OperationalError(
            f"cannot connect to {url}: {str(error).strip()}", retryable=True, unreachable=True
        )

    async def close(self) -> None:
        """Close; a statement that runs is abandoned, and the server rolls back."""
        await self.raw.close()

    def close_now(self) -> None:
        """Close without the event loop."""
        self.raw.pgconn.finish()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, working or broken; while a statement runs, whether one was before it."""
        status = self.raw.pgconn.transaction_status
        if status != _ACTIVE:
            self._in_transaction = status in (2, 3)
        return self._in_transaction

    def _note_transaction(self, sql: str, cursor: psycopg.AsyncCursor[Row]) -> None:
        """Remember whether a transaction is open now that a statement that may begin or end one is done.

        Raises:
            OperationalError: If it should have stored a transaction and has undone it.
        """
        self._in_transaction = self.raw.pgconn.transaction_status in (2, 3)
        if not self._in_transaction or sql.startswith("ROLLBACK"):
            self._ends += 1
        # What is left of a transaction behind a statement that failed for good ends without an error, whatever is asked for.
        if cursor.statusmessage == "ROLLBACK" and _STORES.match(sql):
            raise OperationalError(
                "a statement of the transaction failed or was cancelled, and could not be undone alone; "
                "nothing of the transaction was stored",
                retryable=True,
            )

    @property
    def is_usable(self) -> bool:
        """Whether it is open, with no transaction and no statement on it."""
        return bool(self.raw.pgconn.transaction_status == self._idle)

    @property
    def is_alive(self) -> bool:
        """Whether the server has neither closed the connection nor announced to do so."""
        if self.raw.closed:
            return False
        # An idle server says nothing: whatever there is to read is its farewell, or the end of the connection.
        poll = select.poll()
        poll.register(self.raw.pgconn.socket, select.POLLIN)
        return not poll.poll(0)

    def move(self) -> None:
        """Be used on the running event loop from now on; nothing runs on the connection."""
        super().move()
        # Like ours, psycopg's belongs to the loop in which somebody has waited for it.
        self.raw.lock = type(self.raw.lock)()

    # Statements

    async def _execute(self, sql: str, parameters: Parameters) -> psycopg.AsyncCursor[Row]:
        if self._options.echo:
            logger.info("%s", sql)
        cursor = self.raw.cursor(binary=True)
        # Without values the text is sent as it is; with an empty list a percent sign in it would be looked at.
        return await cursor.execute(sql, parameters or None)

    async def read(self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]) -> T:
        """Run a read and return ``convert(rows)``."""
        try:
            async with self._lock:
                cursor = await self._execute(sql, parameters)
        except self._psycopg.Error as error:
            raise translate(error) from error
        # All of the result is here; making its values waits for nothing.
        try:
            rows = await cursor.fetchall()
        except Exception as error:
            raise unreadable(cursor, error) from error
        if isinstance(convert, Described):
            convert.note(cursor)
        return convert(rows)

    async def read_undone(
        self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]
    ) -> T:
        """Run a read in a transaction, which goes on if the read fails."""
        async with self._lock:
            cursor = await self._undone_on_failure(lambda: self._write_piped(sql, parameters))
            rows = await cursor.fetchall()
        if isinstance(convert, Described):
            convert.note(cursor)
        return convert(rows)

    async def write(self, sql: str, parameters: Parameters, *, single: bool) -> tuple[int, Any]:
        """Run any other statement, in a savepoint of its own inside a transaction; a returned row begins with the key."""
        async with self._lock:
            if self.in_transaction and not _CONTROL.match(sql):
                return await self._write_in_transaction(sql, parameters)
            try:
                cursor = await self._execute(sql, parameters)
                self._note_transaction(sql, cursor)
            except self._psycopg.Error as error:
                raise translate(error) from error
            return await self._written(cursor)

    async def _write_in_transaction(self, sql: str, parameters: Parameters) -> tuple[int, Any]:
        """Run a write that leaves no trace if it fails, by the short way if it is an ordinary one."""
        statement = as_pipeline(sql, parameters)
        if statement is None:
            cursor = await self._undone_on_failure(lambda: self._write_piped(sql, parameters))
            return await self._written(cursor)
        if self._options.echo:
            logger.info("%s", sql)
        values, prepared = self._transformer, self._prepared

        async def write() -> tuple[int, Any]:
            return await write_in_savepoint(self.raw, values, prepared, statement, parameters)

        try:
            return await self._undone_on_failure(write)
        except DatabaseError as error:
            if not prepared.is_outdated(error.__cause__):
                raise
        prepared.forget()
        return await self._undone_on_failure(write)

    async def _written(self, cursor: psycopg.AsyncCursor[Row]) -> tuple[int, Any]:
        """Return what a write tells, behind what undoes it: a value that cannot be read undoes nothing."""
        if cursor.description is None:
            return cursor.rowcount, None
        try:
            row = await cursor.fetchone()
        except Exception as error:
            raise unreadable(cursor, error) from error
        return cursor.rowcount, None if row is None else row[0]

    async def _write_piped(self, sql: str, parameters: Parameters) -> psycopg.AsyncCursor[Row]:
        # One cursor serves all savepoints, which tell nothing: making one takes a tenth of a write's time.
        points = self._points
        async with self.raw.pipeline():
            await points.execute("SAVEPOINT openviper_write")
            cursor = await self._execute(sql, parameters)
            await points.execute("RELEASE SAVEPOINT openviper_write")
        return cursor

    async def _undone_on_failure(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run work that begins with the savepoint ``openviper_write``; a failure or cancellation leaves no trace of it."""
        try:
            return await work()
        except BaseException as error:
            if self.in_transaction:
                await _to_the_end(self._roll_back_write())
            if isinstance(error, self._psycopg.Error):
                raise translate(error) from error
            raise

    async def _roll_back_write(self) -> None:
        try:
            await self.raw.execute(
                "ROLLBACK TO SAVEPOINT openviper_write; RELEASE SAVEPOINT openviper_write"
            )
        except self._psycopg.Error:
            # The savepoint was not reached, or the connection is gone; the transaction is broken, which its end sees.
            logger.debug("a statement could not be undone", exc_info=True)

    async def _all_or_nothing(self, work: Callable[[], Awaitable[T]]) -> T:
        async with self._lock:
            if self.in_transaction:
                return await self._undone_on_failure(lambda: self._in_savepoint(work))
            return await self._in_own_transaction(work)

    async def _in_savepoint(self, work: Callable[[], Awaitable[T]]) -> T:
        await self.raw.execute("SAVEPOINT openviper_write")
        result = await work()
        await self.raw.execute("RELEASE SAVEPOINT openviper_write")
        return result

    async def _in_own_transaction(self, work: Callable[[], Awaitable[T]]) -> T:
        try:
            await self.raw.execute("BEGIN")
            result = await work()
            await self.raw.execute("COMMIT")
        except BaseException as error:
            if self.in_transaction:
                await _to_the_end(self.raw.execute("ROLLBACK"))
            if isinstance(error, self._psycopg.Error):
                raise translate(error) from error
            raise
        return result

    async def write_many(self, sql: str, rows: Iterable[Parameters]) -> int:
        """Run a write once per row of values, all or nothing; a ``COPY ... FROM STDIN`` takes the rows as its data."""
        if self._options.echo:
            logger.info("%s", sql)

        async def work() -> int:
            cursor = self.raw.cursor()
            if sql.startswith("COPY "):
                async with cursor.copy(sql) as copy:
                    for row in rows:
                        await copy.write_row(row)
            else:
                await cursor.executemany(sql, rows)
            return cursor.rowcount

        return await self._all_or_nothing(work)

    async def insert_many(self, sql: str, rows: Iterable[Parameters]) -> list[int]:
        """Insert rows with a statement that returns the key, all or nothing, and return the keys."""

        async def work() -> list[int]:
            cursor = self.raw.cursor()
            keys: list[int] = []
            await cursor.executemany(sql, rows, returning=True)
            async for result in cursor.results():
                row = await result.fetchone()
                assert row is not None
                keys.append(row[0])
            return keys

        return await self._all_or_nothing(work)

    async def stream(
        self,
        sql: str,
        parameters: Parameters,
        convert: Callable[[list[Row]], list[T]],
        chunk_size: int,
    ) -> AsyncGenerator[list[T], None]:
        """Run a read through a cursor on the server and yield its rows in chunks."""
        own = not self.in_transaction
        if own:
            await self.control(self.begin_read_only)
        cursor = self.raw.cursor(name=f"{_CURSOR}_{next(_numbers)}", binary=True)
        ends = self._ends
        try:
            await self._declare(cursor, sql, parameters)
            rows = await self._fetch(cursor, chunk_size)
            while rows:
                yield convert(rows)
                rows = [] if len(rows) < chunk_size else await self._fetch(cursor, chunk_size)
        finally:
            # Whether it was ever declared: it asks only where there is something. A cursor that went with its transaction
            # has nothing on the server, and closing it there would break the transaction that is open now.
            is_there = ends == self._ends
            close = cursor.close() if is_there else self._psycopg.AsyncCursor.close(cursor)
            await _to_the_end(close)
            if own and self.in_transaction:
                await _to_the_end(self.control("ROLLBACK"))

    async def _declare(self, cursor: Any, sql: str, parameters: Parameters) -> None:
        if self._options.echo:
            logger.info("%s", sql)
        try:
            async with self._lock:
                await cursor.execute(sql, parameters or None)
        except self._psycopg.Error as error:
            raise translate(error) from error

    async def _fetch(self, cursor: Any, chunk_size: int) -> list[Row]:
        try:
            async with self._lock:
                rows: list[Row] = await cursor.fetchmany(chunk_size)
        except self._psycopg.Error as error:
            if isinstance(error, self._psycopg.DataError) and error.sqlstate is None:
                raise unreadable(cursor, error) from error
            raise translate(error) from error
        except (ValueError, OverflowError) as error:
            raise unreadable(cursor, error) from error
        return rows

    async def control(self, sql: str) -> None:
        """Begin or end a transaction or savepoint."""
        if self._options.echo:
            logger.info("%s", sql)
        try:
            async with self._lock:
                self._note_transaction(sql, await self.raw.execute(sql))
        except self._psycopg.Error as error:
            raise translate(error) from error


async def _to_the_end(work: Awaitable[Any]) -> None:
    """Wait for work that must not be left half done, even while this task is being cancelled."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if not task.cancelled():
        task.exception()
    if cancelled:
        raise asyncio.CancelledError


def _log_notice(notice: psycopg.errors.Diagnostic) -> None:
    logger.debug("PostgreSQL: %s: %s", notice.severity, notice.message_primary)
