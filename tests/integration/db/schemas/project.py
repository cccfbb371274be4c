"""An app with schema files and a database file, without models or settings."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from openviper.db.connection import connections
from openviper.db.schemas import SchemaSync, introspect_db_schema
from openviper.db.schemas.sync import SyncResult
from tests.integration.db.support import current
from tests.servers import empty, run_on_server
from tests.unit.db.schemas.builders import column, schema

SHELF = schema("library_shelf", column("name", "VARCHAR(20)", unique=True))


class Project:
    """One app named ``library`` and one database file."""

    def __init__(self, root: Path) -> None:
        self.directory = root / "library"
        self.path = root / "db.sqlite3"
        self.sync = SchemaSync({"library": str(self.directory)})

    def write(self, *schemas: dict[str, Any]) -> None:
        """Make these the only schema files."""
        folder = self.directory / "schemas"
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():
            file.unlink()
        for one in schemas:
            (folder / f"{one['model']}.json").write_text(json.dumps(one))

    async def migrate(self, *schemas: dict[str, Any], **options: Any) -> SyncResult:
        """Write the files, if any are given, and migrate."""
        if schemas:
            self.write(*schemas)
        return await self.sync.migrate(**options)

    async def settled(self, *schemas: dict[str, Any], **options: Any) -> SyncResult:
        """Migrate twice; the second run must find nothing to do."""
        result = await self.migrate(*schemas, **options)
        again = await self.sync.migrate(**options)
        assert not again.operations, again.operations
        return result

    def check(self) -> None:
        """Check that no row breaks a foreign key and the file is whole; servers see to that themselves."""
        if current.url is None:
            assert self.sql("PRAGMA foreign_key_check") == []
            assert self.sql("PRAGMA integrity_check") == [("ok",)]

    def sql(self, *statements: str) -> list[Any]:
        """Run statements as somebody else would and return the rows of the last one."""
        if current.url is not None:
            rows = run_on_server(
                current.vendor, *statements, database=current.url.rpartition("/")[2]
            )
            return [tuple(row) for row in rows]
        connection = sqlite3.connect(self.path)
        try:
            with connection:
                rows = []
                for statement in statements:
                    rows = connection.execute(statement).fetchall()
            return rows
        finally:
            connection.close()

    async def schema(self, *tables: str) -> dict[str, dict[str, Any]]:
        """Return the live schema."""
        return await introspect_db_schema(tables or None)


@asynccontextmanager
async def project(root: Path, *, keep: bool = False) -> AsyncIterator[Project]:
    """Configure a project as the default database; a fresh one unless its files are kept."""
    made = Project(root)
    if not keep:
        made.write()
        if current.url is not None:
            empty(current.vendor, current.url)
    connections.configure({"default": {"URL": current.url or f"sqlite:///{made.path}"}})
    try:
        yield made
    finally:
        await connections.disconnect_all()
        connections.reset()
