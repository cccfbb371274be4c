"""Distinct rows in the order of computed values, and how deep values may be computed of others."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.db import Case, Lower, NullIf, Value, When, atomic
from openviper.db.fields import CharField, IntegerField
from openviper.db.models import F, Model
from openviper.exceptions import QueryError
from tests.integration.db.support import current, database

EVERY_DATABASE = True


class Leaf(Model):
    _app_name = "depth"

    title = CharField(max_length=20)
    pages = IntegerField(default=0)


@asynccontextmanager
async def leaves(folder: Path) -> AsyncIterator[None]:
    async with database(folder, Leaf):
        await Leaf.objects.bulk_create([Leaf(title=f"t{n}", pages=n) for n in range(9)])
        yield


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        ("rest", [None, 1, 2]),
        ("-rest", [2, 1, None]),
        (F("rest").asc(nulls_last=True), [1, 2, None]),
        (F("rest").desc(nulls_last=False), [None, 2, 1]),
    ],
)
async def test_distinct_rows_are_ordered_by_what_is_computed_of_values(
    tmp_path: Path, order: Any, wanted: list[int | None]
) -> None:
    async with leaves(tmp_path):
        rest = (
            Leaf.objects.annotate(rest=NullIf(F("pages") % 3, Value(0))).distinct().order_by(order)
        )
        assert await rest.values_list("rest", flat=True) == wanted
        assert await rest.values_list("rest", flat=True)[:2] == wanted[:2]
        found: list[Any] = await rest
        assert list(dict.fromkeys(leaf.rest for leaf in found)) == wanted
        assert len(found) == 9


@pytest.mark.parametrize("deep", [41, 500, 3000])
async def test_computed_values_have_a_depth(tmp_path: Path, deep: int) -> None:
    async with leaves(tmp_path):
        number: Any = F("pages")
        text: Any = F("title")
        choice: Any = Value(0)
        for step in range(deep):
            number, text = number + 1, Lower(text)
            choice = Case(When(pages=step, then=Value(step)), default=choice)
        asked: list[Callable[[], object]] = [
            lambda: Leaf.objects.annotate(x=number),
            lambda: Leaf.objects.annotate(x=text),
            lambda: Leaf.objects.annotate(x=choice),
            lambda: Leaf.objects.filter(pages__lt=number),
        ]
        for ask in asked:
            with pytest.raises(QueryError, match="computed values are nested more than 40 deep"):
                ask()
        with pytest.raises(QueryError, match="nested more than 40 deep"):
            await Leaf.objects.update(pages=number)
        assert await Leaf.objects.filter(pages__gt=8).count() == 0


HAS_FIXED_STACK = sqlite3.sqlite_version_info < (3, 46)
"""Whether the parser of this SQLite ends at a depth; later ones take memory for it as they go."""


@pytest.mark.parametrize("deep", [34, 38])
async def test_what_a_database_cannot_read_is_one_clear_error(tmp_path: Path, deep: int) -> None:
    async with leaves(tmp_path):
        text: Any = F("title")
        for _ in range(deep):
            text = Lower(text)
        query = Leaf.objects.filter(pages=0).annotate(x=text)
        if current.vendor == "sqlite" and HAS_FIXED_STACK:
            with pytest.raises(QueryError, match="nested deeper than SQLite can read"):
                await query
            async with atomic():
                with pytest.raises(QueryError, match="nested deeper than SQLite can read"):
                    await query.update(title=text)
                await Leaf.objects.filter(pages=1).update(title="on")
            assert await Leaf.objects.filter(title="on").count() == 1
        else:
            assert await query.values_list("x", flat=True) == ["t0"]


async def test_what_is_not_too_deep_is_computed(tmp_path: Path) -> None:
    async with leaves(tmp_path):
        number: Any = F("pages")
        for _ in range(38):
            number = number + 1
        (first,) = await Leaf.objects.filter(pages=0).annotate(x=number).values_list("x", flat=True)
        assert first == 38
        assert await Leaf.objects.filter(pages__lt=number).count() == 9
