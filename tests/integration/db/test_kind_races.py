"""Single and cached models when several tasks are at work, and events of writes to other databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.db import connection, executor
from openviper.db.connection import atomic, connections, transaction
from openviper.db.connections.drivers.base import LATER
from openviper.db.exceptions import SingleModelAlreadyExistsError
from openviper.db.executor import invalidate_query_cache
from openviper.db.fields import CharField, IntegerField
from openviper.db.models import Model
from openviper.db.query.events import get_dispatcher, model_event, reset_dispatcher
from openviper.db.schemas import create_tables
from openviper.db.sql.result_cache import query_cache
from openviper.exceptions import IntegrityError
from tests.integration.db.support import current, database

EVERY_DATABASE = True


class Home(Model):
    _app_name = "races"

    title = CharField(max_length=20, default="new")
    visits = IntegerField(default=0, unique=True)

    class Meta:
        single = True


class Leaf(Model):
    _app_name = "races"

    title = CharField(max_length=20)

    class Meta:
        cache_ttl = 60


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Begin and end without handlers and kept results."""
    reset_dispatcher()
    invalidate_query_cache()
    yield
    reset_dispatcher()
    invalidate_query_cache()


class Together:
    """Has every look for the single row come to its end before the first one writes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
        self._barrier = asyncio.Barrier(count)
        self._left = count
        original = connection.run_read

        async def read(*arguments: Any) -> Any:
            found = await original(*arguments)
            if self._left:
                self._left -= 1
                await self._barrier.wait()
            return found

        wait_for_reads(monkeypatch)
        monkeypatch.setattr(executor, "run_read", read)


def wait_for_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no read done without an await, where other tasks could have their turn."""
    monkeypatch.setattr(executor, "read_at_once", lambda *_: LATER)


@pytest.mark.parametrize("how", ["save", "create_single", "bulk"])
async def test_one_of_several_creates_the_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    async with database(tmp_path, Home):
        Together(monkeypatch, 3)

        async def create(number: int) -> object:
            if how == "save":
                await Home(title=str(number), visits=number).save()
                return None
            if how == "bulk":
                return await Home.objects.bulk_create([Home(title=str(number), visits=number)])
            return await Home.objects.create_single(title=str(number), visits=number)

        results = await asyncio.gather(*map(create, range(3)), return_exceptions=True)
        assert sum(isinstance(one, SingleModelAlreadyExistsError) for one in results) == 2, results
        assert await Home.objects.count() == 1


async def test_whoever_asks_for_the_row_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database(tmp_path, Home):
        Together(monkeypatch, 3)
        found = await asyncio.gather(
            *[Home.objects.get_or_create_single(title=str(number)) for number in range(3)]
        )
        assert len({one.title for one in found}) == 1
        assert {one.pk for one in found} == {1}


async def test_the_loser_inside_a_transaction_goes_on(tmp_path: Path) -> None:
    if current.vendor == "sqlite":
        return  # Its writers come one after the other: the first look of the second one finds the row.
    async with database(tmp_path, Home, Leaf):
        looked, created = asyncio.Event(), asyncio.Event()

        async def loser() -> Home:
            async with atomic():
                await Leaf.objects.create(title="kept")
                assert not await Home.objects.exists()  # On MariaDB, the snapshot is taken here.
                looked.set()
                await created.wait()
                with pytest.raises(SingleModelAlreadyExistsError):
                    await Home.objects.create_single(visits=2)
                return await Home.objects.get_or_create_single()

        async def winner() -> None:
            await looked.wait()
            await Home.objects.create_single(title="first", visits=1)
            created.set()

        found, _ = await asyncio.gather(loser(), winner())
        assert found.title == "first"
        assert await Leaf.objects.count() == 1


async def test_another_constraint_is_told_as_what_it_is(tmp_path: Path) -> None:
    async with database(tmp_path, Home):
        home = Home(title="x" * 3)
        home.visits = None  # type: ignore[assignment]  # what the database is to refuse
        with pytest.raises((IntegrityError, ValueError)):
            await home.save()
        assert await Home.objects.count() == 0


