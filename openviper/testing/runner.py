"""The event loop of one test.

`asyncio.Runner` is not used: it puts its handler of Ctrl-C in place, and takes it away, with each coroutine, and a test is
several of them. Here both are done once.
"""

from __future__ import annotations

import asyncio
import contextvars
import signal
import threading
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")


class TestRunner:
    """Runs coroutines one after the other, on one event loop and in one context, until the block ends.

    Ctrl-C cancels the one that runs, so that what it has begun is ended in order; a second one is an exception at once.
    """

    __test__ = False  # Not a test class, whatever its name says to pytest.

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._context = contextvars.copy_context()
        self._running: asyncio.Task[Any] | None = None
        self._is_interrupted = False
        self._listens = False
        """Whether Ctrl-C comes here."""

    def __enter__(self) -> TestRunner:
        asyncio.set_event_loop(self._loop)
        is_main = threading.current_thread() is threading.main_thread()
        # Whoever has a handler of his own keeps it.
        if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._interrupt)
            self._listens = True
        return self

    def __exit__(self, *_error: object) -> None:
        try:
            self._wind_down()
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()
            if self._listens and signal.getsignal(signal.SIGINT) == self._interrupt:
                signal.signal(signal.SIGINT, signal.default_int_handler)

    def run(self, work: Coroutine[Any, Any, T], /) -> T:
        """Run a coroutine to its end and return its result.

        Raises:
            KeyboardInterrupt: If Ctrl-C has ended it.
            Exception: What it raises.
        """
        task = self._loop.create_task(work, context=self._context)
        self._running, self._is_interrupted = task, False
        try:
            return self._loop.run_until_complete(task)
        except asyncio.CancelledError:
            if self._is_interrupted and task.uncancel() == 0:
                raise KeyboardInterrupt from None
            raise
        finally:
            self._running = None

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        task = self._running
        if task is None or task.done() or self._is_interrupted:
            signal.default_int_handler(number, frame)
        else:
            self._is_interrupted = True
            task.cancel()
            # It may be waiting for input, and would only notice then.
            self._loop.call_soon_threadsafe(_do_nothing)

    def _wind_down(self) -> None:
        """Cancel what is left running and wait for its end, and for that of generators and threads."""
        self._loop.run_until_complete(_two_steps())
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(_ended(left))
        for task in left:
            self._report(task)

    def _report(self, task: asyncio.Task[Any]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            message = "unhandled exception while the event loop of a test ended"
            told = {"message": message, "exception": error, "task": task}
            self._loop.call_exception_handler(told)


async def _two_steps() -> None:
    """Let generators that nobody holds any more come to their end: it becomes a task in one step, and begins in the next."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def _ended(tasks: set[asyncio.Task[Any]]) -> None:
    if tasks:
        await asyncio.gather(*tasks, return_exceptions=True)
    loop = asyncio.get_running_loop()
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


def _do_nothing() -> None:
    pass
