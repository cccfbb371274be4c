"""One connection for all tests, and a transaction around each of them.

The pool of a database is replaced by one that gives everybody the same connection, on which a transaction is open for
the time of the test. What the code under test takes for a transaction is a savepoint in it: it commits, its hooks run,
it rolls back, all as ever, and at the end of the test everything is undone.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Literal, Protocol, TypeVar

from openviper.db.connections.drivers.base import (
    LATER,
    DriverConnection,
    Later,
    Parameters,
    Row,
)
from openviper.db.connections.options import DatabaseOptions
from openviper.db.exceptions import OperationalError, PoolTimeoutError
from openviper.exceptions import OpenViperException

T = TypeVar("T")

_BEGINS = re.compile(r"\s*(?:BEGIN|START\s+TRANSACTION)\b", re.IGNORECASE)
_ENDS = re.compile(
    r"\s*(?:(COMMIT|END)|ROLLBACK)(?:\s+(?:WORK|TRANSACTION))?\s*;?\s*", re.IGNORECASE
)
_LEVEL = re.compile(r"\s*SET\s+TRANSACTION\b", re.IGNORECASE)
"""Says how the next transaction is to be, which a transaction around the test does not let anybody do."""
POINT = "openviper_test"
_TO_POINT = f"ROLLBACK TO SAVEPOINT {POINT}"
_RELEASE = f"RELEASE SAVEPOINT {POINT}"


class IsolationLostError(OpenViperException):
    """A statement of a test has ended the transaction around it, so that what it wrote stays."""

    def __init__(self, sql: str) -> None:
        first = sql.split(maxsplit=1)[0] if sql.strip() else "a statement"
        super().__init__(
            f"{first} has ended the transaction around the test; use the fixture transactional_db, which keeps tests apart "
            "by deleting their rows"
        )


class TurnTimeoutError(PoolTimeoutError):
    """A transaction of another task does not end, and the one connection of the test is in it."""

    def __init__(self, alias: str, timeout: float) -> None:
        super().__init__(alias, timeout)
        self.args = (
            f"another task has been in a transaction on {alias!r} for {timeout:g} s, and a test has one connection; use the "
            "fixture transactional_db, with which every task has its own",
        )


class KeptConnection(DriverConnection, Protocol):
    """What is asked of a connection that is used by one event loop after the other."""

    def move(self) -> None:
        """Be used on the running event loop from now on; nothing runs on the connection."""
        ...

    async def open(self) -> None:
        """Connect."""
        ...

    def close_now(self) -> None:
        """Close without an event loop."""
        ...


class KeptPool:
    """Stands in for the pool of a database.

    Args:
        options: The database.
        make: Returns a connection that is not open yet.

    Attributes:
        turn: Held by the code under test while it has a transaction of its own.
        session: Stands for the test that has the connection; `None` between tests.
        is_isolated: Whether a transaction is open for the time of a test.
    """

    def __init__(self, options: DatabaseOptions, make: Callable[[], KeptConnection]) -> None:
        self._options = options
        self._make = make
        self._connection: KeptConnection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.turn = asyncio.Lock()
        self.session: object | None = None
        self.is_isolated = False
        self._waiting = 0
        self._sending = 0
        self._is_quiet = asyncio.Event()

    @property
    def connection(self) -> KeptConnection:
        """The connection, which is open.

        Raises:
            OperationalError: If the event loop is not that of the test.
        """
        if self._connection is None:
            raise self._out_of_reach()
        if self.session is None:
            raise self._over()
        self._bring(self._connection)
        return self._connection

    def _bring(self, connection: KeptConnection) -> None:
        """Let a plain test, whose own event loop stands still, use the connection on another one, and back again."""
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            return
        if self._is_in_use:
            raise self._out_of_reach()
        self._loop, self.turn = loop, asyncio.Lock()
        connection.move()

    def _out_of_reach(self) -> OperationalError:
        return OperationalError(
            f"database {self._options.alias!r} belongs to the event loop of the test; another thread or loop can have it "
            "with the fixture transactional_db, if it is not in memory"
        )

    def _over(self) -> OperationalError:
        return OperationalError(
            f"the test that database {self._options.alias!r} belonged to is over; a test awaits the tasks that it starts"
        )

    @property
    def _is_in_use(self) -> bool:
        return self._loop is not None and self._loop.is_running()

    # Between tests

    async def take(self) -> None:
        """Have the connection on the running event loop."""
        self._loop, self.turn = asyncio.get_running_loop(), asyncio.Lock()
        if self._connection is not None and not getattr(self._connection, "is_alive", True):
            self.discard()
        if self._connection is None:
            connection = self._make()
            await connection.open()
            self._connection = connection
        self.session = object()
        self._connection.move()

    async def begin(self) -> None:
        """Begin the transaction of a test."""
        await self.connection.control(self.connection.begin)
        self.is_isolated = True

    async def end(self) -> bool:
        """Undo what the test has written, and return whether all of it could be; nothing of it is sent from now on."""
        is_isolated, self.is_isolated = self.is_isolated, False
        self.session = None
        if self._connection is None:
            return not is_isolated
        await self._until_quiet()
        self._bring(self._connection)
        return await _rolled_back(self._connection) if is_isolated else True

    async def _until_quiet(self) -> None:
        """Wait for the statements of tasks that the test has left behind."""
        self._is_quiet = asyncio.Event()
        if self._sending:
            async with asyncio.timeout(self._options.pool_timeout):
                await self._is_quiet.wait()

    @contextmanager
    def sending(self, session: object) -> Iterator[None]:
        """Note that a statement is sent inside the block.

        Raises:
            OperationalError: If the test it belongs to is over.
        """
        if session is not self.session:
            raise self._over()
        self._sending += 1
        try:
            yield
        finally:
            self._sending -= 1
            if not self._sending:
                self._is_quiet.set()

    async def run(self, work: Callable[[Any], None]) -> None:
        """Run a function with the connection of the driver, which no test has; SQLite."""
        connection: Any = self._connection
        self._bring(connection)
        await connection.run(work)

    def discard(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close_now()
            self._connection = None

    # What a pool does

    def read_at_once(
        self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]
    ) -> T | Literal[Later.LATER]:
        """Run a read inline, if nobody is in a transaction."""
        if self.turn.locked():
            return LATER
        return self.connection.read_at_once(sql, parameters, convert)

    def write_at_once(
        self, sql: str, parameters: Parameters
    ) -> tuple[int, Any] | Literal[Later.LATER]:
        """Run a write of one row at most inline, if nobody is in a transaction."""
        if self.turn.locked():
            return LATER
        return self.connection.write_at_once(sql, parameters)

    async def read(self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]) -> T:
        """Run a read."""
        return await _Borrowed(self).read(sql, parameters, convert)

    async def write(self, sql: str, parameters: Parameters, *, single: bool) -> tuple[int, Any]:
        """Run one write."""
        return await _Borrowed(self).write(sql, parameters, single=single)

    async def stream(
        self,
        sql: str,
        parameters: Parameters,
        convert: Callable[[list[Row]], list[T]],
        chunk_size: int,
    ) -> AsyncGenerator[list[T], None]:
        """Run a read and yield its rows in chunks; all of them are fetched at once."""
        async for chunk in _Borrowed(self).stream(sql, parameters, convert, chunk_size):
            yield chunk

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[DriverConnection]:
        """Borrow the connection."""
        borrowed = _Borrowed(self)
        try:
            yield borrowed
        finally:
            if borrowed.in_transaction:
                await borrowed.control("ROLLBACK")

    async def wait_turn(self) -> asyncio.Lock:
        """Wait until nobody else is in a transaction, and return what is to be released.

        Raises:
            TurnTimeoutError: If that takes longer than a pool waits for a connection.
        """
        turn = self.turn
        if not turn.locked() and not self._waiting:
            await turn.acquire()  # At once, so it needs no time limit.
            return turn
        self._waiting += 1
        try:
            async with asyncio.timeout(self._options.pool_timeout):
                await turn.acquire()
        except TimeoutError:
            raise TurnTimeoutError(self._options.alias, self._options.pool_timeout) from None
        finally:
            self._waiting -= 1
        return turn

    def committed(self) -> None:
        """Do nothing: nothing is committed."""

    async def close(self) -> None:
        """Do nothing: the connection is kept for the tests to come."""

    def close_now(self) -> None:
        """Do nothing, as `close`."""

    def statistics(self) -> dict[str, Any]:
        """Return nothing: the connection is not one of the application's."""
        return {}


