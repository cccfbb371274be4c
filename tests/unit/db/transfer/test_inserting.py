"""Inserting rows, and which one is to blame."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.db.connections.databases import Database
from openviper.db.exceptions import OperationalError
from openviper.db.transfer.errors import RowError
from openviper.db.transfer.inserting import Inserter
from openviper.db.transfer.tables import transfer_table, transfer_tables
from openviper.db.transfer.target import target_transaction
from tests.shop.models import Tag

TAG = transfer_table(Tag)


async def insert(shop: Database, rows: list[tuple[Any, ...]]) -> None:
    async with target_transaction(shop, [TAG]) as target:
        inserter = Inserter(target.connection, TAG, TAG.columns)
        await inserter.insert([row[0] for row in rows], rows)


async def names(shop: Database) -> list[str]:
    async with shop.connection() as connection:
        rows = await connection.fetch_all("SELECT name FROM shop_tag ORDER BY id")
        return [str(row[0]) for row in rows]


@pytest.mark.parametrize("count", [1, 2, 7, 100])
async def test_rows_are_inserted(shop: Database, count: int) -> None:
    await insert(shop, [(number, f"n{number}") for number in range(count)])
    assert len(await names(shop)) == count


@pytest.mark.parametrize("count", [1, 2, 3, 8, 33])
@pytest.mark.parametrize("wrong", ["first", "middle", "last"])
async def test_the_row_that_is_refused_is_found_among_many(
    shop: Database, count: int, wrong: str
) -> None:
    place = {"first": 0, "middle": count // 2, "last": count - 1}[wrong]
    rows: list[tuple[Any, ...]] = [(number + 10, f"n{number}") for number in range(count)]
    rows[place] = (rows[place][0], None)
    with pytest.raises(RowError, match="refused by the database: ") as caught:
        await insert(shop, rows)
    error = caught.value
    assert (error.table, error.key, error.column) == ("shop_tag", place + 10, "name")
    assert await names(shop) == []


async def test_of_several_that_are_refused_the_first_is_told(shop: Database) -> None:
    with pytest.raises(RowError, match="key 3, column name: refused"):
        await insert(shop, [(1, "a"), (2, "b"), (3, None), (4, None)])


async def test_two_rows_that_are_equal_blame_the_second_and_no_column(shop: Database) -> None:
    with pytest.raises(RowError, match="key 3: refused by the database: .*UNIQUE") as caught:
        await insert(shop, [(1, "a"), (2, "b"), (3, "a"), (4, "c")])
    assert caught.value.column is None
    assert isinstance(caught.value.__cause__, Exception)


async def test_a_fault_of_the_database_blames_no_row(shop: Database) -> None:
    async with shop.connection() as connection:
        await connection.execute("DROP TABLE shop_node")
        await connection.execute("DROP TABLE shop_thing_tags")
        await connection.execute("DROP TABLE shop_tag")
    with pytest.raises(OperationalError):
        await insert(shop, [(1, "a"), (2, "b")])


async def test_nothing_to_insert_is_no_statement(shop: Database) -> None:
    await insert(shop, [])
    assert await names(shop) == []


def test_the_tables_of_the_shop_stand_behind_what_they_refer_to() -> None:
    assert [table.name for table in transfer_tables([Tag])] == ["shop_tag"]
