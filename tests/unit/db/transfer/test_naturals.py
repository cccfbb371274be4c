"""Natural keys: what a row is called, and finding it by that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from typing import Any, cast

import pytest

from openviper.db.connections.databases import Database
from openviper.db.transfer import naturals
from openviper.db.transfer.errors import LONGEST, LineError, RowError, TransferError, shown
from openviper.db.transfer.exact_json import loads
from openviper.db.transfer.naturals import (
    NaturalFinder,
    NaturalKeys,
    check_naturals,
    has_natural_key,
    natural_key,
)
from openviper.exceptions import MultipleObjectsReturned
from tests.shop.models import Node, Shelf, Tag


class Called:
    """A row that is called whatever one says."""

    class _meta:
        label = "shop.Called"

    def __init__(self, value: Any) -> None:
        self.value = value

    def natural_key(self) -> Any:
        return self.value


class Waiting(Called):
    async def natural_key(self) -> Any:
        return self.value


@pytest.mark.parametrize("kind", [Called, Waiting])
@pytest.mark.parametrize(
    ("value", "key"),
    [
        (("a",), ("a",)),
        (["a", 1], ("a", 1)),
        ((), ()),
        ((None, True), (None, True)),
        ((1.5, date(2024, 5, 1)), ("1.5", "2024-05-01")),
    ],
)
async def test_a_natural_key_is_a_tuple_of_what_json_knows(
    kind: type[Called], value: Any, key: tuple[Any, ...]
) -> None:
    assert await natural_key(kind(value)) == key


@pytest.mark.parametrize("kind", [Called, Waiting])
@pytest.mark.parametrize("value", ["a", None, 5, {"a": 1}, {"a"}])
async def test_a_natural_key_that_is_no_tuple_is_refused(kind: type[Called], value: Any) -> None:
    with pytest.raises(TransferError, match=r"natural_key\(\) returned .* which is not a tuple"):
        await natural_key(kind(value))


def test_a_model_with_natural_keys_needs_a_manager_that_finds_by_them() -> None:
    assert has_natural_key(Tag) and not has_natural_key(Shelf)
    check_naturals([Tag, Node, Shelf])
    cast(Any, Called).objects = object()
    try:
        with pytest.raises(TransferError, match=r"shop\.Called has natural_key\(\), and its manag"):
            check_naturals([Tag, Called])
    finally:
        del cast(Any, Called).objects


@pytest.fixture
async def tags(shop: Database) -> AsyncIterator[Database]:
    """Three tags."""
    async with shop.connection() as connection:
        await connection.execute(
            "INSERT INTO shop_tag (id, name) VALUES (1, 'a'), (2, '7'), (3, 'c')"
        )
    yield shop


@pytest.mark.parametrize(
    ("keys", "called"),
    [
        ([], []),
        ([1], [("a",)]),
        ([3, 1, 3], [("c",), ("a",), ("c",)]),
        ([None, 2], [None, ("7",)]),
        ([99], [None]),
    ],
)
async def test_rows_are_called_by_their_keys_in_order(
    tags: Database, keys: list[Any], called: list[Any]
) -> None:
    assert await NaturalKeys(Tag, "default").of(keys) == called


async def test_what_rows_are_called_is_remembered_up_to_a_limit(
    tags: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(naturals, "KEPT", 1)
    keys = NaturalKeys(Tag, "default")
    assert await keys.of([1, 2]) == [("a",), ("7",)]
    async with tags.connection() as connection:
        await connection.execute("UPDATE shop_tag SET name = 'new' WHERE id = 3")
        await connection.execute("UPDATE shop_tag SET name = 'other' WHERE id = 1")
    # Two are more than are kept, so they are looked up anew.
    assert await keys.of([3, 1]) == [("new",), ("other",)]


async def test_a_row_is_found_by_what_it_is_called(tags: Database) -> None:
    finder = NaturalFinder(Tag)
    assert await finder.find(["a"]) == 1
    assert await finder.find(["nobody"]) is None


async def test_one_that_was_found_is_remembered_and_one_that_was_not_is_asked_for_again(
    tags: Database,
) -> None:
    finder = NaturalFinder(Tag)
    assert (await finder.find(["a"]), await finder.find(["late"])) == (1, None)
    async with tags.connection() as connection:
        await connection.execute("DELETE FROM shop_tag WHERE id = 1")
        await connection.execute("INSERT INTO shop_tag (id, name) VALUES (9, 'late')")
    assert (await finder.find(["a"]), await finder.find(["late"])) == (1, 9)


@pytest.mark.parametrize("text", ['["a", "b"]', "[]"])
async def test_a_key_with_other_parts_is_none_of_this_model(tags: Database, text: str) -> None:
    with pytest.raises(TransferError, match="is not a natural key of .*Tag"):
        await NaturalFinder(Tag).find(loads(text))


async def test_a_model_without_natural_keys_says_so(tags: Database) -> None:
    with pytest.raises(TransferError, match=r"Shelf has no natural keys, so \['a'\] names no row"):
        await NaturalFinder(Shelf).find(["a"])


class Several:
    """A model whose manager finds two rows, or takes numbers as they are."""

    class _meta:
        label = "shop.Several"

    class objects:
        @staticmethod
        def get_by_natural_key(*parts: Any) -> Any:
            if parts == ("two",):
                raise MultipleObjectsReturned("two")
            return type("Row", (), {"pk": [(type(part), part) for part in parts]})


async def test_a_key_that_fits_several_rows_is_refused() -> None:
    with pytest.raises(TransferError, match=r"\['two'\] fits several rows of shop\.Several"):
        await NaturalFinder(Several).find(["two"])


async def test_numbers_of_a_file_come_as_numbers() -> None:
    assert await NaturalFinder(Several).find(loads('[1, -2, 1.5, "3", true, null]')) == [
        (int, 1),
        (int, -2),
        (float, 1.5),
        (str, "3"),
        (bool, True),
        (type(None), None),
    ]


# What messages show


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        ("a\nb", r"'a\nb'"),
        (None, "None"),
        ("x" * 78, f"'{'x' * 78}'"),
        ("x" * 79, f"'{'x' * 76}..."),
        (10**100, f"1{'0' * 76}..."),
    ],
)
def test_a_value_is_shown_in_one_line_and_cut(value: object, text: str) -> None:
    assert shown(value) == text and len(text) <= LONGEST


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (RowError("t", 5, "is bad"), "table t, key 5: is bad"),
        (RowError("t", "k", "is bad", "c"), "table t, key 'k', column c: is bad"),
        (LineError(7, "is bad"), "line 7: is bad"),
    ],
)
def test_an_error_says_where(error: TransferError, text: str) -> None:
    assert str(error) == text
