"""Which database an operation goes to: routers asked in turn, and what a context remembers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from openviper.db import routing
from openviper.db.connections.databases import connections
from openviper.db.exceptions import (
    DatabaseAliasNotFoundError,
    DatabaseConfigurationError,
    DatabaseRoutingError,
)
from openviper.db.routing import (
    AdminRouter,
    DatabaseRouter,
    DefaultRouterResolver,
    PrimaryReplicaRouter,
    RouterResolver,
    is_down,
    mark_down,
    mark_write_used,
    read_from_primary,
    reset_current_alias,
    reset_routing_context,
    set_current_alias,
)

URLS: dict[str, Any] = {
    alias: {"URL": f"sqlite:///{alias}.db"} for alias in ("default", "one", "two", "archive")
}


class Book:
    """Something that is stored."""


@pytest.fixture(autouse=True)
def databases() -> Iterator[None]:
    """Four databases that nobody opens; nothing is remembered."""
    connections.configure(URLS)
    reset_routing_context()
    routing._down.clear()
    yield
    connections.reset()
    reset_routing_context()
    routing._down.clear()


class Fixed(DatabaseRouter):
    """A router that always answers the same."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer

    async def db_for_read(self, model: type[Any], **hints: Any) -> Any:
        return self.answer

    async def db_for_write(self, model: type[Any], **hints: Any) -> Any:
        return self.answer

    async def allow_relation(self, one: Any, other: Any, **hints: Any) -> Any:
        return self.answer

    async def allow_migrate(
        self, db_alias: str, model_class: type[Any] | None = None, **hints: Any
    ) -> Any:
        return self.answer


# Asking in turn


async def test_the_first_answer_counts_and_none_leaves_it_to_the_next() -> None:
    resolver = RouterResolver([Fixed(), Fixed("one"), Fixed("two")])
    assert await resolver.resolve_read(Book) == await resolver.resolve_write(Book) == "one"


async def test_where_nobody_minds_it_is_where_the_instance_came_from_or_the_default() -> None:
    resolver = RouterResolver([Fixed(), DatabaseRouter()])
    assert await resolver.resolve_read(Book) == "default"
    assert await resolver.resolve_write(Book, alias="archive") == "archive"
    assert await RouterResolver([]).resolve_read(Book, alias=None) == "default"


async def test_an_alias_of_the_context_comes_before_all_routers() -> None:
    resolver = RouterResolver([Fixed("one")])
    token = set_current_alias("two")
    assert await resolver.resolve_read(Book) == await resolver.resolve_write(Book) == "two"
    reset_current_alias(token)
    assert await resolver.resolve_read(Book) == "one"


@pytest.mark.parametrize("answer", [5, True, "", ["one"], b"one"])
async def test_an_answer_that_is_no_alias_is_named_with_the_router(answer: Any) -> None:
    resolver = RouterResolver([Fixed(answer)])
    with pytest.raises((DatabaseRoutingError, DatabaseAliasNotFoundError)) as caught:
        await resolver.resolve_read(Book)
    if answer != "":
        assert str(caught.value).startswith(f"Fixed.db_for_read() returned {answer!r}")


async def test_an_alias_that_is_not_configured_is_refused() -> None:
    with pytest.raises(DatabaseAliasNotFoundError, match="three"):
        await RouterResolver([Fixed("three")]).resolve_write(Book)


@pytest.mark.parametrize(
    ("answers", "related", "migrates"),
    [((), True, None), ((None,), True, None), ((False,), False, False), ((None, True), True, True),
     ((True, False), True, True), ((0,), False, False)],
)  # fmt: skip
async def test_relations_are_allowed_and_tables_go_into_the_default_unless_a_router_minds(
    answers: tuple[Any, ...], related: bool, migrates: bool | None
) -> None:
    resolver = RouterResolver([Fixed(answer) for answer in answers])
    assert await resolver.resolve_relation(Book(), Book()) is related
    for alias in ("default", "one"):
        expected = alias == "default" if migrates is None else migrates
        assert await resolver.resolve_migrate(alias, table="x") is expected


# Primary and replicas


async def reads(router: PrimaryReplicaRouter, number: int) -> list[str]:
    return [await router.db_for_read(Book) for _ in range(number)]


@pytest.mark.parametrize(
    ("selection", "order"),
    [("first", ["one", "one", "one"]), ("round_robin", ["one", "two", "one"])],
)
async def test_reads_go_to_replicas_and_writes_to_the_primary(
    selection: str, order: list[str]
) -> None:
    router = PrimaryReplicaRouter(replica_aliases=["one", "two"], replica_selection=selection)
    assert await reads(router, 3) == order
    assert await router.db_for_write(Book) == "default"


async def test_without_replicas_or_with_all_down_the_primary_is_read() -> None:
    assert await reads(PrimaryReplicaRouter("archive"), 1) == ["archive"]
    router = PrimaryReplicaRouter(replica_aliases=["one", "two"])
    mark_down("one")
    assert await reads(router, 1) == ["two"]
    mark_down("two")
    assert await reads(router, 1) == ["default"]


