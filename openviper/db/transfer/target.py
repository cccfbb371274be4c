"""The database that rows are moved into: one transaction, in which everything is stored or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from openviper.db.connections.databases import Connection, Database
from openviper.db.dialects.ddl import OWN_TABLES
from openviper.db.dialects.definitions import LiveTable
from openviper.db.dialects.lookup import ddl_dialect
from openviper.db.exceptions import DatabaseReadOnlyError, OperationalError
from openviper.db.schemas.introspection import read_live_tables
from openviper.db.schemas.lock import migration_lock
from openviper.db.transfer.errors import RowError, TransferError
from openviper.db.transfer.sessions import LOCK_WAIT, begun, locked
from openviper.db.transfer.tables import TransferColumn, TransferTable, backward_references
from openviper.db.transfer.vendor_statements import Keys, vendor_of
from openviper.exceptions import MigrationError

STORED = "everything was stored before the signal came"


class Target:
    """A database in the transaction that rows are moved into.

    Args:
        connection: In the transaction.
        tables: Those that are filled, in the order in which they are.
        live: All tables of the database.
    """

    def __init__(
        self,
        connection: Connection,
        tables: Sequence[TransferTable],
        live: Mapping[str, LiveTable],
    ) -> None:
        self.connection = connection
        self.dialect = connection.dialect
        self._tables = tables
        self._live = live
        self._vendor = vendor_of(self.dialect)
        self._backward = backward_references(tables)
        self._deferred: list[tuple[str, str]] = []

    async def keep_others_out(self) -> None:
        """Keep other writers out of the tables until the end, where the database can.

        Raises:
            TransferError: If others hold the tables.
        """
        names = [table.name for table in self._tables]
        await self._waiting(self._vendor.lock(names) if names else ())

    async def defer(self, keys: Keys) -> None:
        """Let foreign keys refer to rows that come later.

        Raises:
            TransferError: If others hold the tables.
        """
        await self._waiting(self._vendor.defer(keys, self._live))
        self._deferred += keys

    async def defer_backward(self) -> None:
        """Let those foreign keys refer to rows that come later which have to, the order of the tables being what it is."""
        await self.defer(self._backward)

    async def _waiting(self, statements: Iterable[str]) -> None:
        """Run statements that need locks."""
        try:
            await self._run(statements)
        except OperationalError as error:
            raise locked(self.connection.alias, error) from error

    async def _run(self, statements: Iterable[str]) -> None:
        for statement in statements:
            await self.connection.execute(statement)

    # Clearing

    async def clear(self) -> None:
        """Delete the rows of the tables.

        Raises:
            TransferError: If a row of another table refers to them.
        """
        names = [table.name for table in reversed(self._tables)]
        outside = list(_referring(self._live, set(names)))
        for name, column in outside:
            await self._refuse_referring(name, column)
        await self._run(self._vendor.clear(names, list(self._cuttable()), all_at_once=not outside))

    def _cuttable(self) -> Iterable[tuple[str, str]]:
        """Yield the foreign keys in circles that may be NULL for a while."""
        for name, column in self._backward:
            if self._live[name].columns[column]["nullable"]:
                yield name, column

    async def _refuse_referring(self, table: str, column: str) -> None:
        quote = self.dialect.quote
        rows = await self.connection.fetch_all(
            f"SELECT 1 FROM {quote(table)} WHERE {quote(column)} IS NOT NULL LIMIT 1"
        )
        if rows:
            raise TransferError(
                f"rows of table {table}, which is not among the tables to replace, refer to them by column {column}"
            )

    async def settle(self, tables: Iterable[TransferTable]) -> None:
        """Check that every foreign key of tables refers to a row that exists.

        Raises:
            RowError: If one does not.
        """
        for table in tables:
            for column in table.references:
                await self._refuse_orphan(table, column)
        await self._run(self._vendor.settle(self._deferred, self._live))

    async def _refuse_orphan(self, table: TransferTable, column: TransferColumn) -> None:
        quote, target = self.dialect.quote, str(column.target)
        name, key, target_key = map(
            quote, (column.name, table.key.name, _key_of(self._live[target]))
        )
        rows = await self.connection.fetch_all(
            f"SELECT s.{key}, s.{name} FROM {quote(table.name)} s "
            f"LEFT JOIN {quote(target)} t ON t.{target_key} = s.{name} "
            f"WHERE s.{name} IS NOT NULL AND t.{target_key} IS NULL LIMIT 1"
        )
        if rows:
            reason = f"refers to {rows[0][1]!r}, and table {target} has no such row"
            raise RowError(table.name, rows[0][0], reason, column.name)


def _key_of(table: LiveTable) -> str:
    keys = [name for name, column in table.columns.items() if column.get("primary_key")]
    return keys[0] if keys else "id"


def _referring(live: Mapping[str, LiveTable], names: set[str]) -> Iterable[tuple[str, str]]:
    """Yield the foreign keys of other tables that refer to some tables."""
    for name, table in live.items():
        if name in names or name in OWN_TABLES:
            continue
        for column in table.columns.values():
            if column.get("target_table") in names:
                yield name, column["name"]


@asynccontextmanager
async def target_transaction(
    database: Database, tables: Sequence[TransferTable]
) -> AsyncIterator[Target]:
    """Have a database in a transaction for the time of the block, alone among all that move rows or migrate there.

    Leaving the block without an error stores everything; any error, and the end of the process, leaves the database as it
    was.

    Raises:
        DatabaseReadOnlyError: If the database is read-only.
        TransferError: If another one moves rows there, or a table cannot be rolled back.
    """
    if database.is_read_only:
        raise DatabaseReadOnlyError(f"database {database.alias!r} is read-only")
    vendor = vendor_of(database.dialect)
    async with alone(database):
        async with database.connection() as connection:
            live = await read_live_tables(connection, ddl_dialect(database.vendor))
        async with begun(database, vendor.begin(), vendor.after()) as connection:
            yield Target(connection, tables, live)
            await _commit(connection)


async def _commit(connection: Connection) -> None:
    """Store everything.

    Raises:
        CancelledError: If that was asked for meanwhile; it is too late, and the error says so.
    """
    task = asyncio.ensure_future(connection.execute("COMMIT"))
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError(STORED)


@asynccontextmanager
async def alone(database: Database) -> AsyncIterator[None]:
    """Be the only one that moves rows into a database, or migrates it, for the time of the block.

    Raises:
        TransferError: If another one does not end in time.
    """
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(migration_lock(database, LOCK_WAIT))
        except MigrationError as error:
            text = str(error).replace("another migrate", "another copy-data, load-data or migrate")
            raise TransferError(text) from error
        yield
