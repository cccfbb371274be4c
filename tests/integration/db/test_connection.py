"""Transactions and connections on real SQLite files."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from openviper.db.connection import (
    atomic,
    connections,
    on_commit,
    request_connection,
    run_insert,
    run_many,
    run_read,
    run_write,
    transaction,
)
from openviper.db.connections.drivers.sqlite import SQLiteConnection
from openviper.db.connections.drivers.sqlite_inline import THREAD_RUNS
from openviper.db.connections.drivers.sqlite_open import CHECKPOINT_SIZE
from openviper.db.connections.pool.sqlite import COMMITS_PER_LOOK, SQLitePool
from openviper.db.exceptions import (
    DatabaseAliasNotFoundError,
    DatabaseReadOnlyError,
    OperationalError,
)
from openviper.exceptions import IntegrityError

COUNT = "SELECT count(*) FROM t"
INSERT = "INSERT INTO t (v) VALUES (?)"
SLOW = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < ?) SELECT max(x) FROM c"


@asynccontextmanager
async def database(path: Path | str, **options: object) -> AsyncIterator[None]:
    """Configure `path` as the default database with a table ``t (id, v unique)``."""
    connections.configure({"default": {"URL": f"sqlite:///{path}", **options}})
    try:
        await run_write(
            "default",
            "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v UNIQUE)",
            (),
            bulk=True,
        )
        yield
    finally:
        await connections.disconnect_all()
        connections.reset()


async def count() -> int:
    """Return the number of rows in ``t``."""
    return int(await run_read("default", COUNT, (), lambda rows: rows[0][0]))


@pytest.fixture(params=["file", "memory"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a database file, and in a second run the name of a database in memory."""
    return str(tmp_path / "x.db") if request.param == "file" else ":memory:"


async def test_a_write_outside_a_transaction_is_durable_at_once(tmp_path: Path) -> None:
    async with database(tmp_path / "x.db"):
        assert await run_insert("default", INSERT, ("a",)) == 1
        with sqlite3.connect(tmp_path / "x.db") as other:
            assert other.execute(COUNT).fetchone() == (1,)
        other.close()


async def test_an_exception_rolls_the_block_back(path: str) -> None:
    async with database(path):
        with pytest.raises(ZeroDivisionError):
            async with atomic():
                await run_insert("default", INSERT, ("a",))
                await run_many("default", INSERT, [("b",), ("c",)])
                assert await count() == 3
                raise ZeroDivisionError
        assert await count() == 0


async def test_an_inner_failure_undoes_only_the_inner_block(path: str) -> None:
    async with database(path):
        async with atomic():
            await run_insert("default", INSERT, ("outer",))
            with pytest.raises(IntegrityError):
                async with atomic():
                    await run_insert("default", INSERT, ("inner",))
                    await run_insert("default", INSERT, ("outer",))
            await run_insert("default", INSERT, ("after",))
        rows = await run_read("default", "SELECT v FROM t ORDER BY id", (), list)
        assert rows == [("outer",), ("after",)]


async def test_an_outer_failure_undoes_the_inner_block_too(path: str) -> None:
    async with database(path):
        with pytest.raises(ZeroDivisionError):
            async with atomic():
                async with atomic():
                    await run_insert("default", INSERT, ("inner",))
                raise ZeroDivisionError
        assert await count() == 0


async def test_cancelling_a_task_rolls_its_transaction_back(path: str) -> None:
    async with database(path):
        inside = asyncio.Event()

        async def work() -> None:
            async with atomic():
                await run_insert("default", INSERT, ("a",))
                inside.set()
                await asyncio.sleep(60)

        task = asyncio.create_task(work())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await count() == 0
        assert await run_insert("default", INSERT, ("b",)) is not None


async def test_cancelling_a_long_read_frees_its_connection(tmp_path: Path) -> None:
    async with database(tmp_path / "x.db"):
        task = asyncio.create_task(run_read("default", SLOW, (500_000_000,), list))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 5)
        assert await count() == 0
        statistics = connections.get().pool().statistics()
        assert statistics["idle_readers"] == 1
        assert not statistics["primary_held"]


