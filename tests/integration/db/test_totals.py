"""Sums, averages and spreads are what Python works out, or one error where their type does not hold them, on every database."""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from openviper.db import StdDev, Variance, Window
from openviper.db.exceptions import OUT_OF_RANGE, DatabaseError
from openviper.db.fields import (
    BigIntegerField,
    DurationField,
    FloatField,
    ForeignKey,
    IntegerField,
)
from openviper.db.models import Avg, F, Model, Sum
from openviper.db.query.queryset import QuerySet
from tests.integration.db.support import database

EVERY_DATABASE = True
GREATEST = 2**63 - 1
REFUSED = "out of range"
WHOLE = [
    GREATEST,
    -GREATEST - 1,
    GREATEST - 7,
    2**62,
    -(2**62),
    2**32,
    -(2**32),
    5,
    -1,
    0,
    2**31 - 1,
]
FLOATS = [1.7e308, -1.7e308, 9e307, 1e200, -1e200, 1e150, 3.5, -2.25, 0.0]


class Series(Model):
    _app_name = "totals"

    number = IntegerField()


class Item(Model):
    _app_name = "totals"

    series = ForeignKey(Series, related_name="items")
    whole = BigIntegerField(null=True)
    small = IntegerField(default=2**31 - 1)
    ratio = FloatField(null=True)
    span = DurationField(null=True)


def _series() -> list[tuple[list[int | None], list[float | None]]]:
    chance = random.Random(13)
    made: list[tuple[list[int | None], list[float | None]]] = [([], []), ([None], [None])]
    for number in range(60):
        size = 1 + number % 5
        made.append(
            (
                [chance.choice([*WHOLE, None, chance.randint(-9, 9)]) for _ in range(size)],
                [chance.choice([*FLOATS, None, chance.random()]) for _ in range(size)],
            )
        )
    return made


SERIES = _series()


def in_range(number: int) -> object:
    return number if -GREATEST - 1 <= number <= GREATEST else REFUSED


def whole_sum(numbers: Sequence[int | None], distinct: bool = False) -> object:
    given = [number for number in numbers if number is not None]
    return in_range(sum(set(given) if distinct else given)) if given else None


def added_up(numbers: Sequence[float | None]) -> object:
    """Return the sum as it is added up, one after the other."""
    given = [number for number in numbers if number is not None]
    total = 0.0
    for number in given:
        total += number
        if math.isinf(total):
            return REFUSED
    return total if given else None


def spread(numbers: Sequence[float | None]) -> object:
    given = [number for number in numbers if number is not None]
    if not given or added_up(given) is REFUSED:
        return REFUSED if given else None
    mean = squares = 0.0
    for count, number in enumerate(given, 1):
        distance = number - mean
        mean += distance / count
        squares += distance * (number - mean)
    return squares / len(given) if math.isfinite(squares) else REFUSED


def agrees(value: object, expected: object, numbers: Sequence[float | None] = ()) -> bool:
    """Return whether a value is the expected one, as far as floating-point numbers of this size go."""
    if not isinstance(expected, float) or not isinstance(value, float):
        return value == expected
    size = max([abs(number) for number in numbers if number is not None], default=0.0)
    return math.isclose(value, expected, rel_tol=1e-9, abs_tol=size * 1e-9)


async def outcome(result: Awaitable[Any]) -> object:
    """Return a result, or that it is refused as out of range."""
    try:
        return await result
    except DatabaseError as error:
        assert str(error).startswith(OUT_OF_RANGE), str(error)
        return REFUSED


async def value_of(query: QuerySet[Item], aggregate: Any) -> object:
    found = await outcome(query.aggregate(x=aggregate))
    return found["x"] if isinstance(found, dict) else found


async def stored() -> None:
    numbers = [Series(number=number) for number in range(len(SERIES))]
    await Series.objects.bulk_create(numbers)
    await Item.objects.bulk_create(
        [
            Item(series=series, whole=whole, ratio=ratio)
            for series, (wholes, ratios) in zip(numbers, SERIES, strict=True)
            for whole, ratio in zip(wholes, ratios, strict=True)
        ]
    )


