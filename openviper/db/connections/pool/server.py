"""The connections to one database on a server, on one event loop.

Up to `pool_size` connections stay open, `max_overflow` more are opened when all are in use and closed after use. Who
finds none waits in line; a connection that becomes free is handed to the first in line. One that was left in a
transaction, with a statement running, or that the server has closed, never goes back.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from openviper.db.connections.drivers.base import (
    DriverConnection,
    Parameters,
    Pool,
    Row,
    Waiting,
)
from openviper.db.connections.options import DatabaseOptions
from openviper.db.exceptions import PoolTimeoutError
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = lazy_module("asyncio")

T = TypeVar("T")
logger = logging.getLogger("openviper.db")

PROBE_AFTER = 0.01
"""Seconds of idleness after which a connection is looked at before it is used again."""


class ServerConnection(DriverConnection, Protocol):
    """What a pool asks of a connection besides running statements."""

    @property
    def is_usable(self) -> bool:
        """Whether it is open, with no transaction and no statement on it."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether the other side has not closed it, as far as can be told without waiting."""
        ...

    async def open(self) -> None:
        """Connect.

        Raises:
            OperationalError: If the server does not take the connection.
        """
        ...

    async def close(self) -> None:
        """Close, without waiting for a statement that runs."""
        ...

    def close_now(self) -> None:
        """Close without the event loop."""
        ...


class _Member:
    """A connection with its times, in seconds of the event loop's clock."""

    __slots__ = ("connection", "opened_at", "used_at")

    def __init__(self, connection: ServerConnection, now: float) -> None:
        self.connection = connection
        self.opened_at = now
        self.used_at = now


