"""Run one `migrate` of a project directory in a process of its own: ``python -m ... DIRECTORY [WAIT_FOR]``.

Prints ``ready`` when everything is imported and then waits for a line on standard input, so that a test knows when the
work begins. Prints the operations at the end.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from openviper.db.connection import connections
from openviper.db.schemas import apply, sync


async def main(root: Path) -> None:
    """Migrate the project below `root`."""
    assert apply.LOCK_TIMEOUT
    connections.configure({"default": {"URL": f"sqlite:///{root / 'db.sqlite3'}"}})
    try:
        result = await sync.SchemaSync({"library": str(root / "library")}).migrate()
    finally:
        await connections.disconnect_all()
    sys.stdout.write(f"{len(result.operations)}\n")


if __name__ == "__main__":
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    asyncio.run(main(Path(sys.argv[1])))
