"""Test databases of projects: where they lie, what keeps tests apart, and what is left of them."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.testing.project import (
    configured_url,
    environment,
    left_behind,
    make_project,
    run_pytest,
)
from tests.servers import VENDORS, run_on_server

pytestmark = pytest.mark.one_version

APART = """
import pytest
from openviper.db import atomic
from openviper.exceptions import IntegrityError
from tickets.models import Queue, Ticket

ISOLATIONS = ["transaction", "truncate", "recreate", "in_memory"]
MARKS = [pytest.param(name, turn, marks=pytest.mark.db(isolation=name)) for name in ISOLATIONS for turn in range(2)]


@pytest.mark.parametrize(("name", "turn"), MARKS)
async def test_apart(db, client, name, turn):
    assert db.isolation == name
    assert await Queue.objects.values_list("name", flat=True) == ["inbox"]
    assert await Ticket.objects.count() == 0
    answer = await client.post("/tickets/", json={"title": f"{name}{turn}"})
    assert answer.json() == {"seen": [f"{name}{turn}"]}
    with pytest.raises(KeyError):
        async with atomic():
            await Queue.objects.create(name="gone")
            raise KeyError
    with pytest.raises(IntegrityError):
        await Queue.objects.create(name="inbox")
    queue = await Queue.objects.create(name="more")
    if name != "transaction" and turn == 1:
        assert queue.id <= 4  # Servers do not give away a number again that was rolled back.
    assert (await client.get("/tickets/")).json() == {"tickets": [f"{name}{turn}"]}
    with open("urls.txt", "a") as file:
        print(db.url, file=file)
"""


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> str:
    vendor: str = request.param
    return vendor


@pytest.fixture
def url(vendor: str, tmp_path: Path) -> Iterator[str]:
    with configured_url(vendor, tmp_path) as configured:
        yield configured


def passed(result: subprocess.CompletedProcess[str], count: int) -> bool:
    """Return whether so many tests have passed and no other has run."""
    said = result.stdout + result.stderr
    assert result.returncode == 0 and f"{count} passed" in said, said
    return True


def test_a_row_of_one_test_is_not_seen_by_the_next_in_any_isolation(
    vendor: str, url: str, tmp_path: Path
) -> None:
    make_project(tmp_path, test_apart=APART)
    assert passed(run_pytest(tmp_path, OPENVIPER_DATABASE_URL=url), 8)
    used = (tmp_path / "urls.txt").read_text()
    assert "/test_desk_" in used and "/desk_" not in used
    assert left_behind(vendor, url) == []


WITHOUT_TABLES = """
import pytest
from openviper.exceptions import TableNotFound
from openviper.testing import migrate_database, truncate_database
from tickets.models import Queue


async def test_first(db):
    with pytest.raises(TableNotFound):
        await Queue.objects.count()


@pytest.mark.parametrize("turn", range(2))
async def test_with_tables(migrated_db, turn):
    assert await Queue.objects.count() == 1
    await Queue.objects.create(name="x")


async def test_made_anew(isolated_db):
    assert await Queue.objects.count() == 1
    await Queue.objects.all().delete()


async def test_emptied(setup_test_database):
    await Queue.objects.create(name="x")
    await setup_test_database.reset()
    assert await Queue.objects.count() == 1


async def test_made_within_a_test(db):
    await migrate_database()
    await Queue.objects.create(name="x")
    await truncate_database()
    assert await Queue.objects.count() == 1
    await Queue.objects.all().delete()
    await migrate_database(drop_first=True)
    assert await Queue.objects.values_list("name", flat=True) == ["inbox"]


async def test_last(db):
    with pytest.raises(TableNotFound):
        await Queue.objects.count()
