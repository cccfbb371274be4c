"""Pools of connections to servers: limits, waiting, connections that are lost, and cancellation."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from openviper.db.connection import atomic, close_db, connections, get_connection
from openviper.db.exceptions import OperationalError, PoolTimeoutError
from openviper.db.fields import CharField
from openviper.db.models import Model
from openviper.db.schemas import create_tables
from tests.servers import fresh_database, run_on_server

SLEEP = {"postgresql": "SELECT pg_sleep({})", "mysql": "SELECT SLEEP({})"}


class Parcel(Model):
    _app_name = "pools"

    name = CharField(max_length=20)


@pytest.fixture(scope="module", params=["postgresql", "mysql"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Make a database on each server; give the vendor and the URL."""
    with fresh_database(request.param) as url:
        yield request.param, url


@asynccontextmanager
async def configured(url: str, **options: Any) -> AsyncIterator[None]:
    """Configure the database as the default one."""
    connections.configure({"default": {"URL": url, **options}})
    try:
        await create_tables([Parcel])
        yield
    finally:
        await close_db()
        connections.reset()


async def sleep_on(vendor: str, seconds: float) -> None:
    """Have the server do nothing for a while."""
    async with get_connection() as connection:
        await connection.fetch_all(SLEEP[vendor].format(seconds))


def sessions(vendor: str, url: str) -> list[int]:
    """Return the numbers of the server's sessions on the database."""
    name = url.rpartition("/")[2]
    if vendor == "postgresql":
        sql = f"SELECT pid FROM pg_stat_activity WHERE datname = '{name}'"
    else:
        sql = f"SELECT id FROM information_schema.processlist WHERE db = '{name}'"
    return [row[0] for row in run_on_server(vendor, sql)]


def end_sessions(vendor: str, url: str) -> None:
    """End every session on the database, as an administrator does."""
    for number in sessions(vendor, url):
        run_on_server(
            vendor,
            f"SELECT pg_terminate_backend({number})"
            if vendor == "postgresql"
            else f"KILL {number}",
        )


async def test_connections_are_limited_and_waiting_is_bounded(server: tuple[str, str]) -> None:
    vendor, url = server
    async with configured(url, POOL_SIZE=2, MAX_OVERFLOW=1, POOL_TIMEOUT=1):
        results = await asyncio.gather(
            *(sleep_on(vendor, 3) for _ in range(5)), return_exceptions=True
        )
        refused = [one for one in results if isinstance(one, PoolTimeoutError)]
        assert len(refused) == 2 and results.count(None) == 3
        assert "'default'" in str(refused[0]) and "1" in str(refused[0])
        assert len(sessions(vendor, url)) <= 3
        await asyncio.gather(*(sleep_on(vendor, 0.01) for _ in range(20)))
        assert await Parcel.objects.count() == 0


async def test_a_session_that_the_server_ended_is_replaced_unnoticed(
    server: tuple[str, str],
) -> None:
    vendor, url = server
    async with configured(url):
        await asyncio.gather(*(sleep_on(vendor, 0.05) for _ in range(3)))
        for _ in range(3):
            end_sessions(vendor, url)
            await asyncio.sleep(0.05)
            assert await Parcel.objects.count() == 0
            await Parcel.objects.create(name="x")
            await Parcel.objects.all().delete()


async def test_a_transaction_whose_session_is_ended_stores_nothing_and_says_so(
    server: tuple[str, str],
) -> None:
    vendor, url = server
    async with configured(url):
        with pytest.raises(OperationalError):
            async with atomic():
                await Parcel.objects.create(name="lost")
                end_sessions(vendor, url)
                await Parcel.objects.create(name="lost too")
        assert await Parcel.objects.count() == 0
        await Parcel.objects.create(name="kept")
        assert await Parcel.objects.count() == 1
        await Parcel.objects.all().delete()


