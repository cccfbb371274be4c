"""Results of queries, kept for a while, for models that ask for it by ``Meta.cache_ttl``.

What is kept are the database's rows, so every caller gets instances of its own. A write of this process through the ORM to a
table drops what was read from it; other processes notice when the time is up. Where the setting `QUERY_CACHE` names a cache, a
`ResultStore` stands in place of all that: `openviper.cache` puts it there at start.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from threading import Lock
from typing import Any, NamedTuple, Protocol

from openviper.utils.records import record

Rows = list[tuple[Any, ...]]
Key = tuple[Any, ...]
Version = tuple[int, ...]


class _Entry(NamedTuple):
    expires_at: float
    tables: frozenset[str]
    rows: Rows


class ResultStore(Protocol):
    """Keeps the results of queries for several processes."""

    async def rows(
        self, key: Key, tables: Sequence[str], ttl: float, read: Callable[[], Awaitable[Rows]]
    ) -> Rows:
        """Return the rows of a query.

        Args:
            key: The database, the statement and its values.
            tables: What is read.
            ttl: For how many seconds they are kept.
            read: Reads them from the database.
        """
        ...

    def forget(self, alias: str, table: str | None) -> Awaitable[None]:
        """Drop what was read from a table of a database, or everything, from now on for each read of this process."""
        ...


class QueryCache:
    """The kept rows, the most recently used last.

    Attributes:
        shared: What keeps rows in place of this process.
    """

    shared: ResultStore | None = None

    def __init__(self) -> None:
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._lock = Lock()
        self._writes: dict[str, int] = {}
        self._clearings = 0
        self.in_use = False
        """Whether a model asks for this at all; if none does, a write has nothing to do here."""

    def get(self, key: Key) -> Rows | None:
        """Return the rows of a query, or `None` if they are not kept or too old."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if entry.expires_at <= time.monotonic():
                del self._entries[key]
                return None
            self._entries.move_to_end(key)
            return entry.rows

    def version(self, tables: Iterable[str]) -> Version:
        """Return what changes with each write to the tables; taken before a read, it tells whether one came between."""
        with self._lock:
            return self._version(tables)

    def _version(self, tables: Iterable[str]) -> Version:
        return self._clearings, *(self._writes.get(table, 0) for table in tables)

    def put(
        self,
        key: Key,
        tables: Sequence[str],
        rows: Rows,
        ttl: float,
        max_size: int,
        version: Version,
    ) -> None:
        """Keep the rows of a query, unless something was written since they were asked for.

        Args:
            key: The database, the statement and its values.
            tables: What was read.
            rows: The rows.
            ttl: For how many seconds.
            max_size: Most queries that are kept; the one that was not used for longest goes.
            version: That of the tables before the read.
        """
        with self._lock:
            if self._version(tables) != version:
                return
            self._entries[key] = _Entry(time.monotonic() + ttl, frozenset(tables), rows)
            self._entries.move_to_end(key)
            while len(self._entries) > max_size:
                self._entries.popitem(last=False)

    def forget(self, table: str | None = None) -> None:
        """Drop what was read from a table, or everything."""
        with self._lock:
            if table is None:
                self._entries.clear()
                self._clearings += 1
                return
            self._writes[table] = self._writes.get(table, 0) + 1
            for key in [key for key, entry in self._entries.items() if table in entry.tables]:
                del self._entries[key]

    def __len__(self) -> int:
        return len(self._entries)


query_cache = QueryCache()
"""The kept results of this process."""


@record(frozen=True, slots=True, eq=False)
class ForgetRows:
    """Drops what was read from a table, in this process or in the cache that processes share; one per table and commit."""

    table: str
    alias: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ForgetRows) and self.table == other.table

    def __hash__(self) -> int:
        return hash(self.table)

    def __call__(self) -> Awaitable[None] | None:
        query_cache.forget(self.table)
        shared = query_cache.shared
        return None if shared is None else shared.forget(self.alias, self.table)


def invalidate_query_cache(table_name: str | None = None) -> None:
    """Drop kept results.

    Where `QUERY_CACHE` names a cache, call it on an event loop; reads of this process wait until it is done.

    Args:
        table_name: Those read from this table of any database; all when not given.
    """
    query_cache.forget(table_name)
    if query_cache.shared is not None:
        # Of which database is not said, so all goes.
        query_cache.shared.forget("", None)
