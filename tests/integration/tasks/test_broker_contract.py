"""What every broker promises."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from openviper.tasks.brokers.base import Broker, Consumer, Filter, Slot, WorkerStatus
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.liveness import host_id, new_worker_id, started_at
from openviper.tasks.message import Finished, Message, Outcome
from tests.integration.tasks.conftest import Reopen
from tests.servers import run_on_server

STATUS = WorkerStatus(0.0, False)


def message(
    text: str = "x", *, queue: str = "default", priority: int = 0, delay: float = 0.0
) -> Message:
    """Return a message that bears a text."""
    due = time.time() + delay if delay else 0.0
    return Message(
        "actor", queue, json.dumps({"args": [text], "kwargs": {}}), priority=priority, due=due
    )


def texts(messages: list[Message]) -> list[str]:
    """Return the texts that messages bear."""
    return [each.arguments()[0][0] for each in messages]


def claim(
    consumer: Consumer, want: int = 10, finished: list[Finished] | None = None
) -> list[Message]:
    """Claim messages."""
    return consumer.exchange(finished or [], want)


def lost_worker() -> str:
    """Return the name of a worker whose process has ended."""
    process = multiprocessing.get_context("spawn").Process(target=os.getpid)
    process.start()
    assert process.pid is not None
    name = f"{host_id()}:{process.pid}:{started_at(process.pid)}:dead"
    process.join()
    return name


def drop(consumer: Consumer) -> None:
    """Let go of a consumer's connection without taking leave, as a killed process does."""
    store = getattr(consumer, "_store", None)
    if store is not None:
        store.close()
    listener = getattr(consumer, "_listener", None)
    if listener is not None:
        listener.close()


def counts(broker: Broker) -> dict[str, int]:
    """Return how many messages are in which state."""
    found = broker.queues()
    return {
        state: total
        for state in ("ready", "running", "delayed", "dead")
        if (total := sum(getattr(one, state) for one in found))
    }


def test_messages_come_by_priority_and_then_in_the_order_of_sending(broker: Broker) -> None:
    for text, priority in (("a", 5), ("b", 0), ("c", 5), ("d", -1), ("e", 0)):
        broker.enqueue([message(text, priority=priority)])
    consumer = broker.consumer(new_worker_id(), None)
    assert texts(claim(consumer, 2)) == ["d", "b"]
    assert texts(claim(consumer)) == ["e", "a", "c"]
    assert claim(consumer) == []
    consumer.close()


def test_what_was_sent_comes_back_as_it_was(broker: Broker) -> None:
    sent = Message(
        "app.tasks.do", "mail", '{"args":["ü\\"\\\\n"],"kwargs":{"a":[1,null]}}', priority=3
    )
    broker.enqueue([sent])
    consumer = broker.consumer(new_worker_id(), None)
    (found,) = claim(consumer)
    for name in ("actor_name", "queue_name", "payload", "priority", "message_id", "attempts"):
        assert getattr(found, name) == getattr(sent, name)
    assert abs(found.sent_at - sent.sent_at) < 0.01
    consumer.close()


def test_a_claimed_message_is_nobody_elses(broker: Broker, reopen: Reopen) -> None:
    broker.enqueue([message(str(number)) for number in range(100)])
    consumers = [reopen().consumer(new_worker_id(), None) for _ in range(4)]

    def work(consumer: Consumer) -> list[str]:
        found: list[str] = []
        finished: list[Finished] = []
        for _ in range(200):
            messages = claim(consumer, 3, finished)
            found += texts(messages)
            finished = [Finished(one, Outcome.DONE) for one in messages]
            if not messages:
                break
        consumer.exchange(finished, 0)
        return found

    with ThreadPoolExecutor(4) as pool:
        found = [text for result in pool.map(work, consumers) for text in result]
    assert sorted(found, key=int) == [str(number) for number in range(100)]
    assert counts(broker) == {}
    for consumer in consumers:
        consumer.close()


def test_only_the_asked_for_queues_are_taken_from(broker: Broker) -> None:
    broker.enqueue([message("a", queue="mail"), message("b"), message("c", queue="slow")])
    consumer = broker.consumer(new_worker_id(), ["mail", "slow"])
    assert sorted(texts(claim(consumer))) == ["a", "c"]
    consumer.close()


