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

LONG = 600.0
"""Seconds, more than may pass without anything being settled while something is ready."""


def waiting(queue: str = "default", age: float = LONG) -> Message:
    """Return a message that is ready since `age` seconds."""
    return Message("actor", queue, '{"args":[],"kwargs":{}}', sent_at=time.time() - age)


def problems(broker: MemoryBroker) -> list[str]:
    """Return what is wrong."""
    return look(broker, 60.0).problems


def test_without_a_worker_nothing_is_well() -> None:
    assert problems(MemoryBroker()) == ["no worker is alive"]


@pytest.mark.parametrize(
    ("settled_ago", "is_busy", "is_well"),
    [(LONG, False, False), (LONG, True, True), (0.0, False, True)],
)
def test_progress_counts_and_not_the_sign_of_life(
    settled_ago: float, is_busy: bool, is_well: bool
) -> None:
    broker = MemoryBroker()
    consumer = broker.consumer(new_worker_id(), None)
    consumer.heartbeat(WorkerStatus(time.time() - settled_ago, is_busy))
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
    consumer.heartbeat(WorkerStatus(time.time() - LONG, False))
    later = waiting()
    later.due = time.time() + 60
    broker.enqueue([later, waiting(age=health.STALLED_SECONDS / 2)])
    assert problems(broker) == []
    consumer.close()
