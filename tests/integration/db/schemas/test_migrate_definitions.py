"""Defaults and formulas of the database, and every kind of index and constraint: applied once, or refused before anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openviper.exceptions import MigrationError
from tests.integration.db.schemas.project import SHELF, Project, project
from tests.unit.db.schemas.builders import column, schema

EVERY_DATABASE = True

TITLE = column("title", "VARCHAR(50)")
COUNT = column("n", "INTEGER", nullable=True)


def book(*columns: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return schema("library_book", *columns, **keys)


def indexed(**entry: Any) -> dict[str, Any]:
    return book(TITLE, COUNT, indexes=[{"name": "i", **entry}])


def constrained(**entry: Any) -> dict[str, Any]:
    return book(TITLE, COUNT, constraints=[{"name": "c", "type": "UNIQUE", **entry}])


def generated(expression: Any, *, stored: bool = True, **keys: Any) -> dict[str, Any]:
    formula = {"expression": expression, "stored": stored}
    entry: dict[str, Any] = column("twice", **{"nullable": True, "generated": formula, **keys})
    return entry


PLAIN = book(TITLE, COUNT)
ONLY_POSTGRESQL = {
    "sqlite": "SQLite",
    "mysql": "MariaDB or MySQL",
}
DEFINITIONS: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("default number", book(TITLE, column("n", nullable=True, db_default="7")), {}),
    ("default of NOT NULL", book(TITLE, column("n", db_default="1 + 1")), {}),
    ("default text", book(TITLE, COUNT, column("s", "VARCHAR(9)", db_default="'it''s'")), {}),
    (
        "default moment",
        book(TITLE, COUNT, column("at", "DATETIME", db_default="CURRENT_TIMESTAMP")),
        {},
    ),
    (
        "default by vendor",
        book(
            TITLE,
            COUNT,
            column(
                "s",
                "TEXT",
                db_default={"sqlite": "'l'", "postgresql": "'p'", "mysql": "'m'"},
            ),
        ),
        {},
    ),
    (
        "default of one vendor",
        book(TITLE, COUNT, column("s", "TEXT", db_default={"postgresql": "'p'"})),
        {
            "sqlite": "db default of 's' is not known to SQLite",
            "mysql": "db default of 's' is not known to MariaDB or MySQL",
        },
    ),
    ("stored formula", book(TITLE, COUNT, generated("n * 2")), {}),
    (
        "virtual formula",
        book(TITLE, COUNT, generated("n * 2", stored=False)),
        {"postgresql": "generated column 'twice' must be stored"},
    ),
    ("formula over a text", book(TITLE, COUNT, generated("length(title)")), {}),
    ("descending", indexed(fields=["-n", "title"]), {}),
    ("ascending and descending", indexed(fields=["title", "-n"]), {}),
    (
        "functional",
        indexed(expressions=["lower(title)"]),
        {"mysql": "index 'i' is over expressions, which MariaDB cannot"},
    ),
    (
        "functional and descending",
        indexed(expressions=["lower(title) DESC", "n + 1"]),
        {"mysql": "index 'i' is over expressions"},
    ),
    (
        "partial",
        indexed(fields=["title"], condition="n > 5 AND title <> 'x'"),
        {"mysql": "know no partial indexes"},
    ),
    (
        "unique partial functional",
        constrained(expressions=["lower(title)"], condition="n IS NOT NULL"),
        {"mysql": "know no partial indexes"},
    ),
    (
        "covering",
        indexed(fields=["title"], include=["n"]),
        {key: f"includes columns, which {words} cannot" for key, words in ONLY_POSTGRESQL.items()},
    ),
    (
        "unique covering",
        constrained(fields=["title"], include=["n"]),
        {key: "includes columns" for key in ONLY_POSTGRESQL},
    ),
    (
        "hash",
        indexed(fields=["title"], using="hash"),
        {key: "uses the method 'hash'" for key in ONLY_POSTGRESQL},
    ),
    (
        "brin",
        indexed(fields=["n"], using="brin"),
        {key: "uses the method 'brin'" for key in ONLY_POSTGRESQL},
    ),
    (
        "gin",
        book(
            TITLE,
            COUNT,
            column("doc", "JSON", nullable=True),
            indexes=[{"name": "i", "fields": ["doc"], "using": "gin"}],
        ),
        {key: "uses the method 'gin'" for key in ONLY_POSTGRESQL},
    ),
    (
        "gin with operator class",
        book(
            TITLE,
            COUNT,
            column("doc", "JSON", nullable=True),
            indexes=[
                {"name": "i", "fields": ["doc"], "using": "gin", "opclasses": ["jsonb_path_ops"]}
            ],
        ),
        {key: "names operator classes" for key in ONLY_POSTGRESQL},
    ),
    (
        "pattern operator class",
        indexed(fields=["title"], opclasses=["varchar_pattern_ops"]),
        {key: "names operator classes" for key in ONLY_POSTGRESQL},
    ),
    (
        "deferred",
        constrained(fields=["title", "n"], deferrable="deferred"),
        {key: f"is deferrable, which {words} cannot" for key, words in ONLY_POSTGRESQL.items()},
    ),
    (
        "deferrable at first immediate",
        constrained(fields=["title"], deferrable="immediate"),
        {key: "is deferrable" for key in ONLY_POSTGRESQL},
    ),
    (
        "NULL once",
        constrained(fields=["n"], nulls_distinct=False),
        {key: "lets NULL occur once" for key in ONLY_POSTGRESQL},
    ),
    (
        "exclusion",
        constrained(
            type="EXCLUDE",
            elements=[["int4range(n, n + 10)", "&&"]],
            condition="title <> 'x'",
            using="gist",
        ),
        {key: "has no exclusion constraints" for key in ONLY_POSTGRESQL},
    ),
    (
        "deferred exclusion",
        constrained(
            type="EXCLUDE", elements=[["int4range(n, n + 10)", "&&"]], deferrable="deferred"
        ),
        {key: "has no exclusion constraints" for key in ONLY_POSTGRESQL},
    ),
    (
        "check by vendor",
        constrained(
            type="CHECK",
            check={"sqlite": "n >= 0", "postgresql": "n >= 0 AND true", "mysql": "n >= 0"},
        ),
        {},
    ),
]
CASES = [pytest.param(new, refused, id=name) for name, new, refused in DEFINITIONS]


def names_of(table: dict[str, Any]) -> set[str]:
    """Return everything that a table is made of, by name."""
    parts = ("columns", "indexes", "constraints")
    return {entry["name"] for part in parts for entry in table[part]}


@pytest.mark.parametrize(("new", "refused"), CASES)
async def test_a_definition_is_made_once_undone_and_the_same_on_a_fresh_database(
    tmp_path: Path, vendor: str, new: dict[str, Any], refused: dict[str, str]
) -> None:
    async with project(tmp_path) as one:
        await one.settled(PLAIN)
        one.sql("INSERT INTO library_book (title, n) VALUES ('one', 4)")
        if vendor in refused:
            with pytest.raises(MigrationError, match=refused[vendor]) as caught:
                await one.migrate(new)
            assert "library.Book" in str(caught.value) and "'default'" in str(caught.value)
            one.write(PLAIN)
            assert (await one.sync.migrate()).operations == []
            return
        assert (await one.settled(new)).operations
        migrated = await one.schema()
        assert names_of(migrated["library_book"]) >= names_of(new)
        assert one.sql("SELECT title FROM library_book") == [("one",)]
        one.check()
        assert (await one.settled(PLAIN)).operations
        assert names_of((await one.schema())["library_book"]) == {"id", "title", "n"}
    (tmp_path / "fresh").mkdir()
    async with project(tmp_path / "fresh") as other:
        await other.settled(new)
        assert await other.schema() == migrated


CHANGES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "another default",
        book(TITLE, column("n", nullable=True, db_default="1")),
        book(TITLE, column("n", nullable=True, db_default="2")),
    ),
    (
        "a default for a column that is there",
        PLAIN,
        book(TITLE, column("n", nullable=True, db_default="2")),
    ),
    (
        "no default any more",
        book(TITLE, column("n", nullable=True, db_default="1")),
        PLAIN,
    ),
    (
        "a default and another type",
        book(TITLE, column("n", nullable=True, db_default="1")),
        book(TITLE, column("n", "BIGINT", nullable=True, db_default="1")),
    ),
    (
        "another formula under an index and a check",
        book(
            TITLE,
            COUNT,
            generated("n * 2"),
            indexes=[{"name": "i", "fields": ["twice", "n"]}],
            constraints=[{"name": "c", "type": "CHECK", "check": "twice < 1000"}],
        ),
        book(
            TITLE,
            COUNT,
            generated("n * 3"),
            indexes=[{"name": "i", "fields": ["twice", "n"]}],
            constraints=[{"name": "c", "type": "CHECK", "check": "twice < 1000"}],
        ),
    ),
    (
        "a column becomes generated",
        book(TITLE, COUNT, column("twice", nullable=True)),
        book(TITLE, COUNT, generated("n * 2")),
    ),
    (
        "a generated column becomes an ordinary one",
        book(TITLE, COUNT, generated("n * 2")),
        book(TITLE, COUNT, column("twice", nullable=True)),
    ),
    (
        "a column of a formula is renamed",
        book(TITLE, COUNT, generated("n * 2")),
        book(
            TITLE,
            column("m", nullable=True, old_name="n"),
            generated("m * 2"),
        ),
    ),
    ("another direction", indexed(fields=["n"]), indexed(fields=["-n"])),
]


@pytest.mark.parametrize(
    ("old", "new"), [pytest.param(*change[1:], id=change[0]) for change in CHANGES]
)
async def test_a_change_of_definition_is_applied_once_and_equals_a_fresh_database(
    tmp_path: Path, old: dict[str, Any], new: dict[str, Any]
) -> None:
    async with project(tmp_path) as one:
        await one.settled(old)
        one.sql("INSERT INTO library_book (title, n) VALUES ('one', 4)")
        assert (await one.settled(new)).operations
        migrated = await one.schema()
        assert one.sql("SELECT title FROM library_book") == [("one",)]
        one.check()
    (tmp_path / "fresh").mkdir()
    async with project(tmp_path / "fresh") as other:
        await other.settled(new)
        # SQLite quotes what it renames in an expression.
        assert str(await other.schema()) == str(migrated).replace('"', "")


async def inserted(one: Project, *columns: str) -> list[Any]:
    """Return what a row has in some columns of which the INSERT said nothing."""
    one.sql("INSERT INTO library_book (title) VALUES ('new')")
    return one.sql(f"SELECT {', '.join(columns)} FROM library_book WHERE title = 'new'")


async def test_a_default_fills_the_rows_there_are_and_those_to_come(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(book(TITLE))
        one.sql("INSERT INTO library_book (title) VALUES ('old')")
        await one.settled(book(TITLE, column("n", db_default="3 + 4")))
        assert one.sql("SELECT n FROM library_book") == [(7,)]
        assert await inserted(one, "n") == [(7,)]


async def test_a_default_of_the_model_fills_rows_once_and_one_of_the_database_stays(
    tmp_path: Path, vendor: str
) -> None:
    async with project(tmp_path) as one:
        await one.settled(book(TITLE))
        await one.settled(book(TITLE, column("n", nullable=True, default=5)))
        if vendor != "sqlite":  # There it stays until the table is copied, which does no harm.
            assert await inserted(one, "n") == [(None,)]
        await one.settled(book(TITLE, column("n", nullable=True, default=5, db_default="6")))
        one.sql("DELETE FROM library_book")
        assert await inserted(one, "n") == [(6,)]


async def test_a_formula_is_worked_out_for_old_and_new_rows_and_again_when_it_changes(
    tmp_path: Path,
) -> None:
    async with project(tmp_path) as one:
        await one.settled(PLAIN)
        one.sql("INSERT INTO library_book (title, n) VALUES ('a', 4)")
        await one.settled(book(TITLE, COUNT, generated("n * 2")))
        one.sql("INSERT INTO library_book (title, n) VALUES ('b', 5)")
        assert one.sql("SELECT twice FROM library_book ORDER BY n") == [(8,), (10,)]
        await one.settled(book(TITLE, COUNT, generated("n * 3")))
        assert one.sql("SELECT twice FROM library_book ORDER BY n") == [(12,), (15,)]


async def test_a_column_that_becomes_generated_tells_how_many_values_are_lost(
    tmp_path: Path,
) -> None:
    async with project(tmp_path) as one:
        await one.settled(book(TITLE, COUNT, column("twice", nullable=True)))
        one.sql("INSERT INTO library_book (title, n, twice) VALUES ('a', 4, 1), ('b', 5, NULL)")
        result = await one.settled(book(TITLE, COUNT, generated("n * 2")))
        assert result.warnings == ["rows that lose their value of library_book.twice: 1"]


async def test_a_generated_column_that_becomes_ordinary_keeps_its_values(tmp_path: Path) -> None:
    async with project(tmp_path) as one:
        await one.settled(book(TITLE, COUNT, generated("n * 2")))
        one.sql("INSERT INTO library_book (title, n) VALUES ('a', 4)")
        await one.settled(book(TITLE, COUNT, column("twice", nullable=True)))
        assert one.sql("SELECT twice FROM library_book") == [(8,)]
        one.sql("UPDATE library_book SET twice = 1")


async def test_rows_that_break_a_functional_unique_index_stop_the_run(
    tmp_path: Path, vendor: str
) -> None:
    if vendor == "mysql":
        pytest.skip("another vendor: it is refused there")
    async with project(tmp_path) as one:
        await one.settled(PLAIN)
        one.sql("INSERT INTO library_book (title, n) VALUES ('a', 4), ('A', 5), ('b', 6)")
        with pytest.raises(MigrationError, match=r"nothing was changed: .*not unique .*: 2;"):
            await one.migrate(constrained(expressions=["lower(title)"]))


@pytest.mark.parametrize("kind", ["table", "column", "index", "constraint"])
async def test_a_name_the_database_would_cut_off_is_refused_before_anything_is_sent(
    tmp_path: Path, vendor: str, kind: str
) -> None:
    name = "n" * 65
    schemas = {
        "table": schema(f"library_{name}", TITLE),
        "column": book(TITLE, column(name, nullable=True)),
        "index": book(TITLE, indexes=[{"name": name, "fields": ["title"]}]),
        "constraint": book(
            TITLE, constraints=[{"name": name, "type": "CHECK", "check": "title <> ''"}]
        ),
    }
    async with project(tmp_path) as one:
        await one.settled(SHELF)
        if vendor == "sqlite":
            await one.settled(SHELF, schemas[kind])
            return
        limit = "63 bytes" if vendor == "postgresql" else "64 characters"
        with pytest.raises(MigrationError, match=f"{name}' is longer than the {limit}"):
            await one.migrate(SHELF, schemas[kind])
        assert (await one.migrate(SHELF)).operations == []


async def test_a_name_that_just_fits_is_taken(tmp_path: Path, vendor: str) -> None:
    longest = {"sqlite": 200, "postgresql": 63, "mysql": 64}[vendor]
    name = "é" * 31 + "n" if vendor == "postgresql" else "n" * longest
    async with project(tmp_path) as one:
        await one.settled(book(TITLE, column(name, nullable=True)))
        assert name in names_of((await one.schema())["library_book"])