"""


def test_tables_are_made_for_who_asks_for_them_where_the_others_have_none(
    vendor: str, url: str, tmp_path: Path
) -> None:
    make_project(tmp_path, test_tables=WITHOUT_TABLES)
    path = tmp_path / "pyproject.toml"
    path.write_text(path.read_text().replace('"desk.settings"', '"desk.settings"\nmigrate = false'))
    assert passed(run_pytest(tmp_path, OPENVIPER_DATABASE_URL=url), 7)
    assert left_behind(vendor, url) == []


def test_kept_databases_are_used_again_as_long_as_they_fit(
    vendor: str, url: str, tmp_path: Path
) -> None:
    make_project(tmp_path, test_apart=APART)
    run = {"OPENVIPER_DATABASE_URL": url, "OPENVIPER_TEST_REUSE_DB": "1"}
    assert passed(run_pytest(tmp_path, **run), 8)
    kept = left_behind(vendor, url)
    assert len([name for name in kept if not name.endswith((".lock", "-wal", "-shm"))]) == 1
    add_column(vendor, url)
    assert passed(run_pytest(tmp_path, "-k", "transaction", **run), 2)
    assert "remembered" in columns(vendor, url), "it was made anew"
    models = tmp_path / "tickets" / "models.py"
    models.write_text(models.read_text().replace("max_length=40", "max_length=50"))
    assert passed(run_pytest(tmp_path, "-k", "transaction", **run), 2)
    assert "remembered" not in columns(vendor, url), "it was used again though models have changed"
    add_column(vendor, url)
    assert passed(run_pytest(tmp_path, "-k", "transaction", **run, OPENVIPER_TEST_CREATE_DB="1"), 2)
    assert "remembered" not in columns(vendor, url), "--create-db did not make it anew"


def _test_url(url: str) -> str:
    head, slash, name = url.rpartition("/")
    return f"{head}{slash}test_{name}"


def add_column(vendor: str, url: str) -> None:
    """Change the test database by hand, so that it shows whether it is made anew."""
    statement = "ALTER TABLE tickets_queue ADD COLUMN remembered INTEGER"
    target = _test_url(url)
    if vendor == "sqlite":
        with closing(sqlite3.connect(target.removeprefix("sqlite:///"))) as connection:
            connection.execute(statement)
    else:
        run_on_server(vendor, statement, database=target.rpartition("/")[2])


def columns(vendor: str, url: str) -> list[str]:
    target = _test_url(url)
    if vendor == "sqlite":
        with closing(sqlite3.connect(target.removeprefix("sqlite:///"))) as connection:
            rows = connection.execute("PRAGMA table_info(tickets_queue)").fetchall()
        return [row[1] for row in rows]
    found = "SELECT column_name FROM information_schema.columns WHERE table_name = 'tickets_queue'"
    database = target.rpartition("/")[2]
    mine = f"{found} AND table_schema = DATABASE()" if vendor == "mysql" else found
    return [row[0] for row in run_on_server(vendor, mine, database=database)]


MANY = """
import os
import pytest
from tickets.models import Queue


@pytest.mark.parametrize("number", range(12))
async def test_each(db, number):
    assert await Queue.objects.count() == 1
    await Queue.objects.create(name=f"number {number}")
    with open(f"used_{os.getpid()}.txt", "a") as file:
        print(db.url, file=file)
"""


def test_each_of_several_processes_has_databases_of_its_own(
    vendor: str, url: str, tmp_path: Path
) -> None:
    pytest.importorskip("xdist")
    make_project(tmp_path, test_many=MANY)
    assert passed(run_pytest(tmp_path, "-n", "3", OPENVIPER_DATABASE_URL=url), 12)
    used = [set(path.read_text().split()) for path in tmp_path.glob("used_*.txt")]
    assert len(used) == 3
    assert all(len(urls) == 1 for urls in used)
    assert len(set.union(*used)) == 3
    assert left_behind(vendor, url) == []


SLOW = """
import asyncio
import os
from pathlib import Path
from uuid import uuid4
from tickets.models import Queue


async def test_slow(transactional_db):
    await Queue.objects.create(name=f"left by {os.getpid()}")
    Path(os.environ["STARTED"]).touch()
    while "WAIT" in os.environ:
        await asyncio.sleep(0.05)
    assert await Queue.objects.count() == 2
"""


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a file is there."""
    deadline = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None and time.monotonic() < deadline, path
        time.sleep(0.02)


