"""A store that has taken messages, and whose answer is lost with the connection: they are there once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from openviper.tasks.actors import Actor, Registry
from openviper.tasks.brokers.base import Broker, Consumer, GroupInfo, NewGroup
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.limits import Limit, Rate
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import Finished, Message, Outcome
from openviper.tasks.worker import process
from tests.integration.tasks.test_broker_contract import counts, message, texts
from tests.integration.tasks.test_broker_extras import claim, members, spec, unique

Losing = Callable[[], list[int]]


def _lose(store: Any) -> None:
    store.raw.close()
    raise BrokerError("the connection was lost")


@pytest.fixture
def losing(broker: Any, kind: str, monkeypatch: pytest.MonkeyPatch) -> Losing:
    """Return a function that has the next answer about messages lost; what it returns grows with each that was."""
    lost: list[int] = []

    def once(owner: Any, name: str, is_meant: Callable[..., bool], lose: Any) -> None:
        work = getattr(owner, name)

        def method(self: Any, *arguments: Any) -> Any:
            answer = work(self, *arguments)
            if not lost and is_meant(*arguments):
                lost.append(1)
                lose(self)
            return answer

        monkeypatch.setattr(owner, name, method)

    def begin() -> list[int]:
        if kind == "redis":

            def lose(_script: Any) -> None:
                raise broker.driver.ConnectionError("lost")

            once(type(broker._enqueue_plain), "_call", lambda *_: True, lose)
        elif kind in ("postgresql", "mysql"):
            broker.with_store(lambda _store: None)
            store = type(broker._store)
            once(store, "insert_fresh", lambda *_: True, _lose)
            once(store, "insert_one", lambda *_: True, _lose)
            once(store, "insert", lambda rows: len(rows) == 7, _lose)
            once(store, "change", lambda sql, *_: sql == "COMMIT", _lose)
        return lost

    return begin


def delayed(text: str) -> Message:
    """Return a message that runs in an hour."""
    made = message(text)
    made.due = made.sent_at + 3600
    return made


@pytest.mark.parametrize(
    "sent",
    [
        lambda: [message("a")],
        lambda: [message(str(number)) for number in range(5)],
        lambda: [delayed("a")],
        lambda: [delayed(str(number)) for number in range(7)],
    ],
    ids=["one", "many", "later", "many later"],
)
def test_messages_are_stored_once(
    broker: Broker, losing: Losing, sent: Callable[[], list[Message]]
) -> None:
    messages = sent()
    losing()
    assert not broker.send(messages)
    ids = [info.message_id for info in broker.messages()]
    assert sorted(ids) == sorted(made.message_id for made in messages)


def test_a_group_has_as_many_members_as_it_says(broker: Broker, losing: Losing, kind: str) -> None:
    if kind == "redis":
        return  # Nothing is tried again there; the sender is told.
    losing()
    broker.send(members("g", "a", "b"), NewGroup("g", 2, spec("then"), None))
    assert counts(broker) == {"ready": 2}
    assert broker.group("g") == GroupInfo("g", 2, 0, 0)


def test_a_message_is_no_duplicate_of_itself(broker: Broker, losing: Losing, kind: str) -> None:
    if kind == "redis":
        return  # Nothing is tried again there; the sender is told.
    first = unique("a", "k", "running")
    broker.enqueue([first])
    losing()
    second, third = unique("b", "k", "running"), unique("c", "other", "running")
    assert broker.send([second, third]) == [second]
    assert second.message_id == first.message_id != third.message_id
    assert counts(broker) == {"ready": 2}


# Claims


@pytest.fixture
def consumer(broker: Broker) -> Iterator[Consumer]:
    """Return a consumer of everything."""
    made = broker.consumer(new_worker_id(), None)
    yield made
    made.close()


def lose_next(
    consumer: Any, kind: str, monkeypatch: pytest.MonkeyPatch, *, is_claim: bool = True
) -> None:
    """Have the answer to the consumer's next transaction lost."""
    if kind == "redis":
        owner, name = (consumer._client, "xreadgroup") if is_claim else (consumer, "_admit")
        _lose_once(owner, name, consumer._broker.driver, monkeypatch)
        return
    store = type(consumer._store)
    work, claim_rows = store.change, store.claim
    lost: list[int] = []
    claimed: list[Any] = [] if is_claim else [1]

    def claim_and_note(*arguments: Any, **named: Any) -> Any:
        rows = claim_rows(*arguments, **named)
        claimed.extend(rows)
        return rows

    def change(self: Any, sql: str, *values: Any) -> Any:
        answer = work(self, sql, *values)
        if sql == "COMMIT" and claimed and not lost:
            lost.append(1)
            self.raw.close()
            raise BrokerError("the connection was lost")
        return answer

    monkeypatch.setattr(store, "claim", claim_and_note)
    monkeypatch.setattr(store, "change", change)


