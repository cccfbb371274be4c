"""Calls that belong together, as they are stored: many at once, chains, groups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from openviper.tasks import actor, chain, group, send_many
from openviper.tasks.actors import Actor
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.exceptions import (
    OpenViperTasksError,
    ResultMissing,
    ResultNotKeptError,
    ResultTimeout,
)
from openviper.tasks.flows import MAX_STEPS, Group, find_group
from openviper.tasks.message import Finished, Message, Outcome, from_values, to_json
from openviper.tasks.signing import check_signature
from tests.unit.tasks.conftest import Configure

WORKER = "host:1:2:3"


@pytest.fixture
def add() -> Actor[Any, Any]:
    """An actor of two arguments that keeps its results."""

    @actor(actor_name="add", store_results=True, queue_name="sums")
    def work(a: int, b: int = 0) -> int:
        return a + b

    return work


@pytest.fixture
def tell() -> Actor[Any, Any]:
    """An actor of one argument that keeps no results."""

    @actor(actor_name="tell")
    def work(text: str) -> None:
        pass

    return work


def stored(broker: MemoryBroker) -> list[Message]:
    return [entry.message for entry in broker.entries.values()]


def steps(message: Message) -> list[Message]:
    """Return what follows a message."""
    return [from_values(values) for values in message.option("then") or ()]


def run_all(broker: MemoryBroker, outcome: Outcome = Outcome.DONE) -> None:
    """End every message that is ready, and what follows them."""
    consumer = broker.consumer(WORKER, None)
    while claimed := consumer.exchange([], 10):
        consumer.exchange([Finished(message, outcome) for message in claimed], 0)
    consumer.close()


# Many at once


def test_many_calls_keep_their_order_and_their_queues(
    memory: MemoryBroker, add: Any, tell: Any
) -> None:
    proxies = send_many([add.message(1), tell.message("x"), add.message(2, b=3)])
    messages = stored(memory)
    assert [message.message_id for message in messages] == [each.message_id for each in proxies]
    assert [message.queue_name for message in messages] == ["sums", "default", "sums"]
    assert [message.arguments() for message in messages] == [
        ([1], {}), (["x"], {}), ([2], {"b": 3}),
    ]  # fmt: skip


def test_sending_none_stores_none(memory: MemoryBroker) -> None:
    assert send_many([]) == []
    assert stored(memory) == []


@pytest.mark.parametrize("position", [0, 1, 2])
def test_one_call_that_does_not_fit_keeps_all_others_back(
    memory: MemoryBroker, add: Any, position: int
) -> None:
    calls = [add.message(1), add.message(2)]
    calls.insert(position, add.message(1, 2, 3))
    with pytest.raises(TypeError, match="'add' cannot be called so"):
        send_many(calls)
    assert stored(memory) == []


def test_a_call_of_an_actor_that_this_process_does_not_know_is_sent(memory: MemoryBroker) -> None:
    (proxy,) = send_many(
        [{"actor_name": "elsewhere", "queue_name": "far", "args": (1,), "kwargs": {"x": 2}}]
    )
    (message,) = stored(memory)
    assert (message.actor_name, message.queue_name) == ("elsewhere", "far")
    assert message.arguments() == ([1], {"x": 2})
    assert proxy.message_id == message.message_id


# Chains


def test_a_chain_is_one_message_that_bears_the_others(
    memory: MemoryBroker, add: Any, tell: Any
) -> None:
    last = chain(add.message(1), add.message(2), tell.message("x"))
    (first,) = stored(memory)
    assert [step.actor_name for step in steps(first)] == ["add", "tell"]
    assert steps(first)[-1].message_id == last.message_id
    assert first.option("pass") is None


def test_a_chain_of_one_is_a_message_like_any_other(memory: MemoryBroker, add: Any) -> None:
    proxy = chain(add.message(1), pass_results=True)
    (message,) = stored(memory)
    assert (message.message_id, message.options) == (proxy.message_id, None)


def test_with_results_passed_on_later_steps_need_not_fit_yet_and_the_first_has_to(
    memory: MemoryBroker, add: Any
) -> None:
    chain(add.message(1), add.message(), pass_results=True)
    (message,) = stored(memory)
    assert message.option("pass") is True
    with pytest.raises(TypeError, match="cannot be called so"):
        chain(add.message(), add.message(1), pass_results=True)
    with pytest.raises(TypeError, match="cannot be called so"):
        chain(add.message(1), add.message())
    assert stored(memory) == [message]


@pytest.mark.parametrize("number", [0, MAX_STEPS + 1])
def test_a_chain_of_no_or_too_many_steps_is_refused(
    memory: MemoryBroker, add: Any, number: int
) -> None:
    with pytest.raises(ValueError, match=f"1 to {MAX_STEPS} calls, not {number}"):
        chain(*[add.message(1)] * number)
    assert stored(memory) == []


def test_the_longest_chain_is_taken(memory: MemoryBroker, add: Any) -> None:
    chain(*[add.message(1)] * MAX_STEPS)
    assert len(steps(stored(memory)[0])) == MAX_STEPS - 1


def test_arguments_of_later_steps_are_written_when_the_chain_is_made(
    memory: MemoryBroker, add: Any
) -> None:
    @actor(actor_name="untyped")
    def work(first: Any, second: Any) -> None:
        pass

    untyped: Any = work
    with pytest.raises(TypeError, match="cannot be written as JSON"):
        chain(add.message(1), untyped.message({1, 2}), pass_results=True)
    with pytest.raises(TypeError, match="'add' cannot be called so: b: must be an integer"):
        chain(add.message(1), add.message({1, 2}), pass_results=True)
    assert stored(memory) == []


# Groups


def test_the_members_of_a_group_bear_its_id_and_it_knows_their_number(
    memory: MemoryBroker, add: Any, tell: Any
) -> None:
    made = group(add.message(1), tell.message("x"))
    assert {message.option("group") for message in stored(memory)} == {made.group_id}
    assert made.progress() == (made.group_id, 2, 0, 0)
    assert [each.message_id for each in made.messages] == [
        message.message_id for message in stored(memory)
    ]
    assert repr(made) == f"<Group {made.group_id} of 2>"


def test_a_chain_in_a_group_is_one_member_whose_result_is_that_of_its_last_step(
    memory: MemoryBroker, add: Any, tell: Any
) -> None:
    made = group([add.message(1), add.message(2)], (tell.message("x"),))
    first, second = stored(memory)
    assert made.progress().total == 2
    assert made.messages[0].message_id == steps(first)[0].message_id
    assert made.messages[1].message_id == second.message_id


@pytest.mark.parametrize(
    ("calls", "problem"),
    [((), "at least one call"), (([],), "1 to 100 calls, not 0")],
)
def test_a_group_or_a_member_of_nothing_is_refused(
    memory: MemoryBroker, calls: Any, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        group(*calls)
    assert memory.groups == {}


@pytest.mark.parametrize("name", ["then", "on_failure"])
def test_a_callback_that_does_not_fit_is_refused_before_anything_is_stored(
    memory: MemoryBroker, add: Any, name: str
) -> None:
    with pytest.raises(TypeError, match="cannot be called so"):
        group(add.message(1), **{name: add.message()})
    assert stored(memory) == [] and memory.groups == {}


@pytest.mark.parametrize(
    ("outcome", "callback"), [(Outcome.DONE, "then"), (Outcome.DEAD, "on_failure")]
)
def test_the_callback_that_fits_the_end_is_sent_once(
    memory: MemoryBroker, add: Any, tell: Any, outcome: Outcome, callback: str
) -> None:
    made = group(
        add.message(1), add.message(2), then=tell.message("then"), on_failure=tell.message("on_failure")
    )  # fmt: skip
    consumer = memory.consumer(WORKER, ["sums"])
    for message in consumer.exchange([], 10):
        assert [each for each in stored(memory) if each.actor_name == "tell"] == []
        consumer.exchange([Finished(message, outcome)], 0)
    consumer.close()
    (sent,) = [each for each in stored(memory) if each.actor_name == "tell"]
    assert sent.arguments() == ([callback], {})
    info = made.progress()
    assert (info.done, info.failed) == ((2, 0) if outcome is Outcome.DONE else (0, 2))


async def test_waiting_ends_with_the_last_member_and_says_how_it_went(
    memory: MemoryBroker, add: Any
) -> None:
    made = group(add.message(1), add.message(2))
    run_all(memory)
    assert await made.wait(timeout=0) == (made.group_id, 2, 2, 0)


async def test_waiting_for_a_group_that_goes_on_ends_with_its_time(
    memory: MemoryBroker, add: Any
) -> None:
    made = group(add.message(1))
    with pytest.raises(ResultTimeout, match=f"{made.group_id!r} had no result after 0 ms"):
        await made.wait(timeout=0)
    with pytest.raises(ValueError, match="timeout=-1 is negative"):
        await made.wait(timeout=-1)


async def test_a_group_that_nobody_knows_is_named(memory: MemoryBroker) -> None:
    with pytest.raises(OpenViperTasksError, match="no group 'x' is known"):
        find_group("x")
    with pytest.raises(OpenViperTasksError, match="no group 'x' is known"):
        await Group("x", []).wait()


# Circumstances


def test_nothing_that_needs_a_worker_is_sent_while_tasks_are_disabled(
    memory: MemoryBroker, configure: Configure, add: Any
) -> None:
    configure(enabled=False)
    for send, what in (
        (lambda: send_many([]), "send_many"),
        (lambda: chain(add.message(1)), "chain"),
        (lambda: group(add.message(1)), "group"),
    ):
        with pytest.raises(OpenViperTasksError, match=rf"{what}\(\) needs a worker"):
            send()
    assert stored(memory) == []


def test_every_message_of_a_flow_is_signed_with_what_follows_it(
    memory: MemoryBroker, configure: Configure, add: Any, tell: Any
) -> None:
    configure(sign=1)
    send_many([add.message(1)])
    chain(add.message(1), add.message(2))
    group([add.message(1), add.message(2)], add.message(3))
    messages = stored(memory)
    assert len(messages) == 4
    for message in messages:
        check_signature(message)


def test_the_result_of_an_actor_that_keeps_none_is_not_waited_for(
    memory: MemoryBroker, configure: Configure, add: Any, tell: Any
) -> None:
    configure(backend_url="on")
    kept, dropped = send_many([add.message(1), tell.message("x")])
    with pytest.raises(ResultNotKeptError, match="'tell' keeps no results"):
        dropped.get_result(block=False)
    with pytest.raises(ResultMissing, match="no result yet"):
        kept.get_result(block=False)


@pytest.mark.parametrize("pass_results", [False, True])
def test_the_steps_of_a_chain_keep_the_priority_of_their_actors(
    memory: MemoryBroker, pass_results: bool
) -> None:
    @actor(actor_name="urgent", priority=-5, queue_name="fast")
    def work(*values: int) -> None:
        pass

    chain(work.message(1), work.message(2), pass_results=pass_results)
    (first,) = stored(memory)
    assert [(each.priority, each.queue_name) for each in (first, *steps(first))] == [
        (-5, "fast")
    ] * 2


# Typed arguments of later steps


@dataclass
class Order:
    """A value that JSON does not have."""

    number: int
    due: date


@pytest.fixture
def ship() -> Actor[Any, Any]:
    """An actor of typed arguments, the first of which may be the result of the step before."""

    @actor(actor_name="ship")
    def work(count: int, order: Order, *, day: date | None = None) -> None:
        pass

    return work


@pytest.mark.parametrize(
    ("args", "kwargs", "named"),
    [
        ((Order(1, date(2026, 1, 2)),), {"day": "tomorrow"}, r"day.*tomorrow"),
        (("half an order",), {}, r"order.*half an order"),
        (({"number": "x7", "due": "2026-01-02"},), {}, r"order\.number.*x7"),
        ((), {}, "missing a required argument: 'order'"),
        ((Order(1, date(2026, 1, 2)), 5), {}, "too many positional arguments"),
        ((Order(1, date(2026, 1, 2)),), {"count": 3}, "multiple values for argument 'count'"),
    ],
)
@pytest.mark.parametrize("pass_results", [True, False])
def test_arguments_of_later_steps_are_checked_when_the_chain_is_sent(
    memory: MemoryBroker,
    add: Any,
    ship: Any,
    args: Any,
    kwargs: Any,
    named: str,
    pass_results: bool,
) -> None:
    first = () if pass_results else (1,)
    with pytest.raises(TypeError, match=f"'ship' cannot be called so: .*{named}"):
        chain(add.message(1), ship.message(*first, *args, **kwargs), pass_results=pass_results)
    assert stored(memory) == []


def test_typed_arguments_behind_a_result_are_written_as_their_annotations_say(
    memory: MemoryBroker, add: Any, ship: Any
) -> None:
    order = Order(7, date(2026, 1, 2))
    chain(add.message(1), ship.message(order, day=date(2026, 3, 4)), pass_results=True)
    (message,) = steps(stored(memory)[0])
    written = {"number": 7, "due": "2026-01-02"}
    assert message.arguments() == ([written], {"day": "2026-03-04"})
    args, kwargs = ship.received(
        Message("ship", "default", to_json({"args": [3, written], "kwargs": {}}))
    )
    assert (list(args), kwargs) == ([3, order], {})


def test_a_step_behind_a_result_of_an_actor_that_is_not_known_here_is_sent_as_it_is(
    memory: MemoryBroker, add: Any
) -> None:
    far: Any = {"actor_name": "far", "queue_name": "default", "args": (1,), "kwargs": {"x": 2}}
    chain(add.message(1), far, pass_results=True)
    assert steps(stored(memory)[0])[0].arguments() == ([1], {"x": 2})
