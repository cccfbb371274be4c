"""One `migrate` at a time per database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from openviper.db.url import DatabaseURL
from openviper.exceptions import MigrationError

WAIT = 60.0
"""Longest wait for another run, in seconds."""
_INTERVAL = 0.05


@asynccontextmanager
async def migration_lock(url: DatabaseURL, wait: float = WAIT) -> AsyncIterator[None]:
    """Hold the migration lock of a database for the time of the block.

    For SQLite it is a lock on ``<database>.migrate.lock``, which the kernel releases when the process ends in whatever
    way. The file itself stays: removing it would let two runs lock two different files of the same name. A database
    in memory needs no lock.

    Args:
        url: The database.
        wait: Longest wait for another run, in seconds.

    Raises:
        MigrationError: If another run does not end in time, or the lock file cannot be opened.
    """
    if url.is_memory:
        yield
        return
    import fcntl

    path = f"{url.path}.migrate.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise MigrationError(f"cannot open the lock file {path!r}: {error.strerror}") from error
    try:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if loop.time() >= deadline:
                    raise MigrationError(
                        f"another migrate has been running on {url.redacted()} for more than {wait:g} s"
                    ) from None
                await asyncio.sleep(_INTERVAL)
        yield
    finally:
        os.close(descriptor)
