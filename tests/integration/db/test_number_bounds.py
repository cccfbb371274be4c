"""Limits that a column cannot hold compare as numbers: infinities, what is too great, fractions, numerals, NaN."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from openviper.db import Max, Min, Window
from openviper.db.exceptions import DatabaseError
from openviper.db.fields import (
    ArrayField,
    BooleanField,
    DecimalField,
    DurationField,
    FloatField,
    IntegerField,
    SmallIntegerField,
)
from openviper.db.models import F, Model
from tests.integration.db.support import database

EVERY_DATABASE = True
INFINITE = math.inf
NUMBERS: list[Any] = [
    INFINITE, -INFINITE, Decimal("Infinity"), 10**30, -(10**30), 10**400, -(10**400), Decimal("1e999"), Decimal("-1e-999"), 1.79e308,
    "4.5", "5.5", "1e400", "-1e400", 4.5, Decimal("5.5"),
]  # fmt: skip
NOT_A_NUMBER: list[Any] = [math.nan, Decimal("NaN"), Decimal("sNaN")]
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "exact": operator.eq,
    "ne": operator.ne,
}


class Measured(Model):
    _app_name = "bounds"

    whole = IntegerField(default=5)
    real = FloatField(default=5.0)
    price = DecimalField(max_digits=8, decimal_places=2, default=Decimal(5))
    span = DurationField(default=timedelta(hours=1))
    small = ArrayField(SmallIntegerField(), default=[1, 2])
    good = BooleanField(default=True)


async def holds(**lookups: Any) -> bool:
    """Return whether the one row is found; what is excluded is the opposite."""
    found = await Measured.objects.filter(**lookups).count()
    assert await Measured.objects.exclude(**lookups).count() == 1 - found, lookups
    return found == 1


def number(limit: Any) -> Any:
    return Decimal(limit) if isinstance(limit, str) else limit


@pytest.mark.parametrize("field", ["whole", "real", "price"])
async def test_every_number_is_compared_as_a_number(tmp_path: Path, field: str) -> None:
    async with database(tmp_path, Measured):
        await Measured.objects.create()
        for limit in NUMBERS:
            for word, compare in ORDERS.items():
                wanted = compare(Decimal(5), number(limit))
                assert await holds(**{f"{field}__{word}": limit}) is wanted, (word, limit)
            assert not await holds(**{f"{field}__in": [limit]})
            assert await holds(**{f"{field}__in": [limit, 5]})
        assert await holds(**{f"{field}__range": (-INFINITE, INFINITE)})
        for nothing in NOT_A_NUMBER:
            for word in ORDERS:
                assert await holds(**{f"{field}__{word}": nothing}) is (word == "ne"), (
                    word,
                    nothing,
                )


async def test_conditions_that_are_settled_hold_in_changes_too(tmp_path: Path) -> None:
    async with database(tmp_path, Measured):
        await Measured.objects.create()
        assert await Measured.objects.filter(real__gt=INFINITE).delete() == 0
        assert (
            await Measured.objects.filter(real__lt=INFINITE, whole__lt="1e30").update(whole=6) == 1
        )
        assert await Measured.objects.exclude(price__lt=INFINITE).delete() == 0
        assert await Measured.objects.count() == 1


async def test_durations_beyond_a_column(tmp_path: Path) -> None:
    async with database(tmp_path, Measured):
        await Measured.objects.create()
        assert await holds(span__lt=timedelta.max) and await holds(span__gt=timedelta.min)
        assert await holds(span__range=(timedelta.min, timedelta.max))
        assert await holds(span__ne=timedelta.max) and not await holds(span=timedelta.max)
        assert await holds(span__in=[timedelta.max, timedelta(hours=1)])
        assert not await holds(span__gte=timedelta.max)


async def test_lists_and_elements_that_a_column_cannot_hold(tmp_path: Path) -> None:
    async with database(tmp_path, Measured):
        await Measured.objects.create()
        assert not await holds(small=[2**40]) and await holds(small__ne=[2**20, 1])
        assert await holds(small__in=[[2**40], [1, 2]]) and not await holds(small__in=[[2**40]])
        assert not await holds(small__contains=2**40) and await holds(small__contains=2)


async def test_the_greatest_truth_value_is_one(tmp_path: Path) -> None:
    async with database(tmp_path, Measured):
        await Measured.objects.create()
        both = await Measured.objects.aggregate(most=Max("good"), least=Min("good"))
        assert both["most"] is True and both["least"] is True
        over = Measured.objects.annotate(most=Window(Max("good")))
        assert await over.values_list("most", flat=True) == [True]


async def test_a_computed_value_out_of_range_says_so(tmp_path: Path) -> None:
    async with database(tmp_path, Measured):
        await Measured.objects.create()
        with pytest.raises(DatabaseError, match="(?i)out of (the )?range"):
            await Measured.objects.update(whole=F("whole") + 2**40)
