"""The one connection of all tests: transactions in a transaction, turns, and the end of a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from openviper.db.connections.databases import Database
from openviper.db.connections.drivers.base import DriverConnection
from openviper.db.connections.options import read_databases
from openviper.db.exceptions import OperationalError, PoolTimeoutError
from openviper.db.schemas.lock import migration_lock
from openviper.exceptions import MigrationError
from openviper.testing.databases.kept import IsolationLostError, KeptPool, TurnTimeoutError
from openviper.testing.databases.member import connection_for

OPTIONS = read_databases({"kept": {"OPTIONS": {"URL": "sqlite:///:memory:", "POOL_TIMEOUT": 1}}})
INSERT = "INSERT INTO word VALUES (?)"


@pytest.fixture
async def pool() -> AsyncIterator[KeptPool]:
    """A pool with a table, in the transaction of a test."""
    options = OPTIONS["kept"]
    made = KeptPool(options, lambda: connection_for(options))
    await made.take()
    await made.write("CREATE TABLE word (text TEXT UNIQUE)", (), single=False)
    await made.begin()
    yield made
    made.discard()


async def words(pool: KeptPool) -> list[str]:
    return await pool.read("SELECT text FROM word ORDER BY text", (), _texts)


def open_in(connection: DriverConnection) -> bool:
    """Return whether a transaction is open, which changes behind the checker's back."""
    return connection.in_transaction


def _texts(rows: list[tuple[Any, ...]]) -> list[str]:
    return [row[0] for row in rows]


async def add(pool: KeptPool, word: str) -> None:
    await pool.write(INSERT, (word,), single=True)


async def again(pool: KeptPool) -> None:
    """Begin the next test."""
    await pool.take()
    await pool.begin()


# One test after the other


async def test_what_a_test_writes_is_gone_in_the_next(pool: KeptPool) -> None:
    for turn in range(3):
        await add(pool, f"word {turn}")
        assert await words(pool) == [f"word {turn}"]
        assert await pool.end() is True
        await again(pool)
    assert await words(pool) == []


@pytest.mark.parametrize("ending", ["COMMIT", "ROLLBACK"])
async def test_a_transaction_ends_as_it_should_and_is_undone_with_the_test(
    pool: KeptPool, ending: str
) -> None:
    await add(pool, "before")
    async with pool.hold() as connection:
        await connection.control(connection.begin)
        await connection.write(INSERT, ("inside",), single=True)
        assert open_in(connection)
        await connection.control(ending)
        assert not open_in(connection)
    assert await words(pool) == (["before", "inside"] if ending == "COMMIT" else ["before"])
    await pool.end()
    await again(pool)
    assert await words(pool) == []


@pytest.mark.parametrize(
    ("begin", "end", "is_kept"),
    [
        ("BEGIN", "COMMIT", True),
        ("begin", "commit;", True),
        ("BEGIN IMMEDIATE", "END", True),
        ("  BEGIN TRANSACTION", "COMMIT TRANSACTION", True),
        ("START TRANSACTION", "COMMIT WORK", True),
        ("START  TRANSACTION READ ONLY", "ROLLBACK", False),
        ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "rollback ;", False),
        ("BEGIN", "ROLLBACK TRANSACTION", False),
        ("BEGIN", "", False),
    ],
)
async def test_statements_that_begin_and_end_transactions_are_savepoints(
    pool: KeptPool, begin: str, end: str, is_kept: bool
) -> None:
    async with pool.hold() as connection:
        assert (await connection.write(begin, (), single=False))[0] == -1
        assert open_in(connection)
        await connection.write(INSERT, ("a",), single=False)
        if end:
            await connection.write(end, (), single=False)
            assert not open_in(connection)
    assert await words(pool) == (["a"] if is_kept else [])
    assert await pool.end() is True, "the transaction around the test is still there"


async def test_a_level_of_isolation_is_passed_over(pool: KeptPool) -> None:
    async with pool.hold() as connection:
        said = await connection.write(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", (), single=False
        )
    assert said == (-1, None)


async def test_savepoints_within_a_transaction_are_left_as_they_are(pool: KeptPool) -> None:
    async with pool.hold() as connection:
        await connection.control(connection.begin)
        await connection.control("SAVEPOINT s1")
        await connection.write(INSERT, ("a",), single=True)
        await connection.control("ROLLBACK TO SAVEPOINT s1")
        await connection.control("RELEASE SAVEPOINT s1")
        await connection.write(INSERT, ("b",), single=True)
        await connection.control("COMMIT")
    assert await words(pool) == ["b"]


