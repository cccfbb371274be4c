"""SQLite without the hop: short statements on the event loop under a deadline, the rest in a thread.

A point query takes 3 us where the hop to a thread and back takes 100 us, so reads begin *inline*. A progress handler
(https://sqlite.org/c3ref/progress_handler.html) interrupts one that is still running after `INLINE_LIMIT`; it is then
repeated in the connection's own thread. Interrupting a read leaves the transaction intact, interrupting a write rolls it
back. So a write of one row is never interrupted; one of many rows begins inline only where it is a transaction of its
own, which the thread then repeats; within another transaction it belongs into the thread.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from openviper.db.connections.drivers.base import LATER, Described, Later, Movable, Parameters, Row
from openviper.db.connections.drivers.sqlite_errors import translate
from openviper.db.connections.drivers.sqlite_inline import (
    HANDLER_INTERVAL,
    INLINE_LIMIT,
    MATCH,
    NEVER,
    InlineBudget,
    NotInline,
)
from openviper.db.connections.drivers.sqlite_open import open_file
from openviper.db.connections.drivers.sqlite_rows import all_of, convert_all
from openviper.db.connections.options import DatabaseOptions
from openviper.db.exceptions import DatabaseError, OperationalError
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = lazy_module("asyncio")

T = TypeVar("T")
logger = logging.getLogger("openviper.db")

INTERRUPT_INTERVAL = 0.02
"""Seconds between two interrupts of a read that nobody waits for any more."""
READER_NICENESS = 10
"""How far the thread of a long read gives way to the event loop where both want the processor (nice(2))."""


def _give_way() -> None:
    # Only Linux counts niceness by thread; elsewhere it would be the whole process that gives way.
    if sys.platform == "linux":
        os.nice(READER_NICENESS)


class SQLiteConnection(Movable):
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
        self._busy_timeout = options.busy_timeout
        self._statement_timeout = options.statement_timeout
        self._interrupted = False
        self._works = False
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
            # Cancelled, the thread has come to its end nevertheless, perhaps with a connection.
            if hasattr(self, "raw"):
                self.raw.close()
            self._executor.shutdown(wait=False)
            raise

    def _open(self) -> None:
        self.raw, is_wal = open_file(self._options, self.path)
        self.raw.set_progress_handler(self._past_deadline, HANDLER_INTERVAL)
        self.inline_writes = self.inline and (is_wal or self.is_memory)

    async def close(self) -> None:
        """Close the connection; the last one of a file also empties its write-ahead log."""
        async with self._lock:
            await self._in_thread(self.raw.close, interruptible=False)
            self._executor.shutdown(wait=False)

    def close_now(self) -> None:
        """Close without an event loop, for the end of the process or of a loop that is closed already."""
        self._executor.shutdown(wait=True)
        self.raw.close()

    def move(self) -> None:
        """Be used on the running event loop from now on; nothing runs on the connection."""
        super().move()
        self.budget = InlineBudget(asyncio.get_running_loop())

    # Inline

    def _past_deadline(self) -> int:
        if perf_counter() < self.deadline:
            return 0
        self._interrupted = True
        return 1

    def read_now(self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]) -> T:
        """Run a read on the event loop, of which it is not known that it takes too long.

        Raises:
            NotInline: If it takes too long, or the database is locked.
        """
        if self.echo:
            logger.info("%s", sql)
        budget, started = self.budget, perf_counter()
        self.deadline = started + INLINE_LIMIT
        try:
            cursor = self.raw.execute(sql, parameters)
            rows = all_of(cursor)
        except sqlite3.Error as error:
            raise self._postponed(error, sql) from error
        finally:
            self.deadline = NEVER
            budget.spent += perf_counter() - started
            if not budget.is_counting:
                budget.count()
        if budget.suspects:
            budget.ran_inline(sql)
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
        budget, started = self.budget, perf_counter()
        try:
            return self.raw.execute(sql, parameters)
        except sqlite3.Error as error:
            raise self._postponed(error, sql) from error
        finally:
            budget.spent += perf_counter() - started
            if not budget.is_counting:
                budget.count()

    def write_all_now(self, sql: str, parameters: Parameters) -> sqlite3.Cursor:
        """Run a write of any number of rows, which is a transaction of its own, on the event loop.

        Where it is interrupted, all of it is undone, and nothing else; inside of a transaction all that came before it
        would be as well.

        Raises:
            NotInline: If it takes too long, or the database is locked; nothing was changed.
        """
        if self.budget.is_long(sql):
            raise NotInline
        self.deadline = perf_counter() + INLINE_LIMIT
        try:
            cursor = self.write_now(sql, parameters)
        finally:
            self.deadline = NEVER
        self.budget.ran_inline(sql)
        return cursor

    def _postponed(self, error: sqlite3.Error, sql: str) -> Exception:
        if self._interrupted:
            self._interrupted = False
            self.budget.note_long(sql)
            return NotInline()
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            return NotInline()
        return translate(error, sql, self.path)

    # In the thread

    def read_at_once(
        self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]
    ) -> T | Literal[Later.LATER]:
        """Run a read inline, if it is short and it is its turn."""
        if not self.inline or self.busy or self.budget.spent > INLINE_LIMIT:
            return LATER
        if self.budget.is_long(sql):
            return LATER
        try:
            return self.read_now(sql, parameters, convert)
        except NotInline:
            return LATER

    def write_at_once(
        self, sql: str, parameters: Parameters
    ) -> tuple[int, int | None] | Literal[Later.LATER]:
        """Run a write of one row at most inline, if it is its turn."""
        if not self.inline_writes or self.busy or self.budget.spent > INLINE_LIMIT:
            return LATER
        if MATCH in sql:
            return LATER
        if self.echo:
            logger.info("%s", sql)
        budget, started = self.budget, perf_counter()
        try:
            cursor = self.raw.execute(sql, parameters)
        except sqlite3.Error as error:
            return self._later_if_postponed(error, sql)
        finally:
            budget.spent += perf_counter() - started
            if not budget.is_counting:
                budget.count()
        return cursor.rowcount, cursor.lastrowid

    def _later_if_postponed(self, error: sqlite3.Error, sql: str) -> Literal[Later.LATER]:
        """Return `LATER` for what belongs into the thread; raise everything else."""
        postponed = self._postponed(error, sql)
        if isinstance(postponed, NotInline):
            return LATER
        raise postponed from error

    async def read(self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]) -> T:
        """Run a read, inline if it is short."""
        if self.inline and not self.busy:
            if self.budget.spent > INLINE_LIMIT:
                await self.budget.wait()
            found = self.read_at_once(sql, parameters, convert)
            if found is not LATER:
                return found
            self.budget.ran_in_thread(sql)
        return await self.read_in_thread(sql, parameters, convert)

    async def read_in_thread(
        self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]
    ) -> T:
        """Run a read and its conversion in the thread; cancelling the task interrupts it."""

        def work() -> T:
            cursor = self._execute(sql, parameters)
            if isinstance(convert, Described):
                convert.note(cursor)
            with closing(cursor):
                return convert_all(cursor, convert)

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
            written = self.write_at_once(sql, parameters)
            if written is not LATER:
                return written

        if not single:
            self._note_heavy()

        def work() -> tuple[int, int | None]:
            cursor = self._execute(sql, parameters)
            return cursor.rowcount, cursor.lastrowid

        async with self._lock:
            return await self._in_thread(work, interruptible=False)

    def _note_heavy(self) -> None:
        """Take note of a write of many rows in the open transaction; one on its own leaves nothing to be ended."""
        self.heavy = self.raw.in_transaction

    async def write_many(self, sql: str, rows: Iterable[Parameters]) -> int:
        """Run a write once per row of values, all or nothing, in the thread."""

        self._note_heavy()

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
                raise translate(error, sql, self.path) from error
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
        self._note_heavy()

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
            raise translate(error, sql, self.path) from error

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
            self._works = True
            try:
                return work()
            except (sqlite3.Error, DatabaseError) as error:
                if self._interrupted:
                    raise OperationalError(
                        f"statement took longer than {self._statement_timeout:g} s"
                    ) from error
                raise (
                    translate(error, path=self.path) if isinstance(error, sqlite3.Error) else error
                ) from error.__cause__
            finally:
                self._works = self._interrupted = False
                self.deadline = NEVER
                self._return_to_the_loop()

        self.busy = True
        try:
            future = asyncio.get_running_loop().run_in_executor(self._executor, guarded)
            try:
                return await asyncio.shield(future)
            except asyncio.CancelledError:
                await self._settle(future, interrupts=interruptible)
                raise
        finally:
            self.busy = False

    def _return_to_the_loop(self) -> None:
        """Set the connection up for inline work, behind work in the thread."""
        try:
            self.raw.execute("PRAGMA busy_timeout=0")
            if self._statement_timeout is None:
                self.raw.set_progress_handler(self._past_deadline, HANDLER_INTERVAL)
        except sqlite3.ProgrammingError:
            pass  # The work has closed the connection.
        except sqlite3.OperationalError:
            # An interrupt has come too late for the statement it was meant for.
            self._return_to_the_loop()

    async def _settle(self, future: asyncio.Future[Any], *, interrupts: bool) -> None:
        """Wait until `future` is done, however often this task is cancelled; its result does not matter any more.

        An interrupt that comes before the statement has begun has no effect on it, so it is repeated.
        """
        while not future.done():
            if interrupts and self._works:
                self.raw.interrupt()
            try:
                await asyncio.wait([future], timeout=INTERRUPT_INTERVAL if interrupts else None)
            except asyncio.CancelledError:
                continue
        if not future.cancelled():
            future.exception()
