"""Bringing ends to a store that does not answer, or takes offence at some of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from openviper.tasks.brokers.memory import MemoryBroker, MemoryConsumer
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import Finished, Message, Outcome
from openviper.tasks.worker.outcome import NOT_STORED_ERROR
from openviper.tasks.worker.settlement import MAX_FAILURES, Settlement


class Touchy(MemoryConsumer):
    """A store that refuses some texts, is away for some calls, and loses the connection over others."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker, new_worker_id(), None, suspects=False)
        self.away = 0
        self.calls: list[int] = []

    def exchange(self, finished: Sequence[Finished], want: int) -> list[Message]:
        self.calls.append(len(finished))
        if self.away:
            self.away -= 1
            raise BrokerError("the store is away")
        for end in finished:
            if "refused" in end.error:
                raise BrokerError("odd text", refused=True)
            if "kills the connection" in end.error:
                raise BrokerError("server has gone away")
            if "never" in end.message.payload and end.outcome is Outcome.DEAD:
                raise BrokerError("not this message", refused=True)
        return super().exchange(finished, want)


def prepared(*payloads: str) -> tuple[MemoryBroker, Touchy, list[Message]]:
    """Return a store, a consumer of it, and what that has claimed."""
    broker = MemoryBroker()
    broker.enqueue([Message("actor", "default", payload) for payload in payloads])
    consumer = Touchy(broker)
    return broker, consumer, consumer.exchange([], len(payloads))


def test_what_the_store_does_not_take_because_it_is_away_waits_in_order() -> None:
    broker, consumer, messages = prepared("a", "b", "c")
    settlement = Settlement()
    for message in messages[:2]:
        settlement.add(Finished(message, Outcome.DONE))
    consumer.away = 1
    with pytest.raises(BrokerError, match="is away"):
        settlement.exchange(consumer, 5)
    assert (settlement.waiting, settlement.is_stuck) == (True, True)
    settlement.add(Finished(messages[2], Outcome.DEAD, error="E: x"))
    settled, claimed = settlement.exchange(consumer, 5)
    assert [end.message for end in settled] == messages and claimed == []
    assert [info.state for info in broker.messages()] == ["dead"]


def test_a_refused_end_is_found_and_its_message_is_dead_with_a_fixed_text() -> None:
    broker, consumer, messages = prepared("a", "b", "c")
    settlement = Settlement()
    ends = [("", Outcome.DONE), ("refused", Outcome.RETRY), ("E: x", Outcome.DEAD)]
    for message, (error, outcome) in zip(messages, ends, strict=True):
        settlement.add(Finished(message, outcome, error=error))
    settled, _ = settlement.exchange(consumer, 0)
    assert len(settled) == 3 and not settlement.waiting
    assert [info.error for info in broker.messages()] == [NOT_STORED_ERROR, "E: x"]


def test_an_end_that_costs_the_connection_each_time_is_found_too() -> None:
    broker, consumer, messages = prepared("a", "b")
    settlement = Settlement()
    settlement.add(Finished(messages[0], Outcome.DEAD, error="kills the connection"))
    settlement.add(Finished(messages[1], Outcome.DONE))
    for _ in range(MAX_FAILURES):
        with pytest.raises(BrokerError):
            settlement.exchange(consumer, 0)
    settled, _ = settlement.exchange(consumer, 0)
    assert len(settled) == 2
    assert [info.error for info in broker.messages()] == [NOT_STORED_ERROR]


def test_a_message_that_cannot_be_settled_at_all_is_given_up_and_stops_nothing() -> None:
    broker, consumer, messages = prepared("never", "b")
    settlement = Settlement()
    settlement.add(Finished(messages[0], Outcome.DEAD, error="refused"))
    settlement.add(Finished(messages[1], Outcome.DONE))
    settled, _ = settlement.exchange(consumer, 0)
    assert len(settled) == 2 and not settlement.waiting
    assert [info.state for info in broker.messages()] == ["running"]


def test_a_store_that_goes_away_in_the_middle_gets_the_rest_later() -> None:
    broker, consumer, messages = prepared("a", "b", "c")
    settlement = Settlement()
    settlement.add(Finished(messages[0], Outcome.DONE))
    settlement.add(Finished(messages[1], Outcome.DEAD, error="refused"))
    settlement.add(Finished(messages[2], Outcome.DONE))

    real = consumer.exchange

    def going_away(finished: Sequence[Finished], want: int) -> list[Message]:
        if len(finished) == 1 and finished[0].message is messages[2]:
            raise BrokerError("the store is away")
        return real(finished, want)

    consumer.exchange = going_away  # type: ignore[method-assign]  # it goes away at one message
    with pytest.raises(BrokerError, match="is away"):
        settlement.exchange(consumer, 0)
    assert settlement.waiting
    del consumer.exchange
    settled, _ = settlement.exchange(consumer, 0)
    assert [end.message for end in settled] == [messages[2]]
    assert [info.error for info in broker.messages()] == [NOT_STORED_ERROR]
