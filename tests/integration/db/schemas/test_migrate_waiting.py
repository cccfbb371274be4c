"""A table that somebody else holds: neither looking nor changing waits for ever, and it is said who is in the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import connections
from openviper.db.dialects.lookup import ddl_dialect
from openviper.exceptions import MigrationError
from tests.integration.db.schemas.project import Project, project
from tests.integration.db.support import current
from tests.unit.db.schemas.builders import column, schema

EVERY_DATABASE = True

SHORT = {
    "postgresql": ("SET lock_timeout = '200ms'",),
    "mysql": ("SET SESSION lock_wait_timeout = 1",),
}
LOCKS = {
    "postgresql": "LOCK TABLE library_book IN ACCESS EXCLUSIVE MODE",
    "mysql": "LOCK TABLES library_book WRITE",
}
NUMBER = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT CONNECTION_ID()"}
LIMIT = {"postgresql": "SHOW lock_timeout", "mysql": "SELECT @@lock_wait_timeout"}


def book(*columns: dict[str, Any]) -> dict[str, Any]:
    return schema("library_book", column("title", "VARCHAR(50)", unique=True), *columns)


@contextmanager
def held(vendor: str) -> Iterator[int]:
    """Hold the table as somebody else; give the number of the session."""
    assert current.url is not None
    if vendor == "postgresql":
        import psycopg

        other: Any = psycopg.connect(current.url)
    else:
        import pymysql

        from openviper.db.connections.drivers.mysql_connect import connect_arguments
        from openviper.db.connections.url import DatabaseURL

        other = pymysql.connect(**connect_arguments(DatabaseURL.parse(current.url)))
    try:
        cursor = other.cursor()
        cursor.execute(NUMBER[vendor])
        number = int(cursor.fetchone()[0])
        cursor.execute(LOCKS[vendor])
        yield number
    finally:
        other.close()


@pytest.fixture
def server(vendor: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The vendor, if it is a server; its limit for locks is short."""
    if vendor in SHORT:
        monkeypatch.setattr(type(ddl_dialect(vendor)), "before", SHORT[vendor])
    return vendor


async def limit(vendor: str) -> Any:
    async with connections.get().connection() as connection:
        return await connection.fetch_all(LIMIT[vendor])


async def refused(one: Project, server: str, act: Any) -> None:
    before = await limit(server)
    with held(server) as number, pytest.raises(MigrationError, match=rf"in the way.*\b{number} \("):
        await act()
    assert await limit(server) == before


async def test_a_plan_names_who_holds_a_table(tmp_path: Path, server: str) -> None:
    async with project(tmp_path) as one:
        await one.migrate(book())
        if server == "postgresql":
            await refused(one, server, one.sync.plan)
        assert not (await one.sync.plan()).operations


async def test_migrate_names_who_holds_a_table(tmp_path: Path, server: str) -> None:
    async with project(tmp_path) as one:
        await one.migrate(book())
        one.write(book(column("n", default=1)))
        if server in SHORT:
            await refused(one, server, one.sync.migrate)
        assert (await one.sync.plan()).operations
        await one.settled()
