"""Reading the live schema of a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from openviper.db.connection import connections
from openviper.db.connections.databases import Connection
from openviper.db.dialects.ddl import OWN_TABLES, DDLDialect
from openviper.db.dialects.definitions import Check, Definition, LiveIndex, LiveTable, Part
from openviper.db.dialects.lookup import ddl_dialect

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column


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
    singles = {index.columns[0] for index in table.indexes if _is_plain_single(index)}
    columns = [_column(column, name in singles) for name, column in table.columns.items()]
    plain = [_index(index) for index in table.indexes if not index.definition.unique]
    return {
        "columns": sorted(columns, key=_by_name),
        "indexes": sorted(plain, key=_by_name),
        "unique_together": sorted(list(index.columns) for index in _together(table)),
        "index_together": [],
        "constraints": sorted(_constraints(table), key=_by_name),
    }


def _constraints(table: LiveTable) -> list[dict[str, Any]]:
    checks = [_check(check) for check in table.checks]
    return checks + [_index(index) for index in table.indexes if _is_constraint(index)]


def _together(table: LiveTable) -> list[LiveIndex]:
    return [index for index in table.indexes if _is_together(index)]


def _by_name(entry: Mapping[str, Any]) -> str:
    return str(entry["name"])


def _column(column: Column, unique: bool) -> dict[str, Any]:
    return {**column, "unique": True} if unique and not column.get("primary_key") else {**column}


def _check(check: Check) -> dict[str, Any]:
    kind = "EXCLUDE" if check.is_exclusion else "CHECK"
    return {"name": check.name, "type": kind, "check": check.expression}


def _is_simple(index: LiveIndex) -> bool:
    """Return whether a unique index says no more than which columns it is over."""
    columns = tuple(map(Part, index.columns))
    return bool(columns) and index.definition == Definition(columns, unique=True)


def _is_plain_single(index: LiveIndex) -> bool:
    return _is_simple(index) and len(index.columns) == 1


def _is_together(index: LiveIndex) -> bool:
    return _is_simple(index) and len(index.columns) > 1


def _is_constraint(index: LiveIndex) -> bool:
    return index.definition.unique and not _is_simple(index)


def _index(index: LiveIndex) -> dict[str, Any]:
    """Return an index in the form of a schema file; one that none can state has no fields."""
    definition = index.definition
    extras = {
        "type": "UNIQUE" if definition.unique else "",
        "include": list(definition.include),
        "using": definition.method,
        "opclasses": _operator_classes(definition),
        "condition": definition.condition,
        "deferrable": definition.deferrable,
    }
    told = {key: value for key, value in extras.items() if value}
    nulls = {} if definition.nulls_distinct else {"nulls_distinct": False}
    return {"name": index.name, "fields": list(map(_part, definition.parts)), **told, **nulls}


def _part(part: Part) -> str:
    sql = part.column or f"({part.expression})"
    return f"-{sql}" if part.descending else sql


def _operator_classes(definition: Definition) -> list[str]:
    classes = [part.operator_class for part in definition.parts]
    return classes if any(classes) else []
