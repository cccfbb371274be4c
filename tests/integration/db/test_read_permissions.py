"""Every model that a statement reads is asked for, whatever reads it and wherever it stands."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.db import Case, Coalesce, Count, Exists, OuterRef, Prefetch, Subquery, When
from openviper.db.executor import bypass_permissions, set_access_rule
from openviper.db.fields import CharField, ForeignKey, IntegerField, ManyToManyField
from openviper.db.models import F, Max, Model, Q, Sum
from openviper.exceptions import PermissionDenied, QueryError
from tests.integration.db.support import database


class Secret(Model):
    _app_name = "read_permissions"

    name = CharField(max_length=20)
    salary = IntegerField(default=0)


class Open(Model):
    _app_name = "read_permissions"

    title = CharField(max_length=20)
    secret = ForeignKey(Secret, null=True, related_name="opens")
    more = ManyToManyField(Secret, related_name="friends")


class DenyingSecrets:
    """Lets everybody do everything, but nothing to `Secret`."""

    async def check(self, model: type[Any], action: str) -> None:
        """Refuse `Secret`."""
        if model is Secret:
            raise PermissionDenied(f"{model.__name__}: {action}")


@pytest.fixture
def denied() -> Iterator[None]:
    """Have permissions decided by `DenyingSecrets`."""
    set_access_rule(DenyingSecrets())
    yield
    set_access_rule(None)


@asynccontextmanager
async def rows(folder: Path) -> AsyncIterator[None]:
    """Store a secret and what refers to it."""
    async with database(folder, Secret, Open):
        with bypass_permissions(reason="test"):
            secret = await Secret.objects.create(name="top", salary=9)
            one = await Open.objects.create(title="a", secret=secret)
            await one.more.add(secret)
            await Open.objects.create(title="b")
        yield


SECRETS = Secret.objects.filter(name__startswith="t")
MINE = SECRETS.filter(pk=OuterRef("secret_id"))
CONDITIONS: dict[str, Any] = {
    "join": Q(secret__name="top"),
    "many": Q(more__name="top"),
    "relation": Q(more__isnull=False),
    "negated": ~Q(more__salary__gt=3),
    "subquery": Q(secret__in=SECRETS),
    "names": Q(title__in=SECRETS.values_list("name", flat=True)),
    "not in": Q(secret__not_in=SECRETS),
    "expression": Q(pk__gt=F("secret__salary")),
    "function": Q(pk__gt=Coalesce("secret__salary", 0)),
    "exists": Exists(MINE),
    "case": Q(pk=Case(When(secret__salary__gt=1, then=1), default=2)),
    "value": Q(pk=Subquery(SECRETS.values_list("salary", flat=True))),
    "list": Q(pk__in=[1, F("secret__salary")]),
    "range": Q(pk__range=(0, F("secret__salary"))),
    "text": Q(title__contains=F("secret__name")),
    "nested": Q(pk__in=Open.objects.filter(secret__in=SECRETS)),
}
TERMINALS: dict[str, Any] = {
    "all": lambda query: query,
    "get": lambda query: query.get_or_none(),
    "first": lambda query: query.first(),
    "last": lambda query: query.last(),
    "count": lambda query: query.count(),
    "exists": lambda query: query.exists(),
    "values": lambda query: query.values("title"),
    "aggregate": lambda query: query.aggregate(n=Count("*")),
    "groups": lambda query: query.values("title").annotate(n=Count("*")),
    "update": lambda query: query.update(title="x"),
    "delete": lambda query: query.delete(),
    "explain": lambda query: query.explain(),
    "paginate": lambda query: query.paginate(),
    "in_bulk": lambda query: query.in_bulk(),
    "outer": lambda query: Open.objects.filter(pk__in=query),
}


@pytest.mark.parametrize("terminal", TERMINALS)
async def test_conditions_are_asked_for_by_every_terminal(
    tmp_path: Path, denied: None, terminal: str
) -> None:
    async with rows(tmp_path):
        for name, condition in CONDITIONS.items():
            for query in (Open.objects.filter(condition), Open.objects.exclude(condition)):
                with pytest.raises(PermissionDenied):
                    await TERMINALS[terminal](query)
                    pytest.fail(f"{terminal} with {name} was not asked for")
        with bypass_permissions(reason="test"):
            assert await Open.objects.filter(title__in=["a", "b"]).count() == 2


async def test_everything_else_that_reads_a_model_is_asked_for(
    tmp_path: Path, denied: None
) -> None:
    async with rows(tmp_path):
        for query in (
            Open.objects.order_by("secret__name"),
            Open.objects.values("secret__name"),
            Open.objects.annotate(x=Count("more")),
            Open.objects.annotate(x=Count("more", filter=Q(more__salary=9))),
            Open.objects.annotate(x=Sum("secret__salary")),
            Open.objects.annotate(x=Subquery(MINE.values_list("name", flat=True))),
            Open.objects.annotate(x=Exists(MINE)),
            Open.objects.values("title").annotate(x=Max("secret__salary")),
            Open.objects.select_related("secret"),
            Open.objects.prefetch_related("secret"),
            Open.objects.prefetch_related(Prefetch("more", Secret.objects.limit(1))),
            Open.objects.aggregate(x=Max("secret__salary")),
            Open.objects.all().update(title=Subquery(SECRETS.values_list("name", flat=True))),
        ):  # fmt: skip
            with pytest.raises(PermissionDenied):
                await query
        assert await Open.objects.filter(secret=1).count() == 1  # The key is the row's own.


async def test_a_bypass_ends_where_its_block_ends(tmp_path: Path, denied: None) -> None:
    async with rows(tmp_path):

        async def read() -> int:
            return await Secret.objects.count()

        async def stream() -> AsyncIterator[int]:
            yield await read()

        with bypass_permissions(reason="test"):
            assert await read() == 1
            task = asyncio.create_task(read())
            with pytest.raises(PermissionDenied):
                await task
            with pytest.raises(PermissionDenied):
                await asyncio.gather(read(), read())
            left = stream()
        with pytest.raises(PermissionDenied):
            await anext(left)
        with bypass_permissions(reason="test", inherit=True):
            assert await asyncio.create_task(read()) == 1
            later = asyncio.create_task(_after(asyncio.sleep(0), read))
        with pytest.raises(PermissionDenied):
            await read()
        assert await later == 1


async def _after(pause: Any, read: Any) -> int:
    await pause
    found: int = await read()
    return found


async def test_a_bypass_does_not_reach_threads(tmp_path: Path, denied: None) -> None:
    from openviper.db.sql.permissions import is_enforced

    found: list[bool] = []
    with bypass_permissions(reason="test"):
        assert not is_enforced()
        await asyncio.to_thread(lambda: found.append(is_enforced()))
        thread = threading.Thread(target=lambda: found.append(is_enforced()))
        thread.start()
        thread.join()
    assert found == [True, True] and is_enforced()


async def test_cursors_cannot_be_made_up(tmp_path: Path) -> None:
    async with rows(tmp_path):
        for number in range(3):
            await Secret.objects.create(name=f"s{number}", salary=number)
        page = await Secret.objects.order_by("salary").paginate(page_size=2)
        cursor = page.next_cursor
        assert cursor is not None
        following = await Secret.objects.order_by("salary").paginate(page_size=2, cursor=cursor)
        assert [secret.salary for secret in following.items] == [2, 9]
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        forged = [
            base64.urlsafe_b64encode(raw[:16] + b"[5,1]").decode(),
            base64.urlsafe_b64encode(b"[5,1]").decode(),
            base64.urlsafe_b64encode(b'{"salary":5,"id":1}').decode(),
            cursor[:-2],
            "",
            "é",
            "a" * 20_000,
        ]
        for text in forged:
            with pytest.raises(QueryError, match="does not belong"):
                await Secret.objects.order_by("salary").paginate(cursor=text)
        for other in (
            Secret.objects.order_by("-salary"),
            Secret.objects.order_by("name", "salary"),
        ):
            with pytest.raises(QueryError, match="does not belong"):
                await other.paginate(cursor=cursor)


async def secrets_inside() -> AsyncIterator[str]:
    """Read what may not be read, row by row."""
    async with bypass_permissions(reason="test"):
        for secret in await Secret.objects.all():
            yield secret.name
        yield (await Secret.objects.get(name="top")).name


@asynccontextmanager
async def as_admin() -> AsyncIterator[None]:
    with bypass_permissions(reason="test"):
        yield


async def secrets_by_helper() -> AsyncIterator[str]:
    async with as_admin():
        yield (await Secret.objects.get()).name
        yield (await Secret.objects.get()).name


@pytest.mark.usefixtures("denied")
async def test_a_generator_keeps_its_bypass_to_itself(tmp_path: Path) -> None:
    async with rows(tmp_path):
        for make in (secrets_inside, secrets_by_helper):
            seen = []
            async for name in make():
                seen.append(name)
                with pytest.raises(PermissionDenied):
                    await Secret.objects.all()
            assert seen == ["top", "top"]
            with pytest.raises(PermissionDenied):
                await Secret.objects.all()
        async with as_admin():  # A context manager is for its block.
            assert await Secret.objects.count() == 1
        left = make()
        assert await anext(left) == "top"
        with pytest.raises(PermissionDenied):
            await Secret.objects.count()
        await left.aclose()  # type: ignore[attr-defined]  # an async generator has it


@pytest.mark.usefixtures("denied")
async def test_combined_and_raw_queries_are_asked_for_too(tmp_path: Path) -> None:
    async with rows(tmp_path):
        names = Open.objects.values_list("title")
        secrets = Secret.objects.values_list("name")
        for query in (
            names.union(secrets),
            names.difference(names, secrets.union(names)),
            Open.objects.filter(title__in=secrets.union(names)),
            Secret.objects.raw("SELECT * FROM read_permissions_secret"),
        ):
            with pytest.raises(PermissionDenied):
                await query
        assert len(await names.union(Secret.objects.if_permitted().values_list("name"))) == 2


def letters_inside() -> Iterator[str]:
    with bypass_permissions(reason="test"):
        yield "a"
        yield "b"


def letters_of_another() -> Iterator[str]:
    yield from letters_inside()


@pytest.mark.usefixtures("denied")
async def test_whoever_reads_a_plain_generator_has_not_its_bypass(tmp_path: Path) -> None:
    async with rows(tmp_path):
        for letters in (letters_inside(), letters_of_another(), iter([*letters_inside()])):
            seen = []
            for letter in letters:
                seen.append(letter)
                with pytest.raises(PermissionDenied):
                    await Secret.objects.all()
            assert seen == ["a", "b"]
        left = letters_inside()
        assert next(left) == "a"
        with pytest.raises(PermissionDenied):
            await Secret.objects.count()
        del left
        with pytest.raises(PermissionDenied):
            await Secret.objects.count()


@pytest.mark.usefixtures("denied")
async def test_nothing_started_inside_a_block_has_its_bypass(tmp_path: Path) -> None:
    outcomes: dict[str, str] = {}

    async def ask(name: str) -> None:
        try:
            outcomes[name] = str(await Secret.objects.count())
        except PermissionDenied:
            outcomes[name] = "denied"

    async with rows(tmp_path):
        loop = asyncio.get_running_loop()
        called = asyncio.Event()
        with bypass_permissions(reason="test"):
            await ask("block")
            await asyncio.gather(ask("gather"))
            async with asyncio.TaskGroup() as group:
                group.create_task(ask("group"))
            tasks: list[asyncio.Task[None]] = []

            def begin() -> None:
                tasks.append(loop.create_task(ask("callback")))
                called.set()

            loop.call_soon(begin)
            await called.wait()
            await tasks[0]
            await asyncio.to_thread(lambda: asyncio.run(ask("thread")))
        await ask("behind")
    assert outcomes == {
        "block": "1",
        **dict.fromkeys(("gather", "group", "callback", "thread", "behind"), "denied"),
    }