async def _rolled_back(connection: KeptConnection) -> bool:
    """End the transaction of a test, and return whether it was still there."""
    if not connection.in_transaction:
        return False
    await connection.control("ROLLBACK")
    return True


class _Borrowed:
    """The kept connection, as one user of the pool sees it."""

    def __init__(self, pool: KeptPool) -> None:
        self._pool = pool
        self._raw = pool.connection
        self._session = pool.session
        self._turn: asyncio.Lock | None = None
        """Held while this user is in a transaction."""

    @property
    def begin(self) -> str:
        """The statement that begins a transaction for writing."""
        return self._raw.begin

    @property
    def begin_read_only(self) -> str:
        """The statement that begins a transaction for reading."""
        return self._raw.begin_read_only

    @property
    def in_transaction(self) -> bool:
        """Whether this user has begun a transaction, and nothing has ended it."""
        is_current = self._session is self._pool.session
        return is_current and self._owns_turn and self._raw.in_transaction

    @property
    def _owns_turn(self) -> bool:
        return self._turn is not None

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        if self._owns_turn:
            with self._pool.sending(self._session):
                yield
            return
        turn = await self._pool.wait_turn()
        try:
            with self._pool.sending(self._session):
                yield
        finally:
            turn.release()

    def read_at_once(
        self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]
    ) -> T | Literal[Later.LATER]:
        """Run a read inline, if it is short and it is its turn."""
        if not self._may_send_now:
            return LATER
        return self._raw.read_at_once(sql, parameters, convert)

    @property
    def _may_send_now(self) -> bool:
        is_current = self._session is self._pool.session
        return is_current and (self._owns_turn or not self._pool.turn.locked())

    def write_at_once(
        self, sql: str, parameters: Parameters
    ) -> tuple[int, Any] | Literal[Later.LATER]:
        """Run a write of one row at most inline, if it is its turn."""
        if not self._may_send_now:
            return LATER
        return self._raw.write_at_once(sql, parameters)

    async def read(self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]) -> T:
        """Run a read."""
        async with self._in_turn():
            if self._pool.is_isolated and not self._owns_turn:
                # Outside of a transaction a read that fails undoes nothing.
                return await self._read_undone(sql, parameters, convert)
            return await self._raw.read(sql, parameters, convert)

    async def _read_undone(
        self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]
    ) -> T:
        # On PostgreSQL a read that fails would end the transaction around the test.
        read = getattr(self._raw, "read_undone", self._raw.read)
        result: T = await read(sql, parameters, convert)
        return result

    async def write(self, sql: str, parameters: Parameters, *, single: bool) -> tuple[int, Any]:
        """Run any other statement; one that begins or ends a transaction does so for this user."""
        if await self._was_control(sql):
            return -1, None
        async with self._in_turn():
            written = await self._raw.write(sql, parameters, single=single)
            self._check_isolated(sql)
            return written

    async def _was_control(self, sql: str) -> bool:
        """Return whether a statement has begun or ended a transaction of this user, or said how one is to be."""
        ending = _ENDS.fullmatch(sql)
        if self._owns_turn and ending:
            await self._end("COMMIT" if ending[1] else "ROLLBACK")
        elif not self._owns_turn and _BEGINS.match(sql):
            await self._begin(sql)
        else:
            return self._pool.is_isolated and _LEVEL.match(sql) is not None
        return True

    def _check_isolated(self, sql: str) -> None:
        if self._pool.is_isolated and not self._raw.in_transaction:
            raise IsolationLostError(sql)

    async def write_many(self, sql: str, rows: Iterable[Parameters]) -> int:
        """Run a write once per row of values, all or nothing."""
        async with self._in_turn():
            return await self._raw.write_many(sql, rows)

    async def insert_many(self, sql: str, rows: Iterable[Parameters]) -> list[int]:
        """Insert rows whose keys the database makes, all or nothing, and return the keys."""
        async with self._in_turn():
            return await self._raw.insert_many(sql, rows)

    async def stream(
        self,
        sql: str,
        parameters: Parameters,
        convert: Callable[[list[Row]], list[T]],
        chunk_size: int,
    ) -> AsyncGenerator[list[T], None]:
        """Run a read and yield its rows in chunks; all of them are fetched at once, as others use the connection too."""
        rows: list[Row] = await self.read(sql, parameters, list)
        for start in range(0, len(rows), chunk_size):
            yield convert(rows[start : start + chunk_size])

    async def control(self, sql: str) -> None:
        """Begin or end a transaction or savepoint."""
        if sql in (self.begin, self.begin_read_only, "START TRANSACTION"):
            await self._begin(sql)
        elif sql in ("COMMIT", "ROLLBACK"):
            await self._end(sql)
        else:
            await self._control(sql)

    async def _control(self, *statements: str) -> None:
        with self._pool.sending(self._session):
            for sql in statements:
                await self._raw.control(sql)

    async def _begin(self, sql: str) -> None:
        self._turn = await self._pool.wait_turn()
        try:
            await self._control(f"SAVEPOINT {POINT}" if self._pool.is_isolated else sql)
        except BaseException:
            self._let_go()
            raise

    async def _end(self, sql: str) -> None:
        try:
            if not self._pool.is_isolated:
                await self._control(sql)
            elif sql == "COMMIT":
                await self._control(_RELEASE)
            else:
                await self._control(_TO_POINT, _RELEASE)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.release()
