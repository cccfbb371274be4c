"""Who applied what: the column `applied_by` of the two tables that schema sync keeps for itself."""

from __future__ import annotations

import getpass
import os
import socket

from openviper.db.connections.databases import Connection
from openviper.db.dialects.shapes import Column

__all__ = ["AUTHOR", "add_author_column", "author"]

LONGEST = 255
AUTHOR: Column = {
    "name": "applied_by",
    "type": f"VARCHAR({LONGEST})",
    "nullable": True,
    "default": None,
}
"""The column; empty for what was applied before there was one."""


def author() -> str:
    """Return the account of the operating system and the host that this process runs as, ``ada@build-1``."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):
        account = str(os.getuid())  # A container's user often has no name.
    return f"{account}@{socket.gethostname()}"[:LONGEST]


async def add_author_column(connection: Connection, table: str) -> None:
    """Give a table of an earlier version, which remembered no author, the column; where it stands nothing happens."""
    name, kind = AUTHOR["name"], AUTHOR["type"]
    if connection.vendor != "sqlite":
        await connection.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {name} {kind}")
        return
    found = await connection.fetch_all(
        "SELECT 1 FROM pragma_table_info(?) WHERE name = ?", (table, name)
    )
    if not found:
        await connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
