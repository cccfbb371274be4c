"""Join models that pair two rows twice, and operands that are no values: nothing is silently none, true or twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.db import Prefetch
from openviper.db.fields import CharField, ForeignKey, IntegerField, ManyToManyField
from openviper.db.models import Count, Model
from openviper.exceptions import FieldError, QueryError
from tests.integration.db.support import database

EVERY_DATABASE = True


class Person(Model):
    _app_name = "pairs"

    name = CharField(max_length=20)


class Band(Model):
    _app_name = "pairs"

    name = CharField(max_length=20)
    members = ManyToManyField(Person, through="Role", related_name="bands")


class Role(Model):
    _app_name = "pairs"

    band = ForeignKey(Band)
    person = ForeignKey(Person)
    instrument = CharField(max_length=20)
    since = IntegerField(default=0)


@asynccontextmanager
async def bands(folder: Path) -> AsyncIterator[tuple[Band, Person]]:
    """Have a band in which one person plays two instruments, and another one plays one."""
    async with database(folder, Person, Band, Role):
        ann = await Person.objects.create(name="Ann")
        bob = await Person.objects.create(name="Bob")
        band = await Band.objects.create(name="b")
        for person, instrument in ((ann, "bass"), (bob, "harp"), (ann, "oboe")):
            await Role.objects.create(band=band, person=person, instrument=instrument)
        yield band, ann


async def test_a_related_row_comes_once(tmp_path: Path) -> None:
    async with bands(tmp_path) as (band, ann):
        assert sorted(person.name for person in await band.members) == ["Ann", "Bob"]
        assert await band.members.count() == 2
        for wanted in (
            "members",
            Prefetch("members", queryset=Person.objects.order_by("-name")),
            Prefetch("members", queryset=Person.objects.order_by("name")[:2]),
        ):
            (found,) = await Band.objects.prefetch_related(wanted)
            assert sorted(person.name for person in await found.members) == ["Ann", "Bob"]
        (person,) = await Person.objects.filter(name="Ann").prefetch_related("bands")
        assert [one.pk for one in await person.bands] == [band.pk]  # type: ignore[attr-defined]  # not declared
        counted = await Band.objects.annotate(n=Count("members")).values_list("n", flat=True)
        assert counted == [2]
        playing = await Person.objects.annotate(n=Count("bands")).order_by("name").values_list("n")
        assert playing == [(1,), (1,)]
        assert await Band.objects.filter(members=ann).count() == 1


async def test_a_relation_to_many_rows_is_no_list(tmp_path: Path) -> None:
    async with bands(tmp_path) as (band, _ann):
        members: Any = band.members
        asked: list[tuple[Callable[[Any], object], str]] = [
            (bool, "no truth value"),
            (len, "no length"),
            (list, "not with `for`"),
        ]
        for ask, message in asked:
            with pytest.raises(TypeError, match=message):
                ask(members)


@pytest.mark.parametrize(
    ("lookups", "error", "message"),
    [
        ({"band": Band}, QueryError, "the class Band is not a value"),
        ({"since": int}, QueryError, "the class int is not a value"),
        ({"since__gt": Band}, QueryError, "is not a value"),
        ({"since__in": [1, Band]}, QueryError, "is not a value"),
        ({"band": Person(name="x")}, QueryError, "is not a Band"),
        ({"band__ne": Band(name="x")}, QueryError, "not saved yet"),
        ({"pk__in": Role.objects.values_list("instrument")}, FieldError, "cannot be compared"),
        ({"instrument__in": Person.objects.all()}, FieldError, "cannot be compared"),
        ({"instrument__not_in": Role.objects.values("since")}, FieldError, "cannot be compared"),
    ],
)
async def test_what_is_no_value_is_refused(
    tmp_path: Path, lookups: dict[str, Any], error: type[Exception], message: str
) -> None:
    async with bands(tmp_path):
        for ask in (Role.objects.filter, Role.objects.exclude):
            with pytest.raises(error, match=message):
                ask(**lookups)
        assert await Role.objects.filter(band__in=Band.objects.all()).count() == 3
