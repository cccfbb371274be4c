"""One test database of this process, with the connection that tests share."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from openviper.db.connection import connections
from openviper.db.connections.databases import Database
from openviper.db.connections.drivers.mysql import MySQLConnection
from openviper.db.connections.drivers.postgresql import PostgreSQLConnection
from openviper.db.connections.drivers.sqlite import SQLiteConnection
from openviper.db.connections.drivers.sqlite_inline import InlineBudget
from openviper.db.connections.options import DatabaseOptions, read_databases
from openviper.testing.config import OpenViperTestingConfigError
from openviper.testing.databases.base import TestServer, make_marker, set_clean, write_mark
from openviper.testing.databases.cleaning import Layout, read_layout, truncate
from openviper.testing.databases.kept import KeptConnection, KeptPool
from openviper.testing.databases.naming import Target
from openviper.testing.databases.servers import MySQLServer, PostgreSQLServer
from openviper.testing.databases.sqlite import SQLiteServer

MOST_RUNS = 50
"""How many runs of one project may go on at once."""
Fill = Callable[[str], Awaitable[None]]


def server_for(target: Target) -> TestServer | None:
    """Return where a database lies; `None` of one in memory."""
    parsed = target.parsed
    if parsed.is_memory:
        return None
    if parsed.vendor == "sqlite":
        return SQLiteServer(target)
    return PostgreSQLServer(target) if parsed.vendor == "postgresql" else MySQLServer(target)


def shared_server(target: Target) -> Any:
    """Return the database that the server copies for each process of `pytest -n`; `None` where that is not done."""
    if target.shared_url is None or target.parsed.vendor != "postgresql":
        return None
    return server_for(Target(target.alias, target.shared_url, target.configured))


class Member:
    """A test database.

    Args:
        target: Where it lies.
        server: What makes it; found by the address when not given.

    Attributes:
        target: Where it lies; another one of the same name and a number, if another run uses the first.
        pool: The connection that tests share, where they do.
    """

    def __init__(self, target: Target, server: TestServer | None = None) -> None:
        self.target = target
        self._server = server or server_for(target)
        self.pool: KeptPool | None = None
        self._layout = Layout((), ())
        self._clean: sqlite3.Connection | None = None
        """The clean database, if it is in memory."""
        self._has_pristine = False
        self._is_ours = False
        """Whether the database was made for tests, and so may be dropped."""

    # Making it

    async def lock(self) -> None:
        """Take the database for this process.

        Raises:
            OpenViperTestingConfigError: If too many runs go on at once.
        """
        first = self.target
        for number in range(1, MOST_RUNS + 1):
            self.target = first.numbered(number)
            self._server = server_for(self.target)
            if self._server is None or await self._server.lock():
                return
            await self._server.unlock()
        raise OpenViperTestingConfigError(
            f"{MOST_RUNS} runs of tests use {first.parsed.redacted()!r} and those beside it; wait until one has ended"
        )

    async def fingerprint(self, made_of: str) -> str:
        """Return the fingerprint of a database made from something on this server."""
        version = "" if self._server is None else await self._server.version()
        return hashlib.sha256(f"{made_of} {version}".encode()).hexdigest()

    async def fits(self, fingerprint: str) -> bool:
        """Return whether the database is there, made from the same, and no test has left anything in it.

        Raises:
            OpenViperTestingConfigError: If there is a database of this name that was not made for tests.
        """
        mark = None if self._server is None else await self._server.mark()
        self._is_ours = mark is not None
        return mark is not None and mark.is_clean and mark.fingerprint == fingerprint

    async def create(self, fingerprint: str, fill: Fill) -> None:
        """Make the database anew.

        Args:
            fingerprint: Of what it is made from.
            fill: Makes the tables in the database of an alias.

        Raises:
            OpenViperTestingConfigError: If there is a database of this name that was not made for tests.
        """
        alias = self.target.alias
        if self._server is None:
            await self._shared().take()
            async with connections.get(alias).connection() as connection:
                await make_marker(connection)
            await fill(alias)
            await self._in_memory(self._keep_clean)
            return
        await self._server.mark()
        await self._server.drop()
        # It was nobody's, or made for tests. What was refused above is never dropped, at the end neither.
        self._is_ours = True
        await self._server.create()
        async with connections.get(alias).connection() as connection:
            await make_marker(connection)
        await fill(alias)
        async with connections.get(alias).connection() as connection:
            await write_mark(connection, fingerprint)
        await self.look()

    async def copy(self, original: Any) -> None:
        """Make the database a copy of another one of the same server.

        Raises:
            OpenViperTestingConfigError: If there is a database of this name that was not made for tests.
        """
        server: Any = self._server
        await server.mark()
        self._is_ours = True
        await server.copy_of(original)
        await self.look()

    async def look(self) -> None:
        """Take note of what the clean database has."""
        self._layout = await read_layout(self.target.alias)

    # Tests

    def install(self, database: Database, *, isolated: bool) -> None:
        """Have a database use the shared connection, if tests share one."""
        if isolated or self._server is None:
            database.stand_in = self._shared()

    def _shared(self) -> KeptPool:
        if self.pool is None:
            own = self.target.alias
            options = read_databases({own: {"OPTIONS": {"URL": self.target.url}}})[own]
            self.pool = KeptPool(options, lambda: connection_for(options))
        return self.pool

    async def begin(self, *, is_isolated: bool) -> None:
        """Have the shared connection on the running event loop, in a transaction or without one."""
        if not is_isolated and self._server is not None:
            return
        pool = self._shared()
        await pool.take()
        if is_isolated:
            await pool.begin()

    async def end(self) -> bool:
        """Take the shared connection from the test, if it had that; undo its transaction, and return whether that could be."""
        return self.pool is None or await self.pool.end()

    async def truncate(self) -> None:
        """Delete what a test has left."""
        if not await self.restore_here():
            await truncate(self.target.alias, self._layout)

    async def restore_here(self) -> bool:
        """Have a database in memory as it was when it was made, and return whether it is one."""
        if self._server is not None:
            return False
        await self._in_memory(self._copy_clean)
        return True

    async def _in_memory(self, work: Callable[[sqlite3.Connection], None]) -> None:
        await self._shared().run(work)

    # Not `serialize` and `deserialize`: after the latter SQLite goes on using what it knew of `pragma_table_xinfo` and the
    # like, which it has freed, and crashes (3.40).

    def _keep_clean(self, raw: sqlite3.Connection) -> None:
        self._forget_clean()
        self._clean = sqlite3.connect(":memory:", check_same_thread=False)
        raw.backup(self._clean)

    def _copy_clean(self, raw: sqlite3.Connection) -> None:
        if raw.in_transaction:
            raw.rollback()
        if self._clean is not None:
            self._clean.backup(raw)

    def _forget_clean(self) -> None:
        if self._clean is not None:
            self._clean.close()
            self._clean = None

    async def keep_pristine(self) -> None:
        """Keep a copy of the clean database, where the vendor has a way to."""
        if self._server is not None and not self._has_pristine:
            self._has_pristine = await self._server.keep_pristine()

    async def restore(self) -> bool:
        """Put the copy in the place of the database, and return whether there is one."""
        if self._server is None or not self._has_pristine:
            return False
        await self._server.restore()
        return True

    async def set_clean(self, *, is_clean: bool) -> None:
        """Write down whether tests have left rows."""
        if self._server is not None:
            async with connections.get(self.target.alias).connection() as connection:
                await set_clean(connection, is_clean=is_clean)

    # The end

    def discard(self) -> None:
        """Close the shared connection; a database in memory stays until the end."""
        if self.pool is not None and self._server is not None:
            self.pool.discard()

    async def leave(self, *, keep: bool) -> None:
        """Drop the database, unless it is to be kept, and let others have it."""
        if self._server is None:
            self._forget_clean()
            if self.pool is not None:
                self.pool.discard()
            return
        if self._is_ours:
            await self._server.discard_pristine()
            if not keep:
                await self._server.drop()
        await self._server.unlock()


def connection_for(options: DatabaseOptions) -> KeptConnection:
    """Return a connection that is not open yet; called on the event loop that opens it."""
    if options.url.vendor == "sqlite":
        return SQLiteConnection(options, InlineBudget(asyncio.get_running_loop()))
    if options.url.vendor == "postgresql":
        return PostgreSQLConnection(options)
    return MySQLConnection(options)
