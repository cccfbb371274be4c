"""Who loses the race for a new row gets the row of the winner, in transactions and with unique pairs, too."""

from __future__ import annotations

import asyncio
from pathlib import Path

from openviper.db.connection import atomic
from openviper.db.fields import CharField, IntegerField
from openviper.db.models import F, Model
from tests.integration.db.support import database

EVERY_DATABASE = True


class Counter(Model):
    _app_name = "races_for_a_row"

    name = CharField(max_length=20, unique=True)
    n = IntegerField(default=0)


class Pair(Model):
    _app_name = "races_for_a_row"

    left = CharField(max_length=20)
    right = CharField(max_length=20)
    n = IntegerField(default=0)

    class Meta:
        unique_together = ("left", "right")


async def test_get_or_create_in_transactions(tmp_path: Path) -> None:
    async with database(tmp_path, Counter):

        async def count_up() -> None:
            async with atomic():
                counter, _ = await Counter.objects.get_or_create(name="c")
                await Counter.objects.filter(pk=counter.pk).update(n=F("n") + 1)

        await asyncio.gather(*(count_up() for _ in range(6)))
        assert await Counter.objects.values_list("name", "n") == [("c", 6)]


async def test_update_or_create_by_everybody_at_once(tmp_path: Path) -> None:
    async with database(tmp_path, Counter, Pair):
        made = await asyncio.gather(
            *(Counter.objects.update_or_create({"n": number}, name="c") for number in range(6))
        )
        assert sum(created for _, created in made) == 1
        pairs = await asyncio.gather(
            *(Pair.objects.get_or_create({"n": number}, left="a", right="b") for number in range(6))
        )
        assert (
            sum(created for _, created in pairs) == 1 and len({pair.pk for pair, _ in pairs}) == 1
        )