def _lose_once(owner: Any, name: str, driver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    work = getattr(owner, name)
    lost: list[int] = []

    def method(*arguments: Any, **named: Any) -> Any:
        answer = work(*arguments, **named)
        if not lost:
            lost.append(1)
            raise driver.ConnectionError("lost")
        return answer

    monkeypatch.setattr(owner, name, method)


def test_claims_whose_answer_was_lost_go_back(
    broker: Broker, consumer: Consumer, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind in ("memory", "sqlite"):
        return  # No answer is lost within a process.
    broker.enqueue([message("known")])
    (known,) = claim(consumer)
    broker.enqueue([message("a"), message("b")])
    lose_next(consumer, kind, monkeypatch)
    with pytest.raises(BrokerError):
        consumer.exchange([], 10)
    assert consumer.is_in_doubt and counts(broker) == {"running": 3}
    assert consumer.give_back({known}) == 2
    assert counts(broker) == {"running": 1, "ready": 2}
    assert sorted(texts(claim(consumer))) == ["a", "b"]
    assert consumer.give_back([]) == 3


def test_a_permit_whose_answer_was_lost_does_not_stand_in_its_own_way(
    broker: Broker, consumer: Consumer, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind in ("memory", "sqlite"):
        return  # No answer is lost within a process.
    broker.enqueue([message("a"), message("b")])
    first, second = claim(consumer)
    lose_next(consumer, kind, monkeypatch, is_claim=False)
    with pytest.raises(BrokerError):
        consumer.admit(first, Limit("k", 1))
    assert consumer.admit(first, Limit("k", 1))
    assert not consumer.admit(second, Limit("k", 1))
    consumer.exchange([Finished(first, Outcome.DONE)], 0)
    (second,) = claim(consumer)
    assert consumer.admit(second, Limit("k", 1))


def test_what_is_not_the_workers_any_more_is_not_admitted(
    broker: Broker, consumer: Consumer, kind: str
) -> None:
    broker.enqueue([message("a")])
    (first,) = claim(consumer)
    consumer.exchange([Finished(first, Outcome.RELEASED)], 0)
    other = broker.consumer(new_worker_id(), None)
    (again,) = claim(other)
    for limit in (Limit("k", 1), Limit("r", None, Rate(1, 60.0))):
        assert not consumer.admit(first, limit)
        assert other.admit(again, limit)
    other.close()


def test_a_worker_runs_what_it_has_claimed_without_hearing_of_it(
    configured: Broker, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind in ("memory", "sqlite"):
        return  # No answer is lost within a process.
    ran: list[int] = []
    work = Registry.register_actor(Actor(ran.append, actor_name="lost.answers"))
    monkeypatch.setattr(process, "RECONNECT", 0.01)
    make = configured.consumer

    def consumer_of(*arguments: Any, **named: Any) -> Consumer:
        made = make(*arguments, **named)
        lose_next(made, kind, monkeypatch)
        return made

    monkeypatch.setattr(configured, "consumer", consumer_of)
    try:
        work.send_many([(number,) for number in range(20)])
        assert process.WorkerProcess(configured, until_empty=True).run() == 0
    finally:
        Registry.forget(["lost.answers"])
    assert sorted(ran) == list(range(20))
    assert counts(configured) == {}


def test_the_answers_are_lost(broker: Broker, losing: Losing, kind: str) -> None:
    lost = losing()
    broker.send([message("a")])
    assert bool(lost) is (kind in ("postgresql", "mysql", "redis"))
