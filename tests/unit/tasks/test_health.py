"""Health: it fails when nothing is settled although something is due, and not because workers are busy."""

from __future__ import annotations

import time

import pytest

from openviper.tasks import health
from openviper.tasks.brokers.base import WorkerStatus
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.health import look
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import Message

OLD = time.time() - 600


def waiting(queue: str = "default", since: float = OLD) -> Message:
    """Return a message that is ready for a while."""
    return Message("actor", queue, '{"args":[],"kwargs":{}}', sent_at=since)


def problems(broker: MemoryBroker) -> list[str]:
    """Return what is wrong."""
    return look(broker, 60.0).problems


def test_without_a_worker_nothing_is_well() -> None:
    assert problems(MemoryBroker()) == ["no worker is alive"]


@pytest.mark.parametrize(
    ("settled", "is_busy", "is_well"),
    [(OLD, False, False), (OLD, True, True), (time.time() + 3600, False, True)],
)
def test_progress_counts_and_not_the_sign_of_life(
    settled: float, is_busy: bool, is_well: bool
) -> None:
    broker = MemoryBroker()
    consumer = broker.consumer(new_worker_id(), None)
    consumer.heartbeat(WorkerStatus(settled, is_busy))
    assert problems(broker) == []
    broker.enqueue([waiting()])
    found = problems(broker)
    assert (found == []) is is_well
    assert is_well or "nothing of queue 'default' has been settled for" in found[0]
    consumer.close()


def test_a_queue_that_no_worker_takes_is_named() -> None:
    broker = MemoryBroker()
    consumer = broker.consumer(new_worker_id(), ["default"])
    broker.enqueue([waiting("emails")])
    assert problems(broker) == ["no worker takes from queue 'emails', where 1 messages are ready"]
    consumer.close()


def test_what_is_young_or_not_due_yet_is_no_problem() -> None:
    broker = MemoryBroker()
    consumer = broker.consumer(new_worker_id(), None)
    consumer.heartbeat(WorkerStatus(OLD, False))
    later = waiting()
    later.due = time.time() + 60
    broker.enqueue([later, waiting(since=time.time() - health.STALLED_SECONDS / 2)])
    assert problems(broker) == []
    consumer.close()