async def test_tasks_started_in_a_block_join_it(path: str) -> None:
    async with database(path):
        with pytest.raises(ZeroDivisionError):
            async with atomic():
                await asyncio.gather(*(run_insert("default", INSERT, (n,)) for n in range(5)))
                raise ZeroDivisionError
        assert await count() == 0


async def test_sibling_tasks_take_turns_with_nested_blocks(path: str) -> None:
    async def nested(n: int) -> None:
        async with atomic():
            await run_insert("default", INSERT, (n,))
            await asyncio.sleep(0)
            if n % 2:
                raise ZeroDivisionError

    async with database(path):
        async with atomic():
            results = await asyncio.gather(*(nested(n) for n in range(6)), return_exceptions=True)
        assert [type(result) for result in results[1::2]] == [ZeroDivisionError] * 3
        assert await run_read("default", "SELECT v FROM t ORDER BY v", (), list) == [
            (0,),
            (2,),
            (4,),
        ]


async def test_a_task_that_outlives_its_block_gets_a_connection_of_its_own(path: str) -> None:
    async with database(path):
        release = asyncio.Event()

        async def later() -> None:
            await release.wait()
            await run_insert("default", INSERT, ("late",))

        with pytest.raises(ZeroDivisionError):
            async with atomic():
                task = asyncio.create_task(later())
                await asyncio.sleep(0)
                raise ZeroDivisionError
        release.set()
        await task
        assert await count() == 1


async def test_callbacks_run_after_the_outermost_commit_and_are_dropped_on_rollback(
    path: str,
) -> None:
    calls: list[str] = []

    async def finished() -> None:
        calls.append(f"async {await count()}")

    async with database(path):
        async with atomic():
            on_commit(lambda: calls.append("outer"))
            async with atomic():
                on_commit(finished)
                await run_insert("default", INSERT, ("a",))
            with pytest.raises(ZeroDivisionError):
                async with atomic():
                    on_commit(lambda: calls.append("dropped"))
                    raise ZeroDivisionError
            assert calls == []
    assert calls == ["outer", "async 1"]


async def test_a_read_only_transaction_refuses_writes(path: str) -> None:
    async with database(path):
        async with transaction(read_only=True):
            assert await count() == 0
            with pytest.raises(DatabaseReadOnlyError):
                await run_insert("default", INSERT, ("a",))


async def test_a_read_only_database_refuses_writes(tmp_path: Path) -> None:
    async with database(tmp_path / "x.db"):
        pass
    connections.configure({"default": {"URL": f"sqlite:///{tmp_path / 'x.db'}", "READ_ONLY": True}})
    try:
        assert await count() == 0
        with pytest.raises(DatabaseReadOnlyError):
            await run_insert("default", INSERT, ("a",))
        with pytest.raises(DatabaseReadOnlyError):
            async with atomic():
                pass
    finally:
        await connections.disconnect_all()
        connections.reset()


async def test_a_pinned_connection_commits_every_statement(tmp_path: Path) -> None:
    async with database(tmp_path / "x.db"):
        with pytest.raises(ZeroDivisionError):
            async with request_connection() as connection:
                await run_insert("default", INSERT, ("a",))
                assert await connection.fetch_one(COUNT) == (1,)
                raise ZeroDivisionError
        assert await count() == 1


async def test_a_transaction_left_open_by_hand_is_not_handed_on(tmp_path: Path) -> None:
    async with database(tmp_path / "x.db"):
        with pytest.raises(ZeroDivisionError):
            async with connections.get().connection() as connection:
                await connection.execute("BEGIN IMMEDIATE")
                await connection.execute(INSERT, ("a",))
                raise ZeroDivisionError
        assert await count() == 0


