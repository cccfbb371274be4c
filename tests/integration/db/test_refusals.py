"""What queries refuse, and that nothing is touched then."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.db.models import F, Q, Sum
from openviper.exceptions import FieldError, QueryError
from tests.integration.db.library import Book, library

EVERY_DATABASE = True


async def test_unknown_names_raise_before_anything_is_sent(tmp_path: Path) -> None:
    async with library(tmp_path):
        book = await Book.objects.get(pk=1)
        for wrong in (
            lambda: Book.objects.filter(nope=1),
            lambda: Book.objects.filter(Q(nope=1)),
            lambda: Book.objects.filter(Q(copies=1) | ~Q(Q(nope=1))),
            lambda: Book.objects.filter(copies__nope=1),
            lambda: Book.objects.filter(copies__exact__nope=1),
            lambda: Book.objects.filter(author__nope=1),
            lambda: Book.objects.filter(author__name__nope=1),
            lambda: Book.objects.filter(copies__year=1),
            lambda: Book.objects.exclude(nope=1),
            lambda: Book.objects.order_by("nope"),
            lambda: Book.objects.order_by("-author__nope"),
            lambda: Book.objects.order_by("copies__gt"),
            lambda: Book.objects.only("nope"),
            lambda: Book.objects.defer("nope"),
            lambda: Book.objects.values("nope"),
            lambda: Book.objects.values_list("author__nope"),
            lambda: Book.objects.select_related("nope"),
            lambda: Book.objects.select_related("title"),
            lambda: Book.objects.select_related("author__name"),
        ):
            with pytest.raises(FieldError):
                wrong()
        for pending in (
            Book.objects.get(nope=1),
            Book.objects.all().update(nope=1),
            Book.objects.all().update(copies=F("nope")),
            Book.objects.all().update(copies=F("author__name")),
            Book.objects.in_bulk([1], field_name="nope"),
            Book.objects.aggregate(n=Sum("nope")),
            Book.objects.aggregate(n=5),  # type: ignore[arg-type]  # what is under test
            Book.objects.get_or_create(nope=1),
            Book.objects.get_or_create({"nope": 1}, title="new"),
            Book.objects.update_or_create({"nope": 1}, title="Alpha"),
            Book.objects.bulk_update([book], ["nope"]),
        ):
            with pytest.raises(FieldError):
                await pending
        assert await Book.objects.filter(title="new").count() == 0


async def test_update_and_delete_refuse_what_cannot_be_converted(tmp_path: Path) -> None:
    async with library(tmp_path):
        for pending in (
            Book.objects.filter(copies="many").update(title="x"),
            Book.objects.filter(copies__in=[1, "many"]).delete(),
            Book.objects.filter(Q(copies="many") | Q(copies=1)).delete(),
            Book.objects.exclude(printed="never").delete(),
            Book.objects.all().update(copies="many"),
        ):
            with pytest.raises(FieldError):
                await pending
        assert await Book.objects.filter(title="x").count() == 0
        assert await Book.objects.count() == 5


async def test_sliced_and_distinct_queries_cannot_be_written(tmp_path: Path) -> None:
    async with library(tmp_path):
        for query in (Book.objects.limit(2), Book.objects.offset(1), Book.objects.distinct()):
            with pytest.raises(QueryError):
                await query.update(copies=0)
        with pytest.raises(QueryError):
            await Book.objects.distinct().delete()
        assert await Book.objects.filter(copies__gt=0).count() == 5


async def test_instances_stand_for_their_keys(tmp_path: Path) -> None:
    async with library(tmp_path):
        first, second = await Book.objects.order_by("pk").limit(2)
        assert await Book.objects.filter(pk__in=[first, second]).count() == 2
        assert await Book.objects.filter(author__in=[await first.author]).count() == 3


async def test_wrong_shapes_of_values_are_query_errors(tmp_path: Path) -> None:
    async with library(tmp_path):
        for lookups in (
            {"copies__in": 5},
            {"title__in": "abc"},
            {"copies__range": [1]},
            {"copies__isnull": "yes"},
        ):
            with pytest.raises(QueryError):
                await Book.objects.filter(**lookups)
        with pytest.raises(FieldError):
            await Book.objects.filter(title__regex="(")
        with pytest.raises(ValueError):
            Book.objects.limit(-1)
        with pytest.raises(ValueError):
            Book.objects.values_list("title", "copies", flat=True)
