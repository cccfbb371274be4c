"""Who loses the race for a new row gets the row of the winner, in transactions and with unique pairs, too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import atomic
from openviper.db.exceptions import OperationalError
from openviper.db.fields import CharField, IntegerField, UUIDField
from openviper.db.models import F, Model
from openviper.exceptions import IntegrityError
from tests.integration.db.support import database

EVERY_DATABASE = True
LOSERS = 8
ROUNDS = 3
"""Before losers locked the winner's row one after the other, one round in two ended in a deadlock on MariaDB."""


class Counter(Model):
    _app_name = "races_for_a_row"

    name = CharField(max_length=20, unique=True)
    n = IntegerField(default=0)
    other = CharField(max_length=20, null=True, unique=True)


class Pair(Model):
    _app_name = "races_for_a_row"

    id = UUIDField(primary_key=True, auto=True)
    left = CharField(max_length=20)
    right = CharField(max_length=20)
    n = IntegerField(default=0)

    class Meta:
        unique_together = ("left", "right")


async def get_counter(name: str) -> bool:
    return (await Counter.objects.get_or_create(name=name))[1]


async def update_counter(name: str) -> bool:
    return (await Counter.objects.update_or_create({"n": 1}, name=name))[1]


async def get_pair(name: str) -> bool:
    return (await Pair.objects.get_or_create({"n": 1}, left=name, right="b"))[1]


async def update_pair(name: str) -> bool:
    return (await Pair.objects.update_or_create({"n": 1}, left=name, right="b"))[1]


@pytest.mark.parametrize("get", [get_counter, update_counter, get_pair, update_pair])
async def test_one_creates_and_all_get(
    tmp_path: Path, get: Callable[[str], Awaitable[bool]]
) -> None:
    async with database(tmp_path, Counter, Pair):
        for number in range(ROUNDS):
            created = await asyncio.gather(*(get(f"c{number}") for _ in range(LOSERS)))
            assert sorted(created) == [False] * (LOSERS - 1) + [True]
        assert await Counter.objects.count() + await Pair.objects.count() == ROUNDS


@pytest.mark.parametrize("model", [Counter, Pair])
@pytest.mark.parametrize("method", ["get_or_create", "update_or_create"])
async def test_losers_in_transactions_go_on_with_the_row(
    tmp_path: Path, model: type[Any], method: str
) -> None:
    def lookups(number: int) -> dict[str, str]:
        name = f"c{number}"
        return {"name": name} if model is Counter else {"left": name, "right": "b"}

    async with database(tmp_path, Counter, Pair):

        async def count_up(number: int) -> None:
            async with atomic():
                found, _ = await getattr(model.objects, method)({}, **lookups(number))
                await model.objects.filter(pk=found.pk).update(n=F("n") + 1)

        for number in range(ROUNDS):
            await asyncio.gather(*(count_up(number) for _ in range(LOSERS)))
        assert await model.objects.values_list("n", flat=True) == [LOSERS] * ROUNDS


async def test_a_row_that_is_refused_for_another_reason(tmp_path: Path) -> None:
    async with database(tmp_path, Counter):
        await Counter.objects.create(name="a", other="taken")
        for begin in (atomic, asyncio.Lock):
            async with begin():
                with pytest.raises(IntegrityError):
                    await Counter.objects.get_or_create({"other": "taken"}, name="b")
        with pytest.raises(IntegrityError):
            await Counter.objects.update_or_create({"other": "taken"}, name="b")
        assert await Counter.objects.values_list("name", "n") == [("a", 0)]


async def test_defaults_are_worked_out_again_for_a_new_attempt(tmp_path: Path) -> None:
    async with database(tmp_path, Counter):
        calls: list[int] = []

        def next_number() -> int:
            calls.append(len(calls))
            if len(calls) < 3:
                raise OperationalError("a deadlock", retryable=True, undone=True)
            return 7

        made, created = await Counter.objects.update_or_create({"n": next_number}, name="a")
        assert (made.n, created, len(calls)) == (7, True, 3)
        calls.clear()
        with pytest.raises(OperationalError, match="a deadlock"):
            async with atomic():
                await Counter.objects.update_or_create({"n": next_number}, name="b")
        assert len(calls) == 1
        assert await Counter.objects.values_list("name", flat=True) == ["a"]