# Results that are kept


async def test_a_write_in_an_open_transaction_clears_what_was_read_meanwhile(
    tmp_path: Path,
) -> None:
    async with database(tmp_path, Leaf):
        await Leaf.objects.create(title="old")
        written, read = asyncio.Event(), asyncio.Event()

        async def writer() -> None:
            async with atomic():
                await Leaf.objects.all().update(title="new")
                written.set()
                await read.wait()

        async def reader() -> None:
            await written.wait()
            assert [one.title for one in await Leaf.objects.all()] == ["old"]
            assert len(query_cache) == 1
            read.set()

        await asyncio.gather(writer(), reader())
        assert [one.title for one in await Leaf.objects.all()] == ["new"]


async def test_rows_that_were_read_before_a_write_are_not_kept_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database(tmp_path, Leaf):
        await Leaf.objects.create(title="old")
        original, asked, go_on = connection.run_read, asyncio.Event(), asyncio.Event()

        async def slowly(*arguments: Any) -> Any:
            found = await original(*arguments)
            asked.set()
            await go_on.wait()
            return found

        wait_for_reads(monkeypatch)
        monkeypatch.setattr(executor, "run_read", slowly)
        reading = asyncio.create_task(all_titles())
        await asked.wait()
        monkeypatch.setattr(executor, "run_read", original)
        await Leaf.objects.all().update(title="new")
        go_on.set()
        assert await reading == ["old"]
        assert await all_titles() == ["new"]


async def all_titles() -> list[str]:
    return [one.title for one in await Leaf.objects.all()]


async def test_a_table_is_cleared_once_per_transaction(tmp_path: Path) -> None:
    async with database(tmp_path, Leaf), atomic():
        from openviper.db.connections.databases import current_block

        for number in range(5):
            await Leaf.objects.create(title=str(number))
        block = current_block("default")
        assert block is not None and len(block.callbacks) == 1


# Several databases


@asynccontextmanager
async def two_databases(tmp_path: Path) -> AsyncIterator[None]:
    """Configure two SQLite files as `default` and `other`."""
    connections.configure(
        {alias: {"URL": f"sqlite:///{tmp_path / alias}.db"} for alias in ("default", "other")}
    )
    try:
        for alias in ("default", "other"):
            await create_tables([Home, Leaf], using=alias)
        yield
    finally:
        await connections.disconnect_all()
        connections.reset()


async def test_each_database_has_a_single_row_of_its_own(tmp_path: Path) -> None:
    async with two_databases(tmp_path):
        await Home.objects.create_single(title="here")
        await Home.objects.using("other").create_single(title="there")
        assert (await Home.objects.using("other").get_single()).title == "there"
        async with transaction("other"):
            with pytest.raises(SingleModelAlreadyExistsError):
                await Home.objects.create_single(title="again")
        with pytest.raises(SingleModelAlreadyExistsError):
            await Home.objects.using("other").bulk_create([Home(title="again")])


async def test_events_before_a_write_wait_for_the_database_of_that_write(tmp_path: Path) -> None:
    told: list[str] = []
    for name in (
        "before_validate",
        "validate",
        "before_insert",
        "before_save",
        "after_insert",
        "on_delete",
    ):

        @model_event.trigger(f"{__name__}.Leaf.{name}")
        async def handler(leaf: Leaf, event: str) -> None:
            told.append(event)

    async with two_databases(tmp_path):
        with pytest.raises(RuntimeError):
            async with transaction("other"):
                leaf = await Leaf.objects.create(title="lost")
                await leaf.delete()
                await asyncio.sleep(0.01)
                raise RuntimeError
        await get_dispatcher().wait()
        assert told == []
        async with transaction("other"):
            await Leaf.objects.create(title="kept")
        await get_dispatcher().wait()
        assert sorted(told) == [
            "after_insert",
            "before_insert",
            "before_save",
            "before_validate",
            "validate",
        ]
