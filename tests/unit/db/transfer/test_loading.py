"""Lines of a file on their way into a database, and rows on their way into lines."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from openviper.db.connections.databases import Database
from openviper.db.transfer.dumping import Dump, count_dump, dump_data, is_secret
from openviper.db.transfer.errors import LineError, RowError
from openviper.db.transfer.lines import read_lines
from openviper.db.transfer.loading import Load, Loaded, load_data
from openviper.db.transfer.tables import transfer_table, transfer_tables
from tests.shop.models import Node, Shelf, Tag, Thing

TABLES = transfer_tables([Tag, Node, Shelf, Thing])
TAG, NODE, SHELF = (transfer_table(model).label for model in (Tag, Node, Shelf))


def quiet(_table: str, _rows: int) -> None:
    """Observe nothing."""


def line(model: str, key: Any = None, **fields: Any) -> str:
    document = {"model": model, "key": key, "fields": fields}
    if key is None:
        del document["key"]
    return json.dumps(document, ensure_ascii=False)


async def load(*lines: str, **options: Any) -> Loaded:
    text = "\n".join(['{"openviper": "data", "format": 1}', *lines, ""])
    rows = read_lines(io.BytesIO(text.encode()))
    return await load_data(Load("default", TABLES, **options), rows, {}, quiet)


async def rows(shop: Database, query: str) -> list[tuple[Any, ...]]:
    async with shop.connection() as connection:
        return [tuple(row) for row in await connection.fetch_all(query)]


async def tags(shop: Database) -> list[tuple[Any, ...]]:
    return await rows(shop, "SELECT id, name FROM shop_tag ORDER BY id")


async def nodes(shop: Database) -> list[tuple[Any, ...]]:
    return await rows(shop, "SELECT name, up_id, tag_id FROM shop_node ORDER BY id")


async def test_rows_with_and_without_keys_are_stored(shop: Database) -> None:
    loaded = await load(line(TAG, 7, name="a"), line(TAG, name="b"))
    assert (loaded.inserted, loaded.updated) == (2, 0)
    assert await tags(shop) == [(7, "a"), (8, "b")]


async def test_a_rehearsal_counts_and_takes_everything_back(shop: Database) -> None:
    loaded = await load(line(TAG, 7, name="a"), store=False)
    assert loaded.inserted == 1
    assert await tags(shop) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (line("shop.Tagg", 1), r"no model is called 'shop\.Tagg'; did you mean 'shop\.Tag'"),
        (line(TAG, 1, nme="a"), "nme"),
        (line(TAG, 1, name=None), "name"),
        (line(TAG, 1, name=5), "name"),
        (line(TAG, 1, name="x" * 51), "51 characters are more than 50"),
        (line(TAG, "x", name="a"), "'x'"),
        (line(TAG, 2**63, name="a"), "9223372036854775808"),
        (line(TAG, 7, name="again"), "refused by the database: UNIQUE"),
        (line(TAG, 8, name="first"), "refused|exists|UNIQUE"),
        (line(NODE, 1, name="n", tag=99), "refers to 99"),
        (line(NODE, 1, name="n", tag=["nobody"]), "nobody"),
        (line(NODE, 1, name="n", tag=["a", "b"]), "is not a natural key of"),
        (line(SHELF, 1, name="s", parent=["x"]), "has no natural keys"),
        ("[]", "line 3"),
        ("{nope", "line 3"),
    ],
)
async def test_a_line_that_cannot_be_stored_is_named_and_nothing_is(
    shop: Database, wrong: str, message: str
) -> None:
    with pytest.raises((LineError, RowError), match=message) as caught:
        await load(line(TAG, 7, name="first"), wrong, line(TAG, 9, name="last"))
    assert "line 3" in str(caught.value) or isinstance(caught.value, RowError)
    assert await tags(shop) == []


async def test_references_by_natural_key_may_come_before_their_rows(shop: Database) -> None:
    await load(
        line(NODE, name="child", up=["root"], tag=["t"]),
        line(NODE, name="root", up=None, tag=None),
        line(TAG, name="t"),
    )
    found = await nodes(shop)
    assert {name for name, _, _ in found} == {"child", "root"}
    child = next(node for node in found if node[0] == "child")
    ids = dict(await rows(shop, "SELECT name, id FROM shop_node"))
    assert child[1] == ids["root"] and child[2] == 1


async def test_circles_of_natural_keys_are_cut_and_closed(shop: Database) -> None:
    await load(line(NODE, name="a", up=["b"]), line(NODE, name="b", up=["a"]))
    ids = dict(await rows(shop, "SELECT name, id FROM shop_node"))
    ups = dict(await rows(shop, "SELECT name, up_id FROM shop_node"))
    assert ups == {"a": ids["b"], "b": ids["a"]}


async def test_a_row_may_refer_to_itself(shop: Database) -> None:
    await load(line(NODE, 4, name="a", up=4), line(NODE, name="b", up=["b"]))
    assert await rows(shop, "SELECT id, up_id FROM shop_node ORDER BY id") == [(4, 4), (5, 5)]


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        (line(TAG, 1, name="new"), [(1, "new")]),
        (line(TAG, 1, name="old"), [(1, "old")]),
        (line(TAG, name="old"), [(1, "old")]),
        (line(TAG, name="other"), [(1, "old"), (2, "other")]),
    ],
)
async def test_an_update_finds_rows_by_key_or_by_what_they_are_called(
    shop: Database, again: str, expected: list[tuple[int, str]]
) -> None:
    await load(line(TAG, 1, name="old"))
    loaded = await load(again, update=True)
    assert await tags(shop) == expected
    assert (loaded.inserted, loaded.updated) == ((1, 0) if len(expected) == 2 else (0, 1))


async def test_many_rows_of_turning_kinds_are_stored_in_order(shop: Database) -> None:
    lines = []
    for number in range(1, 31):
        lines.append(line(TAG, number, name=f"t{number}"))
        lines.append(line(NODE, number, name=f"n{number}", tag=number))
    loaded = await load(*lines)
    assert loaded.inserted == 60
    assert len(await nodes(shop)) == 30


# Dumping


async def dump(**options: Any) -> list[Any]:
    written: list[str] = []
    dumped = await dump_data(Dump("default", TABLES, **options), written.append, quiet)
    documents = [json.loads(text) for text in "".join(written).splitlines()]
    assert documents[0] == {"openviper": "data", "format": 1, "end": True}
    assert documents[-1] == {"end": True, "rows": dumped.total}
    return documents[1:-1]


async def test_an_empty_database_is_a_beginning_and_an_end(shop: Database) -> None:
    assert await dump() == []
    assert await count_dump(Dump("default", TABLES)) == 0


@pytest.mark.parametrize("natural", [False, True])
async def test_rows_are_called_by_number_or_by_name(shop: Database, natural: bool) -> None:
    await load(line(TAG, 3, name="é"), line(NODE, 5, name="n", tag=3))
    tag, node = await dump(natural=natural)
    assert ("key" in tag) is not natural
    assert tag["fields"] == {"name": "é"}
    assert node["fields"] == {"name": "n", "up": None, "tag": ["é"] if natural else 3}
    assert await count_dump(Dump("default", TABLES)) == 2


@pytest.mark.parametrize("natural", [False, True])
async def test_what_was_dumped_can_be_loaded_again(shop: Database, natural: bool) -> None:
    await load(line(NODE, 5, name="a", up=6), line(NODE, 6, name="b", up=5))
    before = await rows(
        shop, "SELECT n.name, u.name FROM shop_node n JOIN shop_node u ON u.id = n.up_id"
    )
    lines = [json.dumps(document) for document in await dump(natural=natural)]
    async with shop.connection() as connection:
        await connection.execute("UPDATE shop_node SET up_id = NULL")
        await connection.execute("DELETE FROM shop_node")
    await load(*lines)
    after = await rows(
        shop, "SELECT n.name, u.name FROM shop_node n JOIN shop_node u ON u.id = n.up_id"
    )
    assert sorted(after) == sorted(before) and len(after) == 2


@pytest.mark.parametrize("natural", [False, True])
async def test_secrets_are_left_out_unless_asked_for(shop: Database, natural: bool) -> None:
    fields = {"password", "secret"}
    thing = transfer_table(Thing)
    assert {column.field.name for column in thing.columns if is_secret(column)} == fields
    told = Dump("default", [thing], natural=natural)
    assert told.left_out == [f"{thing.label}.password", f"{thing.label}.secret"]
    assert Dump("default", [thing], with_secrets=True).left_out == []


async def test_a_reference_to_nothing_cannot_be_called_by_name(shop: Database) -> None:
    async with shop.connection() as connection:
        await connection.execute("PRAGMA foreign_keys = OFF")
        await connection.execute("INSERT INTO shop_node (id, name, tag_id) VALUES (1, 'n', 99)")
        await connection.execute("PRAGMA foreign_keys = ON")
    assert len(await dump()) == 1
    with pytest.raises(RowError, match="key 1, column tag_id: refers to 99, and table shop_tag"):
        await dump(natural=True)
