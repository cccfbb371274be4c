"""Counting and deleting the rows of all models of a database."""

from __future__ import annotations

from collections.abc import Sequence

from openviper.db.connection import atomic, connections
from openviper.db.dialects.lookup import ddl_dialect, dialect_for
from openviper.db.models import model_registry
from openviper.db.schemas.introspection import read_live_tables
from openviper.db.schemas.state import generated_joins, has_table, models_state

CONTENT_TYPES = "auth_content_types"
"""Describes the models and is made by `migrate`, so it is not data of the project."""


def model_tables() -> list[str]:
    """Return the tables of all managed models, without that of the content types."""
    models = [model for model in model_registry.all() if has_table(model)]
    state = models_state([*models, *generated_joins(models)])
    managed = [name for name, table in state.items() if table.get("managed", True)]
    return [name for name in managed if name != CONTENT_TYPES]


async def count_rows(alias: str, tables: Sequence[str]) -> dict[str, int]:
    """Return the numbers of rows of those tables that exist."""
    database = connections.get(alias)
    quote = dialect_for(database.vendor).quote
    counts = {}
    async with database.connection() as connection:
        live = await read_live_tables(connection, ddl_dialect(database.vendor), set(tables))
        for table in tables:
            if table in live:
                rows = await connection.fetch_all(f"SELECT count(*) FROM {quote(table)}")
                counts[table] = int(rows[0][0])
    return counts


async def delete_rows(alias: str, tables: Sequence[str]) -> None:
    """Delete the rows of tables that may refer to each other, all of them or none."""
    vendor = connections.get(alias).vendor
    quote = dialect_for(vendor).quote
    async with atomic(alias) as connection:
        try:
            for statement in _statements(vendor, [quote(table) for table in tables]):
                await connection.execute(statement)
        finally:
            if vendor == "mysql":
                # The connection goes back to its pool, whatever has happened.
                await connection.execute("SET foreign_key_checks = 1")


def _statements(vendor: str, tables: Sequence[str]) -> list[str]:
    if vendor == "postgresql":
        # One statement, so that the order does not matter; tables that are not ours and refer to ours stop it.
        return [f"TRUNCATE {', '.join(tables)} RESTART IDENTITY"]
    deletions = [f"DELETE FROM {table}" for table in tables]
    if vendor == "mysql":
        return ["SET foreign_key_checks = 0", *deletions]  # InnoDB checks each statement by itself.
    return ["PRAGMA defer_foreign_keys = ON", *deletions]  # Checked at the commit; ends with it.
