"""Work that goes on after the answer."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

logger = logging.getLogger("openviper.request")

Work: TypeAlias = "tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]]"
"""A function with its arguments."""


class Background:
    """The work of one application that answers have left behind."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Sequence[Work], about: str) -> None:
        """Begin to do the work of one request, in order, in a task that no leaving client ends.

        Args:
            work: What was asked for.
            about: What is named in the log when it fails.
        """
        task = asyncio.ensure_future(_run(work, about))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    @property
    def is_busy(self) -> bool:
        """Whether anything that was begun is not done."""
        return bool(self._running)

    async def finish(self) -> None:
        """Wait until everything that was begun is done."""
        loop = asyncio.get_running_loop()
        while running := [task for task in self._running if task.get_loop() is loop]:
            await asyncio.wait(running)


async def _call(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> None:
    if inspect.iscoroutinefunction(function):
        await function(*args, **kwargs)
        return
    result = await asyncio.to_thread(function, *args, **kwargs)
    if inspect.isawaitable(result):
        await result


async def _run(work: Sequence[Work], about: str) -> None:
    for function, args, kwargs in work:
        try:
            await _call(function, args, kwargs)
        except Exception as error:
            name = getattr(function, "__qualname__", repr(function))
            logger.error("%s after %s failed", name, about, exc_info=error)
