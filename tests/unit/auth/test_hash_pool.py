"""The queue before the threads that hash."""

from __future__ import annotations

import asyncio
import os
import sys
import threading

import pytest

from openviper.auth import hash_pool
from openviper.auth.hash_pool import RETRY_AFTER, PasswordQueueFullError, in_hash_thread
from tests.unit.auth.conftest import Configure


async def test_beyond_its_length_the_queue_says_to_come_back(configure: Configure) -> None:
    configure(PASSWORD_QUEUE_SIZE=3)
    gate = threading.Event()
    waiting = [asyncio.ensure_future(in_hash_thread(gate.wait)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(PasswordQueueFullError) as caught:
        await in_hash_thread(gate.wait)
    assert caught.value.status_code == 503
    assert caught.value.headers["Retry-After"] == str(RETRY_AFTER)
    gate.set()
    assert await asyncio.gather(*waiting) == [True] * 3
    assert await in_hash_thread(lambda: "there is room again") == "there is room again"


async def test_who_goes_away_gives_the_place_back_when_the_work_is_done(
    configure: Configure,
) -> None:
    configure(PASSWORD_QUEUE_SIZE=1)
    begun, gate, done = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        gate.wait()
        done.set()

    waiting = asyncio.ensure_future(in_hash_thread(work))
    await asyncio.sleep(0)
    await asyncio.to_thread(begun.wait)  # What has not begun is not done at all.
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gate.set()
    await asyncio.to_thread(done.wait)
    for _ in range(100):
        try:
            assert await in_hash_thread(lambda: 1) == 1
            return
        except PasswordQueueFullError:
            await asyncio.sleep(0.01)
    raise AssertionError("the place was not given back")


async def test_an_error_of_the_work_arrives_and_gives_the_place_back(configure: Configure) -> None:
    configure(PASSWORD_QUEUE_SIZE=1)
    with pytest.raises(ZeroDivisionError):
        await in_hash_thread(lambda: 1 / 0)
    assert await in_hash_thread(lambda: 1) == 1


async def test_it_runs_in_threads_of_its_own(configure: Configure) -> None:
    name = await in_hash_thread(lambda: threading.current_thread().name)
    assert name.startswith("openviper-password")


async def test_its_threads_give_way_to_the_event_loop(configure: Configure) -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    if sys.platform == "linux":
        assert await in_hash_thread(priority) == min(priority() + hash_pool.NICENESS, 19)


async def test_where_priorities_are_forbidden_all_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    await asyncio.to_thread(hash_pool.stand_back)
