"""The short ways through the ORM do what the long ones do, and are left where more than the statement is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from openviper.db import bypass_permissions, executor
from openviper.db.connection import atomic, connections
from openviper.db.connections.drivers.base import LATER
from openviper.db.executor import set_access_rule
from openviper.db.fields import BooleanField, CharField, DateTimeField, ForeignKey, IntegerField
from openviper.db.models import (
    Manager,
    Model,
    ModelValidationError,
    QuerySet,
    persistence,
    short_insert,
)
from openviper.db.query.events import model_event, reset_dispatcher
from openviper.exceptions import DoesNotExist, IntegrityError, PermissionDenied, TableNotFound
from tests.integration.db.support import current, database, stored

EVERY_DATABASE = True

M = TypeVar("M")


class Shelf(Model):
    """What others refer to."""

    _app_name = "short"

    label = CharField(max_length=20, unique=True)


class Volume(Model):
    """A model without anything of its own around a save."""

    _app_name = "short"

    title = CharField(max_length=20)
    shelf = ForeignKey(Shelf, null=True, related_name="volumes")
    pages = IntegerField(default=7)
    read_on = DateTimeField()
    lent = BooleanField(default=False)


@contextmanager
def long_way() -> Iterator[None]:
    """Have every save and read done the long way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(short_insert, "inserted_at_once", lambda *_: False)
        patch.setattr(executor, "read_at_once", lambda *_: LATER)
        yield


@contextmanager
def only_short_inserts() -> Iterator[None]:
    """Fail where an insert is done the long way."""

    async def fail(*_: Any) -> None:
        raise AssertionError("done the long way")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(persistence, "save_instance", fail)
        yield


def known(volume: Volume) -> dict[str, Any]:
    """Return all that an instance knows, less its key."""
    assert volume._row is not None
    return {**vars(volume), "id": 0, "_row": volume._row[1:]}


MOMENTS = [None, datetime(2024, 2, 3, 4, 5, 6, 7), datetime(2024, 2, 3, tzinfo=UTC)]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_both_ways_store_and_know_the_same(tmp_path: Path, moment: datetime | None) -> None:
    async with database(tmp_path, Shelf, Volume) as path:
        shelf = await Shelf.objects.create(label="a")

        async def create() -> Volume:
            return await Volume.objects.create(title="x", shelf_id=shelf.pk, read_on=moment)

        short = await create()
        with long_way():
            long = await create()
            assert await Volume.objects.get(pk=long.pk) == long
        assert long.pk == short.pk + 1
        assert known(short) == known(long)
        assert not short.has_changed and not long.has_changed
        columns = "title, shelf_id, pages, read_on, lent"
        first, second = stored(path, f"SELECT {columns} FROM short_volume ORDER BY id")
        assert first == second
        found = [await Volume.objects.get(pk=volume.pk) for volume in (short, long)]
        assert found[0].read_on == found[1].read_on == short.read_on


async def test_plain_models_take_the_short_way_on_sqlite(tmp_path: Path) -> None:
    async with database(tmp_path, Shelf, Volume):
        if current.vendor != "sqlite":
            return  # Servers have to be waited for.
        await Shelf.objects.count()  # Opens the connection, which takes its time.
        with only_short_inserts():
            volume = await Volume.objects.create(title="x")
            async with atomic():
                await Volume(title="y").save()
        volume.title = "z"
        await volume.save()
        assert await Volume.objects.filter(title__in=["y", "z"]).count() == 2


async def test_what_the_database_refuses_is_refused_and_the_instance_stays_new(
    tmp_path: Path,
) -> None:
    async with database(tmp_path, Shelf):
        await Shelf.objects.create(label="a")
        twin = Shelf(label="a")
        with pytest.raises(IntegrityError):
            await twin.save()
        assert twin.pk is None and twin._row is None
        twin.label = "b"
        await twin.save()
        assert await Shelf.objects.count() == 2


async def test_what_is_not_allowed_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    async with database(tmp_path):  # There is no table.
        with pytest.raises(ModelValidationError, match="title"):
            await Volume.objects.create(title="x" * 21)
        with pytest.raises(TableNotFound):
            await Volume.objects.create(title="x")


async def test_a_rollback_makes_new_instances_new(tmp_path: Path) -> None:
    async with database(tmp_path, Shelf, Volume):
        outside = await Volume.objects.create(title="kept")
        made: list[Volume] = []
        with pytest.raises(KeyError):
            async with atomic():
                made.append(await Volume.objects.create(title="a"))
                with pytest.raises(ValueError, match="inner"):
                    async with atomic():
                        made.append(await Volume.objects.create(title="b"))
                        raise ValueError("inner")
                assert [volume.pk is None for volume in made] == [False, True]
                await made[1].save()
                raise KeyError
        assert [(volume.pk, volume._row) for volume in made] == [(None, None)] * 2
        for volume in made:
            await volume.save()
        titles = await Volume.objects.order_by("title").values_list("title", flat=True)
        assert titles == ["a", "b", "kept"] and outside.pk is not None


# What is asked for besides the statement


