"""Threads that wait a moment for more work."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from openviper.core.email import threads
from openviper.core.email.threads import Threads


def test_a_thread_is_used_again_and_then_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "KEEP", 5.0)
    pool, seen = Threads(), []

    def work() -> None:
        seen.append(threading.current_thread())

    for _ in range(3):
        before = pool._waiting
        pool.run(work).result(5)
        while pool._waiting <= before and not pool._waiting:
            pass  # The thread is on its way back.
    assert len(set(seen)) == 1
    monkeypatch.setattr(threads, "KEEP", 0.01)
    pool.run(work).result(5)
    seen[0].join(5)
    assert not seen[0].is_alive()
    pool.run(work).result(5)
    assert seen[-1] is not seen[0]


def test_calls_at_the_same_time_have_a_thread_each() -> None:
    pool, barrier = Threads(), threading.Barrier(4)

    def meet() -> None:
        barrier.wait(5)

    for future in [pool.run(meet) for _ in range(4)]:
        future.result(5)


def test_an_error_is_the_futures_and_the_thread_goes_on() -> None:
    pool = Threads()

    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        pool.run(fail).result(5)
    assert pool.run(lambda: None).result(5) is None


def test_many_calls_from_many_threads_are_all_done() -> None:
    pool, done = Threads(), []
    lock = threading.Lock()

    def work() -> None:
        with lock:
            done.append(1)

    def call() -> None:
        futures: list[Future[None]] = [pool.run(work) for _ in range(200)]
        for future in futures:
            future.result(20)

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(done) == 800
