"""The broker in memory."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from openviper.tasks.brokers.base import Filter, NewGroup, StoredSchedule
from openviper.tasks.brokers.memory import MemoryBroker, MemoryConsumer
from openviper.tasks.limits import Limit
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import Finished, Message, Outcome, to_values


@pytest.fixture
def broker() -> MemoryBroker:
    """Return an empty broker."""
    return MemoryBroker()


@pytest.fixture
def worker(broker: MemoryBroker) -> Iterator[MemoryConsumer]:
    """Return a worker of all queues."""
    made = broker.consumer(new_worker_id(), None)
    yield made
    made.close()


def message(text: str = "x", **values: object) -> Message:
    """Return a message that bears a text."""
    payload = json.dumps({"args": [text], "kwargs": {}})
    return Message("actor", "default", payload, **values)  # type: ignore[arg-type]  # as the caller says


def texts(messages: list[Message]) -> list[str]:
    """Return the texts that messages bear."""
    return [each.arguments()[0][0] for each in messages]


@pytest.mark.parametrize(
    ("scope", "while_running", "at_the_end"),
    [("queued", True, True), ("running", False, True), ("time", False, False)],
)
def test_a_unique_key_is_free_when_its_time_is_over(
    broker: MemoryBroker,
    worker: MemoryConsumer,
    scope: str,
    while_running: bool,
    at_the_end: bool,
) -> None:
    until = 4e9 if scope == "time" else 0
    options = {"unique": ["k", scope, until]}

    def is_free() -> bool:
        again = message(options=dict(options))
        duplicates = broker.enqueue([again])
        if not duplicates:
            broker.cancel([again.message_id])
            broker.unique.clear()
        return not duplicates

    first = message(options=dict(options))
    assert broker.enqueue([first]) == []
    second = message(options=dict(options))
    assert broker.enqueue([second]) == [second]
    assert second.message_id == first.message_id
    (claimed,) = worker.exchange([], 1)
    if while_running:
        assert is_free()
        return
    assert not is_free()
    worker.exchange([Finished(claimed, Outcome.DONE)], 0)
    assert is_free() is at_the_end


def test_a_time_that_is_over_frees_a_unique_key(broker: MemoryBroker) -> None:
    assert broker.enqueue([message(options={"unique": ["k", "time", 1.0]})]) == []
    assert broker.enqueue([message(options={"unique": ["k", "time", 4e9]})]) == []
    assert broker.enqueue([message(options={"unique": ["k", "time", 4e9]})]) != []


def test_a_member_that_goes_on_does_not_end_its_group_again(
    broker: MemoryBroker, worker: MemoryConsumer
) -> None:
    failing = json.dumps(to_values(message("failed")))
    member = message("member", options={"group": "g"})
    broker.enqueue([member], NewGroup("g", 1, None, failing))
    (claimed,) = worker.exchange([], 1)
    worker.exchange([Finished(claimed, Outcome.DEAD, error="E: x")], 0)
    assert texts(worker.exchange([], 5)) == ["failed"]
    assert broker.retry([member.message_id]) == 1
    (claimed,) = worker.exchange([], 1)
    worker.exchange([Finished(claimed, Outcome.DONE, follow=(message("next"),))], 0)
    assert texts(worker.exchange([], 5)) == ["next"]


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        (Filter(), 1),
        (Filter(state="dead"), 1),
        (Filter(state="delayed"), 0),
        (Filter(state="ready"), 0),
        (Filter(error="BOOM"), 1),
        (Filter(error="boom: X"), 1),
        (Filter(error="%"), 0),
        (Filter(queue="other"), 0),
        (Filter(actor="actor", before=4e9), 1),
        (Filter(before=1.0), 0),
        ([], 0),
        (["no such id"], 0),
    ],
)
def test_what_is_retried(
    broker: MemoryBroker, worker: MemoryConsumer, chosen: Filter | list[str], count: int
) -> None:
    broker.enqueue([message("dead"), message("late", due=4e9)])
    (claimed,) = worker.exchange([], 2)
    worker.exchange([Finished(claimed, Outcome.DEAD, error="Boom: x")], 0)
    assert broker.retry(chosen) == count
    assert texts(worker.exchange([], 5)) == ["dead"] * count


def test_a_late_message_can_be_retried_by_its_id_and_is_then_due(
    broker: MemoryBroker, worker: MemoryConsumer
) -> None:
    late = message("late", due=4e9, attempts=3, deliveries=1)
    broker.enqueue([late])
    assert worker.exchange([], 1) == []
    assert broker.retry([late.message_id, late.message_id]) == 1
    (claimed,) = worker.exchange([], 1)
    assert (claimed.attempts, claimed.deliveries) == (0, 0)


def test_only_who_has_a_message_can_settle_it(broker: MemoryBroker, worker: MemoryConsumer) -> None:
    other = broker.consumer(new_worker_id(), None)
    broker.enqueue([message()])
    (claimed,) = worker.exchange([], 1)
    other.exchange([Finished(claimed, Outcome.DONE)], 0)
    assert [info.state for info in broker.messages()] == ["running"]
    worker.exchange([Finished(claimed, Outcome.DONE), Finished(claimed, Outcome.DEAD)], 0)
    assert broker.messages() == []
    other.close()


def test_what_a_worker_has_goes_back_as_it_leaves(broker: MemoryBroker) -> None:
    leaving, staying = (broker.consumer(new_worker_id(), None) for _ in range(2))
    broker.enqueue([message("a"), message("b")])
    leaving.exchange([], 1)
    leaving.close()
    assert texts(staying.exchange([], 5)) == ["a", "b"]
    assert len(broker.workers()) == 1
    staying.close()
    assert broker.workers() == [] and broker.wakers == []


def test_of_two_that_share_a_permit_the_second_waits_until_it_is_free(
    broker: MemoryBroker, worker: MemoryConsumer
) -> None:
    broker.enqueue([message("a"), message("b")])
    first, second = worker.exchange([], 2)
    limit = Limit("k", concurrency=1)
    assert worker.admit(first, limit) and not worker.admit(second, limit)
    assert worker.exchange([], 5) == []
    worker.exchange([Finished(first, Outcome.DONE)], 0)
    assert texts(worker.exchange([], 5)) == ["b"]


def test_a_message_that_is_not_its_own_is_not_admitted(
    broker: MemoryBroker, worker: MemoryConsumer
) -> None:
    broker.enqueue([message()])
    (claimed,) = worker.exchange([], 1)
    worker.exchange([Finished(claimed, Outcome.DONE)], 0)
    assert not worker.admit(claimed, Limit("k", concurrency=1))
    assert broker.permits == {}


def test_waiting_ends_at_once_when_there_is_something_or_somebody_wakes(
    broker: MemoryBroker, worker: MemoryConsumer
) -> None:
    read, write = os.pipe()
    os.write(write, b"x")
    worker.wait(read, 60)
    os.read(read, 1)
    broker.enqueue([message()])
    worker.wait(read, 60)
    assert len(worker.exchange([], 1)) == 1
    broker.enqueue([message(due=1.0)])
    worker.wait(read, 60)
    for _ in range(100_000 // 4096):
        broker.wake()
    worker.wait(read, 60)
    worker.wait(read, 0)
    os.close(read)
    os.close(write)


def test_a_schedule_is_replaced_removed_once_and_takes_its_slot_along(broker: MemoryBroker) -> None:
    for name in ("b", "a", "b"):
        broker.save_schedule(StoredSchedule(name, None, False))
    assert [one.name for one in broker.schedules()] == ["a", "b"]
    assert broker.remove_schedule("a") and not broker.remove_schedule("a")
    assert [one.name for one in broker.schedules()] == ["b"]
