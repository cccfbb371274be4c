"""The event loop of a worker process: nothing that a task does to it ends it for the others."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from openviper.tasks.message import describe_error

logger = logging.getLogger("openviper.tasks.worker.supervisor")

_served: list[tuple[asyncio.AbstractEventLoop, int]] = []
"""The loop that this process serves its tasks with, and its thread."""


def serve(loop: asyncio.AbstractEventLoop, over: asyncio.Future[None]) -> None:
    """Run an event loop until a future is done.

    A `sys.exit()` or a KeyboardInterrupt in a part of a task, or in a callback, and `loop.stop()`, leave the loop: it is entered again.
    What awaits that part gets the exception.
    """
    pid = os.getpid()
    while not over.done():
        try:
            loop.run_until_complete(over)
        except BaseException as error:
            if os.getpid() != pid:
                os._exit(0)  # A task has forked, and its child comes out of the task.
            if loop.is_closed() or not isinstance(error, _LEAVING):
                raise
            logger.error("a task has left the event loop, which goes on: %s", describe_error(error))


_LEAVING = (SystemExit, KeyboardInterrupt, RuntimeError)


@contextmanager
def forks_leave(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Have a child that a task forks on the event loop run that task only, as long as the `with` statement lasts."""
    _served.append((loop, threading.get_ident()))
    try:
        yield
    finally:
        _served.pop()


def _after_fork() -> None:
    for loop, thread in _served:
        if threading.get_ident() == thread:
            # The steps of other tasks that are next, and the selector, which is the parent's too, are not for the child.
            ready: Any = getattr(loop, "_ready", None)
            if ready is not None:
                ready.clear()
            loop.stop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
