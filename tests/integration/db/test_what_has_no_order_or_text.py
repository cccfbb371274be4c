"""Orders, texts and places that each database would understand in its own way: refused, or the same on all."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from openviper.db import Substr, Value
from openviper.db.exceptions import DatabaseError
from openviper.db.fields import (
    ArrayField,
    BigIntegerField,
    BooleanField,
    CharField,
    DecimalField,
    IntegerField,
    JSONField,
)
from openviper.db.models import Count, F, Max, Model, Q
from openviper.exceptions import FieldError, QueryError
from tests.integration.db.support import current, database

EVERY_DATABASE = True


class Card(Model):
    _app_name = "no_order"

    ok = BooleanField(null=True)
    name = CharField(max_length=10, default="")
    tags = ArrayField(CharField(max_length=5), default=list)
    data = JSONField(null=True)


@pytest.mark.parametrize("name", ["tags", "data"])
async def test_arrays_and_json_have_no_order(tmp_path: Path, name: str) -> None:
    async with database(tmp_path, Card):
        asked: list[Any] = [
            lambda: Card.objects.order_by(name),
            lambda: Card.objects.order_by(F(name).desc()),
            lambda: Card.objects.values(name).annotate(c=Count("*")).order_by(name),
            lambda: Card.objects.values(name).union(Card.objects.values(name)).order_by(name),
        ]
        for ask in asked:
            with pytest.raises(FieldError, match=rf"'{name}'.* no order"):
                ask()
        with pytest.raises(FieldError, match=rf"'{name}'.* no order"):
            await Card.objects.latest(name)
        assert await Card.objects.order_by("data__a") == []


@pytest.mark.parametrize(
    "word", ["contains", "icontains", "startswith", "endswith", "iexact", "regex", "iregex"]
)
async def test_a_truth_value_is_no_text(tmp_path: Path, word: str) -> None:
    async with database(tmp_path, Card):
        with pytest.raises(FieldError, match=f"'ok__{word}': .*boolean|'ok__{word}': .*truth"):
            Card.objects.filter(Q(**{f"ok__{word}": "t"}))


async def test_a_pattern_that_no_text_can_have_finds_nothing(tmp_path: Path) -> None:
    async with database(tmp_path, Card):
        await Card.objects.create(name="a")
        assert await Card.objects.filter(name__regex="\ud800").count() == 0
        assert await Card.objects.filter(name__iregex="[a\udfff]").count() == 0


class Sum(Model):
    _app_name = "no_order"

    n = IntegerField(null=True)
    big = BigIntegerField(null=True)
    price = DecimalField(max_digits=8, decimal_places=2, null=True)


STORED: list[Any] = [
    {"a": [1, 2]}, {"a": 1}, [{"a": 1}], {"a": [{"b": 1}]}, {"a": {"b": 1}}, {"a": {"b": [1]}},
    [1, 2], 1, {"0": 1}, {"0": [1]}, {'q"\\': [1]}, {'q"\\': 1}, {"a": None}, {"a": [None]}, {"a": 1, "c": {}},
]  # fmt: skip
CONTAINED: list[tuple[Any, list[int]]] = [
    ({"a": 1}, [1, 14]),
    ({"a": {"b": 1}}, [4]),
    ({"a": {}}, [4, 5]),
    ({"a": []}, [0, 3, 13]),
    ({"a": None}, [12]),
    ({"0": 1}, [8]),
    ({'q"\\': 1}, [11]),
    ({"c": {}, "a": 1}, [14]),
    ({}, [0, 1, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14]),
    ([{"a": 1}], [2]),
    ([1], [6]),
    (1, [6, 7]),
]


async def test_objects_contain_what_they_have_and_not_what_their_lists_have(tmp_path: Path) -> None:
    async with database(tmp_path, Card):
        for place, value in enumerate(STORED):
            await Card.objects.create(name=str(place), data=value)
        for part, wanted in CONTAINED:
            query = Card.objects.filter(data__contains=part).order_by("pk")
            found = await query.values_list("name", flat=True)
            assert list(map(int, found)) == wanted, part
            assert await Card.objects.exclude(data__contains=part).count() == 15 - len(wanted)


async def test_only_plain_digits_are_places_in_a_list(tmp_path: Path) -> None:
    async with database(tmp_path, Card):
        await Card.objects.create(data={"a": ["x", "y"]})
        await Card.objects.create(data={"a": {"-1": "z", "+0": "p"}})
        places: dict[str, list[Any]] = {"1": ["y", None], "+0": [None, "p"], "-1": [None, "z"]}
        if current.vendor == "mysql":  # It would find nothing.
            del places["-1"]
            for lookup in ({"data__a__-1": "z"}, {"data__a__has_key": "-1"}):
                with pytest.raises(QueryError, match="no key of JSON that begins with '-'"):
                    await Card.objects.filter(Q(**lookup))
        for part, wanted in places.items():
            found = await Card.objects.order_by("pk").values_list(f"data__a__{part}", flat=True)
            assert found == wanted, part
            assert await Card.objects.filter(**{f"data__a__{part}__isnull": False}).count() == 1


async def test_a_missing_method_says_what_to_write_instead(tmp_path: Path) -> None:
    async with database(tmp_path, Card):
        everything: Any = Card.objects.all()
        with pytest.raises(AttributeError, match=r"delete\(\) does not go with a combined query"):
            await everything.union(everything).delete()
        with pytest.raises(AttributeError, match=r"update\(\) .* before values\(\)"):
            await everything.values("name").update(name="x")
        with pytest.raises(
            AttributeError, match=r"iterator\(\) does not go with a query for groups"
        ):
            everything.values("name").annotate(c=Count("*")).iterator()
        with pytest.raises(AttributeError, match="'QuerySet' object has no attribute 'fliter'"):
            everything.fliter(name="x")
        assert not hasattr(everything, "__wrapped__")


async def test_a_part_of_a_text_begins_at_its_first_character(tmp_path: Path) -> None:
    async with database(tmp_path, Sum):
        await Sum.objects.bulk_create([Sum(n=n) for n in (None, -3, 0, 1, 2)])
        part = Substr(Value("abcd"), F("n"), F("n"))
        found = await Sum.objects.annotate(x=part).order_by("pk").values_list("x", flat=True)
        assert found == [None, "", "", "a", "bc"]
        rest = Substr(Value("abcd"), F("n"))
        found = await Sum.objects.annotate(x=rest).order_by("pk").values_list("x", flat=True)
        assert found == [None, "abcd", "abcd", "abcd", "bcd"]


async def test_a_whole_number_out_of_range_is_an_error_when_it_is_computed(tmp_path: Path) -> None:
    async with database(tmp_path, Sum):
        await Sum.objects.create(big=2**40)
        with pytest.raises(DatabaseError, match="out of range"):
            await Sum.objects.annotate(x=F("big") * F("big")).values_list("x", flat=True)
        assert await Sum.objects.aggregate(x=Max(F("big") * 2**20)) == {"x": 2**60}


async def test_no_decimal_number_is_less_than_nothing_by_its_sign_only(tmp_path: Path) -> None:
    async with database(tmp_path, Sum):
        await Sum.objects.create(price=Decimal("-0.01"))
        found = await Sum.objects.annotate(x=F("price") / 10**9).values_list("x", flat=True)
        assert [str(x) for x in found] == ["0.000000"]