def test_a_delayed_message_waits_for_its_time(broker: Broker) -> None:
    later = message("later", delay=2)
    broker.enqueue([later, message("now"), message("never", delay=3600)])
    consumer = broker.consumer(new_worker_id(), None)
    assert texts(claim(consumer)) == ["now"]
    assert counts(broker) == {"running": 1, "delayed": 2}
    read, write = os.pipe()
    found: list[Message] = []
    started = time.time()
    while not found and time.time() < started + 60:
        consumer.wait(read, 60)
        found = claim(consumer)
    assert texts(found) == ["later"]
    assert time.time() >= later.due
    os.close(read)
    os.close(write)
    consumer.close()


def test_each_outcome_is_settled(broker: Broker) -> None:
    broker.enqueue([message(text) for text in "abcd"])
    consumer = broker.consumer(new_worker_id(), None)
    done, again, dead, released = claim(consumer)
    consumer.exchange(
        [
            Finished(done, Outcome.DONE, result='{"x":1}'),
            Finished(again, Outcome.RETRY, due=time.time() + 3600, error="ValueError: first"),
            Finished(dead, Outcome.DEAD, error="ValueError: last"),
            Finished(released, Outcome.RELEASED),
        ],
        0,
    )
    assert counts(broker) == {"ready": 1, "delayed": 1, "dead": 1}
    (buried,) = broker.messages(Filter("dead"))
    assert (buried.message_id, buried.attempts, buried.error) == (
        dead.message_id,
        1,
        "ValueError: last",
    )
    (waiting,) = broker.messages(Filter("delayed"))
    assert waiting.attempts == 1 and waiting.due > time.time() + 3000
    stored = broker.result(done.message_id)
    assert stored is not None and json.loads(stored.value) == {"x": 1} and stored.error == ""
    failure = broker.result(dead.message_id)
    assert failure is not None and failure.error == "ValueError: last"
    assert broker.result(again.message_id) is None
    assert texts(claim(consumer)) == ["d"]
    consumer.close()


def test_a_retried_message_counts_its_attempts(broker: Broker) -> None:
    broker.enqueue([message("a")])
    consumer = broker.consumer(new_worker_id(), None)
    (first,) = claim(consumer)
    consumer.exchange([Finished(first, Outcome.RETRY, due=time.time() - 1, error="x")], 0)
    deadline = time.time() + 60
    found: list[Message] = []
    while not found and time.time() < deadline:
        found = claim(consumer)
    assert [one.attempts for one in found] == [1]
    assert found[0].message_id == first.message_id
    consumer.close()


def test_the_messages_of_a_worker_that_died_go_back_at_once(
    broker: Broker, reopen: Reopen, kind: str
) -> None:
    if kind == "memory":
        return  # A worker in the same process cannot die alone.
    broker.enqueue([message("a"), message("b")])
    dead = reopen().consumer(lost_worker(), None)
    assert texts(claim(dead, 1)) == ["a"]
    drop(dead)
    alive = broker.consumer(new_worker_id(), None)
    assert not alive.has_suspects()
    assert alive.heartbeat(STATUS) == 1
    assert texts(claim(alive)) == ["b"]
    assert len(broker.workers()) == 1
    # What was running when a process died may have been the reason: it runs in a process of its own.
    assert alive.has_suspects()
    alone = reopen().consumer(new_worker_id(), None, suspects=True)
    assert texts(claim(alone)) == ["a"]
    assert not alive.has_suspects()
    alone.close()
    alive.close()


def test_the_messages_of_a_silent_worker_go_back_when_its_lease_is_over(
    reopen: Reopen, kind: str
) -> None:
    if kind == "memory":
        return  # There is one process, and its lease is its life.
    broker = reopen()
    broker.enqueue([message("a")])
    elsewhere = reopen().consumer("another-host:1:1:x", None)
    (zombie,) = claim(elsewhere)
    other = reopen()
    other.lease = 0.0  # type: ignore[attr-defined]  # brokers that other hosts use have one
    alive = other.consumer(new_worker_id(), None, suspects=True)
    time.sleep(0.01)
    assert alive.heartbeat(STATUS) == 1
    (taken,) = claim(alive)
    assert taken.message_id == zombie.message_id
    # What the silent one says of it afterwards means nothing.
    elsewhere.exchange([Finished(zombie, Outcome.DONE)], 0)
    assert counts(broker) == {"running": 1}
    alive.exchange([Finished(taken, Outcome.DONE)], 0)
    assert counts(broker) == {}
    drop(elsewhere)
    alive.close()


