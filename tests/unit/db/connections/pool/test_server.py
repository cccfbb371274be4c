"""A pool's connections are closed whatever becomes of the loop, of the tasks and of the pool."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from openviper.db.connections.databases import ConnectionManager, Database
from openviper.db.connections.options import read_databases
from openviper.db.connections.pool.server import ServerPool

URL = "postgresql://nobody@127.0.0.1:1/none"


class Wire:
    """A connection to nothing."""

    is_usable = is_alive = True
    in_transaction = False

    def __init__(self) -> None:
        self.is_open = False

    async def open(self) -> None:
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False

    def close_now(self) -> None:
        self.is_open = False


class Broken(Wire):
    """A connection that cannot be closed in an orderly way."""

    async def close(self) -> None:
        raise OSError("reset by peer")


def make(wires: list[Wire], kind: type[Wire] = Wire, **options: Any) -> ServerPool:
    """Return a pool that notes its connections in `wires`."""

    def wire() -> Any:
        wires.append(kind())
        return wires[-1]

    config = {"default": {"URL": URL, **options}}
    return ServerPool(read_databases(config)["default"], wire)


@pytest.fixture
def wires() -> Iterator[list[Wire]]:
    """The connections of a test; none is open at its end."""
    made: list[Wire] = []
    yield made
    assert made
    assert not [wire for wire in made if wire.is_open]


def test_a_connection_given_back_to_a_closed_pool_is_closed_though_the_loop_ends(
    wires: list[Wire],
) -> None:
    async def main() -> None:
        pool = make(wires)
        async with pool.hold():
            await pool.close()
        # The task that closes it has not begun; the end of a loop cancels all there are.
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(main())


def test_closing_that_fails_is_forgotten_and_counts_no_more(wires: list[Wire]) -> None:
    async def main() -> None:
        pool = make(wires, Broken)
        async with pool.hold():
            pass
        await pool.close()
        assert pool.statistics()["open"] == 0
        wires[0].close_now()

    asyncio.run(main())


def run_and_throw_away(main: Coroutine[Any, Any, None]) -> None:
    """Run on a loop that is closed without ending what runs on it, as `asyncio.run` would."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main)
    loop.close()


def test_a_task_thrown_away_behind_its_loop_closes_what_it_gives_back(wires: list[Wire]) -> None:
    async def use(pool: ServerPool) -> None:
        async with pool.hold():
            await asyncio.sleep(3600)

    left: list[Any] = []

    async def main() -> None:
        pool = make(wires)
        left.append(use(pool))
        left[0].send(None)
        await pool.close()

    run_and_throw_away(main())
    assert wires[0].is_open
    left[0].close()


@pytest.fixture
def database(wires: list[Wire], monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database whose pools are made of such connections."""
    made = Database(read_databases({"default": {"URL": URL}})["default"])
    monkeypatch.setattr(made, "new_pool", lambda: make(wires))
    return made


@pytest.mark.parametrize("ends", ["next", "now"])
def test_a_connection_never_given_back_is_closed_after_its_loop(
    database: Database, wires: list[Wire], ends: str
) -> None:
    holds: list[Any] = []

    async def main() -> None:
        holds.append(database.pool().hold())
        await holds[0].__aenter__()
        await database.close()

    async def nothing() -> None:
        async with database.pool().hold():
            assert [wire.is_open for wire in wires] == [False, True]
        await database.close()

    run_and_throw_away(main())
    assert wires[0].is_open
    if ends == "next":
        asyncio.run(nothing())
    else:
        database.close_now()
    holds.clear()


def test_a_pool_is_dropped_by_forget_without_closing(database: Database) -> None:
    async def main() -> None:
        async with database.pool().hold():
            await database.close()
            database.forget()

    asyncio.run(main())


@pytest.mark.parametrize("how", ["configure", "setup_alias"])
def test_a_database_that_is_replaced_closes_the_pools_of_loops_that_are_over(
    database: Database, wires: list[Wire], how: str
) -> None:
    manager = ConnectionManager()
    manager._databases = {"default": database}

    async def use() -> None:
        async with database.pool().hold():
            pass

    asyncio.run(use())
    assert wires[0].is_open
    config = {"default": {"URL": URL}}
    if how == "configure":
        manager.configure(config)
    else:
        manager.setup_alias("default", config["default"])


async def test_a_database_that_is_replaced_leaves_pools_in_use_alone(
    database: Database, wires: list[Wire]
) -> None:
    manager = ConnectionManager()
    manager._databases = {"default": database}
    pool = database.pool()
    async with pool.hold():
        manager.setup_alias("default", {"URL": URL})
        assert wires[0].is_open
    await database.close()


@pytest.mark.parametrize("ends", ["disconnect_all", "close_now"])
async def test_a_database_replaced_while_its_loop_runs_is_closed_with_the_others(
    database: Database, wires: list[Wire], ends: str
) -> None:
    manager = ConnectionManager()
    manager._databases = {"default": database}
    async with database.pool().hold():
        pass
    manager.configure({"default": {"URL": URL}})
    assert [wire.is_open for wire in wires] == [True]
    if ends == "disconnect_all":
        await manager.disconnect_all()
    else:
        manager.close_now()
    assert [wire.is_open for wire in wires] == [False]
    assert not database.has_pools