async def test_permissions_are_asked_for(tmp_path: Path) -> None:
    class Nobody:
        async def check(self, model: type[Any], action: str) -> None:
            raise PermissionDenied(f"{action} {model.__name__}")

    async with database(tmp_path, Shelf, Volume):
        set_access_rule(Nobody())
        try:
            with pytest.raises(PermissionDenied, match="create Volume"):
                await Volume.objects.create(title="x")
            with pytest.raises(PermissionDenied, match="read Volume"):
                await Volume.objects.get(pk=1)
            with pytest.raises(PermissionDenied, match="read Volume"):
                await Volume.objects.filter(pages=7)
            assert await Volume.objects.if_permitted().filter(pages=7) == []
            await Volume.objects.create(title="y", ignore_permissions=True)
            async with bypass_permissions(reason="test"):
                assert await Volume.objects.count() == 1
        finally:
            set_access_rule(None)


async def test_handlers_are_told(tmp_path: Path) -> None:
    seen: list[str] = []
    async with database(tmp_path, Shelf):
        try:

            @model_event.after_insert(f"{__name__}.Shelf")
            def tell(shelf: Shelf, **_: object) -> None:
                seen.append(shelf.label)

            await Shelf.objects.create(label="a")
        finally:
            reset_dispatcher()
        await Shelf.objects.create(label="b")
    assert seen == ["a"]


class Careful(Model):
    """Has something to do before each save."""

    _app_name = "short"

    title = CharField(max_length=20)

    async def before_save(self) -> None:
        """Write it in capitals."""
        self.title = self.title.upper()


async def test_hooks_run_also_those_that_a_class_gets_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database(tmp_path, Careful, Shelf):
        assert (await Careful.objects.create(title="x")).title == "X"
        monkeypatch.setattr(Shelf, "before_insert", lambda shelf: setattr(shelf, "label", "hooked"))
        assert (await Shelf.objects.create(label="a")).label == "hooked"


async def test_a_read_only_model_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database(tmp_path, Shelf):
        monkeypatch.setattr(Shelf._meta, "read_only", True)
        with pytest.raises(Exception, match="read-only"):
            await Shelf.objects.create(label="a")


# Managers and querysets of a project's own


class Short(QuerySet[M]):
    """Remembers how it was made."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.made_by_init = True


class OfShortBooks(Manager[M]):
    """Begins from another query."""

    queryset_class = Short

    def get_queryset(self) -> QuerySet[M]:
        """Return the query for books of few pages."""
        return super().get_queryset().filter(pages__lt=10)


class Shouting(Manager[M]):
    """Has one of its methods changed."""

    def create(self, **values: Any) -> Any:
        """Build an instance with a title in capitals, and save it."""
        return super().create(**{**values, "title": values["title"].upper()})


class Leaflet(Model):
    """Has managers of its own."""

    _app_name = "short"

    title = CharField(max_length=20)
    pages = IntegerField(default=1)
    objects = Shouting["Leaflet"]()
    thin = OfShortBooks["Leaflet"]()


async def test_what_a_manager_overrides_is_what_is_called(tmp_path: Path) -> None:
    async with database(tmp_path, Leaflet):
        leaflet = await Leaflet.objects.create(title="a")
        thick = await Leaflet.objects.create(title="b", pages=50)
        assert leaflet.title == "A"
        assert await Leaflet.thin.filter(title__in=["A", "B"]) == [leaflet]
        with pytest.raises(DoesNotExist):
            await Leaflet.thin.get(pk=thick.pk)
        query: Any = Leaflet.thin.filter(title="A").order_by("id")
        assert query.made_by_init


# New instances


class Prepared(Model):
    """Has an attribute before it has values."""

    _app_name = "short"

    title = CharField(max_length=20, default="none")
    pages = IntegerField(null=True)

    def __init__(self, **values: Any) -> None:
        self.note = "kept"
        super().__init__(**values)


def test_attributes_from_before_the_values_are_kept() -> None:
    assert vars(Prepared(pages=3)) == {"note": "kept", "id": None, "title": "none", "pages": 3}


def test_none_leaves_a_default_as_it_is() -> None:
    volume = Volume(title="x", pages=None, lent=None)
    assert (volume.pages, volume.lent) == (7, False)


def test_a_key_may_be_called_pk_and_a_relation_be_given_whole() -> None:
    shelf = Shelf(pk=4, label="a")
    assert shelf.pk == shelf.id == 4
    assert Volume(title="x", shelf=shelf).to_dict("shelf") == {"shelf_id": 4}
    with pytest.raises(TypeError, match="no field 'colour'"):
        Volume(title="x", colour="red")


# Transactions and the database that is meant


async def test_a_pinned_connection_is_no_transaction(tmp_path: Path) -> None:
    async with database(tmp_path, Shelf):
        async with connections.get().connection():
            await Shelf.objects.create(label="a")
            with pytest.raises(IntegrityError):
                await Shelf.objects.create(label="a")
        assert await Shelf.objects.count() == 1


async def test_tasks_that_insert_at_the_same_time_get_keys_of_their_own(tmp_path: Path) -> None:
    async with database(tmp_path, Shelf):
        shelves = await asyncio.gather(
            *[Shelf.objects.create(label=str(number)) for number in range(20)]
        )
        assert len({shelf.pk for shelf in shelves}) == 20
