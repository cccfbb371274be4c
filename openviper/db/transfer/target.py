"""The database that rows are moved into: one transaction, in which everything is stored or nothing.

What differs by vendor is in one class each; they write statements and know nothing of rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import NamedTuple, Protocol

from openviper.db.connections.databases import Connection, Database
from openviper.db.dialects.base import Dialect
from openviper.db.dialects.ddl import OWN_TABLES
from openviper.db.dialects.definitions import LiveTable
from openviper.db.dialects.lookup import ddl_dialect
from openviper.db.exceptions import DatabaseError, DatabaseReadOnlyError, OperationalError
from openviper.db.schemas.introspection import read_live_tables
from openviper.db.schemas.lock import migration_lock
from openviper.db.transfer.errors import RowError, TransferError
from openviper.db.transfer.tables import TransferColumn, TransferTable, backward_references
from openviper.exceptions import MigrationError

LOCK_WAIT = 10
"""Longest wait for a lock of others, in seconds."""
STORED = "everything was stored before the signal came"
Keys = Sequence[tuple[str, str]]
"""Foreign keys, as table and column."""


class Vendor(Protocol):
    """The statements of one vendor."""

    def begin(self) -> list[str]:
        """Return what begins the transaction."""
        ...

    def lock(self, tables: Sequence[str]) -> list[str]:
        """Return what keeps other writers out of tables until the end of the transaction."""
        ...

    def clear(self, tables: Sequence[str], circles: Keys, *, all_at_once: bool) -> list[str]:
        """Return what deletes the rows of tables.

        Args:
            tables: Those that refer to others first.
            circles: Foreign keys that stand in the way of this order, and may be NULL.
            all_at_once: Whether no other table refers to them.
        """
        ...

    def defer(self, keys: Keys, live: Mapping[str, LiveTable]) -> list[str]:
        """Return what lets foreign keys refer to rows that come later."""
        ...

    def settle(self, keys: Keys, live: Mapping[str, LiveTable]) -> list[str]:
        """Return what ends `defer`, once all rows are there."""
        ...

    def after(self) -> list[str]:
        """Return what gives the connection its settings back, whatever has happened."""
        ...


class _SQLite:
    def __init__(self, dialect: Dialect) -> None:
        self.quote = dialect.quote

    def begin(self) -> list[str]:
        # Foreign keys are checked at the commit; ends with it.
        return ["BEGIN IMMEDIATE", "PRAGMA defer_foreign_keys = ON"]

    def lock(self, tables: Sequence[str]) -> list[str]:
        return []  # There is one writer.

    def clear(self, tables: Sequence[str], circles: Keys, *, all_at_once: bool) -> list[str]:
        # RESTRICT does not wait for the commit, so circles are cut first.
        return [
            *_cuts(self.quote, circles),
            *(f"DELETE FROM {self.quote(name)}" for name in tables),
        ]

    def defer(self, keys: Keys, live: Mapping[str, LiveTable]) -> list[str]:
        return []

    def settle(self, keys: Keys, live: Mapping[str, LiveTable]) -> list[str]:
        return []

    def after(self) -> list[str]:
        return []


class _PostgreSQL:
    def __init__(self, dialect: Dialect) -> None:
        self.quote = dialect.quote

    def begin(self) -> list[str]:
        return ["BEGIN", f"SET LOCAL lock_timeout = '{LOCK_WAIT}s'"]

    def lock(self, tables: Sequence[str]) -> list[str]:
        return [f"LOCK TABLE {', '.join(map(self.quote, tables))} IN SHARE ROW EXCLUSIVE MODE"]

    def clear(self, tables: Sequence[str], circles: Keys, *, all_at_once: bool) -> list[str]:
        if all_at_once:
            return [f"TRUNCATE {', '.join(map(self.quote, tables))}"]
        return [
            *_cuts(self.quote, circles),
            *(f"DELETE FROM {self.quote(name)}" for name in tables),
        ]

    def defer(self, keys: Keys, live: Mapping[str, LiveTable]) -> list[str]:
        return self._alter(keys, live, "DEFERRABLE INITIALLY DEFERRED")

    def settle(self, keys: Keys, live: Mapping[str, LiveTable]) -> list[str]:
        alterations = self._alter(keys, live, "NOT DEFERRABLE")
        return ["SET CONSTRAINTS ALL IMMEDIATE", *alterations] if alterations else []

    def _alter(self, keys: Keys, live: Mapping[str, LiveTable], words: str) -> list[str]:
        return [
            f"ALTER TABLE {self.quote(table)} ALTER CONSTRAINT {self.quote(live[table].source.foreign_keys[column].name)} {words}"
            for table, column in keys
            if column in live[table].source.foreign_keys
        ]

    def after(self) -> list[str]:
        return []


class _MySQL:
    def __init__(self, dialect: Dialect) -> None:
        self.quote = dialect.quote

    def begin(self) -> list[str]:
        # InnoDB checks foreign keys row by row and cannot wait; they are looked at by `orphan` before the commit.
        return [
            "SET SESSION foreign_key_checks = 0",
            f"SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT}",
            f"SET SESSION lock_wait_timeout = {LOCK_WAIT}",
            "START TRANSACTION",
        ]

    def lock(self, tables: Sequence[str]) -> list[str]:
        return []  # LOCK TABLES would end the transaction; what others write meanwhile, the checksums show.

    def clear(self, tables: Sequence[str], circles: Keys, *, all_at_once: bool) -> list[str]:
        return [f"DELETE FROM {self.quote(name)}" for name in tables]

    def defer(self, keys: Keys, live: Mapping[str, LiveTable]) -> list[str]:
        return []

    def settle(self, keys: Keys, live: Mapping[str, LiveTable]) -> list[str]:
        return []

    def after(self) -> list[str]:
        return [
            "SET SESSION foreign_key_checks = 1",
            "SET SESSION innodb_lock_wait_timeout = DEFAULT",
            "SET SESSION lock_wait_timeout = DEFAULT",
        ]


def _cuts(quote: object, circles: Keys) -> list[str]:
    assert callable(quote)
    return [f"UPDATE {quote(table)} SET {quote(column)} = NULL" for table, column in circles]


def vendor_of(dialect: Dialect) -> Vendor:
    """Return the statements of a dialect's vendor."""
    if dialect.name == "postgresql":
        return _PostgreSQL(dialect)
    return _MySQL(dialect) if dialect.name == "mysql" else _SQLite(dialect)


