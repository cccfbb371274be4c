"""Giving up what takes too long, with one timer for all of it: most things do not, and a timer for each takes its time."""

from __future__ import annotations

import asyncio
from typing import Any


class Limit:
    """A block of code that must not take for ever; a context manager, like that of `asyncio.timeout`."""

    __slots__ = ("_before", "_deadlines", "_seconds", "deadline", "is_over", "task")

    def __init__(self, deadlines: Deadlines, task: asyncio.Task[Any], seconds: float) -> None:
        self._deadlines = deadlines
        self._seconds = seconds
        self._before = task.cancelling()
        self.task = task
        self.deadline = 0.0
        self.is_over = False

    def __enter__(self) -> None:
        self._deadlines.begin(self, self._seconds)

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self._deadlines.limits.discard(self)
        if self.is_over and self.task.uncancel() <= self._before:
            if kind is not None and issubclass(kind, asyncio.CancelledError):
                raise TimeoutError(f"no answer within {self._seconds:g} s")


class Deadlines:
    """Gives up blocks of code that take too long."""

    def __init__(self) -> None:
        self.limits: set[Limit] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def limit(self, seconds: float) -> Limit:
        """Return a block for this task that raises `TimeoutError` if it takes longer."""
        task = asyncio.current_task()
        assert task is not None
        return Limit(self, task, seconds)

    def begin(self, limit: Limit, seconds: float) -> None:
        """Have a block watched."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._timer = loop, None
            self.limits.clear()
        limit.deadline = loop.time() + seconds
        self.limits.add(limit)
        if self._timer is None or self._timer.when() > limit.deadline:
            self._arm(loop, limit.deadline)

    def _arm(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        self.stop()
        self._timer = loop.call_at(deadline, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel what is over, and come again when the next one would be."""
        self._timer = None
        now = loop.time()
        for limit in self.limits:
            if limit.deadline <= now and not limit.is_over:
                limit.is_over = True
                limit.task.cancel()
        left = [limit.deadline for limit in self.limits if not limit.is_over]
        if left:
            self._arm(loop, min(left))

    def stop(self) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
