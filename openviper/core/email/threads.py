"""Threads that deliver mail and wait a moment for more, as starting one costs as much as sending a message does."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TypeAlias

NAME = "openviper-smtp"
KEEP = 0.1
"""Seconds for which a thread waits for more work; the end of the process may take as long."""
_Job: TypeAlias = tuple["Future[None]", Callable[[], None]]


class Threads:
    """As many threads as there are calls at a time; whoever calls bounds their number."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._waiting = 0
        """Threads that wait, less the jobs that wait for them."""

    def run(self, work: Callable[[], None]) -> Future[None]:
        """Have a thread call a function, and return what its end is told by."""
        future: Future[None] = Future()
        with self._lock:
            has_thread = self._waiting > 0
            if has_thread:
                self._waiting -= 1
                self._jobs.put((future, work))
        if not has_thread:
            threading.Thread(target=self._work, args=((future, work),), name=NAME).start()
        return future

    def _work(self, job: _Job | None) -> None:
        while job is not None:
            _carry_out(*job)
            # Nothing of what was done is kept alive while this thread waits.
            del job
            job = self._next()

    def _next(self) -> _Job | None:
        """Return the next job, or `None` when this thread has waited long enough."""
        with self._lock:
            self._waiting += 1
        try:
            return self._jobs.get(timeout=KEEP)
        except Empty:
            pass
        with self._lock:
            if self._waiting > 0:
                self._waiting -= 1
                return None
        # A job was put there in this very moment, and counts on a thread.
        return self._jobs.get()


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
