"""Values that a database has and Python does not, and other errors in the middle of a result: one error, and the connection
goes on or is closed; nobody reads the rest of somebody else's result."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import pytest

from openviper.db.connection import atomic, close_db, connections, get_connection, run_read
from openviper.db.exceptions import DatabaseError, OperationalError
from tests.servers import fresh_database, run_on_server

MYSQL_VALUES = [
    "(SELECT day FROM zeros)",
    "(SELECT moment FROM zeros)",
    "CAST('0000-01-01' AS DATE)",
    "CAST('-01:00:00' AS TIME)",
    "CAST('24:00:00' AS TIME)",
    "CAST('838:59:59' AS TIME)",
]
POSTGRESQL_VALUES = [
    "'infinity'::timestamp",
    "'-infinity'::timestamptz",
    "'0044-03-15 BC'::date",
    "'10000-01-01'::date",
    "'10000-01-01'::timestamp",
    "'24:00'::time",
    "'3000000 years'::interval",
]
CASES = [
    *[pytest.param("mysql", value, id=value) for value in MYSQL_VALUES],
    *[pytest.param("postgresql", value, id=value) for value in POSTGRESQL_VALUES],
]
SERVERS = pytest.mark.parametrize("vendor", ["mysql", "postgresql"])
BAD = {"mysql": MYSQL_VALUES[0], "postgresql": POSTGRESQL_VALUES[0]}


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    """A database on each server."""
    with fresh_database("mysql") as mysql, fresh_database("postgresql") as postgresql:
        run_on_server(
            "mysql",
            "SET SESSION sql_mode = ''",
            "CREATE TABLE zeros (day DATE, moment DATETIME)",
            "INSERT INTO zeros VALUES ('0000-00-00', '0000-00-00 00:00:00')",
            database=mysql.rpartition("/")[2],
        )
        yield {"mysql": mysql, "postgresql": postgresql}


@pytest.fixture
async def one_connection(vendor: str, urls: dict[str, str]) -> AsyncIterator[None]:
    """Make it the default database, with one connection that all statements share."""
    connections.configure(
        {"default": {"URL": urls[vendor], "POOL_SIZE": 1, "MAX_OVERFLOW": 0, "POOL_TIMEOUT": 5}}
    )
    yield
    await close_db()
    connections.reset()


def rows_with(value: str) -> str:
    """Return a read whose second row of four holds the value."""
    good = f"SELECT {{}} AS number, {'NULL'} AS moment"
    return " UNION ALL ".join(
        [good.format(1), f"SELECT 2, {value}", good.format(3), good.format(4)]
    )


async def answer(connection: Any) -> Any:
    """Return what the server says to a question of which the answer is known."""
    row = await connection.fetch_one("SELECT 4711")
    return row[0]


@pytest.mark.usefixtures("one_connection")
@pytest.mark.parametrize(("vendor", "value"), CASES)
async def test_a_value_that_python_has_not_is_one_error_that_names_the_column(
    vendor: str, value: str
) -> None:
    async with atomic() as connection:
        await connection.execute("CREATE TEMPORARY TABLE kept (id INTEGER)")
        await connection.execute("INSERT INTO kept VALUES (1)")
        with pytest.raises(DatabaseError, match="column 'moment'"):
            await connection.fetch_all(rows_with(value))
        # The transaction is what it was.
        assert await answer(connection) == 4711
        assert await connection.fetch_all("SELECT id FROM kept") == [(1,)]
        await connection.execute(
            "DROP TEMPORARY TABLE kept" if vendor == "mysql" else "DROP TABLE kept"
        )
    async with get_connection() as connection:
        assert await answer(connection) == 4711


@pytest.mark.usefixtures("one_connection")
@SERVERS
async def test_a_stream_refuses_the_chunk_with_the_value(vendor: str) -> None:
    pool = connections.get().pool()
    seen: list[Any] = []
    with pytest.raises(DatabaseError, match="column 'moment'"):
        async with aclosing(pool.stream(rows_with(BAD[vendor]), (), list, 1)) as chunks:
            async for chunk in chunks:
                seen += chunk
    assert seen == [(1, None)]
    async with get_connection() as connection:
        assert await answer(connection) == 4711


@pytest.mark.usefixtures("one_connection")
@SERVERS
async def test_a_stream_in_a_transaction_refuses_it_after_another_statement(vendor: str) -> None:
    async with atomic() as connection:
        stream = connection._driver.stream(rows_with(BAD[vendor]), (), list, 1)
        async with aclosing(stream) as chunks:
            assert await anext(chunks) == [(1, None)]
            assert await answer(connection) == 4711
            with pytest.raises(DatabaseError, match="column 'moment'"):
                await anext(chunks)
        assert await answer(connection) == 4711


@pytest.mark.usefixtures("one_connection")
@SERVERS
async def test_an_error_of_the_conversion_leaves_the_connection_in_order(vendor: str) -> None:
    def fail(rows: list[Any]) -> list[Any]:
        raise ArithmeticError(f"{len(rows)} rows")

    sql = rows_with("NULL")
    with pytest.raises(ArithmeticError, match="4 rows"):
        await run_read("default", sql, (), fail)
    pool = connections.get().pool()
    with pytest.raises(ArithmeticError, match="1 rows"):
        async with aclosing(pool.stream(sql, (), fail, 1)) as chunks:
            await anext(chunks)
    async with get_connection() as connection:
        assert await answer(connection) == 4711


@pytest.mark.usefixtures("one_connection")
@pytest.mark.parametrize("vendor", ["postgresql"])
async def test_a_write_that_returns_such_a_value_is_done_and_undoes_nothing_else() -> None:
    async with atomic() as connection:
        await connection.execute("CREATE TEMPORARY TABLE kept (at timestamp)")
        with pytest.raises(DatabaseError, match="column 'at'"):
            await connection.insert("INSERT INTO kept VALUES ('infinity') RETURNING at")
        assert await connection.fetch_one("SELECT count(*) FROM kept") == (1,)
    async with get_connection() as connection:
        with pytest.raises(DatabaseError, match="column 'at'"):
            await connection.insert("INSERT INTO kept VALUES ('infinity') RETURNING at")
        assert await connection.fetch_one("SELECT count(*) FROM kept") == (2,)


@pytest.mark.usefixtures("one_connection")
@SERVERS
@pytest.mark.parametrize("steps", [1, 2, 5, 20])
async def test_cancelling_in_the_middle_of_a_result_leaves_no_rest_of_it(
    vendor: str, steps: int
) -> None:
    many = "SELECT a.x FROM (SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT 3) a, " + ", ".join(
        f"(SELECT 1 AS x UNION ALL SELECT 2 UNION ALL SELECT 3) t{n}" for n in range(8)
    )
    reading = asyncio.create_task(run_read("default", many, (), len))
    for _ in range(steps):
        await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    async with get_connection() as connection:
        assert await answer(connection) == 4711


@pytest.mark.usefixtures("one_connection")
@pytest.mark.parametrize("vendor", ["mysql"])
async def test_any_other_error_in_the_middle_closes_the_connection() -> None:
    async with get_connection() as connection:
        raw = connection._driver.raw  # type: ignore[attr-defined]  # the driver's own
        first = raw.thread_id()
        # As a text that is not in the encoding of the connection, which the server does not let into a column.
        raw.decoders[3] = raw.decoders[8] = bytes.fromhex
        with pytest.raises(DatabaseError, match="cannot read the result, connection closed"):
            await connection.fetch_all("SELECT 1 UNION ALL SELECT 2")
        with pytest.raises(OperationalError):
            await connection.fetch_all("SELECT 1")
    async with get_connection() as connection:
        assert await answer(connection) == 4711
        assert connection._driver.raw.thread_id() != first  # type: ignore[attr-defined]  # the driver's own


@pytest.mark.usefixtures("one_connection")
@pytest.mark.parametrize("vendor", ["postgresql"])
async def test_a_stream_whose_connection_is_closed_leaves_nothing_open(
    recwarn: pytest.WarningsRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    async with get_connection() as connection:
        driver: Any = connection._driver
        stream = driver.stream("SELECT generate_series(1, 9)", (), list, 2)
        assert await anext(stream) == [(1,), (2,)]
        driver.close_now()
        await stream.aclose()
    del stream
    gc.collect()
    assert not recwarn.list
    assert not caplog.records
    async with get_connection() as connection:
        assert await answer(connection) == 4711
