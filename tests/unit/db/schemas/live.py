"""Live tables of an SQLite database in memory, read as schema sync reads them."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from openviper.db.dialects.definitions import LiveTable
from openviper.db.dialects.sqlite_ddl import SQLiteDDL


def live_tables(*statements: str) -> dict[str, LiveTable]:
    """Return the tables that some statements leave behind."""
    dialect = SQLiteDDL()
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in statements:
            connection.execute(statement)
        results = [
            connection.execute(query).fetchall() for query in dialect.introspection_queries()
        ]
    return dialect.read_tables(results, None)