@pytest.mark.parametrize("sql", ["COMMIT", "commit ;", "ROLLBACK", "END"])
async def test_a_statement_that_ends_the_transaction_of_the_test_is_an_error(
    pool: KeptPool, sql: str
) -> None:
    with pytest.raises(IsolationLostError, match="has ended the transaction around the test"):
        await pool.write(sql, (), single=False)
    assert await pool.end() is False, "so the database has to be made anew"


async def test_a_user_who_leaves_in_a_transaction_has_it_rolled_back(pool: KeptPool) -> None:
    with pytest.raises(KeyError):
        async with pool.hold() as connection:
            await connection.control(connection.begin)
            await connection.write(INSERT, ("a",), single=True)
            raise KeyError
    assert await words(pool) == []
    await add(pool, "b")
    assert await words(pool) == ["b"]


async def test_many_rows_and_streams_go_over_the_same_connection(pool: KeptPool) -> None:
    async with pool.hold() as connection:
        assert await connection.write_many(INSERT, [(f"w{n}",) for n in range(5)]) == 5
    chunks = [
        chunk async for chunk in pool.stream("SELECT text FROM word ORDER BY text", (), _texts, 2)
    ]
    assert chunks == [["w0", "w1"], ["w2", "w3"], ["w4"]]


# Turns


async def test_whoever_is_in_a_transaction_is_waited_for(pool: KeptPool) -> None:
    order: list[str] = []

    async def hold(name: str) -> None:
        async with pool.hold() as connection:
            await connection.control(connection.begin)
            order.append(f"{name} begins")
            for _ in range(5):
                await asyncio.sleep(0)
            await connection.write(INSERT, (name,), single=True)
            order.append(f"{name} ends")
            await connection.control("COMMIT")

    await asyncio.gather(hold("a"), hold("b"), add(pool, "c"))
    assert sorted(order[:2]) in (["a begins", "a ends"], ["b begins", "b ends"])
    assert await words(pool) == ["a", "b", "c"]


async def test_inline_reads_and_writes_wait_their_turn_too(pool: KeptPool) -> None:
    def read(user: Any) -> Any:
        return user.read_at_once("SELECT count(*) FROM word", (), len)

    async with pool.hold() as first, pool.hold() as second:
        await first.control(first.begin)
        assert read(first) == 1
        assert str(read(pool)) == str(read(second)) == "Later.LATER"
        assert str(second.write_at_once(INSERT, ("x",))) == "Later.LATER"
        assert str(pool.write_at_once(INSERT, ("x",))) == "Later.LATER"
        await first.control("ROLLBACK")
        assert read(second) == 1


async def test_a_wait_that_takes_too_long_says_what_to_do(pool: KeptPool) -> None:
    async with pool.hold() as connection:
        await connection.control(connection.begin)
        with pytest.raises(TurnTimeoutError, match="use the fixture transactional_db") as caught:
            await asyncio.create_task(words(pool))
        await connection.control("ROLLBACK")
    assert issubclass(TurnTimeoutError, PoolTimeoutError) and issubclass(
        TurnTimeoutError, TimeoutError
    )
    assert (caught.value.alias, caught.value.timeout) == ("kept", 1)
    assert "another task has been in a transaction on 'kept' for 1 s" in str(caught.value)


# The end of a test


Use = Callable[[KeptPool], Awaitable[object]]
USES: dict[str, Use] = {
    "read": words,
    "write": lambda pool: add(pool, "late"),
    "at once": lambda pool: _later(lambda: pool.read_at_once("SELECT 1", (), len)),
    "write at once": lambda pool: _later(lambda: pool.write_at_once(INSERT, ("late",))),
    "transaction": lambda pool: _begin(pool),
}


async def _later(work: Callable[[], object]) -> object:
    return work()


async def _begin(pool: KeptPool) -> None:
    async with pool.hold() as connection:
        await connection.control(connection.begin)


@pytest.mark.parametrize("use", USES)
async def test_nothing_is_sent_between_two_tests(pool: KeptPool, use: str) -> None:
    await pool.end()
    with pytest.raises(OperationalError, match="the test that database 'kept' belonged to is over"):
        await USES[use](pool)
    await again(pool)
    assert await words(pool) == []
    await USES[use](pool)


