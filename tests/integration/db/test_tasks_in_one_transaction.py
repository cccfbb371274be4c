"""Several tasks that use one transaction, or one pinned connection, at the same time: their statements take turns."""

from __future__ import annotations

import asyncio
from pathlib import Path

from openviper.db import atomic, get_connection
from openviper.db.fields import CharField, IntegerField
from openviper.db.models import Model
from tests.integration.db.support import database

EVERY_DATABASE = True


class Step(Model):
    _app_name = "tasks_in_one"

    number = IntegerField(unique=True)
    name = CharField(max_length=10, default="")


async def numbers() -> list[int]:
    return await Step.objects.order_by("number").values_list(Step.number, flat=True)


async def test_writes_and_reads_of_one_transaction(tmp_path: Path) -> None:
    async with database(tmp_path, Step):
        async with atomic():
            await asyncio.gather(
                *(Step.objects.create(number=number) for number in range(12)),
                *(Step.objects.filter(number__lt=5).count() for _ in range(6)),
                *(Step.objects.filter(number=100).update(name="x") for _ in range(3)),
            )
        assert await numbers() == list(range(12))


async def test_savepoints_of_one_transaction(tmp_path: Path) -> None:
    async def step(number: int) -> None:
        async with atomic():
            await Step.objects.create(number=number)
            await Step.objects.filter(number=number).count()
            if number % 2:
                raise LookupError

    async with database(tmp_path, Step):
        async with atomic():
            ends = await asyncio.gather(*map(step, range(10)), return_exceptions=True)
        assert [type(end) for end in ends] == [type(None), LookupError] * 5
        assert await numbers() == [0, 2, 4, 6, 8]


async def test_failures_of_one_transaction_undo_themselves_only(tmp_path: Path) -> None:
    async with database(tmp_path, Step):
        async with atomic():
            ends = await asyncio.gather(
                *(Step.objects.bulk_create([Step(number=number % 4)]) for number in range(8)),
                return_exceptions=True,
            )
        assert sum(isinstance(end, list) for end in ends) == 4
        assert await numbers() == [0, 1, 2, 3]


async def test_transactions_on_one_pinned_connection(tmp_path: Path) -> None:
    async def step(number: int) -> None:
        async with atomic():
            await Step.objects.create(number=number)

    async with database(tmp_path, Step):
        async with get_connection():
            await asyncio.gather(
                *map(step, range(6)), *(Step.objects.all().count() for _ in range(6))
            )
        assert await numbers() == list(range(6))