def test_a_worker_that_leaves_gives_back_what_it_has(broker: Broker, reopen: Reopen) -> None:
    broker.enqueue([message("a")])
    consumer = reopen().consumer(new_worker_id(), None)
    claim(consumer)
    consumer.close()
    assert counts(broker) == {"ready": 1}
    assert broker.workers() == []


@pytest.mark.parametrize("after", [0.05, 0.4])
def test_waiting_ends_when_a_message_arrives_or_the_caller_is_woken(
    broker: Broker, reopen: Reopen, after: float
) -> None:
    consumer = broker.consumer(new_worker_id(), None)
    claim(consumer)
    read, write = os.pipe()
    os.set_blocking(read, False)
    other = reopen()
    timer = threading.Timer(after, lambda: other.enqueue([message("a", queue="new", priority=7)]))
    timer.start()
    found: list[Message] = []
    deadline = time.time() + 60
    while not found and time.time() < deadline:
        consumer.wait(read, 60)
        found = claim(consumer)
    timer.join()
    assert texts(found) == ["a"]
    consumer.wait(read, 0.01)
    os.write(write, b"x")
    started = time.time()
    consumer.wait(read, 60)
    consumer.wait(read, 60)
    assert time.time() - started < 55
    os.close(read)
    os.close(write)
    consumer.close()


def test_messages_of_other_queues_do_not_keep_a_worker_busy(broker: Broker) -> None:
    broker.enqueue([message("a", queue="other"), message("b", queue="other", delay=0.01)])
    consumer = broker.consumer(new_worker_id(), ["mine", "it's"])
    time.sleep(0.02)
    read, write = os.pipe()
    turns = 0
    deadline = time.monotonic() + 0.5
    while (left := deadline - time.monotonic()) > 0:
        assert claim(consumer) == []
        consumer.wait(read, left)
        turns += 1
    assert turns < 10
    os.close(read)
    os.close(write)
    consumer.close()


def test_a_slot_is_replaced_once_and_only_by_who_knows_the_last_one(
    broker: Broker, reopen: Reopen
) -> None:
    assert broker.slot("job") is None
    first, second = Slot(5_123, "every 5 s"), Slot(10_123, "every 5 s")
    brokers = [reopen() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(lambda each: each.swap_slot("job", None, first), brokers)) == 1
    assert broker.slot("job") == first
    assert not broker.swap_slot("job", None, second)
    assert not broker.swap_slot("job", Slot(5_123, "every 9 s"), second)
    assert not broker.swap_slot("job", Slot(5_122, "every 5 s"), second)
    assert broker.swap_slot("job", first, second)
    assert broker.slot("job") == second
    # Back in time too: a clock that was ahead is set right.
    assert broker.swap_slot("job", second, Slot(7, "0 9 * * *"))
    assert broker.swap_slot("other", None, first)


def test_the_message_of_a_slot_is_stored_by_whoever_takes_it(
    broker: Broker, reopen: Reopen
) -> None:
    messages = [message(text) for text in "abc"]
    slots = [Slot(number, "x") for number in range(3)]
    assert broker.swap_slot("job", None, slots[0], messages[0])
    assert not reopen().swap_slot("job", None, slots[1], messages[1])
    assert broker.swap_slot("job", slots[0], slots[2], messages[2])
    assert [info.message_id for info in broker.messages()] == [
        messages[0].message_id,
        messages[2].message_id,
    ]


def test_a_slot_is_taken_while_its_job_still_runs_and_the_message_is_left_out(
    broker: Broker,
) -> None:
    def guarded(text: str) -> Message:
        made = message(text)
        made.set_option("unique", ["periodic:job", "running", 0])
        return made

    slots = [Slot(number, "x") for number in range(4)]
    assert broker.swap_slot("job", None, slots[0], guarded("a"))
    assert broker.swap_slot("job", slots[0], slots[1], guarded("b"))
    consumer = broker.consumer(new_worker_id(), None)
    (first,) = claim(consumer)
    assert broker.swap_slot("job", slots[1], slots[2], guarded("c"))
    assert claim(consumer) == []
    consumer.exchange([Finished(first, Outcome.DONE)], 0)
    assert broker.swap_slot("job", slots[2], slots[3], guarded("d"))
    assert texts(claim(consumer)) == ["d"]
    consumer.close()


