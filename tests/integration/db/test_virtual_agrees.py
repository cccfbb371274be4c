"""The backend in memory answers as a database does: every question is asked of both."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.db.fields import CharField, IntegerField
from openviper.db.models import Model
from openviper.db.virtual import MemoryVirtualBackend, backend_registry
from openviper.exceptions import DoesNotExist, MultipleObjectsReturned
from tests.integration.db.support import database


class Shelf(Model):
    _app_name = "agreeing"

    name = CharField(max_length=20)
    size = IntegerField(null=True)
    mark = CharField(max_length=20, null=True)


class Imagined(Model):
    _app_name = "agreeing"

    name = CharField(max_length=20)
    size = IntegerField(null=True)
    mark = CharField(max_length=20, null=True)

    class Meta:
        virtual = True
        backend = "agreeing"


ROWS: list[dict[str, Any]] = [
    {"name": "alpha", "size": 1, "mark": None},
    {"name": "Alpha", "size": 2, "mark": ""},
    {"name": "beta", "size": None, "mark": "x"},
    {"name": "50%", "size": 2, "mark": "a_b"},
    {"name": "5000", "size": -3, "mark": "a%b"},
    {"name": "a\\b", "size": 0, "mark": "aXb"},
    {"name": "", "size": 10**9, "mark": None},
]


@asynccontextmanager
async def both(tmp_path: Path) -> AsyncIterator[None]:
    """Store the same rows in a database and in a backend."""
    backend_registry.register("agreeing", MemoryVirtualBackend())
    async with database(tmp_path, Shelf):
        for row in ROWS:
            await Shelf.objects.create(**row)
            await Imagined.objects.create(**row)
        try:
            yield
        finally:
            backend_registry.unregister("agreeing")


def shown(instance: Any) -> dict[str, Any]:
    """Return the values of an instance."""
    return {name: getattr(instance, name) for name in ("pk", "name", "size", "mark")}


async def asked(make: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return what database and backend answer to a query."""
    stored = [shown(instance) for instance in await make(Shelf.objects)]
    imagined = [shown(instance) for instance in await make(Imagined.objects)]
    return stored, imagined


def lookups() -> Iterator[dict[str, Any]]:
    """Yield conditions of every operator with values that are usual, odd and absent."""
    for operator in ("exact", "ne", "gt", "gte", "lt", "lte"):
        for value in (-3, 0, 2, 10**9, "2"):
            yield {f"size__{operator}": value}
    for operator in ("exact", "ne", "gt", "lte"):
        for text in ("", "alpha", "Alpha", "zzz"):
            yield {f"name__{operator}": text}
    for operator in ("contains", "icontains", "startswith", "endswith"):
        for text in ("", "a", "A", "%", "_", "\\", "0", "%b"):
            yield {f"name__{operator}": text}
            yield {f"mark__{operator}": text}
    for operator in ("in", "not_in"):
        for values in ([], [2], [2, 0, -3], (1, 1), ["2"], [99]):
            yield {f"size__{operator}": values}
        yield {f"mark__{operator}": ["", "x"]}
    for flag in (True, False):
        yield {"size__isnull": flag}
        yield {"mark__isnull": flag, "size__gte": 1}
    yield {"size": None}
    yield {"mark": None, "name": "alpha"}
    yield {"size__gte": 0, "size__lte": 2, "name__icontains": "a"}


async def test_every_condition_finds_the_same_rows(tmp_path: Path) -> None:
    different = {}
    async with both(tmp_path):
        for conditions in lookups():
            stored, imagined = await asked(lambda rows: rows.filter(**conditions).order_by("id"))  # noqa: B023  # asked at once
            counts = [
                await model.objects.filter(**conditions).count() for model in (Shelf, Imagined)
            ]
            exist = [
                await model.objects.filter(**conditions).exists() for model in (Shelf, Imagined)
            ]
            if imagined != stored or counts != [len(stored)] * 2 or exist != [bool(stored)] * 2:
                different[str(conditions)] = stored, imagined, counts, exist
    assert not different


ORDERS = ["id"], ["-id"], ["size", "id"], ["-size", "id"], ["size", "-id"], ["mark", "-size", "id"]
SLICES = (0, None), (0, 3), (2, 3), (5, 10), (9, 1), (3, 0)


async def test_orders_and_slices_are_the_same(tmp_path: Path) -> None:
    different = {}
    async with both(tmp_path):
        for order, (offset, limit) in itertools.product(ORDERS, SLICES):

            def make(manager: Any) -> Any:
                query = manager.order_by(*order).offset(offset)  # noqa: B023  # asked at once
                return query if limit is None else query.limit(limit)  # noqa: B023  # asked at once

            stored, imagined = await asked(make)
            if imagined != stored:
                different[str((order, offset, limit))] = stored, imagined
    assert not different


async def test_no_rows_are_no_rows_for_both(tmp_path: Path) -> None:
    async with both(tmp_path):
        for model in (Shelf, Imagined):
            nothing = model.objects.none()
            assert (await nothing, await nothing.count(), await nothing.exists()) == ([], 0, False)
            assert await nothing.filter(size=2).order_by("name").limit(1) == []
            assert (await nothing.update(size=1), await nothing.delete()) == (0, 0)
            assert await model.objects.count() == len(ROWS)


async def test_one_row_is_found_or_missed_the_same(tmp_path: Path) -> None:
    async def outcome(model: Any, conditions: dict[str, Any]) -> Any:
        try:
            return shown(await model.objects.get(**conditions))
        except DoesNotExist:
            return "none"
        except MultipleObjectsReturned:
            return "several"

    found = []
    async with both(tmp_path):
        for conditions in (
            {"pk": 1},
            {"pk": "2"},
            {"id": 99},
            {"name": "alpha"},
            {"size": 2},
            {"name": "z"},
        ):
            found.append(await outcome(Imagined, conditions))
            assert found[-1] == await outcome(Shelf, conditions)
    assert found[2] == found[5] == "none" and found[4] == "several"


@pytest.mark.parametrize(
    "conditions", [{}, {"size": 2}, {"size__gt": 10**12}, {"mark__isnull": True}], ids=str
)
async def test_updates_and_deletions_leave_the_same_rows(
    tmp_path: Path, conditions: dict[str, Any]
) -> None:
    async with both(tmp_path):
        for values in ({"size": None}, {"size": "7", "name": "n"}):
            changed = [
                await model.objects.filter(**conditions).update(**values)
                for model in (Shelf, Imagined)
            ]
            assert changed[0] == changed[1]
            stored, imagined = await asked(lambda manager: manager.order_by("id"))
            assert imagined == stored
        for model in (Shelf, Imagined):
            await model.objects.filter(size=7).delete()
        stored, imagined = await asked(lambda manager: manager.order_by("id"))
        assert imagined == stored


async def test_saving_twice_reloading_and_deleting_are_the_same(tmp_path: Path) -> None:
    async with both(tmp_path):
        for model in (Shelf, Imagined):
            row: Any = await model.objects.get(name="beta")
            row.size, row.mark = 5, None
            await row.save()
            await row.save()
            row.size = 99
            await row.refresh_from_db()
            assert (row.size, row.mark) == (5, None)
            other: Any = await model.objects.get(name="alpha")
            await other.delete()
            with pytest.raises(DoesNotExist):
                await model.objects.get(name="alpha")
        stored, imagined = await asked(lambda manager: manager.order_by("id"))
        assert imagined == stored
