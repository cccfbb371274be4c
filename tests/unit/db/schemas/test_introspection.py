"""A live table told in the form of a schema file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from openviper.db.connection import atomic
from openviper.db.connections.databases import connections
from openviper.db.dialects.definitions import Check, Definition, LiveIndex, LiveTable, Part
from openviper.db.exceptions import DatabaseAliasNotFoundError
from openviper.db.schemas.introspection import describe, introspect_db_schema
from tests.unit.db.schemas.live import live_tables

BOOK = """
    CREATE TABLE book (
        id INTEGER PRIMARY KEY, title VARCHAR(9) NOT NULL, isbn TEXT UNIQUE, n INTEGER CHECK (n > 0),
        shelf_id INTEGER REFERENCES shelf (id) ON DELETE SET NULL
    )
"""


def described(*statements: str, name: str = "book") -> dict[str, Any]:
    return describe(live_tables(*statements)[name])


def test_columns_are_sorted_and_a_unique_one_says_so() -> None:
    columns = described(BOOK)["columns"]
    assert [entry["name"] for entry in columns] == ["id", "isbn", "n", "shelf_id", "title"]
    assert {entry["name"] for entry in columns if entry.get("unique")} == {"isbn"}
    assert {entry["name"] for entry in columns if not entry["nullable"]} == {"id", "title"}
    shelf = columns[3]
    assert (shelf["target_table"], shelf["on_delete"]) == ("shelf", "SET NULL")


def test_a_unique_index_on_the_key_does_not_make_the_key_say_unique() -> None:
    table = described(
        "CREATE TABLE book (id INTEGER PRIMARY KEY)", "CREATE UNIQUE INDEX u ON book (id)"
    )
    assert "unique" not in table["columns"][0]


@pytest.mark.parametrize(
    ("statement", "entry"),
    [
        ("CREATE INDEX i ON book (title)", {"name": "i", "fields": ["title"]}),
        ("CREATE INDEX i ON book (title, n DESC)", {"name": "i", "fields": ["title", "-n"]}),
        ("CREATE INDEX i ON book (lower(title))", {"name": "i", "fields": ["(lower(title))"]}),
        (
            "CREATE INDEX i ON book (lower(title) DESC, n)",
            {"name": "i", "fields": ["-(lower(title))", "n"]},
        ),
        (
            "CREATE INDEX i ON book (title) WHERE n > 1",
            {"name": "i", "fields": ["title"], "condition": "n > 1"},
        ),
        ("CREATE INDEX i ON book (title COLLATE NOCASE)", {"name": "i", "fields": []}),
    ],
)
def test_an_index_is_told_with_what_it_has(statement: str, entry: dict[str, Any]) -> None:
    assert described(BOOK, statement)["indexes"] == [entry]


@pytest.mark.parametrize(
    ("statement", "group", "constraints"),
    [
        ("CREATE UNIQUE INDEX u ON book (title)", [], []),
        ("CREATE UNIQUE INDEX u ON book (title, n)", [["title", "n"]], []),
        (
            "CREATE UNIQUE INDEX u ON book (title) WHERE n > 1", [],
            [{"name": "u", "fields": ["title"], "type": "UNIQUE", "condition": "n > 1"}],
        ),
        (
            "CREATE UNIQUE INDEX u ON book (lower(title))", [],
            [{"name": "u", "fields": ["(lower(title))"], "type": "UNIQUE"}],
        ),
        (
            "CREATE UNIQUE INDEX u ON book (title DESC)", [],
            [{"name": "u", "fields": ["-title"], "type": "UNIQUE"}],
        ),
    ],
)  # fmt: skip
def test_a_unique_index_is_a_flag_a_group_or_a_constraint(
    statement: str, group: list[list[str]], constraints: list[dict[str, Any]]
) -> None:
    table = described(BOOK, statement)
    assert table["unique_together"] == group
    assert [entry for entry in table["constraints"] if entry["type"] == "UNIQUE"] == constraints
    is_flagged = any(each["name"] == "title" and each.get("unique") for each in table["columns"])
    assert is_flagged is (not group and not constraints)
    assert table["indexes"] == []


def test_checks_are_constraints() -> None:
    (check,) = described(BOOK)["constraints"]
    assert (check["type"], check["check"]) == ("CHECK", "n > 0")


def test_what_only_postgresql_has_is_told_where_it_differs_from_the_rule() -> None:
    index = Definition(
        (Part("a", operator_class="text_ops"), Part("b", descending=True)), unique=True,
        include=("c",), method="gist", deferrable="deferred", nulls_distinct=False,
    )  # fmt: skip
    table = LiveTable(
        "t", {}, [LiveIndex("u", index, False, "")], [Check("x", "EXCLUDE USING gist (a WITH =)"), Check("c", "a > 1")], None
    )  # fmt: skip
    described = describe(table)
    assert described["constraints"] == [
        {"name": "c", "type": "CHECK", "check": "a > 1"},
        {
            "name": "u", "fields": ["a", "-b"], "type": "UNIQUE", "include": ["c"], "using": "gist",
            "opclasses": ["text_ops", ""], "deferrable": "deferred", "nulls_distinct": False,
        },
        {"name": "x", "type": "EXCLUDE", "check": "EXCLUDE USING gist (a WITH =)"},
    ]  # fmt: skip


@pytest.fixture
async def database() -> AsyncIterator[None]:
    """A database in memory with a table of schema sync and two others."""
    connections.configure({"default": {"URL": "sqlite:///:memory:"}})
    async with atomic() as connection:
        for name in ("zoo", "openviper_schema", "ape"):
            await connection.execute(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY)")
    yield
    await connections.disconnect_all()
    connections.reset()


@pytest.mark.usefixtures("database")
async def test_the_tables_of_schema_sync_are_told_only_when_they_are_named() -> None:
    assert list(await introspect_db_schema()) == ["ape", "zoo"]
    assert list(await introspect_db_schema(["openviper_schema", "zoo"])) == [
        "openviper_schema",
        "zoo",
    ]
    assert await introspect_db_schema([]) == {}
    assert await introspect_db_schema(["nowhere"]) == {}


@pytest.mark.usefixtures("database")
async def test_an_unknown_database_is_refused() -> None:
    with pytest.raises(DatabaseAliasNotFoundError, match="archive"):
        await introspect_db_schema(db_alias="archive")
