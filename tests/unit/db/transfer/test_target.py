"""The transaction that rows are moved into: everything is stored, or nothing."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from openviper.db.connection import close_db, connections
from openviper.db.connections.databases import Connection, Database
from openviper.db.dialects.lookup import ddl_dialect
from openviper.db.exceptions import DatabaseReadOnlyError, OperationalError
from openviper.db.schemas.introspection import read_live_tables
from openviper.db.transfer.errors import RowError, TransferError
from openviper.db.transfer.proof import (
    left_behind,
    longest_packet,
    prove_schema,
    refuse_missing_file,
    refuse_same,
    refuse_unsafe_tables,
)
from openviper.db.transfer.sessions import locked, snapshot
from openviper.db.transfer.tables import transfer_tables
from openviper.db.transfer.target import target_transaction
from tests.shop.models import Node, Shelf, Tag, Thing

TABLES = transfer_tables([Tag, Node, Shelf, Thing])
FILL = (
    "INSERT INTO shop_tag (id, name) VALUES (1, 'a'), (2, 'b')",
    "INSERT INTO shop_node (id, name, up_id, tag_id) VALUES (1, 'n', NULL, 1), (2, 'm', 1, 2)",
)


async def run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        await connection.execute(statement)


async def count(database: Database, table: str = "shop_tag") -> int:
    async with database.connection() as connection:
        rows = await connection.fetch_all(f"SELECT count(*) FROM {table}")
        return int(rows[0][0])


async def test_a_block_that_ends_well_is_stored(shop: Database) -> None:
    async with target_transaction(shop, TABLES) as target:
        await run(target.connection, *FILL)
        await target.settle(TABLES)
    assert (await count(shop), await count(shop, "shop_node")) == (2, 2)


@pytest.mark.parametrize("error", [ZeroDivisionError, asyncio.CancelledError, KeyboardInterrupt])
async def test_a_block_that_fails_stores_nothing(
    shop: Database, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        async with target_transaction(shop, TABLES) as target:
            await run(target.connection, *FILL)
            raise error
    assert await count(shop) == 0


async def test_rows_that_refer_in_circles_are_cleared(shop: Database) -> None:
    async with shop.connection() as connection:
        await run(connection, *FILL)
    async with target_transaction(shop, TABLES) as target:
        await target.clear()
    assert (await count(shop), await count(shop, "shop_node")) == (0, 0)


async def test_rows_of_others_that_refer_to_what_is_replaced_stand_in_the_way(
    shop: Database,
) -> None:
    async with shop.connection() as connection:
        await run(connection, *FILL)
    with pytest.raises(
        TransferError, match=r"rows of table shop_node, .* refer to them by column tag_id"
    ):
        async with target_transaction(shop, transfer_tables([Tag])) as target:
            await target.clear()
    assert await count(shop) == 2


async def test_others_that_refer_to_nothing_do_not_stand_in_the_way(shop: Database) -> None:
    async with shop.connection() as connection:
        await run(connection, *FILL, "UPDATE shop_node SET tag_id = NULL")
    async with target_transaction(shop, transfer_tables([Tag])) as target:
        await target.clear()
    assert (await count(shop), await count(shop, "shop_node")) == (0, 2)


async def test_a_row_that_refers_to_none_is_named(shop: Database) -> None:
    with pytest.raises(RowError) as caught:
        async with target_transaction(shop, TABLES) as target:
            await run(
                target.connection,
                "INSERT INTO shop_node (id, name, tag_id) VALUES (7, 'n', 99)",
            )
            await target.settle(TABLES)
    error = caught.value
    assert (error.table, error.key, error.column) == ("shop_node", 7, "tag_id")
    assert error.reason == "refers to 99, and table shop_tag has no such row"
    assert await count(shop, "shop_node") == 0


async def test_a_row_may_come_before_the_one_it_refers_to(shop: Database) -> None:
    async with target_transaction(shop, TABLES) as target:
        await target.keep_others_out()
        await target.defer_backward()
        await run(
            target.connection,
            "INSERT INTO shop_node (id, name, up_id) VALUES (1, 'n', 2)",
            "INSERT INTO shop_node (id, name, up_id) VALUES (2, 'm', NULL)",
        )
        await target.settle(TABLES)
    assert await count(shop, "shop_node") == 2


async def test_a_database_for_reading_is_no_target(shop: Database, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'default.db'}"
    await close_db()
    connections.configure({"default": {"URL": url, "READ_ONLY": True}})
    database = connections.get("default")
    assert database.is_read_only
    with pytest.raises(DatabaseReadOnlyError, match="database 'default' is read-only"):
        async with target_transaction(database, TABLES):
            raise AssertionError("entered")


async def test_a_snapshot_does_not_see_what_comes_later(shop: Database, tmp_path: Path) -> None:
    async with snapshot(shop) as connection:
        before = await connection.fetch_all("SELECT count(*) FROM shop_tag")
        with closing(sqlite3.connect(tmp_path / "default.db")) as other:
            other.execute(FILL[0])
            other.commit()
        after = await connection.fetch_all("SELECT count(*) FROM shop_tag")
    assert (before[0][0], after[0][0]) == (0, 0)
    assert await count(shop) == 2


@pytest.mark.parametrize(
    ("retryable", "unreachable", "translated"),
    [(True, False, True), (True, True, False), (False, False, False), (False, True, False)],
)
def test_only_a_lock_of_others_is_called_one(
    retryable: bool, unreachable: bool, translated: bool
) -> None:
    error = OperationalError("busy")
    error.retryable, error.unreachable = retryable, unreachable
    said = locked("default", error)
    assert (said is not error) is translated
    if translated:
        assert str(said) == ("others are using the tables of 'default': no lock within 10 s (busy)")


# Proofs


@pytest.mark.parametrize(
    ("source", "target", "same"),
    [
        ("default", "default", True),
        ("default", "link", True),
        ("link", "default", True),
        ("default", "other", False),
    ],
)
async def test_two_names_of_one_file_are_one_database(
    shop: Database, source: str, target: str, same: bool
) -> None:
    proof = refuse_same(connections.get(source), connections.get(target))
    if not same:
        await proof
        return
    with pytest.raises(
        TransferError,
        match=f"{source!r} and {target!r} are the same database; nothing was copied",
    ):
        await proof


async def test_a_file_that_does_not_exist_is_not_made(shop: Database, tmp_path: Path) -> None:
    refuse_missing_file(shop)
    (tmp_path / "other.db").unlink()
    with pytest.raises(TransferError, match="other.db' of database 'other' does not exist"):
        refuse_missing_file(connections.get("other"))
    assert not (tmp_path / "other.db").exists()


async def test_tables_that_are_as_the_models_want_them_are_proved(shop: Database) -> None:
    live = await prove_schema(shop, TABLES, {})
    assert {table.name for table in TABLES} <= live.keys()


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "ALTER TABLE shop_tag RENAME TO gone",
            r"database 'default' has no table shop_tag for \S*Tag; run makemigrations",
        ),
        (
            "ALTER TABLE shop_node RENAME COLUMN name TO title",
            "table shop_node of database 'default' has no column name",
        ),
    ],
)
async def test_what_a_database_lacks_is_named_before_a_row_is_moved(
    shop: Database, statement: str, message: str
) -> None:
    async with shop.connection() as connection:
        await run(connection, statement)
    with pytest.raises(TransferError, match=message):
        await prove_schema(shop, TABLES, {})


async def test_what_no_model_describes_is_told(shop: Database) -> None:
    async with shop.connection() as connection:
        await run(
            connection,
            "ALTER TABLE shop_tag ADD COLUMN colour TEXT",
            "ALTER TABLE shop_tag ADD COLUMN twice GENERATED ALWAYS AS (id * 2)",
            "CREATE TABLE theirs (a)",
        )
        live = await read_live_tables(connection, ddl_dialect("sqlite"))
    known = [name for name in live if name != "theirs"]
    column = "column colour of table shop_tag belongs to no model and is not moved"
    table = "table theirs belongs to no model and is not moved"
    assert left_behind(TABLES, known, live, everything=True) == [table, column]
    assert left_behind(TABLES, known, live, everything=False) == [column]


async def test_a_file_has_neither_unsafe_tables_nor_a_longest_packet(shop: Database) -> None:
    async with shop.connection() as connection:
        await refuse_unsafe_tables(connection, TABLES)
        assert await longest_packet(connection) is None
