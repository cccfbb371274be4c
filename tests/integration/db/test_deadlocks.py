"""Transactions that wait for each other: one goes on, the other is told so, and nothing of it is stored."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from openviper.db.connection import atomic
from openviper.db.exceptions import OperationalError
from openviper.db.fields import CharField, IntegerField
from openviper.db.models import F, Model
from tests.integration.db.support import database


class Counter(Model):
    _app_name = "deadlocks"

    name = CharField(max_length=20, unique=True)
    n = IntegerField(default=0)


async def deadlock(swallow: bool, outcomes: list[str]) -> None:
    """Have two transactions, each with a savepoint, lock two rows crosswise."""
    locked = asyncio.Barrier(2)

    async def cross(first: str, second: str) -> None:
        async with atomic():
            await Counter.objects.filter(name=first).update(n=F("n") + 1)
            await locked.wait()
            try:
                async with atomic():
                    await Counter.objects.filter(name=second).update(n=F("n") + 10)
            except OperationalError as error:
                outcomes.append(f"retryable={error.retryable} undone={error.undone}")
                if not swallow:
                    raise
                await Counter.objects.create(name="after")
        outcomes.append("committed")

    results = await asyncio.gather(cross("a", "b"), cross("b", "a"), return_exceptions=True)
    outcomes += [type(result).__name__ for result in results if result is not None]


@pytest.mark.parametrize("vendor", ["postgresql", "mysql"], indirect=True)
@pytest.mark.parametrize("swallow", [False, True])
async def test_a_deadlock_in_a_savepoint_is_told_as_one(
    tmp_path: Path, vendor: str, swallow: bool
) -> None:
    async with database(tmp_path, Counter):
        await Counter.objects.bulk_create([Counter(name="a"), Counter(name="b")])
        outcomes: list[str] = []
        await deadlock(swallow, outcomes)
        assert "retryable=True undone=True" in outcomes and "committed" in outcomes
        # PostgreSQL has undone the savepoint only, so a transaction that lives on may write.
        lives_on = swallow and vendor == "postgresql"
        assert outcomes.count("OperationalError") == (0 if lives_on else 1)
        assert await Counter.objects.filter(name="after").exists() is lives_on
