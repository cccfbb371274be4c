"""Plain calls: each in a thread of its own for as long as it runs."""

from __future__ import annotations

import asyncio
import inspect
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from contextvars import Context
from typing import Any

from openviper.tasks.actors import Actor
from openviper.tasks.exceptions import SoftTimeLimitError, TimeLimitError
from openviper.tasks.message import Finished, Message
from openviper.tasks.running import running
from openviper.tasks.worker.async_calls import with_soft_limit
from openviper.tasks.worker.attempt import Attempt, Listener

logger = logging.getLogger("openviper.tasks.worker.supervisor")
Job = tuple[Message, Actor[Any, Any]]


class PlainCalls:
    """Threads that run plain calls.

    A thread cannot be stopped. One whose call is over its time limit goes on, and so does its message, which nobody starts
    again meanwhile; another thread takes its place.

    Args:
        listener: Is told about attempts.
        threads: Most calls at a time.
        keep_results: Whether actors that ask for it have their results kept.
    """

    def __init__(self, listener: Listener, *, threads: int, keep_results: bool) -> None:
        self._listener = listener
        self._most = threads
        self._keep_results = keep_results
        self._loop: asyncio.AbstractEventLoop | None = None
        self._jobs: queue.SimpleQueue[Job | deque[Job] | None] = queue.SimpleQueue()
        self._bundle: deque[Job] = deque()
        self._running: dict[Attempt, int] = {}
        """Each attempt with the number of its thread."""
        self._lock = threading.Lock()
        self._threads = 0
        self._unfinished = 0
        """Calls that were submitted and have neither ended nor given their place away."""

    def use_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have what plain functions return and is to be awaited run on this event loop."""
        self._loop = loop

    # Looking

    @property
    def waiting(self) -> int:
        """How many calls have not begun."""
        return self._jobs.qsize() + len(self._bundle)

    @property
    def wants_more(self) -> bool:
        """Whether a call that is submitted now would begin before all others have ended."""
        return self._unfinished < self._most and not self._bundle

    @property
    def has_free_thread(self) -> bool:
        """Whether a call would begin at once."""
        return self._unfinished < self._most

    @property
    def overdue(self) -> int:
        """How many calls are over their time and go on."""
        return sum(attempt.is_over for attempt in self.attempts())

    def attempts(self) -> list[Attempt]:
        """Return what runs."""
        with self._lock:
            return list(self._running)

    def next_deadline(self) -> float:
        """Return when to look at the limits, on the monotonic clock."""
        moments = [float("inf")]
        for attempt in self.attempts():
            if not attempt.is_over:
                moments.append(attempt.soft_deadline or attempt.deadline)
        return min(moments)

    # Running

    def submit(self, message: Message, actor: Actor[Any, Any]) -> None:
        """Have a call run."""
        self._jobs.put((message, actor))
        with self._lock:
            self._unfinished += 1
        self._make_threads(self._most)

    def submit_together(self, jobs: Sequence[Job]) -> None:
        """Have calls that are short run one after the other, until `spread`: threads would only take Python's lock from each other."""
        self._bundle.extend(jobs)
        self._jobs.put(self._bundle)
        with self._lock:
            self._unfinished += len(jobs)
        self._make_threads(1)

    def spread(self) -> None:
        """Have each thread take its own of the calls that were submitted together: one of them is not short."""
        with suppress(IndexError):
            while True:
                self._jobs.put(self._bundle.popleft())
        self._make_threads(self._most)

    def _make_threads(self, most: int) -> None:
        """Make threads as they are needed; they stay."""
        with self._lock:
            missing = max(0, min(most, self._unfinished) - self._threads)
            self._threads += missing
        for _ in range(missing):
            self._start_thread()

    def _start_thread(self) -> None:
        threading.Thread(
            target=self._work, name=f"openviper-tasks-{self._threads}", daemon=True
        ).start()

    def _work(self) -> None:
        while (taken := self._jobs.get()) is not None:
            for job in _each(taken) if isinstance(taken, deque) else (taken,):
                if self._is_over(job):
                    return  # Another thread has taken this one's place.

    def _is_over(self, job: Job) -> bool:
        """Run a call, and return whether its time was over before it ended."""
        attempt = Attempt(*job, self._listener)
        with self._lock:
            self._running[attempt] = threading.get_ident()
        finished = self._finish(attempt)
        self._listener.ended(finished, attempt.seconds)
        return attempt.is_over

    def _finish(self, attempt: Attempt) -> Finished:
        """Run an attempt to its end. The soft limit may strike once, anywhere in here."""
        finished: Finished | None = None
        while True:
            try:
                if finished is None:
                    finished = self._attempt(attempt)
                self._take_off(attempt)
                return finished
            except SoftTimeLimitError as error:
                finished = finished or attempt.failed(error)

    def _take_off(self, attempt: Attempt) -> None:
        """Note that an attempt has ended; nothing can strike this thread for it any more."""
        with self._lock:
            if self._running.pop(attempt, None) is not None and not attempt.is_over:
                self._unfinished -= 1
            if attempt.actor.soft_time_limit_ms is not None:
                _raise_in(threading.get_ident(), None)

    def _attempt(self, attempt: Attempt) -> Finished:
        try:
            # In here too: the soft limit may strike before the call itself has begun.
            self._listener.began(attempt.message)
            finished = Context().run(self._call, attempt)
        except (CancelledError, asyncio.CancelledError) as error:
            return attempt.after_cancellation(error)
        except BaseException as error:
            return attempt.failed(error)
        if attempt.is_over:
            logger.warning(
                "%r took %.1f s, longer than its time limit, and succeeded",
                attempt.message,
                attempt.seconds,
            )
        return finished

    def _call(self, attempt: Attempt) -> Finished:
        with running(attempt.run):
            args, kwargs = attempt.actor.received(attempt.message)
            value = attempt.actor.fn(*args, **kwargs)
            if value is not None and inspect.isawaitable(value):
                value = self._await(attempt, value)
            return attempt.succeeded(value, keep_results=self._keep_results)

    def _await(self, attempt: Attempt, value: Any) -> Any:
        """Run what a plain function returned, such as a decorated coroutine function, on the event loop, within its limits there."""
        assert self._loop is not None  # It is there before anything is claimed.
        with self._lock:
            soft, attempt.soft_deadline = attempt.soft_deadline, None

        async def call() -> Any:
            return await value

        async def work() -> Any:
            attempt.wait_for(asyncio.current_task())
            now = time.monotonic()
            limited = call() if soft is None else with_soft_limit(call(), max(0.0, soft - now))
            try:
                async with asyncio.timeout(attempt.deadline - now) as limit:
                    return await limited
            except TimeoutError as error:
                if limit.expired():
                    raise TimeLimitError(attempt.actor.time_limit_ms) from error
                raise
            finally:
                attempt.wait_for(None)

        future = asyncio.run_coroutine_threadsafe(work(), self._loop)
        try:
            return future.result()
        except SoftTimeLimitError:
            future.cancel()  # It may have struck this thread just before.
            raise

    # Limits and the end

    def look_at_limits(self) -> None:
        """Tell calls that come near their limit, and give the place of those beyond it to others."""
        now = time.monotonic()
        for attempt in self.attempts():
            self._strike(attempt, now)
            if attempt.deadline <= now and not attempt.is_over:
                self._give_place_away(attempt)

    def _strike(self, attempt: Attempt, now: float) -> None:
        with self._lock:
            soft, thread = attempt.soft_deadline, self._running.get(attempt)
            if soft is None or soft > now or thread is None:
                return
            attempt.soft_deadline = None
            _raise_in(thread, SoftTimeLimitError)

    def _give_place_away(self, attempt: Attempt) -> None:
        with self._lock:
            if attempt not in self._running:
                return
            attempt.is_over = True
            self._unfinished -= 1
        logger.error(
            "%r has taken longer than %g ms and goes on: a thread cannot be stopped",
            attempt.message,
            attempt.actor.time_limit_ms,
        )
        self._start_thread()

    @property
    def awaiting(self) -> int:
        """How many calls wait for something on the event loop."""
        return sum(attempt.awaited is not None for attempt in self.attempts())

    def cancel(self, ids: set[str]) -> None:
        """Tell the calls of messages that somebody wants cancelled; what they wait for on the event loop is."""
        for attempt in self.attempts():
            if attempt.message.message_id in ids and not attempt.run.is_cancelled:
                attempt.run.is_cancelled = True
                attempt.cancel_awaited()

    def cut_off(self) -> None:
        """Cancel what calls wait for on the event loop: the worker stops."""
        for attempt in self.attempts():
            if attempt.awaited is not None:
                attempt.is_cut_off = True
                attempt.cancel_awaited()

    def take_waiting(self, keep: int = 0) -> list[Message]:
        """Return what has not begun, all but the first `keep`, and begin it no more."""
        jobs = list(_each(self._bundle))
        with suppress(queue.Empty):
            while True:
                job = self._jobs.get_nowait()
                if isinstance(job, tuple):
                    jobs.append(job)
        for job in jobs[:keep]:
            self._jobs.put(job)
        with self._lock:
            self._unfinished -= len(jobs[keep:])
        self._make_threads(self._most)
        return [job[0] for job in jobs[keep:]]

    def give_up_overdue(self) -> list[tuple[Finished, float]]:
        """Return what `Attempt.given_up` says of calls beyond their time."""
        return [attempt.given_up() for attempt in self.attempts() if attempt.is_over]

    def end_threads(self) -> None:
        """Have the threads end once they are free."""
        for _ in range(self._threads):
            self._jobs.put(None)


def _each(bundle: deque[Job]) -> Iterator[Job]:
    """Yield what is in a bundle, from which others take too."""
    with suppress(IndexError):
        while True:
            yield bundle.popleft()


def _raise_in(thread: int, exception: type[BaseException] | None) -> None:
    """Have an exception raised in a thread at its next step in Python code; `None` takes back one that was not raised yet."""
    import ctypes  # Late: it takes 8 ms, and few actors have a soft limit.

    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), None if exception is None else ctypes.py_object(exception)
    )
