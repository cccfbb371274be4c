"""Fixtures of the tests of schema sync."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from openviper.db.connections.databases import Database, connections


@pytest.fixture
async def memory() -> AsyncIterator[Database]:
    """An empty database in memory, the default one."""
    connections.configure({"default": {"URL": "sqlite:///:memory:"}})
    yield connections.get("default")
    await connections.disconnect_all()
    connections.reset()
