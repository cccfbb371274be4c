"""Cancellation of what is awaited, told apart from that of whoever awaits it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


def own_error(error: Exception | asyncio.CancelledError) -> Exception:
    """Return an error of the application: what it awaited may have been cancelled, without its being cancelled itself.

    Raises:
        asyncio.CancelledError: If the one that answers is to end.
    """
    if isinstance(error, Exception):
        return error
    task = asyncio.current_task()
    if task is None or task.cancelling():
        raise error
    own = RuntimeError("something that was awaited has been cancelled")
    own.__cause__ = error
    return own


async def uncancelled(awaitable: Awaitable[T]) -> T:
    """Await something of the application.

    Raises:
        RuntimeError: If something that it awaits has been cancelled, such as a task that it has ended itself.
        asyncio.CancelledError: If the one that awaits it is to end.
    """
    try:
        return await awaitable
    except asyncio.CancelledError as error:
        raise own_error(error) from error
