"""What is used twice in a part that is used twice: an exclusive or, values of values, queries within queries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from openviper.db import Case, Greatest, Least, Lower, NullIf, Value, When
from openviper.db.fields import BooleanField, CharField, ForeignKey, IntegerField
from openviper.db.models import F, Model, Q
from openviper.db.sql.sizes import MAX_LEVELS, MAX_PARTS
from openviper.exceptions import QueryError
from tests.integration.db.support import database

EVERY_DATABASE = True
SIDES = (None, 0, 1)


class Coin(Model):
    _app_name = "doubling"

    a = IntegerField(null=True)
    b = IntegerField(null=True)
    c = IntegerField(null=True)
    ok = BooleanField(null=True)
    name = CharField(max_length=10, default="")


class Mint(Model):
    _app_name = "doubling"

    coin = ForeignKey(Coin, related_name="mints")
    city = CharField(max_length=10)


@asynccontextmanager
async def coins(folder: Path) -> AsyncIterator[list[Coin]]:
    """Store a coin for every combination of values, the missing one among them."""
    async with database(folder, Coin, Mint):
        every = [
            Coin(a=a, b=b, c=c, ok=None if a is None else bool(a))
            for a, b, c in product(SIDES, repeat=3)
        ]
        yield await Coin.objects.bulk_create(every)


def odd(*sides: int | None) -> bool | None:
    """Return whether an odd number of sides is 1, `None` if one is missing."""
    return None if None in sides else sum(side or 0 for side in sides) % 2 == 1


async def found(condition: Q) -> list[tuple[int | None, ...]]:
    rows = await Coin.objects.filter(condition).order_by("pk").values_list("a", "b", "c")
    return [tuple(row) for row in rows]


async def test_exclusive_or_holds_for_an_odd_number_of_conditions(tmp_path: Path) -> None:
    a, b, c = Q(a=1), Q(b=1), Q(c=1)
    async with coins(tmp_path):
        every = list(product(SIDES, repeat=3))
        assert await found(a ^ b) == [row for row in every if odd(*row[:2])]
        assert await found(a ^ b ^ c) == [row for row in every if odd(*row)]
        assert await found(a ^ (b ^ c)) == [row for row in every if odd(*row)]
        assert await found(~(a ^ b)) == [row for row in every if odd(*row[:2]) is False]
        assert await found(a ^ ~b) == [row for row in every if odd(*row[:2]) is False]
        assert await found(Q() ^ a) == await found(a ^ Q()) == await found(a)
        assert await found((a ^ b) & c) == [r for r in every if odd(*r[:2]) and r[2] == 1]
        assert await found(Q(a=1, b=1) ^ c) == [
            (x, y, z)
            for x, y, z in every
            if z is not None and (0 in (x, y) or (x, y) == (1, 1)) and odd(int(x == y == 1), z)
        ]
        assert await Coin.objects.exclude(a ^ b).count() == 2 * 3


async def test_exclusive_or_of_texts_patterns_and_truth_values(tmp_path: Path) -> None:
    async with coins(tmp_path):
        await Coin.objects.filter(a=1).update(name="Alba")
        both = Q(name__contains="lb") ^ Q(name__iregex="^a") ^ Q(ok=True)
        assert await found(both) == [row for row in product(SIDES, repeat=3) if row[0] == 1]
        is_null = Q(a__isnull=True) ^ Q(b__isnull=True)
        assert len(await found(is_null)) == 12
        assert await Coin.objects.filter(Q(a__in=[0, 1]) ^ Q(a__in=[])).count() == 18


async def test_exclusive_or_asks_for_each_relation_by_itself(tmp_path: Path) -> None:
    async with coins(tmp_path) as every:
        for coin, cities in zip(every, [["Bern", "Rom"], ["Bern"], ["Rom"]], strict=False):
            for city in cities:
                await Mint.objects.create(coin=coin, city=city)
        either = Coin.objects.filter(Q(mints__city="Bern") ^ Q(mints__city="Rom"))
        assert [coin.pk for coin in await either.order_by("pk")] == [every[1].pk, every[2].pk]


@pytest.mark.parametrize("number", [10, 300, 3000])
async def test_exclusive_or_grows_with_the_number_of_its_conditions(
    tmp_path: Path, number: int
) -> None:
    condition = Q()
    for _ in range(number + 1):
        condition ^= Q(a=1)
    async with coins(tmp_path):
        # An odd number of times the same.
        assert await Coin.objects.filter(condition).count() == 9
        sql = Coin.objects.filter(condition).raw_sql()
        assert len(sql) < 60 * number + 300


def annotated(steps: int, value: Callable[[Any], Any]) -> Any:
    """Return a query in which each value is computed of the one before it."""
    query = Coin.objects.annotate(x0=F("a") + 0)
    for step in range(steps):
        query = query.annotate(**{f"x{step + 1}": value(F(f"x{step}"))})
    return query


async def test_values_that_double_with_each_step_are_bounded(tmp_path: Path) -> None:
    async with coins(tmp_path):
        few = annotated(10, lambda x: x + x).filter(a=1).order_by("pk")
        assert (await few.values_list("x10", flat=True))[0] == 2**10
        with pytest.raises(QueryError, match=rf"annotate\(x\d+=.* more than {MAX_PARTS}"):
            annotated(60, lambda x: x + x)
        with pytest.raises(QueryError, match="doubles with each"):
            annotated(60, lambda x: Case(When(a=1, then=x), default=x))
        with pytest.raises(QueryError, match=rf"nested more than {MAX_LEVELS} deep"):
            annotated(500, lambda x: x + 1)
        assert await Coin.objects.count() == 27


async def test_an_expression_that_holds_another_twice_is_bounded(tmp_path: Path) -> None:
    value: Any = F("a")
    condition = Q(a=1)
    for _ in range(35):
        value = value + value
    for step in range(18):
        condition = (condition & Q(b=step)) | (condition & Q(c=step))
    query: Any = Coin.objects.all()
    for _ in range(30):
        query = Coin.objects.filter(Q(pk__in=query) | Q(a__in=query))
    # Without a bound each of these would take 2**30 steps.
    async with coins(tmp_path):
        asked: list[Callable[[], object]] = [
            lambda: Coin.objects.annotate(x=value),
            lambda: Coin.objects.filter(a=value),
            lambda: Coin.objects.order_by(value.asc()),
        ]
        for ask in asked:
            with pytest.raises(QueryError, match=f"more than {MAX_PARTS} values"):
                ask()
        with pytest.raises(QueryError, match="more than 100000 conditions"):
            Coin.objects.filter(condition)
        with pytest.raises(QueryError, match="more than 1000 queries"):
            await query


async def test_a_truth_value_as_a_number_is_written_once(tmp_path: Path) -> None:
    def truth(x: Any) -> Any:
        return F("ok") + x

    async with coins(tmp_path):
        query = annotated(12, truth).filter(a=1).order_by("pk")
        assert (await query.values_list("x12", flat=True))[0] == 13
        assert query.raw_sql().count("ok") < 12 * 14


@pytest.mark.parametrize("kind", [Greatest, Least])
async def test_the_greatest_of_the_greatest_is_that_of_all(tmp_path: Path, kind: Any) -> None:
    nested: Any = kind("a", "b")
    for number in range(30):
        nested = kind(nested, Value(number % 3)) if number % 2 else kind(Value(number % 3), nested)
    best = max if kind is Greatest else min
    async with coins(tmp_path):
        rows = await Coin.objects.annotate(x=nested).order_by("pk").values_list("a", "b", "x")
        for a, b, x in rows:
            assert x == (None if a is None or b is None else best(a, b, 0, 1, 2))


async def test_null_if_of_two_kinds_of_numbers_keeps_the_first(tmp_path: Path) -> None:
    nested: Any = "a"
    for number in (7.5, 1.0, 8.25):
        nested = NullIf(nested, number)
    async with coins(tmp_path):
        rows = await Coin.objects.annotate(x=nested).order_by("pk").values_list("a", "x")
        assert [x for _, x in rows] == [None if a == 1 else a for a, _ in rows]
        assert {type(x) for _, x in rows} == {int, type(None)}


async def test_a_statement_with_very_many_calls_says_so(tmp_path: Path) -> None:
    many = Q()
    for _ in range(20_001):
        many |= Q(name=Lower("name"))
    async with coins(tmp_path):
        with pytest.raises(
            QueryError, match=r"Lower\(\) would make a statement of more than 20000"
        ):
            await Coin.objects.filter(many)
