"""What a database cannot have, said before anything is written or sent."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.db.dialects.support import is_too_long, refusals, refuse
from openviper.db.schemas.schema_files import table_of
from openviper.exceptions import MigrationError
from tests.unit.db.schemas.builders import column, schema

TITLE = column("title", "VARCHAR(9)")


def problems(vendor: str, *columns: Any, table: str = "shop_a", **keys: Any) -> list[str]:
    return refusals(vendor, table, table_of(schema(table, TITLE, *columns, **keys)))


@pytest.mark.parametrize("vendor", ["sqlite", "postgresql", "mysql"])
def test_what_every_database_has_is_not_refused(vendor: str) -> None:
    assert problems(
        vendor,
        column("n", db_default="1"),
        unique_together=[["title", "n"]],
        indexes=[{"name": "i", "fields": ["-n", "title"]}],
        constraints=[{"name": "c", "type": "CHECK", "check": "n > 0"}],
    ) == []  # fmt: skip


def test_each_problem_is_a_sentence_with_the_model_the_name_and_the_database() -> None:
    index = {
        "name": "i",
        "fields": ["title"],
        "include": ["id"],
        "using": "gin",
        "condition": "id > 1",
    }
    found = problems("mysql", indexes=[index])
    assert [text.partition(": ")[0] for text in found] == ["shop.A"] * 3
    assert "index 'i' includes columns, which MariaDB or MySQL cannot" in found[0]
    assert "uses the method 'gin'" in found[1]
    assert "know no partial indexes" in found[2]


def test_all_problems_of_all_tables_are_told_at_once() -> None:
    tables = {
        name: table_of(schema(name, TITLE, column("x", "TEXT", unique=True)))
        for name in ("shop_a", "shop_b")
    }
    with pytest.raises(MigrationError) as caught:
        refuse("mysql", tables, "main")
    lines = str(caught.value).splitlines()
    assert [line[:6] for line in lines] == ["shop.A", "shop.B"]
    assert all("give 'x' a max_length (database 'main')" in line for line in lines)
    refuse("sqlite", tables, "main")


@pytest.mark.parametrize("neutral", ["TEXT", "JSON", "BINARY", "INTEGER[]"])
def test_what_has_no_length_cannot_be_unique_on_mariadb(neutral: str) -> None:
    together = [["title", "x"]]
    assert len(problems("mysql", column("x", neutral), unique_together=together)) == 1
    assert problems("postgresql", column("x", neutral), unique_together=together) == []


@pytest.mark.parametrize(
    ("vendor", "name", "too_long"),
    [
        ("postgresql", "n" * 63, False),
        ("postgresql", "n" * 64, True),
        ("postgresql", "\u00e9" * 32, True),
        ("mysql", "n" * 64, False),
        ("mysql", "\u00e9" * 64, False),
        ("mysql", "n" * 65, True),
        ("sqlite", "n" * 1000, False),
    ],
)
def test_names_are_measured_as_each_database_does(vendor: str, name: str, too_long: bool) -> None:
    assert is_too_long(vendor, name) is too_long
    assert bool(problems(vendor, column(name))) is too_long


def test_a_table_name_that_is_too_long_is_the_only_thing_said() -> None:
    (problem,) = problems("postgresql", table="shop_" + "n" * 60)
    assert "name of table 'shop_nnn" in problem


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ({"columns": column("x", db_default={"mysql": "1"})}, "db default of 'x'"),
        (
            {"columns": column("x", generated={"expression": {"mysql": "1"}, "stored": True})},
            "formula of 'x'",
        ),
        ({"indexes": [{"name": "i", "expressions": [{"mysql": "n"}]}]}, "expressions of 'i'"),
        (
            {"constraints": [{"name": "c", "type": "CHECK", "check": {"mysql": "1 = 1"}}]},
            "check of 'c'",
        ),
    ],
)
def test_sql_that_is_stated_for_another_vendor_only_is_refused(
    entry: dict[str, Any], word: str
) -> None:
    columns = [entry.pop("columns")] if "columns" in entry else []
    (problem,) = problems("postgresql", *columns, **entry)
    assert problem == f"shop.A: {word} is not known to PostgreSQL"


def test_a_default_that_looks_like_sql_by_vendor_is_a_value() -> None:
    assert problems("sqlite", column("x", "JSON", default={"mysql": 1})) == []


def test_a_deferrable_constraint_has_neither_condition_nor_expressions() -> None:
    constraint = {"name": "c", "type": "UNIQUE", "fields": ["title"], "deferrable": "deferred"}
    assert problems("postgresql", constraints=[constraint]) == []
    (problem,) = problems("postgresql", constraints=[{**constraint, "condition": "id > 1"}])
    assert "neither a condition nor expressions" in problem
