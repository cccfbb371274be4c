"""Which tables are behind the schema files, for the hint that a server shows at its start."""

from __future__ import annotations

import asyncio

from openviper.core.management.aliases import has_database
from openviper.core.management.apps import find_installed_apps
from openviper.db.connection import close_db, connections
from openviper.db.connections.url import DatabaseURL
from openviper.db.schemas.sync import SchemaSync

MOST = 5
"""How many are named."""


def find_pending_tables() -> list[str]:
    """Return what `migrate` would do to the default database, as far as it is named; nothing where there is no such database.

    To be called in a thread without an event loop; connections are opened and closed.

    Raises:
        Exception: If that cannot be told: of any kind, as drivers have trees of errors of their own.
    """
    return asyncio.run(_look()) if has_database("default") else []


def _is_missing(url: DatabaseURL) -> bool:
    """Tell whether a database is a file that is not there; opening it would make it."""
    return url.vendor == "sqlite" and not url.is_memory and not url.path.exists()


async def _look() -> list[str]:
    try:
        if _is_missing(connections.get().url):
            return ["no database yet"]
        apps = find_installed_apps(with_builtin=True)
        plan = await SchemaSync(apps).plan(None, database="default", drop_orphans=False)
        return list(plan.operations[:MOST])
    finally:
        await close_db()
