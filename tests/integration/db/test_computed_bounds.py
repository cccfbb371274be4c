"""What a computation cannot give is NULL on every database, and what its type cannot hold is one error on every database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from openviper.db import Abs, Cast, Ceil, Concat, Floor, Mod, Power, Round, Value
from openviper.db.connection import atomic
from openviper.db.exceptions import DatabaseError
from openviper.db.fields import (
    BigIntegerField,
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    DurationField,
    FloatField,
    IntegerField,
)
from openviper.db.models import F, Max, Model, Sum
from openviper.exceptions import FieldError
from tests.integration.db.support import database

EVERY_DATABASE = True
BIG = 2**62
START = datetime(2024, 2, 29, 12, tzinfo=UTC)


class Measure(Model):
    _app_name = "computed"

    n = IntegerField(default=-2)
    big = BigIntegerField(default=BIG)
    ratio = FloatField(default=10.5)
    price = DecimalField(max_digits=10, decimal_places=2, default="99.50")
    text = CharField(max_length=20, default="abc")
    at = DateTimeField(default=START)
    any_ratio = FloatField(default=1.0, allow_inf=True)
    day = DateField(default=date(2024, 2, 29))
    span = DurationField(default=timedelta(days=1))


async def test_computations_at_their_bounds(vendor: str, tmp_path: Path) -> None:
    async with database(tmp_path, Measure):
        await Measure.objects.create()
        await where_there_is_no_such_value_it_is_null()
        await where_there_is_one_it_is_that()
        await what_its_type_does_not_hold_is_an_error()
        await a_constant_that_no_database_holds_is_refused()
        await infinity_is_no_error_where_a_column_may_hold_it(vendor)
        await rows_without_such_a_number_do_not_end_a_query_for_the_others()
        await a_failed_computation_does_not_end_a_transaction_in_silence(vendor)


async def computed(**values: Any) -> dict[str, Any]:
    return (await Measure.objects.annotate(**values).values(*values))[0]


async def where_there_is_no_such_value_it_is_null() -> None:
    assert set((await computed(
        root=Power("n", 0.5),
        root_of_decimal=Power(F("price") * -1, 0.5),
        zero=Power(F("n") * 0, -1),
        huge=Power("ratio", 1000),
        huge_decimal=Power("price", 1e300),
        quotient=F("n") / 0,
        rest=Mod("n", F("n") * 0),
        word=Cast("text", int),
        fraction_of_word=Cast("text", float),
        begun=Cast(Concat(Value("12"), "text"), int),
        empty=Cast(Value(""), float),
        late=F("at") + timedelta(days=3_000_000),
        late_day=F("day") + timedelta(days=4_000_000),
        early_day=F("day") - timedelta(days=740_000),
        early=F("at") - timedelta(days=740_000),
    )).values()) == {None}  # fmt: skip


async def where_there_is_one_it_is_that() -> None:
    values = await computed(
        cube=Power("n", 3),
        inverse=Power("n", -1),
        one=Power(F("n") * 0, 0),
        tiny=Power("ratio", -1000),
        whole=Cast(Value(" -12.75e0 "), int),
        number=Cast(Value(".5"), float),
        least=Cast(F("big") * -1 - BIG, int),
        last=F("day") + timedelta(days=(date.max - date(2024, 2, 29)).days),
        first=F("day") - timedelta(days=(date(2024, 2, 29) - date.min).days),
    )
    assert values == {
        "cube": -8.0,
        "inverse": -0.5,
        "one": 1.0,
        "tiny": 0.0,
        "whole": -12,
        "number": 0.5,
        "least": -(2**63),
        "last": date.max,
        "first": date.min,
    }


async def rows_without_such_a_number_do_not_end_a_query_for_the_others() -> None:
    good = await Measure.objects.create(n=4, text="7")
    assert await Measure.objects.annotate(x=Power("n", 0.5)).filter(x__gt=1) == [good]
    assert await Measure.objects.annotate(x=Cast("text", int)).filter(x__gt=1) == [good]


TOO_LARGE: list[Callable[[], Any]] = [
    lambda: F("big") * 4,
    lambda: F("big") + F("big"),
    lambda: Abs(F("big") * -2),
    lambda: F("ratio") * 1e308,
    lambda: F("ratio") / 1e-320,
    lambda: Floor(F("ratio") * 1e30),
    lambda: Ceil(F("ratio") * 1e30),
    lambda: Round(F("ratio") * 1e30),
    lambda: Cast(F("ratio") * -1e30, int),
    lambda: Cast(Value("1e30"), int),
    lambda: F("span") * 2**60,
]


async def what_its_type_does_not_hold_is_an_error() -> None:
    for make in TOO_LARGE:
        with pytest.raises(DatabaseError, match="out of (the )?range") as caught:
            await computed(x=make())
        assert "computed_measure" not in str(caught.value)


async def a_constant_that_no_database_holds_is_refused() -> None:
    for constant in (2**70, timedelta.max):
        column = "n" if isinstance(constant, int) else "at"
        with pytest.raises(FieldError, match="cannot be computed with"):
            await computed(x=F(column) + constant)


async def infinity_is_no_error_where_a_column_may_hold_it(vendor: str) -> None:
    if vendor == "mysql":  # It has none, so that the field is refused.
        return
    await Measure.objects.update(any_ratio=float("inf"))
    assert await computed(root=Power("any_ratio", 0.5)) == {"root": None}
    values = await computed(more=F("any_ratio") * 2)
    values |= await Measure.objects.aggregate(most=Max("any_ratio"), all=Sum("any_ratio"))
    assert set(values.values()) == {float("inf")}


async def a_failed_computation_does_not_end_a_transaction_in_silence(vendor: str) -> None:
    async def work() -> None:
        async with atomic():
            await Measure.objects.create(n=5)
            with pytest.raises(DatabaseError):
                await computed(x=F("big") * 4)

    if vendor == "postgresql":
        with pytest.raises(DatabaseError, match="nothing of the transaction was stored"):
            await work()
    else:
        await work()
    assert await Measure.objects.filter(n=5).count() == (vendor != "postgresql")
