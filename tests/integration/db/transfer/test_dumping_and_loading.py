"""Rows as lines of JSON: written from one database, stored in another."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from openviper.db.connection import atomic
from openviper.db.transfer.dumping import Dump, count_dump, dump_data
from openviper.db.transfer.errors import LineError, RowError, TransferError
from openviper.db.transfer.lines import read_lines
from openviper.db.transfer.loading import Load, Loaded, load_data
from openviper.db.transfer.tables import transfer_tables
from tests.integration.db.transfer.support import SHOP, Shops, ask, connected, run
from tests.shop.models import Node, Shelf, Tag, Thing

HEADER = '{"openviper": "data", "format": 1}\n'


def ignore(_table: str, _rows: int) -> None:
    """Observe nothing."""


async def dumped(alias: str, *models: type[Any], **options: bool) -> str:
    """Return the rows of a database as lines."""
    written: list[str] = []
    dump = Dump(alias, transfer_tables(models or SHOP), **options)
    await dump_data(dump, written.append, ignore)
    return "".join(written)


async def load(alias: str, text: str, **options: bool) -> Loaded:
    """Store lines."""
    how = Load(alias, transfer_tables(SHOP), **options)
    return await load_data(how, read_lines(io.BytesIO(text.encode())), {}, ignore)


async def load_rows(alias: str, *rows: dict[str, Any], **options: bool) -> Loaded:
    """Store rows that were written by hand."""
    return await load(alias, HEADER + "\n".join(map(json.dumps, rows)), **options)


def tag(name: Any, **more: Any) -> dict[str, Any]:
    """Return a row."""
    return {"model": "shop.Tag", "fields": {"name": name}, **more}


def node(name: str, **references: Any) -> dict[str, Any]:
    """Return a row."""
    return {"model": "shop.Node", "fields": {"name": name, **references}}


async def test_what_is_written_is_what_is_stored(shops: Shops) -> None:
    async with shops.open():
        text = await dumped("default", with_secrets=True)
        assert (await load("other", text)).inserted == text.count("\n") - 2
        again = await dumped("other", with_secrets=True)
        # PostgreSQL keeps the value of JSON, and not its text.
        assert _values(again) == _values(text)
        assert shops.vendor == "postgresql" or again == text
        async with atomic("other"):
            assert (await Thing.objects.create()).pk == 4


def _values(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


async def test_the_same_rows_are_the_same_lines(files: Shops) -> None:
    async with files.open():
        first = await dumped("default")
        assert first == await dumped("default")
        assert await count_dump(Dump("default", transfer_tables(SHOP))) == first.count("\n") - 2


async def test_secrets_are_written_only_when_asked_for(files: Shops) -> None:
    async with files.open():
        plain, everything = await dumped("default"), await dumped("default", with_secrets=True)
        assert "password" not in plain and "enc2$" not in plain
        assert '"password": "correct horse"' in everything and '"secret": "enc2$' in everything
        left_out = Dump("default", transfer_tables(SHOP)).left_out
        assert left_out == ["shop.Thing.password", "shop.Thing.secret"]
        await load("other", plain)
        assert (await Thing.objects.using("other").get(id=1)).password is None


async def test_natural_keys_stand_for_numbers(shops: Shops) -> None:
    async with shops.open():
        text = await dumped("default", Tag, Node, natural=True)
        assert (
            '{"model": "shop.Node", "fields": {"name": "leaf", "up": ["root"], "tag": null}}'
            in text
        )
        async with atomic("other"):
            await Tag.objects.create(name="first")  # So that the numbers differ.
        await load("other", text)
        rows = (
            await Node.objects.using("other")
            .order_by("name")
            .values("name", "up__name", "tag__name")
        )
        assert rows == [
            {"name": "leaf", "up__name": "root", "tag__name": None},
            {"name": "root", "up__name": None, "tag__name": "Tag"},
        ]


async def test_pairs_are_called_by_their_natural_keys(files: Shops) -> None:
    async with files.open():
        text = await dumped("default", natural=True, with_secrets=True)
        assert '{"model": "shop.ThingTag", "fields": {"thing": 1, "tag": ["Tag"]}}' in text
        await load("other", text)
        assert await load("other", text, update=True) == Loaded(0, text.count("\n") - 2)
        assert await ask("other", "SELECT count(*) FROM shop_thing_tags") == 2


async def test_a_circle_of_natural_keys_is_closed(shops: Shops) -> None:
    async with shops.open(filled=False):
        await load_rows("other", node("a", up=["b"]), node("b", up=["c"]), node("c", up=["a"]))
        rows = await Node.objects.using("other").order_by("name").values_list("name", "up__name")
        assert rows == [("a", "b"), ("b", "c"), ("c", "a")]


async def test_a_natural_key_that_nobody_has_is_named(files: Shops) -> None:
    async with files.open(filled=False):
        with pytest.raises(
            LineError, match=r"line 3: field 'tag': no shop.Tag has the natural key \['x'\]"
        ):
            await load_rows("other", tag("y"), node("a", tag=["x"]))
        with pytest.raises(
            LineError, match=r"line 2: field 'tag': \['a', 'b'\] is not a natural key of shop.Tag"
        ):
            await load_rows("other", node("a", tag=["a", "b"]))
        with pytest.raises(
            LineError, match="line 2: field 'shelf': shop.Shelf has no natural keys"
        ):
            await load_rows("other", {"model": "shop.Thing", "fields": {"shelf": ["top"]}})
        assert await ask("other", "SELECT count(*) FROM shop_tag") == 0


async def test_rows_written_by_hand_get_the_defaults_of_the_model(shops: Shops) -> None:
    async with shops.open(filled=False):
        await load_rows("other", {"model": "shop.Thing", "fields": {"short": "x"}})
        thing = await Thing.objects.using("other").get()
        assert (thing.truth, thing.maybe, thing.short) == (False, None, "x")
        assert thing.made.tzinfo is not None


async def test_a_row_that_exists_is_an_error_or_updated(shops: Shops) -> None:
    async with shops.open(filled=False):
        await load_rows("other", tag("a", key=1), node("n"))
        with pytest.raises(LineError, match="line 3: shop.Tag 1 exists already; --update gives"):
            await load_rows("other", tag("c"), tag("b", key=1))
        with pytest.raises(LineError, match=r"line 2: shop.Node \d+ exists already"):
            await load_rows("other", node("n"))
        assert await load_rows("other", tag("b", key=1), tag("c", key=7), update=True) == Loaded(
            1, 1
        )
        assert await Tag.objects.using("other").order_by("id").values_list("name", flat=True) == [
            "b",
            "c",
        ]
        async with atomic("other"):
            assert (await Tag.objects.create(name="d")).pk == 8


async def test_rows_in_any_order_may_refer_to_each_other(shops: Shops) -> None:
    async with shops.open(filled=False):
        shelf = {"model": "shop.Shelf", "key": 1, "fields": {"name": "s", "parent": 2}}
        other = {"model": "shop.Shelf", "key": 2, "fields": {"name": "t"}}
        thing = {"model": "shop.Thing", "fields": {"shelf": 1}}
        await load_rows("other", thing, shelf, other)
        assert await ask("other", "SELECT count(*) FROM shop_thing") == 1
        with pytest.raises((RowError, LineError), match="table shop_thing, key .* refers to 9"):
            await load_rows("other", {"model": "shop.Thing", "fields": {"shelf": 9}})


async def test_a_rehearsal_stores_nothing(shops: Shops) -> None:
    async with shops.open(filled=False):
        assert await load_rows("other", tag("a"), store=False) == Loaded(1, 0)
        assert await ask("other", "SELECT count(*) FROM shop_tag") == 0


async def test_what_the_database_refuses_is_named_by_line(shops: Shops) -> None:
    async with shops.open(filled=False):
        with pytest.raises(LineError, match="line 4: refused by the database: "):
            await load_rows("other", tag("a"), tag("b"), tag("a"), tag("c"))
        await load_rows("other", tag("a", key=1), tag("b", key=2))
        with pytest.raises(LineError, match="line 2: refused by the database: "):
            await load_rows("other", tag("b", key=1), update=True)


REFUSED = [
    (
        {"model": "shop.Tga", "fields": {}},
        "no model is called 'shop.Tga'; did you mean 'shop.Tag'?",
    ),
    (
        {"model": "shop.Tag", "fields": {"nam": "x"}},
        "no field 'nam' that is stored; did you mean 'name'?",
    ),
    ({"model": "shop.Tag", "fields": {"id": 1}}, "no field 'id' that is stored"),
    ({"model": "shop.Tag", "fields": {}}, "field 'name' is missing"),
    (tag(None), "field 'name' cannot be null"),
    (tag(5), "field 'name': '5' is not a text"),
    (tag("x" * 51), "field 'name': 51 characters are more than 50"),
    (tag("a\ud800"), "field 'name': half of a surrogate pair"),
    (tag("a", key="x"), "field 'id': 'x' is not a whole number"),
    (tag("a", key=2**31), "field 'id': 2147483648 is out of range for INTEGER"),
]


@pytest.mark.parametrize(("row", "problem"), REFUSED, ids=[problem for _, problem in REFUSED])
async def test_a_malformed_row_is_named_by_line_and_value(
    files: Shops, row: dict[str, Any], problem: str
) -> None:
    async with files.open(filled=False):
        with pytest.raises(LineError) as caught:
            await load_rows("other", tag("good"), row)
        assert caught.value.number == 3
        assert problem in str(caught.value)
        assert await ask("other", "SELECT count(*) FROM shop_tag") == 0


async def test_a_reference_to_nothing_is_named_when_it_is_written(files: Shops) -> None:
    async with files.open():
        async with connected("default") as connection:
            await connection.execute("PRAGMA foreign_keys = OFF")
            await connection.execute("DELETE FROM shop_tag WHERE name = 'Tag'")
        with pytest.raises(RowError, match="table shop_node, key 2, column tag_id: refers to 1"):
            await dumped("default", Node, natural=True)


async def test_natural_keys_have_to_be_found_again(
    files: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with files.open():
        monkeypatch.setattr(Shelf, "natural_key", lambda self: (self.name,), raising=False)
        with pytest.raises(
            TransferError, match="shop.Shelf has natural_key.., and its manager no get_by"
        ):
            await dumped("default", Shelf, natural=True)
        monkeypatch.setattr(Tag, "natural_key", lambda self: self.name)
        with pytest.raises(
            TransferError, match="natural_key.. returned 'Tag', which is not a tuple"
        ):
            await dumped("default", Node, natural=True)


async def test_a_natural_key_of_two_rows_is_refused(files: Shops) -> None:
    async with files.open(filled=False):
        await run("other", "DROP INDEX uq_shop_tag_name")
        await load_rows("other", tag("a", key=1))
        await run("other", "INSERT INTO shop_tag (name) VALUES ('a')")
        with pytest.raises(
            LineError, match=r"line 2: field 'tag': the natural key \['a'\] fits several rows"
        ):
            await load_rows("other", node("n", tag=["a"]))
