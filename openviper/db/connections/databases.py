"""The configured databases by alias, their pools per event loop, and the blocks of code that have a connection to themselves.

An open transaction, or a connection pinned by `request_connection`, is a *block*. A ContextVar holds the innermost block
per alias, so all queries of the task and of the tasks it starts join it; a block that has ended is ignored, so a task that
outlives it gets a connection of its own.

This file is long because blocks, databases and their manager share what none of them shows to others.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias

from openviper.conf.lazy import settings
from openviper.db.connections.drivers.base import (
    DriverConnection,
    Parameters,
    Pool,
    Row,
    StandIn,
)
from openviper.db.connections.options import DatabaseOptions, check_url, read_databases
from openviper.db.connections.undo import UndoLog
from openviper.db.dialects.base import Dialect
from openviper.db.dialects.lookup import dialect_for
from openviper.db.exceptions import (
    DatabaseAliasNotFoundError,
    DatabaseConfigurationError,
    OperationalError,
)
from openviper.utils.importing import lazy_module, lazy_pattern

if TYPE_CHECKING:
    import asyncio

    from openviper.db.connections.observers import DatabaseExecution
else:
    asyncio = lazy_module("asyncio")

Callback = Callable[[], object]
_WORDS = lazy_pattern(r"[A-Za-z]+")
Flush = Callable[["Connection", list[Any]], Awaitable[None]]
"""Writes what was gathered during a transaction as the last thing in it."""


class Block:
    """A span of code that has a connection to itself, most often a transaction."""

    __slots__ = (
        "callbacks",
        "connection",
        "ended_by",
        "flushes",
        "lock",
        "open",
        "outer",
        "read_only",
        "transactional",
        "undo",
    )

    def __init__(
        self,
        connection: DriverConnection,
        *,
        outer: Block | None = None,
        transactional: bool = False,
        read_only: bool = False,
    ) -> None:
        self.connection = connection
        self.outer = outer
        self.transactional = transactional
        self.read_only = read_only
        self.open = True
        self.ended_by = ""
        """The statement that ended the transaction, if it was not this span itself."""
        self.callbacks: list[Callback] = []
        self.flushes: dict[Flush, list[Any]] = {}
        self.undo: UndoLog = {}
        # Savepoints are a stack, so sibling tasks that open a nested block take turns.
        self.lock = asyncio.Lock()

    def chain(self) -> Iterator[Block]:
        """Yield this one and those around it."""
        block: Block | None = self
        while block is not None:
            yield block
            block = block.outer

    def check_alive(self) -> None:
        """Check that the transaction is open: a statement sent now would be on its own, and durable, whatever comes.

        Raises:
            OperationalError: If it is not; the message says what is stored.
        """
        if self.transactional and not self.connection.in_transaction:
            raise self.lost()

    @property
    def _ending(self) -> str:
        return next((block.ended_by for block in self.chain() if block.ended_by), "")

    @property
    def is_stored(self) -> bool:
        """Whether a statement has ended the transaction by storing it, whatever the code around it raises."""
        return self._ending not in ("", "ROLLBACK")

    def lost(self) -> OperationalError:
        """Return the error for a transaction that has ended before its time."""
        ended_by = self._ending
        if not ended_by:
            return OperationalError(
                "the database has ended the transaction by itself; nothing of it was stored",
                retryable=True,
            )
        stored = "all" if self.is_stored else "nothing"
        return OperationalError(
            f"{ended_by} has ended the transaction; {stored} of what came before it is stored"
        )

    def note_end(self, sql: str) -> None:
        """Remember which statement, if any, has ended the transaction: it was sent inside of it and has succeeded."""
        if self.connection.in_transaction:
            return
        words = _WORDS.findall(sql)
        for block in self.chain():
            block.ended_by = words[0].upper() if words else "a statement"


blocks: ContextVar[dict[str, Block] | None] = ContextVar("openviper_db_blocks", default=None)


def current_block(alias: str) -> Block | None:
    """Return the innermost open block of this task on an alias."""
    by_alias = blocks.get()
    if by_alias is None:
        return None
    block = by_alias.get(alias)
    # A task started inside a nested block that has ended since still belongs to the block around it.
    while block is not None and not block.open:
        block = block.outer
    return block


@asynccontextmanager
async def entered(alias: str, block: Block) -> AsyncIterator[None]:
    """Make `block` the innermost one of this task and of the tasks it starts."""
    # The innermost block's alias comes last, which is where queries without an alias of their own go.
    others = {name: other for name, other in (blocks.get() or {}).items() if name != alias}
    token = blocks.set({**others, alias: block})
    try:
        yield
    finally:
        block.open = False
        blocks.reset(token)


def _identity(rows: list[Row]) -> list[Row]:
    return rows


class Connection:
    """A connection that a block of code has to itself.

    Args:
        database: The database.
        driver: Its connection.
        block: The transaction it was given out for; statements after its end are refused.
    """

    def __init__(
        self, database: Database, driver: DriverConnection, block: Block | None = None
    ) -> None:
        self.alias = database.alias
        self.dialect = database.dialect
        self.vendor = database.vendor
        self._database = database
        self._driver = driver
        self._block = block

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open on this connection."""
        return self._driver.in_transaction

    async def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run any statement in the thread and return the number of rows it wrote, -1 where there is no such number.

        Raises:
            OperationalError: If the transaction has ended; nothing was sent.
        """
        return (await self._write(sql, parameters, single=False))[0]

    async def insert(self, sql: str, parameters: Parameters = ()) -> Any:
        """Run an INSERT of one row and return its key, if the database makes one and the statement returns it."""
        return (await self._write(sql, parameters, single=True))[1]

    async def _write(self, sql: str, parameters: Parameters, *, single: bool) -> tuple[int, Any]:
        block = self._block
        if block is None:
            return await self._driver.write(sql, parameters, single=single)
        block.check_alive()
        written = await self._driver.write(sql, parameters, single=single)
        block.note_end(sql)
        return written

    async def execute_many(self, sql: str, rows: Iterable[Parameters]) -> int:
        """Run a statement once per row of values, all or nothing."""
        if self._block is not None:
            self._block.check_alive()
        return await self._driver.write_many(sql, rows)

    async def fetch_all(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """Run a read and return its rows."""
        if self._block is not None:
            self._block.check_alive()
        return await self._driver.read(sql, parameters, _identity)

    async def fetch_one(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """Run a read and return its first row."""
        rows = await self.fetch_all(sql, parameters)
        return rows[0] if rows else None


class Database:
    """One configured database: its URL, dialect and, per event loop, its pool."""

    def __init__(self, options: DatabaseOptions) -> None:
        self.alias = options.alias
        self.options = options
        self.url = options.url
        self.vendor = self.url.vendor
        self.is_read_only = options.read_only
        check_url(self.alias, self.url)
        self.dialect: Dialect = dialect_for(self.vendor)
        self._execution: DatabaseExecution | None = None
        if options.backend is not None or options.slow_query is not None:
            # Late: few projects watch their statements.
            from openviper.db.connections.observers import execution_for

            self._execution = execution_for(self.alias, options)
        self.stand_in: StandIn | None = None
        """What takes the place of a pool of its own, in tests."""
        self._pool: Pool | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._others: dict[asyncio.AbstractEventLoop, Pool] = {}
        self._leaving: list[tuple[asyncio.AbstractEventLoop, Pool]] = []
        """Pools that are closed and have connections in use, which may never be given back."""

    def pool(self) -> Pool:
        """Return the pool of the running event loop."""
        loop = asyncio.get_running_loop()
        if loop is self._loop and self._pool is not None:
            return self._pool
        return self._switch(loop)

    def _switch(self, loop: asyncio.AbstractEventLoop) -> Pool:
        if self._loop is not None and self._pool is not None:
            self._others[self._loop] = self._pool
        self._close_where(lambda loop: loop.is_closed())
        pool = self._others.pop(loop, None) or self._watched(self.stand_in or self.new_pool())
        self._loop, self._pool = loop, pool
        return pool

    def new_pool(self) -> Pool:
        """Return another pool, for the running event loop."""
        # Late: each pool brings its driver, and a process needs one of them.
        if self.vendor == "sqlite":
            # Late, each of them: a project has one kind of database, and some commands open none.
            from openviper.db.connections.pool.sqlite import SQLitePool

            return SQLitePool(self.options)
        from openviper.db.connections.pool.server import server_pool

        return server_pool(self.vendor, self.options)

    def _watched(self, pool: Pool) -> Pool:
        # Where nobody has imported it, nobody watches.
        observers = sys.modules.get("openviper.db.connections.observers")
        if observers is None:
            return pool
        execution = self._execution
        if self.options.backend is None:
            execution = observers.execution_for(self.alias, self.options)
        watched: Pool = pool if execution is None else observers.WatchedPool(pool, execution)
        return watched

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Have the writing connection to oneself; inside an open block it is that block's connection."""
        block = current_block(self.alias)
        if block is not None:
            yield Connection(self, block.connection, block)
            return
        async with self.pool().hold() as driver, entered(self.alias, Block(driver)):
            try:
                yield Connection(self, driver)
            finally:
                if (
                    driver.in_transaction
                ):  # Left open by an error inside; never handed to the next one.
                    await driver.control("ROLLBACK")

    @contextmanager
    def watched(self, execution: DatabaseExecution) -> Iterator[None]:
        """Have an execution told of all statements of this event loop inside the block, those of open transactions too."""
        # Late: few processes watch their statements.
        from openviper.db.connections.observers import WatchedConnection, WatchedPool

        pool = self.pool()
        block = current_block(self.alias)
        own = [] if block is None else list(block.chain())
        before = [(span, span.connection) for span in own]
        self._pool = WatchedPool(pool, execution)
        for span, connection in before:
            span.connection = WatchedConnection(connection, execution)
        try:
            yield
        finally:
            for span, connection in before:
                span.connection = connection
            if isinstance(self._pool, WatchedPool):
                self._pool = self._pool.inner

    async def close(self) -> None:
        """Close the pool of this loop, and those of loops that are closed."""
        loop = asyncio.get_running_loop()
        pool = self._pool if self._loop is loop else self._others.pop(loop, None)
        if pool is not None:
            await pool.close()
            if pool.statistics().get("open"):
                self._leaving.append((loop, pool))
        if self._loop is loop:
            self._loop = self._pool = None
        self._close_where(lambda loop: loop.is_closed())

    def _close_where(self, is_over: Callable[[asyncio.AbstractEventLoop], bool]) -> None:
        """Close the pools of those loops, other than the present one, that are over."""
        for loop in [loop for loop in self._others if is_over(loop)]:
            self._others.pop(loop).close_now()
        over = [(loop, pool) for loop, pool in self._leaving if is_over(loop)]
        for left in over:
            self._leaving.remove(left)
            left[1].close_now()

    def retire(self) -> None:
        """Close the pools whose loop does not run: another database is to take the place of this one."""
        if self._loop is not None and self._pool is not None:
            self._others[self._loop] = self._pool
        self._loop = self._pool = None
        self._close_where(lambda loop: not loop.is_running())

    @property
    def has_pools(self) -> bool:
        """Whether there are connections that may be open."""
        return self._pool is not None or bool(self._others or self._leaving)

    def close_now(self) -> None:
        """Close the pools of all loops, none of which runs any more."""
        if self._loop is not None and self._pool is not None:
            self._others[self._loop] = self._pool
        self._close_where(lambda _loop: True)
        self.forget()

    def forget(self) -> None:
        """Drop the pools without closing them, as a forked child must: they belong to the parent."""
        self._pool = self._loop = None
        self._others = {}
        self._leaving = []


