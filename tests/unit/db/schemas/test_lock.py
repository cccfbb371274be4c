"""One `migrate` at a time on one SQLite file; a database in memory needs no lock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openviper.db.connections.databases import Database, connections
from openviper.db.schemas.lock import migration_lock
from openviper.exceptions import MigrationError


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[Database]:
    """A database of a file that nobody has made yet."""
    connections.configure({"default": {"URL": f"sqlite:///{tmp_path}/db.sqlite3"}})
    yield connections.get("default")
    connections.reset()


async def test_the_second_gives_up_after_its_time_and_names_the_database(file: Database) -> None:
    async with migration_lock(file):
        with pytest.raises(
            MigrationError, match=r"another migrate .*db\.sqlite3 for more than 0 s"
        ):
            async with migration_lock(file, wait=0):
                raise AssertionError("two at once")


async def test_the_lock_is_free_afterwards_whatever_happened_inside(file: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with migration_lock(file, wait=0):
            _ = 1 / 0
    with pytest.raises(MigrationError):
        async with migration_lock(file), migration_lock(file, wait=0):
            raise AssertionError("two at once")
    async with migration_lock(file, wait=0):
        pass


async def test_one_who_waits_goes_on_when_the_first_has_ended(file: Database) -> None:
    order: list[str] = []
    held, tried = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with migration_lock(file):
            held.set()
            await tried.wait()
            order.append("first")

    async def second() -> None:
        await held.wait()
        asyncio.get_running_loop().call_soon(tried.set)
        async with migration_lock(file):
            order.append("second")

    await asyncio.gather(first(), second())
    assert order == ["first", "second"]


async def test_one_who_is_cancelled_while_waiting_leaves_no_lock(file: Database) -> None:
    async def wait() -> None:
        async with migration_lock(file):
            raise AssertionError("two at once")

    async with migration_lock(file):
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with migration_lock(file, wait=0):
        pass


async def test_the_lock_file_stays_and_the_database_is_not_made(
    file: Database, tmp_path: Path
) -> None:
    async with migration_lock(file):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["db.sqlite3.migrate.lock"]


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    connections.configure({"default": {"URL": f"sqlite:///{tmp_path}/no/db.sqlite3"}})
    try:
        with pytest.raises(
            MigrationError, match=r"cannot open the lock file .*no/db\.sqlite3\.mig"
        ):
            async with migration_lock(connections.get("default")):
                raise AssertionError("no lock")
    finally:
        connections.reset()


async def test_a_database_in_memory_has_no_lock(memory: Database) -> None:
    async with migration_lock(memory, wait=0), migration_lock(memory, wait=0):
        pass
