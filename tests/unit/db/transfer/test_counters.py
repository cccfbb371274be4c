"""What number the next row gets, in a file."""

from __future__ import annotations

import pytest

from openviper.db.connections.databases import Database
from openviper.db.transfer.counters import raise_counter, read_counter, set_counter
from openviper.db.transfer.tables import transfer_table
from tests.shop.models import Part, Tag

TAG, PART = transfer_table(Tag), transfer_table(Part)


async def run(database: Database, *statements: str) -> None:
    async with database.connection() as connection:
        for statement in statements:
            await connection.execute(statement)


@pytest.mark.parametrize(
    ("statements", "used"),
    [
        ([], 0),
        (["INSERT INTO shop_tag (name) VALUES ('a')"], 1),
        (["INSERT INTO shop_tag (id, name) VALUES (70, 'a')"], 70),
        (["INSERT INTO shop_tag (id, name) VALUES (-5, 'a')"], 0),
        (
            [
                "INSERT INTO shop_tag (id, name) VALUES (70, 'a'), (3, 'b')",
                "DELETE FROM shop_tag WHERE id = 70",
            ],
            70,
        ),
    ],
)
async def test_the_highest_number_counts_whose_row_may_be_gone(
    shop: Database, statements: list[str], used: int
) -> None:
    await run(shop, *statements)
    async with shop.connection() as connection:
        assert await read_counter(connection, TAG) == used


@pytest.mark.parametrize(("used", "following"), [(0, 1), (41, 42), (2**40, 2**40 + 1)])
async def test_the_next_row_gets_a_number_above_all(
    shop: Database, used: int, following: int
) -> None:
    async with shop.connection() as connection:
        await set_counter(connection, TAG, used)
        await connection.execute("INSERT INTO shop_tag (name) VALUES ('next')")
        rows = await connection.fetch_all("SELECT id FROM shop_tag")
        assert [tuple(row) for row in rows] == [(following,)]


async def test_a_counter_is_never_set_below_a_row(shop: Database) -> None:
    await run(shop, "INSERT INTO shop_tag (id, name) VALUES (70, 'a')")
    async with shop.connection() as connection:
        await set_counter(connection, TAG, 5)
        await connection.execute("INSERT INTO shop_tag (name) VALUES ('b')")
        rows = await connection.fetch_all("SELECT max(id) FROM shop_tag")
        assert rows[0][0] == 71


async def test_a_key_that_nobody_numbers_has_no_counter(shop: Database) -> None:
    async with shop.connection() as connection:
        assert await read_counter(connection, PART) == 0
        await set_counter(connection, PART, 5)
        await raise_counter(connection, TAG, 5)
        assert await read_counter(connection, PART) == 0
        assert await read_counter(connection, TAG) == 0
