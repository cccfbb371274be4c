"""Running patches: each once per database, in one transaction with the row that says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from openviper.db.connection import run_write
from openviper.db.connections.databases import Database, connections
from openviper.db.patches import (
    db_patch,
    ensure_patch_table,
    get_applied_patches,
    get_registry,
    reset_registry,
    run_patches,
)
from openviper.db.patches.patch_registry import PatchEntry
from openviper.db.patches.runner import pending
from openviper.exceptions import MigrationError

APP, STEM = "patches", "test_runner"


@pytest.fixture(autouse=True)
async def database() -> AsyncIterator[Database]:
    """An empty database in memory with a table to write into, and no patches."""
    reset_registry()
    connections.configure({"default": {"URL": "sqlite:///:memory:"}})
    await run_write("default", "CREATE TABLE seen (name TEXT)", ())
    yield connections.get("default")
    await connections.disconnect_all()
    connections.reset()
    reset_registry()


def adds(name: str, **options: Any) -> Callable[..., object]:
    """Register a patch that writes its name into the table."""

    async def patch() -> None:
        await run_write("default", "INSERT INTO seen VALUES (?)", (name,))

    patch.__name__ = name
    patch.__doc__ = f"Add {name}."
    made: Callable[..., object] = db_patch(**options)(patch)
    return made


def fails() -> None:
    @db_patch(order=1)
    async def broken() -> None:
        await run_write("default", "INSERT INTO seen VALUES ('half')", ())
        raise ValueError("no")


async def seen(database: Database) -> list[str]:
    async with database.connection() as connection:
        return [
            row[0] for row in await connection.fetch_all("SELECT name FROM seen ORDER BY rowid")
        ]


def label(name: str) -> str:
    (entry,) = [entry for entry in get_registry().entries() if entry.name.endswith(f".{name}")]
    return entry.label


async def test_pending_patches_run_once_and_are_told(database: Database) -> None:
    adds("a")
    adds("b", order=-1)
    lines: list[tuple[str, bool]] = []
    ran = await run_patches(report=lambda line, detail: lines.append((line, detail)))
    assert ran == [label("b"), label("a")]
    assert await seen(database) == ["b", "a"]
    assert lines == [
        ("Running post-migrate patches...", False),
        (f"{label('b')}: Add b. - done", False),
        (f"{label('a')}: Add a. - done", False),
    ]
    assert await run_patches() == []
    assert await seen(database) == ["b", "a"]


async def test_each_phase_runs_by_itself(database: Database) -> None:
    adds("post")
    adds("pre", post_migrate=False)
    assert await run_patches(False) == [label("pre")]
    assert await seen(database) == ["pre"]
    assert await run_patches(True) == [label("post")]


async def test_one_that_fails_is_undone_with_its_row_and_stops_those_behind_it(
    database: Database,
) -> None:
    adds("before")
    fails()
    adds("behind", order=2)
    with pytest.raises(
        MigrationError, match=r"broken' failed and was undone: ValueError: no"
    ) as caught:
        await run_patches()
    assert isinstance(caught.value.__cause__, ValueError)
    assert await seen(database) == ["before"]
    assert {name for _, name, _ in await get_applied_patches()} == {f"{STEM}.before"}


async def test_in_apps_without_tables_patches_are_recorded_and_not_run(database: Database) -> None:
    adds("a")
    (entry,) = get_registry().entries()
    assert await run_patches(fresh=[entry.app]) == []
    assert await seen(database) == []
    assert await get_applied_patches() == {entry.key}
    assert await run_patches() == []


async def test_only_the_patches_of_some_apps_are_run_when_those_are_named(
    database: Database,
) -> None:
    adds("a")
    assert await run_patches(apps=["elsewhere"]) == []
    assert await get_applied_patches() == set()
    (entry,) = get_registry().entries()
    assert await run_patches(apps=[entry.app]) == [label("a")]


async def test_without_patches_no_table_is_made(database: Database) -> None:
    assert await run_patches() == []
    async with database.connection() as connection:
        rows = await connection.fetch_all(
            "SELECT name FROM sqlite_master WHERE name LIKE 'openviper%'"
        )
    assert rows == []


async def test_the_table_is_made_once(database: Database) -> None:
    assert await get_applied_patches() == set()
    await ensure_patch_table()
    await ensure_patch_table()
    assert await get_applied_patches() == set()


# What has run already


def entry(name: str, root: str = "shop") -> PatchEntry:
    """Return a patch of an app below a package."""

    async def work() -> None: ...

    work.__module__ = f"{root}.{name.partition('.')[0]}.patches.{name.split('.')[1]}"
    work.__name__ = name.split(".")[2]
    return PatchEntry(work, order=0, post_migrate=True)


@pytest.mark.parametrize(
    ("applied", "left"),
    [
        (set(), ["cart.a.x", "cart.b.x", "list.a.y"]),
        ({("cart", "a.x", "post")}, ["cart.b.x", "list.a.y"]),
        ({("cart", "a.x", "pre")}, ["cart.a.x", "cart.b.x", "list.a.y"]),
        ({("shop", "y", "post")}, ["cart.a.x", "cart.b.x"]),
        ({("shop", "x", "post")}, ["cart.a.x", "cart.b.x", "list.a.y"]),
        ({("shop", "y", "pre")}, ["cart.a.x", "cart.b.x", "list.a.y"]),
    ],
)
def test_a_row_of_an_earlier_version_counts_where_it_can_only_mean_one_patch(
    applied: set[tuple[str, str, str]], left: list[str]
) -> None:
    entries = [entry("cart.a.x"), entry("cart.b.x"), entry("list.a.y")]
    assert [each.label for each in pending(entries, applied)] == left