def test_people_can_look_and_repair(broker: Broker) -> None:
    broker.enqueue(
        [message("a"), message("b", queue="mail"), message("c", delay=3600), message("d")]
    )
    consumer = broker.consumer(new_worker_id(), ["default"])
    first, second = claim(consumer)
    consumer.exchange([Finished(first, Outcome.DEAD, error="E: x")], 0)
    queues = {one.name: one for one in broker.queues()}
    assert (queues["default"].running, queues["default"].delayed, queues["default"].dead) == (
        1,
        1,
        1,
    )
    assert queues["mail"].ready == 1 and queues["mail"].oldest is not None
    assert [one.state for one in broker.messages(Filter(queue="mail"))] == ["ready"]
    assert len(broker.messages(limit=2)) == 2
    (running,) = broker.messages(Filter("running"))
    assert running.worker
    assert broker.cancel([running.message_id]) == 0
    assert broker.retry(Filter()) == 1
    assert [one.attempts for one in broker.messages(Filter("ready", "default"))] == [0]
    (delayed,) = broker.messages(Filter("delayed"))
    assert broker.retry([delayed.message_id, "unknown"]) == 1
    (mail,) = broker.messages(Filter(queue="mail"))
    assert broker.cancel([mail.message_id]) == 1
    assert broker.purge(Filter(queue="mail")) == 0
    assert broker.purge(Filter(state="ready")) == 2
    assert counts(broker) == {"running": 1}
    consumer.close()


def test_messages_outlive_the_process_that_sent_them(broker: Broker, reopen: Reopen) -> None:
    broker.enqueue([message("a")])
    again = reopen()
    consumer = again.consumer(new_worker_id(), None)
    assert texts(claim(consumer)) == ["a"]
    consumer.close()


def test_two_processes_make_the_tables_at_once(reopen: Reopen) -> None:
    brokers = [reopen() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda one: one.enqueue([message("a")]), brokers))
    assert counts(brokers[0]) == {"ready": 6}


def test_a_connection_that_the_server_closed_is_replaced(
    broker: Broker, kind: str, task_databases: dict[str, str]
) -> None:
    if kind in ("memory", "sqlite"):
        return  # There is no connection to close.
    broker.enqueue([message("a")])
    consumer = broker.consumer(new_worker_id(), None)
    if kind == "postgresql":
        run_on_server(
            kind,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{task_databases[kind].rpartition('/')[2]}' AND pid <> pg_backend_pid()",
        )
    elif kind == "mysql":
        name = task_databases[kind].rpartition("/")[2]
        for (number,) in run_on_server(
            kind, f"SELECT id FROM information_schema.processlist WHERE db = '{name}'"
        ):
            run_on_server(kind, f"KILL {number}")
    else:
        broker.client.connection_pool.disconnect()  # type: ignore[attr-defined]  # that of Redis has one
    found: list[Message] = []
    for _ in range(5):
        try:
            found = found or claim(consumer)
        except BrokerError:
            continue
    assert texts(found) == ["a"]
    broker.send([message("b")])
    assert counts(broker)["ready"] == 1
    consumer.close()


def test_many_delayed_messages_do_not_stand_in_the_way(broker: Broker) -> None:
    broker.enqueue([message(str(number), delay=3600) for number in range(1000)])
    broker.enqueue([message("now")])
    consumer = broker.consumer(new_worker_id(), None)
    assert texts(claim(consumer, 1)) == ["now"]
    consumer.close()


def test_two_messages_that_were_given_one_key_are_both_stored(broker: Broker) -> None:
    one, other = message("one"), message("other")
    one.key = other.key = 5 if broker.name == "database" else None
    broker.enqueue([one])
    broker.send([other])
    assert {info.message_id for info in broker.messages()} == {one.message_id, other.message_id}


def test_messages_are_the_same_however_many_are_sent_together(broker: Broker) -> None:
    sent = [message("usual"), message("urgent", priority=-1), message("third"), message("odd")]
    sent[3].set_option("max_retries", 7)
    broker.enqueue([])
    broker.send(sent[:1])
    broker.send(sent[1:3])
    broker.send(sent[3:])
    consumer = broker.consumer(new_worker_id(), None)
    claimed = claim(consumer)
    assert texts(claimed) == ["urgent", "usual", "third", "odd"]
    by_id = {each.message_id: each for each in claimed}
    for before in sent:
        after = by_id[before.message_id]
        for name in set(Message.__slots__) - {"key", "limit_key"}:
            assert getattr(after, name) == getattr(before, name), name
    consumer.close()
