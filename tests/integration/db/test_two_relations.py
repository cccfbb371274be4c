"""Aggregates over two relations to many rows in one query: each has its own rows, none multiplies the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.db.fields import CharField, ForeignKey, IntegerField, ManyToManyField
from openviper.db.models import Avg, Count, F, Max, Model, Q, Sum
from openviper.exceptions import FieldError, QueryError
from tests.integration.db.support import database

EVERY_DATABASE = True


class Label(Model):
    _app_name = "twice"

    name = CharField(max_length=10)
    weight = IntegerField()


class Parcel(Model):
    _app_name = "twice"

    name = CharField(max_length=10)
    labels = ManyToManyField(Label, related_name="parcels")


class Stop(Model):
    _app_name = "twice"

    parcel = ForeignKey(Parcel, related_name="stops")
    minutes = IntegerField()


class Note(Model):
    _app_name = "twice"

    parcel = ForeignKey(Parcel, related_name="notes")
    stars = IntegerField(null=True)


@asynccontextmanager
async def parcels(folder: Path) -> AsyncIterator[None]:
    """A parcel with 2 labels, 3 stops and 4 notes, one with a label alone, and one with nothing."""
    async with database(folder, Label, Parcel, Stop, Note):
        full, light, empty = [await Parcel.objects.create(name=name) for name in ("a", "b", "c")]
        glass, heavy = [await Label.objects.create(name=f"l{n}", weight=n) for n in (10, 100)]
        await full.labels.add(glass, heavy)
        await light.labels.add(glass)
        await Stop.objects.bulk_create([Stop(parcel=full, minutes=n) for n in (1, 1, 5)])
        await Note.objects.bulk_create([Note(parcel=full, stars=n) for n in (2, 2, None, 4)])
        assert empty.pk is not None
        yield


async def of_each(**values: Any) -> list[tuple[Any, ...]]:
    """Return computed values per parcel, in the order of their names."""
    query = Parcel.objects.annotate(**values).order_by("name")
    return list(await query.values_list(*values))


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (
            {"stops_n": Count("stops"), "notes_n": Count("notes"), "labels_n": Count("labels")},
            [(3, 4, 2), (0, 0, 1), (0, 0, 0)],
        ),
        (
            {"minutes": Sum("stops__minutes"), "stars": Sum("notes__stars")},
            [(7, 8), (None, None), (None, None)],
        ),
        (
            {"minutes": Sum("stops__minutes"), "weight": Sum("labels__weight")},
            [(7, 110), (None, 10), (None, None)],
        ),
        (
            {"kinds": Count("stops__minutes", distinct=True), "rated": Count("notes__stars")},
            [(2, 3), (0, 0), (0, 0)],
        ),
        (
            {"once": Sum("stops__minutes", distinct=True), "most": Max("labels__weight")},
            [(6, 100), (None, 10), (None, None)],
        ),
        (
            {"long": Count("stops", filter=Q(stops__minutes__gt=1)), "mean": Avg("labels__weight")},
            [(1, 55.0), (0, 10.0), (0, None)],
        ),
    ],
)
async def test_each_relation_is_added_up_on_its_own(
    tmp_path: Path, values: dict[str, Any], wanted: list[tuple[Any, ...]]
) -> None:
    async with parcels(tmp_path):
        assert await of_each(**values) == wanted


async def test_sums_of_two_relations_are_combined_filtered_and_ordered_by(tmp_path: Path) -> None:
    async with parcels(tmp_path):
        query = Parcel.objects.annotate(stops_n=Count("stops"), labels_n=Count("labels"))
        both = query.annotate(both=F("stops_n") + F("labels_n")).order_by("-both")
        assert await both.values_list("name", "both") == [("a", 5), ("b", 1), ("c", 0)]
        kept = query.filter(stops_n=0, labels_n=1)
        assert await kept.values_list("name", flat=True) == ["b"]
        # Rows chosen by one relation are counted along another.
        chosen = Parcel.objects.filter(labels__weight__gt=5).annotate(n=Count("notes"))
        assert await chosen.order_by("name").values_list("name", "n") == [("a", 4), ("b", 0)]


async def test_one_aggregate_over_two_relations_is_refused(tmp_path: Path) -> None:
    async with parcels(tmp_path):
        with pytest.raises(FieldError, match="follow the same relation"):
            Parcel.objects.annotate(x=Sum(F("stops__minutes") * F("notes__stars")))
        with pytest.raises(QueryError, match="follows a relation to many rows"):
            await Parcel.objects.aggregate(a=Sum("stops__minutes"), b=Count("notes"))
