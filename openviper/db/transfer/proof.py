"""What is proved of both databases before a row is moved."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from secrets import token_hex

from openviper.db.connections.databases import Connection, Database
from openviper.db.dialects.ddl import OWN_TABLES
from openviper.db.dialects.definitions import LiveTable
from openviper.db.dialects.lookup import ddl_dialect
from openviper.db.schemas.introspection import read_live_tables
from openviper.db.schemas.sync import SchemaSync
from openviper.db.transfer.errors import TransferError
from openviper.db.transfer.sessions import snapshot
from openviper.db.transfer.tables import TransferTable


async def prove_schema(
    database: Database, tables: Sequence[TransferTable], apps: Mapping[str, str]
) -> dict[str, LiveTable]:
    """Check that a database has the tables as the models want them, and return its live tables.

    Args:
        database: The database.
        tables: The tables that are moved.
        apps: The directories of the installed apps by name.

    Raises:
        TransferError: If the file of an SQLite database does not exist, or anything is pending.
    """
    refuse_missing_file(database)
    # In a transaction of ours, so that it does not wait for ever for those who hold the tables.
    async with snapshot(database) as connection:
        plan = await SchemaSync(apps).plan(None, database=database.alias)
        live = await read_live_tables(connection, ddl_dialect(database.vendor))
    pending = [*plan.operations, *(f"patch {name}" for name in plan.patches)]
    if pending:
        raise TransferError(
            f"database {database.alias!r} is not up to date ({pending[0]}{_more(pending)}); "
            f"run: python viperctl.py migrate --database {database.alias}"
        )
    for table in tables:
        _prove_table(database.alias, table, live.get(table.name))
    return live


def _more(pending: Sequence[str]) -> str:
    return f" and {len(pending) - 1} more" if len(pending) > 1 else ""


def _prove_table(alias: str, table: TransferTable, live: LiveTable | None) -> None:
    if live is None:
        raise TransferError(
            f"database {alias!r} has no table {table.name} for {table.label}; "
            "run makemigrations and migrate, or leave the model out"
        )
    _prove_columns(alias, table, live)


def _prove_columns(alias: str, table: TransferTable, live: LiveTable) -> None:
    for column in table.columns:
        if column.name not in live.columns:
            raise TransferError(
                f"table {table.name} of database {alias!r} has no column {column.name}; "
                "run makemigrations and migrate"
            )


def refuse_missing_file(database: Database) -> None:
    """Check that the file of an SQLite database exists; opening it would make it.

    Raises:
        TransferError: If it does not.
    """
    url = database.url
    if database.vendor == "sqlite" and not url.is_memory and not os.path.exists(url.path):
        raise TransferError(
            f"the file {str(url.path)!r} of database {database.alias!r} does not exist"
        )


async def refuse_same(source: Database, target: Database) -> None:
    """Check that two aliases are two databases, whatever their URLs look like.

    Two files are compared as the system does. On a server, a lock taken through one alias is looked for through the other.

    Raises:
        TransferError: If they are one.
    """
    if source.alias == target.alias or await _is_same(source, target):
        raise TransferError(
            f"{source.alias!r} and {target.alias!r} are the same database; nothing was copied"
        )


async def _is_same(source: Database, target: Database) -> bool:
    if source.vendor != target.vendor:
        return False
    if source.vendor == "sqlite":
        return _is_same_file(source, target)
    async with source.connection() as one, target.connection() as other:
        if await _place(one) != await _place(other):
            return False
        return await _share_a_lock(one, other)


def _is_same_file(source: Database, target: Database) -> bool:
    if source.url.is_memory or target.url.is_memory:
        return False
    return os.path.samefile(source.url.path, target.url.path)


async def _place(connection: Connection) -> str:
    """Return what a database is called on its server."""
    name = (
        "concat(current_database(), '.', current_schema())"
        if connection.vendor == "postgresql"
        else "DATABASE()"
    )
    rows = await connection.fetch_all(f"SELECT {name}")
    return str(rows[0][0])


async def _share_a_lock(one: Connection, other: Connection) -> bool:
    number = int(token_hex(7), 16)
    if one.vendor == "postgresql":
        take, ask = "SELECT pg_advisory_lock({})", "SELECT pg_try_advisory_lock({})"
        release = "SELECT pg_advisory_unlock({})"
    else:
        take, ask = "SELECT GET_LOCK('openviper.{}', 1)", "SELECT GET_LOCK('openviper.{}', 0)"
        release = "SELECT RELEASE_LOCK('openviper.{}')"
    await one.fetch_all(take.format(number))
    try:
        rows = await other.fetch_all(ask.format(number))
        if rows[0][0]:
            await other.fetch_all(release.format(number))
        return not rows[0][0]
    finally:
        await one.fetch_all(release.format(number))


async def refuse_unsafe_tables(connection: Connection, tables: Sequence[TransferTable]) -> None:
    """Check that every table of a target can be rolled back, which MariaDB's engines other than InnoDB cannot.

    Raises:
        TransferError: If one cannot.
    """
    engines = await _other_engines(connection) if connection.vendor == "mysql" else {}
    unsafe = next((table.name for table in tables if table.name in engines), None)
    if unsafe is not None:
        raise TransferError(
            f"table {unsafe} of database {connection.alias!r} is kept by the engine {engines[unsafe]}, "
            "which cannot roll back; alter it to InnoDB"
        )


async def _other_engines(connection: Connection) -> dict[str, str]:
    rows = await connection.fetch_all(
        "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE() AND engine <> 'InnoDB'"
    )
    return {str(name): str(engine) for name, engine in rows}


async def longest_packet(connection: Connection) -> int | None:
    """Return the most bytes that a statement to a database may have, or `None` without such a limit."""
    if connection.vendor != "mysql":
        return None
    rows = await connection.fetch_all("SELECT @@max_allowed_packet")
    return int(rows[0][0])


def left_behind(
    tables: Sequence[TransferTable],
    known: Iterable[str],
    live: Mapping[str, LiveTable],
    *,
    everything: bool,
) -> list[str]:
    """Return what a database holds that no model describes, one sentence each: it is not moved.

    Args:
        tables: The tables that are moved.
        known: The tables of all models.
        live: All tables of the database.
        everything: Whether all models are moved, so that other tables are worth a word.
    """
    foreign = sorted(live.keys() - set(known) - OWN_TABLES) if everything else []
    columns = [name for table in tables for name in _unknown_columns(table, live[table.name])]
    return [f"{what} belongs to no model and is not moved" for what in _words(foreign) + columns]


def _words(tables: Sequence[str]) -> list[str]:
    return [f"table {name}" for name in tables]


def _unknown_columns(table: TransferTable, live: LiveTable) -> list[str]:
    """Return the columns of a live table that its model does not have; generated ones are worked out anyway."""
    own = {column.name for column in table.columns}
    stored = [name for name, facts in live.columns.items() if "generated" not in facts]
    return [f"column {name} of table {table.name}" for name in stored if name not in own]
