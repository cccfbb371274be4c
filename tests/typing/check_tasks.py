"""What the type checker knows of tasks."""

from __future__ import annotations

from datetime import date
from typing import Any, assert_type

from openviper.tasks import TaskMessageProxy, actor, chain, enqueue_task, group
from openviper.tasks.sending import Call


@actor(store_results=True)
def due(order: int) -> date:
    """Return a day."""
    return date(2026, 1, order)


@actor(store_results=True)
async def total(orders: list[int]) -> int:
    """Return a sum."""
    return sum(orders)


async def a_result_has_the_type_that_the_actor_returns() -> None:
    assert_type(due.send(1).get_result(), date)
    assert_type(await due.send(1).result(timeout=5), date)
    assert_type(due.send_many([(1,)])[0].get_result(), date)
    assert_type(due.send_with_options(args=(1,)).get_result(), date)
    assert_type((await due.asend(1)).get_result(), date)


async def a_result_of_an_async_actor_is_what_one_awaits_there() -> None:
    assert_type(total.send([1]).get_result(), int)
    assert_type(await total.send([1]).result(), int)


def what_is_not_known_is_anything(sent: TaskMessageProxy) -> None:
    assert_type(sent.get_result(), Any)
    assert_type(enqueue_task("shop.due", (1,)).get_result(), Any)
    due.send("x")  # type: ignore[arg-type]  # an order has a number


def a_call_that_is_not_sent_yet_is_a_step_with_or_without_options() -> None:
    later = due.message_with_options(args=(1,), delay=60_000, queue="slow")
    assert_type(later, Call)
    assert_type(chain(due.message(1), later), TaskMessageProxy)
    group(due.message(1), [later], then=later)
    due.message_with_options(countdown=60)  # type: ignore[call-arg]  # Celery's word