class Orphan(NamedTuple):
    """A row that refers to one that does not exist: its key, and the value of the foreign key."""

    key: object
    value: object


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
            if error.retryable:
                raise TransferError(
                    f"others are using the tables of {self.connection.alias!r}: no lock within {LOCK_WAIT} s"
                ) from error
            raise

    async def _run(self, statements: Iterable[str]) -> None:
        for statement in statements:
            await self.connection.execute(statement)

    # Clearing

    async def clear(self) -> None:
        """Delete the rows of the tables.

        Raises:
            TransferError: If a row of another table refers to them.
        """
        names = {table.name for table in self._tables}
        outside = [(name, column) for name, column in _referring(self._live, names)]
        for name, column in outside:
            await self._refuse_referring(name, column)
        statements = self._vendor.clear(
            [table.name for table in reversed(self._tables)],
            [(name, column) for name, column in self._backward if self._may_be_null(name, column)],
            all_at_once=not outside,
        )
        if names:
            await self._run(statements)

    def _may_be_null(self, table: str, column: str) -> bool:
        return self._live[table].columns[column]["nullable"]

    async def _refuse_referring(self, table: str, column: str) -> None:
        quote = self.dialect.quote
        rows = await self.connection.fetch_all(
            f"SELECT 1 FROM {quote(table)} WHERE {quote(column)} IS NOT NULL LIMIT 1"
        )
        if rows:
            raise TransferError(
                f"rows of table {table}, which is not among the tables to replace, refer to them by column {column}"
            )

    # Filling

    async def insert(
        self,
        table: TransferTable,
        columns: Sequence[TransferColumn],
        keys: Sequence[object],
        rows: list[tuple[object, ...]],
    ) -> None:
        """Insert rows.

        Args:
            table: The table.
            columns: Those that get a value.
            keys: Those of the rows, for the message.
            rows: The values, as the driver takes them.

        Raises:
            RowError: If the database refuses one.
        """
        statement = self._insert_into(table, columns)
        try:
            await self.connection.execute_many(statement, rows)
        except Exception as error:
            if not self.blames_a_row(error):
                raise
            await self._name_the_row(table, statement, keys, rows)
            raise

    def _insert_into(self, table: TransferTable, columns: Sequence[TransferColumn]) -> str:
        quote = self.dialect.quote
        return self.dialect.bulk_insert(
            quote(table.name), [quote(column.name) for column in columns]
        )

    def blames_a_row(self, error: Exception) -> bool:
        """Return whether an error is the fault of the row that was written, and the transaction goes on."""
        # A lost connection or a full disk has ended the transaction, or will come again.
        return not isinstance(error, OperationalError) and self.connection.in_transaction

    async def _name_the_row(
        self,
        table: TransferTable,
        statement: str,
        keys: Sequence[object],
        rows: list[tuple[object, ...]],
    ) -> None:
        """Look for the row that the database refuses, by halves.

        Raises:
            RowError: With the key of the row.
        """
        first, last = 0, len(rows)
        while first < last:
            middle = (first + last + 1) // 2 if last - first > 1 else last
            try:
                await self.connection.execute_many(statement, rows[first:middle])
            except Exception as error:
                if not self.blames_a_row(error):
                    raise
                if middle - first == 1:
                    raise RowError(table.name, keys[first], _said(error)) from error
                last = middle
            else:
                first = middle

    async def settle(self, tables: Iterable[TransferTable]) -> None:
        """Check that every foreign key of tables refers to a row that exists.

        Raises:
            RowError: If one does not.
        """
        for table in tables:
            for column in table.references:
                orphan = await self._orphan(table, column.name, str(column.target))
                if orphan is not None:
                    raise RowError(
                        table.name,
                        orphan.key,
                        f"refers to {orphan.value!r}, and table {column.target} has no such row",
                        column.name,
                    )
        await self._run(self._vendor.settle(self._deferred, self._live))

    async def _orphan(self, table: TransferTable, column: str, target: str) -> Orphan | None:
        quote = self.dialect.quote
        target_key = _key_of(self._live[target])
        rows = await self.connection.fetch_all(
            f"SELECT s.{quote(table.key.name)}, s.{quote(column)} FROM {quote(table.name)} s "
            f"LEFT JOIN {quote(target)} t ON t.{quote(target_key)} = s.{quote(column)} "
            f"WHERE s.{quote(column)} IS NOT NULL AND t.{quote(target_key)} IS NULL LIMIT 1"
        )
        return Orphan(*rows[0]) if rows else None


def _said(error: Exception) -> str:
    """Return what the database says of a row."""
    return f"refused by the database: {error}"


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
    async with alone(database), database.connection() as connection:
        live = await read_live_tables(connection, ddl_dialect(database.vendor))
        try:
            for statement in vendor.begin():
                await connection.execute(statement)
            target = Target(connection, tables, live)
            yield target
            await _commit(connection)
        finally:
            await _give_back(connection, vendor)


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


async def _give_back(connection: Connection, vendor: Vendor) -> None:
    if connection.in_transaction:
        await connection.execute("ROLLBACK")
    for statement in vendor.after():
        # A connection that was lost has no settings any more.
        with suppress(DatabaseError):
            await connection.execute(statement)


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
