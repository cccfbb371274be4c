"""One SQLite connection: short statements on the event loop, long ones in its thread, none that cannot be ended."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from openviper.db.connections.drivers.sqlite import SQLiteConnection
from openviper.db.connections.drivers.sqlite_errors import translate
from openviper.db.connections.drivers.sqlite_inline import InlineBudget, NotInline
from openviper.db.connections.options import read_databases
from openviper.db.exceptions import DatabaseError, OperationalError
from openviper.exceptions import IntegrityError

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
SELECT = "SELECT v FROM t ORDER BY id"


@pytest.fixture
async def driver() -> AsyncIterator[SQLiteConnection]:
    """The connection of a database in memory, with a table of three rows."""
    options = read_databases({"default": {"URL": "sqlite:///:memory:"}})["default"]
    made = SQLiteConnection(options, InlineBudget(asyncio.get_running_loop()))
    await made.open()
    await made.write("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT UNIQUE)", (), single=False)
    await made.write_many("INSERT INTO t (v) VALUES (?)", [("a",), ("b",), ("c",)])
    made.heavy = False
    yield made
    await made.close()


async def rows(driver: SQLiteConnection) -> list[str]:
    found: list[Any] = await driver.read(SELECT, (), list)
    return [row[0] for row in found]


def busy_timeout(driver: SQLiteConnection) -> int:
    return int(driver.raw.execute("PRAGMA busy_timeout").fetchone()[0])


async def test_a_read_that_takes_too_long_for_the_loop_goes_to_the_thread(
    driver: SQLiteConnection,
) -> None:
    long = ENDLESS.replace("FROM n)", "FROM n WHERE i < 200000)")
    with pytest.raises(NotInline):
        driver.read_now(long, (), list)
    assert await driver.read(long, (), list) == [(200_000,)]
    assert await rows(driver) == ["a", "b", "c"]


async def test_a_cancelled_read_ends_and_the_connection_goes_on(driver: SQLiteConnection) -> None:
    reading = asyncio.create_task(driver.read_in_thread(ENDLESS, (), list))
    while not driver._works:
        await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await rows(driver) == ["a", "b", "c"]
    assert busy_timeout(driver) == 0 and not driver.busy


async def test_a_read_that_is_cancelled_before_its_statement_has_begun_ends_too(
    driver: SQLiteConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, goes_on = threading.Event(), threading.Event()
    execute = driver._execute

    def slowly(sql: str, parameters: Any) -> sqlite3.Cursor:
        started.set()
        goes_on.wait(5)
        return execute(sql, parameters)

    monkeypatch.setattr(driver, "_execute", slowly)
    reading = asyncio.create_task(driver.read_in_thread(ENDLESS, (), list))
    while not started.is_set():
        await asyncio.sleep(0)
    reading.cancel()
    await asyncio.sleep(0)  # The first interrupt has come, and there was nothing to interrupt.
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await reading
    monkeypatch.undo()
    assert await rows(driver) == ["a", "b", "c"]
    assert busy_timeout(driver) == 0


async def test_cancelling_again_does_not_hand_the_connection_on_before_its_time(
    driver: SQLiteConnection,
) -> None:
    reading = asyncio.create_task(driver.read_in_thread(ENDLESS, (), list))
    for _ in range(3):
        await asyncio.sleep(0)
        reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not driver.busy
    assert await rows(driver) == ["a", "b", "c"]


async def test_a_cancelled_write_is_carried_out_whole(driver: SQLiteConnection) -> None:
    many = "INSERT INTO t (v) SELECT 'x' || i FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n)"  # fmt: skip
    writing = asyncio.create_task(driver.write(many, (), single=False))
    while not driver._works and not writing.done():
        await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await driver.read("SELECT count(*) FROM t", (), list) == [(20_003,)]


async def test_a_stream_that_is_left_leaves_no_statement_open(driver: SQLiteConnection) -> None:
    stream = driver.stream(SELECT, (), list, 1)
    assert await anext(stream) == [("a",)]
    await stream.aclose()
    await driver.write("DROP TABLE t", (), single=False)  # Which an open statement would refuse.


@pytest.mark.parametrize("size", [1, 2, 3, 4])
async def test_a_stream_has_all_rows_whatever_the_size_of_its_chunks(
    driver: SQLiteConnection, size: int
) -> None:
    chunks = [chunk async for chunk in driver.stream(SELECT, (), list, size)]
    assert [row[0] for chunk in chunks for row in chunk] == ["a", "b", "c"]
    assert all(0 < len(chunk) <= size for chunk in chunks)


async def test_a_transaction_is_known_to_be_open_until_it_has_ended(
    driver: SQLiteConnection,
) -> None:
    told = []
    await driver.control("BEGIN IMMEDIATE")
    told.append((driver.in_transaction, driver.heavy))
    await driver.write_many("INSERT INTO t (v) VALUES (?)", [("d",)])
    told.append((driver.in_transaction, driver.heavy))
    await driver.control("ROLLBACK")
    told.append((driver.in_transaction, driver.heavy))
    assert told == [(True, False), (True, True), (False, False)]
    assert await rows(driver) == ["a", "b", "c"]


# What drivers call errors


@pytest.mark.parametrize(
    ("sql", "kind", "words"),
    [
        ("INSERT INTO t VALUES (1, 'x')", IntegrityError, "UNIQUE constraint failed: t.id"),
        ("SELECT * FROM nope", OperationalError, "no such table: nope"),
        ("SELECT v FROM t WHERE", OperationalError, "incomplete input"),
        ("SELECT ?", DatabaseError, "binding"),
    ],
)
async def test_an_error_is_one_of_ours_with_the_drivers_words(
    driver: SQLiteConnection, sql: str, kind: type[Exception], words: str
) -> None:
    for run in (driver.read, driver.read_in_thread):
        with pytest.raises(kind, match=words) as caught:
            await run(sql, (), list)
        assert isinstance(caught.value.__cause__, sqlite3.Error)


def error(kind: type[sqlite3.Error], code: int | None = None) -> sqlite3.Error:
    made = kind("said")
    if code is not None:
        made.sqlite_errorcode = code
    return made


@pytest.mark.parametrize(
    ("given", "kind", "retryable"),
    [
        (error(sqlite3.OperationalError, sqlite3.SQLITE_BUSY), OperationalError, True),
        (error(sqlite3.OperationalError, sqlite3.SQLITE_BUSY | 2 << 8), OperationalError, True),
        (error(sqlite3.OperationalError, sqlite3.SQLITE_LOCKED), OperationalError, True),
        (error(sqlite3.OperationalError, sqlite3.SQLITE_FULL), OperationalError, False),
        (error(sqlite3.OperationalError), OperationalError, False),
        (error(sqlite3.IntegrityError), IntegrityError, None),
        (error(sqlite3.ProgrammingError), DatabaseError, None),
        (error(sqlite3.DataError), DatabaseError, None),
    ],
)
def test_only_what_is_busy_may_be_tried_again(
    given: sqlite3.Error, kind: type[Exception], retryable: bool | None
) -> None:
    translated = translate(given, "SELECT 1")
    assert type(translated) is kind
    assert bool(getattr(translated, "retryable", False)) is bool(retryable)


@pytest.mark.parametrize("in_thread", [False, True])
async def test_text_that_cannot_be_read_is_one_error_and_leaves_no_statement_open(
    driver: SQLiteConnection, in_thread: bool
) -> None:
    await driver.write("UPDATE t SET v = CAST(x'ff' AS TEXT) WHERE id = 2", (), single=True)
    read: Any = driver.read_in_thread if in_thread else driver.read
    with pytest.raises(OperationalError, match="column 'v'") as kept:
        await read(SELECT, (), list)
    assert not kept.value.retryable
    # An open statement would keep the table from being dropped.
    await driver.write("DROP TABLE t", (), single=False)


async def test_an_error_of_the_conversion_leaves_no_statement_open(
    driver: SQLiteConnection,
) -> None:
    def fail(found: list[Any]) -> list[Any]:
        raise ArithmeticError(f"{len(found)} rows")

    with pytest.raises(ArithmeticError, match="3 rows") as kept:
        await driver.read_in_thread(SELECT, (), fail)
    await driver.write("DROP TABLE t", (), single=False)
    assert kept.value.args


@pytest.mark.parametrize("steps", [1, 2])
async def test_a_cancelled_opening_leaves_no_connection_open(
    steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = read_databases({"default": {"URL": "sqlite:///:memory:"}})["default"]
    made = SQLiteConnection(options, InlineBudget(asyncio.get_running_loop()))
    is_cancelled = threading.Event()
    real = made._open

    def open_late() -> None:
        is_cancelled.wait(60)
        real()

    monkeypatch.setattr(made, "_open", open_late)
    opening = asyncio.create_task(made.open())
    for _ in range(steps):
        await asyncio.sleep(0)
    opening.cancel()
    is_cancelled.set()
    with pytest.raises(asyncio.CancelledError):
        await opening
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        made.raw.execute("SELECT 1")
