"""What the text of a CREATE TABLE or CREATE INDEX of SQLite says beyond the pragmas."""

from __future__ import annotations

import sqlite3

import pytest

from openviper.db.dialects.definitions import Check, Definition, LiveTable, Part
from openviper.db.dialects.sqlite_introspection import (
    QUERIES,
    CreateStatement,
    read_tables,
    split_items,
)


def live(*statements: str) -> dict[str, LiveTable]:
    connection = sqlite3.connect(":memory:")
    try:
        for statement in statements:
            connection.execute(statement)
        return read_tables([connection.execute(query).fetchall() for query in QUERIES], None)
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("sql", "items", "rest"),
    [
        ("CREATE TABLE t (a, b)", ["a", "b"], ""),
        ("CREATE TABLE t (a CHECK (a IN (1, 2)), b) WITHOUT ROWID", ["a CHECK (a IN (1, 2))", "b"], " WITHOUT ROWID"),
        ("CREATE TABLE \"t(\" (\"a,b\", 'c)')", ['"a,b"', "'c)'"], ""),
        ("CREATE TABLE t (a, -- one, two)\n b)", ["a", "-- one, two)\n b"], ""),
        ("CREATE INDEX i ON t (lower(a), b DESC) WHERE b > (1)", ["lower(a)", "b DESC"], " WHERE b > (1)"),
        ("CREATE VIEW v AS SELECT 1", [], ""),
        ("", [], ""),
    ],
)  # fmt: skip
def test_items_stand_between_the_outer_parentheses(sql: str, items: list[str], rest: str) -> None:
    assert split_items(sql) == (items, rest)


def test_checks_are_found_with_their_name_and_their_column() -> None:
    found = CreateStatement(
        "CREATE TABLE t (a INT CONSTRAINT pos CHECK (a > 0) CHECK ((a) < 9), check_b TEXT DEFAULT 'CHECK (x)',"
        " CONSTRAINT both CHECK (a <> 5), CHECK (check_b <> ')'))"
    ).checks
    assert found == [
        Check("pos", "a > 0", "a"),
        Check("", "(a) < 9", "a"),
        Check("both", "a <> 5", None),
        Check("", "check_b <> ')'", None),
    ]


def test_defaults_in_parentheses_are_the_databases_own_and_others_are_not() -> None:
    statement = CreateStatement(
        "CREATE TABLE t (a INT DEFAULT (1 + 2), b INT DEFAULT 3, c TEXT DEFAULT ('it''s (x)'), d DEFAULT (NULL))"
    )
    assert statement.defaults == {"a": "1 + 2", "c": "'it''s (x)'", "d": "NULL"}
    columns = live("CREATE TABLE t (a INT DEFAULT (1 + 2), b INT DEFAULT 3, d DEFAULT (NULL))")[
        "t"
    ].columns
    assert columns["a"]["db_default"] == "1 + 2"
    assert "db_default" not in columns["b"]
    assert "db_default" not in columns["d"]


def test_generated_columns_have_their_formula_and_whether_it_is_kept() -> None:
    columns = live(
        "CREATE TABLE t (a INTEGER, b INTEGER GENERATED ALWAYS AS (a * (2)) STORED, c TEXT AS (a || ')'))"
    )["t"].columns
    assert columns["b"]["generated"] == {"expression": "a * (2)", "stored": True}
    assert columns["c"]["generated"] == {"expression": "a || ')'", "stored": False}
    assert (columns["b"]["type"], columns["c"]["type"]) == ("INTEGER", "TEXT")
    assert "generated" not in columns["a"]


@pytest.mark.parametrize(
    ("tail", "definition"),
    [
        ("(a, b DESC)", Definition((Part("a"), Part("b", descending=True)))),
        ("(lower(a) DESC, b)", Definition((Part("", "lower(a)", True), Part("b")))),
        (
            "(a + 1 ASC) WHERE a > 'WHERE'",
            Definition((Part("", "a + 1"),), condition="a > 'WHERE'"),
        ),
        ("(a COLLATE NOCASE)", Definition(())),
        ("(a) /* partial */ where (b)", Definition((Part("a"),), condition="(b)")),
    ],
)
def test_an_index_is_read_as_it_would_be_stated(tail: str, definition: Definition) -> None:
    table = live("CREATE TABLE t (a TEXT, b INT)", f"CREATE INDEX i ON t {tail}")["t"]
    assert [index.definition for index in table.indexes] == [definition]


def test_unique_indexes_and_constraints_are_told_apart() -> None:
    table = live("CREATE TABLE t (a UNIQUE, b)", "CREATE UNIQUE INDEX i ON t (b)")["t"]
    assert {index.columns: index.is_constraint for index in table.indexes} == {
        ("a",): True,
        ("b",): False,
    }
    assert all(index.definition.unique for index in table.indexes)


def test_foreign_keys_of_one_column_belong_to_it_and_others_to_the_table() -> None:
    table = live(
        "CREATE TABLE p (a, b, PRIMARY KEY (a, b))",
        "CREATE TABLE t (x REFERENCES p ON DELETE CASCADE, y, z, FOREIGN KEY (y, z) REFERENCES p (a, b))",
    )["t"]
    assert table.columns["x"]["target_table"] == "p"
    assert table.columns["x"]["on_delete"] == "CASCADE"
    assert "target_table" not in table.columns["y"]
    assert table.source.foreign_keys == [(("y", "z"), "FOREIGN KEY (y, z) REFERENCES p (a, b)")]


def test_only_the_tables_that_are_asked_for_are_read() -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        "CREATE TABLE a (x); CREATE TABLE b (x INTEGER PRIMARY KEY AUTOINCREMENT);"
    )
    results = [connection.execute(query).fetchall() for query in QUERIES]
    connection.close()
    assert set(read_tables(results, None)) == {"a", "b"}
    found = read_tables(results, ["b", "c"])
    assert list(found) == ["b"]
    assert found["b"].columns["x"]["autoincrement"]
