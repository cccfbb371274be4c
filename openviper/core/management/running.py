"""Running coroutines for commands."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from openviper.core.management.errors import describe
from openviper.utils.event_loops import require_event_loop
from openviper.utils.failures import CommandError

T = TypeVar("T")

if TYPE_CHECKING:
    import asyncio

_loop: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("command_loop", default=None)


@contextmanager
def commands_on(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Have what commands await run on an event loop that runs in another thread; its databases stay open."""
    token = _loop.set(loop)
    try:
        yield
    finally:
        _loop.reset(token)


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


def run_to_completion(awaitable: Awaitable[T]) -> T:
    """Run an awaitable on an event loop of its own and close the connections it used, of caches and databases; see `commands_on`.

    Raises:
        CommandError: If no event loop can run on this system.
    """
    import asyncio

    loop = _loop.get()
    if loop is not None:
        return asyncio.run_coroutine_threadsafe(_awaited(awaitable), loop).result()
    require_event_loop(awaitable)

    async def main() -> T:
        try:
            return await awaitable
        finally:
            # A command that never touched a cache or a database has not even imported these modules.
            caches = sys.modules.get("openviper.cache.configured")
            if caches is not None:
                await caches.close_caches()
            connection = sys.modules.get("openviper.db.connection")
            if connection is not None:
                await connection.close_db()

    return asyncio.run(main())


def run_async_command(awaitable: Awaitable[T]) -> T:
    """Run an awaitable to its end and close the databases.

    Raises:
        CommandError: As the awaitable raised it, or in place of any other exception, which is its cause.
    """
    try:
        return run_to_completion(awaitable)
    except CommandError:
        raise
    except Exception as error:
        raise CommandError(describe(error)) from error
