"""Work that goes on after the answer."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from openviper.http.asgi import BACKGROUND, Scope
from openviper.utils.cancellation import uncancelled
from openviper.utils.printable import printable

logger = logging.getLogger("openviper.request")

Work: TypeAlias = "tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]]"
"""A function with its arguments."""


class Background:
    """The work of one application that answers have left behind."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(self, scope: Scope) -> None:
        """Begin to do the work of one request, in order, in a task that no leaving client ends; whoever asks next finds none.

        Args:
            scope: The ASGI scope of the request, which has the work.
        """
        pending: list[Work] = scope[BACKGROUND]
        if not pending:
            return
        work = tuple(pending)
        # The list itself: a mounted application has a copy of the scope.
        pending.clear()
        task = asyncio.ensure_future(_run(work, f"{scope['method']} {printable(scope['path'])}"))
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


def drop_work(scope: Scope, held: Sequence[Work]) -> None:
    """Leave out the work of a handler that has failed, but not that of the middleware around it.

    Args:
        scope: The ASGI scope of the request.
        held: The work that there was before the handler was called.
    """
    if BACKGROUND in scope:
        scope[BACKGROUND][:] = held


async def _call(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> None:
    if inspect.iscoroutinefunction(function):
        await uncancelled(function(*args, **kwargs))
        return
    result = await asyncio.to_thread(function, *args, **kwargs)
    if inspect.isawaitable(result):
        await uncancelled(result)


async def _run(work: Sequence[Work], about: str) -> None:
    for function, args, kwargs in work:
        try:
            await _call(function, args, kwargs)
        except Exception as error:
            name = getattr(function, "__qualname__", repr(function))
            logger.error("%s after %s failed", name, about, exc_info=error)
