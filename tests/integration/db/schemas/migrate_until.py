"""Run one `migrate` that ends without a word before its Nth statement: ``python -m ... ALIAS_URL APP_DIRECTORY N``.

Prints the number of statements sent, if it comes to its end. ``N`` is 0 for a run to the end.
"""

from __future__ import annotations

import asyncio
import os
import sys

from openviper.db.connection import connections
from openviper.db.connections.drivers.base import Parameters
from openviper.db.connections.observers import DatabaseBackend, DatabaseExecution
from openviper.db.schemas.sync import SchemaSync

HOME = "tests.integration.db.schemas.migrate_until"


class Killer(DatabaseExecution):
    """Ends the process, as `kill -9` does, before a statement."""

    sent = 0

    def pre_execute(self, statement: str, parameters: Parameters | None) -> None:
        """Count a statement."""
        Killer.sent += 1
        if Killer.sent == int(sys.argv[3]):
            os._exit(9)


class Backend(DatabaseBackend):
    """Has all statements counted."""

    def create_execution(self) -> DatabaseExecution:
        """Return what counts."""
        return Killer()


async def main(url: str, directory: str) -> None:
    """Migrate, orphans dropped."""
    connections.configure({"default": {"URL": url, "BACKEND": f"{HOME}.Backend"}})
    try:
        await SchemaSync({"library": directory}).migrate(drop_orphans=True)
    finally:
        await connections.disconnect_all()
    sys.stdout.write(f"{Killer.sent}\n")


if __name__ == "__main__":
    # Under the name by which the backend is found, or there would be two of each class.
    from tests.integration.db.schemas import migrate_until

    asyncio.run(migrate_until.main(sys.argv[1], sys.argv[2]))
