"""Running a call where it is made, for when tasks are disabled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Any

logger = logging.getLogger("openviper.tasks")

_pending: set[asyncio.Task[Any]] = set()
"""Held here, because an event loop keeps no task alive."""


def run_inline(fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Call a function now; an async one on a running event loop is scheduled there, and its failure logged.

    Raises:
        Exception: Whatever the function raises, unless it is scheduled.
    """
    if not iscoroutinefunction(fn):
        fn(*args, **kwargs)
        return
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(fn(*args, **kwargs))
        return
    task = loop.create_task(fn(*args, **kwargs))
    _pending.add(task)
    task.add_done_callback(_settled)


def _settled(task: asyncio.Task[Any]) -> None:
    _pending.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("a task that ran inline failed", exc_info=error)


async def wait_for_inline() -> None:
    """Wait until every call scheduled on this event loop has come to its end; for the end of an application."""
    loop = asyncio.get_running_loop()
    while mine := [task for task in _pending if task.get_loop() is loop]:
        await asyncio.wait(mine)