@pytest.mark.parametrize("reuse", ["0", pytest.param("1", marks=pytest.mark.thorough)])
def test_a_killed_run_leaves_nothing_that_breaks_the_next(
    vendor: str, url: str, tmp_path: Path, reuse: str
) -> None:
    make_project(tmp_path, test_slow=SLOW)
    started = tmp_path / "started"
    run = {
        "OPENVIPER_DATABASE_URL": url,
        "STARTED": str(started),
        "OPENVIPER_TEST_REUSE_DB": reuse,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:asyncio"],
        cwd=tmp_path,
        env=environment(tmp_path) | run | {"WAIT": "1"},
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        wait_for(started, process)
        # A second run at the same time takes another database.
        assert passed(run_pytest(tmp_path, **run), 1)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert passed(run_pytest(tmp_path, **run), 1)
    if reuse == "0":
        assert left_behind(vendor, url) == []


def test_a_database_that_tests_have_not_made_is_left_alone(
    vendor: str, url: str, tmp_path: Path
) -> None:
    make_project(tmp_path, test_apart=APART)
    target = _test_url(url)
    if vendor == "sqlite":
        path = Path(target.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE precious (id INTEGER)")
        before = path.read_bytes()
    else:
        name = target.rpartition("/")[2]
        run_on_server(vendor, f"CREATE DATABASE {name}")
        run_on_server(vendor, "CREATE TABLE precious (id INTEGER)", database=name)
    result = run_pytest(tmp_path, "-k", "transaction", OPENVIPER_DATABASE_URL=url)
    assert result.returncode == 1
    assert "was not made by openviper.testing" in result.stdout
    if vendor == "sqlite":
        assert path.read_bytes() == before
    else:
        assert run_on_server(vendor, "SELECT count(*) FROM precious", database=name) == [(0,)]


def test_a_statement_that_would_end_the_transaction_around_a_test_is_not_sent(
    tmp_path: Path,
) -> None:
    make_project(
        tmp_path,
        test_ddl="""
        import pytest
        from openviper.db import get_connection
        from tickets.models import Queue

        async def test_bad(db):
            await Queue.objects.create(name="stays?")
            async with get_connection() as connection:
                await connection.execute("CREATE TABLE other (id INTEGER)")

        async def test_next(db):
            assert await Queue.objects.count() == 1
        """,
    )
    with configured_url("mysql", tmp_path) as url:
        result = run_pytest(tmp_path, OPENVIPER_DATABASE_URL=url)
    assert "1 failed, 1 passed" in result.stdout, result.stdout
    assert "so it was not sent: run it outside of atomic()" in result.stdout


def test_a_test_that_asks_for_no_database_does_not_find_that_of_the_project(
    tmp_path: Path,
) -> None:
    make_project(
        tmp_path,
        test_none="from tickets.models import Queue\n\nasync def test_it(): await Queue.objects.count()\n",
    )
    result = run_pytest(tmp_path)
    assert result.returncode == 1
    assert "use the fixture db" in result.stdout
    assert not list(tmp_path.glob("*.sqlite3*"))


LEFT = """
import asyncio
import pytest
from openviper.db import atomic
from openviper.exceptions import MigrationError
from openviper.testing import call_command
from tickets.models import Queue

MODES = [pytest.param(name, marks=pytest.mark.db(isolation=name)) for name in ("transaction", "truncate", "in_memory")]
left = []


async def write():
    for number in range(10_000):
        await Queue.objects.create(name=f"late {number}")
        await asyncio.sleep(0)


async def hold():
    async with atomic():
        await Queue.objects.create(name="held")
        await asyncio.Event().wait()


@pytest.mark.parametrize("work", [write, hold])
@pytest.mark.parametrize("mode", MODES)
async def test_that_leaves_something_running(db, mode, work):
    left.append(asyncio.create_task(work()))
    while not await asyncio.sleep(0.001) and left[-1].done():
        raise AssertionError
    await asyncio.sleep(0.02)


@pytest.mark.parametrize("mode", MODES)
async def test_that_comes_later(db, mode):
    assert await Queue.objects.values_list("name", flat=True) == ["inbox"]


@pytest.mark.parametrize("mode", MODES)
async def test_commands_that_look_at_the_whole_database(db, mode):
    await Queue.objects.create(name="x")
    assert '"x"' in (await call_command("dump-data")).stdout
    assert 'table_name = "tickets_queue"' in (await call_command("inspect-db")).stdout
    assert await Queue.objects.count() == 2
    if mode == "transaction":
        with pytest.raises(MigrationError, match="isolated_db"):
            await call_command("migrate")
    else:
        assert (await call_command("migrate")).exit_code == 0
    assert await Queue.objects.count() == 2


@pytest.mark.parametrize("mode", MODES)
async def test_that_comes_last(db, mode):
    assert await Queue.objects.count() == 1
"""


def test_what_a_test_leaves_running_does_not_reach_the_next(
    vendor: str, url: str, tmp_path: Path
) -> None:
    make_project(tmp_path, test_left=LEFT)
    assert passed(run_pytest(tmp_path, OPENVIPER_DATABASE_URL=url), 15)
    assert left_behind(vendor, url) == []
