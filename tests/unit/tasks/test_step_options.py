"""Options of one step of a chain, of a member of a group, and of what follows a group."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from openviper.tasks import actor, chain, group, send_many
from openviper.tasks.actors import Actor
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.message import Finished, Message, Outcome
from openviper.tasks.sending import SendOptions
from openviper.tasks.signing import check_signature
from openviper.tasks.worker.outcome import failed, is_too_old, succeeded
from openviper.testing import TaskQueue
from tests.unit.tasks.conftest import Configure
from tests.unit.tasks.test_flows import steps, stored

HOUR = 3_600_000


@pytest.fixture
def add() -> Actor[Any, Any]:
    """An actor of two arguments."""

    @actor(actor_name="add", priority=3)
    def work(a: int, b: int = 0) -> int:
        return a + b

    return work


def what_follows(message: Message, known: Actor[Any, Any], value: Any = 1) -> Message:
    """Return what is stored when a message has succeeded."""
    (following,) = succeeded(message, known, value, keep_results=False).follow
    return following


def test_each_step_has_its_own_queue_priority_and_retries(memory: MemoryBroker, add: Any) -> None:
    chain(
        add.message_with_options(args=(1,), queue="first", priority=-1, max_retries=0),
        add.message_with_options(
            args=[2], kwargs={"b": 3}, queue="slow", priority=9, max_retries=7
        ),
        add.message(4),
    )
    (first,) = stored(memory)
    second, third = steps(first)
    assert (first.queue_name, first.priority, first.option("max_retries")) == ("first", -1, 0)
    assert (second.queue_name, second.priority, second.option("max_retries")) == ("slow", 9, 7)
    assert (third.queue_name, third.priority, third.option("max_retries")) == ("default", 3, None)
    assert second.arguments() == ([2], {"b": 3})


@pytest.mark.parametrize("pass_results", [False, True])
def test_delay_and_expiry_of_a_later_step_count_from_when_the_one_before_has_ended(
    memory: MemoryBroker, add: Any, monkeypatch: pytest.MonkeyPatch, *, pass_results: bool
) -> None:
    chain(
        add.message(1),
        add.message_with_options(args=(2,), delay=timedelta(minutes=1), expires=2 * HOUR),
        pass_results=pass_results,
    )
    (first,) = stored(memory)
    ended_at = time.time() + 86_400
    monkeypatch.setattr(time, "time", lambda: ended_at)
    second = what_follows(first, add)
    assert second.due == ended_at + 60
    assert second.arguments()[0] == ([1, 2] if pass_results else [2])
    assert (second.priority, second.queue_name) == (3, "default")
    assert not is_too_old(second, add)
    monkeypatch.setattr(time, "time", lambda: ended_at + 7_201)
    assert is_too_old(second, add)
    # Once it has begun, nothing drops it any more.
    failed(second, add, ValueError("x"))
    assert not is_too_old(second, add)


def test_the_delay_of_the_first_step_and_of_members_counts_from_now(
    memory: MemoryBroker, add: Any
) -> None:
    began_at = time.time()
    chain(add.message_with_options(args=(1,), delay=HOUR, expires=2 * HOUR), add.message(2))
    group(add.message_with_options(args=(1,), delay=HOUR), then=add.message(2))
    send_many([add.message_with_options(args=(1,), delay=HOUR)])
    for message in stored(memory):
        assert began_at + 3600 <= message.due <= time.time() + 3600
        assert message.option("delay") is None


def test_an_eta_is_a_moment_wherever_it_stands(memory: MemoryBroker, add: Any) -> None:
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    chain(add.message(1), add.message_with_options(args=(2,), eta=moment, expires=HOUR))
    (first,) = stored(memory)
    assert what_follows(first, add).due == moment.timestamp()


def test_a_moment_that_comes_before_the_delay_is_over_is_refused_in_later_steps_too(
    memory: MemoryBroker, add: Any
) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=5)
    with pytest.raises(ValueError, match="never would"):
        chain(add.message(1), add.message_with_options(args=(2,), delay=HOUR, expires=soon))
    assert stored(memory) == []


def test_what_follows_a_group_has_its_options_and_begins_to_wait_when_that_ends(
    memory: MemoryBroker, add: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    group(add.message(1), then=add.message_with_options(args=(2,), delay=60_000, queue="after"))
    ended_at = time.time() + 86_400
    monkeypatch.setattr(time, "time", lambda: ended_at)
    consumer = memory.consumer("host:1:2:3", None)
    (member,) = consumer.exchange([], 1)
    consumer.exchange([Finished(member, Outcome.DONE)], 0)
    (callback,) = stored(memory)
    assert (callback.due, callback.sent_at) == (ended_at + 60, ended_at)
    assert callback.queue_name == "after"


def test_signed_steps_with_options_fit_their_signature(
    memory: MemoryBroker, add: Any, configure: Configure
) -> None:
    configure(sign=1)
    later = add.message_with_options(args=(2,), delay=1_000, expires=HOUR, max_retries=1)
    chain(add.message(1), later)
    group(add.message(1), then=later)
    first, member = stored(memory)
    check_signature(what_follows(first, add))
    consumer = memory.consumer("host:1:2:3", None)
    claimed = consumer.exchange([], 2)
    consumer.exchange([Finished(each, Outcome.DONE) for each in claimed], 0)
    (callback,) = stored(memory)
    assert callback.option("delay") == 1
    check_signature(callback)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"delay": -1}, "delay=-1 is negative"),
        ({"delay": float("nan")}, "delay=nan"),
        ({"delay": 1, "eta": datetime(2030, 1, 1, tzinfo=UTC)}, "two ways"),
        ({"delay": 2_000, "expires": 2_000}, "never would"),
        ({"delay": timedelta(hours=1), "expires": 1}, "never would"),
        ({"expires": timedelta(0)}, "expires="),
        ({"priority": 10**9}, "priority="),
        ({"max_retries": -1}, "max_retries=-1"),
        ({"unique_for": "queued"}, "no unique is given"),
        ({"unique": "key"}, "unique='key' of 'add': what follows"),
        ({"unique": True}, "unique=True of 'add'"),
    ],
)
@pytest.mark.parametrize("place", ["first", "later", "behind", "member", "then"])
def test_options_that_cannot_be_are_refused_and_nothing_is_stored(
    memory: MemoryBroker, add: Any, place: str, options: dict[str, Any], text: str
) -> None:
    odd, fine = add.message_with_options(args=(1,), **options), add.message(1)
    send: Callable[[], object] = {
        "first": lambda: chain(odd, fine),
        "later": lambda: chain(fine, fine, odd),
        "behind": lambda: chain(fine, odd, pass_results=True),
        "member": lambda: group(fine, [fine, odd]),
        "then": lambda: group(fine, then=odd),
    }[place]
    with pytest.raises(ValueError, match=text):
        send()
    assert stored(memory) == []


def test_calls_that_are_sent_together_may_be_unique(memory: MemoryBroker, add: Any) -> None:
    first = add.send_with_options(args=(1,), unique="key")
    again, plain = send_many([add.message_with_options(args=(2,), unique="key"), add.message(3)])
    assert (again.is_duplicate, again.message_id) == (True, first.message_id)
    assert plain.is_duplicate is False
    assert [message.arguments()[0] for message in stored(memory)] == [[1], [3]]


def test_options_of_another_kind_are_no_call(memory: MemoryBroker, add: Any) -> None:
    for options in ({"delay": 1}, None, SendOptions):
        with pytest.raises(TypeError, match="a call is what"):
            chain({**add.message(1), "options": options})  # type: ignore[typeddict-item]  # on purpose
    with pytest.raises(TypeError, match="several values"):
        add.message_with_options(args="ab")
    with pytest.raises(ValueError, match="queue="):
        add.message_with_options(queue="")


def test_in_tests_the_delay_of_calls_that_are_sent_together_is_seen(add: Any) -> None:
    queue = TaskQueue()
    with queue.patch():
        add.send_many([(1,)], delay=5_000)
        send_many([add.message_with_options(args=(1,), delay=timedelta(seconds=7)), add.message(1)])
        add.send_with_options(args=(1,), delay=1.5)
    assert [task.delay for task in queue.tasks] == [5_000, 7_000, None, 1.5]
