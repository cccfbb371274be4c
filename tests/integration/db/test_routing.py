"""Routers: where reads and writes go, and what happens when a replica does not answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.db import routing
from openviper.db.connection import atomic, connections, transaction
from openviper.db.exceptions import (
    DatabaseAliasNotFoundError,
    DatabaseConfigurationError,
    DatabaseReadOnlyError,
    DatabaseRoutingError,
    DatabaseTransactionRoutingError,
)
from openviper.db.fields import CharField, ForeignKey
from openviper.db.models import Model
from openviper.db.routing import (
    AdminRouter,
    DatabaseRouter,
    DefaultRouterResolver,
    PrimaryReplicaRouter,
    RouterResolver,
    current_db_alias,
    mark_write_used,
    read_from_primary,
    reset_current_alias,
    reset_routing_context,
    set_current_alias,
    write_used,
)
from openviper.db.schemas import create_tables


class Owner(Model):
    _app_name = "routing"

    name = CharField(max_length=20)


class Item(Model):
    _app_name = "routing"

    name = CharField(max_length=20)
    owner = ForeignKey(Owner, null=True, related_name="items")


class Elsewhere(Model):
    _app_name = "routing"

    name = CharField(max_length=20)

    class Meta:
        backend = "two"


@asynccontextmanager
async def databases(folder: Path, **options: Any) -> AsyncIterator[None]:
    """Three SQLite files, each of whose items bears the alias of its file; routers as given."""
    aliases = ("default", "one", "two")
    urls = {alias: {"URL": f"sqlite:///{folder / alias}.db"} for alias in aliases}
    connections.configure(urls)
    for alias in aliases:
        await create_tables([Owner, Item, Elsewhere], using=alias)
        owner = await Owner.objects.using(alias).create(name=alias)
        await Item.objects.using(alias).create(name=alias, owner=owner)
    await connections.disconnect_all()
    connections.configure({**urls, **options})
    reset_routing_context()
    routing._down.clear()
    try:
        yield
    finally:
        await connections.disconnect_all()
        connections.reset()
        reset_routing_context()
        routing._down.clear()


REPLICAS = {
    "ROUTERS": ["openviper.db.routing.PrimaryReplicaRouter"],
    "ROUTING": {"primary_alias": "default", "replica_aliases": ["one", "two"]},
}


async def source() -> str:
    """Return the database that a read goes to."""
    return (await Item.objects.order_by("pk").first()).name  # type: ignore[union-attr]  # there always is one


async def test_reads_go_to_a_replica_and_to_the_primary_after_a_write(tmp_path: Path) -> None:
    async with databases(tmp_path, **REPLICAS):
        assert await source() == "one"
        assert await Item.objects.values_list("name", flat=True) == ["one"]
        assert await Item.objects.filter(name="one").exists()
        item = await Item.objects.get(name="one")
        item.name = "changed"
        await item.save()
        assert write_used.get()
        assert await Item.objects.using("default").filter(name="changed").count() == 1
        assert await source() == "changed"
        assert await Item.objects.using("one").filter(name="changed").count() == 0


async def test_a_write_that_fails_does_not_count(tmp_path: Path) -> None:
    async with databases(tmp_path, **REPLICAS):
        with pytest.raises(Exception, match=r"(?i)foreign key"):
            await Item.objects.create(name="x", owner_id=999)
        assert not write_used.get()
        assert await source() == "one"


async def test_what_one_task_wrote_does_not_concern_another(tmp_path: Path) -> None:
    async with databases(tmp_path, **REPLICAS):

        async def write() -> None:
            await Item.objects.create(name="new")
            assert await source() == "default"

        await asyncio.create_task(write())
        assert await source() == "one"


async def test_replicas_take_turns(tmp_path: Path) -> None:
    options = {**REPLICAS, "ROUTING": {**REPLICAS["ROUTING"], "replica_selection": "round_robin"}}  # type: ignore[dict-item]  # a dict
    async with databases(tmp_path, **options):
        assert [await source() for _ in range(4)] == ["one", "two", "one", "two"]


async def test_reading_from_the_primary_can_be_asked_for(tmp_path: Path) -> None:
    async with databases(tmp_path, **REPLICAS):
        read_from_primary.set(True)
        assert await source() == "default"
        reset_routing_context()
        token = set_current_alias("two")
        assert await source() == "two"
        reset_current_alias(token)
        assert current_db_alias.get() is None
        mark_write_used()
        assert await source() == "default"


async def test_using_a_transaction_and_the_models_own_database_come_before_routers(
    tmp_path: Path,
) -> None:
    async with databases(tmp_path, **REPLICAS):
        assert (await Item.objects.using("two").get()).name == "two"
        async with transaction(using="two"):
            assert await source() == "two"
            with pytest.raises(DatabaseTransactionRoutingError):
                await Item.objects.using("one").count()
        async with atomic():
            assert await source() == "default"
        await Elsewhere.objects.create(name="x")
        assert await Elsewhere.objects.using("two").count() == 1
        assert await Elsewhere.objects.using("default").count() == 0


async def test_an_instance_is_written_where_it_came_from_unless_that_is_a_replica(
    tmp_path: Path,
) -> None:
    async with databases(tmp_path, ROUTERS=[PrimaryReplicaRouter("default", ["one"])]):
        made = await Item.objects.using("two").create(name="made there")
        made.name = "changed there"
        await made.save()
        found = await Item.objects.using("two").get(name="two")
        await found.delete()
        assert await Item.objects.using("two").values_list("name", flat=True) == ["changed there"]
        copied = await Item.objects.using("one").get()
        copied.name = "through the primary"
        await copied.save()
        assert await Item.objects.using("default").values_list("name", flat=True) == [
            "through the primary"
        ]
        assert await Item.objects.using("one").values_list("name", flat=True) == ["one"]


async def test_related_rows_follow_the_routers_too(tmp_path: Path) -> None:
    async with databases(tmp_path, **REPLICAS):
        item = await Item.objects.get(name="one")
        assert (await item.owner).name == "one"  # type: ignore[union-attr]  # it has one
        await Item.objects.create(name="new")
        fresh = await Item.objects.get(name="default")
        assert (await fresh.owner).name == "default"  # type: ignore[union-attr]  # it has one


async def test_a_replica_that_refuses_connections_is_left_alone_for_a_while(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = {"one": {"URL": f"sqlite:///{tmp_path / 'no such folder' / 'x.db'}"}}
    async with databases(tmp_path, **REPLICAS, **broken):
        with caplog.at_level(logging.WARNING, "openviper.db"):
            assert [await source() for _ in range(3)] == ["two", "two", "two"]
        warnings = [
            record for record in caplog.records if "refuses connections" in record.getMessage()
        ]
        assert len(warnings) == 1
        assert "'one'" in warnings[0].getMessage()


async def test_without_any_replica_left_the_primary_answers(tmp_path: Path) -> None:
    broken = {
        alias: {"URL": f"sqlite:///{tmp_path / 'none' / alias}.db"} for alias in ("one", "two")
    }
    async with databases(tmp_path, **REPLICAS, **broken):
        assert await source() == "default"


async def test_a_read_only_replica_refuses_writes(tmp_path: Path) -> None:
    async with databases(
        tmp_path, one={"URL": f"sqlite:///{tmp_path / 'one'}.db", "READ_ONLY": True}
    ):
        with pytest.raises(DatabaseReadOnlyError):
            await Item.objects.using("one").create(name="x")


class Odd(DatabaseRouter):
    answer: Any = 5

    async def db_for_read(self, model: type[Any], **hints: Any) -> Any:
        """Return whatever the test wants."""
        return self.answer


async def test_answers_that_are_no_aliases_are_refused(tmp_path: Path) -> None:
    async with databases(tmp_path, ROUTERS=[Odd]):
        with pytest.raises(DatabaseRoutingError, match="Odd.db_for_read.. returned 5"):
            await source()
        Odd.answer = "nowhere"
        with pytest.raises(DatabaseAliasNotFoundError, match="default, one, two"):
            await source()
        Odd.answer = None
        assert await source() == "default"
        Odd.answer = 5


async def test_the_first_answer_counts(tmp_path: Path) -> None:
    async with databases(tmp_path):
        resolver = RouterResolver([AdminRouter(), PrimaryReplicaRouter("one", ["two"])])
        assert await resolver.resolve_read(Item) == "two"
        assert await resolver.resolve_read(Item, admin=True) == "default"
        assert await resolver.resolve_write(Item) == "one"
        assert await resolver.resolve_relation(Item(), Item())
        assert [await resolver.resolve_migrate(alias) for alias in ("default", "one", "two")] == [
            True,
            True,
            False,
        ]
        assert [await RouterResolver([DatabaseRouter()]).resolve_migrate(alias) for alias in ("default", "one")] == [
            True, False,
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"ROUTERS": ["no.such.Router"]}, "no.such.Router"),
        ({**REPLICAS, "ROUTING": {"replica_selection": "random"}}, "random"),
        ({**REPLICAS, "ROUTING": {"nonsense": 1}}, "nonsense"),
    ],
)
async def test_routers_that_cannot_be_made_are_named(
    tmp_path: Path, options: dict[str, Any], problem: str
) -> None:
    async with databases(tmp_path, **options):
        with pytest.raises(DatabaseConfigurationError, match=problem):
            DefaultRouterResolver()