async def test_totals_of_random_series(vendor: str, tmp_path: Path) -> None:
    async with database(tmp_path, Series, Item):
        await stored()
        refused = 0
        for number, (wholes, ratios) in enumerate(SERIES):
            query = Item.objects.filter(series__number=number).order_by("id")
            assert await value_of(query, Sum("whole")) == whole_sum(wholes), wholes
            distinct = await value_of(query, Sum("whole", distinct=True))
            assert distinct == whole_sum(wholes, distinct=True), wholes
            total = added_up(ratios)
            refused += total is REFUSED
            assert agrees(await value_of(query, Sum("ratio")), total, ratios), ratios
            count = sum(ratio is not None for ratio in ratios)
            mean = total / count if isinstance(total, float) else total
            assert agrees(await value_of(query, Avg("ratio")), mean, ratios), ratios
            await spreads_agree(query, ratios)
        assert 5 < refused < len(SERIES) - 5


async def spreads_agree(query: QuerySet[Item], ratios: Sequence[float | None]) -> None:
    expected = spread(ratios)
    size = max([abs(ratio) for ratio in ratios if ratio is not None], default=0.0)
    variance = await value_of(query, Variance("ratio"))
    deviation = await value_of(query, StdDev("ratio"))
    if isinstance(expected, float):
        assert isinstance(variance, float) and isinstance(deviation, float), ratios
        assert math.isclose(variance, expected, rel_tol=1e-6, abs_tol=size * size * 1e-9), ratios
        assert math.isclose(deviation, math.sqrt(expected), rel_tol=1e-6, abs_tol=size * 1e-6)
    else:
        assert (variance, deviation) == (expected, expected), ratios


def _in_groups(sum_of: Any) -> Awaitable[Any]:
    return Item.objects.values("series").annotate(x=sum_of).order_by("series")


USES: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "aggregate": lambda total: Item.objects.aggregate(x=total),
    "more": lambda total: Item.objects.aggregate(x=total + total),
    "groups": _in_groups,
    "order": lambda total: Item.objects.values("series").annotate(x=total).order_by("-x"),
    "window": lambda total: Item.objects.annotate(x=Window(total)).values_list("x", flat=True),
    "running": lambda total: Item.objects.annotate(x=Window(total, order_by="id")).values("x"),
}


async def test_every_use_of_a_sum_that_is_too_great_is_refused(vendor: str, tmp_path: Path) -> None:
    async with database(tmp_path, Series, Item):
        series = await Series.objects.create(number=0)
        long = timedelta(days=100_000_000)
        await Item.objects.bulk_create(
            [Item(series=series, whole=GREATEST, ratio=1.7e308, span=long) for _ in range(2)]
        )
        for use in ("aggregate", "more", "groups", "order", "window", "running"):
            for field in ("whole", "ratio", "span"):
                assert await outcome(USES[use](Sum(field))) is REFUSED, (use, field)
        for sum_of in (Sum(F("whole") * 2), Sum(F("whole") + 1), Sum(F("ratio") * 10)):
            assert await outcome(Item.objects.aggregate(x=sum_of)) is REFUSED
        assert await outcome(Item.objects.aggregate(x=Sum("small") * Sum("small"))) is REFUSED
        related = Series.objects.annotate(x=Sum("items__whole"))
        assert await outcome(related.values("x")) is REFUSED
        assert await outcome(related.filter(x__gt=0)) is REFUSED
        assert (
            await outcome(Series.objects.annotate(x=Sum("items__ratio")).filter(x__gt=0)) is REFUSED
        )


async def test_what_is_too_great_on_the_way_only_is_added_up(vendor: str, tmp_path: Path) -> None:
    numbers = [GREATEST, GREATEST, GREATEST, -GREATEST - 1, -GREATEST - 1, -GREATEST, 12]
    async with database(tmp_path, Series, Item):
        series = await Series.objects.create(number=0)
        await Item.objects.bulk_create([Item(series=series, whole=one) for one in numbers])
        total = sum(numbers)
        assert await Item.objects.aggregate(x=Sum("whole")) == {"x": total}
        assert await Item.objects.aggregate(x=Sum("whole") * 2) == {"x": total * 2}
        assert await Item.objects.aggregate(x=Sum("small")) == {"x": 7 * (2**31 - 1)}
        assert await _in_groups(Sum("whole")) == [{"series": series.pk, "x": total}]
        windows = Item.objects.annotate(x=Window(Sum("whole"))).values_list("x", flat=True)
        assert await windows == [total] * len(numbers)
        chosen = Series.objects.annotate(x=Sum("items__whole")).filter(x=total)
        assert [one.pk for one in await chosen] == [series.pk]
        kept = Sum("whole", filter=Item.whole != 12)
        assert await Item.objects.aggregate(x=kept) == {"x": total - 12}
