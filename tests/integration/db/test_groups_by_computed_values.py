"""Groups by computed values, with conditions and orders; aggregates that are computed with, over slices too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from openviper.db import Case, Coalesce, Lower, Value, When
from openviper.db.fields import CharField, DecimalField, ForeignKey, IntegerField, JSONField
from openviper.db.models import Count, F, Max, Model, Q, Sum
from openviper.exceptions import FieldError
from tests.integration.db.support import database

EVERY_DATABASE = True


class Sale(Model):
    _app_name = "computed_groups"

    n = IntegerField(null=True)
    price = DecimalField(max_digits=9, decimal_places=2, null=True)
    name = CharField(max_length=10, null=True)
    data = JSONField(null=True)


class Note(Model):
    _app_name = "computed_groups"

    sale = ForeignKey(Sale, related_name="notes")


SALES: list[dict[str, Any]] = [
    {"n": 1, "price": D("0.10"), "name": "Anna", "data": {"k": 1}},
    {"n": 2, "price": D("2.00"), "name": "bert", "data": {"k": 2.0}},
    {},
    {"n": -3, "price": D("9.99"), "name": "carl", "data": "text"},
    {"n": 1, "price": D("0.20"), "name": "anna"},
]


@asynccontextmanager
async def sales(folder: Path) -> AsyncIterator[Any]:
    """Store sales and notes, and give the query for the number of sales by the rest of their n."""
    async with database(folder, Sale, Note):
        made = [await Sale.objects.create(**values) for values in SALES]
        for place in (0, 0, 1, 3):
            await Note.objects.create(sale=made[place])
        yield Sale.objects.annotate(y=F("n") % 2).values("y").annotate(c=Count("*"))


async def test_they_are_ordered(tmp_path: Path) -> None:
    async with sales(tmp_path) as by_rest:
        rows = [(None, 1), (-1, 1), (0, 1), (1, 2)]
        wanted = [{"y": y, "c": c} for y, c in rows]
        assert await by_rest.order_by("y") == wanted
        assert await by_rest.order_by(F("y") + 1, "c") == wanted
        assert await by_rest.order_by(F("y").desc(nulls_last=True)) == wanted[::-1]
        assert await by_rest.order_by("-c", "y")[:2] == [wanted[3], wanted[0]]
        assert await by_rest.order_by("y").first() == wanted[0]
        assert await by_rest.order_by(Count("*").desc(), "y").first() == wanted[3]


async def test_they_have_conditions(tmp_path: Path) -> None:
    async with sales(tmp_path) as by_rest:
        assert await by_rest.filter(y=1) == [{"y": 1, "c": 2}]
        either = by_rest.filter(Q(y=0) | Q(c__gt=1))
        assert await either.order_by("y") == [{"y": 0, "c": 1}, {"y": 1, "c": 2}]
        assert await either.count() == 2
        assert [row["y"] for row in await by_rest.exclude(y=1).order_by("y")] == [-1, 0]
        assert await by_rest.filter(c__lt=F("y") + 2, y__in=[0, 1]).order_by("y") == [
            {"y": 0, "c": 1},
            {"y": 1, "c": 2},
        ]
        assert await by_rest.filter(c__gt=Value(1)).order_by("y") == [{"y": 1, "c": 2}]


async def test_of_every_kind(tmp_path: Path) -> None:
    async with sales(tmp_path):
        filled = Sale.objects.annotate(y=Coalesce("n", Value(7)))
        assert await filled.values("y").annotate(m=Max("price")).order_by("y") == [
            {"y": -3, "m": D("9.99")},
            {"y": 1, "m": D("0.20")},
            {"y": 2, "m": D("2.00")},
            {"y": 7, "m": None},
        ]
        sign = Case(When(n__gt=0, then=Value("pos")), default=Value("neg"))
        by_sign = Sale.objects.annotate(y=sign).values("y").annotate(c=Count("*"))
        assert await by_sign.order_by("-y") == [{"y": "pos", "c": 3}, {"y": "neg", "c": 2}]
        low = Sale.objects.annotate(y=Lower("name")).values("y", "n").annotate(c=Count("*"))
        assert await low.filter(y__startswith="a", n=1).order_by("y") == [
            {"y": "anna", "n": 1, "c": 2}
        ]
        notes = Sale.objects.annotate(c=Count("notes")).values("c").annotate(k=Count("*"))
        assert await notes.order_by("c") == [
            {"c": 0, "k": 2},
            {"c": 1, "k": 2},
            {"c": 2, "k": 1},
        ]
        paths = Sale.objects.values("data__k").annotate(c=Count("*"))
        assert await paths.order_by("k") == [
            {"k": None, "c": 3},
            {"k": 1, "c": 1},
            {"k": 2.0, "c": 1},
        ]
        assert await paths.filter(k=2).order_by("k") == [{"k": 2.0, "c": 1}]
        tripled = Sale.objects.annotate(y=F("price") * 3).values("y")
        assert await tripled.annotate(s=Sum("price") * 2).filter(s__gt=1).order_by("y") == [
            {"y": D("6.00"), "s": D("4.00")},
            {"y": D("29.97"), "s": D("19.98")},
        ]


async def test_aggregates_are_computed_with_what_the_rows_have_in_common(tmp_path: Path) -> None:
    async with sales(tmp_path):
        rest = Sale.objects.annotate(y=F("n") % 2).values("y")
        assert await rest.annotate(c=Count("*") + F("y")).order_by("y") == [
            {"y": None, "c": None},
            {"y": -1, "c": 0},
            {"y": 0, "c": 1},
            {"y": 1, "c": 3},
        ]
        assert len(await rest.annotate(c=Count("*") + F("y"))) == 4
        plain = Sale.objects.values("n").annotate(c=Count("*") + F("n")).order_by("n")
        assert [row["c"] for row in await plain] == [None, -2, 3, 3]


async def test_a_value_of_single_rows_beside_an_aggregate_is_refused(tmp_path: Path) -> None:
    async with sales(tmp_path):
        for wrong in (
            Count("*") + F("price"),
            Case(When(price=1, then=Sum("n")), default=Value(0)),
        ):
            with pytest.raises(FieldError, match="'price' has a value per row"):
                await Sale.objects.aggregate(x=wrong)
            with pytest.raises(FieldError, match="'price' has a value per row"):
                Sale.objects.values("n").annotate(x=wrong)


async def test_an_aggregate_has_a_name_of_its_own(tmp_path: Path) -> None:
    async with sales(tmp_path):
        with pytest.raises(FieldError, match=r"annotate\(n=...\): the groups have 'n' already"):
            Sale.objects.values("n").annotate(n=Count("*"))
        other = Sale.objects.values("n").annotate(price=Sum("price")).filter(price__gt=1)
        assert await other.order_by("price") == [
            {"n": 2, "price": D("2.00")},
            {"n": -3, "price": D("9.99")},
        ]


async def test_aggregates_over_a_slice_are_computed_with(tmp_path: Path) -> None:
    async with sales(tmp_path):
        first = Sale.objects.order_by("pk")[:2]
        assert await first.aggregate(x=Sum("n") * 2, y=Sum(F("n") + 5) + 1) == {"x": 6, "y": 14}
        assert await Sale.objects.order_by("pk")[2:3].aggregate(x=Coalesce(Sum("n"), 7)) == {"x": 7}
        some = await Sale.objects.order_by("pk")[:4].aggregate(
            x=Count("pk", filter=Q(n=1)), y=Sum("n", filter=Q(n__gt=0)) + 1
        )
        assert some == {"x": 1, "y": 4}
        assert await Sale.objects.distinct().aggregate(x=Sum("n") * 2) == {"x": 2}
