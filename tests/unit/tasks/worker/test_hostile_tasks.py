"""Tasks that do to their worker what they can: each ends its own message, and no other suffers."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from openviper.tasks import Reject, Retry, actor, current_message
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.hooks import on, remove
from openviper.tasks.message import Finished, Message, Outcome, describe_error
from openviper.tasks.worker import async_calls
from openviper.tasks.worker import process as worker_process
from openviper.tasks.worker.event_loop import serve
from openviper.tasks.worker.outcome import NOT_STORED_ERROR
from openviper.tasks.worker.process import FEW_OVERDUE, NOT_ANSWERING, RECYCLED, WorkerProcess
from openviper.tasks.worker.settlement import Settlement
from tests.unit.tasks.worker.test_process import errors, run, seen


@pytest.fixture(autouse=True)
def nothing_seen() -> Iterator[None]:
    """Begin with nothing."""
    seen.clear()
    yield


def among_others(broker: MemoryBroker, bad: Any) -> None:
    """Run a task between others, plain and async ones, which all have to run once."""

    @actor(actor_name="plain", max_retries=0)
    def plain(number: int) -> None:
        seen.append(number)

    @actor(actor_name="other", max_retries=0)
    async def other(number: int) -> None:
        await asyncio.sleep(0.02)
        seen.append(number)

    for number in range(3):
        plain.send(number)
        other.send(number + 10)
    bad.send()
    for number in range(3, 6):
        plain.send(number)
        other.send(number + 10)
    assert run(broker, threads=1) == 0
    assert sorted(each for each in seen if isinstance(each, int)) == [*range(6), *range(10, 16)]


# What belongs to the message


def change_key(message: Message) -> None:
    message.key = None


def change_attempts(message: Message) -> None:
    message.attempts = "many"  # type: ignore[assignment]  # on purpose


def change_options(message: Message) -> None:
    message.options = {"group": object(), "unique": 7}


def change_options_within(message: Message) -> None:
    assert message.options is not None
    message.options["max_retries"] = object()


@pytest.mark.parametrize(
    "change", [change_key, change_attempts, change_options, change_options_within]
)
@pytest.mark.parametrize("by", ["task", "hook"])
def test_what_a_task_or_a_hook_does_to_its_message_changes_nothing(
    memory: MemoryBroker, change: Callable[[Message], None], by: str
) -> None:
    @on("before")
    def hook(message: Message) -> None:
        if by == "hook":
            change(message)

    @actor
    def work() -> None:
        message = current_message.get()
        assert message is not None
        if by == "task":
            change(message)
        raise ValueError("x")

    try:
        work.send_with_options(max_retries=0)
        run(memory)
    finally:
        remove(hook)
    assert errors(memory) == ["ValueError: x"]


def test_a_state_that_a_task_goes_on_changing_is_the_one_it_gave(memory: MemoryBroker) -> None:
    given = {"done": [1]}

    @actor(max_retries=0)
    def work() -> None:
        if not current_message.state:
            raise Retry(state=given, delay=1, counts=False)
        for state in (given, current_message.state):
            state["done"].append(object())  # type: ignore[arg-type]  # on purpose
        seen.append(dict(current_message.state))
        raise ValueError("x")

    work.send()
    run_twice(memory)
    assert seen == [{"done": [1]}]
    assert errors(memory) == ["ValueError: x"]


def run_twice(broker: MemoryBroker) -> None:
    """Run what is ready, and what is due a moment later."""
    run(broker)
    for entry in broker.entries.values():
        entry.message.due = 0.0
    run(broker)


def test_an_end_that_cannot_be_written_makes_its_message_dead_and_no_other() -> None:
    bad, good = Message("bad", "q", "{}"), Message("good", "q", "{}")
    stored: list[tuple[str, str]] = []

    class Store:
        def exchange(self, ends: list[Finished], _want: int) -> list[Message]:
            for end in ends:
                if end.message is bad and not end.error:
                    raise TypeError("Object of type object is not JSON serializable")
            stored.extend((end.message.actor_name, end.error) for end in ends)
            return []

    settlement, store = Settlement(), Store()
    for message in (good, bad):
        settlement.add(Finished(message, Outcome.DONE))
    settlement.exchange(store, 1)  # type: ignore[arg-type]  # what is needed of a consumer
    assert stored == [("good", ""), ("bad", NOT_STORED_ERROR)]
    assert not settlement.waiting


class NamelessType(type):
    """The type of classes that have no name for anybody who asks."""

    @property
    def __name__(cls) -> str:  # type: ignore[override]  # on purpose
        raise SystemExit("no name")


class Nameless(Exception, metaclass=NamelessType):
    """Leaves when it is looked at."""

    def __str__(self) -> str:
        raise SystemExit("no text")


def test_an_error_whose_class_has_no_name_is_described() -> None:
    assert describe_error(Nameless()) == "Nameless: <no text: SystemExit in __str__>"


def test_an_error_whose_class_has_no_name_ends_its_message(memory: MemoryBroker) -> None:
    @actor(max_retries=0)
    def bad() -> None:
        raise Nameless

    among_others(memory, bad)
    assert errors(memory) == ["Nameless: <no text: SystemExit in __str__>"]


# The event loop


async def a_part_exits() -> None:
    async def part() -> None:
        sys.exit(3)

    await asyncio.gather(part(), asyncio.sleep(0.01))


async def a_part_is_interrupted() -> None:
    async def part() -> None:
        raise KeyboardInterrupt

    task = asyncio.create_task(part())
    await asyncio.sleep(0.01)
    task.exception()


async def a_callback_exits() -> None:
    asyncio.get_running_loop().call_soon(sys.exit, 5)
    await asyncio.sleep(0.01)


async def the_loop_is_stopped() -> None:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0.01)


async def it_exits() -> None:
    sys.exit("over")


@pytest.mark.parametrize(
    ("bad", "wanted"),
    [
        (a_part_exits, ["SystemExit: 3"]),
        (a_part_is_interrupted, []),
        (a_callback_exits, []),
        (the_loop_is_stopped, []),
        (it_exits, ["SystemExit: over"]),
    ],
)
def test_what_leaves_the_event_loop_takes_no_other_task_with_it(
    memory: MemoryBroker, bad: Callable[[], Any], wanted: list[str]
) -> None:
    among_others(memory, actor(max_retries=0)(bad))
    assert errors(memory) == wanted


def test_a_task_that_cancels_what_has_not_begun_has_that_begin_again(memory: MemoryBroker) -> None:
    begun: list[int] = []

    @actor(max_retries=0)
    async def bad() -> None:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    @actor(max_retries=0)
    async def good(number: int) -> None:
        begun.append(number)

    bad.send()
    for number in range(5):
        good.send(number)
    assert run(memory) == 0
    assert sorted(begun) == list(range(5))
    assert errors(memory) == []


def test_an_event_loop_that_cannot_go_on_is_not_entered_for_ever() -> None:
    loop = asyncio.new_event_loop()
    over = loop.create_future()
    loop.call_soon(loop.stop)
    loop.call_soon(over.cancel)
    with pytest.raises(asyncio.CancelledError):
        serve(loop, over)
    closed = loop.create_future()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        serve(loop, closed)


# Forks


def forks(path: str, kind: str) -> None:
    pid = os.fork()
    if pid == 0:
        Path(path).write_text("child")
        if kind == "exits":
            sys.exit(7)
        if kind == "fails":
            raise ValueError("in the child")
        return
    seen.append(f"code {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}")


async def forks_async(path: str, kind: str) -> None:
    pid = os.fork()
    if pid == 0:
        Path(path).write_text("child")
        if kind == "exits":
            sys.exit(7)
        if kind == "fails":
            raise ValueError("in the child")
        if kind == "waits":
            # Left at once: there is no event loop for it, and the steps of others are not for it.
            await Waits()
        return
    seen.append(f"code {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}")


class Waits:
    """Gives the control to the event loop."""

    def __await__(self) -> Generator[None, None, None]:
        yield


@pytest.mark.parametrize(
    ("work", "kind", "code"),
    [
        (forks, "returns", 0),
        (forks, "exits", 7),
        (forks, "fails", 1),
        (forks_async, "returns", 0),
        (forks_async, "exits", 7),
        (forks_async, "fails", 1),
        (forks_async, "waits", 0),
    ],
)
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_that_a_task_forks_ends_with_the_task_and_runs_nothing_else(
    memory: MemoryBroker, tmp_path: Path, work: Callable[..., Any], kind: str, code: int
) -> None:
    path = tmp_path / "ran"

    class Bad:
        """Sends the task."""

        @staticmethod
        def send() -> None:
            actor(max_retries=0)(work).send(str(path), kind)

    noted = tmp_path / "noted"

    @on("after")
    def hook(message: Message) -> None:
        with noted.open("a") as file:
            file.write(f"{message.actor_name} {os.getpid()}\n")

    try:
        among_others(memory, Bad)
    finally:
        remove(hook)
    assert path.read_text() == "child"
    assert [each for each in seen if isinstance(each, str)] == [f"code {code}"]
    assert {line.split()[1] for line in noted.read_text().splitlines()} == {str(os.getpid())}
    assert errors(memory) == []


# Files


def test_a_process_whose_files_a_task_has_closed_ends(memory: MemoryBroker) -> None:
    process = WorkerProcess(memory)
    process._waker._inode = -1
    assert process.run() == NOT_ANSWERING
    assert process._last_resort is not None and process._last_resort.finished.is_set()


@pytest.mark.parametrize("left", ["thread", "task"])
def test_what_tasks_have_left_running_does_not_keep_the_process(
    memory: MemoryBroker, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    over = threading.Event()
    codes: list[int] = []

    async def stay() -> None:
        while not over.is_set():
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)

    @actor(max_retries=0, time_limit=20)
    async def bad() -> None:
        if left == "thread":
            await asyncio.to_thread(over.wait)
        seen.append(asyncio.create_task(stay()))

    def leave(code: int) -> None:
        codes.append(code)
        over.set()

    monkeypatch.setattr(worker_process, "LAST_SECONDS", 0.05)
    monkeypatch.setattr(os, "_exit", leave)
    bad.send()
    assert run(memory, max_tasks=1) == RECYCLED
    assert codes == [RECYCLED]


# Limits


def test_async_calls_that_pass_over_their_cancellation_are_known_and_given_up(
    memory: MemoryBroker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    over = threading.Event()

    @actor(max_retries=0, time_limit=20)
    async def bad() -> None:
        while not over.is_set():
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)

    monkeypatch.setattr(async_calls, "OVER_SECONDS", 0.02)
    monkeypatch.setattr(worker_process, "CUT_OFF_SECONDS", 0.01)
    monkeypatch.setattr(worker_process, "LAST_SECONDS", 0.01)
    monkeypatch.setattr(os, "_exit", lambda _code: over.set())
    for _ in range(FEW_OVERDUE):
        bad.send()
    # So many are a reason to go on with a new process.
    assert run(memory, threads=1, grace=0.0) == RECYCLED
    assert errors(memory) == ["TimeLimitError: the attempt took longer than 20 ms"] * FEW_OVERDUE
    assert caplog.text.count("it has passed over its cancellation") == FEW_OVERDUE


# Groups of exceptions


@pytest.mark.parametrize(
    ("raised", "wanted"),
    [
        (["KeyError"], "unhandled errors in a TaskGroup (1 sub-exception); KeyError: 'k'"),
        (["Reject", "ValueError"], "(2 sub-exceptions); Reject: no; ValueError: v"),
        (["ValueError", "Retry"], "(2 sub-exceptions); ValueError: v; Retry: later"),
    ],
)
def test_what_parts_of_a_task_raise_together_is_told_and_decides(
    memory: MemoryBroker, raised: list[str], wanted: str
) -> None:
    made = {
        "KeyError": KeyError("k"),
        "Reject": Reject("no"),
        "ValueError": ValueError("v"),
        "Retry": Retry("later", delay=1),
    }

    @actor(max_retries=0 if "Retry" in raised else 5, never_retry=KeyError)
    async def bad() -> None:
        async with asyncio.TaskGroup() as group:
            for name in raised:
                group.create_task(fail(made[name]))

    async def fail(error: Exception) -> None:
        raise error

    bad.send()
    run(memory)
    (error,) = errors(memory)
    assert error.startswith("ExceptionGroup: ") and error.endswith(wanted)


def test_a_part_of_a_task_asks_to_be_run_again(memory: MemoryBroker) -> None:
    @actor(max_retries=0)
    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(part())

    async def part() -> None:
        seen.append(dict(current_message.state))
        if len(seen) == 1:
            raise Retry(state={"page": 2}, delay=1, counts=False)

    work.send()
    run_twice(memory)
    assert seen == [{}, {"page": 2}]
    assert errors(memory) == []


class Closed(ExceptionGroup[ValueError]):
    """A group that nobody can look into."""

    exceptions = property(lambda self: sys.exit(3))


def test_groups_that_are_odd_are_described_all_the_same() -> None:
    many = ExceptionGroup("many", [ValueError(number) for number in range(5000)])
    assert describe_error(many).endswith("; ValueError: 3; ValueError: 4; ...")
    deep: Exception = ValueError("deep")
    for _ in range(5000):
        deep = ExceptionGroup("g", [deep])
    assert describe_error(deep) == "ExceptionGroup: g (1 sub-exception); ValueError: deep"
    assert describe_error(Closed("closed", [ValueError("x")])).startswith("Closed: closed")
    assert len(describe_error(ExceptionGroup("x" * 9000, [ValueError("y" * 9000)]))) <= 8 * 1024


# The log


def noted(error: Exception) -> Exception:
    error.add_note("n" * 100_000)
    return error


def caused(error: Exception) -> Exception:
    error.__cause__ = KeyError("k")
    error.__cause__.__context__ = ValueError("c" * 100_000)
    return error


def grouped(error: Exception) -> Exception:
    return ExceptionGroup("g", [error, ValueError("v" * 100_000)])


@pytest.mark.parametrize("make", [noted, caused, grouped])
@pytest.mark.parametrize("retries", [0, 1])
def test_what_is_shown_of_an_error_does_not_fill_the_log(
    memory: MemoryBroker,
    caplog: pytest.LogCaptureFixture,
    make: Callable[[Exception], Exception],
    retries: int,
) -> None:
    @actor(max_retries=retries)
    def bad() -> None:
        raise make(ValueError("x"))

    bad.send()
    run(memory)
    assert "ValueError: x" in caplog.text and len(caplog.text) < 20_000
