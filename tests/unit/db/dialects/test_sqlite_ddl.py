"""Reading and writing the SQL text of SQLite schemas."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from openviper.db.dialects.definitions import LiveTable
from openviper.db.dialects.sql_text import mentions, normalise_expression, rename_identifiers
from openviper.db.dialects.sqlite_ddl import SQLiteDDL
from openviper.db.dialects.sqlite_introspection import CreateStatement
from openviper.db.dialects.sqlite_rows import conversion
from tests.unit.db.schemas.builders import column


def live_tables(*statements: str) -> dict[str, LiveTable]:
    """Return the tables that some statements make."""
    dialect = SQLiteDDL()
    connection = sqlite3.connect(":memory:")
    try:
        for statement in statements:
            connection.execute(statement)
        results = [
            connection.execute(query).fetchall() for query in dialect.introspection_queries()
        ]
    finally:
        connection.close()
    return dialect.read_tables(results, None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("copies <= 999", "( copies<=999 )"),
        ('"Copies" == 1', "copies = 1"),
        ("((a AND b))", "A and B /* note */"),
        ("state != 'New'", "state <> 'New'"),
    ],
)
def test_expressions_that_mean_the_same_compare_equal(one: str, other: str) -> None:
    assert normalise_expression(one) == normalise_expression(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a = 'x'", "a = 'X'"),
        ("a AND (b OR c)", "(a AND b) OR c"),
        ("a < 1", "a <= 1"),
        ("(a) + (b)", "a) + (b"),
    ],
)
def test_expressions_that_differ_compare_unequal(one: str, other: str) -> None:
    assert normalise_expression(one) != normalise_expression(other)


def test_renaming_leaves_strings_and_comments_alone() -> None:
    sql = "a > 'a' /* a */ AND \"a\" = [a] AND ab"
    assert rename_identifiers(sql, {"a": "b"}) == '"b" > \'a\' /* a */ AND "b" = "b" AND ab'
    assert mentions(sql, ["A"])
    assert not mentions("'a' = b", ["a"])


def test_a_create_statement_is_taken_apart() -> None:
    read = CreateStatement(
        """CREATE TABLE "odd (name" (
            id INTEGER PRIMARY KEY AUTOINCREMENT, -- the key, (always)
            "two words" TEXT DEFAULT 'a, b)' CONSTRAINT short CHECK (length("two words") < 10 AND (1)),
            p NUMERIC(8, 2) CHECK (p > 0),
            FOREIGN KEY (p, id) REFERENCES other (x, y),
            CONSTRAINT c CHECK (p <> ')'),
            UNIQUE (p, id)
        ) WITHOUT ROWID"""
    )
    assert list(read.columns) == ["id", "two words", "p"]
    assert read.autoincrement == "id"
    assert read.options == " WITHOUT ROWID"
    assert [tuple(check) for check in read.checks] == [
        ("short", 'length("two words") < 10 AND (1)', "two words"),
        ("", "p > 0", "p"),
        ("c", "p <> ')'", None),
    ]
    assert [columns for columns, _ in read.foreign_keys] == [("p", "id")]


def test_live_tables_tell_columns_keys_and_indexes() -> None:
    tables = live_tables(
        "CREATE TABLE shelf (id INTEGER PRIMARY KEY, name VARCHAR(9) UNIQUE)",
        "CREATE TABLE book (id INTEGER PRIMARY KEY, shelf_id INT REFERENCES shelf ON DELETE SET NULL, t TEXT NOT NULL,"
        " twice INT GENERATED ALWAYS AS (id * 2))",
        "CREATE INDEX i ON book (t, shelf_id) WHERE t <> 'x'",
        "CREATE INDEX hand ON book (lower(t))",
        "CREATE TRIGGER trg AFTER INSERT ON book BEGIN DELETE FROM shelf; END",
    )
    book = tables["book"]
    assert book.columns["shelf_id"]["target_table"] == "shelf"
    assert book.columns["shelf_id"]["on_delete"] == "SET NULL"
    assert book.columns["shelf_id"]["nullable"]
    assert not book.columns["t"]["nullable"]
    indexes = {index.name: index for index in book.indexes}
    assert indexes["i"].columns == ("t", "shelf_id")
    assert indexes["i"].definition.condition == "t <> 'x'"
    assert indexes["hand"].columns == ()
    assert book.source.generated == {"twice"}
    assert len(book.source.triggers) == 1
    assert tables["shelf"].indexes[0].is_constraint


@pytest.mark.parametrize(
    ("entry", "live", "same"),
    [
        (column("a", "BOOLEAN"), "INTEGER", True),
        (column("a", "INTEGER"), "BIGINT", False),
        (column("a", "VARCHAR(10)"), "varchar(10)", True),
        (column("a", "VARCHAR(10)"), "VARCHAR(11)", False),
        (column("a", "NUMERIC(8,2)"), "DECIMAL(8, 2)", True),
        (column("a", "UUID"), "CHAR(36)", True),
        (column("a", "DATETIME"), "TIMESTAMP", True),
        (column("a", "DATE"), "DATETIME", False),
        (column("a", "BIGINT", primary_key=True, autoincrement=True), "INTEGER", True),
        (column("a", "TEXT[]"), "TEXT", True),
    ],
)
def test_types_are_the_same_within_their_family(entry: Any, live: str, same: bool) -> None:
    assert SQLiteDDL().same_type(entry, live) is same


def test_values_are_cast_only_where_the_kind_of_storage_changes() -> None:
    assert conversion("x", "VARCHAR(9)", column("a", "TEXT")) == "x"
    assert conversion("x", "TEXT", column("a", "INTEGER")) == "CAST(x AS INTEGER)"
    assert conversion("x", "DATETIME", column("a", "DATE")) == "substr(x, 1, 10)"


def test_a_column_definition_names_its_default_only_where_the_database_needs_it() -> None:
    dialect = SQLiteDDL()
    entry = column("a", "VARCHAR(5)", default="it's")
    assert dialect.column(entry) == '"a" VARCHAR(5) NOT NULL'
    assert dialect.column(entry, with_default=True).endswith("DEFAULT 'it''s'")
    key = column("b", default=1, target_table="t", on_delete="SET DEFAULT")
    assert dialect.column(key) == (
        '"b" INTEGER NOT NULL DEFAULT 1 REFERENCES "t" ON DELETE SET DEFAULT'
    )
