"""`migrate` killed at any moment, and two of them at once."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connections.databases import Database
from openviper.db.connections.options import read_databases
from openviper.db.schemas.lock import migration_lock
from openviper.exceptions import MigrationError
from tests.integration.db.schemas.project import SHELF, project
from tests.unit.db.schemas.builders import column, schema

ROOT = Path(__file__).resolve().parents[4]
ROUNDS = 20
ROWS = 20_000

OLD = [
    SHELF,
    schema(
        "library_book", column("title", "VARCHAR(40)"), indexes=[{"name": "i", "fields": ["title"]}]
    ),
]
NEW = [
    schema(
        "library_shelf",
        column("name", "VARCHAR(20)", unique=True),
        column("room", "TEXT", default="attic"),
    ),
    schema(
        "library_book",
        column("heading", "VARCHAR(80)", old_name="title", nullable=True),
        column("shelf_id", nullable=True, target_table="library_shelf", on_delete="CASCADE"),
        indexes=[{"name": "i", "fields": ["heading"]}],
        constraints=[{"name": "c", "type": "CHECK", "check": "id > 0"}],
    ),
    schema("library_card", column("book_id", target_table="library_book", on_delete="CASCADE")),
    schema("library_loan", column("card_id", target_table="library_card", on_delete="CASCADE")),
]


def start(root: Path) -> subprocess.Popen[str]:
    """Start a migrate that waits for a line before it begins."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.db.schemas.migrate_once", str(root)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def begin(process: subprocess.Popen[str]) -> None:
    """Let a waiting migrate go on."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def close(process: subprocess.Popen[str]) -> str:
    """Wait for the end and return what was printed."""
    output, _ = process.communicate(timeout=180)
    return output


def facts(path: Path) -> tuple[list[Any], ...]:
    """Return schema, bookkeeping, counter and a digest of the rows of a database that is sound."""
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        queries = (
            "SELECT type, name, sql FROM sqlite_master ORDER BY name",
            "SELECT table_name, applied FROM openviper_schema WHERE table_name <> '*' ORDER BY table_name",
            "SELECT * FROM sqlite_sequence ORDER BY name",
            "SELECT count(*), sum(id), min(id) FROM library_book",
        )
        return tuple(connection.execute(query).fetchall() for query in queries)
    finally:
        connection.close()


async def old_database(root: Path) -> None:
    """Make a database with the old schema and rows, and the files of the new one."""
    async with project(root) as one:
        await one.migrate(*OLD)
        connection = sqlite3.connect(one.path)
        with connection:
            connection.executemany(
                "INSERT INTO library_book (title) VALUES (?)",
                [(f"title {number}",) for number in range(ROWS)],
            )
            connection.execute("DELETE FROM library_book WHERE id > ?", (ROWS - 5,))
        connection.close()
        one.write(*NEW)


def copy_of(base: Path, target: Path) -> Path:
    """Copy a project that nobody uses."""
    shutil.copytree(base, target)
    return target


@pytest.mark.one_version
async def test_a_killed_migrate_leaves_the_old_or_the_new_state(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    await old_database(base)
    old = facts(base / "db.sqlite3")
    whole = copy_of(base, tmp_path / "whole")
    process = start(whole)
    started = time.perf_counter()
    begin(process)
    assert close(process).strip() != "0"
    duration = time.perf_counter() - started
    new = facts(whole / "db.sqlite3")
    assert new != old

    chance = random.Random(20250302)
    seen = {"old": 0, "new": 0}
    for number in range(ROUNDS):
        root = copy_of(base, tmp_path / f"round{number}")
        process = start(root)
        begin(process)
        time.sleep(chance.uniform(0, duration))
        process.send_signal(signal.SIGKILL)
        close(process)
        found = facts(root / "db.sqlite3")
        assert found in (old, new), f"round {number}"
        seen["old" if found == old else "new"] += 1
        async with project(root, keep=True) as one:
            await one.migrate()
        assert facts(root / "db.sqlite3") == new
        shutil.rmtree(root)
    assert seen["old"] > 0


async def test_two_runs_at_once_migrate_once(tmp_path: Path) -> None:
    await old_database(tmp_path)
    processes = [start(tmp_path) for _ in range(2)]
    for process in processes:
        begin(process)
    counts = sorted(int(close(process)) for process in processes)
    assert counts[0] == 0
    assert counts[1] > 0
    assert [process.returncode for process in processes] == [0, 0]


def database(path: Path) -> Database:
    """Return the database of a file, which need not exist."""
    return Database(read_databases({"default": {"URL": f"sqlite:///{path}"}})["default"])


async def test_the_lock_is_given_up_on_after_a_while(tmp_path: Path) -> None:
    target = database(tmp_path / "db.sqlite3")
    async with migration_lock(target):
        with pytest.raises(MigrationError, match=r"more than 0\.1 s"):
            async with migration_lock(target, wait=0.1):
                pass
    async with migration_lock(target, wait=0):
        pass
    assert (tmp_path / "db.sqlite3.migrate.lock").exists()


async def test_an_impossible_lock_file_is_named(tmp_path: Path) -> None:
    target = database(tmp_path / "missing" / "db.sqlite3")
    with pytest.raises(MigrationError, match=r"migrate\.lock"):
        async with migration_lock(target):
            pass
