"""Threads that deliver mail and wait a moment for more, as starting one costs as much as sending a message does."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeAlias

NAME = "openviper-smtp"
KEEP = 0.1
"""Seconds for which a thread waits for more work; the end of the process may take as long."""
_Job: TypeAlias = tuple["Future[None]", Callable[[], None]]


class _Place:
    """Where one thread waits for its next job."""

    __slots__ = ("given", "job")

    def __init__(self) -> None:
        self.job: _Job | None = None
        self.given = threading.Lock()
        """Held until there is a job."""
        self.given.acquire()


class Threads:
    """As many threads as there are calls at a time; whoever calls bounds their number.

    Each job is given to a thread. Of one queue for all, where another thread may be quicker, `queue.SimpleQueue` waits
    for ever if that happens at the end of its time limit (up to Python 3.12), and the process then never ends.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Place] = []

    def run(self, work: Callable[[], None]) -> Future[None]:
        """Have a thread call a function, and return what its end is told by."""
        future: Future[None] = Future()
        with self._lock:
            place = self._waiting.pop() if self._waiting else None
            if place is not None:
                place.job = (future, work)
                place.given.release()
        if place is None:
            threading.Thread(target=self._work, args=((future, work),), name=NAME).start()
        return future

    def _work(self, job: _Job | None) -> None:
        place = _Place()
        while job is not None:
            _carry_out(*job)
            # Nothing of what was done is kept alive while this thread waits.
            del job
            job = self._next(place)

    def _next(self, place: _Place) -> _Job | None:
        """Return the next job, or `None` when this thread has waited long enough."""
        with self._lock:
            self._waiting.append(place)
        if not place.given.acquire(timeout=KEEP):
            with self._lock:
                if place in self._waiting:
                    self._waiting.remove(place)
                    return None
            # A job was given in this very moment.
            place.given.acquire()
        job, place.job = place.job, None
        return job


def _carry_out(future: Future[None], work: Callable[[], None]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        work()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(None)


threads = Threads()
"""Those of this process."""


def _after_fork() -> None:
    """Forget threads that the parent has and this process has not."""
    global threads
    threads = Threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def run_in_thread(work: Callable[[], None]) -> Future[None]:
    """Have one of this process's threads call a function, and return what its end is told by."""
    return threads.run(work)
