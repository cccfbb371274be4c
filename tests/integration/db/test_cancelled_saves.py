"""Servers: a save that is cancelled while its statement runs leaves the instance what it was, and the next save stores it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import atomic
from openviper.db.fields import CharField, IntegerField
from openviper.db.models import Model
from tests.integration.db.support import database

pytestmark = pytest.mark.parametrize("vendor", ["postgresql", "mysql"], indirect=True)


class Seat(Model):
    _app_name = "cancelled"

    name = CharField(max_length=20, unique=True)
    guests = IntegerField(default=0)


async def test_saves_that_wait_for_a_lock_are_cancelled(vendor: str, tmp_path: Path) -> None:
    async with database(tmp_path, Seat):
        for within in (atomic, nullcontext):
            for check in CHECKS:
                await check(within)
                await Seat.objects.all().delete()


class Undone(Exception):
    """What ends the transaction of the one who holds the lock."""


@asynccontextmanager
async def held(work: Any) -> AsyncIterator[None]:
    """Keep the locks of some work for the time of the block, and undo it."""
    has_begun, is_over = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with atomic():
            await work()
            has_begun.set()
            await is_over.wait()
            raise Undone

    task = asyncio.ensure_future(hold())
    await has_begun.wait()
    try:
        yield
    finally:
        is_over.set()
        with pytest.raises(Undone):
            await task


async def cancelled(instance: Seat, within: Any) -> None:
    """Save an instance, which waits for a lock, until the time is up."""
    async with within():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.03):
                await instance.save()


async def a_new_instance_is_still_new(within: Any) -> None:
    seat = Seat(name="a", guests=2)
    async with held(lambda: Seat.objects.create(name="a")):
        await cancelled(seat, within)
        assert (seat.pk, seat.has_changed) == (None, False)
    assert await Seat.objects.count() == 0
    await seat.save()
    assert await Seat.objects.values_list("name", "guests") == [("a", 2)]


async def a_changed_one_still_changed(within: Any) -> None:
    seat = await Seat.objects.create(name="a", guests=1)
    seat.guests = 5
    async with held(lambda: Seat.objects.update(guests=3)):
        await cancelled(seat, within)
        assert seat.has_changed
    assert await Seat.objects.values_list("guests", flat=True) == [1]
    await seat.save()
    assert await Seat.objects.values_list("guests", flat=True) == [5]


async def a_deleted_one_still_stored(within: Any) -> None:
    seat = await Seat.objects.create(name="a")
    async with held(lambda: Seat.objects.update(guests=3)):
        async with within():
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.03):
                    await seat.delete()
    seat.guests = 7
    await seat.save()
    assert await Seat.objects.values_list("guests", flat=True) == [7]


CHECKS = (a_new_instance_is_still_new, a_changed_one_still_changed, a_deleted_one_still_stored)
