"""Messages that end without having run: their senders, groups and chains hear of it, at every broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from openviper.tasks.actors import Actor, Registry
from openviper.tasks.brokers.base import Broker, Consumer, Filter, GroupInfo, NewGroup
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import (
    CANCELLED_ERROR,
    EXPIRED_ERROR,
    Finished,
    Message,
    Outcome,
    to_values,
)
from openviper.tasks.worker.outcome import expired
from openviper.tasks.worker.process import WorkerProcess
from tests.integration.tasks.test_broker_contract import counts, message
from tests.integration.tasks.test_broker_extras import claim, members, spec


@pytest.fixture
def consumer(broker: Broker) -> Iterator[Consumer]:
    """Return a consumer of everything."""
    made = broker.consumer(new_worker_id(), None)
    yield made
    made.close()


def chained(*texts: str) -> list[Message]:
    """Return the messages of a chain, of which the first bears the others."""
    first, *others = map(message, texts)
    first.set_option("then", [to_values(each) for each in others])
    return [first, *others]


def errors(broker: Broker, *messages: Message) -> list[str | None]:
    """Return what those are told who ask for results; `None` for nothing."""
    stored = [broker.result(each.message_id) for each in messages]
    return [None if each is None else each.error for each in stored]


def test_one_that_was_dropped_tells_its_sender_and_has_failed_in_its_group(
    broker: Broker, consumer: Consumer
) -> None:
    broker.enqueue(members("g", "a", "b"), NewGroup("g", 2, spec("then"), spec("failed")))
    first, second = claim(consumer)
    consumer.exchange([expired(first), Finished(second, Outcome.DONE)], 0)
    assert broker.group("g") == GroupInfo("g", 2, 1, 1)
    assert errors(broker, first, second) == [EXPIRED_ERROR, None]
    (callback,) = claim(consumer)
    assert callback.arguments()[0] == ["failed"]


@pytest.mark.parametrize("way", ["dead", "dropped", "cancelled", "purged"])
def test_the_end_of_a_step_tells_who_waits_for_the_chain(
    broker: Broker, consumer: Consumer, way: str
) -> None:
    first, second, last = chained("a", "b", "c")
    broker.enqueue([first])
    wanted = {"dead": "E: x", "dropped": EXPIRED_ERROR}.get(way, CANCELLED_ERROR)
    if way == "cancelled":
        assert broker.cancel([first.message_id]) == 1
    elif way == "purged":
        assert broker.purge() == 1
    else:
        (claimed,) = claim(consumer)
        dead = Finished(claimed, Outcome.DEAD, error="E: x")
        consumer.exchange([dead if way == "dead" else expired(claimed)], 0)
    assert errors(broker, first, second, last) == [wanted, None, wanted]


def test_a_chain_is_cancelled_by_the_id_that_its_sender_has(
    broker: Broker, consumer: Consumer
) -> None:
    first, *_, last = chained("a", "b", "c")
    broker.enqueue([message("other"), first])
    assert broker.cancel([last.message_id]) == 1
    assert counts(broker) == {"ready": 1}
    first, *_, last = chained("d", "e")
    broker.enqueue([first])
    _, running = claim(consumer)
    assert broker.cancel([last.message_id]) == 0
    assert consumer.cancelled() == {running.message_id}


def test_cancelled_by_a_filter_each_is_told_and_the_dead_keep_their_error(
    broker: Broker, consumer: Consumer
) -> None:
    dead, ready = message("a"), message("b")
    broker.enqueue([dead])
    consumer.exchange([Finished(claim(consumer)[0], Outcome.DEAD, error="E: x")], 0)
    broker.enqueue([ready])
    assert broker.purge(Filter(queue="default")) == 2
    assert errors(broker, dead, ready) == ["E: x", CANCELLED_ERROR]


def test_one_that_is_dropped_lets_the_next_have_the_permit_it_was_woken_for(
    configured: Broker,
) -> None:
    ran: list[str] = []

    def work(text: str) -> None:
        ran.append(text)
        # The others wait in a line, and the first of them waits too long.
        while text == "a" and not is_over():
            time.sleep(0.01)
        if text == "c":
            process.stop()

    def is_over() -> bool:
        return len(configured.messages(Filter("delayed"))) == 2 and time.time() > sent_at + 0.4

    limited = Registry.register_actor(Actor(work, actor_name="unheard.work", concurrency=1))
    process = WorkerProcess(configured, grace=0.0)
    try:
        limited.send("a")
        limited.send_with_options(args=("b",), expires=300)
        limited.send("c")
        sent_at = time.time()
        # Without a word to "c", it would look for the permit again minutes later.
        stopper = threading.Timer(60, process.stop)
        stopper.start()
        process.run()
        stopper.cancel()
    finally:
        Registry.forget(["unheard.work"])
    assert ran == ["a", "c"]


@pytest.mark.parametrize("odd", ["\0", "\ud800", "x" * 1000, 7, None])
def test_a_step_whose_id_no_store_takes_does_not_stand_in_the_way(
    broker: Broker, consumer: Consumer, odd: object
) -> None:
    first, last = chained("a", "b")
    first.set_option("then", [{**to_values(last), "id": odd}])
    broker.enqueue([first])
    (claimed,) = claim(consumer)
    consumer.exchange([Finished(claimed, Outcome.DEAD, error="E: x")], 0)
    assert errors(broker, first) == ["E: x"]
    assert broker.purge() == 1
