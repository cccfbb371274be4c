"""One worker process at a broker in memory: what becomes of each kind of call."""

from __future__ import annotations

import asyncio
import functools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from openviper.tasks import (
    Registry,
    Reject,
    Retry,
    SoftTimeLimitError,
    actor,
    chain,
    current_message,
    group,
    hooks,
    send_many,
)
from openviper.tasks.brokers.base import Filter
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.log_files import TraceFilter
from openviper.tasks.message import Message
from openviper.tasks.worker import process as worker_process
from openviper.tasks.worker.process import AHEAD, AHEAD_OF_SHORT, RECYCLED, SMALL, WorkerProcess
from tests.unit.tasks.conftest import Configure


def run(broker: MemoryBroker, **options: Any) -> int:
    """Work until nothing is left that could run at once."""
    return WorkerProcess(broker, until_empty=True, **options).run()


def run_until(broker: MemoryBroker, happened: Callable[[], bool], **options: Any) -> None:
    """Work until something has happened."""
    process = WorkerProcess(broker, **options)

    def watch() -> None:
        deadline = time.monotonic() + 60
        while not happened() and time.monotonic() < deadline:
            time.sleep(0.005)
        process.stop()

    thread = threading.Thread(target=watch)
    thread.start()
    process.run()
    thread.join()
    assert happened()


def errors(broker: MemoryBroker) -> list[str]:
    """Return the errors of what is dead."""
    return [info.error for info in broker.messages(Filter("dead"))]


seen: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_seen() -> Iterator[None]:
    """Forget what earlier tests have noted."""
    seen.clear()
    yield


def test_plain_and_async_calls_run_in_a_context_of_their_own(memory: MemoryBroker) -> None:
    @actor
    def plain(number: int) -> None:
        seen.append((number, current_message.attempt, threading.current_thread().name[:15]))

    @actor
    async def in_loop(number: int) -> None:
        await asyncio.sleep(0)
        seen.append((number, current_message.message_id))

    plain.send(1)
    proxy = in_loop.send(2)
    assert run(memory) == 0
    assert sorted(seen, key=lambda each: each[0]) == [
        (1, 1, "openviper-tasks"),
        (2, proxy.message_id),
    ]
    assert memory.messages() == []
    with pytest.raises(LookupError, match="no task is running here"):
        current_message.progress(0.5)


