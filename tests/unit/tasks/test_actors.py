"""Actors: options, names, what is sent, and what is refused where it is sent."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any
from uuid import UUID

import pytest

from openviper.tasks import Registry, TaskMessageProxy, actor, enqueue_task, periodic
from openviper.tasks.actors import Actor
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.exceptions import (
    OpenViperTasksError,
    ResultMissing,
    ResultNotKeptError,
    ResultsBackendDisabledError,
    ResultTimeout,
)
from openviper.tasks.inline_calls import wait_for_inline
from openviper.tasks.schedule.catalog import run_schedule_now
from tests.unit.tasks.conftest import Configure

PLACE = "tests.unit.tasks.test_actors"


def take(anything: Any) -> None:
    """Do nothing."""


def double(number: int) -> int:
    """Return twice a number."""
    return 2 * number


async def triple(number: int) -> int:
    """Return three times a number."""
    return 3 * number


def test_an_actor_is_still_the_function() -> None:
    made = actor(double)
    assert made(4) == 8
    assert (vars(made)["__name__"], made.__doc__, made.__module__) == (
        "double",
        "Return twice a number.",
        PLACE,
    )
    assert asyncio.run(actor(triple)(4)) == 12
    assert (made.actor_name, made.queue_name, made.max_retries, made.time_limit_ms) == (
        f"{PLACE}.double", "default", 3, 600_000,
    )  # fmt: skip


def test_what_is_sent_is_stored_as_the_worker_needs_it(memory: MemoryBroker) -> None:
    made = actor(queue_name="mail", priority=-5)(double)
    proxy = made.send(4)
    assert isinstance(proxy, TaskMessageProxy)
    assert UUID(proxy.message_id).version == 4
    assert (proxy.actor_name, proxy.queue_name, proxy.args, proxy.kwargs) == (
        made.actor_name,
        "mail",
        (4,),
        {},
    )
    (stored,) = memory.messages()
    assert (stored.message_id, stored.queue_name, stored.priority) == (proxy.message_id, "mail", -5)
    assert made.message(4, x=1) == {  # type: ignore[call-arg]  # an argument that the function does not have
        "actor_name": made.actor_name, "queue_name": "mail", "args": (4,), "kwargs": {"x": 1},
    }  # fmt: skip
    assert len(memory.messages()) == 1


def test_delay_and_queue_are_for_one_message(memory: MemoryBroker) -> None:
    made = actor(double)
    made.send_with_options(args=(1,), delay=60_000, queue="slow")
    made.send(2)
    assert [(one.queue_name, one.state) for one in memory.messages()] == [
        ("slow", "delayed"),
        ("default", "ready"),
    ]
    with pytest.raises(ValueError, match="delay=-1 is negative"):
        made.send_with_options(args=(1,), delay=-1)


@pytest.mark.parametrize("value", [object(), {1, 2}, b"x", math.nan, math.inf, {(1, 2): 3}])
def test_arguments_that_json_cannot_write_are_refused_at_once(
    memory: MemoryBroker, value: Any
) -> None:
    with pytest.raises(
        TypeError,
        match=r"the arguments of 'tests\.unit\.tasks\.test_actors\.take' cannot be written",
    ):
        actor(take).send(value)
    with pytest.raises(TypeError):
        enqueue_task("anything", (value,))
    assert memory.messages() == []


def test_arguments_that_contain_themselves_are_refused(memory: MemoryBroker) -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(TypeError):
        enqueue_task("anything", (endless,))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"max_retry": 3}, "unknown options: max_retry; known: actor_name"),
        ({"max_retries": -1}, "max_retries=-1 must be a whole number of at least 0"),
        ({"time_limit": 0}, "time_limit=0 must be from 1 ms to ten years"),
        ({"max_age": math.nan}, "max_age=nan must be from 1 ms to ten years"),
        ({"min_backoff": True}, "min_backoff=True must be milliseconds or a timedelta"),
        ({"min_backoff": 10**400}, "min_backoff=a number of more than 30 digits must be"),
        ({"max_backoff": "1s"}, "max_backoff='1s' must be milliseconds or a timedelta"),
        ({"soft_time_limit": 700_000}, "soft_time_limit=700000 must be below time_limit"),
        ({"rate_limit": "5"}, "rate '5' is not a text such as"),
        ({"concurrency": 0}, "concurrency=0 must be a whole number"),
        ({"never_retry": ("x",)}, "must be exception classes"),
        ({"never_retry": ValueError()}, "must be exception classes"),
        ({"limit_key": 5, "concurrency": 1}, "limit_key=5 must be a text of 1 to 200 characters"),
        ({"store_results": "no"}, "store_results='no' must be True or False"),
        ({"log_arguments": 1}, "log_arguments=1 must be True or False"),
        ({"queue_name": "a\nb"}, "cannot be printed"),
        ({"priority": 2**40}, "priority=1099511627776 must be"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        actor(**options)
    assert problem in str(caught.value)


def test_one_name_is_for_one_function() -> None:
    first = actor(actor_name="work")(double)
    assert Registry.get_actor("work") is first
    actor(actor_name="work")(double)  # The same function again, as after a reload.
    with pytest.raises(ValueError, match="two functions are actors by the name 'work'"):
        actor(actor_name="work")(triple)
    with pytest.raises(ValueError, match="is an actor already"):
        actor(first)


def test_the_short_name_is_enough_where_one_has_it() -> None:
    made = actor(double)
    assert Registry.get_actor("double") is made
    other = Actor(double, actor_name="elsewhere.double")
    Registry.register_actor(other)
    assert Registry.find_actor("double") is None
    with pytest.raises(
        LookupError, match=r"no actor 'double' is known; known: elsewhere\.double, tests"
    ):
        Registry.get_actor("double")


def test_an_actor_nobody_knows_here_is_sent_all_the_same(memory: MemoryBroker) -> None:
    proxy = enqueue_task("other.place.work", (1,), {"x": 2}, queue_name="far", delay=60_000)
    (stored,) = memory.messages()
    assert (stored.actor_name, stored.queue_name, stored.state) == (
        "other.place.work",
        "far",
        "delayed",
    )
    assert proxy.kwargs == {"x": 2}


@pytest.mark.parametrize("actor_first", [True, False])
def test_actor_and_periodic_may_be_stacked_either_way(actor_first: bool) -> None:
    if actor_first:
        made: Any = periodic(every=5, retries=7, args=(1,))(actor(queue_name="q")(double))
    else:
        made = actor(queue_name="q")(periodic(every=5, retries=7, args=(1,))(double))
    assert isinstance(made, Actor)
    assert (Registry.get_actor("double").queue_name, Registry.get_actor("double").max_retries) == (
        "q",
        7,
    )
    assert [entry.name for entry in Registry.schedule()] == [f"{PLACE}.double"]


# Results


def test_results_are_only_kept_where_they_are_asked_for(
    memory: MemoryBroker, configure: Configure
) -> None:
    proxy = actor(store_results=True)(double).send(1)
    with pytest.raises(ResultsBackendDisabledError, match="set TASKS"):
        proxy.get_result(block=False)
    configure(backend_url="on")
    with pytest.raises(ResultMissing, match=f"message '{proxy.message_id}' has no result yet"):
        proxy.get_result(block=False)
    with pytest.raises(ResultTimeout, match="no result after 20 ms"):
        actor(double).get_result(proxy, timeout=20)
    with pytest.raises(ResultNotKeptError, match="keeps no results"):
        actor(double).send(1).get_result()


# Without a worker


def test_when_disabled_a_plain_function_runs_at_once(configure: Configure) -> None:
    configure(enabled=0)
    seen: list[int] = []

    @actor(queue_name="q")
    def note(number: int) -> None:
        seen.append(number)
        if number < 0:
            raise ArithmeticError(number)

    proxy = note.send_with_options(args=(1,), delay=60_000)
    assert (seen, proxy.message_id, repr(proxy)) == (
        [1],
        "",
        f"<TaskMessageProxy inline {note.actor_name}>",
    )
    with pytest.raises(ArithmeticError):
        note.send(-1)
    enqueue_task(note.actor_name, (2,))
    assert seen == [1, -1, 2]
    with pytest.raises(LookupError, match="tasks are disabled, and no actor 'nope' is known"):
        enqueue_task("nope")
    with pytest.raises(TypeError):
        note.send(b"x")  # type: ignore[arg-type]  # what a worker could not be sent is refused here too


def test_when_disabled_an_async_function_runs_where_it_can(
    configure: Configure, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    import logging

    monkeypatch.setattr(logging.getLogger("openviper.tasks"), "propagate", True)
    configure(enabled=0)
    seen: list[int] = []

    @actor
    async def note(number: int) -> None:
        await asyncio.sleep(0.01)
        seen.append(number)
        if number < 0:
            raise ArithmeticError(number)

    note.send(1)
    assert seen == [1]

    async def within() -> None:
        note.send(2)
        note.send(-3)
        assert seen == [1]
        await wait_for_inline()

    asyncio.run(within())
    assert sorted(seen) == [-3, 1, 2]
    assert "a task that ran inline failed" in caplog.text and "ArithmeticError: -3" in caplog.text


def test_messages_are_plain_json() -> None:
    with pytest.raises(TypeError):
        enqueue_task("x", (float("nan"),))
    from openviper.tasks.message import encode_arguments

    assert json.loads(encode_arguments("x", ("ä", (1, 2)), {"k": None})) == {
        "args": ["ä", [1, 2]],
        "kwargs": {"k": None},
    }


def test_what_ran_where_it_was_sent_has_no_result_to_wait_for(configure: Configure) -> None:
    configure(enabled=0, backend_url="on")

    @actor(store_results=True)
    def add(one: int) -> int:
        return one + 1

    with pytest.raises(OpenViperTasksError, match="ran where it was sent, as tasks are disabled"):
        add.send(1).get_result(timeout=60_000)


def test_a_job_is_not_run_now_while_tasks_are_disabled(
    memory: MemoryBroker, configure: Configure
) -> None:
    configure(enabled=0)
    with pytest.raises(OpenViperTasksError, match="a periodic job needs a worker"):
        run_schedule_now("any")
    assert memory.messages() == []
