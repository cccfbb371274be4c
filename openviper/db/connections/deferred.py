"""A connection that is taken when it is first used, and kept for the time of a block."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from openviper.db.connections.databases import Block, Database, connections, entered
from openviper.db.connections.drivers.base import DriverConnection, Parameters, Row, Waiting
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = lazy_module("asyncio")

T = TypeVar("T")


class LazyConnection(Waiting):
    """Stands for a connection of a pool until a statement needs it.

    Args:
        database: Whose pool it comes from.
    """

    begin: ClassVar[str] = "START TRANSACTION"  # Standard SQL, which all servers understand.
    begin_read_only: ClassVar[str] = "START TRANSACTION READ ONLY"

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._driver: DriverConnection | None = None
        self._keeps = True
        self._users = 0

    @property
    def is_taken(self) -> bool:
        """Whether a connection is held at the moment."""
        return self._driver is not None

    @asynccontextmanager
    async def _using(self) -> AsyncIterator[DriverConnection]:
        """Hold the connection for one statement, and longer as long as it is kept or in a transaction."""
        async with self._lock:
            if self._driver is None:
                self._driver = await self._stack.enter_async_context(self._database.pool().hold())
            driver = self._driver
            self._users += 1
        try:
            yield driver
        finally:
            self._users -= 1
            await self._give_back_if_idle()

    async def _give_back_if_idle(self) -> None:
        is_needed = self._keeps or self._users > 0 or self.in_transaction
        if not is_needed and self._driver is not None:
            self._driver = None
            await self._stack.aclose()
            self._stack = AsyncExitStack()

    async def let_go(self) -> None:
        """Give the connection back now, or at the end of its transaction; each further statement takes one for itself."""
        self._keeps = False
        await self._give_back_if_idle()

    async def release(self) -> None:
        """Give the connection back, without a transaction that somebody left open."""
        if self._driver is not None and self._driver.in_transaction:
            await self._driver.control("ROLLBACK")
        self._driver = None
        await self._stack.aclose()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._driver is not None and self._driver.in_transaction

    async def read(self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]) -> T:
        """Run a read."""
        async with self._using() as driver:
            return await driver.read(sql, parameters, convert)

    async def write(self, sql: str, parameters: Parameters, *, single: bool) -> tuple[int, Any]:
        """Run any other statement."""
        async with self._using() as driver:
            return await driver.write(sql, parameters, single=single)

    async def write_many(self, sql: str, rows: Iterable[Parameters]) -> int:
        """Run a write once per row of values."""
        async with self._using() as driver:
            return await driver.write_many(sql, rows)

    async def insert_many(self, sql: str, rows: Iterable[Parameters]) -> list[int]:
        """Insert rows whose keys the database makes."""
        async with self._using() as driver:
            return await driver.insert_many(sql, rows)

    async def stream(
        self,
        sql: str,
        parameters: Parameters,
        convert: Callable[[list[Row]], list[T]],
        chunk_size: int,
    ) -> AsyncGenerator[list[T], None]:
        """Run a read and yield its rows in chunks."""
        async with (
            self._using() as driver,
            aclosing(driver.stream(sql, parameters, convert, chunk_size)) as chunks,
        ):
            async for chunk in chunks:
                yield chunk

    async def control(self, sql: str) -> None:
        """Begin or end a transaction or savepoint."""
        async with self._using() as driver:
            await driver.control(sql)


@asynccontextmanager
async def lazy_connections() -> AsyncIterator[list[LazyConnection]]:
    """Have one connection per server for the time of a ``with`` statement, each taken when it is first needed.

    Yields:
        The connections, so that they can be let go before the end.

    SQLite needs none: its statements take turns on the few connections there are anyway.
    """
    taken: list[LazyConnection] = []
    try:
        async with AsyncExitStack() as stack:
            for database in connections.all():
                if database.vendor != "sqlite":
                    connection = LazyConnection(database)
                    taken.append(connection)
                    await stack.enter_async_context(entered(database.alias, Block(connection)))
            yield taken
    finally:
        for connection in taken:
            await connection.release()
