"""Making changes: rows looked at first, then everything in one transaction with the bookkeeping."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from openviper.db.connections.databases import Connection
from openviper.db.connections.drivers.base import Row
from openviper.db.dialects.ddl import DDLDialect, RowCheck, TableChange
from openviper.db.dialects.definitions import LiveTable, live_targets
from openviper.db.exceptions import DatabaseError, OperationalError
from openviper.db.schemas.holders import in_the_way, is_lock
from openviper.db.schemas.recorder import record
from openviper.exceptions import IntegrityError, MigrationError

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import State

LOCK_TIMEOUT = 30.0
"""Longest wait for the database's write lock, in seconds."""


class Step(NamedTuple):
    """Everything one run of `migrate` does to the schema.

    Attributes:
        changes: The changes in order.
        orphans: Tables to drop.
        record: Tables for the bookkeeping.
        forget: Tables to take out of the bookkeeping.
        live: The tables of the database before.
    """

    changes: Sequence[TableChange]
    orphans: Sequence[str]
    record: State
    forget: list[str]
    live: Mapping[str, LiveTable]

    def __bool__(self) -> bool:
        """Whether the database would change, the bookkeeping included."""
        return bool(self.changes or self.orphans or self.record or self.forget)


def statements(change: TableChange, dialect: DDLDialect) -> list[str]:
    """Return the statements of one change."""
    if change.live is None:
        return dialect.create_table(change.table, change.wanted)
    return dialect.alter_table(change)


def all_statements(step: Step, dialect: DDLDialect) -> list[str]:
    """Return every statement of a step in order, without the bookkeeping."""
    sql = [*dialect.early(step.changes, step.live)]
    for change in step.changes:
        sql += statements(change, dialect)
    return [*sql, *dialect.late(step.changes, step.live), *dropping(step, dialect)]


def dropping(step: Step, dialect: DDLDialect) -> list[str]:
    """Return the statements that drop the orphans of a step."""
    return dialect.drop_tables(step.orphans, step.live) if step.orphans else []


async def apply_step(connection: Connection, dialect: DDLDialect, step: Step) -> list[str]:
    """Make a step: all of it, or nothing when it fails or the process dies.

    A database whose schema statements commit by themselves keeps what was done before the failing one; the bookkeeping
    follows table by table, and the next run goes on from there.

    Args:
        connection: Must not be in a transaction.
        dialect: Writes the statements.
        step: What to do.

    Returns:
        Remarks about rows that lost a value.

    Raises:
        MigrationError: If rows stand in the way, the database refuses a statement, or others hold a table for too long;
            they are named.
    """
    _refuse_transaction(connection)
    for statement in dialect.before:
        await connection.execute(statement)
    try:
        if dialect.transactional:
            return await _in_transaction(connection, dialect, step)
        remarks = await _look_at_rows(connection, dialect, step)
        await _run(connection, dialect, step)
        await record(connection, step.record, step.forget)
        return remarks
    except MigrationError as error:
        if not is_lock(error.__cause__):
            raise
        raise MigrationError(f"{error}{await in_the_way(connection)}") from error.__cause__
    finally:
        for statement in dialect.after:
            await connection.execute(statement)


async def _in_transaction(connection: Connection, dialect: DDLDialect, step: Step) -> list[str]:
    await _begin(connection, dialect)
    try:
        remarks = await _look_at_rows(connection, dialect, step)
        await _run(connection, dialect, step)
        await record(connection, step.record, step.forget)
        await connection.execute("COMMIT")
    except BaseException:
        # Some errors, such as a full disk, have ended the transaction already.
        if connection.in_transaction:
            await connection.execute("ROLLBACK")
        raise
    return remarks


def _refuse_transaction(connection: Connection) -> None:
    if connection.in_transaction:
        raise MigrationError("a schema step cannot be part of another transaction")


async def _begin(connection: Connection, dialect: DDLDialect) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + LOCK_TIMEOUT
    while True:
        try:
            await connection.execute(dialect.begin)
            return
        except OperationalError as error:
            late = loop.time() >= deadline
            if late or not error.retryable:
                raise MigrationError(f"cannot begin: {error}") from error
        await asyncio.sleep(0.05)


async def _look_at_rows(connection: Connection, dialect: DDLDialect, step: Step) -> list[str]:
    found = [
        (check, await _count(connection, change, check))
        for change in step.changes
        for check in dialect.row_checks(change, step.live)
    ]
    problems = [
        f"{check.problem}: {count}; look at them with: {check.sample}"
        for check, count in found
        if check.fatal and count
    ]
    if problems:
        raise MigrationError("nothing was changed: " + "\n".join(problems))
    return [f"{check.problem}: {count}" for check, count in found if count]


async def _count(connection: Connection, change: TableChange, check: RowCheck) -> int:
    try:
        row = await connection.fetch_one(check.counting)
    except DatabaseError as error:
        raise MigrationError(f"{change.table}: cannot look at the rows: {error}") from error
    return int(row[0]) if row else 0


async def _run(connection: Connection, dialect: DDLDialect, step: Step) -> None:
    await _execute(connection, dialect.early(step.changes, step.live), "foreign keys")
    for change in step.changes:
        await _change(connection, dialect, change)
        if not dialect.transactional and change.table in step.record:
            await record(connection, {change.table: step.record[change.table]}, [])
    await _execute(connection, dialect.late(step.changes, step.live), "foreign keys")
    await _execute(connection, dropping(step, dialect), f"drop table {', '.join(step.orphans)}")
    for table in _tables_to_check(step, dialect):
        await _check_references(connection, table, dialect.foreign_key_query(table))


async def _change(connection: Connection, dialect: DDLDialect, change: TableChange) -> None:
    operation = f"{change.table}: {'; '.join(change.describe())}"
    await _execute(connection, statements(change, dialect), operation)


async def _check_references(connection: Connection, table: str, query: str | None) -> None:
    rows = [] if query is None else await _rows(connection, table, query)
    if rows:
        raise MigrationError(
            f"{table}: rows that refer to nothing in table {rows[0][2]!r}: {len(rows)}; "
            f"look at them with: {query}"
        )


async def _rows(connection: Connection, table: str, query: str) -> list[Row]:
    try:
        return await connection.fetch_all(query)
    except DatabaseError as error:
        raise MigrationError(f"{table}: check foreign keys: {error}") from error


def _tables_to_check(step: Step, dialect: DDLDialect) -> list[str]:
    """Return the tables whose foreign keys the step may have broken: copied ones, and those that point to them."""
    touched = {change.table for change in step.changes if _touches_keys(change, dialect)}
    touched.update(step.orphans)
    renamed = {change.renamed_from: change.table for change in step.changes if change.renamed_from}
    pointing = {
        renamed.get(name, name)
        for name, table in step.live.items()
        if touched & live_targets(table)
    }
    return sorted((touched | pointing).difference(step.orphans))


def _touches_keys(change: TableChange, dialect: DDLDialect) -> bool:
    if change.live is None:
        return False
    return dialect.rebuilds(change) or any("target_table" in column for column in change.added)


async def _execute(connection: Connection, sql: Iterable[str], operation: str) -> None:
    for statement in sql:
        try:
            await connection.execute(statement)
        except (DatabaseError, IntegrityError) as error:
            raise MigrationError(f"{operation}: {error}") from error