async def test_an_unknown_alias_is_named_with_the_known_ones(tmp_path: Path) -> None:
    async with database(tmp_path / "x.db"):
        with pytest.raises(DatabaseAliasNotFoundError, match="'other'; configured: default"):
            await run_read("other", COUNT, (), list)


async def test_a_database_in_a_missing_directory_is_one_clear_error(tmp_path: Path) -> None:
    connections.configure({"default": {"URL": f"sqlite:///{tmp_path}/missing/x.db"}})
    try:
        with pytest.raises(OperationalError, match="missing/x.db"):
            await count()
    finally:
        connections.reset()


async def test_many_tasks_moving_money_keep_the_sum_under_random_cancellation(
    tmp_path: Path,
) -> None:
    chance = random.Random(7)

    async def move() -> None:
        source, target = chance.sample(range(1, 11), 2)
        async with atomic():
            await run_write(
                "default", "UPDATE account SET balance = balance - 1 WHERE id = ?", (source,)
            )
            await asyncio.sleep(0)
            await run_write(
                "default",
                "UPDATE account SET balance = balance + 1 WHERE id = ?",
                (target,),
                bulk=True,
            )

    async with database(tmp_path / "x.db"):
        await run_write(
            "default", "CREATE TABLE account (id INTEGER PRIMARY KEY, balance)", (), bulk=True
        )
        await run_many(
            "default", "INSERT INTO account VALUES (?, 100)", [(n,) for n in range(1, 11)]
        )
        tasks = [asyncio.create_task(move()) for _ in range(200)]
        await asyncio.sleep(0.01)
        for task in chance.sample(tasks, 60):
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert await run_read("default", "SELECT sum(balance) FROM account", (), list) == [(1000,)]
        assert not connections.get().pool().statistics()["primary_held"]


async def test_another_process_holding_the_lock_is_waited_for_without_blocking_the_loop(
    tmp_path: Path,
) -> None:
    async with database(tmp_path / "x.db"):
        other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        write = asyncio.create_task(run_insert("default", INSERT, ("a",)))
        turns = 0
        for _ in range(20):
            await asyncio.sleep(0.005)
            turns += 1
        assert not write.done()
        assert await count() == 0  # A read goes on beside the waiting write.
        other.execute("COMMIT")
        other.close()
        assert await asyncio.wait_for(write, 5) == 1
        assert turns == 20


async def test_a_lock_that_is_never_released_ends_in_a_retryable_error(tmp_path: Path) -> None:
    async with database(tmp_path / "x.db", BUSY_TIMEOUT=0.05):
        other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError) as caught:
            await run_insert("default", INSERT, ("a",))
        assert caught.value.retryable
        other.close()


async def test_a_long_read_leaves_the_loop_free_and_gives_its_result(tmp_path: Path) -> None:
    async with database(tmp_path / "x.db"):
        read = asyncio.create_task(run_read("default", SLOW, (2_000_000,), list))
        turns = 0
        while not read.done():
            await asyncio.sleep(0.001)
            turns += 1
        assert read.result() == [(2_000_000,)]
        assert turns > 10


async def test_a_loop_of_short_queries_lets_other_tasks_run(tmp_path: Path) -> None:
    async with database(tmp_path / "x.db"):
        done = False
        turns = 0

        async def busy() -> None:
            nonlocal done
            for _ in range(2000):
                await count()
            done = True

        async def other() -> None:
            nonlocal turns
            while not done:
                turns += 1
                await asyncio.sleep(0)

        await asyncio.gather(busy(), other())
        assert turns > 3


async def test_without_inline_everything_runs_in_threads(tmp_path: Path) -> None:
    async with database(tmp_path / "x.db", OPTIONS={"INLINE": False}):
        await run_insert("default", INSERT, ("a",))
        async with atomic():
            await run_insert("default", INSERT, ("b",))
        assert await count() == 2


UPDATE_FIRST = "UPDATE t SET v = v || ? WHERE id <= ?"


