"""SIGINT, SIGTERM and SIGHUP as one thing."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from openviper.backup.background import Finished, StopFlag, run_in_thread
from openviper.backup.interruption import SIGNALS, Interruption


@pytest.fixture(autouse=True)
def handlers() -> object:
    """Put the handlers of the process back afterwards."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
async def test_the_first_signal_cancels_and_a_later_one_says_what_is_at_stake(
    number: signal.Signals,
) -> None:
    told: list[str] = []
    with Interruption(told.append) as interruption:
        interruption.set_stake("the old content would be lost")
        os.kill(os.getpid(), number)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(10)
        os.kill(os.getpid(), signal.SIGTERM)
        while not told:
            await asyncio.sleep(0)
    assert interruption.received is number and interruption.name == number.name
    assert interruption.exit_code == 128 + number
    assert told == [f"the old content would be lost (kill -9 {os.getpid()} would do so)"]


async def test_an_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Interruption(lambda _: None) as interruption:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.01)
    assert interruption.received is None
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


async def test_without_a_signal_the_handlers_are_as_before() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interruption(lambda _: None):
        pass
    assert signal.getsignal(signal.SIGTERM) == before


async def test_work_in_a_thread_is_told_to_stop_and_waited_for_however_often_it_is_cancelled() -> (
    None
):
    steps: list[str] = []

    def work(stop: StopFlag) -> None:
        steps.append("begun")
        while not stop.is_set():
            pass
        while len(steps) < 3:
            pass
        steps.append("cleared")
        stop.check()

    task = asyncio.create_task(run_in_thread(work))
    while not steps:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    steps.append("once")
    task.cancel()
    await asyncio.sleep(0)
    steps.append("twice")
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert steps == ["begun", "once", "twice", "cleared"]
    assert not isinstance(caught.value, Finished)


async def test_work_that_was_done_already_says_so_to_whoever_cancels_it() -> None:
    begun = []

    def work(stop: StopFlag) -> int:
        begun.append(1)
        while not stop.is_set():
            pass
        return 7

    async def watch() -> str:
        try:
            await run_in_thread(work)
        except Finished:
            return "finished"
        return "not cancelled"

    task = asyncio.create_task(watch())
    while not begun:
        await asyncio.sleep(0)
    task.cancel()
    assert await task == "finished"
