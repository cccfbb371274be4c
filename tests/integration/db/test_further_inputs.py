"""Each finding of the page about promises with another input of its kind than those of its own test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from openviper.db import Avg, Concat, Lower, Sum, Value
from openviper.db.connection import atomic
from openviper.db.fields import (
    ArrayField,
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    ForeignKey,
    IntegerField,
    JSONField,
    SmallIntegerField,
)
from openviper.db.models import F, Model, Q
from openviper.exceptions import FieldError, QueryError
from tests.integration.db.support import database

EVERY_DATABASE = True
START = datetime(2024, 2, 29, 12, tzinfo=UTC)


class Shelf(Model):
    _app_name = "further"

    code = CharField(max_length=10, primary_key=True)


class Item(Model):
    _app_name = "further"

    name = CharField(max_length=40)
    part = CharField(max_length=40, default="")
    n = IntegerField(default=0)
    small = SmallIntegerField(default=0)
    price = DecimalField(max_digits=10, decimal_places=3, default="0")
    day = DateField(null=True)
    at = DateTimeField(null=True)
    data = JSONField(null=True)
    sizes = ArrayField(SmallIntegerField(), null=True)
    shelf = ForeignKey(Shelf, null=True, related_name="items")


class Pair(Model):
    _app_name = "further"

    left = IntegerField()
    right = IntegerField()
    hits = IntegerField(default=0)

    class Meta:
        """The options."""

        unique_together = (("left", "right"),)


Check = Callable[[], Awaitable[None]]
CHECKS: list[Check] = []
"""What is tried, in tables that are made once: on servers, making them takes longer than all the rest."""


def check(function: Check) -> Check:
    """Have a function called by the test."""
    CHECKS.append(function)
    return function


async def test_each_finding_with_another_input(vendor: str, tmp_path: Path) -> None:
    async with database(tmp_path, Shelf, Item, Pair):
        for function in CHECKS:
            await function()
            for model in (Item, Shelf, Pair):
                await model.objects.all().delete()


async def names(query: Any) -> list[str]:
    found: list[str] = await query.order_by("name").values_list("name", flat=True)
    return found


@check
async def f1_computed_operands_of_lookups_are_not_texts() -> None:
    await Item.objects.bulk_create([
        Item(name="50%_off", part="%_", n=3, small=2, day=date(2024, 1, 1)),
        Item(name="Plain", part="AIN", n=9, small=1, day=date(2024, 5, 5)),
    ])  # fmt: skip
    assert await names(Item.objects.filter(name__contains=F("part"))) == ["50%_off"]
    assert await names(Item.objects.filter(name__icontains=Lower("part"))) == ["50%_off", "Plain"]
    assert await names(Item.objects.filter(name__endswith=Concat(Value("l"), Lower("part")))) == [
        "Plain"
    ]
    assert await names(Item.objects.filter(n__in=[F("small") + 1, 100])) == ["50%_off"]
    assert await Item.objects.exclude(n__range=(F("small"), F("small") + 8)).delete() == 0


@check
async def f2_what_a_cancelled_or_nested_rollback_took_back_is_stored_again() -> None:
    item = await Item.objects.create(name="a")
    new = Item(name="b")
    async with atomic():
        with pytest.raises(ZeroDivisionError):
            async with atomic():
                item.n = 5
                await item.save(update_fields=["n"])
                await Item.objects.bulk_create([new])
                await item.refresh_from_db()
                raise ZeroDivisionError
        assert (item.n, new.pk) == (5, None)
        await item.save()
        await new.save()
    assert await names(Item.objects.filter(Q(n=5) | Q(name="b"))) == ["a", "b"]


@check
async def f3_arithmetic_of_other_kinds_is_refused() -> None:
    item = await Item.objects.create(name="7", day=date(2024, 1, 1), at=START, data={"a": 1})
    refused: list[Any] = [
        {"day": F("day") * 2}, {"at": F("at") + F("n")}, {"name": F("name") + 1},
        {"n": F("name")}, {"data": F("data") + 1}, {"sizes": F("sizes") + 1}, {"n": F("day")},
        {"day": F("at")}, {"name": F("n")}, {"at": F("at") - F("at")},
    ]  # fmt: skip
    for values in refused:
        with pytest.raises((FieldError, QueryError)):
            await Item.objects.update(**values)
    for aggregate in (Sum("at"), Avg("name"), Sum("data"), Avg(F("day"))):
        with pytest.raises((FieldError, QueryError)):
            await Item.objects.aggregate(x=aggregate)
    await item.refresh_from_db()
    assert (item.name, item.n, item.day, item.at) == ("7", 0, date(2024, 1, 1), START)
    moved = await Item.objects.annotate(x=F("at") - timedelta(hours=13)).values_list("x", flat=True)
    assert moved == [START - timedelta(hours=13)]


@check
async def f4_f23_long_lists_of_texts_and_json_and_keys() -> None:
    codes = [f"c{number}" for number in range(300)]
    await Shelf.objects.bulk_create([Shelf(code=code) for code in codes])
    await Item.objects.bulk_create([Item(name=code, shelf_id=code, data=[code]) for code in codes])
    assert await Item.objects.filter(data__in=[[code] for code in codes]).count() == 300
    assert await Item.objects.exclude(shelf__in=codes[1:]).count() == 1
    shelves = await Shelf.objects.prefetch_related("items")
    read: list[Any] = [await getattr(shelf, "items") for shelf in shelves]  # noqa: B009
    assert {len(items) for items in read} == {1}
    assert await Item.objects.filter(shelf__code__in=codes[:250]).update(n=1) == 250


@check
async def f5_decimals_keep_their_places() -> None:
    item = await Item.objects.create(name="a", price=Decimal("2.000"), n=3)
    await Item.objects.update(price=F("price") / F("n"))
    await item.refresh_from_db()
    assert item.price == Decimal("0.667")
    assert await Item.objects.filter(price=item.price).count() == 1
    await Item.objects.update(price=Decimal("1.0005"))
    assert await Item.objects.filter(price=Decimal("1.001")).count() == 1
    value = (await Item.objects.annotate(x=F("price") * 7).values_list("x", flat=True))[0]
    assert value == Decimal("7.007")
    assert await Item.objects.annotate(x=F("price") * 7).filter(x=value).count() == 1


@check
async def f6_f22_everyone_in_a_race_for_a_pair_gets_its_row() -> None:
    async def hit(number: int) -> None:
        async with atomic():
            pair, _ = await Pair.objects.get_or_create(left=1, right=2)
            await Pair.objects.filter(pk=pair.pk).update(hits=F("hits") + 1)

    async def put(number: int) -> None:
        await Pair.objects.update_or_create({"hits": number}, left=2, right=2)

    await asyncio.gather(*map(hit, range(6)))
    assert await Pair.objects.values_list("left", "right", "hits") == [(1, 2, 6)]
    await asyncio.gather(*map(put, range(6)))
    assert await Pair.objects.count() == 2


@check
async def f7_three_columns_go_round() -> None:
    pair = await Pair.objects.create(left=1, right=2, hits=3)
    await Pair.objects.update(left=F("right"), right=F("hits"), hits=F("left") + F("right"))
    await pair.refresh_from_db()
    assert (pair.left, pair.right, pair.hits) == (2, 3, 3)


@check
async def f8_many_negated_and_mixed_conditions() -> None:
    await Item.objects.create(name="a", n=7)
    every, some = Q(), Q()
    for number in range(400):
        every &= ~Q(n=number + 10)
        some |= Q(n=number, name="a")
    assert await Item.objects.filter(every, some).count() == 1


@check
async def f9_types_do_not_depend_on_what_came_before() -> None:
    await Item.objects.create(name="a", n=2)
    for _ in "ab":
        for factor in (2, Decimal("2.5"), 2.5, True):
            value = (await Item.objects.annotate(x=F("n") * factor).values_list("x", flat=True))[0]
            assert type(value) is (int if factor is True else type(factor))


@check
async def f11_f12_slices_and_distinct_values() -> None:
    await Item.objects.bulk_create([Item(name=name, n=n) for n, name in enumerate("abcd")])
    first = Item.objects.order_by("-n")[1:3]
    assert await names(Item.objects.filter(pk__in=first)) == ["b", "c"]
    assert await names(Item.objects.exclude(name__in=first.values("name"))) == ["a", "d"]
    assert await Item.objects.order_by("n").limit(3).delete() == 3
    with pytest.raises(QueryError):
        await Item.objects.distinct().order_by("n").values_list("name", flat=True)


@check
async def f13_case_is_folded_alike() -> None:
    await Item.objects.bulk_create([Item(name=name) for name in ("STRASSE", "Σίγμα", "naïve", "i")])
    found = {}
    for wanted in ("straße", "σίΓΜΑ", "NAÏVE", "naive", "ı", "İ", "I"):
        found[wanted] = await names(Item.objects.filter(name__iexact=wanted))
    assert found == {
        "straße": [], "σίΓΜΑ": ["Σίγμα"], "NAÏVE": ["naïve"], "naive": [], "ı": [], "İ": [], "I": ["i"],
    }  # fmt: skip


@check
async def f14_f15_numbers_beyond_a_column_and_iterators() -> None:
    await Item.objects.create(name="a", small=1)
    for lookups in (
        {"small__gt": Decimal("0.99")}, {"small__lt": 10**25}, {"small__range": (-(10**25), 1.5)},
        {"small__gte": float("-inf")}, {"small__in": iter([1, 10**9])}, {"small__ne": 0.5},
    ):  # fmt: skip
        query = Item.objects.filter(**lookups)
        assert [await query.count(), len(await query), await query.count()] == [1, 1, 1], lookups


@check
async def f16_f17_arrays_and_json_have_a_value_and_no_order() -> None:
    await Item.objects.create(name="a", sizes=[1, 2], data={"b": [1.0, {"c": None}], "a": 1})
    assert await Item.objects.filter(sizes__in=[[2, 1], [1, 2]]).count() == 1
    assert await Item.objects.filter(sizes__ne=[1, 2]).count() == 0
    assert await Item.objects.filter(data={"a": 1.0, "b": [1, {"c": None}]}).count() == 1
    assert await Item.objects.filter(data__contains={"b": [{"c": None}]}).count() == 1
    for lookup in ("data__lt", "data__range", "data__startswith", "sizes__gte", "sizes__icontains"):
        with pytest.raises((FieldError, QueryError)):
            await Item.objects.filter(**dict[str, Any]({lookup: "a"})).count()
    with pytest.raises((FieldError, ValueError)):
        await Item.objects.create(name="b", data={"x": float("inf")})


@check
async def f20_f21_huge_pages_and_wrong_operands() -> None:
    shelf = await Shelf.objects.create(code="s")
    await Item.objects.create(name="a", shelf=shelf)
    assert await Item.objects.offset(2**64) == []
    assert await Item.objects.limit(2**64).count() == 1
    assert (await Item.objects.paginate(10**30)).items == []
    wrong: list[Any] = [
        Item(name="x"),
        Shelf(code="u"),
        Shelf.objects.all().values("code", "pk"),
        [Item(name="x")],
    ]
    for operand in wrong[:1] + wrong[2:3]:
        with pytest.raises((FieldError, QueryError, ValueError)):
            await Item.objects.filter(shelf=operand).count()
    with pytest.raises((FieldError, QueryError, ValueError)):
        await Item.objects.filter(shelf__in=wrong[3]).count()
    with pytest.raises(TypeError, match="await"):
        bool(Item.objects.filter(name="a"))
    with pytest.raises(QueryError):
        await Item.objects.limit(1).exclude(name="a")
