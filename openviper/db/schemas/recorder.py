"""The bookkeeping: which schema was last applied to which table.

It limits what may be dropped and is nothing else; the truth about a table is the database itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from openviper.db.connections.databases import Connection
from openviper.db.dialects.ddl import BOOKKEEPING_TABLE, PATCHES_TABLE
from openviper.db.dialects.lookup import ddl_dialect
from openviper.db.patches.authorship import AUTHOR, add_author_column, author
from openviper.db.schemas.fingerprint import BOOKKEEPING_KEY, LIVE_QUERIES, digest

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import State, Table

_TABLE: Table = {
    "model": "Schema",
    "app": "openviper",
    "columns": [
        {
            "name": "table_name",
            "type": "VARCHAR(255)",
            "nullable": False,
            "default": None,
            "primary_key": True,
        },
        {"name": "app", "type": "VARCHAR(100)", "nullable": False, "default": None},
        {"name": "model", "type": "VARCHAR(255)", "nullable": False, "default": None},
        {"name": "applied", "type": "TEXT", "nullable": False, "default": None},
        {"name": "applied_at", "type": "DATETIME", "nullable": False, "default": None},
        AUTHOR,
    ],
    "indexes": [],
    "unique_together": [],
    "index_together": [],
    "constraints": [],
    "single": False,
    "managed": True,
}


def _creation(vendor: str) -> str:
    (statement,) = ddl_dialect(vendor).create_table(BOOKKEEPING_TABLE, _TABLE)
    return statement.replace("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ", 1)


def _moment() -> str:
    """Return now in UTC, in the form that every database takes for a time stamp."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


async def read_applied(connection: Connection) -> State:
    """Return what was last applied to each table; the bookkeeping table must exist."""
    rows = await connection.fetch_all(f"SELECT table_name, applied FROM {BOOKKEEPING_TABLE}")
    return {name: json.loads(applied) for name, applied in rows if name != BOOKKEEPING_KEY}


def outdated(wanted: State, applied: Mapping[str, Table]) -> State:
    """Return the wanted tables that the bookkeeping does not know in this form."""
    return {name: table for name, table in wanted.items() if applied.get(name) != table}


async def remember(connection: Connection, apps: Mapping[str, str]) -> None:
    """Store that the database needs nothing as long as it and the files of the apps stay as they are."""
    master = await connection.fetch_all(LIVE_QUERIES[0])
    with_patches = any(row[1] == PATCHES_TABLE for row in master)
    patches = await connection.fetch_all(LIVE_QUERIES[1]) if with_patches else []
    found = digest(apps, (master, patches))
    mark = connection.dialect.placeholder
    await connection.execute(
        f"DELETE FROM {BOOKKEEPING_TABLE} WHERE table_name = {mark}", (BOOKKEEPING_KEY,)
    )
    await connection.execute(
        f"INSERT INTO {BOOKKEEPING_TABLE} (table_name, app, model, applied, applied_at) "
        f"VALUES ({mark}, {mark}, {mark}, {mark}, {mark})",
        (BOOKKEEPING_KEY, "openviper", "Fingerprint", found, _moment()),
    )


async def record(connection: Connection, tables: State, gone: list[str]) -> None:
    """Write what was applied; to be called inside the transaction that applied it.

    Args:
        connection: The connection of that transaction.
        tables: The tables as they are now.
        gone: Tables that exist no more.
    """
    await connection.execute(_creation(connection.vendor))
    await add_author_column(connection, BOOKKEEPING_TABLE)
    at, by = _moment(), author()
    delete = f"DELETE FROM {BOOKKEEPING_TABLE} WHERE table_name = {connection.dialect.placeholder}"
    for name in [*gone, *tables]:
        await connection.execute(delete, (name,))
    marks = ", ".join([connection.dialect.placeholder] * 6)
    columns = "table_name, app, model, applied, applied_at, applied_by"
    insert = f"INSERT INTO {BOOKKEEPING_TABLE} ({columns}) VALUES ({marks})"
    for name, table in tables.items():
        await connection.execute(
            insert, (name, table["app"], table["model"], json.dumps(table), at, by)
        )