def test_a_decorated_coroutine_function_runs_and_its_time_is_limited(memory: MemoryBroker) -> None:
    def decorated(fn: Any) -> Any:
        @functools.wraps(fn)
        def wrapper(*args: Any) -> Any:
            return fn(*args)

        return wrapper

    @actor(max_retries=0, time_limit=50)
    @decorated
    async def body(seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((seconds, current_message.attempt))

    body.send(0)
    body.send(30)
    run(memory)
    assert seen == [(0, 1)]
    assert errors(memory) == ["TimeLimitError: the attempt took longer than 50 ms"]


def test_generators_are_refused_where_they_are_written_or_fail_where_they_are_hidden(
    memory: MemoryBroker,
) -> None:
    def generator() -> Iterator[int]:
        yield 1

    async def asynchronous() -> Any:
        yield 1

    for fn in (generator, asynchronous):
        with pytest.raises(TypeError, match="is a generator"):
            actor(fn)

    @actor(max_retries=0)
    def hidden() -> Any:
        return generator()

    hidden.send()
    run(memory)
    assert "returned a generator" in errors(memory)[0]


async def forgotten() -> None:
    """Take note that the body has run."""
    seen.append("ran")


async def not_awaited() -> Any:
    return forgotten()


def not_awaited_below() -> Any:
    return not_awaited()


def lazily() -> Any:
    return map(seen.append, "x")


@pytest.mark.parametrize(
    ("fn", "kind"),
    [(not_awaited, "coroutine"), (not_awaited_below, "coroutine"), (lazily, "map")],
)
@pytest.mark.filterwarnings("ignore:coroutine 'forgotten' was never awaited")
def test_what_returns_something_that_has_not_run_fails(
    memory: MemoryBroker, fn: Any, kind: str
) -> None:
    actor(max_retries=0)(fn).send()
    run(memory)
    assert seen == []
    assert f"returned a {kind}, not a result" in errors(memory)[0]


class Closed(Exception):
    """Lets nobody look at it."""

    def __getattribute__(self, name: str) -> Any:
        raise ValueError("no")


def test_an_error_that_nobody_can_look_at_ends_its_message_only(memory: MemoryBroker) -> None:
    @actor(max_retries=5)
    def work() -> None:
        raise Closed("x")

    work.send()
    run(memory)
    (error,) = errors(memory)
    assert error.startswith("Closed: x")


class Textless(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Textless(), "Textless: <no text: RuntimeError in __str__>"),
        (ValueError("a\0b\ud800c"), "ValueError: a\\0b\\ud800c"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt: "),
        (asyncio.CancelledError(), "CancelledError: "),
        (GeneratorExit(), "GeneratorExit: "),
    ],
)
@pytest.mark.parametrize("is_async", [True, False])
def test_whatever_a_task_raises_ends_its_message_only(
    memory: MemoryBroker,
    error: BaseException,
    text: str,
    is_async: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # What is caught of the log goes from process to process where tests run in several, and half a surrogate cannot.
    caplog.set_level("CRITICAL", "openviper.tasks.worker.supervisor")
    if is_async and isinstance(error, (SystemExit, KeyboardInterrupt)):
        return  # asyncio ends its loop with these, whoever catches them.

    def fail() -> None:
        raise error

    async def fail_async() -> None:
        raise error

    @actor
    def good() -> None:
        seen.append("good")

    actor(max_retries=0, actor_name="bad")(fail_async if is_async else fail).send()
    for _ in range(20):
        good.send()
    run(memory, threads=1)
    assert seen == ["good"] * 20
    assert errors(memory) == [text]


@pytest.mark.parametrize("is_async", [True, False])
def test_what_is_logged_of_the_end_of_a_task_has_its_id(
    memory: MemoryBroker, caplog: pytest.LogCaptureFixture, is_async: bool
) -> None:
    def fail(kind: str) -> object:
        if kind == "fails":
            raise ValueError("x")
        return object()

    async def fail_async(kind: str) -> object:
        return fail(kind)

    work = actor(max_retries=0, actor_name="bad", store_results=True)(
        fail_async if is_async else fail
    )
    sent = [work.send(kind).message_id for kind in ("fails", "result")]
    caplog.handler.addFilter(TraceFilter())
    run(memory, threads=1, keep_results=True)
    told = {record.getMessage(): vars(record)["trace_id"] for record in caplog.records}
    assert sorted(told.values()) == sorted(each[:8] for each in sent), told


def test_a_huge_error_is_cut(memory: MemoryBroker) -> None:
    @actor(max_retries=0)
    def huge() -> None:
        raise ValueError("x" * 3_000_000)

    huge.send()
    run(memory)
    assert len(errors(memory)[0]) <= 8 * 1024


def test_a_task_decides_about_its_next_attempt(memory: MemoryBroker) -> None:
    @actor(max_retries=0)
    def step_by_step() -> None:
        row = current_message.state.get("row", 0)
        seen.append((row, current_message.attempt))
        if row < 3:
            raise Retry(delay=timedelta(milliseconds=1), state={"row": row + 1}, counts=False)

    @actor(max_retries=5)
    def rejected() -> None:
        raise Reject("not wanted")

    @actor(max_retries=5, never_retry=(KeyError, IndexError))
    def never() -> None:
        raise KeyError("k")

    @actor(max_retries=1, min_backoff=1, max_backoff=1)
    def asks_too_often() -> None:
        seen.append("asked")
        raise Retry("again")

    for each in (step_by_step, rejected, never, asks_too_often):
        each.send()
    run_until(
        memory, lambda: len(memory.messages()) == 3 and not memory.messages(Filter("delayed"))
    )
    assert [item for item in seen if item != "asked"] == [(0, 1), (1, 1), (2, 1), (3, 1)]
    assert seen.count("asked") == 2
    assert sorted(errors(memory)) == ["KeyError: 'k'", "Reject: not wanted", "Retry: again"]


def test_state_that_json_cannot_hold_ends_the_message(memory: MemoryBroker) -> None:
    @actor
    def bad() -> None:
        raise Retry(state={"x": object()})

    bad.send()
    run(memory)
    assert "not JSON serializable" in errors(memory)[0]


def test_a_plain_call_over_its_limit_is_not_started_again_and_its_success_counts(
    memory: MemoryBroker,
) -> None:
    release = threading.Event()

    @actor(max_retries=3, min_backoff=1, time_limit=20)
    def slow() -> None:
        seen.append("begin")
        release.wait(60)
        seen.append("end")

    @actor
    def other() -> None:
        seen.append("other")

    slow.send()
    other.send()
    threading.Timer(0.3, release.set).start()
    run_until(memory, lambda: "end" in seen and not memory.messages(), threads=1)
    assert seen == ["begin", "other", "end"]


def test_a_plain_call_over_its_limit_that_fails_is_tried_again_once_it_has_ended(
    memory: MemoryBroker,
) -> None:
    running = []

    @actor(max_retries=1, min_backoff=1, max_backoff=1, time_limit=20)
    def slow() -> None:
        running.append(1)
        seen.append(len(running))
        time.sleep(0.1)
        running.pop()
        raise ValueError("late")

    slow.send()
    run_until(memory, lambda: bool(errors(memory)))
    assert seen == [1, 1]
    assert errors(memory) == ["ValueError: late"]


def test_the_soft_limit_strikes_inside_the_task(memory: MemoryBroker) -> None:
    @actor(soft_time_limit=30, time_limit=10_000)
    def plain() -> None:
        try:
            while True:
                time.sleep(0.001)
        except SoftTimeLimitError:
            seen.append("plain")

    @actor(soft_time_limit=30, time_limit=10_000)
    async def asynchronous() -> None:
        try:
            await asyncio.sleep(10)
        except SoftTimeLimitError:
            await asyncio.sleep(0.001)  # It is no cancellation: the task goes on.
            seen.append("async")

    @actor(soft_time_limit=5_000, time_limit=10_000)
    def quick() -> None:
        seen.append("quick")

    plain.send()
    asynchronous.send()
    quick.send()
    run(memory)
    assert sorted(seen) == ["async", "plain", "quick"]
    assert memory.messages() == []


def test_a_running_async_task_can_be_cancelled(memory: MemoryBroker) -> None:
    @actor
    async def endless() -> None:
        seen.append("begun")
        await asyncio.sleep(60)

    proxy = endless.send()

    def cancelled() -> bool:
        if seen:
            proxy.cancel()
        return not memory.messages()

    told: list[Any] = []
    for event in ("after", "failed", "dead"):
        hooks.on(event)(told.append)
    try:
        run_until(memory, cancelled)
    finally:
        hooks.remove(told.append)
    assert seen == ["begun"]
    # Neither a success nor a failure.
    assert told == []
    assert [count.outcome for count in memory.counts() if count.minute == 0] == ["cancelled"]
    stored = memory.result(proxy.message_id)
    assert stored is not None and stored.error == "CancelledError: the task was cancelled"


def test_a_task_that_is_cut_off_goes_back_or_goes_on_by_itself(memory: MemoryBroker) -> None:
    @actor(max_retries=0)
    async def stubborn() -> None:
        seen.append("stubborn")
        await asyncio.sleep(60)

    @actor(max_retries=0)
    async def wise() -> None:
        seen.append("wise")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise Retry(state={"row": 7}, counts=False, delay=60_000) from None

    @actor(max_retries=0)
    def patient() -> None:
        seen.append("patient")
        while not current_message.is_stopping:
            time.sleep(0.001)
        raise Retry(state={"row": 9}, counts=False, delay=60_000)

    for each in (stubborn, wise, patient):
        each.send()
    run_until(memory, lambda: len(seen) == 3, grace=0.3)
    found = {
        entry.message.actor_name.rpartition(".")[2]: entry for entry in memory.entries.values()
    }
    assert found["stubborn"].state.name == "READY" and found["stubborn"].message.attempts == 0
    assert found["wise"].message.option("state") == {"row": 7}
    assert found["patient"].message.option("state") == {"row": 9}
    assert found["wise"].message.attempts == found["patient"].message.attempts == 0


def test_a_process_is_replaced_after_so_many_tasks(memory: MemoryBroker) -> None:
    @actor
    def count() -> None:
        seen.append(1)

    for _ in range(10):
        count.send()
    process = WorkerProcess(memory, max_tasks=4)
    assert process.run() == RECYCLED
    assert len(seen) == 4 and len(memory.messages(Filter("ready"))) == 6


def test_age_counts_from_when_a_message_was_due_and_expiry_is_kept(memory: MemoryBroker) -> None:
    @actor(max_age=200)
    def young(number: int) -> None:
        seen.append(number)

    young.send_with_options(args=(1,), delay=400)
    now = time.time()
    old = Message(young.actor_name, "default", '{"args":[2],"kwargs":{}}', sent_at=now - 1)
    late = Message(
        young.actor_name,
        "default",
        '{"args":[3],"kwargs":{}}',
        due=now + 0.05,
        options={"expires": now + 0.02},
    )
    memory.enqueue([old, late])
    run_until(memory, lambda: not memory.messages())
    assert seen == [1]


def test_options_of_one_message_beat_those_of_its_actor(memory: MemoryBroker) -> None:
    @actor(max_retries=50, min_backoff=1, max_backoff=1)
    def fails() -> None:
        seen.append(1)
        raise ValueError

    fails.send_with_options(max_retries=2)
    run_until(memory, lambda: bool(errors(memory)))
    assert len(seen) == 3


def test_a_concurrency_limit_holds(memory: MemoryBroker) -> None:
    at_once: list[int] = []

    @actor(concurrency=2, limit_key=lambda customer: f"customer:{customer}")
    def limited(customer: str) -> None:
        at_once.append(1)
        seen.append(len(at_once))
        time.sleep(0.005)
        at_once.pop()

    for _ in range(20):
        limited.send("a")
    run_until(memory, lambda: not memory.messages())
    assert len(seen) == 20 and max(seen) == 2


def test_a_rate_limit_holds(memory: MemoryBroker) -> None:
    @actor(rate_limit="5/s")
    def rated() -> None:
        seen.append(time.monotonic())

    for _ in range(9):
        rated.send()
    run_until(memory, lambda: len(seen) == 9)
    assert seen[4] - seen[0] < 0.2 and seen[8] - seen[0] > 0.7


def test_a_chain_goes_step_by_step_and_ends_with_a_dead_one(
    memory: MemoryBroker, configure: Configure
) -> None:
    configure(backend_url="on")

    @actor(store_results=True)
    def add(one: int, other: int) -> int:
        seen.append((one, other))
        return one + other

    @actor(max_retries=0)
    def breaks() -> None:
        raise ValueError

    def step(number: int) -> Any:
        """Return a call whose first argument is the result of the one before."""
        return {**add.message(0, 0), "args": (number,)}

    last = chain(add.message(1, 2), step(10), step(100), pass_results=True)
    plain = chain(add.message(5, 5), add.message(6, 6))
    chain(breaks.message(), add.message(7, 7))
    run(memory, keep_results=True)
    assert last.get_result() == 113 and plain.get_result() == 12
    assert sorted(seen) == [(1, 2), (3, 10), (5, 5), (6, 6), (13, 100)]
    assert len(errors(memory)) == 1
    with pytest.raises(ValueError, match="1 to 100 calls, not 0"):
        chain()


def test_a_result_that_cannot_be_passed_on_ends_the_chain(memory: MemoryBroker) -> None:
    @actor
    def odd(before: object = None) -> object:
        return object()

    chain(odd.message(), odd.message(), pass_results=True)
    run(memory)
    assert errors(memory)[0].startswith("Reject: the next step of the chain cannot be sent")


def test_a_group_sends_its_callback_after_the_last_member(memory: MemoryBroker) -> None:
    @actor(max_retries=0)
    def member(number: int) -> None:
        if number < 0:
            raise ValueError

    @actor
    def report(text: str) -> None:
        seen.append(text)

    all_well = group(
        *(member.message(number) for number in range(5)),
        [member.message(6), member.message(7)],
        then=report.message("all"),
        on_failure=report.message("some"),
    )
    broken = group(
        member.message(1), [member.message(-1), member.message(2)], on_failure=report.message("bad")
    )
    assert all_well.progress()[1:] == (6, 0, 0)
    run(memory)
    assert all_well.progress()[1:] == (6, 6, 0) and broken.progress()[1:] == (2, 1, 1)
    assert sorted(seen) == ["all", "bad"]
    assert asyncio.run(all_well.wait(timeout=1000)).done == 6
    with pytest.raises(ValueError, match="at least one call"):
        group()


def test_many_are_sent_together_or_not_at_all(memory: MemoryBroker) -> None:
    @actor
    def note(number: int) -> None:
        seen.append(number)

    assert len(note.send_many([(1,), (2,)])) == 2
    send_many([note.message(3), note.message(4)])
    with pytest.raises(TypeError, match="cannot be called so"):
        note.send_many([(5,), (6, 7)])
    with pytest.raises(TypeError):
        send_many([note.message(8), note.message(object())])  # type: ignore[arg-type]  # what is refused
    assert note.send_many([]) == [] and send_many([]) == []
    run(memory)
    assert sorted(seen) == [1, 2, 3, 4]


def test_hooks_are_told_and_one_that_fails_stops_nothing(memory: MemoryBroker) -> None:
    added = []

    def add(event: Any) -> None:
        @hooks.on(event)
        def hook(*args: Any) -> None:
            seen.append((event, *(each for each in args if isinstance(each, str))))
            raise ZeroDivisionError

        added.append(hook)

    for event in ("before", "after", "failed", "dead", "worker_start", "worker_stop"):
        add(event)

    @actor(max_retries=1, min_backoff=1, max_backoff=1)
    def fails() -> None:
        raise ValueError("x")

    @actor
    def works() -> None:
        """Do nothing."""

    try:
        works.send()
        run(memory)
        assert seen == [("worker_start",), ("before",), ("after",), ("worker_stop",)]
        seen.clear()
        fails.send()
        run_until(memory, lambda: bool(errors(memory)))
    finally:
        for hook in added:
            hooks.remove(hook)
    assert [each for each in seen if not each[0].startswith("worker")] == [
        ("before",),
        ("failed", "ValueError: x"),
        ("before",),
        ("dead", "ValueError: x"),
    ]
    with pytest.raises(ValueError, match="no event 'later'"):
        hooks.on("later")  # type: ignore[arg-type]  # what is refused


def test_progress_and_numbers_reach_the_store(memory: MemoryBroker) -> None:
    @actor
    def works() -> None:
        current_message.progress(0.25, "a")
        current_message.progress(1.0, "b\0\ud800")
        with pytest.raises(ValueError, match="from 0 to 1"):
            current_message.progress(1.5)

    proxy = works.send()
    run(memory)
    progress = proxy.progress()
    assert progress is not None and (progress.share, progress.note) == (1.0, "b\\0\\ud800")
    total, minute = memory.counts()
    assert (total.minute, total.outcome, total.calls) == (0, "success", 1)
    assert minute.minute % 60 == 0 and minute.calls == 1


def test_messages_that_cannot_be_called_are_dead_at_once(memory: MemoryBroker) -> None:
    @actor(max_retries=5)
    def works(number: int) -> None:
        seen.append(number)

    for payload in ("{nope", "[]", '{"args":{},"kwargs":[]}', '{"args":[1]}', "[" * 100_000):
        memory.enqueue([Message(works.actor_name, "default", payload)])
    memory.enqueue([Message(works.actor_name, "default", "{}", message_id="no uuid")])
    works.send(1)
    told: list[str] = []

    def observe(message: Message, status: str, *_: Any) -> None:
        told.append(status)
        raise RuntimeError("the record cannot be made")

    run(memory, observe=observe)
    assert seen == [1] and len(errors(memory)) == 6
    assert all(text.startswith("BadMessageError: ") for text in errors(memory))
    assert told.count("dead") == 6


def test_only_signed_messages_run_where_that_is_asked_for(
    memory: MemoryBroker, configure: Configure
) -> None:
    configure(sign=1)

    @actor
    def works(number: int) -> None:
        seen.append(number)

    works.send(1)
    works.send_with_options(args=(2,), unique="k", max_retries=2)
    chain(works.message(3), works.message(4))
    forged = [Message(works.actor_name, "default", '{"args":[6],"kwargs":{}}') for _ in range(2)]
    forged[1].set_option("signature", "0" * 64)
    memory.enqueue(forged)
    works.send(5)
    changed = list(memory.entries.values())[-1].message
    changed.payload = '{"args":[7],"kwargs":{}}'
    run(memory)
    assert sorted(seen) == [1, 2, 3, 4]
    assert set(errors(memory)) == {
        "BadMessageError: the message is not signed with this project's SECRET_KEY"
    }
    assert len(errors(memory)) == 3


def test_nothing_but_known_actors_runs(memory: MemoryBroker) -> None:
    memory.enqueue([Message("os.system", "default", '{"args":["x"],"kwargs":{}}')])
    run(memory)
    (info,) = memory.messages()
    assert info.state == "delayed" and "no actor 'os.system' is known" in info.error
    assert Registry.find_actor("os.system") is None


def test_a_hook_that_leaves_takes_no_thread_with_it(memory: MemoryBroker) -> None:
    @actor
    def work(number: int) -> None:
        seen.append(number)

    @hooks.on("before")
    @hooks.on("after")
    def leave(_message: Message) -> None:
        sys.exit(3)

    try:
        work.send_many([(number,) for number in range(5)])
        run(memory, threads=1)
    finally:
        hooks.remove(leave)
    assert seen == list(range(5)) and memory.messages() == []


def test_the_soft_limit_may_strike_before_the_call_has_begun(memory: MemoryBroker) -> None:
    @actor(max_retries=0, soft_time_limit=5, time_limit=60_000)
    def late() -> None:
        seen.append("late")

    @actor
    def next_one() -> None:
        seen.append("next")

    @hooks.on("before")
    def dawdle(message: Message) -> None:
        while message.actor_name == late.actor_name:
            time.sleep(0.001)

    try:
        late.send()
        next_one.send()
        run_until(
            memory, lambda: "next" in seen and not memory.messages(Filter("running")), threads=1
        )
    finally:
        hooks.remove(dawdle)
    assert seen[-1] == "next"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), ZeroDivisionError()])
