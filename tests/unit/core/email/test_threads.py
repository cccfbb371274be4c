"""Threads that wait a moment for more work."""

from __future__ import annotations

import sys
import threading
import time
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
        pool.run(work).result(5)
        while not pool._waiting:
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


def test_threads_end_whatever_the_moment_at_which_jobs_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Each job comes about when the threads' patience ends; one that waited for ever would keep the process.
    monkeypatch.setattr(threads, "KEEP", 0.0005)
    monkeypatch.setattr(threads, "NAME", "openviper-smtp-test")
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        pools = [Threads() for _ in range(3)]

        def call() -> None:
            for pool in pools:
                for _ in range(30):
                    pool.run(lambda: None).result(5)
                    time.sleep(0.0004)

        callers = [threading.Thread(target=call) for _ in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    finally:
        sys.setswitchinterval(interval)
    for thread in threading.enumerate():
        if thread.name == "openviper-smtp-test":
            thread.join(5)
            assert not thread.is_alive()
    assert [pool._waiting for pool in pools] == [[], [], []]


def test_a_job_that_is_given_when_the_time_is_over_is_done() -> None:
    pool = Threads()
    future: Future[None] = Future()
    place = threads._Place()

    def work() -> None:
        """Do nothing."""

    class Late:
        """A lock that is given up in the moment in which the time is over."""

        def acquire(self, timeout: float = -1) -> bool:
            if timeout != -1:
                pool._waiting.remove(place)
                place.job = (future, work)
            return timeout == -1

    place.given = Late()  # type: ignore[assignment]  # all that is asked of it
    assert pool._next(place) == (future, work) and place.job is None
