"""The line behind a limit: whoever is woken for a permit and does not take it lets the next one have it, at every broker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from openviper.tasks.brokers.base import Broker, Consumer, Filter
from openviper.tasks.brokers.database import DatabaseBroker
from openviper.tasks.brokers.database_limits import admit
from openviper.tasks.brokers.tables import PERMITS
from openviper.tasks.limits import Limit, Rate
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import Finished, Message, Outcome
from openviper.tasks.worker.outcome import expired, failed
from tests.integration.tasks.conftest import Reopen
from tests.integration.tasks.test_broker_contract import counts, message, texts
from tests.integration.tasks.test_broker_extras import claim

ONE = Limit("key", concurrency=1)
ON_DATABASES = pytest.mark.parametrize(
    "kind",
    ["sqlite", "postgresql", pytest.param("mysql", marks=pytest.mark.one_version)],
    indirect=True,
)
"""The others do what is looked at as a whole."""


@pytest.fixture
def consumer(broker: Broker) -> Iterator[Consumer]:
    """Return a consumer of everything."""
    made = broker.consumer(new_worker_id(), None)
    yield made
    made.close()


def line(broker: Broker, consumer: Consumer, *names: str, limit: Limit = ONE) -> list[Message]:
    """Return messages of which the first has had the permit, the second was woken for it, and the others wait."""
    messages = [message(name) for name in names]
    broker.enqueue(messages)
    admitted = [each for each in claim(consumer) if consumer.admit(each, limit)]
    assert texts(admitted) == [names[0]]
    consumer.exchange([Finished(admitted[0], Outcome.DONE)], 0)
    assert counts(broker) == {"ready": 1, "delayed": len(names) - 2}
    return messages


@pytest.mark.parametrize("way", ["cancelled", "purged"])
def test_one_that_is_removed_when_it_was_woken_has_the_next_woken(
    broker: Broker, consumer: Consumer, way: str
) -> None:
    _, woken, *_ = line(broker, consumer, "a", "b", "c", "d")
    count = (
        broker.cancel([woken.message_id]) if way == "cancelled" else broker.purge(Filter("ready"))
    )
    assert count == 1
    (following,) = claim(consumer)
    assert texts([following]) == ["c"] and consumer.admit(following, ONE)
    assert counts(broker) == {"running": 1, "delayed": 1}


def test_where_the_whole_line_is_removed_nobody_is_left(broker: Broker, consumer: Consumer) -> None:
    line(broker, consumer, "a", "b", "c", "d")
    assert broker.purge() == 3
    assert counts(broker) == {}


@pytest.mark.parametrize(
    "end",
    [
        expired,
        lambda each: failed(each, None, ValueError("a signature that does not fit")),
        lambda each: Finished(each, Outcome.DEAD, error="E: x"),
        lambda each: Finished(each, Outcome.RELEASED),
    ],
)
def test_one_that_ends_before_it_is_admitted_has_the_next_woken(
    broker: Broker, consumer: Consumer, end: Callable[[Message], Finished]
) -> None:
    line(broker, consumer, "a", "b", "c")
    (woken,) = claim(consumer)
    consumer.exchange([end(woken)], 0)
    assert "c" in texts(claim(consumer))


def test_one_that_a_rate_puts_off_has_the_next_woken(broker: Broker, consumer: Consumer) -> None:
    both = Limit("key", concurrency=1, rate=Rate(1, 600.0))
    line(broker, consumer, "a", "b", "c", limit=both)
    (woken,) = claim(consumer)
    assert not consumer.admit(woken, both)
    (following,) = claim(consumer)
    assert texts([following]) == ["c"]


def test_one_whose_limit_has_another_key_by_now_has_the_next_woken(
    broker: Broker, consumer: Consumer
) -> None:
    line(broker, consumer, "a", "b", "c")
    (woken,) = claim(consumer)
    assert consumer.admit(woken, Limit("other", concurrency=1))
    (following,) = claim(consumer)
    assert texts([following]) == ["c"] and consumer.admit(following, ONE)


def test_one_that_is_tried_again_later_is_not_woken_before(
    broker: Broker, consumer: Consumer
) -> None:
    line(broker, consumer, "a", "b", "c")
    (woken,) = claim(consumer)
    assert consumer.admit(woken, ONE)
    consumer.exchange([Finished(woken, Outcome.RETRY, due=2e9, error="E: x")], 0)
    (following,) = claim(consumer)
    assert texts([following]) == ["c"] and consumer.admit(following, ONE)
    consumer.exchange([Finished(following, Outcome.DONE)], 0)
    assert claim(consumer) == [] and counts(broker) == {"delayed": 1}


@ON_DATABASES
def test_a_permit_that_comes_back_while_somebody_queues_up_for_it_wakes_them(
    reopen: Reopen, kind: str, consumer: Consumer
) -> None:
    broker = reopen()
    assert isinstance(broker, DatabaseBroker)
    broker.enqueue([message("a"), message("b")])
    first, second = claim(consumer)
    assert consumer.admit(first, ONE)
    store = broker.open_store()
    (worker,) = {info.worker for info in broker.messages()}
    settling = threading.Thread(target=consumer.exchange, args=([Finished(first, Outcome.DONE)], 0))
    with store.transaction():
        # No permit is free; before that is written, the one there was comes back.
        assert admit(store, worker, second, ONE)
        settling.start()
        settling.join(0.2)
    settling.join(30)
    store.close()
    assert counts(broker) == {"ready": 1}


@ON_DATABASES
def test_a_limit_that_is_known_is_held_before_anything_is_inserted(
    broker: Broker, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(broker, DatabaseBroker)
    broker.enqueue([message("a"), message("b")])
    first, second = claim(consumer)
    two = Limit("key", concurrency=2)
    assert consumer.admit(first, two)
    store: Any = vars(consumer)["_store"]
    tables: list[str] = []
    insert_new = store.insert_new

    def noted(table: str, *rest: Any) -> bool:
        tables.append(table)
        return bool(insert_new(table, *rest))

    monkeypatch.setattr(store, "insert_new", noted)
    assert consumer.admit(second, two)
    # On MariaDB, two that insert what is there each have a lock that the other one waits for next.
    assert tables == [PERMITS]
