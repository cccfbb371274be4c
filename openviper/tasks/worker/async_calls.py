"""Async calls: tasks on the event loop of the process."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any

from openviper.tasks.actors import Actor
from openviper.tasks.exceptions import SoftTimeLimitError, TimeLimitError
from openviper.tasks.message import Finished, Message, Outcome, cancelled
from openviper.tasks.running import running
from openviper.tasks.worker.attempt import Attempt, Listener


class AsyncCalls:
    """Runs async calls; everything but `submit` and the properties belongs to the event loop's thread.

    Args:
        listener: Is told about attempts.
        most: Most calls at a time.
        keep_results: Whether actors that ask for it have their results kept.
    """

    def __init__(self, listener: Listener, *, most: int, keep_results: bool) -> None:
        self._listener = listener
        self._most = most
        self._keep_results = keep_results
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[tuple[Message, Actor[Any, Any]]] = deque()
        self._tasks: dict[Attempt, asyncio.Task[None]] = {}
        self._lock = threading.Lock()

    def use_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run the calls on this event loop."""
        self._loop = loop

    @property
    def waiting(self) -> int:
        """How many calls have not begun."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many calls run."""
        return len(self._tasks)

    def attempts(self) -> list[Attempt]:
        """Return what runs."""
        with self._lock:
            return list(self._tasks)

    def submit(self, calls: list[tuple[Message, Actor[Any, Any]]]) -> None:
        """Have calls run; from any thread."""
        assert self._loop is not None  # It is there before anything is claimed.
        self._waiting.extend(calls)
        self._loop.call_soon_threadsafe(self._start_some)

    def _start_some(self) -> None:
        while self._waiting and len(self._tasks) < self._most:
            try:
                job = self._waiting.popleft()
            except IndexError:  # Another thread has taken it to give it back.
                return
            self._start(*job)

    def _start(self, message: Message, actor: Actor[Any, Any]) -> None:
        assert self._loop is not None  # It is there before anything is claimed.
        attempt = Attempt(message, actor, self._listener)
        task = self._loop.create_task(self._work(attempt), context=Context())
        with self._lock:
            self._tasks[attempt] = task
        task.add_done_callback(lambda _task: self._see_after(attempt))

    def _see_after(self, attempt: Attempt) -> None:
        """Give back what was cancelled before its first step: a task that cancels all others has that done to them."""
        if attempt in self._tasks:
            message = attempt.message
            released = Finished(message, Outcome.RELEASED)
            self._end(attempt, cancelled(message) if attempt.run.is_cancelled else released)

    async def _work(self, attempt: Attempt) -> None:
        self._listener.began(attempt.message)
        try:
            finished = await self._attempt(attempt)
        except asyncio.CancelledError as error:
            finished = attempt.after_cancellation(error)
        except BaseException as error:
            finished = attempt.failed(error)
        self._end(attempt, finished)

    def _end(self, attempt: Attempt, finished: Finished) -> None:
        with self._lock:
            self._tasks.pop(attempt, None)
        self._listener.ended(finished, attempt.seconds)
        self._start_some()

    async def _attempt(self, attempt: Attempt) -> Finished:
        actor = attempt.actor
        with running(attempt.run):
            args, kwargs = attempt.actor.received(attempt.message)
            call = actor.fn(*args, **kwargs)
            if actor.soft_time_limit_ms is not None:
                call = with_soft_limit(call, actor.soft_time_limit_ms / 1000)
            try:
                async with asyncio.timeout(actor.time_limit_ms / 1000) as limit:
                    value = await call
            except TimeoutError as error:
                if limit.expired():
                    raise TimeLimitError(actor.time_limit_ms) from error
                raise
            return attempt.succeeded(value, keep_results=self._keep_results)

    # Ending calls; from any thread

    def cancel(self, ids: set[str]) -> None:
        """Cancel the calls of messages that somebody wants cancelled."""
        for attempt in self.attempts():
            if attempt.message.message_id in ids and not attempt.run.is_cancelled:
                attempt.run.is_cancelled = True
                self._cancel(attempt)

    def cut_off(self) -> None:
        """Cancel what runs: the worker stops."""
        for attempt in self.attempts():
            attempt.is_cut_off = True
            self._cancel(attempt)

    def _cancel(self, attempt: Attempt) -> None:
        task = self._tasks.get(attempt)
        if task is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(task.cancel)

    def take_waiting(self) -> list[Message]:
        """Return what has not begun, and begin it no more."""
        messages = []
        while True:
            try:
                messages.append(self._waiting.popleft()[0])
            except IndexError:
                return messages


async def with_soft_limit(call: Coroutine[Any, Any, Any], seconds: float) -> Any:
    """Await a call, and raise `SoftTimeLimitError` inside it when the seconds are over."""
    task = asyncio.current_task()
    assert task is not None
    inner = _SoftlyLimited(call, task)
    timer = asyncio.get_running_loop().call_later(seconds, inner.strike)
    try:
        return await inner
    finally:
        timer.cancel()


class _SoftlyLimited:
    """Awaits a coroutine; a cancellation that `strike` has caused becomes `SoftTimeLimitError` on its way in."""

    def __init__(self, call: Coroutine[Any, Any, Any], task: asyncio.Task[Any]) -> None:
        self._call = call
        self._task = task
        self._is_struck = False

    def strike(self) -> None:
        """Have the error raised where the coroutine waits."""
        self._is_struck = True
        self._task.cancel()

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._call.__await__()
        error: BaseException | None = None
        while True:
            try:
                waits_for = steps.send(None) if error is None else steps.throw(error)
            except StopIteration as end:
                return end.value
            error = None
            try:
                yield waits_for
            except asyncio.CancelledError as cancellation:
                error = cancellation
                if self._is_struck:
                    self._is_struck = False
                    self._task.uncancel()
                    error = SoftTimeLimitError()
            except BaseException as other:
                error = other
