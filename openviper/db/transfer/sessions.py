"""Connections in transactions that begin in a way of their own; queries of models in them go there too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from openviper.db.connections.databases import Block, Connection, Database, entered

SNAPSHOTS = {
    "sqlite": ("BEGIN",),
    "postgresql": ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",),
    "mysql": (
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ),
}
"""What begins a transaction that sees the rows as they are now, whatever others store meanwhile."""


@asynccontextmanager
async def begun(database: Database, statements: Sequence[str]) -> AsyncIterator[Connection]:
    """Have a connection in a transaction for the time of the block; one that is still open at the end is rolled back.

    Args:
        database: The database.
        statements: What begins the transaction.
    """
    pool = database.pool()
    async with pool.hold() as driver:
        connection = Connection(database, driver)
        try:
            for statement in statements:
                await connection.execute(statement)
            async with entered(database.alias, Block(driver, transactional=True)):
                yield connection
        finally:
            if connection.in_transaction:
                await connection.execute("ROLLBACK")
    pool.committed()


@asynccontextmanager
async def snapshot(database: Database) -> AsyncIterator[Connection]:
    """Have a connection that sees the database as it is now, for the time of the block; it cannot write."""
    async with begun(database, SNAPSHOTS[database.vendor]) as connection:
        yield connection
