"""Messages that an SQLite file has in no index: none is passed by, whatever clocks, locks and other queues do."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from openviper.db.connections.url import DatabaseURL
from openviper.tasks.brokers import fresh
from openviper.tasks.brokers.database import DatabaseBroker
from openviper.tasks.brokers.database_consumer import DatabaseConsumer
from openviper.tasks.brokers.fresh import AT_ONCE, FRESH, inserts
from openviper.tasks.brokers.storing import values_if_fresh
from openviper.tasks.brokers.tables import MARK, MESSAGES
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import Finished, Message, Outcome, State

Claim = Callable[..., list[str]]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[DatabaseBroker]:
    """Return a broker with its tables."""
    made = DatabaseBroker(DatabaseURL.parse(f"sqlite:///{tmp_path / 'tasks.db'}"))
    made.with_store(lambda _: None)
    yield made
    made.close()


@pytest.fixture
def raw(broker: DatabaseBroker, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Return a connection beside the broker's."""
    connection = sqlite3.connect(tmp_path / "tasks.db", isolation_level=None)
    yield connection
    connection.close()


@pytest.fixture
def claim(broker: DatabaseBroker) -> Iterator[Claim]:
    """Return what claims as many messages as wanted of some queues, settles them and returns their payloads."""
    consumers: dict[tuple[str, ...], DatabaseConsumer] = {}

    def take(want: int, *queues: str) -> list[str]:
        if queues not in consumers:
            consumers[queues] = broker.consumer(new_worker_id(), queues or None)
        consumer = consumers[queues]
        messages = consumer.exchange((), want)
        consumer.exchange([Finished(message, Outcome.DONE) for message in messages], 0)
        return [message.payload for message in messages]

    yield take
    for consumer in consumers.values():
        consumer.close()


def message(text: str, queue: str = "default", *, priority: int = 0, due: float = 0.0) -> Message:
    return Message("shop.work", queue, text, priority=priority, due=due)


def states(raw: sqlite3.Connection) -> list[int]:
    return [row[0] for row in raw.execute(f"SELECT state FROM {MESSAGES} ORDER BY id")]


def test_the_usual_message_is_in_no_index_and_one_with_a_priority_is(
    broker: DatabaseBroker, raw: sqlite3.Connection, claim: Claim
) -> None:
    for each in (message("a"), message("b", priority=3), message("c", priority=-1), message("d")):
        broker.send([each])
    assert states(raw) == [FRESH, State.READY, State.READY, FRESH]
    assert claim(10) == ["c", "a", "d", "b"]


@pytest.mark.parametrize("together", [1, 2, AT_ONCE, AT_ONCE + 1, 2 * AT_ONCE + 7])
def test_a_key_from_behind_the_mark_becomes_one_before_it(
    broker: DatabaseBroker,
    claim: Claim,
    monkeypatch: pytest.MonkeyPatch,
    together: int,
) -> None:
    # As of a sender whose clock is late, or who has waited for the lock while others sent and all of that was done.
    broker.send([message("first")])
    assert claim(5) == ["first"]
    monkeypatch.setattr("openviper.tasks.message_ids.time.time_ns", lambda: 1_000_000)
    monkeypatch.setattr("openviper.tasks.message_ids.next_key._last", 0)
    names = [str(number) for number in range(together)]
    broker.send([message(name) for name in names])
    broker.send([message("last")])
    assert claim(1000) == [*names, "last"]


def test_all_that_is_stored_together_is_claimed_in_its_order(
    broker: DatabaseBroker, raw: sqlite3.Connection, claim: Claim
) -> None:
    broker.send([message("before")])
    values = [values_if_fresh(message(str(number))) for number in range(2 * AT_ONCE + 3)]
    for sql, rows in inserts(5, [each for each in values if each is not None]):
        raw.executemany(sql, rows)
    broker.send([message("behind")])
    assert claim(1000) == ["before", *map(str, range(2 * AT_ONCE + 3)), "behind"]


def test_messages_of_other_queues_are_put_into_the_index_and_not_forgotten(
    broker: DatabaseBroker,
    raw: sqlite3.Connection,
    claim: Claim,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fresh, "PASS_BY", 2)
    for number in range(5):
        broker.send([message(str(number), "other")])
    broker.send([message("mine", "own")])
    broker.send([message("later", "other")])
    assert claim(1, "own") == ["mine"]
    assert set(states(raw)) == {State.READY, FRESH}
    assert claim(10, "own") == []
    assert claim(10) == ["0", "1", "2", "3", "4", "later"]


def test_what_is_not_fresh_is_stepped_over_once(
    broker: DatabaseBroker, raw: sqlite3.Connection, claim: Claim
) -> None:
    for number in range(3):
        broker.send([message(str(number), due=4_000_000_000)])
    assert claim(10) == []
    (mark,) = raw.execute(f"SELECT last FROM {MARK}").fetchone()
    assert mark == raw.execute(f"SELECT max(id) FROM {MESSAGES}").fetchone()[0]
    broker.send([message("new")])
    assert claim(10) == ["new"]


def test_a_mark_that_is_gone_is_made_anew(
    broker: DatabaseBroker, raw: sqlite3.Connection, claim: Claim
) -> None:
    broker.send([message("a")])
    assert claim(1) == ["a"]
    raw.execute(f"DELETE FROM {MARK}")
    broker.send([message("b")])
    assert claim(5) == ["b"]


def test_people_see_and_remove_fresh_messages_as_ready_ones(broker: DatabaseBroker) -> None:
    sent = [message(str(number)) for number in range(3)]
    for each in sent:
        broker.send([each])
    assert [each.state for each in broker.messages()] == ["ready"] * 3
    assert broker.cancel([sent[0].message_id]) == 1
    assert broker.queues()[0].ready == 2
    assert broker.purge() == 2


def test_whatever_is_sent_and_claimed_in_turns_comes_in_order_and_once(
    broker: DatabaseBroker, claim: Claim
) -> None:
    rng = random.Random(7)
    waiting: list[tuple[int, int, str, str]] = []
    number = 0
    for _ in range(150):
        queue = rng.choice("ab")
        if rng.random() < 0.6:
            for _ in range(rng.choice([1, 1, 1, 4])):
                number += 1
                priority = rng.choice([0, 0, 0, 0, -1, 2])
                waiting.append((priority, number, queue, str(number)))
                broker.send([message(str(number), queue, priority=priority)])
            continue
        queues = rng.choice([("a",), ("b",), ("a", "b"), ()])
        want = rng.randint(1, 6)
        mine = sorted(each for each in waiting if not queues or each[2] in queues)[:want]
        assert claim(want, *queues) == [each[3] for each in mine]
        waiting = [each for each in waiting if each not in mine]
    assert claim(1000) == [each[3] for each in sorted(waiting)]
