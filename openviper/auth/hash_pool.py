"""The threads that hash passwords, and the queue before them."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from openviper.conf import settings
from openviper.exceptions import ServiceUnavailable
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = lazy_module("asyncio")

T = TypeVar("T")

NICENESS = 5
"""By how much the threads stand behind the rest of the process: about a third of its share, where there is too little for all."""
RETRY_AFTER = 5
"""Seconds after which a client is told to try again when the queue is full."""


class PasswordQueueFullError(ServiceUnavailable):
    """503: more passwords wait to be checked than `PASSWORD_QUEUE_SIZE` allows."""

    def __init__(self) -> None:
        super().__init__("Too many logins at the moment. Try again soon.")
        self.headers["Retry-After"] = str(RETRY_AFTER)


class _Queue:
    """Counts what waits or runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._length = 0

    def enter(self) -> None:
        """Count one more.

        Raises:
            PasswordQueueFullError: If there are too many already.
        """
        with self._lock:
            if self._length >= settings.PASSWORD_QUEUE_SIZE:
                raise PasswordQueueFullError
            self._length += 1

    def leave(self) -> None:
        """Count one less."""
        with self._lock:
            self._length -= 1


_queue = _Queue()


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    # One scrypt takes 64 MiB, so more threads than this would trade latency for memory.
    return ThreadPoolExecutor(
        min(4, max(2, os.cpu_count() or 2)),
        thread_name_prefix="openviper-password",
        initializer=stand_back,
    )


def stand_back() -> None:
    """Have the present thread give way to the event loop where both want a processor.

    The wait for a password becomes no longer by it as long as a processor is free. Only Linux has priorities of threads.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # Where a sandbox forbids it, all goes on without.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.nice(0) + NICENESS)


async def in_hash_thread(function: Callable[[], T]) -> T:
    """Run a function in one of the threads, when its turn comes.

    Raises:
        PasswordQueueFullError: If too many wait already.
    """
    _queue.enter()
    future = _pool().submit(function)
    # Also when whoever waits has gone away: what has begun goes on.
    future.add_done_callback(lambda _: _queue.leave())
    return await asyncio.wrap_future(future)
