"""One attempt at a message: what a worker knows of it while it runs."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from contextlib import suppress
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, Protocol

from openviper.tasks.actors import Actor
from openviper.tasks.message import Finished, Message, Outcome, cancelled
from openviper.tasks.running import Run, running
from openviper.tasks.worker.outcome import failed, succeeded

logger = logging.getLogger("openviper.tasks.worker.supervisor")
_NAMES = {CoroutineType: "coroutine", GeneratorType: "generator", AsyncGeneratorType: "generator"}
_NOT_RUN = (GeneratorType, AsyncGeneratorType, CoroutineType, map, filter, zip, enumerate)
"""What calls something only when somebody asks for its values; those of `itertools` too."""


def flush_output() -> None:
    """Write what waits for the standard output and error; a task may have closed them, or nobody may be left to read."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()


class Listener(Protocol):
    """Is told about attempts, from any thread; its methods never raise."""

    def began(self, message: Message) -> None:
        """Take note of a beginning."""
        ...

    def ended(self, finished: Finished, seconds: float, status: str | None = None) -> None:
        """Take note of an end, and have it settled.

        Args:
            finished: What follows.
            seconds: How long the attempt took.
            status: How it is to be recorded; what `finished` says when not given.
        """
        ...

    def progressed(self, message: Message, share: float, note: str) -> None:
        """Take note of how far a task is."""
        ...


class Attempt:
    """One attempt.

    Attributes:
        deadline: When its time is over, on the monotonic clock; `soft_deadline` likewise.
        is_over: Whether its time is over, though it goes on.
        is_cut_off: Whether this worker has ended it because it stops.
        awaited: What a plain call waits for on the event loop.
        pid: The process it has begun in.
    """

    __slots__ = (
        "actor",
        "awaited",
        "began_at",
        "deadline",
        "is_cut_off",
        "is_over",
        "message",
        "pid",
        "run",
        "soft_deadline",
    )

    def __init__(self, message: Message, actor: Actor[Any, Any], listener: Listener) -> None:
        self.message = message
        self.pid = os.getpid()
        self.actor = actor
        self.run = Run(message, listener.progressed)
        self.began_at = time.monotonic()
        self.deadline = self.began_at + actor.time_limit_ms / 1000
        soft = actor.soft_time_limit_ms
        self.soft_deadline = None if soft is None else self.began_at + soft / 1000
        self.is_over = False
        self.is_cut_off = False
        self.awaited: asyncio.Task[Any] | None = None

    def wait_for(self, task: asyncio.Task[Any] | None) -> None:
        """Note what a plain call waits for on the event loop; in its thread."""
        self.awaited = task
        if task is not None and (self.run.is_cancelled or self.is_cut_off):
            task.cancel()

    def cancel_awaited(self) -> None:
        """Cancel what the call waits for on the event loop, if it does; from any thread."""
        task = self.awaited
        if task is not None:
            task.get_loop().call_soon_threadsafe(task.cancel)

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self.began_at

    def _leave_if_forked(self, error: BaseException | None = None) -> None:
        """End a process that the task has forked and that comes out of the task: messages, connections and event loop are its parent's."""
        if os.getpid() == self.pid:
            return
        code = _exit_code(error)
        if code is None:
            logger.error("a process that %r has forked failed", self.message, exc_info=error)
        flush_output()
        os._exit(1 if code is None else code)

    def succeeded(self, value: Any, *, keep_results: bool) -> Finished:
        """Return what follows from a success.

        Raises:
            TypeError: If the value is something whose body has not run: a generator, or a coroutine within another one.
        """
        self._leave_if_forked()
        if isinstance(value, _NOT_RUN) or type(value).__module__ == "itertools":
            kind = _NAMES.get(type(value), type(value).__name__)
            raise TypeError(f"actor {self.actor.actor_name!r} returned a {kind}, not a result")
        if self.run.is_cancelled and self.message.option("then"):
            return cancelled(self.message)  # It has not noticed, but nothing is to follow it.
        return succeeded(self.message, self.actor, value, keep_results=keep_results)

    def after_cancellation(self, error: BaseException) -> Finished:
        """Return what follows when the call has ended as something that was cancelled."""
        self._leave_if_forked(error)
        if self.is_cut_off:
            return Finished(self.message, Outcome.RELEASED)
        if self.run.is_cancelled:
            return cancelled(self.message)
        # The task's own doing: a part of it was cancelled and nobody took notice.
        return self.failed(error)

    def failed(self, error: BaseException) -> Finished:
        """Return what follows from a failure."""
        self._leave_if_forked(error)
        with running(self.run):  # What is logged of it has its id too.
            return failed(self.message, self.actor, error)


def _exit_code(error: BaseException | None) -> int | None:
    """Return what a process ends with that an exception leaves, or nothing does; `None` for a failure that nobody meant."""
    if error is None:
        return 0
    if isinstance(error, SystemExit) and isinstance(error.code, int | None):
        return error.code or 0
    return None
