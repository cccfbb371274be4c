"""Deleting what a test has left in a database, so that it is as it was before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from openviper.db.connection import atomic, connections
from openviper.db.connections.databases import Connection
from openviper.db.dialects.ddl import BOOKKEEPING_TABLE, PATCHES_TABLE
from openviper.db.dialects.definitions import LiveTable, targets_first
from openviper.db.dialects.lookup import ddl_dialect
from openviper.db.schemas.introspection import read_live_tables
from openviper.testing.databases.base import MARKER

KEPT = frozenset({BOOKKEEPING_TABLE, PATCHES_TABLE, MARKER})
"""The tables that say what has been done to the database."""


@dataclass(frozen=True)
class Seed:
    """The rows that a table has had from the start, such as those of data patches."""

    table: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    counted: str | None
    """The column that the database numbers."""


@dataclass(frozen=True)
class Layout:
    """What a clean database has.

    Attributes:
        tables: Those with rows of the project, each behind those it refers to.
        seeds: In the same order.
    """

    tables: tuple[str, ...]
    seeds: tuple[Seed, ...]


async def read_layout(alias: str) -> Layout:
    """Return what a database has that no test has written to yet."""
    database = connections.get(alias)
    async with database.connection() as connection:
        live = await read_live_tables(connection, ddl_dialect(database.vendor))
        own = {name: table for name, table in live.items() if name not in KEPT}
        order = tuple(targets_first({name: _targets(own, name) for name in sorted(own)}))
        filled = await _with_rows(connection, order)
        seeds = [await _seed(connection, own[name]) for name in order if name in filled]
    return Layout(order, tuple(seeds))


def _targets(tables: dict[str, LiveTable], name: str) -> set[str]:
    columns = tables[name].columns.values()
    targets = {column.get("target_table") for column in columns}
    return {target for target in targets if target is not None and target in tables} - {name}


async def _seed(connection: Connection, table: LiveTable) -> Seed:
    quote = connection.dialect.quote
    columns = [column for column in table.columns.values() if "generated" not in column]
    names = tuple(column["name"] for column in columns)
    counted = [column["name"] for column in columns if column.get("autoincrement")]
    listed = ", ".join(map(quote, names))
    rows = await connection.fetch_all(f"SELECT {listed} FROM {quote(table.name)}")
    return Seed(table.name, names, rows, counted[0] if counted else None)


async def _with_rows(connection: Connection, tables: Sequence[str]) -> set[str]:
    """Return the tables that are not empty, asked for in few statements."""
    quote = connection.dialect.quote
    found: set[str] = set()
    for start in range(0, len(tables), 100):  # SQLite takes 500 parts of a compound select.
        part = tables[start : start + 100]
        asked = [
            f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {quote(name)})"
            for number, name in enumerate(part)
        ]
        rows = await connection.fetch_all(" UNION ALL ".join(asked))
        found.update(part[row[0]] for row in rows)
    return found


async def truncate(alias: str, layout: Layout) -> None:
    """Delete all rows but those that were there from the start, and have keys begin anew."""
    async with atomic(alias) as connection:
        try:
            await _refill(connection, layout)
        finally:
            if connection.vendor == "mysql":
                # The connection goes back to its pool, whatever has happened.
                await connection.execute("SET foreign_key_checks = 1")
    if connections.get(alias).vendor == "mysql":
        await _reset_mysql(alias)


async def _refill(connection: Connection, layout: Layout) -> None:
    dirty = await _with_rows(connection, layout.tables)
    for statement in await _deletions(connection, dirty):
        await connection.execute(statement)
    for seed in layout.seeds:
        await _insert(connection, seed)


async def _deletions(connection: Connection, tables: Iterable[str]) -> list[str]:
    names = sorted(map(connection.dialect.quote, tables))
    if connection.vendor == "postgresql":
        return await _postgresql(connection, names)
    deletions = [f"DELETE FROM {name}" for name in names]
    if connection.vendor == "mysql":
        return ["SET foreign_key_checks = 0", *deletions]  # InnoDB checks each statement by itself.
    # Checked at the commit.
    return ["PRAGMA defer_foreign_keys = ON", *deletions, *await _sqlite_counters(connection)]


async def _sqlite_counters(connection: Connection) -> list[str]:
    found = "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"
    return ["DELETE FROM sqlite_sequence"] if await connection.fetch_all(found) else []


async def _postgresql(connection: Connection, names: Sequence[str]) -> list[str]:
    quote = connection.dialect.quote
    counters = await connection.fetch_all(
        "SELECT schemaname, sequencename FROM pg_catalog.pg_sequences WHERE last_value IS NOT NULL"
    )
    restarts = [
        f"ALTER SEQUENCE {quote(schema)}.{quote(name)} RESTART" for schema, name in counters
    ]
    emptied = [f"TRUNCATE {', '.join(names)} CASCADE"] if names else []
    return [*emptied, *restarts]


async def _insert(connection: Connection, seed: Seed) -> None:
    quote = connection.dialect.quote
    mark = "?" if connection.vendor == "sqlite" else "%s"
    marks = ", ".join([mark] * len(seed.columns))
    columns = ", ".join(map(quote, seed.columns))
    # A column that PostgreSQL always numbers takes a number from us only when told so.
    how = "OVERRIDING SYSTEM VALUE " if connection.vendor == "postgresql" else ""
    await connection.execute_many(
        f"INSERT INTO {quote(seed.table)} ({columns}) {how}VALUES ({marks})", seed.rows
    )
    if connection.vendor == "postgresql" and seed.counted is not None:
        await connection.fetch_all(
            f"SELECT setval(pg_get_serial_sequence(%s, %s), max({quote(seed.counted)})) FROM {quote(seed.table)}",
            (quote(seed.table), seed.counted),
        )


async def _reset_mysql(alias: str) -> None:
    """Have the numbers of keys begin anew; outside of the transaction, which that would end."""
    async with connections.get(alias).connection() as connection:
        rows = await connection.fetch_all(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = DATABASE() AND auto_increment > 1"
        )
        for (name,) in rows:
            await connection.execute(
                f"ALTER TABLE {connection.dialect.quote(name)} AUTO_INCREMENT = 1"
            )
