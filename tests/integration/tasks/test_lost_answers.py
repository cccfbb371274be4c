"""A store that has taken messages, and whose answer is lost with the connection: they are there once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from openviper.tasks.brokers.base import Broker, GroupInfo, NewGroup
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.message import Message
from tests.integration.tasks.test_broker_contract import counts, message
from tests.integration.tasks.test_broker_extras import members, spec, unique

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


def test_the_answers_are_lost(broker: Broker, losing: Losing, kind: str) -> None:
    lost = losing()
    broker.send([message("a")])
    assert bool(lost) is (kind in ("postgresql", "mysql", "redis"))
