"""Clocks that were a year ahead for a moment, and names that differ in little: every broker gives the same answer."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from openviper.tasks.brokers.base import Broker, Filter, Slot, WorkerStatus
from openviper.tasks.limits import Limit, Rate
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import Finished, Message, Outcome
from tests.integration.tasks.conftest import Reopen
from tests.integration.tasks.test_broker_contract import drop, message, texts
from tests.integration.tasks.test_broker_extras import claim, unique

YEAR = 366 * 86_400.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that puts the clock of this process ahead by so many seconds."""
    real = time.time

    def ahead(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: real() + seconds)

    return ahead


def test_a_rate_that_a_wrong_clock_has_used_up_is_free_again(
    broker: Broker, clock: Callable[[float], None]
) -> None:
    limit = Limit("key", rate=Rate(2, 60.0))
    consumer = broker.consumer(new_worker_id(), None)
    broker.enqueue([message(text) for text in "abcd"])
    claimed = claim(consumer)
    clock(YEAR)
    assert [consumer.admit(each, limit) for each in claimed[:3]] == [True, True, False]
    clock(0)
    assert consumer.admit(claimed[3], limit)
    consumer.close()


def test_a_worker_whose_last_sign_of_life_is_to_come_is_lost(
    reopen: Reopen, kind: str, clock: Callable[[float], None]
) -> None:
    if kind == "memory":
        return  # There is one process, and its lease is its life.
    clock(YEAR)
    broker = reopen()
    broker.enqueue([message("a")])
    elsewhere = reopen().consumer("another-host:1:1:x", None)
    claim(elsewhere)
    clock(0)
    alive = reopen().consumer(new_worker_id(), None, suspects=True)
    assert alive.heartbeat(WorkerStatus(0.0, False)) == 1
    assert texts(claim(alive)) == ["a"]
    drop(elsewhere)
    alive.close()


def test_a_message_that_a_limit_has_put_off_has_waited_since_it_was_due(
    broker: Broker, clock: Callable[[float], None]
) -> None:
    limit = Limit("key", concurrency=1)
    consumer = broker.consumer(new_worker_id(), None)
    due = time.time() - 50
    delayed = Message("actor", "default", '{"args":["b"],"kwargs":{}}', due=due, sent_at=due - 500)
    broker.enqueue([message("a"), delayed])
    running, put_off = claim(consumer)
    assert consumer.admit(running, limit) and not consumer.admit(put_off, limit)
    consumer.exchange([Finished(running, Outcome.DONE)], 0)
    (woken,) = claim(consumer)
    assert woken.waits_since == pytest.approx(due, abs=0.01)
    # Another attempt waits since it was due itself.
    consumer.exchange([Finished(woken, Outcome.RETRY, due=due + 20, error="E: x")], 0)
    (again,) = claim(consumer) or claim(consumer)
    assert again.waits_since == pytest.approx(due + 20, abs=0.01)
    consumer.close()


def test_names_that_differ_in_case_or_in_a_space_at_the_end_are_two(broker: Broker) -> None:
    keys = ("key", "key ", "Key", "ke\u0301y", "k\u00e9y")
    assert broker.enqueue([unique(key, key, "running") for key in keys]) == []
    for name in keys:
        assert broker.swap_slot(name, None, Slot(1, "e"))
        assert not broker.swap_slot(name, Slot(1, "e "), Slot(2, "e"))
    broker.enqueue([Message("actor", "mail ", '{"args":["m"],"kwargs":{}}')])
    consumer = broker.consumer(new_worker_id(), ["mail", "Default"])
    assert claim(consumer) == []
    assert broker.messages(Filter(queue="mail")) == []
    consumer.close()
