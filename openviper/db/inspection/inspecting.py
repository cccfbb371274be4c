"""Describing a database by models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from openviper.db.connection import connections
from openviper.db.dialects.ddl import OWN_TABLES
from openviper.db.dialects.lookup import ddl_dialect
from openviper.db.exceptions import DatabaseError
from openviper.db.inspection.facts import read_facts
from openviper.db.inspection.sketches import sketch_models
from openviper.db.inspection.source import module_text
from openviper.db.schemas.introspection import read_live_tables
from openviper.utils.identifiers import closest


async def inspect_database(alias: str, tables: Sequence[str] = ()) -> str:
    """Return the source of a module with a model for each table of a database.

    Args:
        alias: The database.
        tables: Only these tables; all but those of the schema sync when empty.

    Raises:
        DatabaseAliasNotFoundError: If there is no such database.
        DatabaseError: If a table does not exist.
    """
    database = connections.get(alias)
    dialect = ddl_dialect(database.vendor)
    async with database.connection() as connection:
        live = await read_live_tables(connection, dialect)
        facts = await read_facts(connection)
    _refuse_unknown(alias, tables, live)
    wanted = {name: live[name] for name in tables or sorted(live) if name not in OWN_TABLES}
    if tables:
        facts.views = []
    found = sketch_models(wanted, facts, dialect)
    return module_text(found, f"Models of the database {alias!r}, as inspect-db found it.")


def _refuse_unknown(alias: str, tables: Sequence[str], live: Iterable[str]) -> None:
    known = list(live)
    unknown = next((name for name in tables if name not in known), None)
    if unknown is not None:
        match = closest(unknown, known)
        meant = f"; did you mean {match!r}?" if match else ""
        raise DatabaseError(f"database {alias!r} has no table {unknown!r}{meant}")