_Configured: TypeAlias = tuple[dict[str, Database] | None, tuple[list[Any], dict[str, Any]], str]
"""What a manager knows: the databases, their routers, and why those of the settings cannot be had."""


class ConnectionManager:
    """The configured databases by alias; read from the settings when first asked."""

    def __init__(self) -> None:
        self._databases: dict[str, Database] | None = None
        self._replaced: list[Database] = []
        """Databases in whose place others have come while a loop that used them was running."""
        self._routers: tuple[list[Any], dict[str, Any]] = ([], {})
        self.has_routers = False
        """Whether routers decide about the database of an operation."""
        self.hidden_because = ""
        """Why those of the settings cannot be had, which is said to whoever asks for them."""
        self.generation = 0
        """Counts configurations, so that what was made from one can tell that it is outdated."""

    @property
    def is_configured(self) -> bool:
        """Whether the databases are known already; else the first that is asked for has them read."""
        return self._databases is not None

    def router_config(self) -> tuple[list[Any], dict[str, Any]]:
        """Return ``ROUTERS`` and ``ROUTING`` of the configuration."""
        self.ensure_initialized()
        return self._routers

    def configure(self, databases: Mapping[str, Any] | None = None) -> None:
        """Take the databases from a mapping of the form of `DATABASES`, or from the settings.

        Raises:
            DatabaseConfigurationError: If an option has a value that cannot work.
        """
        given = settings.DATABASES if databases is None else databases
        routers = list(given.get("ROUTERS") or settings.DATABASE_ROUTERS)
        self._routers = routers, dict(given.get("ROUTING") or {})
        self.has_routers = bool(routers)
        self.generation += 1
        read = read_databases(given)
        for old in (self._databases or {}).values():
            self._retire(old)
        self._databases = {alias: Database(options) for alias, options in read.items()}

    def ensure_initialized(self) -> dict[str, Database]:
        """Configure from the settings unless that was done, and return the databases by alias.

        Raises:
            DatabaseConfigurationError: If they are hidden.
        """
        if self._databases is None and self.hidden_because:
            raise DatabaseConfigurationError(self.hidden_because)
        if self._databases is None:
            self.configure()
        assert self._databases is not None
        return self._databases

    def get(self, alias: str | None = None) -> Database:
        """Return a database.

        Raises:
            DatabaseAliasNotFoundError: If there is none under this alias.
        """
        databases = self._databases or self.ensure_initialized()
        try:
            return databases[alias or "default"]
        except KeyError:
            raise DatabaseAliasNotFoundError(alias or "default", databases) from None

    def all(self) -> list[Database]:
        """Return every database."""
        return list(self.ensure_initialized().values())

    @property
    def aliases(self) -> list[str]:
        """The configured aliases."""
        return list(self.ensure_initialized())

    @contextmanager
    def replaced(self) -> Iterator[None]:
        """Use the databases of the settings as they are now inside the block, and those of before afterwards, as they were."""
        before = self._databases, self._routers, self.hidden_because
        self._put((None, ([], {}), ""))
        try:
            yield
        finally:
            for database in (self._databases or {}).values():
                self._retire(database)
            self._put(before)

    def _put(self, configured: _Configured) -> None:
        self._databases, self._routers, self.hidden_because = configured
        self.has_routers = bool(self._routers[0])
        self.generation += 1

    def setup_alias(self, alias: str, config: Mapping[str, Any]) -> Database:
        """Add or replace one database; the caller closes the old one first."""
        databases = self._databases if self._databases is not None else {}
        database = Database(read_databases({alias: config})[alias])
        if alias in databases:
            self._retire(databases[alias])
        self._databases = {**databases, alias: database}
        return database

    def _retire(self, database: Database) -> None:
        database.retire()
        self._replaced = [old for old in [*self._replaced, database] if old.has_pools]

    def _known(self) -> list[Database]:
        return [*(self._databases or {}).values(), *self._replaced]

    async def disconnect_all(self) -> None:
        """Close the connections of this event loop."""
        for database in self._known():
            await database.close()
        self._replaced = [old for old in self._replaced if old.has_pools]

    def reset(self) -> None:
        """Forget the configuration and close what no running loop uses."""
        self.close_now()
        self._put((None, ([], {}), self.hidden_because))

    def close_now(self) -> None:
        """Close everything at the end of the process."""
        for database in self._known():
            database.close_now()
        self._replaced = []

    def forget(self) -> None:
        """Drop all pools without closing them."""
        for database in self._known():
            database.forget()
        self._replaced = []


connections = ConnectionManager()
"""The databases of this process."""

atexit.register(connections.close_now)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=connections.forget)
