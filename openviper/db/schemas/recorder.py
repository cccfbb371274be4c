"""The bookkeeping: which schema was last applied to which table.

It limits what may be dropped and is nothing else; the truth about a table is the database itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from openviper.db.databases import Connection
from openviper.db.dialects.ddl import BOOKKEEPING_TABLE, State, Table
from openviper.db.schemas.files import now

_CREATE = f"""CREATE TABLE IF NOT EXISTS {BOOKKEEPING_TABLE} (
  table_name VARCHAR(255) NOT NULL PRIMARY KEY,
  app VARCHAR(100) NOT NULL,
  model VARCHAR(255) NOT NULL,
  applied TEXT NOT NULL,
  applied_at DATETIME NOT NULL
)"""


async def read_applied(connection: Connection) -> State:
    """Return what was last applied to each table; the bookkeeping table must exist."""
    rows = await connection.fetch_all(f"SELECT table_name, applied FROM {BOOKKEEPING_TABLE}")
    return {name: json.loads(applied) for name, applied in rows}


def outdated(wanted: State, applied: Mapping[str, Table]) -> State:
    """Return the wanted tables that the bookkeeping does not know in this form."""
    return {name: table for name, table in wanted.items() if applied.get(name) != table}


async def record(connection: Connection, tables: State, gone: list[str]) -> None:
    """Write what was applied; to be called inside the transaction that applied it.

    Args:
        connection: The connection of that transaction.
        tables: The tables as they are now.
        gone: Tables that exist no more.
    """
    await connection.execute(_CREATE)
    at = now()
    delete = f"DELETE FROM {BOOKKEEPING_TABLE} WHERE table_name = {connection.dialect.placeholder}"
    for name in [*gone, *tables]:
        await connection.execute(delete, (name,))
    marks = ", ".join([connection.dialect.placeholder] * 5)
    insert = f"INSERT INTO {BOOKKEEPING_TABLE} (table_name, app, model, applied, applied_at) VALUES ({marks})"
    for name, table in tables.items():
        await connection.execute(insert, (name, table["app"], table["model"], json.dumps(table), at))
