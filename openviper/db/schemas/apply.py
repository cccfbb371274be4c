"""Carrying out changes: rows looked at first, then everything in one transaction with the bookkeeping."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from openviper.db.connections.databases import Connection
from openviper.db.dialects.ddl import DDLDialect, LiveTable, TableChange
from openviper.db.exceptions import DatabaseError, OperationalError
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
    sql += dialect.late(step.changes, step.live)
    return sql + (dialect.drop_tables(step.orphans) if step.orphans else [])


async def apply_step(connection: Connection, dialect: DDLDialect, step: Step) -> list[str]:
    """Carry out a step: all of it, or nothing when it fails or the process dies.

    A database whose schema statements commit by themselves keeps what was done before the failing one; the bookkeeping
    follows table by table, and the next run goes on from there.

    Args:
        connection: Must not be in a transaction.
        dialect: Writes the statements.
        step: What to do.

    Returns:
        Remarks about rows that lost a value.

    Raises:
        MigrationError: If rows stand in the way, or the database refuses a statement.
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
            if not error.retryable or loop.time() >= deadline:
                raise MigrationError(f"cannot begin: {error}") from error
        await asyncio.sleep(0.05)


async def _look_at_rows(connection: Connection, dialect: DDLDialect, step: Step) -> list[str]:
    remarks: list[str] = []
    problems: list[str] = []
    for change in step.changes:
        for check in dialect.row_checks(change, step.live):
            try:
                row = await connection.fetch_one(check.counting)
            except DatabaseError as error:
                raise MigrationError(f"{change.table}: cannot look at the rows: {error}") from error
            count = row[0] if row else 0
            if not count:
                continue
            text = f"{check.problem}: {count}"
            if check.fatal:
                problems.append(f"{text}; look at them with: {check.sample}")
            else:
                remarks.append(text)
    if problems:
        raise MigrationError("nothing was changed: " + "\n".join(problems))
    return remarks


async def _run(connection: Connection, dialect: DDLDialect, step: Step) -> None:
    for statement in dialect.early(step.changes, step.live):
        await _execute(connection, statement, "foreign keys")
    for change in step.changes:
        operation = f"{change.table}: {'; '.join(change.describe())}"
        for statement in statements(change, dialect):
            await _execute(connection, statement, operation)
        if not dialect.transactional and change.table in step.record:
            await record(connection, {change.table: step.record[change.table]}, [])
    for statement in dialect.late(step.changes, step.live):
        await _execute(connection, statement, "foreign keys")
    if step.orphans:
        for statement in dialect.drop_tables(step.orphans):
            await _execute(connection, statement, f"drop table {', '.join(step.orphans)}")
    for table in _tables_to_check(step, dialect):
        query = dialect.foreign_key_query(table)
        if query is None:
            continue
        try:
            rows = await connection.fetch_all(query)
        except DatabaseError as error:
            raise MigrationError(f"{table}: check foreign keys: {error}") from error
        if rows:
            raise MigrationError(
                f"{table}: rows that refer to nothing in table {rows[0][2]!r}: {len(rows)}; "
                f"look at them with: {query}"
            )


def _tables_to_check(step: Step, dialect: DDLDialect) -> list[str]:
    """Return the tables whose foreign keys the step may have broken: copied ones, and those that point to them."""
    touched = set(step.orphans)
    for change in step.changes:
        if change.live is not None and (
            dialect.rebuilds(change) or any("target_table" in one for one in change.added)
        ):
            touched.add(change.table)
    renamed = {change.renamed_from: change.table for change in step.changes if change.renamed_from}
    pointing = {
        renamed.get(name, name)
        for name, table in step.live.items()
        if any(column.get("target_table") in touched for column in table.columns.values())
    }
    return sorted((touched | pointing) - set(step.orphans))


async def _execute(connection: Connection, statement: str, operation: str) -> None:
    try:
        await connection.execute(statement)
    except (DatabaseError, IntegrityError) as error:
        raise MigrationError(f"{operation}: {error}") from error
