"""What every broker promises beyond sending and settling: unique keys, groups, limits, odd content, lost workers, numbers."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from openviper.tasks.brokers.base import (
    Broker,
    CallCount,
    Consumer,
    Filter,
    NewGroup,
    Progress,
    Slot,
    StoredSchedule,
    WorkerStatus,
)
from openviper.tasks.brokers.keeping import KEEP_FLOWS, KEEP_UNENDED, Keep
from openviper.tasks.brokers.sweeping import sweep
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.limits import Limit, Rate
from openviper.tasks.liveness import host_id, new_worker_id, started_at
from openviper.tasks.message import LOST_ERROR, Finished, Message, Outcome, to_json, to_values
from openviper.tasks.worker.settlement import Settlement
from tests.integration.tasks.conftest import Reopen
from tests.integration.tasks.test_broker_contract import counts, drop, message, texts

STATUS = WorkerStatus(0.0, False)


def claim(consumer: Consumer, want: int = 10) -> list[Message]:
    """Claim messages, of queues too that are new since the consumer was made."""
    consumer.heartbeat(STATUS)
    return consumer.exchange([], want)


@pytest.fixture
def consumer(broker: Broker) -> Iterator[Consumer]:
    """Return a consumer of everything."""
    made = broker.consumer(new_worker_id(), None)
    yield made
    made.close()


def unique(text: str, key: str, scope: str, until: float = 0) -> Message:
    """Return a message with a unique key."""
    made = message(text)
    made.set_option("unique", [key, scope, until])
    return made


# Unique keys


def test_a_second_message_of_a_key_is_not_stored_and_bears_the_id_of_the_first(
    broker: Broker,
) -> None:
    first, second, other = (
        unique("a", "k", "running"),
        unique("b", "k", "running"),
        unique("c", "other", "running"),
    )
    assert broker.enqueue([first]) == []
    assert broker.enqueue([second, other]) == [second]
    assert second.message_id == first.message_id
    assert counts(broker) == {"ready": 2}


def test_a_key_for_the_queue_is_free_once_the_message_runs(
    broker: Broker, consumer: Consumer
) -> None:
    broker.enqueue([unique("a", "k", "queued")])
    assert broker.enqueue([unique("b", "k", "queued")])
    assert texts(claim(consumer)) == ["a"]
    assert not broker.enqueue([unique("c", "k", "queued")])


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.DEAD])
def test_a_key_is_taken_until_the_message_has_ended(
    broker: Broker, consumer: Consumer, outcome: Outcome
) -> None:
    broker.enqueue([unique("a", "k", "running")])
    (first,) = claim(consumer)
    assert broker.enqueue([unique("b", "k", "running")])
    consumer.exchange([Finished(first, Outcome.RETRY, due=time.time() - 1, error="E: x")], 0)
    assert broker.enqueue([unique("c", "k", "running")])
    again = claim(consumer) or claim(consumer)
    consumer.exchange([Finished(again[0], outcome, error="E: x")], 0)
    assert not broker.enqueue([unique("d", "k", "running")])


def test_a_key_for_a_time_is_taken_for_that_time(broker: Broker, consumer: Consumer) -> None:
    broker.enqueue([unique("a", "long", "time", time.time() + 600)])
    broker.enqueue([unique("b", "short", "time", time.time() + 0.01)])
    for each in claim(consumer):
        consumer.exchange([Finished(each, Outcome.DONE)], 0)
    assert broker.enqueue([unique("c", "long", "time", time.time() + 600)])
    deadline = time.time() + 60
    while broker.enqueue([unique("d", "short", "time", time.time() + 600)]):
        assert time.time() < deadline
    assert broker.enqueue([unique("e", "short", "time", time.time() + 600)])


def test_a_key_is_free_once_its_message_was_removed(broker: Broker) -> None:
    first = unique("a", "k", "running")
    broker.enqueue([first])
    assert broker.cancel([first.message_id]) == 1
    assert not broker.enqueue([unique("b", "k", "running")])
    assert broker.purge() == 1
    assert not broker.enqueue([unique("c", "k", "running")])


# Groups and chains


def spec(text: str) -> str:
    """Return a callback."""
    return to_json(to_values(message(text)))


def members(group: str, *texts_of: str) -> list[Message]:
    """Return messages of a group."""
    made = [message(text) for text in texts_of]
    for each in made:
        each.set_option("group", group)
    return made


@pytest.mark.parametrize("last", [Outcome.DONE, Outcome.DEAD])
def test_a_group_counts_its_members_and_sends_one_callback_after_the_last(
    broker: Broker, consumer: Consumer, last: Outcome
) -> None:
    broker.enqueue(members("g", "a", "b", "c"), NewGroup("g", 3, spec("all"), spec("some")))
    first, second, third = claim(consumer)
    consumer.exchange([Finished(first, Outcome.DONE), Finished(second, Outcome.RETRY)], 0)
    info = broker.group("g")
    assert info is not None and (info.total, info.done, info.failed) == (3, 1, 0)
    second = (claim(consumer) or claim(consumer))[0]
    consumer.exchange([Finished(second, Outcome.DONE)], 0)
    assert claim(consumer) == []
    consumer.exchange([Finished(third, last, error="E: x" if last is Outcome.DEAD else "")], 0)
    # Given again, as after a lost answer, it counts no second time.
    consumer.exchange([Finished(third, last)], 0)
    assert texts(claim(consumer)) == ["all" if last is Outcome.DONE else "some"]
    info = broker.group("g")
    assert info is not None and info.done + info.failed == 3
    assert broker.group("unknown") is None


def after_all(broker: Broker, consumer: Consumer, group: str) -> tuple[int, int, list[Any]]:
    """Return how many members of a group are done and failed, and what it has sent."""
    info = broker.group(group)
    assert info is not None
    return info.done, info.failed, texts(claim(consumer))


def test_a_member_that_is_removed_before_it_began_has_failed(
    broker: Broker, consumer: Consumer
) -> None:
    first, second, third = members("g", "a", "b", "c")
    third.due = time.time() + 600
    broker.enqueue([first, second, third], NewGroup("g", 3, spec("all"), spec("some")))
    (claimed,) = claim(consumer, 1)
    assert broker.cancel([second.message_id]) == 1
    consumer.exchange([Finished(claimed, Outcome.DONE)], 0)
    assert after_all(broker, consumer, "g") == (1, 1, [])
    assert broker.purge(Filter(state="delayed")) == 1
    assert after_all(broker, consumer, "g") == (1, 2, ["some"])


def test_what_a_group_sends_is_not_removed_with_its_members(
    broker: Broker, consumer: Consumer
) -> None:
    broker.enqueue(members("g", "a", "b"), NewGroup("g", 2, None, spec("some")))
    assert broker.purge() == 2
    assert after_all(broker, consumer, "g") == (0, 2, ["some"])


def test_a_dead_member_that_is_tried_again_is_counted_once(
    broker: Broker, consumer: Consumer
) -> None:
    broker.enqueue(members("g", "a", "b"), NewGroup("g", 2, spec("all"), spec("some")))
    first, second = claim(consumer)
    ends = [Finished(first, Outcome.DONE), Finished(second, Outcome.DEAD, error="E: x")]
    consumer.exchange(ends, 0)
    (callback,) = claim(consumer)
    consumer.exchange([Finished(callback, Outcome.DONE)], 0)
    assert broker.retry([second.message_id]) == 1
    info = broker.group("g")
    assert info is not None and (info.done, info.failed) == (1, 0)
    (again,) = claim(consumer)
    consumer.exchange([Finished(again, Outcome.DONE)], 0)
    assert after_all(broker, consumer, "g") == (2, 0, ["all"])


def test_a_dead_member_that_is_purged_was_counted_already(
    broker: Broker, consumer: Consumer
) -> None:
    broker.enqueue(members("g", "a", "b"), NewGroup("g", 2, spec("all"), spec("some")))
    first, _ = claim(consumer)
    consumer.exchange([Finished(first, Outcome.DEAD, error="E: x")], 0)
    assert broker.purge() == 1
    assert after_all(broker, consumer, "g") == (0, 1, [])


def test_what_follows_a_group_begins_to_wait_when_that_has_ended(
    broker: Broker, consumer: Consumer
) -> None:
    later = message("later")
    later.set_option("delay", 600)
    later.sent_at -= 86_400
    (removed,) = members("h", "b")
    after_removal = message("at once")
    after_removal.sent_at -= 86_400
    broker.enqueue(members("g", "a"), NewGroup("g", 1, to_json(to_values(later))))
    broker.enqueue([removed], NewGroup("h", 1, None, to_json(to_values(after_removal))))
    assert broker.cancel([removed.message_id]) == 1
    (at_once,) = [each for each in claim(consumer, 2) if not finish(consumer, each, "a")]
    assert texts([at_once]) == ["at once"]
    (info,) = broker.messages(Filter("delayed"))
    for moment, wanted in ((info.due, 600), (info.sent_at, 0), (at_once.sent_at, 0)):
        assert abs(moment - time.time() - wanted) < 60


def finish(consumer: Consumer, each: Message, text: str) -> bool:
    """Settle a message as done if it is this one; return whether it is."""
    is_it = texts([each]) == [text]
    if is_it:
        consumer.exchange([Finished(each, Outcome.DONE)], 0)
    return is_it


def test_a_step_of_a_chain_may_wait_and_is_found_when_it_is_due(
    broker: Broker, consumer: Consumer
) -> None:
    sent = message("a")
    sent.set_option("then", [])
    broker.enqueue([sent])
    (first,) = claim(consumer)
    later, soon = message("later"), message("soon")
    later.due, soon.due = time.time() + 600, time.time() - 1
    consumer.exchange([Finished(first, Outcome.DONE, follow=(later, soon))], 0)
    assert texts(claim(consumer)) == ["soon"]
    assert counts(broker) == {"running": 1, "delayed": 1}


def test_what_follows_is_stored_with_the_settlement_and_only_by_the_owner(
    broker: Broker, consumer: Consumer
) -> None:
    first = message("a")
    first.set_option("then", [to_values(message("b"))])
    broker.enqueue([first])
    (claimed,) = claim(consumer)
    assert claimed.option("then")[0]["payload"] == message("b").payload
    end = Finished(claimed, Outcome.DONE, follow=(message("b"),))
    consumer.exchange([end], 0)
    consumer.exchange([end], 0)
    assert texts(claim(consumer)) == ["b"]


# Limits


def test_no_more_than_the_limit_run_and_the_next_one_comes_when_one_ends(
    broker: Broker, reopen: Reopen, consumer: Consumer
) -> None:
    limit = Limit("key", concurrency=2)
    other = reopen().consumer(new_worker_id(), None)
    broker.enqueue([message(text) for text in "abcd"])
    claimed = [(consumer, each) for each in claim(consumer, 2)]
    claimed += [(other, each) for each in claim(other, 2)]
    running = [(by, each) for by, each in claimed if by.admit(each, limit)]
    assert texts([each for _, each in running]) == ["a", "b"]
    assert claim(consumer) == [] and counts(broker) == {"running": 2, "delayed": 2}
    running[0][0].exchange([Finished(running[0][1], Outcome.DONE)], 0)
    (next_one,) = claim(other)
    assert next_one.arguments()[0] == ["c"] and other.admit(next_one, limit)
    # Whoever leaves or is lost gives its permits back.
    other.close()
    (again,) = [each for each in claim(consumer) if each.arguments()[0] == ["c"]]
    assert consumer.admit(again, limit)


def test_a_rate_holds_for_all_workers_and_what_is_too_much_waits_for_its_turn(
    broker: Broker, reopen: Reopen, consumer: Consumer
) -> None:
    limit = Limit("key", rate=Rate(2, 60.0))
    other = reopen().consumer(new_worker_id(), None)
    broker.enqueue([message(text) for text in "abcdef"])
    first, second = claim(consumer, 3), claim(other, 3)
    assert [consumer.admit(each, limit) for each in first] == [True, True, False]
    assert [other.admit(each, limit) for each in second] == [False, False, False]
    waits = sorted(info.due - time.time() for info in broker.messages(Filter("delayed")))
    assert len(waits) == 4
    for number, wait in enumerate(waits, 1):
        assert abs(wait - 30 * number) < 5
    other.close()


def test_a_message_that_is_not_admitted_is_not_the_workers_any_more(
    broker: Broker, consumer: Consumer
) -> None:
    broker.enqueue([message("a"), message("b")])
    first, second = claim(consumer)
    assert consumer.admit(first, Limit("key", concurrency=1))
    assert not consumer.admit(second, Limit("key", concurrency=1))
    consumer.exchange([Finished(second, Outcome.DONE)], 0)
    assert counts(broker) == {"running": 1, "delayed": 1}


# Odd content

ODD = "bad \0 byte, half \ud800 surrogate, \x1b[2J, ü\u2028 and €"


def test_odd_arguments_come_back_as_they_were(broker: Broker, consumer: Consumer) -> None:
    odd = message("x")
    odd.payload = to_json({"args": [ODD, 10**30, {"k": [None, 1.5]}], "kwargs": {}})
    broker.enqueue([odd])
    assert claim(consumer)[0].arguments()[0] == [ODD, 10**30, {"k": [None, 1.5]}]


def test_many_odd_messages_that_are_sent_together_come_back_as_they_were(
    broker: Broker, consumer: Consumer
) -> None:
    names = ["tab\tname", "line\nname", "back\\slash", r"\N", "ü €", "plain", "cr\rname", "\\."]
    texts = [ODD, "\\", "\\N", "\t", '"', "\r\n", "%s {x} ?", "", "\U0001f600"]
    sent = [
        Message(
            names[number % len(names)],
            "default",
            to_json({"args": [texts[number % len(texts)], number], "kwargs": {"k\\": number}}),
            options={"state": {"t": texts[number % len(texts)]}} if number % 3 else None,
        )
        for number in range(72)
    ]
    broker.enqueue(sent)
    back = {each.message_id: each for each in claim(consumer, 100)}
    assert list(back) == [each.message_id for each in sent]
    for each in sent:
        for name in ("actor_name", "payload", "sent_at", "options", "due", "attempts"):
            assert getattr(back[each.message_id], name) == getattr(each, name)


def raw_error(text: str) -> str:
    """Return an error as it is not made any more: not cleaned."""
    return f"ValueError: {text}"


@pytest.mark.parametrize("text", ["zig \0 zag", "zig \ud800"])
def test_an_end_that_the_store_refuses_makes_its_own_message_dead_and_no_other(
    broker: Broker, consumer: Consumer, kind: str, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    broker.enqueue([message(letter) for letter in "abc"])
    first, culprit, last = claim(consumer)
    settlement = Settlement()
    for end in (
        Finished(first, Outcome.DONE),
        Finished(culprit, Outcome.DEAD, error=raw_error(text)),
        Finished(last, Outcome.RETRY, due=time.time() + 60, error="E: x"),
    ):
        settlement.add(end)
    settled, _ = settlement.exchange(consumer, 0)
    assert len(settled) == 3 and not settlement.waiting
    assert counts(broker) == {"delayed": 1, "dead": 1}
    (dead,) = broker.messages(Filter("dead"))
    assert dead.message_id == culprit.message_id
    refused = "could not be stored" in dead.error
    # What was to be stored is nobody's business, and no output may stumble over it.
    assert "zig" not in caplog.text
    # SQLite, MariaDB, Redis and memory hold a NUL; half a surrogate only memory and, as JSON, Redis do.
    holds = {"\0": {"memory", "sqlite", "mysql", "redis"}, "\ud800": {"memory", "redis"}}
    assert refused is (kind not in holds[next(letter for letter in holds if letter in text)])


def store_raw(broker: Any, kind: str, text: str) -> None:
    """Put something that is no message where messages are."""
    if kind == "redis":
        stream = broker.names.key("q:0:default")
        broker.client.sadd(broker.names.key("queues"), stream)
        broker.client.xadd(stream, {"m": text})
    else:
        made = message("odd")
        broker.enqueue([made])
        broker.with_store(
            lambda store: store.change(
                "UPDATE openviper_task_message SET options = ? WHERE message_id = ?",
                (text, made.message_id),
            )
        )


@pytest.mark.parametrize("text", ["{nope", "[]", '{"id":"x"}', "[" * 200_000, '"text"', "5"])
def test_what_cannot_be_read_as_a_message_is_dead_and_stops_nothing(
    broker: Broker, consumer: Consumer, kind: str, text: str
) -> None:
    if kind == "memory":
        return  # It holds messages, not texts.
    store_raw(broker, kind, text)
    broker.enqueue([message("good")])
    found = claim(consumer)
    if text == '{"id":"x"}' and kind != "redis":
        assert len(found) == 2  # Unknown options are none of a broker's business.
        return
    assert texts(found) == ["good"]
    (dead,) = broker.messages(Filter("dead"))
    assert "BadMessageError" in dead.error
    assert broker.purge(Filter("dead")) == 1


@pytest.mark.parametrize(
    "options", [{"unique": 5}, {"group": ["x"]}, {"then": 7}, {"limit": {}}, {"expires": "z"}]
)
def test_options_of_another_type_make_their_message_dead_and_no_other(
    broker: Broker, consumer: Consumer, kind: str, options: dict[str, Any]
) -> None:
    if kind == "memory":
        return  # It holds messages, not texts.
    values = {**to_values(message("odd")), "options": options}
    store_raw(broker, kind, to_json(values if kind == "redis" else options))
    broker.enqueue([message("good")])
    assert texts(claim(consumer)) == ["good"]
    (dead,) = broker.messages(Filter("dead"))
    assert f"the option '{next(iter(options))}' is not what it has to be" in dead.error


def test_what_nobody_has_stored_stops_no_worker_and_nobody_who_looks(
    broker: Any, consumer: Consumer, kind: str
) -> None:
    if kind == "memory":
        return  # Nobody else can store there.
    _store_odd_things(broker, kind)
    broker.enqueue([unique("good", "k", "running")])
    broker.save_schedule(StoredSchedule("job", None, True))
    assert broker.swap_slot("odd", None, Slot(1000, "every 1 s"))
    assert broker.slot("odd") == Slot(1000, "every 1 s")
    assert texts(claim(consumer)) == ["good"]
    assert [schedule.name for schedule in broker.schedules()] == ["job"]
    assert counts(broker) == {"running": 1}
    assert "nobody" not in [worker.worker_id for worker in broker.workers()]
    assert broker.counts() == [] and broker.result("odd") is None
    assert broker.prune(0, 0) == (0, 0)


def _store_odd_things(broker: Any, kind: str) -> None:
    """Store what only others can have stored."""
    if kind != "redis":
        columns = "worker, host, pid, started_at, seen_at, settled_at"
        row = ("nobody", "h", 1, 0.0, 0.0, 0.0)
        broker.with_store(lambda store: store.insert_new("openviper_task_worker", columns, row))
        return
    for name in ("workers", "calls", "slots", "schedules", "unique"):
        broker.client.hset(broker.names.key(name), "k" if name == "unique" else "odd", "junk")
    broker.client.hset(broker.names.key("workers"), "nobody", "[1]")
    broker.client.sadd(
        broker.names.key("queues"), broker.names.key("odd"), broker.names.key("q:x:y")
    )
    broker.client.set(broker.names.key("result:odd"), "junk")


def test_a_delayed_thing_that_is_no_message_does_not_hold_up_others(
    broker: Any, consumer: Consumer, kind: str
) -> None:
    if kind != "redis":
        return  # There, it is a row like any other.
    broker.client.zadd(broker.names.key("delayed"), {"no line break": 1.0})
    broker.enqueue([message("later", delay=0.01)])
    time.sleep(0.02)
    consumer.heartbeat(STATUS)
    assert texts(claim(consumer)) == ["later"]
    assert len(broker.messages(Filter("dead"))) == 1


# Lost workers


def dead_child() -> str:
    """Return the name of a worker that was killed while the process that watches over it, this one, goes on."""
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=signal.pause)
    child.start()
    assert child.pid is not None
    watcher = f"{os.getpid()}-{started_at(os.getpid())}"
    name = f"{host_id()}:{child.pid}:{started_at(child.pid)}:dead{child.pid}-{watcher}"
    child.kill()
    child.join()
    return name


def dead_with_its_watcher() -> str:
    """Return the name of a worker that is gone together with the process that watched over it."""
    name, _, _ = dead_child().rpartition("-")
    return f"{name.rpartition('-')[0]}-{name.rsplit(':', 3)[1]}-1"


def test_a_message_that_takes_its_process_with_it_is_dead_after_the_third_time(
    broker: Broker, reopen: Reopen, consumer: Consumer, kind: str
) -> None:
    if kind == "memory":
        return  # A worker in the same process cannot die alone.
    killer = unique("a", "k", "running")
    killer.set_option("group", "g")
    broker.enqueue([killer], NewGroup("g", 1, None, spec("failed")))
    for is_suspect in (False, True, True):
        lost = reopen().consumer(dead_child(), None, suspects=is_suspect)
        assert texts(claim(lost)) == ["a"]
        drop(lost)
        assert consumer.take_buried() == []
        consumer.heartbeat(STATUS)
    (dead,) = broker.messages(Filter("dead"))
    assert (dead.message_id, dead.error) == (killer.message_id, LOST_ERROR)
    # Nobody else tells hooks, numbers and records of it.
    (end,) = consumer.take_buried()
    assert (end.message.message_id, end.error) == (killer.message_id, LOST_ERROR)
    assert end.outcome is Outcome.DEAD and consumer.take_buried() == []
    # Its end is one like any other.
    assert not broker.enqueue([unique("b", "k", "running")])
    assert sorted(texts(claim(consumer))) == ["b", "failed"]
    assert broker.retry([killer.message_id]) == 1
    assert texts(claim(consumer)) == ["a"]


def test_a_worker_that_was_stopped_with_its_watcher_makes_nobody_a_suspect(
    broker: Broker, reopen: Reopen, consumer: Consumer, kind: str
) -> None:
    if kind == "memory":
        return  # A worker in the same process cannot die alone.
    broker.enqueue([message("a")])
    for _ in range(5):
        lost = reopen().consumer(dead_with_its_watcher(), None)
        assert texts(claim(lost)) == ["a"]
        drop(lost)
        consumer.heartbeat(STATUS)
    assert texts(claim(consumer)) == ["a"]


def test_a_suspect_that_fails_or_is_released_stays_one(
    broker: Broker, reopen: Reopen, consumer: Consumer, kind: str
) -> None:
    if kind == "memory":
        return  # A worker in the same process cannot die alone.
    broker.enqueue([message("a")])
    lost = reopen().consumer(dead_child(), None)
    claim(lost)
    drop(lost)
    consumer.heartbeat(STATUS)
    alone = reopen().consumer(new_worker_id(), None, suspects=True)
    (first,) = claim(alone)
    alone.exchange([Finished(first, Outcome.RELEASED)], 0)
    assert claim(consumer) == []
    (again,) = claim(alone)
    alone.exchange([Finished(again, Outcome.RETRY, due=time.time() - 1, error="E: x")], 0)
    assert claim(consumer) == []
    alone.heartbeat(STATUS)
    (third,) = claim(alone) or claim(alone)
    assert (third.deliveries, third.attempts) == (1, 1)
    alone.exchange([Finished(third, Outcome.DONE)], 0)
    assert counts(broker) == {}
    alone.close()


# Cancelling, progress, numbers, workers, schedules


def test_a_running_message_is_asked_to_end(broker: Broker, consumer: Consumer) -> None:
    broker.enqueue([message("a"), message("b")])
    (running,) = claim(consumer, 1)
    waiting = broker.messages(Filter("ready"))[0]
    assert consumer.cancelled() == set()
    assert broker.cancel([running.message_id, waiting.message_id, "unknown"]) == 1
    assert consumer.cancelled() == {running.message_id}
    consumer.exchange([Finished(running, Outcome.DONE)], 0)
    consumer.exchange([Finished(running, Outcome.RETRY)], 0)
    assert counts(broker) == {}


def test_progress_is_seen_by_others(broker: Broker, reopen: Reopen, consumer: Consumer) -> None:
    assert broker.progress("m") is None
    consumer.report([Progress("m", 0.25, "first ü", 1.5)], [])
    consumer.report([Progress("m", 0.5, "second", 2.5)], [])
    assert reopen().progress("m") == Progress("m", 0.5, "second", 2.5)


def test_numbers_of_calls_are_added_up_for_all_time_and_by_the_minute(
    broker: Broker, consumer: Consumer
) -> None:
    minute = int(time.time()) // 60 * 60
    for _ in range(2):
        consumer.report(
            [],
            [
                CallCount(minute, "a", "success", 3, 1.5),
                CallCount(minute - 60, "a", "success", 1, 0.5),
                CallCount(minute, 'odd "ü"', "dead", 1, 0.25),
            ],
        )
    assert broker.counts() == [
        CallCount(0, "a", "success", 8, 4.0),
        CallCount(0, 'odd "ü"', "dead", 2, 0.5),
        CallCount(minute - 60, "a", "success", 2, 1.0),
        CallCount(minute, "a", "success", 6, 3.0),
        CallCount(minute, 'odd "ü"', "dead", 2, 0.5),
    ]


def test_a_worker_tells_its_queues_and_how_it_is(broker: Broker) -> None:
    every = broker.consumer(new_worker_id(), None)
    some = broker.consumer(new_worker_id(), ["mail", "slow"])
    every.heartbeat(WorkerStatus(12.5, True))
    found = {worker.queues: worker for worker in broker.workers()}
    assert set(found) == {None, ("mail", "slow")}
    assert (found[None].settled_at, found[None].is_busy) == (12.5, True)
    assert found[None].takes("anything")
    assert found["mail", "slow"].takes("mail") and not found["mail", "slow"].takes("default")
    every.close()
    some.close()


def test_schedules_are_kept_beside_their_slots(broker: Broker, reopen: Reopen) -> None:
    added = StoredSchedule("job", '{"every":5}', False)
    broker.save_schedule(added)
    broker.save_schedule(StoredSchedule("coded", None, True))
    assert reopen().schedules() == [StoredSchedule("coded", None, True), added]
    assert broker.slot("job") is None
    assert broker.swap_slot("job", None, Slot(1, "x"))
    broker.save_schedule(added._replace(is_paused=True))
    assert broker.slot("job") == Slot(1, "x")
    assert broker.remove_schedule("job") and not broker.remove_schedule("job")
    assert broker.slot("job") is None
    assert broker.schedules() == [StoredSchedule("coded", None, True)]


def test_messages_are_chosen_by_actor_and_by_a_part_of_the_error(
    broker: Broker, consumer: Consumer
) -> None:
    names = ("one", "two", "two")
    broker.enqueue([Message(name, "default", '{"args":[],"kwargs":{}}') for name in names])
    errors = iter(["E: no 100% disk_space", "E: no 100 disk", "Other: 'x'"])
    consumer.exchange(
        [Finished(each, Outcome.DEAD, error=next(errors)) for each in claim(consumer)], 0
    )
    assert len(broker.messages(Filter(actor="two"))) == 2
    assert len(broker.messages(Filter(error="100%"))) == 1
    assert len(broker.messages(Filter(error="k_s"))) == 1
    assert len(broker.messages(Filter(error="no 100", actor="two"))) == 1
    assert broker.retry(Filter(error="'x'")) == 1
    assert broker.purge(Filter(actor="one")) == 1
    assert counts(broker) == {"ready": 1, "dead": 1}


def test_a_message_that_is_retried_by_hand_is_due_from_then_on(
    broker: Broker, consumer: Consumer
) -> None:
    broker.enqueue([message("a")])
    consumer.exchange([Finished(claim(consumer)[0], Outcome.DEAD, error="E: x")], 0)
    before = time.time()
    assert broker.retry(Filter()) == 1
    (again,) = claim(consumer)
    assert again.due >= before - 0.01


@pytest.mark.usefixtures("no_tables")
def test_looking_at_an_empty_store_makes_nothing(broker: Any, kind: str) -> None:
    assert (broker.workers(), broker.queues(), broker.messages(), broker.schedules()) == (
        [],
        [],
        [],
        [],
    )
    assert broker.result("x") is None and broker.counts() == []
    if kind in ("sqlite", "postgresql", "mysql"):
        assert not broker.with_store(lambda store: store.has_tables(), create=False)


@pytest.mark.usefixtures("no_tables")
def test_a_store_of_an_earlier_version_is_brought_up_to_date(
    broker: Any, reopen: Reopen, kind: str
) -> None:
    if kind not in ("sqlite", "postgresql", "mysql"):
        return  # The others have no columns.
    names = {"sqlite": ("INTEGER", "REAL", "TEXT"), "postgresql": ("BIGINT", "DOUBLE PRECISION", "VARCHAR(255)"), "mysql": ("BIGINT", "DOUBLE", "VARCHAR(255)")}  # fmt: skip
    big, real, name = names[kind]
    tail = " CHARSET=utf8mb4 COLLATE=utf8mb4_bin" if kind == "mysql" else ""
    # Other tests of this run find these tables too, and store what is longer than a name.
    text = "LONGTEXT" if kind == "mysql" else "TEXT"
    old = (
        f"CREATE TABLE openviper_task_message (id {big} NOT NULL PRIMARY KEY, message_id {name} NOT NULL, "
        f"queue_name {name} NOT NULL, actor_name {name} NOT NULL, payload {text} NOT NULL, priority INTEGER NOT NULL, "
        f"state INTEGER NOT NULL, due {real} NOT NULL, attempts INTEGER NOT NULL, sent_at {real} NOT NULL, "
        f"worker {name}, error {text}, settled_at {real}){tail}",
        f"CREATE TABLE openviper_task_worker (worker {name} NOT NULL PRIMARY KEY, host {name} NOT NULL, "
        f"pid {big} NOT NULL, started_at {real} NOT NULL, seen_at {real} NOT NULL){tail}",
        f"CREATE TABLE openviper_task_unique (name {name} NOT NULL PRIMARY KEY, message_id {name} NOT NULL, "
        f"scope {name} NOT NULL, until {real} NOT NULL){tail}",
        "INSERT INTO openviper_task_message VALUES (1, 'id', 'default', 'actor', "
        '\'{"args":["old"],"kwargs":{}}\', 0, 0, 0, 0, 1.5, NULL, NULL, NULL)',
    )

    def make(store: Any) -> None:
        for statement in old:
            store.change(statement)

    broker.with_store(make, create=False)
    fresh = reopen()
    fresh.enqueue([message("new")])
    consumer = fresh.consumer(new_worker_id(), None)
    assert texts(claim(consumer)) == ["old", "new"]
    consumer.close()
    # Where tables compare texts by their own rule, the old ones have that of the new ones now.
    differing = [message("x"), message("x")]
    for each, key in zip(differing, ("key", "key "), strict=True):
        each.set_option("unique", [key, "running", 0])
    assert fresh.enqueue(differing) == []


def test_a_refused_message_is_the_senders_error(broker: Broker, kind: str) -> None:
    odd = message("x")
    odd.queue_name = "half \ud800"
    if kind in ("memory",):
        return  # It holds any text.
    for store in (broker.enqueue, broker.send):
        with pytest.raises(BrokerError) as caught:
            store([odd])
        assert caught.value.refused
    broker.enqueue([message("y")])
    assert texts_of(broker) == ["actor"]


def texts_of(broker: Broker) -> list[str]:
    """Return the actors of what is stored."""
    return [info.actor_name for info in broker.messages()]


# What is kept for a while


def left_behind(broker: Broker, consumer: Consumer) -> tuple[Message, Message]:
    """Return a message that has left a result, and one that is dead."""
    broker.enqueue([message("a"), message("b")])
    done, dead = claim(consumer)
    ends = [Finished(done, Outcome.DONE, result="1"), Finished(dead, Outcome.DEAD, error="E: x")]
    consumer.exchange(ends, 0)
    return done, dead


def test_results_and_dead_messages_are_removed_by_their_age(
    broker: Broker, consumer: Consumer
) -> None:
    began = time.time()
    done, _ = left_behind(broker, consumer)
    stored = broker.result(done.message_id)
    assert stored is not None and began <= stored.stored_at <= time.time()
    broker.enqueue([message("c")])
    assert broker.prune(began, began) == (0, 0)
    later = time.time() + 1
    # The dead message has left one too: why it failed.
    assert broker.prune(later, began) == (2, 0)
    assert broker.result(done.message_id) is None and counts(broker) == {"ready": 1, "dead": 1}
    assert broker.prune(later, later) == (0, 1)
    assert counts(broker) == {"ready": 1}


def test_more_than_one_statement_can_name_is_removed(broker: Broker, consumer: Consumer) -> None:
    broker.enqueue([message(str(number)) for number in range(1100)])
    claimed = claim(consumer, 1100)
    consumer.exchange([Finished(each, Outcome.DEAD, error="E: x") for each in claimed], 0)
    assert broker.prune(0, time.time() + 1) == (0, 1100)
    assert counts(broker) == {}


def test_messages_are_removed_by_the_time_they_were_sent(broker: Broker) -> None:
    old, new = message("old"), message("new")
    old.sent_at, new.sent_at = 1000.0, 2000.0
    broker.enqueue([old, new])
    chosen = Filter(before=1500.0)
    assert [info.message_id for info in broker.messages(chosen)] == [old.message_id]
    assert broker.purge(chosen) == 1
    assert [info.message_id for info in broker.messages()] == [new.message_id]


def test_a_group_is_kept_until_it_has_ended(broker: Any, consumer: Consumer, kind: str) -> None:
    if kind == "memory":
        return  # It ends with its process.
    for group in ("ended", "open"):
        broker.enqueue(members(group, "a"), NewGroup(group, 1, None, None))
    (first, _) = claim(consumer)
    consumer.exchange([Finished(first, Outcome.DONE)], 0)
    if kind == "redis":
        ttl = [broker.client.ttl(broker.names.key(f"group:{name}")) for name in ("ended", "open")]
        assert 0 < ttl[0] <= KEEP_FLOWS < ttl[1] <= KEEP_UNENDED
        return
    later = time.time() + KEEP_FLOWS + 60
    broker.with_store(lambda store: sweep(store, later, Keep()))
    assert broker.group("ended") is None and broker.group("open") is not None
    broker.with_store(lambda store: sweep(store, later + KEEP_UNENDED, Keep()))
    assert broker.group("open") is None


def test_a_text_that_no_store_holds_is_the_id_of_no_message(broker: Any) -> None:
    unknown = ["\ud800", "a\0b", new_worker_id()]
    assert broker.retry(unknown) == 0
    assert broker.cancel(unknown) == 0