def test_the_key_of_a_limit_that_cannot_be_made_is_its_messages_end(
    memory: MemoryBroker, error: BaseException
) -> None:
    def key(number: int) -> str:
        if number:
            raise error
        return "key"

    @actor(max_retries=0, concurrency=1, limit_key=key)
    def work(number: int) -> None:
        seen.append(number)

    work.send_with_options(args=(1,), max_retries=0)
    work.send(0)
    assert run(memory) == 0
    assert seen == [0] and errors(memory)[0].startswith(type(error).__name__)


def test_a_result_whose_own_methods_fail_is_no_failure_of_the_task(memory: MemoryBroker) -> None:
    class Odd(dict[str, int]):
        def items(self) -> Any:
            raise ZeroDivisionError

    @actor(max_retries=0, store_results=True)
    def work() -> Odd:
        return Odd(a=1)

    sent = work.send()
    run(memory, keep_results=True)
    stored = memory.result(sent.message_id)
    assert stored is not None and "ZeroDivisionError" in stored.error
    assert memory.messages() == []


# How much is claimed ahead


def test_more_is_claimed_ahead_while_calls_are_short(memory: MemoryBroker) -> None:
    most: list[int] = []

    @actor
    def short() -> None:
        most.append(sum(info.state == "running" for info in memory.messages(limit=1000)))

    short.send_many([()] * 400)
    run(memory, threads=2)
    assert len(most) == 400 and 2 * AHEAD < max(most) <= 2 * (AHEAD_OF_SHORT + 1)


def test_no_more_is_claimed_ahead_of_what_takes_much_memory(memory: MemoryBroker) -> None:
    most: list[int] = []

    @actor
    def large(text: str) -> None:
        most.append(sum(info.state == "running" for info in memory.messages(limit=1000)))

    large.send_many([("x" * SMALL,)] * 100)
    run(memory, threads=2)
    assert len(most) == 100 and max(most) <= 2 * (AHEAD + 1)


def test_what_was_claimed_ahead_is_given_back_when_nothing_ends(
    memory: MemoryBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "TICK", 0.01)
    release = threading.Event()

    @actor
    def one(number: int) -> None:
        if number >= 100:
            release.wait(60)
        seen.append(number)

    one.send_many([(number,) for number in range(150)])

    def stuck() -> bool:
        running = memory.messages(Filter("running"), 1000)
        return len(seen) == 100 and len(running) <= 2 * (AHEAD + 1)

    def happened() -> bool:
        if stuck():
            release.set()
        return len(seen) == 150 and not memory.messages()

    run_until(memory, happened, threads=2)
    assert sorted(seen) == list(range(150))
