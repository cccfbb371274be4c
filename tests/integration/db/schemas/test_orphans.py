"""`migrate --drop-orphans`: it says what goes, asks, and refuses while it cannot know what nobody wants."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from openviper.db.connection import connections
from openviper.exceptions import MigrationError
from tests.integration.db.schemas.project import SHELF, project
from tests.integration.db.schemas.test_commands import BOOK, SETTINGS, directory, migrate, write
from tests.unit.db.schemas.builders import column, schema

__all__ = ["directory"]

CASE = schema("library_case", column("name", "VARCHAR(20)"))


@pytest.fixture
def orphaned(directory: Path) -> Path:
    """Return a project whose database has a table with two rows that no schema file describes any more."""
    write(directory, CASE)
    assert migrate(directory).returncode == 0
    with sqlite3.connect(directory / "db.sqlite3") as connection:
        connection.executemany("INSERT INTO library_case (name) VALUES (?)", [("a",), ("b",)])
    connection.close()
    (directory / "library" / "schemas" / "Case.json").unlink()
    return directory


def tables(directory: Path) -> set[str]:
    connection = sqlite3.connect(directory / "db.sqlite3")
    rows = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'library%'")
    names = {name for (name,) in rows}
    connection.close()
    return names


def test_without_a_terminal_it_says_what_would_go_and_wants_no_input(orphaned: Path) -> None:
    refused = migrate(orphaned, "--drop-orphans")
    assert refused.returncode == 1
    assert "table library_case will be dropped with 2 rows" in refused.stderr
    assert "--no-input" in refused.stderr
    assert tables(orphaned) == {"library_book", "library_case"}
    done = migrate(orphaned, "--drop-orphans", "--no-input")
    assert (done.returncode, "-> drop table library_case" in done.stdout) == (0, True)
    assert tables(orphaned) == {"library_book"}
    assert migrate(orphaned, "--drop-orphans").stdout == "No schema changes to apply.\n"


def test_nothing_goes_while_an_installed_app_cannot_be_found(orphaned: Path) -> None:
    settings = orphaned / "demo" / "settings.py"
    settings.write_text(SETTINGS.replace('("library",)', '("libary", "shop")'))
    refused = migrate(orphaned, "--drop-orphans", "--no-input")
    assert refused.returncode == 1
    assert "'libary', 'shop' of INSTALLED_APPS cannot be found" in refused.stderr
    assert tables(orphaned) == {"library_book", "library_case"}
    plain = migrate(orphaned)
    assert "library_book has no schema file any more and was kept" in plain.stderr
    assert "--drop-orphans" not in plain.stderr
    plan = migrate(orphaned, "--plan", "--drop-orphans")
    assert (plan.returncode, "DROP TABLE" in plan.stdout) == (1, False)


@pytest.mark.parametrize("spoil", ["not json", "directory", "link", "file"])
def test_nothing_goes_while_a_schema_file_cannot_be_read(orphaned: Path, spoil: str) -> None:
    folder = orphaned / "library" / "schemas"
    book = folder / "Book.json"
    if spoil == "not json":
        book.write_text('{"model": "Book"')
    elif spoil == "directory":
        book.unlink()
        book.mkdir()
    else:
        book.unlink()
        folder.rmdir()
        if spoil == "link":
            folder.symlink_to(orphaned / "elsewhere")
        else:
            folder.write_text("")
    refused = migrate(orphaned, "--drop-orphans", "--no-input")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert "schemas" in refused.stderr
    assert tables(orphaned) == {"library_book", "library_case"}


def test_orphans_belong_to_no_app_and_no_input_to_nothing_else(orphaned: Path) -> None:
    assert "leave out the app label" in migrate(orphaned, "library", "--drop-orphans").stderr
    assert "--no-input needs --drop-orphans" in migrate(orphaned, "--no-input").stderr


async def test_only_the_orphans_that_were_named_go(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(SHELF, CASE, BOOK)
        one.write(BOOK)
        orphans = await one.sync.orphans()
        assert [(orphan.table, orphan.rows) for orphan in orphans] == [
            ("library_case", 0),
            ("library_shelf", 0),
        ]
        result = await one.migrate(drop_orphans=["library_case"])
        assert result.operations == ["drop table library_case"]
        assert [warning.split()[1] for warning in result.warnings] == ["library_shelf"]


async def test_a_missing_database_has_no_orphans(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        one.write(BOOK)
        assert await one.sync.orphans() == []
        assert not one.path.exists()


async def test_an_orphan_that_is_referred_to_is_named_before_anybody_is_asked(
    tmp_path: Path,
) -> None:
    async with project(tmp_path) as one:
        await one.settled(SHELF, BOOK)
        one.write(BOOK)
        one.sql("CREATE TABLE hand (id INTEGER REFERENCES library_shelf)")
        with pytest.raises(MigrationError, match=r"column hand\.id references it"):
            await one.sync.orphans()
        await connections.disconnect_all()
