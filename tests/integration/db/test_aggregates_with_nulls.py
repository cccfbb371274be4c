"""Aggregates that have NULLs in their result, and aggregates of the row itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from openviper.db import (
    ArrayAgg,
    Avg,
    BooleanField,
    CharField,
    CumeDist,
    F,
    ForeignKey,
    IntegerField,
    JSONAgg,
    Model,
    PercentRank,
    Q,
    StdDev,
    Sum,
    Variance,
    Window,
)
from tests.integration.db.support import current, database

EVERY_DATABASE = True


class Mark(Model):
    _app_name = "aggregates_with_nulls"

    n = IntegerField(null=True)
    good = BooleanField(null=True)
    text = CharField(max_length=9, null=True)
    above = ForeignKey("self", null=True, related_name="below")


@asynccontextmanager
async def marks(tmp_path: Path) -> AsyncIterator[None]:
    async with database(tmp_path, Mark):
        first = await Mark.objects.create(n=3, good=True, text='a"\\é')
        await Mark.objects.create(n=4, good=False, above=first)
        await Mark.objects.create(n=None, good=False, text="c", above=first)
        await Mark.objects.create(n=6, good=False, text="d")
        yield


async def test_rows_that_do_not_count_are_no_members(tmp_path: Path) -> None:
    async with marks(tmp_path):
        false = Q(good=False)
        found = await Mark.objects.aggregate(
            n=JSONAgg("n", filter=false),
            text=JSONAgg("text", filter=~Q(n=6)),
            no=JSONAgg("n", filter=Q(n=9)),
        )
        assert sorted(found["n"], key=str) == [4, 6, None]
        assert sorted(found["text"], key=str) == ['a"\\é', "c"] or found["text"].count(None) == 1
        assert found["no"] is None
        groups = (
            await Mark.objects.values("good")
            .annotate(x=JSONAgg("n", filter=Q(n__gt=3)))
            .order_by("good")
        )
        assert [sorted(group["x"] or []) for group in groups] == [[4, 6], []]
        assert await Mark.objects.filter(n=9).aggregate(x=JSONAgg("n")) == {"x": None}
        if current.vendor == "postgresql":
            found = await Mark.objects.aggregate(x=ArrayAgg("n", filter=Q(n__gt=3)))
            assert sorted(found["x"]) == [4, 6]


async def test_rows_without_related_ones(tmp_path: Path) -> None:
    async with marks(tmp_path):
        query = Mark.objects.annotate(x=JSONAgg("below__n")).order_by("pk")
        found = await query.values_list("x", flat=True)
        assert sorted(found[0], key=str) == [4, None]
        assert found[1:] == [None, None, None]


async def test_of_the_row_itself(tmp_path: Path) -> None:
    async with marks(tmp_path):
        for aggregate, wanted in (
            (JSONAgg("n"), [[3], [4], [None], [6]]),
            (JSONAgg("n", filter=Q(n__gt=3)), [None, [4], None, [6]]),
            (StdDev("n"), [0.0, 0.0, None, 0.0]),
            (Variance("n", sample=True), [None] * 4),
            (Sum("good"), [1, 0, 0, 0]),
            (Avg("good"), [1.0, 0.0, 0.0, 0.0]),
        ):
            query = Mark.objects.annotate(x=aggregate).order_by("pk")
            assert await query.values_list("x", flat=True) == wanted, aggregate
        halves = Mark.objects.annotate(x=Avg("n")).annotate(y=F("x") / 2).order_by("pk")
        assert await halves.values_list("y", flat=True) == [1.5, 2.0, None, 3.0]
        assert await Mark.objects.annotate(x=Sum("good")).filter(x=1).count() == 1
        assert await Mark.objects.annotate(x=StdDev("n", sample=True)).filter(x=1).count() == 0


async def test_shares_of_rows_have_all_digits(tmp_path: Path) -> None:
    async with marks(tmp_path):
        found = await (
            Mark.objects.annotate(
                rank=Window(PercentRank(), order_by="pk"), share=Window(CumeDist(), order_by="pk")
            )
            .order_by("pk")
            .values_list("rank", "share")
        )
        assert found[1] == (pytest.approx(1 / 3, abs=1e-15), 0.5)
