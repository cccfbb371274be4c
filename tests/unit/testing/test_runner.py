"""The event loop of a test."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
from collections.abc import AsyncIterator
from types import FrameType

import pytest

from openviper.testing.runner import TestRunner

SEEN: contextvars.ContextVar[str] = contextvars.ContextVar("SEEN", default="")


async def loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def test_one_loop_and_one_context_are_for_all_that_runs() -> None:
    async def put() -> None:
        SEEN.set("it")

    async def look() -> str:
        return SEEN.get()

    with TestRunner() as runner:
        first = runner.run(loop())
        runner.run(put())
        assert (runner.run(look()), SEEN.get()) == ("it", "")
        assert runner.run(loop()) is first
    assert first.is_closed()


def test_what_fails_says_so_and_the_next_runs_all_the_same() -> None:
    async def fail() -> None:
        raise LookupError("no")

    with TestRunner() as runner:
        with pytest.raises(LookupError):
            runner.run(fail())
        assert not runner.run(loop()).is_closed()


def test_ctrl_c_ends_in_order_what_runs() -> None:
    done = []

    async def wait() -> None:
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            done.append("ended")

    with TestRunner() as runner:
        with pytest.raises(KeyboardInterrupt):
            runner.run(wait())
        assert done == ["ended"]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert not runner.run(loop()).is_closed()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_does_not_wait() -> None:
    async def stubborn() -> None:
        here = asyncio.get_running_loop()
        here.call_soon(signal.raise_signal, signal.SIGINT)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            here.call_soon(signal.raise_signal, signal.SIGINT)
            await asyncio.Event().wait()

    with TestRunner() as runner, pytest.raises(KeyboardInterrupt):
        runner.run(stubborn())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_cancellation_of_its_own_stays_one() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with TestRunner() as runner, pytest.raises(asyncio.CancelledError):
        runner.run(cancelled())


def test_whoever_has_a_handler_keeps_it() -> None:
    caught = []

    def own(number: int, frame: FrameType | None) -> None:
        caught.append(number)

    before = signal.signal(signal.SIGINT, own)
    try:
        with TestRunner() as runner:
            signal.raise_signal(signal.SIGINT)
            assert not runner.run(loop()).is_closed()
        assert caught == [signal.SIGINT]
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_handler_that_a_test_has_set_is_not_taken_away() -> None:
    def own(number: int, frame: FrameType | None) -> None:
        raise AssertionError(number)

    try:
        with TestRunner():
            signal.signal(signal.SIGINT, own)
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_other_threads_have_loops_too() -> None:
    found = []

    def work() -> None:
        with TestRunner() as runner:
            found.append(runner.run(loop()).is_running())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]


def test_what_is_left_running_is_ended_and_its_errors_are_told() -> None:
    told: list[str] = []
    ended: list[str] = []

    async def wait(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)
            if name == "bad":
                raise LookupError(name)

    async def begin() -> list[asyncio.Task[None]]:
        here = asyncio.get_running_loop()
        here.set_exception_handler(lambda _, context: told.append(str(context["exception"])))
        tasks = [asyncio.create_task(wait(name)) for name in ("good", "bad")]
        await asyncio.sleep(0)
        return tasks

    with TestRunner() as runner:
        tasks = runner.run(begin())
    assert all(task.done() for task in tasks)
    assert (sorted(ended), told) == (["bad", "good"], ["bad"])


def test_a_generator_that_was_left_half_way_comes_to_its_end() -> None:
    ended: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            ended.append("numbers")

    async def look() -> int:
        async for number in numbers():
            return number
        return 0

    with TestRunner() as runner:
        assert runner.run(look()) == 1
    assert ended == ["numbers"]
