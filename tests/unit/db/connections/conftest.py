"""Databases for the tests of connections."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from openviper.db.connections.databases import Database, connections


@pytest.fixture
async def memory() -> AsyncIterator[Database]:
    """A database in memory with a table of three rows."""
    connections.configure({"default": {"URL": "sqlite:///:memory:"}})
    database = connections.get("default")
    async with database.connection() as connection:
        await connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE)")
        await connection.execute_many("INSERT INTO t (v) VALUES (?)", [("a",), ("b",), ("c",)])
    yield database
    await connections.disconnect_all()
    connections.reset()
