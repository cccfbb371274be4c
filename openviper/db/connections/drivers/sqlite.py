"""SQLite without the hop: short statements on the event loop under a deadline, the rest in a thread.

A point query takes 3 us where the hop to a thread and back takes 100 us, so reads begin *inline*. A progress handler
(https://sqlite.org/c3ref/progress_handler.html) interrupts one that is still running after `INLINE_LIMIT`; it is then
repeated in the connection's own thread. Interrupting a read leaves the transaction intact, interrupting a write would
roll it back, so a write runs inline only when it touches one row, and is never interrupted.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import sys
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from openviper.db.connections.drivers.base import Described, Parameters, Row
from openviper.db.connections.drivers.sqlite_inline import (
    HANDLER_INTERVAL,
    INLINE_LIMIT,
    NEVER,
    THREAD_RUNS,
    InlineBudget,
    NotInline,
)
from openviper.db.connections.options import DatabaseOptions
from openviper.db.dialects.sqlite_functions import register_functions
from openviper.db.exceptions import DatabaseError, OperationalError
from openviper.exceptions import IntegrityError
from openviper.utils.importing import lazy_module
from openviper.utils.private_files import ensure_private

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = lazy_module("asyncio")

T = TypeVar("T")
logger = logging.getLogger("openviper.db")

CHUNK = 500
"""Rows converted at a time in the thread."""
READER_NICENESS = 10
"""How far the thread of a long read gives way to the event loop where both want the processor (nice(2))."""


def _give_way() -> None:
    # Only Linux counts niceness by thread; elsewhere it would be the whole process that gives way.
    if sys.platform == "linux":
        os.nice(READER_NICENESS)


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _regexp(pattern: str, value: object) -> bool | None:
    return None if value is None else _pattern(pattern).search(str(value)) is not None


def translate(error: sqlite3.Error, sql: str = "") -> Exception:
    """Return the public error for a driver's error; the text never holds bound values."""
    if isinstance(error, sqlite3.IntegrityError):
        return IntegrityError(str(error))
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if isinstance(error, sqlite3.OperationalError):
        busy = code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        return OperationalError(str(error), retryable=busy)
    return DatabaseError(f"{error} in {sql!r}" if sql else str(error))