class ServerPool(Waiting):
    """The connections to one database of a server on the running event loop.

    Args:
        options: Limits and times.
        make: Returns a connection that is not open yet.
    """

    def __init__(self, options: DatabaseOptions, make: Callable[[], ServerConnection]) -> None:
        self.options = options
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._idle: list[_Member] = []
        self._open = 0
        """Connections that are open or being opened."""
        self._members: set[_Member] = set()
        self._waiters: deque[asyncio.Future[_Member | None]] = deque()
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    # Taking and giving back

    async def _take(self) -> _Member:
        while self._idle:
            # The one used last is the most likely to be alive, and lets the others grow old.
            member = self._idle.pop()
            if self._is_fresh(member):
                return member
            self._discard(member)
        if self._open < self.options.pool_size + self.options.max_overflow:
            return await self._connect()
        return await self._wait()

    def _is_fresh(self, member: _Member) -> bool:
        now = self._loop.time()
        if now - member.opened_at > self.options.pool_recycle:
            return False
        return now - member.used_at < PROBE_AFTER or member.connection.is_alive

    async def _connect(self) -> _Member:
        self._open += 1
        connection = self._make()
        try:
            await connection.open()
        except BaseException:
            self._open -= 1
            self._wake()
            raise
        member = _Member(connection, self._loop.time())
        self._members.add(member)
        return member

    async def _wait(self) -> _Member:
        deadline = self._loop.time() + self.options.pool_timeout
        while True:
            waiter: asyncio.Future[_Member | None] = self._loop.create_future()
            self._waiters.append(waiter)
            try:
                async with asyncio.timeout_at(deadline):
                    member = await waiter
            except TimeoutError:
                self._pass_on(waiter)
                raise PoolTimeoutError(self.options.alias, self.options.pool_timeout) from None
            except asyncio.CancelledError:
                self._pass_on(waiter)
                raise
            if member is not None:
                return member
            # Not a connection, but room for one.
            if self._open < self.options.pool_size + self.options.max_overflow:
                return await self._connect()

    def _pass_on(self, waiter: asyncio.Future[_Member | None]) -> None:
        """Give what a waiter got, and will not use, to the next one."""
        if not waiter.done() or waiter.cancelled():
            return
        member = waiter.result()
        if member is None:
            self._wake()
        else:
            self._give(member)

    def _give(self, member: _Member) -> None:
        """Take a connection back."""
        if self._closed or not member.connection.is_usable:
            self._discard(member)
            return
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(member)
                return
        if len(self._idle) >= self.options.pool_size:
            self._discard(member)
            return
        member.used_at = self._loop.time()
        self._idle.append(member)

    def _wake(self) -> None:
        """Tell the first in line that there is room for a connection."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _discard(self, member: _Member) -> None:
        self._open -= 1
        if self._loop.is_closed():
            # Given back by a task that is thrown away behind the end of its loop.
            self._members.discard(member)
            member.connection.close_now()
            return
        task = self._loop.create_task(member.connection.close())
        self._closing.add(task)
        task.add_done_callback(partial(self._closed_by, member))
        self._wake()

    def _closed_by(self, member: _Member, task: asyncio.Task[None]) -> None:
        """Take note that a connection is closed, or close it: a loop that ends cancels tasks, even before they have begun."""
        self._closing.discard(task)
        self._members.discard(member)
        if task.cancelled():
            member.connection.close_now()
        elif (error := task.exception()) is not None:
            logger.debug("closing a connection failed", exc_info=error)

    # Statements

    async def read(self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]) -> T:
        """Run a read on any connection that is free."""
        member = await self._take()
        try:
            return await member.connection.read(sql, parameters, convert)
        finally:
            self._give(member)

    async def write(self, sql: str, parameters: Parameters, *, single: bool) -> tuple[int, Any]:
        """Run one write, which commits by itself."""
        member = await self._take()
        try:
            return await member.connection.write(sql, parameters, single=single)
        finally:
            self._give(member)

    async def stream(
        self,
        sql: str,
        parameters: Parameters,
        convert: Callable[[list[Row]], list[T]],
        chunk_size: int,
    ) -> AsyncGenerator[list[T], None]:
        """Run a read on a connection of its own and yield its rows in chunks."""
        async with self.hold() as connection:
            async with aclosing(connection.stream(sql, parameters, convert, chunk_size)) as chunks:
                async for chunk in chunks:
                    yield chunk

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[DriverConnection]:
        """Take a connection for the time of the block; a transaction left open in it is lost.

        Raises:
            PoolTimeoutError: If none becomes free in time.
        """
        member = await self._take()
        try:
            yield member.connection
        finally:
            self._give(member)

    @asynccontextmanager
    async def separate(self) -> AsyncIterator[DriverConnection]:
        """Have a connection that does not count, for what has to be held while others are used."""
        connection = self._make()
        await connection.open()
        try:
            yield connection
        finally:
            await connection.close()

    def committed(self) -> None:
        """Do nothing: servers see to their logs themselves."""

    # Closing

    async def close(self) -> None:
        """Close every connection; one in use is closed when it is given back."""
        self._closed = True
        while self._idle:
            self._discard(self._idle.pop())
        while self._closing:
            await asyncio.gather(*self._closing, return_exceptions=True)

    def close_now(self) -> None:
        """Close every connection without the event loop, which is closed already."""
        self._closed = True
        for member in self._members:
            member.connection.close_now()
        self._members.clear()
        self._idle.clear()

    def statistics(self) -> dict[str, Any]:
        """Return how many connections are open and free, and how many tasks wait."""
        return {"open": self._open, "idle": len(self._idle), "waiting": len(self._waiters)}


def server_pool(vendor: str, options: DatabaseOptions) -> Pool:
    """Return a pool for the running event loop.

    Raises:
        ModuleNotFoundError: If the driver is not installed; the message says what to install.
    """
    if vendor == "postgresql":
        # Late, each of them: a project speaks one protocol.
        from openviper.db.connections.drivers.postgresql import PostgreSQLConnection

        return ServerPool(options, lambda: PostgreSQLConnection(options))
    from openviper.db.connections.drivers.mysql import MySQLConnection

    return ServerPool(options, lambda: MySQLConnection(options))
