"""Reading the live schema of a database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from openviper.db.connection import connections
from openviper.db.connections.databases import Connection
from openviper.db.dialects.ddl import OWN_TABLES, DDLDialect, LiveTable
from openviper.db.dialects.lookup import ddl_dialect


async def read_live_tables(
    connection: Connection, dialect: DDLDialect, tables: Iterable[str] | None = None
) -> dict[str, LiveTable]:
    """Return the live tables by name, only those of `tables` unless that is `None`."""
    results = [await connection.fetch_all(query) for query in dialect.introspection_queries()]
    return dialect.read_tables(results, tables)


async def introspect_db_schema(
    table_names: Iterable[str] | None = None, db_alias: str = "default"
) -> dict[str, dict[str, Any]]:
    """Return the live schema in the form of the schema files, types in the database's own words.

    Args:
        table_names: The tables to look at; all but those of schema sync itself when not given.
        db_alias: The database.

    Raises:
        DatabaseAliasNotFoundError: If there is no such database.
    """
    database = connections.get(db_alias)
    async with database.connection() as connection:
        live = await read_live_tables(connection, ddl_dialect(database.vendor), table_names)
    wanted = {
        name: table
        for name, table in live.items()
        if table_names is not None or name not in OWN_TABLES
    }
    return {name: describe(table) for name, table in sorted(wanted.items())}


def describe(table: LiveTable) -> dict[str, Any]:
    """Return a live table in the form of a schema file."""
    singles = {
        index.columns[0]
        for index in table.indexes
        if index.unique and len(index.columns) == 1 and not index.condition
    }
    columns: list[dict[str, Any]] = []
    for column in sorted(table.columns.values(), key=lambda each: each["name"]):
        unique = (
            {"unique": True} if column["name"] in singles and not column.get("primary_key") else {}
        )
        columns.append({**column, **unique})
    indexes: list[dict[str, Any]] = []
    constraints: list[dict[str, Any]] = [
        {"name": check.name, "type": "CHECK", "check": check.expression} for check in table.checks
    ]
    together: list[list[str]] = []
    for index in table.indexes:
        condition = {"condition": index.condition} if index.condition else {}
        if not index.unique:
            indexes.append({"name": index.name, "fields": list(index.columns), **condition})
        elif index.condition:
            constraints.append(
                {"name": index.name, "type": "UNIQUE", "fields": list(index.columns), **condition}
            )
        elif len(index.columns) > 1:
            together.append(list(index.columns))
    return {
        "columns": columns,
        "indexes": sorted(indexes, key=lambda each: str(each["name"])),
        "unique_together": sorted(together),
        "index_together": [],
        "constraints": sorted(constraints, key=lambda each: str(each["name"])),
    }
