"""One `migrate` at a time per database, whichever host it runs on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from openviper.db.connections.databases import Database
from openviper.db.connections.observers import WatchedPool
from openviper.db.connections.pool.server import ServerPool
from openviper.db.connections.url import DatabaseURL
from openviper.exceptions import MigrationError

WAIT = 60.0
"""Longest wait for another run, in seconds."""
_INTERVAL = 0.05
_KEY = 0x6F70656E76697065
"""The number of the advisory lock: ``openvipe`` in ASCII."""


@asynccontextmanager
async def migration_lock(database: Database, wait: float = WAIT) -> AsyncIterator[None]:
    """Hold the migration lock of a database for the time of the block.

    On PostgreSQL and MariaDB it is a lock of the server, held by a connection of its own and released by the server
    when that ends. For SQLite it is a lock on ``<database>.migrate.lock``, which the kernel releases when the process
    ends in whatever way. A database in memory needs no lock.

    Args:
        database: The database.
        wait: Longest wait for another run, in seconds.

    Raises:
        MigrationError: If another run does not end in time, or the lock file cannot be opened; or in a test, whose
            transaction would not undo what is done to tables.
    """
    if database.stand_in is not None and database.stand_in.is_isolated:
        raise MigrationError(
            f"migrate changes the tables of {database.alias!r}, which the transaction around this test cannot undo; use the "
            "fixture isolated_db, after which the database is made anew"
        )
    if database.vendor == "sqlite":
        async with _file_lock(database.url, wait):
            yield
        return
    pool = database.pool()
    pool = pool.inner if isinstance(pool, WatchedPool) else pool
    assert isinstance(pool, ServerPool)
    async with pool.separate() as connection:
        if database.vendor == "postgresql":
            ask, release = (
                f"SELECT pg_try_advisory_lock({_KEY})",
                f"SELECT pg_advisory_unlock({_KEY})",
            )
        else:
            # The lock is the server's, so the name has to tell the database; it may have 64 characters.
            name = "CONCAT('openviper.', LEFT(MD5(DATABASE()), 32))"
            ask, release = f"SELECT GET_LOCK({name}, 0)", f"SELECT RELEASE_LOCK({name})"

        async def taken() -> bool:
            return await connection.read(ask, (), lambda rows: bool(rows[0][0]))

        await _wait_for(taken, database.url, wait)
        try:
            yield
        finally:
            await connection.read(release, (), len)


async def _wait_for(taken: Callable[[], Awaitable[bool]], url: DatabaseURL, wait: float) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    while not await taken():
        if loop.time() >= deadline:
            raise MigrationError(
                f"another migrate has been running on {url.redacted()} for more than {wait:g} s"
            )
        await asyncio.sleep(_INTERVAL)


@asynccontextmanager
async def _file_lock(url: DatabaseURL, wait: float) -> AsyncIterator[None]:
    if url.is_memory:
        yield
        return
    import fcntl

    # The file itself stays: removing it would let two runs lock two different files of the same name.
    path = f"{url.path}.migrate.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise MigrationError(f"cannot open the lock file {path!r}: {error.strerror}") from error

    async def taken() -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        await _wait_for(taken, url, wait)
        yield
    finally:
        os.close(descriptor)