class SQLiteConnection:
    """One SQLite connection and the thread that does its long work.

    Only one side uses the connection at a time: `busy` is true while the thread does. Whoever calls an inline method
    has to look at it first.

    Args:
        options: Where the database is, and how it is opened. A write that `statement_timeout` stops ends its transaction
            (https://sqlite.org/c3ref/interrupt.html).
        budget: What the connections of one event loop may take of it.
        gives_way: Whether its thread gives way to the event loop where processors are short. Not for a connection that
            writes: others wait for its lock.
    """

    # IMMEDIATE takes the write lock now; a transaction that upgrades later could fail half-way as busy.
    begin: ClassVar[str] = "BEGIN IMMEDIATE"
    begin_read_only: ClassVar[str] = "BEGIN"

    def __init__(
        self, options: DatabaseOptions, budget: InlineBudget, *, gives_way: bool = False
    ) -> None:
        self.is_memory = options.url.is_memory
        self.path = ":memory:" if self.is_memory else str(options.url.path)
        self.budget = budget
        self.busy = False
        self.deadline = NEVER
        self.inline = options.inline
        self.echo = options.echo
        self.inline_writes = False
        self.heavy = False
        """Whether the open transaction has written more than a few rows, so that ending it belongs into the thread."""
        self._options = options
        self._mode = "ro" if options.read_only else options.url.query.get("mode", "rwc")
        self._busy_timeout = options.busy_timeout
        self._statement_timeout = options.statement_timeout
        self._interrupted = False
        self._long: dict[str, int] = {}
        self._lock = asyncio.Lock()
        self._executor = ThreadPoolExecutor(
            1, thread_name_prefix="openviper-sqlite", initializer=_give_way if gives_way else None
        )
        self.raw: sqlite3.Connection

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self.raw.in_transaction

    # Opening and closing

    async def open(self) -> None:
        """Open the database.

        Raises:
            OperationalError: If the file cannot be opened or is not a database.
        """
        try:
            await self._in_thread(self._open, interruptible=False)
        except BaseException:
            self._executor.shutdown(wait=False)
            raise

    def _open(self) -> None:
        if self._mode == "rwc" and not self.is_memory:
            ensure_private(self.path)
        try:
            raw = sqlite3.connect(
                self._uri(),
                timeout=0,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=512,
                uri=True,
            )
        except sqlite3.Error as error:
            raise OperationalError(
                f"cannot open database file {self.path!r}: {error}", unreachable=True
            ) from error
        try:
            is_wal = self._prepare(raw)
        except sqlite3.Error as error:
            raw.close()
            raise OperationalError(f"cannot use database file {self.path!r}: {error}") from error
        self.raw = raw
        self.inline_writes = self.inline and (is_wal or self.is_memory)

    def _uri(self) -> str:
        from urllib.parse import quote  # Late: needed once per connection, not by the commands.

        query = self._options.url.query
        cache = f"&cache={query['cache']}" if "cache" in query else ""
        if self.is_memory:
            return "file::memory:"
        return f"file:{quote(self.path)}?mode={self._mode}{cache}"

    def _prepare(self, raw: sqlite3.Connection) -> bool:
        """Set up a connection, and return whether it has a write-ahead log."""
        raw.execute(f"PRAGMA busy_timeout={int(self._busy_timeout * 1000)}")
        is_wal = self._set_journal_mode(raw) == "wal"
        raw.execute("PRAGMA foreign_keys=ON")
        # With a write-ahead log, NORMAL never corrupts and a commit needs no fsync; checkpoints are ours.
        if is_wal:
            raw.execute("PRAGMA synchronous=NORMAL")
            raw.execute("PRAGMA wal_autocheckpoint=0")
        raw.execute("PRAGMA busy_timeout=0")
        raw.create_function("regexp", 2, _regexp, deterministic=True)
        register_functions(raw)
        raw.set_progress_handler(self._past_deadline, HANDLER_INTERVAL)
        return is_wal

    def _set_journal_mode(self, raw: sqlite3.Connection) -> str:
        current = str(raw.execute("PRAGMA journal_mode").fetchone()[0])
        wanted = self._options.journal_mode.lower()
        is_fixed = (
            self.is_memory or self._options.read_only or self._options.url.query.get("mode") == "ro"
        )
        if is_fixed or current == wanted:
            return current
        return str(raw.execute(f"PRAGMA journal_mode={wanted}").fetchone()[0])

    async def close(self) -> None:
        """Close the connection; the last one of a file also empties its write-ahead log."""
        async with self._lock:
            await self._in_thread(self.raw.close, interruptible=False)
            self._executor.shutdown(wait=False)

    def close_now(self) -> None:
        """Close without an event loop, for the end of the process or of a loop that is closed already."""
        self._executor.shutdown(wait=True)
        self.raw.close()

    # Inline

    def _past_deadline(self) -> int:
        if perf_counter() < self.deadline:
            return 0
        self._interrupted = True
        return 1

    def read_now(self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]) -> T:
        """Run a read on the event loop.

        Raises:
            NotInline: If it takes too long, or the database is locked.
        """
        if self._long and sql in self._long:
            self._count_down(sql)
            raise NotInline
        if " REGEXP " in sql:  # A match is one call into Python, which no deadline can interrupt.
            raise NotInline
        if self.echo:
            logger.info("%s", sql)
        started = perf_counter()
        self.deadline = started + INLINE_LIMIT
        try:
            cursor = self.raw.execute(sql, parameters)
            rows = cursor.fetchall()
        except sqlite3.Error as error:
            raise self._postponed(error, sql) from error
        finally:
            self.deadline = NEVER
            self.budget.spend(perf_counter() - started)
        if isinstance(convert, Described):
            convert.note(cursor)
        return convert(rows)

    def write_now(self, sql: str, parameters: Parameters) -> sqlite3.Cursor:
        """Run a statement that writes at most one row, or begins or ends a transaction, on the event loop.

        Raises:
            NotInline: If the database is locked; nothing was changed.
        """
        if self.echo:
            logger.info("%s", sql)
        started = perf_counter()
        try:
            return self.raw.execute(sql, parameters)
        except sqlite3.Error as error:
            raise self._postponed(error, sql) from error
        finally:
            self.budget.spend(perf_counter() - started)

    def _postponed(self, error: sqlite3.Error, sql: str) -> Exception:
        if self._interrupted:
            self._interrupted = False
            if len(self._long) > 1000:
                self._long.clear()
            self._long[sql] = THREAD_RUNS
            return NotInline()
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            return NotInline()
        return translate(error, sql)

    def _count_down(self, sql: str) -> None:
        self._long[sql] -= 1
        if not self._long[sql]:
            del self._long[sql]

    # In the thread

    async def read(self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]) -> T:
        """Run a read, inline if it is short."""
        if self.inline and not self.busy:
            if self.budget.spent > INLINE_LIMIT:
                await self.budget.wait()
            if not self.busy:
                try:
                    return self.read_now(sql, parameters, convert)
                except NotInline:
                    pass
        return await self.read_in_thread(sql, parameters, convert)

    async def read_in_thread(
        self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]
    ) -> T:
        """Run a read and its conversion in the thread; cancelling the task interrupts it."""

        def work() -> T:
            cursor = self._execute(sql, parameters)
            if isinstance(convert, Described):
                convert.note(cursor)
            rows = cursor.fetchmany(CHUNK)
            if len(rows) < CHUNK or not getattr(convert, "is_rowwise", False):
                return convert(rows + cursor.fetchall())
            # Fetching lets other threads, and so the event loop, go on between rows; converting does not.
            found: Any = convert(rows)
            while rows := cursor.fetchmany(CHUNK):
                found += convert(rows)
            result: T = found
            return result

        async with self._lock:
            return await self._in_thread(work, interruptible=True)

    async def stream(
        self,
        sql: str,
        parameters: Parameters,
        convert: Callable[[list[Row]], list[T]],
        chunk_size: int,
    ) -> AsyncGenerator[list[T], None]:
        """Run a read in the thread and yield its rows in chunks; memory holds one chunk at a time."""
        cursors: list[sqlite3.Cursor] = []

        def fetch() -> list[T]:
            if not cursors:
                cursors.append(self._execute(sql, parameters))
            return convert(cursors[0].fetchmany(chunk_size))

        try:
            while True:
                async with self._lock:
                    chunk = await self._in_thread(fetch, interruptible=True)
                if chunk:
                    yield chunk
                if len(chunk) < chunk_size:
                    return
        finally:
            # An open statement would keep the write-ahead log from being reset.
            if cursors:
                cursors[0].close()

    async def write(
        self, sql: str, parameters: Parameters, *, single: bool
    ) -> tuple[int, int | None]:
        """Run a write.

        Args:
            sql: One statement.
            parameters: Its values.
            single: Whether it writes one row at most, so that it may run inline.

        Returns:
            The number of rows written and the last row id.
        """
        if single and self.inline_writes and not self.busy:
            if self.budget.spent > INLINE_LIMIT:
                await self.budget.wait()
            if not self.busy:
                try:
                    cursor = self.write_now(sql, parameters)
                    return cursor.rowcount, cursor.lastrowid
                except NotInline:
                    pass

        self.heavy = self.heavy or not single

        def work() -> tuple[int, int | None]:
            cursor = self._execute(sql, parameters)
            return cursor.rowcount, cursor.lastrowid

        async with self._lock:
            return await self._in_thread(work, interruptible=False)

    async def write_many(self, sql: str, rows: Iterable[Parameters]) -> int:
        """Run a write once per row of values, all or nothing, in the thread."""

        self.heavy = True

        def work() -> int:
            return self._all_or_nothing(lambda: self.raw.executemany(sql, rows).rowcount, sql)

        async with self._lock:
            return await self._in_thread(work, interruptible=False)

    def _all_or_nothing(self, work: Callable[[], int], sql: str) -> int:
        nested = self.raw.in_transaction
        self._execute("SAVEPOINT openviper_many" if nested else "BEGIN IMMEDIATE", ())
        try:
            if self.echo:
                logger.info("%s", sql)
            count = work()
            self.raw.execute("RELEASE openviper_many" if nested else "COMMIT")
        except BaseException as error:
            self._undo(nested)
            if isinstance(error, sqlite3.Error):
                raise translate(error, sql) from error
            raise
        return count

    def _undo(self, nested: bool) -> None:
        """Undo what `_all_or_nothing` did, unless an error has ended the whole transaction already."""
        if not self.raw.in_transaction:
            return
        if not nested:
            self.raw.execute("ROLLBACK")
            return
        self.raw.execute("ROLLBACK TO openviper_many")
        self.raw.execute("RELEASE openviper_many")

    async def insert_many(self, sql: str, rows: Iterable[Parameters]) -> list[int]:
        """Insert rows whose keys the database makes, all or nothing, in the thread, and return the keys."""
        self.heavy = True

        def work() -> list[int]:
            keys: list[int] = []

            def insert() -> int:
                for row in rows:
                    keys.append(self.raw.execute(sql, row).lastrowid or 0)
                return len(keys)

            self._all_or_nothing(insert, sql)
            return keys

        async with self._lock:
            return await self._in_thread(work, interruptible=False)

    async def control(self, sql: str) -> None:
        """Begin or end a transaction or savepoint; ending one that has written much belongs into the thread."""
        await self.write(sql, (), single=not self.heavy)
        self.heavy = self.heavy and self.raw.in_transaction

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function with the raw connection in the thread."""
        async with self._lock:
            return await self._in_thread(lambda: work(self.raw), interruptible=False)

    def _execute(self, sql: str, parameters: Parameters) -> sqlite3.Cursor:
        if self.echo:
            logger.info("%s", sql)
        try:
            return self.raw.execute(sql, parameters)
        except sqlite3.Error as error:
            raise translate(error, sql) from error

    async def _in_thread(self, work: Callable[[], T], *, interruptible: bool) -> T:
        """Run `work` in the thread and wait for its end even if this task is cancelled meanwhile."""

        def guarded() -> T:
            if not hasattr(self, "raw"):
                return work()
            self.raw.execute(f"PRAGMA busy_timeout={int(self._busy_timeout * 1000)}")
            if self._statement_timeout is None:
                # Nothing to look at the clock for; each look would take the interpreter's lock from the event loop.
                self.raw.set_progress_handler(None, 0)
            else:
                self.deadline = perf_counter() + self._statement_timeout
            try:
                return work()
            except (sqlite3.Error, DatabaseError) as error:
                if self._interrupted:
                    raise OperationalError(
                        f"statement took longer than {self._statement_timeout:g} s"
                    ) from error
                raise (
                    translate(error) if isinstance(error, sqlite3.Error) else error
                ) from error.__cause__
            finally:
                self._interrupted = False
                self.deadline = NEVER
                try:
                    self.raw.execute("PRAGMA busy_timeout=0")
                    if self._statement_timeout is None:
                        self.raw.set_progress_handler(self._past_deadline, HANDLER_INTERVAL)
                except sqlite3.ProgrammingError:
                    pass  # `work` closed the connection.

        self.busy = True
        try:
            future = asyncio.get_running_loop().run_in_executor(self._executor, guarded)
            try:
                return await asyncio.shield(future)
            except asyncio.CancelledError:
                if interruptible:
                    self.raw.interrupt()
                await _settle(future)
                raise
        finally:
            self.busy = False


async def _settle(future: asyncio.Future[Any]) -> None:
    """Wait until `future` is done, however often this task is cancelled; its result does not matter any more."""
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            continue
    if not future.cancelled():
        future.exception()
