"""Looks at the rows before a change, and the change told in sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from openviper.db.dialects.ddl import NEW_FORMULA, TableChange
from openviper.db.dialects.definitions import Check, LiveTable, table_indexes
from openviper.db.dialects.row_checks import SAMPLE_SIZE, row_checks
from openviper.db.schemas.schema_files import table_of
from tests.unit.db.schemas.builders import column, schema


def quote(name: str) -> str:
    return f"<{name}>"


def fits(_sql: str, _live_type: str, _column: Any) -> str:
    return ""


def change(*columns: Any, live: tuple[Any, ...] = (), **keys: Any) -> TableChange:
    """Return a change of a table with the live columns; each test says what differs."""
    known = {each["name"]: each for each in live}
    wanted = table_of(schema("shop_a", *columns, **keys))
    return TableChange("shop_a", wanted, LiveTable("shop_a", known, [], [], None))


def looks(
    made: TableChange, misfit: Callable[[str, str, Any], str] = fits
) -> list[tuple[str, str, bool]]:
    """Return each problem, the condition of the rows that have it, and whether it stops the run."""
    return [
        (each.problem, each.counting.partition(" WHERE ")[2], each.fatal)
        for each in row_checks(made, quote, misfit)
    ]


def test_a_new_table_has_no_rows() -> None:
    made = TableChange("shop_a", table_of(schema("shop_a", column("n"))), None)
    assert row_checks(made, quote, fits) == []
    assert made and made.describe() == ["create table shop_a"] and made.label == "shop.A"


def test_a_table_that_is_as_it_should_be_needs_nothing() -> None:
    made = change(column("n"), live=(column("n"),))
    assert not made and made.describe() == [] and looks(made) == []


@pytest.mark.parametrize(
    ("facts", "is_looked_at"),
    [
        ({}, True),
        ({"nullable": True}, False),
        ({"db_default": "1"}, False),
        ({"default": 5}, False),
    ],
)
def test_a_new_column_needs_a_value_for_each_row(facts: Any, is_looked_at: bool) -> None:
    made = change(column("n", **facts))
    made.added = [column("n", **facts)]
    problem = (
        "rows without a value for the new column shop_a.n, which is NOT NULL without a default"
    )
    assert looks(made) == ([(problem, "1 = 1", True)] if is_looked_at else [])


def test_a_column_that_may_no_longer_be_null_is_looked_at_under_its_old_name() -> None:
    made = change(column("n"), live=(column("m", "TEXT", nullable=True),))
    made.renames = [("m", "n")]
    made.altered = {"n": ["not null"]}
    found = looks(made, lambda sql, live, wanted: f"{sql} {live} {wanted['type']}")
    assert found == [
        ("rows with NULL in shop_a.n, which becomes NOT NULL", "<m> IS NULL", True),
        (
            "rows that do not fit INTEGER in shop_a.n",
            "<m> IS NOT NULL AND (<m> TEXT INTEGER)",
            True,
        ),
    ]


def test_values_that_go_are_counted_and_stop_nothing() -> None:
    made = change(column("n"), live=(column("n"), column("gone")))
    made.dropped = ["gone"]
    assert looks(made) == [
        ("rows that lose their value of shop_a.gone", "<gone> IS NOT NULL", False)
    ]
    (look,) = row_checks(made, quote, fits)
    assert look.counting == "SELECT count(*) FROM <shop_a> WHERE <gone> IS NOT NULL"
    assert look.sample == f"SELECT * FROM <shop_a> WHERE <gone> IS NOT NULL LIMIT {SAMPLE_SIZE}"


def test_a_renamed_table_is_read_under_its_old_name() -> None:
    made = change(column("n"), live=(column("n"), column("gone")))
    made.renamed_from, made.dropped = "shop_old", ["gone"]
    (look,) = row_checks(made, quote, fits)
    assert "FROM <shop_old> WHERE" in look.counting


UNIQUE = {"name": "u", "type": "UNIQUE", "fields": ["a", "b"]}


@pytest.mark.parametrize(
    ("facts", "where"),
    [
        ({}, "<a> IS NOT NULL AND <b> IS NOT NULL"),
        ({"condition": "a > 1"}, "<a> IS NOT NULL AND <b> IS NOT NULL AND (a > 1)"),
        ({"nulls_distinct": False}, "1 = 1"),
    ],
)
def test_rows_that_a_unique_index_would_refuse(facts: Any, where: str) -> None:
    made = change(
        column("a"), column("b"), live=(column("a"), column("b")), constraints=[UNIQUE | facts]
    )
    made.added_indexes = table_indexes("shop_a", made.wanted)
    (look,) = row_checks(made, quote, fits)
    assert look.problem == "rows that are not unique in shop_a (a, b)" and look.fatal
    assert f"FROM <shop_a> WHERE {where} GROUP BY <a>, <b> HAVING count(*) > 1" in look.sample


def test_an_index_over_columns_that_are_not_there_yet_decides_by_itself() -> None:
    made = change(column("a"), column("b"), live=(column("a"),), constraints=[UNIQUE])
    made.added_indexes = table_indexes("shop_a", made.wanted)
    made.added = [column("b", nullable=True)]
    assert looks(made) == []
    remade = change(column("a"), column("b"), live=(column("a"), column("b")), constraints=[UNIQUE])
    remade.added_indexes = made.added_indexes
    remade.altered = {"b": [NEW_FORMULA]}
    assert not any("unique" in problem for problem, _, _ in looks(remade))


@pytest.mark.parametrize(
    ("facts", "is_looked_at"),
    [
        ({}, True),
        ({"added": [column("n", nullable=True)]}, False),
        ({"renames": [("m", "n")]}, False),
    ],
)
def test_rows_that_break_a_new_check(facts: dict[str, Any], is_looked_at: bool) -> None:
    made = change(column("n"), live=(column("n"),))
    made.added_checks = [
        Check("positive", "n > 0"),
        Check("apart", "EXCLUDE USING gist (n WITH =)"),
    ]
    for name, value in facts.items():
        setattr(made, name, value)
    expected = [("rows that break the check positive of shop_a", "NOT (n > 0)", True)]
    assert looks(made) == (expected if is_looked_at else [])


FORMULA: dict[str, Any] = {"generated": {"expression": "a + 1", "stored": True}}


def test_a_column_that_becomes_generated_loses_its_values() -> None:
    made = change(column("a"), column("n", **FORMULA), live=(column("a"), column("n")))
    made.altered = {"n": [NEW_FORMULA]}
    assert made.remade == made.overwritten == {"n"}
    assert looks(made) == [("rows that lose their value of shop_a.n", "<n> IS NOT NULL", False)]
    again = change(column("n", **FORMULA), live=(column("n", **FORMULA),))
    again.altered = {"n": [NEW_FORMULA]}
    assert again.remade == {"n"} and again.overwritten == set() and looks(again) == []


def test_what_is_worked_out_from_others_comes_last_and_goes_first() -> None:
    live = (column("a"), column("n", **FORMULA))
    made = change(column("a"), live=live)
    made.added = [column("x", **FORMULA), column("y")]
    made.dropped = ["a", "n"]
    assert [each["name"] for each in made.ordered] == ["y", "x"]
    assert made.leaving == ["n", "a"]


def test_a_change_in_sentences() -> None:
    made = change(column("a"), column("b"), live=(column("a"),), constraints=[UNIQUE])
    made.renamed_from = "shop_old"
    made.renames = [("m", "a")]
    made.added = [column("b")]
    made.altered = {"a": ["type", "not null"]}
    made.dropped = ["gone"]
    made.added_indexes = table_indexes("shop_a", made.wanted)
    made.added_checks = [Check("c", "a > 0"), Check("e", "EXCLUDE USING gist (a WITH =)")]
    made.dropped_checks = [Check("", "a > 1")]
    assert made.describe() == [
        "rename table shop_old to shop_a",
        "rename column shop_a.m to a",
        "add column shop_a.b INTEGER",
        "alter column shop_a.a: type, not null",
        "drop column shop_a.gone",
        "add unique constraint u on shop_a (a, b)",
        "add check c to shop_a: a > 0",
        "add exclusion e to shop_a: EXCLUDE USING gist (a WITH =)",
        "drop check a > 1 of shop_a",
    ]
    assert made.live_name("a") == "m" and made.live_name("b") == "b"
