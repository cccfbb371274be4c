"""`migrate --drop-orphans` killed before each of its statements, and twice at once, on every database."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.integration.db.schemas.project import SHELF, Project, project
from tests.integration.db.support import current
from tests.unit.db.schemas.builders import column, schema

EVERY_DATABASE = True

ROOT = Path(__file__).resolve().parents[4]
TITLE = column("title", "VARCHAR(40)")


def refers(name: str, target: str) -> Any:
    return column(name, nullable=True, target_table=target, on_delete="CASCADE")


OLD = [
    SHELF,
    schema("library_book", TITLE, refers("shelf_id", "library_shelf")),
    schema("library_a", refers("b_id", "library_b"), refers("shelf_id", "library_shelf")),
    schema("library_b", refers("a_id", "library_a")),
    schema("library_card", refers("book_id", "library_book")),
]
NEW = [
    SHELF,
    schema(
        "library_book",
        column("heading", "VARCHAR(80)", old_name="title"),
        column("n", db_default="7"),
        refers("shelf_id", "library_shelf"),
        indexes=[{"name": "i", "fields": ["-n", "heading"]}],
        constraints=[{"name": "c", "type": "CHECK", "check": "n > 0"}],
    ),
    schema("library_loan", refers("book_id", "library_book")),
]


def command(one: Project, statement: int) -> list[str]:
    url = current.url or f"sqlite:///{one.path}"
    module = "tests.integration.db.schemas.migrate_until"
    return [sys.executable, "-m", module, url, str(one.directory), str(statement)]


async def run_until(one: Project, statement: int) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command(one, statement), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert errors == b"", errors.decode()
    return process.returncode or 0, output.decode().strip()


async def begin(one: Project) -> None:
    """Make the old schema with a row in each table."""
    await one.settled(*OLD)
    one.sql(
        "INSERT INTO library_shelf (id, name) VALUES (1, 's')",
        "INSERT INTO library_book (id, title, shelf_id) VALUES (1, 'one', 1)",
        "INSERT INTO library_a (id, shelf_id) VALUES (1, 1)",
        "INSERT INTO library_b (id, a_id) VALUES (1, 1)",
        "INSERT INTO library_card (id, book_id) VALUES (1, 1)",
        "SELECT 1",
    )
    one.write(*NEW)


def check_rows(one: Project) -> None:
    assert one.sql("SELECT heading, n, shelf_id FROM library_book") == [("one", 7, 1)]
    assert one.sql("SELECT name FROM library_shelf") == [("s",)]
    one.check()


async def test_wherever_a_run_is_killed_the_next_one_ends_where_an_undisturbed_one_does(
    tmp_path: Path, vendor: str
) -> None:
    (tmp_path / "whole").mkdir()
    async with project(tmp_path / "whole") as one:
        await begin(one)
        code, sent = await run_until(one, 0)
        assert code == 0
        end = await one.schema()
        check_rows(one)
    # Where each statement is for itself they are tried more closely; with a step of 1 all of them passed.
    step = 3 if vendor == "mysql" else 8
    for statement in range(1, int(sent) + 1, step):
        root = tmp_path / str(statement)
        root.mkdir()
        async with project(root) as one:
            await begin(one)
            assert await run_until(one, statement) == (9, "")
            await one.settled(drop_orphans=True)
            assert await one.schema() == end, statement
            check_rows(one)


async def test_two_runs_at_once_drop_each_orphan_once(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await begin(one)
        results = await asyncio.gather(*(run_until(one, 0) for _ in range(3)))
        assert [code for code, _ in results] == [0, 0, 0]
        assert set(await one.schema()) == {"library_shelf", "library_book", "library_loan"}
        check_rows(one)
        assert (await one.settled()).warnings == []
