"""A pool for each of several event loops that run at the same time, in threads of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar

from openviper.db.connections.drivers.base import DriverConnection, Later, Parameters, Pool, Row

T = TypeVar("T")


class LoopPools:
    """Stands in for the pool of a database, and uses that of the running event loop.

    Args:
        new_pool: Makes a pool for the running event loop.

    Attributes:
        is_isolated: Whether a transaction is open around all that is sent.
    """

    is_isolated = False

    def __init__(self, new_pool: Callable[[], Pool]) -> None:
        self._new_pool = new_pool
        self._pools: dict[asyncio.AbstractEventLoop, Pool] = {}

    def _own(self) -> Pool:
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            pool = self._pools[loop] = self._new_pool()
        return pool

    def read_at_once(
        self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]
    ) -> T | Literal[Later.LATER]:
        """Run a read inline, if that needs no waiting."""
        return self._own().read_at_once(sql, parameters, convert)

    def write_at_once(
        self, sql: str, parameters: Parameters
    ) -> tuple[int, Any] | Literal[Later.LATER]:
        """Run a write inline, if that needs no waiting."""
        return self._own().write_at_once(sql, parameters)

    async def read(self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]) -> T:
        """Run a read."""
        return await self._own().read(sql, parameters, convert)

    async def write(self, sql: str, parameters: Parameters, *, single: bool) -> tuple[int, Any]:
        """Run one write, which commits by itself."""
        return await self._own().write(sql, parameters, single=single)

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[DriverConnection]:
        """Take a connection for the time of the block."""
        async with self._own().hold() as connection:
            yield connection

    async def stream(
        self,
        sql: str,
        parameters: Parameters,
        convert: Callable[[list[Row]], list[T]],
        chunk_size: int,
    ) -> AsyncGenerator[list[T], None]:
        """Run a read and yield its rows in chunks."""
        async for chunk in self._own().stream(sql, parameters, convert, chunk_size):
            yield chunk

    def committed(self) -> None:
        """Be told that a transaction has committed."""
        self._own().committed()

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.close()

    def close_now(self) -> None:
        """Close the connections of event loops that have ended."""
        for loop in [loop for loop in self._pools if loop.is_closed()]:
            self._pools.pop(loop).close_now()

    def statistics(self) -> dict[str, Any]:
        """Return nothing: there are several pools."""
        return {}
