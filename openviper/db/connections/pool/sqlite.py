"""The connections of one SQLite database on one event loop.

SQLite has one writer at a time, so a pool is one *primary* connection, which all writes and transactions take in turn,
and some *readers* for long reads and for reads while a transaction holds the primary. A database in memory is its one
primary connection.
"""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from openviper.db.connections.drivers.base import LATER, Later, Parameters, Row
from openviper.db.connections.drivers.sqlite import SQLiteConnection
from openviper.db.connections.drivers.sqlite_inline import INLINE_LIMIT, InlineBudget, NotInline
from openviper.db.connections.drivers.sqlite_open import CHECKPOINT_SIZE
from openviper.db.connections.options import DatabaseOptions
from openviper.db.exceptions import PoolTimeoutError
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = lazy_module("asyncio")

T = TypeVar("T")

LOGS_WITHOUT_PAUSE = 4
"""How many times its usual size the write-ahead log may have before writes wait for its copy."""
COMMITS_PER_LOOK = 64
"""After how many commits the size of the write-ahead log is looked at."""


class SQLitePool:
    """The connections of one SQLite database on the running event loop.

    Args:
        options: Where the database is, limits and times; `pool_size` is the number of readers.
    """

    def __init__(self, options: DatabaseOptions) -> None:
        self.options = options
        self.is_memory = options.url.is_memory
        self.loop = asyncio.get_running_loop()
        self.budget = InlineBudget(self.loop)
        self.lock = asyncio.Lock()
        """Held by whoever uses the primary connection for more than one inline statement."""
        self.primary: SQLiteConnection | None = None
        self._opening = asyncio.Lock()
        self._readers: list[SQLiteConnection] = []
        self._idle: deque[SQLiteConnection] = deque()
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._commits = 0
        self.checkpoint_size = self._most_log = CHECKPOINT_SIZE
        self.checkpoints = 0
        """How many checkpoints this pool has run."""
        self._checkpoint: asyncio.Task[None] | None = None
        self._maintenance: SQLiteConnection | None = None

    async def _open(self, *, gives_way: bool = False) -> SQLiteConnection:
        connection = SQLiteConnection(self.options, self.budget, gives_way=gives_way)
        await connection.open()
        return connection

    async def open_primary(self) -> SQLiteConnection:
        """Return the primary connection, opened if need be."""
        async with self._opening:
            if self.primary is None:
                self.primary = await self._open()
        return self.primary

    # Reads and writes outside a transaction

    def read_at_once(
        self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]
    ) -> T | Literal[Later.LATER]:
        """Run a read inline on a connection that is free, if it is short and it is its turn."""
        connection = self.primary
        if connection is None or self.budget.spent > INLINE_LIMIT or not connection.inline:
            return LATER
        if connection.busy or self.lock.locked():
            if not self._idle:
                return LATER
            connection = self._idle[-1]
        if self.budget.is_long(sql):
            return LATER
        try:
            return connection.read_now(sql, parameters, convert)
        except NotInline:
            return LATER

    def write_at_once(
        self, sql: str, parameters: Parameters
    ) -> tuple[int, int | None] | Literal[Later.LATER]:
        """Run a write of one row at most inline on the primary connection, if that is free and it is its turn."""
        primary = self.primary
        if primary is None or self.lock.locked():
            return LATER
        written = primary.write_at_once(sql, parameters)
        if written is not LATER:
            self.committed()
        return written

    async def read(self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]) -> T:
        """Run a read on any connection that is free."""
        if self.primary is None:
            await self.open_primary()
        if self.budget.spent > INLINE_LIMIT:
            await self.budget.wait()
        found = self.read_at_once(sql, parameters, convert)
        if found is not LATER:
            return found
        self.budget.ran_in_thread(sql)
        if self.is_memory:
            async with self.hold() as held:
                return await held.read_in_thread(sql, parameters, convert)
        async with self.reader() as reader:
            return await reader.read_in_thread(sql, parameters, convert)

    async def write(
        self, sql: str, parameters: Parameters, *, single: bool
    ) -> tuple[int, int | None]:
        """Run one write, which commits by itself, on the primary connection."""
        primary = self.primary or await self.open_primary()
        if primary.inline_writes:
            if self.budget.spent > INLINE_LIMIT:
                await self.budget.wait()
            written = (
                self.write_at_once(sql, parameters)
                if single
                else self._write_all_at_once(primary, sql, parameters)
            )
            if written is not LATER:
                return written
            self.budget.ran_in_thread(sql)
        async with self.hold() as held:
            result = await held.write(sql, parameters, single=False)
        self.committed()
        return result

    def _write_all_at_once(
        self, primary: SQLiteConnection, sql: str, parameters: Parameters
    ) -> tuple[int, int | None] | Literal[Later.LATER]:
        """Run a write of any number of rows inline, if that turns out to be short."""
        if self.lock.locked() or primary.busy:
            return LATER
        try:
            cursor = primary.write_all_now(sql, parameters)
        except NotInline:
            return LATER
        self.committed()
        return cursor.rowcount, cursor.lastrowid

    async def stream(
        self,
        sql: str,
        parameters: Parameters,
        convert: Callable[[list[Row]], list[T]],
        chunk_size: int,
    ) -> AsyncGenerator[list[T], None]:
        """Run a read and yield its rows in chunks, on a reader, so that writes can go on meanwhile."""
        if self.primary is None:
            await self.open_primary()
        taken = self.hold() if self.is_memory else self.reader()
        async with (
            taken as connection,
            aclosing(connection.stream(sql, parameters, convert, chunk_size)) as chunks,
        ):
            async for chunk in chunks:
                yield chunk

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[SQLiteConnection]:
        """Take the primary connection for the time of the block.

        Raises:
            PoolTimeoutError: If it does not become free in time.
        """
        primary = self.primary or await self.open_primary()
        if self.lock.locked():
            try:
                async with asyncio.timeout(self.options.pool_timeout):
                    await self.lock.acquire()
            except TimeoutError:
                raise PoolTimeoutError(self.options.alias, self.options.pool_timeout) from None
        else:
            await self.lock.acquire()
        try:
            yield primary
        finally:
            self.lock.release()

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[SQLiteConnection]:
        """Take a reading connection for the time of the block.

        Raises:
            PoolTimeoutError: If none becomes free in time.
        """
        connection = await self._take_reader()
        try:
            yield connection
        finally:
            self._idle.append(connection)
            self._wake()

    async def _take_reader(self) -> SQLiteConnection:
        deadline = self.loop.time() + self.options.pool_timeout
        while True:
            if self._idle:
                return self._idle.pop()
            if len(self._readers) < self.options.pool_size:
                return await self._open_reader()
            waiter: asyncio.Future[None] = self.loop.create_future()
            self._waiters.append(waiter)
            try:
                async with asyncio.timeout_at(deadline):
                    await waiter
            except TimeoutError:
                self._pass_on(waiter)
                raise PoolTimeoutError(self.options.alias, self.options.pool_timeout) from None
            except asyncio.CancelledError:
                self._pass_on(waiter)
                raise

    def _pass_on(self, waiter: asyncio.Future[None]) -> None:
        """Give the turn that a task was given, and comes too late to take, to the next one."""
        if waiter.done() and not waiter.cancelled():
            self._wake()

    async def _open_reader(self) -> SQLiteConnection:
        # Counted before the first await, so that two tasks do not open one too many.
        placeholder = SQLiteConnection.__new__(SQLiteConnection)
        self._readers.append(placeholder)
        try:
            connection = await self._open(gives_way=True)
        except BaseException:
            self._readers.remove(placeholder)
            self._wake()
            raise
        self._readers[self._readers.index(placeholder)] = connection
        return connection

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    # Checkpoints

    def committed(self) -> None:
        """Count a commit; now and then start a checkpoint, in a thread of its own, when the log has grown."""
        self._commits += 1
        if self._commits % COMMITS_PER_LOOK or self.is_memory:
            return
        runs = self._checkpoint is not None and not self._checkpoint.done()
        if not runs and self._log_size() > self._most_log:
            self._checkpoint = self.loop.create_task(self._run_checkpoint())

    def _log_size(self) -> int:
        """Return the size of the write-ahead log, in bytes; 0 where there is none."""
        try:
            return os.stat(f"{self.options.url.path}-wal").st_size
        except OSError:
            return 0

    async def _run_checkpoint(self) -> None:
        """Copy the log into the database, in a thread, so that the next write begins it anew."""
        if self._maintenance is None:
            self._maintenance = await self._open()
        # Nobody waits for that.
        is_whole = await self._maintenance.run(_copy_log)
        if self._log_size() > LOGS_WITHOUT_PAUSE * self.checkpoint_size:
            # Only a log that is copied to its end is begun anew, and where writes follow one another that never is: it would
            # grow for ever. So they wait while the little is copied that was written meanwhile.
            async with self.hold():
                is_whole = await self._maintenance.run(_copy_log)
        # What a reader still needs is not copied; it is not tried again before as much has been written once more.
        left = 0 if is_whole else self._log_size()
        self._most_log = left + self.checkpoint_size
        self.checkpoints += 1

    # Closing

    def _all(self) -> list[SQLiteConnection]:
        connections = [*self._readers, self._maintenance, self.primary]
        return [
            connection
            for connection in connections
            if connection is not None and hasattr(connection, "raw")
        ]

    async def close(self) -> None:
        """Close every connection once its present statement is done."""
        if self._checkpoint is not None:
            await asyncio.gather(self._checkpoint, return_exceptions=True)
        # The primary goes last: the last connection of a file empties the log.
        for connection in self._all():
            await connection.close()
        self._readers.clear()
        self._idle.clear()
        self.primary = self._maintenance = None

    def close_now(self) -> None:
        """Close every connection without the event loop, which is closed already."""
        for connection in self._all():
            connection.close_now()
        self._readers.clear()
        self._idle.clear()
        self.primary = self._maintenance = None

    def statistics(self) -> dict[str, Any]:
        """Return how many connections are open and free."""
        return {
            "open": len(self._all()),
            "idle_readers": len(self._idle),
            "primary_held": self.lock.locked(),
        }


def _copy_log(raw: sqlite3.Connection) -> bool:
    """Copy what nobody hinders from the write-ahead log into the database, and return whether that was all of it."""
    _, written, copied = raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return bool(written == copied)
