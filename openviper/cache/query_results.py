"""Results of queries in a cache that all processes share; the ORM is given this at start where `QUERY_CACHE` names one."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from openviper.cache.configured import get_cache
from openviper.cache.exceptions import CacheUnavailableError, CacheValueError
from openviper.conf import settings
from openviper.db.sql.result_cache import Key, Rows, query_cache

logger = logging.getLogger("openviper.cache")

EVERY_TABLE = "rows"
"""The tag of all results."""


class _NotKept(Exception):
    """Carries rows past the cache that are too many for it."""

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        self.rows = rows


class SharedResults:
    """Keeps rows under the tags of the tables they were read from; a write invalidates those once it is committed.

    Rows that a cache cannot keep, as of a type of one database, are read each time.

    Args:
        alias: The cache.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._pending: set[asyncio.Task[None]] = set()
        self._missed: set[str] = set()
        """Tags that could not be invalidated; nothing is read from the cache until they are."""

    async def rows(
        self, key: Key, tables: Sequence[str], ttl: float, read: Callable[[], Awaitable[Rows]]
    ) -> Rows:
        """Return the rows of a query, from the cache or read now; see `openviper.db.sql.result_cache.ResultStore`."""
        if not await self._is_settled():
            return await read()
        latest: list[Rows] = []

        async def compute() -> list[tuple[Any, ...]]:
            rows = await read()
            if len(rows) > settings.QUERY_CACHE_MAX_ENTRY_ROWS:
                raise _NotKept(rows)
            latest.append(rows)
            return [tuple(row) for row in rows]

        name = f"rows:{hashlib.sha256(repr(key).encode('utf-8', 'surrogatepass')).hexdigest()}"
        tags = [EVERY_TABLE, *(_tag(key[0], table) for table in tables)]
        try:
            return await get_cache(self._alias).get_or_set(name, compute, ttl, tags=tags)
        except _NotKept as found:
            return found.rows
        except CacheValueError:
            return latest[-1] if latest else await read()

    def forget(self, alias: str, table: str | None) -> Awaitable[None]:
        """Invalidate what was read from a table, or everything; reads of this process wait until that is done."""
        tag = EVERY_TABLE if table is None else _tag(alias, table)
        task = asyncio.ensure_future(self._invalidate({tag}))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)
        return asyncio.shield(task)

    async def _invalidate(self, tags: set[str]) -> None:
        try:
            await get_cache(self._alias).invalidate_tags(*sorted(tags))
        except CacheUnavailableError as error:
            self._missed |= tags
            logger.warning("%s; what was read of changed tables is invalidated later", error)
        else:
            self._missed -= tags

    async def _is_settled(self) -> bool:
        """Return whether everything that was written here is invalidated."""
        loop = asyncio.get_running_loop()
        own = [task for task in self._pending if task.get_loop() is loop]
        if own:
            await asyncio.wait(own)
        if self._missed:
            await self._invalidate(set(self._missed))
        return not self._missed


def _tag(alias: object, table: str) -> str:
    return f"rows:{alias}:{table}"


def register() -> None:
    """Have the ORM keep results in the cache that `QUERY_CACHE` names.

    Raises:
        ValueError: If `CACHES` has no such alias.
    """
    get_cache(settings.QUERY_CACHE)
    query_cache.shared = SharedResults(settings.QUERY_CACHE)
