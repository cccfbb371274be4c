"""Long blocking work beside the event loop, stopped cleanly when its caller is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class Stopped(Exception):
    """The work was told to stop; it undoes what it did and ends."""


class StopFlag:
    """Tells long work in a thread that nobody waits for its result any more.

    Args:
        parent: Another flag, which stops this work too.
    """

    def __init__(self, parent: StopFlag | None = None) -> None:
        self._event = threading.Event()
        self._parent = parent

    def set(self) -> None:
        """Ask the work to stop at its next check."""
        self._event.set()

    def is_set(self) -> bool:
        """Return whether the work should stop."""
        return self._event.is_set() or (self._parent is not None and self._parent.is_set())

    def check(self) -> None:
        """Stop here if the work should stop.

        Raises:
            Stopped: If it should.
        """
        if self.is_set():
            raise Stopped("stopped")


class Finished(asyncio.CancelledError):
    """A cancellation that came when the work was done already."""


async def run_in_thread(work: Callable[[StopFlag], Result]) -> Result:
    """Run blocking work in a thread and return its result.

    When the caller is cancelled, the work is told to stop and waited for, so that it can remove its temporary files
    before the cancellation goes on. Being cancelled again does not shorten that.

    Raises:
        Finished: If the caller was cancelled, and the work came to its end all the same.
        Exception: Whatever `work` raises.
    """
    stop = StopFlag()
    running = asyncio.ensure_future(asyncio.to_thread(work, stop))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await outlast(running)
        if running.exception() is None:
            raise Finished from None
        raise


async def outlast(running: asyncio.Future[Result]) -> None:
    """Wait for the end of something, whatever it is, however often we are cancelled meanwhile."""
    while not running.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([running])
