"""One computation for all who miss the same entry: within a process by sharing it, among processes by a lock in the store.

Who holds the lock renews it while computing; a process that dies stops doing so, and the others wait for the rest of one
lease only. The lock saves work and guards nothing: if it is lost, two compute, and the later one's value stays.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeAlias

from openviper.cache.backends.base import EntryStore
from openviper.cache.exceptions import CacheError, CacheUnavailableError

FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.2
"""Seconds between two looks for what another process computes."""

Find: TypeAlias = Callable[[], Awaitable["bytes | None"]]
"""Returns the content of the entry if it is there."""
Compute: TypeAlias = Callable[[], Coroutine[Any, Any, bytes]]
"""Computes the value, stores it and returns its content."""

_computing: ContextVar[frozenset[object]] = ContextVar(
    "openviper_cache_computing", default=frozenset()
)


class Patience(NamedTuple):
    """How long is waited for others.

    Attributes:
        lease: Seconds for which a lock holds without being renewed.
        wait: Seconds after which somebody who waits computes the value too.
    """

    lease: float
    wait: float


class Computations:
    """The computations of one cache that run in this process."""

    def __init__(self) -> None:
        self._running: dict[object, asyncio.Task[bytes]] = {}
        self._callers: dict[asyncio.Task[bytes], int] = {}

    async def join(self, name: str, compute: Compute, alone: Compute, wait: float) -> bytes:
        """Return what the computation of an entry gives, begun unless it runs already.

        It is cancelled when all who wait for it are. Its error is raised for each of them.

        Args:
            name: The entry.
            compute: Computes it for all.
            alone: Computes it for one who has waited too long.
            wait: Seconds to wait for a computation that another has begun.

        Raises:
            CacheError: If the computation of an entry asks for that entry, or was cancelled by itself.
        """
        place = (asyncio.get_running_loop(), name)
        if (id(self), name) in _computing.get():
            raise CacheError("the computation of a cached value asks for this very value")
        task = self._running.get(place)
        if task is None:
            task = self._begin(place, name, compute)
            return await self._wait_for(place, task, None)
        try:
            return await self._wait_for(place, task, wait)
        except TimeoutError:
            if task.done():  # The error is the computation's own.
                raise
            return await alone()

    def _begin(self, place: object, name: str, compute: Compute) -> asyncio.Task[bytes]:
        token = _computing.set(_computing.get() | {(id(self), name)})
        try:
            task = asyncio.ensure_future(compute())
        finally:
            _computing.reset(token)
        self._running[place] = task
        self._callers[task] = 0
        task.add_done_callback(lambda done: self._forget(place, done))
        return task

    def _forget(self, place: object, task: asyncio.Task[bytes]) -> None:
        if self._running.get(place) is task:
            del self._running[place]
        self._callers.pop(task, None)
        if not task.cancelled():
            task.exception()  # Everybody who wanted to know may have left.

    async def _wait_for(
        self, place: object, task: asyncio.Task[bytes], seconds: float | None
    ) -> bytes:
        self._callers[task] += 1
        try:
            return await asyncio.wait_for(asyncio.shield(task), seconds)
        except asyncio.CancelledError:
            if task.cancelled() and not _is_cancelled():
                raise CacheError("the computation of a cached value was cancelled") from None
            raise
        finally:
            if task in self._callers:
                self._leave(place, task)

    def _leave(self, place: object, task: asyncio.Task[bytes]) -> None:
        self._callers[task] -= 1
        if self._callers[task] == 0 and not task.done():
            # Nobody who comes now is to join what is being cancelled.
            if self._running.get(place) is task:
                del self._running[place]
            task.cancel()


def _is_cancelled() -> bool:
    """Return whether somebody wants this task to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def compute_with_lock(
    store: EntryStore, lock: str, find: Find, compute: Compute, patience: Patience
) -> bytes:
    """Compute a value unless another process does; then wait for that one.

    Args:
        store: Where the lock is.
        lock: Its name.
        find: Looks whether another process has stored the value.
        compute: Computes and stores it.
        patience: How long is waited.
    """
    token = b"s" + secrets.token_hex(8).encode()
    try:
        found = await _lock_or_find(store, lock, token, find, patience)
    except CacheUnavailableError:
        return await compute()  # `compute` stores it or says that it cannot.
    if found is not None:
        return found
    renewal = asyncio.ensure_future(_renew(store, lock, token, patience.lease))
    try:
        # Who held the lock before may have stored the value since we looked.
        return await find() or await compute()
    finally:
        renewal.cancel()
        with suppress(CacheUnavailableError):  # Then the lease ends by itself.
            await store.replace_entry(lock, token, None, None)


async def _lock_or_find(
    store: EntryStore, lock: str, token: bytes, find: Find, patience: Patience
) -> bytes | None:
    """Return the value that another process has stored, or `None` if it is on us to compute it."""
    loop = asyncio.get_running_loop()
    end = loop.time() + patience.wait
    pause = FIRST_PAUSE
    while not await store.add_entry(lock, token, patience.lease):
        if loop.time() >= end:
            return None
        await asyncio.sleep(pause * random.uniform(0.75, 1.25))
        pause = min(pause * 1.5, LONGEST_PAUSE)
        found = await find()
        if found is not None:
            return found
    return None


async def _renew(store: EntryStore, lock: str, token: bytes, lease: float) -> None:
    """Keep a lock that is ours."""
    while True:
        await asyncio.sleep(lease / 3)
        with suppress(CacheUnavailableError):
            if not await store.replace_entry(lock, token, token, lease):
                return
