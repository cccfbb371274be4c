"""Connections in transactions that begin in a way of their own; queries of models in them go there too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from openviper.db.connections.databases import Block, Connection, Database, entered
from openviper.db.exceptions import DatabaseError, OperationalError
from openviper.db.transfer.errors import TransferError

LOCK_WAIT = 10
"""Longest wait for a lock of others, in seconds."""
SNAPSHOTS = {
    "sqlite": ("BEGIN",),
    "postgresql": (
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        f"SET LOCAL lock_timeout = '{LOCK_WAIT}s'",
    ),
    "mysql": (
        f"SET SESSION lock_wait_timeout = {LOCK_WAIT}",
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ),
}
"""What begins a transaction that sees the rows as they are now, whatever others store meanwhile."""
AFTER_SNAPSHOT = {"mysql": ("SET SESSION lock_wait_timeout = DEFAULT",)}
"""What gives a connection of the pool back as it was."""


@asynccontextmanager
async def begun(
    database: Database, statements: Sequence[str], after: Sequence[str] = ()
) -> AsyncIterator[Connection]:
    """Have a connection in a transaction for the time of the block; one that is still open at the end is rolled back.

    Args:
        database: The database.
        statements: What begins the transaction.
        after: What gives the connection back as it was, however the block ends and even where it did not begin.
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
            await _give_back(connection, after)
    pool.committed()


async def _give_back(connection: Connection, after: Sequence[str]) -> None:
    if connection.in_transaction:
        await connection.execute("ROLLBACK")
    for statement in after:
        # A connection that was lost has no settings any more.
        with suppress(DatabaseError):
            await connection.execute(statement)


@asynccontextmanager
async def snapshot(database: Database) -> AsyncIterator[Connection]:
    """Have a connection that sees the database as it is now, for the time of the block.

    PostgreSQL and MariaDB refuse to write there; SQLite, which has no such transactions, does not.

    Raises:
        TransferError: If others hold a lock on a table for longer than `LOCK_WAIT`.
    """
    try:
        after = AFTER_SNAPSHOT.get(database.vendor, ())
        async with begun(database, SNAPSHOTS[database.vendor], after) as connection:
            yield connection
    except OperationalError as error:
        raise locked(database.alias, error) from error


def locked(alias: str, error: OperationalError) -> Exception:
    """Return what to raise for an error of a database: in other words if it is a lock that others hold."""
    if not error.retryable or error.unreachable:
        return error
    return TransferError(
        f"others are using the tables of {alias!r}: no lock within {LOCK_WAIT} s ({error})"
    )