async def test_cancelling_leaks_no_connection(server: tuple[str, str]) -> None:
    vendor, url = server
    async with configured(url, POOL_SIZE=2, MAX_OVERFLOW=0, POOL_TIMEOUT=5):
        for delay in (0.0, 0.001, 0.01, 0.1, 0.2):
            # Two hold the connections, the others connect or wait when they are cancelled.
            tasks = [asyncio.create_task(sleep_on(vendor, 30)) for _ in range(6)]
            await asyncio.sleep(delay)
            for task in tasks:
                task.cancel()
            started = time.monotonic()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in results)
            assert (
                time.monotonic() - started < 20
            )  # The statements would take 30; psycopg's own cancel may take 5 under load.
            await asyncio.gather(*(sleep_on(vendor, 0.01) for _ in range(4)))
        # Where the server did not get psycopg's request to cancel in time, the statement of a closed connection goes on to its end.
        deadline = time.monotonic() + 60
        while len(sessions(vendor, url)) > 2:
            assert time.monotonic() < deadline, sessions(vendor, url)
            await asyncio.sleep(0.05)
    deadline = time.monotonic() + 5
    while sessions(vendor, url):
        assert time.monotonic() < deadline, "close_db leaves sessions open"
        time.sleep(0.05)


def test_event_loops_have_pools_of_their_own(server: tuple[str, str]) -> None:
    _, url = server
    connections.configure({"default": {"URL": url}})
    problems: list[BaseException] = []

    async def work(number: int) -> None:
        try:
            await Parcel.objects.create(name=f"{number}")
            assert await Parcel.objects.filter(name=f"{number}").count() == 1
        finally:
            await close_db()

    def run(number: int) -> None:
        try:
            asyncio.run(work(number))
        except BaseException as error:
            problems.append(error)

    async def prepare() -> None:
        await create_tables([Parcel])
        await Parcel.objects.all().delete()
        await close_db()

    try:
        asyncio.run(prepare())
        for number in range(3):
            run(number)
        threads = [threading.Thread(target=run, args=(number,)) for number in range(10, 14)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        asyncio.run(prepare())
    finally:
        connections.reset()


FORK = """
import asyncio, os, sys
from openviper.db import configure_db, close_db, get_connection

async def ask():
    async with get_connection() as connection:
        return (await connection.fetch_all("SELECT 7"))[0][0]

async def parent():
    await configure_db(sys.argv[1])
    assert await ask() == 7
    pid = os.fork()
    if pid == 0:
        # In a process of its own the loop is another one too.
        os.execv(sys.executable, [sys.executable, "-c", "print('child')"])
    os.waitpid(pid, 0)
    assert await ask() == 7
    await close_db()

asyncio.run(parent())
pid = os.fork()
if pid == 0:
    assert asyncio.run(ask()) == 7
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert asyncio.run(ask()) == 7
print("fine")
"""


def test_a_forked_child_opens_connections_of_its_own(server: tuple[str, str]) -> None:
    _, url = server
    done = subprocess.run(
        [sys.executable, "-c", FORK, url], capture_output=True, text=True, timeout=180,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["fine"]), done.stderr


async def test_statements_that_take_too_long_are_ended(server: tuple[str, str]) -> None:
    vendor, url = server
    if vendor == "mysql":
        return  # MariaDB's SLEEP comes back without an error when it is ended.
    async with configured(url, STATEMENT_TIMEOUT=0.2):
        with pytest.raises(OperationalError, match="timeout"):
            await sleep_on(vendor, 10)
        assert await Parcel.objects.count() == 0


@pytest.mark.parametrize("wrong", ["password", "host", "database"])
async def test_what_does_not_answer_is_one_clear_error_without_the_password(
    server: tuple[str, str], wrong: str
) -> None:
    vendor, url = server
    scheme, _, rest = url.partition("://")
    if wrong == "password":
        bad = f"{scheme}://nobody_{os.getpid()}:s3cret@{rest.partition('@')[2]}"
    elif wrong == "host":
        bad = f"{scheme}://root:s3cret@127.0.0.1:1/x"
    else:
        bad = f"{url}_missing"
    connections.configure({"default": {"URL": bad, "POOL_TIMEOUT": 5}})
    try:
        with pytest.raises(OperationalError) as caught:
            await Parcel.objects.count()
        assert "s3cret" not in str(caught.value)
        assert len(str(caught.value).strip().splitlines()) <= 3
    finally:
        await close_db()
        connections.reset()