async def test_after_a_write_one_reads_what_one_has_written_unless_that_is_not_wanted() -> None:
    careful = PrimaryReplicaRouter(replica_aliases=["one"])
    careless = PrimaryReplicaRouter(replica_aliases=["one"], read_your_writes=False)
    mark_write_used()
    assert (await reads(careful, 1), await reads(careless, 1)) == (["default"], ["one"])
    reset_routing_context()
    assert await reads(careful, 1) == ["one"]
    read_from_primary.set(True)
    assert (await reads(careful, 1), await reads(careless, 1)) == (["default"], ["default"])


async def test_what_one_task_has_written_is_its_own_affair() -> None:
    router = PrimaryReplicaRouter(replica_aliases=["one"])

    async def write() -> list[str]:
        mark_write_used()
        return await reads(router, 1)

    assert await asyncio.create_task(write()) == ["default"]
    assert await reads(router, 1) == ["one"]


@pytest.mark.parametrize(
    ("primary_only", "answers"),
    [(True, {"default": True, "one": False, "archive": None}),
     (False, {"default": True, "one": None, "archive": None})],
)  # fmt: skip
async def test_tables_are_made_on_the_primary(
    primary_only: bool, answers: dict[str, bool | None]
) -> None:
    router = PrimaryReplicaRouter(replica_aliases=["one"], migrate_on_primary_only=primary_only)
    assert {alias: await router.allow_migrate(alias) for alias in answers} == answers
    assert await router.allow_relation(Book(), Book())


def test_a_way_to_choose_that_there_is_not_is_refused() -> None:
    with pytest.raises(
        DatabaseConfigurationError, match="'random' is not one of first, round_robin"
    ):
        PrimaryReplicaRouter(replica_selection="random")


def test_a_database_that_is_down_is_left_alone_for_a_while_with_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with caplog.at_level(logging.WARNING, "openviper.db"):
        for _ in range(3):
            mark_down("one")
    assert caplog.text.count("'one' refuses connections") == 1
    now[0] += routing.DOWN_SECONDS - 1
    assert is_down("one") and not is_down("two")
    now[0] += 2
    assert not is_down("one")


async def test_the_admin_goes_to_the_default_and_nobody_else() -> None:
    router = AdminRouter()
    for ask in (router.db_for_read, router.db_for_write):
        assert [await ask(Book, admin=True), await ask(Book, admin=False), await ask(Book)] == [
            "default", None, None,
        ]  # fmt: skip


# Which databases follow another


def test_a_replica_is_known_by_its_options_or_by_a_router() -> None:
    connections.configure({
        **URLS, "one": {"URL": "sqlite:///one.db", "ROLE": "replica"}, "two": {"URL": "sqlite:///two.db", "READ_ONLY": True},
    })  # fmt: skip
    resolver = RouterResolver([PrimaryReplicaRouter(replica_aliases=["archive"]), Fixed()])
    assert {alias: resolver.is_replica(alias) for alias in URLS} == {
        "default": False, "one": True, "two": True, "archive": True,
    }  # fmt: skip


# Making routers


class Strict(DatabaseRouter):
    """A router that takes one option."""

    def __init__(self, size: int) -> None:
        self.size = size


def configure(*routers: Any, **options: Any) -> list[Any]:
    connections.configure({**URLS, "ROUTERS": list(routers), "ROUTING": options})
    return DefaultRouterResolver().routers


def test_routers_are_objects_classes_or_paths() -> None:
    made = Fixed("one")
    found = configure(made, AdminRouter, "openviper.db.routing.PrimaryReplicaRouter")
    assert found[0] is made
    assert [type(router) for router in found[1:]] == [AdminRouter, PrimaryReplicaRouter]


def test_options_go_to_those_who_take_them() -> None:
    primary, plain = configure(PrimaryReplicaRouter, DatabaseRouter, replica_aliases=["one"])
    assert primary.replica_aliases == ["one"] and type(plain) is DatabaseRouter
    (strict,) = configure(Strict, size=3)
    assert strict.size == 3


@pytest.mark.parametrize(
    ("router", "options", "problem"),
    [
        ("nowhere.Router", {}, r"DATABASES\['ROUTERS'\]: cannot import 'nowhere.Router'"),
        ("openviper.db.routing.Nothing", {}, "cannot import 'openviper.db.routing.Nothing'"),
        (
            PrimaryReplicaRouter,
            {"replicas": []},
            r"DATABASES\['ROUTING'\] does not fit PrimaryReplicaRouter",
        ),
        (Strict, {}, r"DATABASES\['ROUTING'\] does not fit Strict"),
    ],
)
def test_a_router_that_cannot_be_made_is_named(
    router: Any, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DatabaseConfigurationError, match=problem):
        configure(router, **options)


def test_the_resolver_is_made_once_per_configuration() -> None:
    configure(AdminRouter)
    first = DefaultRouterResolver()
    assert DefaultRouterResolver() is first
    connections.configure(URLS)
    assert DefaultRouterResolver() is not first
    assert DefaultRouterResolver().routers == []
