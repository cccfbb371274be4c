"""A database with the tables of some models: an SQLite file, or an empty database on a server."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import close_db, configure_db, connections
from openviper.db.schemas.create import create_tables
from tests.servers import run_on_server


def seeds(number: int) -> list[Any]:
    """Return seeds for tests of chance: two of them for every version of Python, two for one, the others for `--full`."""
    one = [pytest.param(seed, marks=pytest.mark.one_version) for seed in (2, 3)]
    more = [pytest.param(seed, marks=pytest.mark.thorough) for seed in range(4, number)]
    return [0, 1, *one, *more]


class Current:
    """The database of the running test; the fixture `vendor` sets it."""

    url: str | None = None
    vendor: str = "sqlite"


current = Current()
managers: list[AbstractContextManager[str]] = []


@asynccontextmanager
async def database(folder: Path, *models: type[Any]) -> AsyncIterator[Path]:
    """Configure the database of the test as the default one, with the tables of these models.

    On SQLite it is a new file in `folder`, whose path is given; elsewhere that path does not exist.
    """
    path = folder / "test.db"
    await configure_db(current.url or f"sqlite:///{path}")
    try:
        if models:
            await create_tables(models)
        yield path
    finally:
        await close_db()
        connections.reset()


def stored(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Read with another connection, past the ORM."""
    if current.url is not None:
        rows = run_on_server(current.vendor, sql, database=current.url.rpartition("/")[2])
        return [tuple(row) for row in rows]
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()
