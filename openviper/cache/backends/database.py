"""Entries as rows of a database of the project."""

from __future__ import annotations

import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from typing import Any, TypeVar, Unpack

from openviper.cache.backends.database_sql import TABLE, Statements
from openviper.cache.base import BaseCache
from openviper.cache.counting import checked_sum, not_a_number
from openviper.cache.exceptions import CacheUnavailableError
from openviper.cache.lifetimes import NEVER
from openviper.cache.options import CacheOptions, positive
from openviper.cache.values import DIGITS, MAX_NUMBER
from openviper.db.connection import connections, run_read, run_write, transaction
from openviper.db.connections.databases import current_block
from openviper.db.exceptions import OperationalError, PoolTimeoutError
from openviper.db.query.races import again_after_deadlock
from openviper.exceptions import ImproperlyConfigured

T = TypeVar("T")
AT_ONCE = 500
"""Most names of one statement, and rows of one step."""
ROWS_AT_ONCE = 100
"""Most rows that one statement writes."""


class DatabaseCache(BaseCache):
    """Keeps entries in the table ``openviper_cache_entries``, for all processes and machines that use the database.

    The app ``openviper.cache`` in `INSTALLED_APPS` has ``migrate`` make the table. Inside a transaction of that database
    the entries belong to it: others see them with the commit, and a rollback undoes them.

    Args:
        database: The alias of the database.
        max_entries: How many entries `prune` leaves; those go first that would end first.
        **options: See `BaseCache`.
    """

    def __init__(
        self,
        *,
        database: str = "default",
        max_entries: int = 100_000,
        **options: Unpack[CacheOptions],
    ) -> None:
        super().__init__(**options)
        self._database = database
        self._max_entries = positive("max_entries", max_entries)

    @property
    def can_lock(self) -> bool:
        """Whether others see an entry that is added now: not as long as a transaction is open."""
        return not self._is_in_transaction()

    def _is_in_transaction(self) -> bool:
        block = current_block(self._database)
        return block is not None and block.transactional

    @property
    def _sql(self) -> Statements:
        return Statements.of(connections.get(self._database).vendor)

    async def _run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Return what work with the database gives; in a transaction, which its failure must not spoil, in a savepoint.

        Raises:
            CacheUnavailableError: If the database does not answer.
            ImproperlyConfigured: If the table is not there.
        """
        with self._translated():
            if self._is_in_transaction():
                async with transaction(self._database):
                    return await work()
            return await again_after_deadlock(self._database, work)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeoutError as error:
            raise CacheUnavailableError(self.alias, str(error)) from error
        except OperationalError as error:
            table = connections.get(self._database).dialect.missing_table(error)
            if table is None:
                raise CacheUnavailableError(self.alias, str(error)) from error
            raise ImproperlyConfigured(
                f"cache {self.alias!r} is kept in database {self._database!r}, which has no table {TABLE!r}; "
                "add 'openviper.cache' to INSTALLED_APPS and run `python viperctl.py migrate`"
            ) from error

    async def _rows(self, sql: str, values: Sequence[Any]) -> list[Any]:
        return await self._run(lambda: run_read(self._database, sql, values, list))

    async def _write(self, sql: str, values: Sequence[Any]) -> int:
        return await self._run(lambda: run_write(self._database, sql, values))

    async def _write_rows(self, sql: str, values: Sequence[Any]) -> int:
        return await self._run(lambda: run_write(self._database, sql, values, bulk=True))

    async def read_entries(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return contents; see `EntryStore.read_entries`."""
        found: dict[str, bytes] = {}
        for some in _batches(names):
            rows = await self._rows(self._sql.read(len(some)), (time.time(), *some))
            found.update((str(name), _content(content, number)) for name, content, number in rows)
        return found

    async def write_entries(self, entries: Mapping[str, bytes], lifetime: float | None) -> None:
        """Write entries; see `EntryStore.write_entries`."""
        end = _end(lifetime)
        # In order, so that two that write the same entries do not wait for each other in a circle.
        names = sorted(entries)
        for some in _batches(names, ROWS_AT_ONCE):
            values = [value for name in some for value in (name, *_columns(entries[name]), end)]
            write = self._write if len(some) == 1 else self._write_rows
            await write(self._sql.upsert(len(some)), values)

    async def add_entry(self, name: str, content: bytes, lifetime: float | None) -> bool:
        """Write a new entry; see `EntryStore.add_entry`."""
        columns, end = _columns(content), _end(lifetime)
        if await self._write(self._sql.insert, (name, *columns, end)) > 0:
            return True
        # The row is there; if it has ended, one of all who come here gets to write it.
        return await self._write(self._sql.revive, (*columns, end, name, time.time())) > 0

    async def replace_entry(
        self, name: str, old: bytes, new: bytes | None, lifetime: float | None
    ) -> bool:
        """Write an entry whose content is known; see `EntryStore.replace_entry`."""
        column, known = ("number", int(old)) if _is_number(old) else ("content", old)
        where = (name, time.time(), known)
        if new is None:
            return await self._write(self._sql.remove_known(column), where) > 0
        values = (*_columns(new), _end(lifetime), *where)
        return await self._write(self._sql.replace_known(column), values) > 0

    async def remove_entries(self, names: Sequence[str]) -> int:
        """Remove entries; see `EntryStore.remove_entries`."""
        removed = 0
        for some in _batches(names):
            removed += await self._write_rows(self._sql.remove(len(some)), (time.time(), *some))
        return removed

    async def count_entry(self, name: str, delta: int) -> int | None:
        """Add to a number; see `EntryStore.count_entry`."""
        # Within this range the sum has 64 bits.
        least, most = -MAX_NUMBER - min(delta, 0), MAX_NUMBER - max(delta, 0)

        async def count() -> Any:
            async with transaction(self._database) as connection:
                values = (delta, name, time.time(), least, most)
                is_counted = await connection.execute(self._sql.count, values) > 0
                row = await connection.fetch_one(self._sql.read(1), (time.time(), name))
                return is_counted, row

        while True:
            is_counted, row = await self._run(count)
            if row is None:
                return None
            number = row[2]
            if number is None:
                raise not_a_number()
            if is_counted:
                return int(number)
            # Too large, or not there yet when it was to be counted: then once more.
            checked_sum(int(number) + delta)

    async def extend_entry(self, name: str, lifetime: float | None) -> bool:
        """Give an entry another end; see `EntryStore.extend_entry`."""
        return await self._write(self._sql.extend, (_end(lifetime), name, time.time())) > 0

    async def entry_names(self, start: str) -> AsyncIterator[list[str]]:
        """Yield names; see `EntryStore.entry_names`."""
        last = ""
        while True:
            rows = await self._rows(self._sql.names(start, AT_ONCE), (start, time.time(), last))
            if not rows:
                return
            last = str(rows[-1][0])
            yield [str(name) for (name,) in rows]

    async def remove_all(self, start: str) -> None:
        """Remove what begins with a text."""
        await self._write_rows(self._sql.remove_all(start), (start,))

    async def prune(self) -> int:
        """Remove what has come to its end, and what is too much."""
        removed = await self._write_rows(self._sql.remove_ended, (time.time(),))
        [(count,)] = await self._rows(self._sql.count_all, ())
        surplus = int(count) - self._max_entries
        while surplus > 0:
            rows = await self._rows(self._sql.first_to_end(min(surplus, AT_ONCE)), ())
            names = [str(name) for (name,) in rows]
            removed += await self.remove_entries(names)
            surplus -= max(len(names), 1)
        return removed


def _columns(content: bytes) -> tuple[bytes | None, int | None]:
    """Return what stands for content in the columns of bytes and of numbers."""
    return (None, int(content)) if _is_number(content) else (content, None)


def _is_number(content: bytes) -> bool:
    return bool(content) and content[0] in DIGITS


def _content(content: Any, number: Any) -> bytes:
    return bytes(content) if number is None else b"%d" % number


def _end(lifetime: float | None) -> float:
    return NEVER if lifetime is None else time.time() + lifetime


def _batches(names: Sequence[str], size: int = AT_ONCE) -> Iterable[Sequence[str]]:
    return (names[place : place + size] for place in range(0, len(names), size))
