"""Results go by the return annotation of their actor, through every store: to the next step of a chain, and to the sender."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from openviper.tasks import broker as process_broker
from openviper.tasks import chain
from openviper.tasks.actors import Actor, Registry
from openviper.tasks.broker import pinned_broker
from openviper.tasks.brokers.base import Broker, Consumer, Filter, WorkerStatus
from openviper.tasks.conf import resolve_tasks_config
from openviper.tasks.exceptions import Reject, ResultFailure
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import Message, Outcome
from openviper.tasks.worker.outcome import failed, succeeded


@dataclass
class Order:
    """A value that JSON does not have."""

    key: UUID
    price: Decimal
    placed_at: datetime


STATUS = WorkerStatus(0.0, False)
ORDERS = {date(2026, 1, 31): Order(UUID(int=7), Decimal("1.50"), datetime(2026, 1, 31, tzinfo=UTC))}


def load() -> dict[date, Order]:
    """Return orders by their days."""
    return ORDERS


def price(orders: dict[date, Order], factor: Decimal) -> tuple[Decimal, set[int]]:
    """Return a sum, and a set."""
    return sum((each.price for each in orders.values()), Decimal(0)) * factor, {1, 2}


def lying() -> dict[date, Order]:
    """Return something else than is said."""
    return {date(2026, 1, 31): "hunter2"}  # type: ignore[dict-item]  # what the test is about


@pytest.fixture
def consumer(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Consumer]:
    """Return a consumer of everything, of the broker that messages go to while the test runs."""
    monkeypatch.setattr(process_broker, "_config", resolve_tasks_config({"backend_url": "on"}))
    with pinned_broker(broker):
        made = broker.consumer(new_worker_id(), None)
        yield made
        made.close()


@pytest.fixture
def actors() -> Iterator[tuple[Actor[Any, Any], ...]]:
    """Return `load`, `price` and `lying` as actors that keep their results."""
    before = dict(Registry._actors)
    yield tuple(
        Registry.register_actor(
            Actor(fn, actor_name=f"typed.{fn.__name__}", store_results=True, max_retries=0)
        )
        for fn in (load, price, lying)
    )
    Registry._actors = before


def work_off(consumer: Consumer) -> tuple[Message, ...]:
    """Run the one message that is there as a worker does, and return it."""
    consumer.heartbeat(STATUS)
    (message,) = consumer.exchange([], 10)
    actor = Registry.get_actor(message.actor_name)
    args, kwargs = actor.received(message)
    value = actor.fn(*args, **kwargs)
    try:
        end = succeeded(message, actor, value, keep_results=True)
    except Reject as error:
        end = failed(message, actor, error)
    consumer.exchange([end], 0)
    return (message,) if end.outcome is Outcome.DONE else ()


async def test_a_result_reaches_the_next_step_and_the_sender_in_its_type(
    consumer: Consumer, actors: tuple[Actor[Any, Any], ...]
) -> None:
    loading, pricing, _ = actors
    alone = loading.send()
    assert work_off(consumer)
    assert alone.get_result(timeout=0) == await alone.result(timeout=0) == ORDERS
    last = chain(loading.message(), pricing.message(factor=Decimal(2)), pass_results=True)
    assert work_off(consumer)
    assert work_off(consumer)
    assert last.get_result(timeout=0) == (Decimal("3.00"), {1, 2})


def test_a_result_of_another_type_is_said_to_be_so_and_ends_a_chain_that_needs_it(
    consumer: Consumer, broker: Broker, actors: tuple[Actor[Any, Any], ...]
) -> None:
    _, pricing, wrong = actors
    sent = wrong.send()
    assert work_off(consumer)
    with pytest.raises(ResultFailure, match="is not what its annotation says: .*must be") as caught:
        sent.get_result(timeout=0)
    assert caught.value.type_name == "TypeError"
    assert "hunter2" not in str(caught.value)
    chain(wrong.message(), pricing.message(Decimal(2)), pass_results=True)
    assert work_off(consumer) == ()
    assert consumer.exchange([], 10) == []
    (dead,) = broker.messages(Filter(state="dead"))
    assert dead.actor_name == "typed.lying"
    assert "is not what its annotation says" in dead.error
