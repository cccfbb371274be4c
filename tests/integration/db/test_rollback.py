"""What a transaction could not do, the instances do not believe: after a rollback they are what they were."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import atomic, get_connection
from openviper.db.connections.databases import current_block
from openviper.db.exceptions import OperationalError
from openviper.db.fields import CharField, DateTimeField, ForeignKey, IntegerField, UUIDField
from openviper.db.fields.rollback import NewInstances
from openviper.db.models import Model
from openviper.exceptions import DoesNotExist, IntegrityError
from tests.integration.db.support import database, seeds

EVERY_DATABASE = True


class Customer(Model):
    _app_name = "rollback"

    name = CharField(max_length=20, unique=True)
    visits = IntegerField(default=0)


class Order(Model):
    _app_name = "rollback"

    state = CharField(max_length=20)
    pieces = IntegerField(default=1)
    note = CharField(max_length=20, null=True)
    touched = DateTimeField(auto_now=True)
    made = DateTimeField(auto_now_add=True)
    customer = ForeignKey(Customer, null=True, related_name="orders")


class Ticket(Model):
    _app_name = "rollback"

    id = UUIDField(primary_key=True, auto=True)
    seat = IntegerField()


class Watched(Model):
    _app_name = "rollback"

    label = CharField(max_length=20)
    fails = False

    async def after_insert(self) -> None:
        """Fail when told to."""
        if type(self).fails:
            raise Undone

    async def after_delete(self) -> None:
        """Fail when told to."""
        if type(self).fails:
            raise Undone


MODELS = (Customer, Order, Ticket, Watched)


class Undone(Exception):
    """Ends a transaction."""


def belief(instance: Any) -> tuple[Any, ...]:
    """Return what an instance believes of its row."""
    return instance._row, instance.pk, instance.get_changed_fields()


async def undone(work: Callable[[], Awaitable[Any]]) -> None:
    """Run work in a transaction that is rolled back."""
    with pytest.raises(Undone):
        async with atomic():
            await work()
            raise Undone


async def test_a_created_instance_is_new_again_and_its_next_save_stores_it(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        order = Order(state="new")
        before = belief(order)
        await undone(order.save)
        assert belief(order) == before == (None, None, {})
        values = order.to_dict()
        assert values["made"] is None and values["touched"] is None
        await order.save()
        assert await Order.objects.values_list("state", flat=True) == ["new"]


async def test_a_changed_instance_still_has_its_change_to_save(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        order = await Order.objects.create(state="new")
        touched = order.touched
        order.state = "paid"
        await undone(order.save)
        assert order.get_changed_fields() == {"state": "new"} and order.touched == touched
        await order.save()
        assert await Order.objects.values_list("state", flat=True) == ["paid"]


async def test_a_deleted_instance_is_stored_again(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        order = await Order.objects.create(state="new")
        part = (await Order.objects.only("state"))[0]
        for instance in (order, part):
            before, deferred = belief(instance), instance.get_deferred_fields()
            await undone(instance.delete)
            assert belief(instance) == before and instance.get_deferred_fields() == deferred
        order.state = "kept"
        await order.save()
        assert await Order.objects.values_list("state", flat=True) == ["kept"]


async def test_a_refreshed_instance_has_its_old_values_and_changes(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        customer = await Customer.objects.create(name="Ada")
        order = await Order.objects.create(state="new", customer=customer)
        order.pieces = 7
        before = belief(order)

        async def work() -> None:
            await Order.objects.filter().update(state="other", note="uncommitted")
            await order.refresh_from_db()
            assert (order.state, order.pieces, order.has_changed) == ("other", 1, False)

        await undone(work)
        assert belief(order) == before and order.get_changed_fields() == {"pieces": 1}
        assert (order.state, order.note, await order.customer) == ("new", None, customer)
        await order.save()
        assert await Order.objects.values_list("state", "pieces", "note") == [("new", 7, None)]


async def test_instances_stored_in_bulk_can_be_stored_in_bulk_again(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        orders = [Order(state=f"s{number}") for number in range(3)]
        tickets = [Ticket(seat=number) for number in range(3)]
        keys = [ticket.pk for ticket in tickets]

        async def create() -> None:
            await Order.objects.bulk_create(orders)
            await Ticket.objects.bulk_create(tickets)

        await undone(create)
        assert [belief(order) for order in orders] == [(None, None, {})] * 3
        assert [ticket.pk for ticket in tickets] == keys and not tickets[0]._row
        await create()
        assert await Order.objects.count() == await Ticket.objects.count() == 3
        for order in orders:
            order.pieces = 5
        before = [belief(order) for order in orders]
        await undone(lambda: Order.objects.bulk_update(orders, ["pieces"]))
        assert [belief(order) for order in orders] == before
        await orders[0].save()
        assert await Order.objects.filter(pieces=5).count() == 1


async def test_a_savepoint_takes_back_its_own_part_only(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        order = await Order.objects.create(state="new")
        inside = Order(state="inside")
        async with atomic():
            order.state = "outer"
            await order.save()
            with pytest.raises(Undone):
                async with atomic():
                    order.state = "inner"
                    await order.save()
                    async with atomic():  # Released, and taken back with the one around it.
                        await inside.save()
                    raise Undone
            assert order.get_changed_fields() == {"state": "outer"} and inside.pk is None
        assert await Order.objects.values_list("state", flat=True) == ["outer"]
        await order.save()
        await inside.save()
        assert sorted(await Order.objects.values_list("state", flat=True)) == ["inner", "inside"]


async def test_a_released_savepoint_is_taken_back_with_the_transaction(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        order = await Order.objects.create(state="new")

        async def work() -> None:
            async with atomic():
                order.state = "paid"
                await order.save()

        await undone(work)
        assert order.get_changed_fields() == {"state": "new"}


async def test_a_cancelled_transaction_is_taken_back(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        order = Order(state="new")
        stored = asyncio.Event()

        async def work() -> None:
            async with atomic():
                await order.save()
                stored.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await stored.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert belief(order) == (None, None, {})


async def test_the_documented_retry_stores_everything(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        order = await Order.objects.create(state="new")
        fresh = Order(state="fresh")
        tries = 0

        async def with_retries(work: Callable[[], Awaitable[None]], attempts: int = 3) -> None:
            for attempt in range(1, attempts + 1):
                try:
                    async with atomic():
                        await work()
                    return
                except OperationalError as error:
                    if not error.retryable or attempt == attempts:
                        raise

        async def work() -> None:
            nonlocal tries
            tries += 1
            order.state = "paid"
            await order.save()
            await fresh.save()
            if tries == 1:
                raise OperationalError("deadlock", retryable=True)

        await with_retries(work)
        assert tries == 2
        assert await Order.objects.order_by("pk").values_list("state", flat=True) == [
            "paid",
            "fresh",
        ]


async def test_a_failing_hook_leaves_the_instance_as_it_was(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        kept = await Watched.objects.create(label="kept")
        made = Watched(label="made")
        Watched.fails = True
        try:
            with pytest.raises(Undone):
                await made.save()
            with pytest.raises(Undone):
                await kept.delete()
        finally:
            Watched.fails = False
        assert made.pk is None and made._row is None
        kept.label = "changed"
        await kept.save()
        assert await Watched.objects.values_list("label", flat=True) == ["changed"]


async def test_a_refused_statement_inside_a_savepoint_takes_only_that_back(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        await Customer.objects.create(name="Ada")
        async with atomic():
            first, second = Customer(name="Bob"), Customer(name="Ada")
            await first.save()
            with pytest.raises(IntegrityError):
                async with atomic():
                    first.visits = 3
                    await first.save()
                    await second.save()
            assert first.get_changed_fields() == {"visits": 0} and second.pk is None
        assert await Customer.objects.values_list("name", "visits") == [("Ada", 0), ("Bob", 0)]


async def test_created_get_or_create_and_relations_are_taken_back(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        made: list[Customer] = []

        async def work() -> None:
            customer, created = await Customer.objects.get_or_create({"visits": 1}, name="Eve")
            assert created
            made.append(customer)

        await undone(work)
        assert made[0].pk is None
        await made[0].save()
        assert await Customer.objects.values_list("name", "visits") == [("Eve", 1)]


async def test_what_nobody_holds_any_more_takes_no_memory(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        async with atomic():
            for number in range(20):
                await Customer.objects.create(name=str(number))
            for number in range(20):
                await Customer(name=f"with key {number}", id=1000 + number).save()
            gc.collect()
            block = current_block("default")
            assert block is not None
            # New instances are kept together, as references whose number is bounded.
            images = [image for image in block.undo.values() if not isinstance(image, NewInstances)]
            assert not images
            kept = Customer(name="kept", id=2000)
            await kept.save()
            assert id(kept) in block.undo
        assert not block.undo


# Random transactions


class Play:
    """Random work on some instances in nested transactions, which commit or not."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.orders: list[Order] = [Order(state=f"o{number}") for number in range(4)]
        self.log: list[str] = []

    async def step(self) -> None:
        """Do one thing to one instance or to several."""
        order = self.random.choice(self.orders)
        action = self.random.choice(
            ("save", "save", "set", "set", "delete", "refresh", "bulk_create", "bulk_update", "sql")
        )
        self.log.append(f"{action} {self.orders.index(order)}")
        if action == "set":
            order.pieces = self.random.randrange(1000)
            order.note = self.random.choice((None, "a", "b"))
        elif action == "sql":
            await Order.objects.filter(pk=order.pk).update(pieces=self.random.randrange(1000))
            await self._reload(order)
        elif action == "save":
            await order.save()
        elif action == "delete" and order._row is not None:
            await order.delete()
            order.pk = None
        elif action == "refresh":
            await self._reload(order)
        elif action == "bulk_create":
            await Order.objects.bulk_create([one for one in self.orders if one._row is None])
        elif action == "bulk_update":
            stored = [one for one in self.orders if one._row is not None]
            await Order.objects.bulk_update(stored, ["pieces", "note"])

    async def _reload(self, order: Order) -> None:
        if order._row is not None:
            await order.refresh_from_db()

    async def transaction(self, depth: int) -> None:
        """Open a transaction or savepoint, work in it, and leave it one way or the other."""
        self.log.append(f"begin {depth}")
        keeps = self.random.random() < 0.5
        try:
            async with atomic():
                for _ in range(self.random.randrange(1, 5)):
                    if depth < 3 and self.random.random() < 0.35:
                        await self.transaction(depth + 1)
                    else:
                        await self.step()
                if not keeps:
                    raise Undone
        except Undone:
            pass
        self.log.append(f"{'keep' if keeps else 'undo'} {depth}")
        await self.check()

    async def check(self) -> None:
        """Compare what every instance believes with what is stored."""
        rows = {
            row[0]: row
            for row in await Order.objects.values_list("id", "state", "pieces", "note", "touched")
        }
        for order in self.orders:
            if order._row is None:
                assert order.pk is None, self.log
                continue
            changed = order.get_changed_fields()
            names = ("id", "state", "pieces", "note", "touched")
            believed = tuple(changed.get(name, getattr(order, name)) for name in names)
            assert believed == rows[order.pk], self.log
        assert len(rows) == sum(order._row is not None for order in self.orders), self.log


@pytest.mark.parametrize("seed", seeds(12))
async def test_random_transactions_leave_instances_that_agree_with_the_database(
    seed: int, tmp_path: Path
) -> None:
    async with database(tmp_path, *MODELS):
        for part in range(6):
            play = Play(seed * 100 + part)
            for _ in range(4):
                await play.transaction(1)
                await play.step()
            for order in play.orders:
                await order.save()
            await play.check()
            await Order.objects.all().delete()


async def test_a_connection_of_its_own_does_not_restore_anything(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS), get_connection():
        order = await Order.objects.create(state="new")
        with pytest.raises(DoesNotExist):
            await Order(id=order.pk + 1).refresh_from_db()
        assert order._row is not None
