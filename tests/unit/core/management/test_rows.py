"""Counting and deleting the rows of models that refer to each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openviper.core.management.rows import CONTENT_TYPES, count_rows, delete_rows, model_tables
from openviper.db.connection import close_db, connections
from openviper.exceptions import IntegrityError


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[None]:
    """Two tables that refer to each other, and one of others that refers to them."""
    connections.configure({"default": {"URL": f"sqlite:///{tmp_path / 'x.db'}"}})
    try:
        async with connections.get("default").connection() as connection:
            for statement in (
                'CREATE TABLE "select" (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b (id))',
                'CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES "select" (id))',
                "CREATE TABLE foreign_ (a INTEGER REFERENCES b (id))",
                'INSERT INTO "select" VALUES (1, NULL), (2, NULL)',
                "INSERT INTO b VALUES (1, 1)",
                'UPDATE "select" SET b = 1 WHERE id = 1',
            ):
                await connection.execute(statement)
        yield
    finally:
        await close_db()
        connections.reset()


@pytest.mark.parametrize(
    ("tables", "counts"),
    [
        ([], {}),
        (["select"], {"select": 2}),
        (["b", "select"], {"b": 1, "select": 2}),
        (["b", "never_made"], {"b": 1}),
    ],
)
async def test_the_rows_of_tables_that_exist_are_counted(
    database: None, tables: list[str], counts: dict[str, int]
) -> None:
    found = await count_rows("default", tables)
    assert found == counts and list(found) == list(counts)


@pytest.mark.parametrize("tables", [["select", "b"], ["b", "select"]])
async def test_rows_that_refer_in_a_circle_go_in_any_order(
    database: None, tables: list[str]
) -> None:
    await delete_rows("default", tables)
    assert await count_rows("default", tables) == {"select": 0, "b": 0}


async def test_all_rows_stay_where_others_refer_to_one(database: None) -> None:
    async with connections.get("default").connection() as connection:
        await connection.execute("INSERT INTO foreign_ VALUES (1)")
    with pytest.raises(IntegrityError):
        await delete_rows("default", ["select", "b"])
    assert await count_rows("default", ["select", "b"]) == {"select": 2, "b": 1}


def test_what_migrate_makes_is_no_data_of_the_project() -> None:
    assert CONTENT_TYPES not in model_tables()
