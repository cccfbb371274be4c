"""The connections of one SQLite database: one that writes, some that read, each given to one task at a time."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, closing
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connections.options import DatabaseOptions, read_databases
from openviper.db.connections.pool.sqlite import SQLitePool
from openviper.db.connections.url import DatabaseURL
from openviper.db.exceptions import DatabaseError, OperationalError, PoolTimeoutError
from openviper.exceptions import IntegrityError

SELECT = "SELECT v FROM t ORDER BY v"
INSERT = "INSERT INTO t VALUES (?)"


def options(path: Path, **more: Any) -> Any:
    config = {"URL": f"sqlite:///{path}", "POOL_SIZE": 2, "POOL_TIMEOUT": 5, **more}
    return read_databases({"default": config})["default"]


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[SQLitePool]:
    """A pool with two readers over a file with a table of two rows."""
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute("CREATE TABLE t (v INTEGER UNIQUE)")
        connection.execute("INSERT INTO t VALUES (1), (2)")
    made = SQLitePool(options(tmp_path / "a.db"))
    yield made
    await made.close()


async def read(pool: SQLitePool, sql: str = SELECT) -> list[Any]:
    rows: list[Any] = await pool.read(sql, (), list)
    return rows


async def test_nothing_is_opened_before_it_is_needed(pool: SQLitePool) -> None:
    assert pool.statistics() == {"open": 0, "idle_readers": 0, "primary_held": False}
    assert await read(pool) == [(1,), (2,)]
    assert pool.statistics()["open"] == 1


async def test_many_who_open_at_once_get_the_same_connection(pool: SQLitePool) -> None:
    opened = await asyncio.gather(*(pool.open_primary() for _ in range(5)))
    assert len(set(map(id, opened))) == 1


async def test_a_write_commits_by_itself_and_tells_rows_and_key(
    pool: SQLitePool, tmp_path: Path
) -> None:
    assert await pool.write(INSERT, (3,), single=True) == (1, 3)
    assert (await pool.write("UPDATE t SET v = v + 10", (), single=False))[0] == 3
    with closing(sqlite3.connect(tmp_path / "a.db")) as other:
        assert other.execute(SELECT).fetchall() == [(11,), (12,), (13,)]


async def test_a_read_goes_on_while_a_transaction_holds_the_primary_and_does_not_see_it(
    pool: SQLitePool,
) -> None:
    async with pool.hold() as held:
        await held.control("BEGIN IMMEDIATE")
        await held.write(INSERT, (3,), single=True)
        assert pool.statistics()["primary_held"]
        assert await read(pool) == [(1,), (2,)]
        assert await held.read(SELECT, (), list) == [(1,), (2,), (3,)]
        await held.control("ROLLBACK")
    assert await read(pool) == [(1,), (2,)]


async def test_the_primary_is_given_to_one_at_a_time_in_turn(pool: SQLitePool) -> None:
    order: list[int] = []

    async def work(number: int) -> None:
        async with pool.hold():
            order.append(number)
            await asyncio.sleep(0)
            order.append(number)

    await asyncio.gather(*(work(number) for number in range(4)))
    assert order == [0, 0, 1, 1, 2, 2, 3, 3]


async def test_one_who_waits_too_long_is_told_and_the_next_one_gets_its_turn(
    tmp_path: Path,
) -> None:
    url = DatabaseURL.parse(f"sqlite:///{tmp_path}/b.db")
    pool = SQLitePool(DatabaseOptions("default", url, pool_timeout=0))
    try:
        async with pool.hold():
            with pytest.raises(PoolTimeoutError, match="default"):
                async with asyncio.timeout(3):
                    async with pool.hold():
                        raise AssertionError("two at once")
        async with pool.hold():
            pass
    finally:
        await pool.close()


# Readers


async def test_there_are_no_more_readers_than_were_asked_for(pool: SQLitePool) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(pool.reader())
        waiting = asyncio.create_task(pool._take_reader())
        await asyncio.sleep(0)
        assert not waiting.done()
        assert pool.statistics()["open"] == 2
    reader = await waiting
    assert pool.statistics() == {"open": 2, "idle_readers": 1, "primary_held": False}
    pool._idle.append(reader)


async def test_a_reader_that_is_given_back_goes_to_who_has_waited_longest(pool: SQLitePool) -> None:
    order: list[str] = []

    async def work(name: str) -> None:
        async with pool.reader():
            order.append(name)
            await asyncio.sleep(0)

    async with pool.reader(), pool.reader():
        tasks = [asyncio.create_task(work(name)) for name in "abc"]
        await asyncio.sleep(0)
        assert order == []
    await asyncio.gather(*tasks)
    assert sorted(order) == ["a", "b", "c"] and order[0] == "a"


async def test_a_turn_that_comes_to_a_cancelled_task_goes_to_the_next(pool: SQLitePool) -> None:
    stack = AsyncExitStack()
    for _ in range(2):
        await stack.enter_async_context(pool.reader())
    first, second = (asyncio.create_task(pool._take_reader()) for _ in range(2))
    await asyncio.sleep(0)
    async with stack:
        pass
    first.cancel()  # It has its turn, and has not run yet.
    with pytest.raises(asyncio.CancelledError):
        await first
    pool._idle.append(await second)
    assert pool.statistics()["idle_readers"] == 2


async def test_a_reader_that_cannot_be_opened_leaves_its_place_to_others(
    pool: SQLitePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(**_: Any) -> Any:
        raise OperationalError("no")

    with monkeypatch.context() as patch:
        patch.setattr(pool, "_open", refuse)
        for _ in range(3):
            with pytest.raises(OperationalError, match="no"):
                await pool._take_reader()
    async with pool.reader() as one, pool.reader() as other:
        assert one is not other


async def test_a_stream_is_read_in_chunks_while_others_write(pool: SQLitePool) -> None:
    async with aclosing(pool.stream(SELECT, (), list, 1)) as chunks:
        assert await anext(chunks) == [(1,)]
        await pool.write(INSERT, (0,), single=True)
        assert await anext(chunks) == [(2,)]
    assert await read(pool) == [(0,), (1,), (2,)]
    assert pool.statistics()["idle_readers"] == 1


# Errors


@pytest.mark.parametrize("single", [True, False])
async def test_errors_are_ours_and_leave_the_connection_usable(
    pool: SQLitePool, single: bool
) -> None:
    with pytest.raises(IntegrityError, match="UNIQUE"):
        await pool.write(INSERT, (1,), single=single)
    with pytest.raises(DatabaseError, match="no such table: nope"):
        await pool.write("INSERT INTO nope VALUES (?)", (5,), single=single)
    with pytest.raises(DatabaseError, match="syntax error"):
        await read(pool, "SELEC")
    assert await read(pool) == [(1,), (2,)]


async def test_many_rows_are_written_all_or_none(pool: SQLitePool) -> None:
    async with pool.hold() as held:
        assert await held.write_many(INSERT, [(3,), (4,)]) == 2
        with pytest.raises(IntegrityError):
            await held.write_many(INSERT, [(5,), (3,)])
        assert not held.in_transaction
        assert await held.insert_many(INSERT, [(6,), (7,)]) == [5, 6]
    assert [row[0] for row in await read(pool)] == [1, 2, 3, 4, 6, 7]


async def test_a_failure_of_many_rows_inside_a_transaction_undoes_only_these(
    pool: SQLitePool,
) -> None:
    async with pool.hold() as held:
        await held.control("BEGIN IMMEDIATE")
        await held.write(INSERT, (3,), single=True)
        with pytest.raises(IntegrityError):
            await held.write_many(INSERT, [(4,), (1,)])
        assert held.in_transaction
        await held.control("COMMIT")
    assert [row[0] for row in await read(pool)] == [1, 2, 3]


@pytest.mark.parametrize("content", [b"not a database " * 100, None])
async def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.db"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    pool = SQLitePool(options(path))
    with pytest.raises(OperationalError, match=r"database file '.*x\.db'"):
        await read(pool)
    await pool.close()


async def test_a_read_only_database_is_read_and_not_written(
    tmp_path: Path, pool: SQLitePool
) -> None:
    await pool.close()
    reading = SQLitePool(options(tmp_path / "a.db", READ_ONLY=True))
    try:
        assert await read(reading) == [(1,), (2,)]
        with pytest.raises(OperationalError, match="readonly"):
            await reading.write(INSERT, (3,), single=True)
    finally:
        await reading.close()


# Memory, and the end


async def test_a_database_in_memory_is_one_connection(tmp_path: Path) -> None:
    pool = SQLitePool(read_databases({"default": {"URL": "sqlite:///:memory:"}})["default"])
    await pool.write("CREATE TABLE t (v)", (), single=False)
    await pool.write(INSERT, (1,), single=True)
    assert [row async for chunk in pool.stream(SELECT, (), list, 1) for row in chunk] == [(1,)]
    assert await read(pool, f"{SELECT} /* REGEXP */") == [(1,)]
    assert pool.statistics()["open"] == 1
    await pool.close()


async def test_after_closing_it_opens_anew(pool: SQLitePool) -> None:
    async with pool.reader():
        pass
    await read(pool)
    await pool.close()
    assert pool.statistics() == {"open": 0, "idle_readers": 0, "primary_held": False}
    assert await read(pool) == [(1,), (2,)]
    await pool.close()
    await pool.close()


async def test_it_can_be_closed_where_no_loop_runs_any_more(
    pool: SQLitePool, tmp_path: Path
) -> None:
    await read(pool)
    async with pool.reader():
        pass
    pool.close_now()
    assert pool.statistics()["open"] == 0
    assert not (tmp_path / "a.db-wal").exists()