@pytest.mark.parametrize("next_test", [False, True])
async def test_a_transaction_that_a_test_has_left_open_writes_no_more(
    pool: KeptPool, next_test: bool
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def left() -> None:
        async with pool.hold() as connection:
            await connection.control(connection.begin)
            await connection.write(INSERT, ("before",), single=True)
            begun.set()
            await go_on.wait()
            assert not connection.in_transaction
            await connection.write(INSERT, ("late",), single=False)

    task = asyncio.create_task(left())
    await begun.wait()
    assert await pool.end() is True
    if next_test:
        await again(pool)
        await add(pool, "next")
    go_on.set()
    with pytest.raises(OperationalError, match="is over"):
        await task
    if not next_test:
        await again(pool)
    assert await words(pool) == (["next"] if next_test else [])
    async with pool.hold() as connection:
        await connection.control(connection.begin)
        await connection.control("COMMIT")


async def test_the_end_of_a_transaction_that_was_left_disturbs_nobody(pool: KeptPool) -> None:
    connections: list[Any] = []

    async def left() -> None:
        async with pool.hold() as connection:
            connections.append(connection)
            await connection.control(connection.begin)
            await asyncio.Event().wait()

    task = asyncio.create_task(left())
    while not connections:
        await asyncio.sleep(0)
    await pool.end()
    await again(pool)
    async with pool.hold() as mine:
        await mine.control(mine.begin)
        await mine.write(INSERT, ("mine",), single=True)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(OperationalError, match="is over"):
            await connections[0].control("COMMIT")
        assert mine.in_transaction
        await mine.control("COMMIT")
    assert await words(pool) == ["mine"]


async def test_the_end_waits_for_statements_that_run(pool: KeptPool) -> None:
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) FROM n"
    task = asyncio.create_task(pool.read(slow, (), lambda rows: rows[0][0]))
    for _ in range(3):
        await asyncio.sleep(0)
    assert await pool.end() is True
    assert await task == 300_000


async def test_the_end_of_a_pool_that_nobody_has_used_is_fine() -> None:
    options = OPTIONS["kept"]
    pool = KeptPool(options, lambda: connection_for(options))
    assert await pool.end() is True
    pool.discard()
    with pytest.raises(OperationalError, match="belongs to the event loop of the test"):
        await words(pool)


def test_another_thread_is_told_what_to_use() -> None:
    options = OPTIONS["kept"]
    pool = KeptPool(options, lambda: connection_for(options))
    said: list[str] = []

    async def run() -> None:
        await pool.take()
        await pool.begin()

        def elsewhere() -> None:
            with pytest.raises(OperationalError, match="transactional_db") as caught:
                asyncio.run(words(pool))
            said.append(str(caught.value))

        await asyncio.to_thread(elsewhere)
        await pool.end()

    asyncio.run(run())
    pool.discard()
    assert "belongs to the event loop of the test" in said[0]


@pytest.mark.parametrize("writes", [True, False])
def test_a_connection_comes_back_from_an_event_loop_that_has_ended(writes: bool) -> None:
    """As after a plain test that has called a command, which runs on a loop of its own."""
    options = OPTIONS["kept"]
    pool = KeptPool(options, lambda: connection_for(options))

    async def begin() -> None:
        await pool.take()
        await pool.write("CREATE TABLE word (text TEXT UNIQUE)", (), single=False)
        await pool.begin()

    async def use() -> None:
        await pool.write(INSERT, ("x",), single=False)
        assert await words(pool) == ["x"]

    async def end() -> None:
        assert await pool.end() is True
        await pool.take()
        assert await words(pool) == []

    with asyncio.Runner() as fixtures:
        fixtures.run(begin())
        if writes:
            asyncio.run(use())
        fixtures.run(end())
    pool.discard()


# What must not run in it


@pytest.mark.parametrize("is_isolated", [True, False])
async def test_migrate_is_refused_in_the_transaction_of_a_test_alone(is_isolated: bool) -> None:
    options = OPTIONS["kept"]
    database = Database(options)
    pool = KeptPool(options, lambda: connection_for(options))
    database.stand_in = pool
    await pool.take()
    if is_isolated:
        await pool.begin()
        with pytest.raises(MigrationError, match="use the fixture isolated_db"):
            async with migration_lock(database):
                raise AssertionError("not reached")
    else:
        async with migration_lock(database):
            pass
    await pool.end()
    pool.discard()