async def run_update(count: int) -> int:
    """Add a character to so many rows."""
    return await run_write("default", UPDATE_FIRST, ("+", count), bulk=True)


async def fill(rows: int) -> None:
    """Put so many rows into ``t``."""
    await run_many("default", INSERT, [(f"{number}",) for number in range(rows)])


async def changed() -> int:
    """Return the number of rows that an update has changed."""
    sql = "SELECT count(*) FROM t WHERE v LIKE '%+'"
    return int(await run_read("default", sql, (), lambda rows: rows[0][0]))


def primary() -> SQLiteConnection:
    """Return the connection that writes."""
    pool = connections.get().pool()
    assert isinstance(pool, SQLitePool) and pool.primary is not None
    return pool.primary


async def test_a_short_write_of_many_rows_needs_no_thread(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise AssertionError("in the thread")

    async with database(path):
        await fill(20)
        with monkeypatch.context() as patch:
            patch.setattr(primary(), "_in_thread", fail)
            assert await run_update(10) == 10
        assert await changed() == 10


async def test_a_long_write_is_undone_and_repeated_in_the_thread(path: str) -> None:
    async with database(path):
        await fill(30_000)
        assert not primary().budget.is_long(UPDATE_FIRST)
        assert await run_update(30_000) == 30_000
        assert UPDATE_FIRST in primary().budget.suspects
        # Each row has been changed once, and not twice.
        longest = "SELECT max(length(v) - length(replace(v, '+', ''))) FROM t"
        assert await run_read("default", longest, (), list) == [(1,)]
        assert not primary().in_transaction


async def test_a_long_statement_is_tried_inline_again_ever_more_rarely(path: str) -> None:
    async with database(path):
        await fill(20)
        budget = primary().budget
        for runs in (1, 2, 4, 8, 16, THREAD_RUNS, THREAD_RUNS):
            budget.note_long(UPDATE_FIRST)
            for _ in range(runs):
                assert budget.is_long(UPDATE_FIRST)
                await run_update(1)
            assert not budget.is_long(UPDATE_FIRST)


@pytest.mark.parametrize("kind", ["read", "write"])
async def test_a_statement_that_was_interrupted_by_chance_stays_inline(
    path: str, kind: str
) -> None:
    async def run() -> None:
        if kind == "read":
            await run_read("default", sql, (), list)
        else:
            await run_update(1)

    async with database(path):
        await fill(20)
        budget = primary().budget
        sql = "SELECT count(*) FROM t" if kind == "read" else UPDATE_FIRST
        for _ in range(3):
            budget.note_long(sql)
            await run()  # In the thread.
            assert sql in budget.suspects and not budget.is_long(sql)
            await run()
            assert not budget.suspects


async def test_a_write_of_many_rows_within_a_transaction_is_never_interrupted(path: str) -> None:
    async with database(path):
        await fill(30_000)
        async with atomic():
            await run_insert("default", INSERT, ("before",))
            await run_update(30_000)
            assert not primary().budget.is_long(UPDATE_FIRST)
            assert primary().in_transaction
        assert await changed() == 30_000
        assert await count() == 30_001


def ends_in_thread() -> bool:
    """Return whether the end of the open transaction belongs into the thread."""
    return primary().heavy


async def test_only_a_transaction_that_wrote_much_is_ended_in_the_thread(path: str) -> None:
    async with database(path):
        await fill(30_000)
        await run_update(30_000)  # In the thread, and over.
        assert not ends_in_thread()
        async with atomic():
            await run_insert("default", INSERT, ("a",))
            assert not ends_in_thread()
        async with atomic():
            await run_many("default", INSERT, [("b",), ("c",)])
            assert ends_in_thread()
        assert not ends_in_thread()


async def test_matches_of_regular_expressions_run_in_the_thread_in_writes_too(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database(path):
        await fill(5)
        sql = "DELETE FROM t WHERE v REGEXP ?"
        with monkeypatch.context() as patch:
            patch.setattr(primary(), "write_now", None)  # Nothing is written inline.
            assert await run_write("default", sql, ("^[12]$",), bulk=True) == 2


async def test_a_write_that_waits_for_a_lock_leaves_the_loop_free(tmp_path: Path) -> None:
    async with database(tmp_path / "x.db"):
        await fill(20)
        with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            updating = asyncio.create_task(run_update(10))
            for _ in range(20):
                await count()
            assert not updating.done()
            other.execute("COMMIT")
            assert await updating == 10


def pool_with_small_log() -> SQLitePool:
    """Return the pool of the database, which copies its log back when that is a sixteenth of the usual size."""
    pool = connections.get().pool()
    assert isinstance(pool, SQLitePool)
    pool.checkpoint_size = pool._most_log = CHECKPOINT_SIZE // 16
    return pool


async def write_rows(count: int) -> None:
    """Write rows that take some 10 kB of the log each."""
    text = "x" * 4000
    for number in range(count):
        await run_insert("default", INSERT, (f"{number}{text}",))


async def test_the_log_is_copied_back_while_writes_go_on(tmp_path: Path) -> None:
    async with database(tmp_path / "x.db"):
        pool = pool_with_small_log()
        await write_rows(500)
        assert pool.checkpoints > 0
        assert (tmp_path / "x.db").stat().st_size > 1_000_000


async def test_the_log_is_begun_anew_while_writes_go_on(tmp_path: Path) -> None:
    async with database(tmp_path / "x.db"):
        pool_with_small_log()
        await write_rows(3000)  # Without a new beginning the log would have more than 30 MB.
        assert (tmp_path / "x.db-wal").stat().st_size <= CHECKPOINT_SIZE  # What SQLite cuts it to.


async def test_a_reader_that_needs_the_log_keeps_it_without_a_checkpoint_for_each_look(
    tmp_path: Path,
) -> None:
    async with database(tmp_path / "x.db"):
        await run_insert("default", INSERT, ("first",))
        pool = pool_with_small_log()
        with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM t").fetchone()
            await write_rows(3000)
            assert 0 < pool.checkpoints < 3000 // COMMITS_PER_LOOK * 3 // 4
            assert (tmp_path / "x.db-wal").stat().st_size > CHECKPOINT_SIZE


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts niceness by thread")
async def test_the_thread_of_a_long_read_gives_way_and_no_other(tmp_path: Path) -> None:
    def niceness(_: object) -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    usual = niceness(None)
    async with database(tmp_path / "a.db"):
        await run_read("default", SLOW, (300_000,), list)
        pool = connections.get().pool()
        assert isinstance(pool, SQLitePool)
        async with pool.reader() as reader, pool.hold() as primary:
            assert await reader.run(niceness) > usual
            assert await primary.run(niceness) == usual
    assert niceness(None) == usual


async def test_a_pool_of_one_reader_serves_many_long_reads_in_turn(tmp_path: Path) -> None:
    async with database(tmp_path / "x.db", POOL_SIZE=1):
        reads = [run_read("default", SLOW, (200_000 + n,), list) for n in range(8)]
        assert await asyncio.gather(*reads) == [[(200_000 + n,)] for n in range(8)]
        assert connections.get().pool().statistics()["open"] == 2


def test_each_event_loop_has_connections_of_its_own(tmp_path: Path) -> None:
    async def add() -> int:
        await run_insert("default", INSERT, (random.random(),))
        return await count()

    connections.configure({"default": {"URL": f"sqlite:///{tmp_path / 'x.db'}"}})
    with sqlite3.connect(tmp_path / "x.db") as raw:
        raw.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
    raw.close()
    assert asyncio.run(add()) == 1
    assert asyncio.run(add()) == 2
    connections.reset()


async def test_a_new_database_file_is_for_its_owner_only(tmp_path: Path) -> None:
    async with database(tmp_path / "new.db"):
        made = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert "new.db" in made
    assert made == dict.fromkeys(made, 0o600)
