"""What of a live table differs from the wanted one: columns, indexes, checks."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from openviper.db.dialects.ddl import TableChange
from openviper.db.dialects.sqlite_ddl import SQLiteDDL
from openviper.db.schemas.diff import diff_table
from openviper.db.schemas.schema_files import table_of
from tests.unit.db.schemas.builders import column, schema

DIALECT = SQLiteDDL()
TITLE = column("title", "VARCHAR(9)")
COUNT = column("n", nullable=True)


def wanted(*columns: Any, **keys: Any) -> Any:
    return table_of(schema("shop_a", *columns, **keys))


def difference(sql: str, table: Any, before: Any = None) -> TableChange:
    """Return the change from what some statements make to what is wanted."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(sql)
        results = [
            connection.execute(query).fetchall() for query in DIALECT.introspection_queries()
        ]
    finally:
        connection.close()
    live = DIALECT.read_tables(results, None)
    applied = {} if before is None else {"shop_a": before}
    return diff_table("shop_a", table, live, {"shop_a": table}, applied, DIALECT)


def made(table: Any) -> str:
    """Return the statements that make a table."""
    return ";\n".join(DIALECT.create_table("shop_a", table))


FORMULA = {"expression": "n * 2", "stored": True}
TABLES = [
    wanted(TITLE, COUNT),
    wanted(TITLE, column("n", db_default="1 + 2")),
    wanted(TITLE, COUNT, column("g", nullable=True, generated=FORMULA)),
    wanted(TITLE, COUNT, column("g", nullable=True, generated={**FORMULA, "stored": False})),
    wanted(TITLE, COUNT, indexes=[{"name": "i", "fields": ["-n", "title"], "condition": "n > 1"}]),
    wanted(TITLE, indexes=[{"name": "i", "expressions": ["lower(title) DESC", "id + 1"]}]),
    wanted(TITLE, constraints=[{"name": "u", "type": "UNIQUE", "expressions": ["lower(title)"]}]),
    wanted(TITLE, constraints=[{"name": "c", "type": "CHECK", "check": "title <> ','"}]),
    wanted(TITLE, single=True),
]


@pytest.mark.parametrize("table", TABLES)
def test_what_was_made_differs_in_nothing(table: Any) -> None:
    assert not difference(made(table), table)
    assert not difference(made(table), table, before=table)


@pytest.mark.parametrize("number", range(1, len(TABLES)))
def test_what_was_made_otherwise_differs(number: int) -> None:
    assert difference(made(TABLES[0]), TABLES[number], before=TABLES[0])
    assert difference(made(TABLES[number]), TABLES[0], before=TABLES[number])


def test_only_what_openviper_made_is_dropped() -> None:
    table = wanted(TITLE)
    sql = made(wanted(TITLE, COUNT, column("hand", nullable=True)))
    assert sorted(difference(sql, table).kept) == ["hand", "n"]
    change = difference(sql, table, before=wanted(TITLE, COUNT))
    assert (change.dropped, change.kept) == (["n"], ["hand"])


def test_a_default_that_nobody_asked_for_is_nobodys() -> None:
    sql = made(wanted(TITLE, column("n", nullable=True, db_default="1")))
    assert not difference(sql, wanted(TITLE, COUNT))
    change = difference(
        sql, wanted(TITLE, COUNT), before=wanted(TITLE, column("n", nullable=True, db_default="1"))
    )
    assert change.altered == {"n": ["no database default"]}


@pytest.mark.parametrize("default", ["NULL", " null ", "(NULL)"])
def test_a_default_of_null_is_none(default: str) -> None:
    table = DIALECT.adapted(wanted(TITLE, column("n", nullable=True, db_default=default)))
    assert not difference(made(wanted(TITLE, COUNT)), table)


def test_an_expression_is_what_was_applied_under_its_name_in_whatever_words_it_is_stored() -> None:
    index = {"name": "i", "fields": ["title"], "condition": "n IN (1, 2)"}
    stored = {**index, "condition": "((n = 1) OR (n = 2))"}
    table = wanted(TITLE, COUNT, indexes=[index])
    sql = made(wanted(TITLE, COUNT, indexes=[stored]))
    assert difference(sql, table)
    assert not difference(sql, table, before=table)


def test_an_index_of_the_same_name_with_another_outline_is_another_index() -> None:
    index = {"name": "i", "expressions": ["lower(title)"]}
    table = wanted(TITLE, COUNT, indexes=[index])
    for other in (
        {"name": "i", "expressions": ["lower(title)", "n + 1"]},
        {"name": "i", "expressions": ["lower(title) DESC"]},
        {"name": "i", "fields": ["title"]},
        {**index, "condition": "n > 1"},
    ):
        change = difference(made(wanted(TITLE, COUNT, indexes=[other])), table, before=table)
        assert [each.name for each in change.dropped_indexes] == ["i"]
        assert [each.name for each in change.added_indexes] == ["i"]


def test_a_new_formula_has_its_indexes_and_checks_made_anew() -> None:
    def table(expression: str) -> Any:
        formula = {"expression": expression, "stored": True}
        return wanted(
            TITLE,
            COUNT,
            column("g", nullable=True, generated=formula),
            indexes=[{"name": "i", "fields": ["g"]}, {"name": "j", "fields": ["title"]}],
            constraints=[{"name": "c", "type": "CHECK", "check": "g < 9"}],
        )

    change = difference(made(table("n * 2")), table("n * 3"), before=table("n * 2"))
    assert change.remade == {"g"}
    assert [index.name for index in change.dropped_indexes] == ["i"]
    assert [index.name for index in change.added_indexes] == ["i"]
    assert [check.name for check in change.dropped_checks] == ["c"]
    assert [check.name for check in change.added_checks] == ["c"]


def test_a_formula_over_a_column_of_another_type_is_made_anew() -> None:
    formula = {"expression": "n * 2", "stored": True}
    old = wanted(TITLE, COUNT, column("g", nullable=True, generated=formula))
    new = wanted(
        TITLE, column("n", "BIGINT", nullable=True), column("g", nullable=True, generated=formula)
    )
    assert difference(made(old), new, before=old).remade == {"g"}
    other = wanted(
        column("title", "VARCHAR(8)"), COUNT, column("g", nullable=True, generated=formula)
    )
    assert difference(made(old), other, before=old).remade == set()


def test_an_ordinary_column_that_becomes_generated_loses_its_values_and_is_said_to() -> None:
    old = wanted(TITLE, COUNT, column("g", nullable=True))
    new = wanted(TITLE, COUNT, column("g", nullable=True, generated=FORMULA))
    change = difference(made(old), new, before=old)
    assert change.overwritten == {"g"}
    problems = [check.problem for check in DIALECT.row_checks(change, {})]
    assert problems == ["rows that lose their value of shop_a.g"]
    back = difference(made(new), old, before=new)
    assert back.altered == {"g": ["no formula"]}
    assert back.overwritten == set()


def test_an_index_of_another_hand_stays_unless_it_is_in_the_way() -> None:
    table = wanted(TITLE, COUNT)
    sql = made(table) + "; CREATE INDEX hand ON shop_a (n); CREATE INDEX odd ON shop_a (abs(n))"
    assert not difference(sql, table, before=table)
    named = wanted(TITLE, COUNT, indexes=[{"name": "hand", "fields": ["title"]}])
    assert [each.name for each in difference(sql, named, before=table).dropped_indexes] == ["hand"]
    without = wanted(TITLE)
    assert [each.name for each in difference(sql, without, before=table).dropped_indexes] == [
        "hand"
    ]
