"""JSON: paths, keys, containment, comparison by value, alike on every database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.db.fields import ForeignKey, IntegerField, JSONField
from openviper.db.models import Count, F, Model, Q
from openviper.exceptions import FieldError, QueryError
from tests.integration.db.support import database

EVERY_DATABASE = True


class Owner(Model):
    _app_name = "jsons"

    n = IntegerField(default=0)


class Doc(Model):
    _app_name = "jsons"

    owner = ForeignKey(Owner, related_name="docs")
    data = JSONField(null=True)


DATA: list[Any] = [
    {"a": [{"b": 5, "c": "x"}], "name": "Ünder %", "on": True},
    {"a": [{"b": 5.0}, {"b": 7}], "name": "über", "on": False},
    {"a": {"0": {"b": 5}}, "name": None},
    {"a": [{"b": "5"}], "name": 12, "it's \"q\\": 1},
    {"n": 100, "tags": ["red", "blue"], "deep": {"x": {"y": [1, 2, 3]}}},
    [1, 2, {"k": "v"}],
    "text",
    3,
    None,
    {},
]


@asynccontextmanager
async def docs(folder: Path) -> AsyncIterator[None]:
    async with database(folder, Owner, Doc):
        owner = await Owner.objects.create()
        await Doc.objects.bulk_create([Doc(owner=owner, data=data) for data in DATA])
        yield


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({"data__a__0__b": 5}, [1, 2]),
    ({"data__a__0__b": "5"}, [4]),
    ({"data__a__0__b__ne": 5}, [4]),
    ({"data__a__1__b__gt": 6}, [2]),
    ({"data__a__0__b__gte": 5}, [1, 2]),
    ({"data__a__0__b__lt": "6"}, [4]),
    ({"data__a__0__b__range": (4, 6)}, [1, 2]),
    ({"data__a__0__b__in": [5, "5"]}, [1, 2, 4]),
    ({"data__a__0": {"c": "x", "b": 5}}, [1]),
    ({"data__on": True}, [1]),
    ({"data__on": False}, [2]),
    ({"data__on": 1}, []),
    ({"data__name": "über"}, [2]),
    ({"data__name__startswith": "Ü"}, [1]),
    ({"data__name__istartswith": "Ü"}, [1, 2]),
    ({"data__name__icontains": "%"}, [1]),
    ({"data__name__regex": "^.ber$"}, [2]),
    ({"data__n": 100.0}, [5]),
    ({"data__n__gt": 99.5}, [5]),
    ({"data__2__k": "v"}, [6]),
    ({"data__0": 1}, [6]),
    ({"data__name__isnull": False}, [1, 2, 4]),
    ({"data__deep__x__y__2": 3}, [5]),
    ({"data__deep__x__y": [1, 2, 3]}, [5]),
    ({"data__has_key": "name"}, [1, 2, 3, 4]),
    ({"data__has_key": "it's \"q\\"}, [4]),
    ({"data__has_key": "red"}, []),
    ({"data__has_key": "text"}, []),
    ({"data__has_keys": ["a", "on"]}, [1, 2]),
    ({"data__has_any_keys": ["n", "on"]}, [1, 2, 5]),
    ({"data__deep__has_key": "x"}, [5]),
    ({"data__contains": {"on": True}}, [1]),
    ({"data__contains": {"deep": {"x": {}}}}, [5]),
    ({"data__contains": {"tags": ["blue"]}}, [5]),
    ({"data__contains": [2, 1]}, [6]),
    ({"data__contains": 2}, [6]),
    ({"data__contains": {"n": 100.0}}, [5]),
    ({"data__contains": "text"}, [7]),
    ({"data__tags__contains": "red"}, [5]),
    ({"data__tags__contains": ["red", "green"]}, []),
    ({"data__it's \"q\\": 1}, [4]),
]


async def test_what_is_found_within_json(tmp_path: Path) -> None:
    async with docs(tmp_path):
        for lookups, wanted in FILTERS:
            query = Doc.objects.filter(**lookups).order_by("pk")
            assert await query.values_list("pk", flat=True) == wanted, lookups
        assert await Doc.objects.filter(Q(data__name=None)).count() == 7
        assert await Doc.objects.filter(data__a__0__b=5, data__on=False).count() == 1
        assert await Doc.objects.exclude(data__a__0__b=5).filter(pk__lt=5).count() == 1
        assert (
            await Owner.objects.filter(docs__data__n=100, docs__data__tags__contains="red").count()
            == 1
        )


async def test_values_within_json_are_read(tmp_path: Path) -> None:
    async with docs(tmp_path):
        flat = Doc.objects.order_by("pk")[:5].values_list("data__a__0__b", flat=True)
        assert await flat == [5, 5.0, None, "5", None]
        found = await Doc.objects.order_by("pk").values_list("data__name", "data__on")
        assert found[:4] == [("Ünder %", True), ("über", False), (None, None), (12, None)]
        rows = await Doc.objects.annotate(y=F("data__deep__x__y")).filter(y__isnull=False)
        assert [row.y for row in rows] == [[1, 2, 3]]  # type: ignore[attr-defined]  # computed
        groups = Doc.objects.filter(data__has_key="on").values("data__on").annotate(k=Count("*"))
        assert sorted([row["on"] for row in await groups]) == [False, True]


async def test_rows_are_ordered_by_a_path(tmp_path: Path) -> None:
    async with docs(tmp_path):
        query = Doc.objects.filter(pk__lte=5)
        assert await query.order_by("data__a__0__b", "pk").values_list("pk", flat=True) == [
            3,
            5,
            4,
            1,
            2,
        ]
        down = query.order_by("-data__a__0__b", "-pk").values_list("pk", flat=True)
        assert await down == [2, 1, 4, 5, 3]
        page = await query.order_by("data__n").paginate(page_size=2)
        assert len(page.items) == 2 and page.next_cursor is None


async def test_what_json_cannot_be_asked_is_refused(tmp_path: Path) -> None:
    for lookups in (
        {"data__gt": 5},
        {"data__startswith": "x"},
        {"data__a__gt": {"b": 1}},
        {"data__a__gt": True},
        {"data__a__gt": None},
        {"data__contains": F("owner")},
        {"owner__has_key": "x"},
        {"data__" + "__".join("x" * 30): 1},
    ):
        with pytest.raises(FieldError):
            Doc.objects.filter(**lookups)
    refused: list[dict[str, Any]] = [
        {"data__has_key": 5},
        {"data__has_keys": []},
        {"data__has_keys": "ab"},
    ]
    for wrong in refused:
        with pytest.raises(QueryError):
            Doc.objects.filter(**wrong)
