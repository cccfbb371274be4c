"""Indexes, checks and tables as schema files and databases state them."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.db.dialects.definitions import (
    Definition,
    Part,
    by_vendor,
    fills_itself,
    for_vendor,
    is_by_vendor,
    table_checks,
    table_indexes,
    targets_first,
)
from openviper.db.schemas.schema_files import table_of
from tests.unit.db.schemas.builders import column, schema


def table(*columns: Any, **keys: Any) -> Any:
    return table_of(schema("shop_a", *columns, **keys))


def test_every_kind_of_index_of_a_table_is_found_once() -> None:
    found = table_indexes(
        "shop_a",
        table(
            column("a", unique=True),
            column("b"),
            unique_together=[["a", "b"], ["b", "a"]],
            index_together=[["a", "b"]],
            indexes=[{"name": "i", "fields": ["b"]}, {"name": "j", "fields": ["-b"]}, {"name": "k", "fields": ["b"]}],
            constraints=[{"name": "u", "type": "UNIQUE", "fields": ["a"]}],
        ),
    )  # fmt: skip
    assert [index.name for index in found] == [
        "u", "uniq_shop_a_a_b", "uniq_shop_a_b_a", "i", "j", "idx_shop_a_a_b",
    ]  # fmt: skip
    assert [index.words for index in found][-2:] == ["b DESC", "a, b"]


def test_parts_are_columns_or_expressions_each_with_its_direction_and_class() -> None:
    entry = {"name": "i", "expressions": ["lower(a) DESC", "b + 1"], "opclasses": ["x_ops"]}
    (index,) = table_indexes("shop_a", table(column("a"), indexes=[entry]))
    assert index.definition.parts == (
        Part("", "lower(a)", True, "x_ops"),
        Part("", "b + 1", False),
    )
    assert index.columns == ()


def test_a_b_tree_is_what_an_index_is_anyway() -> None:
    entries = [
        {"name": "i", "fields": ["a"], "using": "BTREE"},
        {"name": "j", "fields": ["a"], "using": "hash"},
    ]
    found = table_indexes("shop_a", table(column("a"), indexes=entries))
    assert [index.definition.method for index in found] == ["", "hash"]


def test_definitions_that_mean_the_same_have_the_same_key() -> None:
    one = Definition((Part("", "lower(  Title )"),), condition="(A > 1)")
    other = Definition((Part("", "LOWER(title)"),), condition="a>1")
    assert one != other
    assert one.key == other.key
    assert one.key != other._replace(unique=True).key


def test_the_outline_leaves_out_the_words_only() -> None:
    one = Definition((Part("", "a"), Part("b", descending=True)), condition="x")
    same = Definition((Part("", "z"), Part("b", descending=True)), condition="y")
    assert one.outline == same.outline
    for other in (
        one._replace(condition=None),
        one._replace(parts=one.parts[:1]),
        one._replace(include=("c",)),
        one._replace(parts=(Part("a"), one.parts[1])),
    ):
        assert one.outline != other.outline


def test_renaming_reaches_columns_expressions_condition_and_what_is_included() -> None:
    definition = Definition((Part("a"), Part("", "a + b")), condition="a > 'a'", include=("a",))
    renamed = definition.renamed({"a": "z"})
    assert renamed == Definition(
        (Part("z"), Part("", '"z" + b')), condition="\"z\" > 'a'", include=("z",)
    )
    assert definition.renamed({}) is definition


def test_checks_and_exclusions_have_their_sql() -> None:
    checks = table_checks(
        "shop_a",
        table(
            constraints=[
                {"name": "c", "type": "CHECK", "check": "id > 0"},
                {"name": "x", "type": "EXCLUDE", "elements": [["a", "="], ["b", "&&"]], "condition": "a > 1",
                 "deferrable": "deferred"},
            ],
            single=True,
        ),
    )  # fmt: skip
    assert [check.sql for check in checks] == [
        "CHECK (id > 0)",
        "EXCLUDE USING gist (a WITH =, b WITH &&) WHERE (a > 1) DEFERRABLE INITIALLY DEFERRED",
        "CHECK (id = 1)",
    ]
    assert [check.is_exclusion for check in checks] == [False, True, False]


def test_sql_is_chosen_for_a_vendor_wherever_it_stands() -> None:
    texts = {"sqlite": "l", "mysql": "m"}
    entry = table(
        column("a", db_default=texts, default={"sqlite": 1}),
        column("g", generated={"expression": texts, "stored": True}),
        indexes=[{"name": "i", "expressions": [texts], "condition": texts}],
        constraints=[{"name": "x", "type": "EXCLUDE", "elements": [[texts, "="]]}],
    )
    chosen = for_vendor(entry, "mysql")
    columns = {each["name"]: each for each in chosen["columns"]}
    assert columns["a"]["db_default"] == "m"
    assert columns["a"]["default"] == {"sqlite": 1}
    assert columns["g"]["generated"] == {"expression": "m", "stored": True}
    assert chosen["indexes"][0]["expressions"] == ["m"]
    assert chosen["indexes"][0]["condition"] == "m"
    assert [list(pair) for pair in chosen["constraints"][0]["elements"]] == [["m", "="]]


@pytest.mark.parametrize(
    ("value", "stated"),
    [
        ({"sqlite": "a"}, True),
        ({"sqlite": "a", "postgresql": "b", "mysql": "c"}, True),
        ({}, False),
        ({"sqlite": "a", "oracle": "b"}, False),
        ("a", False),
    ],
)
def test_sql_by_vendor_is_known_by_its_keys(value: Any, stated: bool) -> None:
    assert is_by_vendor(value) is stated


def test_equal_texts_of_all_vendors_become_one() -> None:
    assert by_vendor({"sqlite": "a", "postgresql": "a", "mysql": "a"}) == "a"
    assert by_vendor({"sqlite": "a", "postgresql": "a"}) == {"sqlite": "a", "postgresql": "a"}
    texts = {"sqlite": "a", "postgresql": "b", "mysql": "a"}
    assert by_vendor(texts) == texts


@pytest.mark.parametrize(
    ("targets", "ordered"),
    [
        ({"a": ["b"], "b": ["c"], "c": []}, ["c", "b", "a"]),
        ({"a": ["elsewhere"], "b": []}, ["a", "b"]),
        ({"a": ["b"], "b": ["a"], "c": ["a"]}, ["a", "b", "c"]),
        ({}, []),
    ],
)
def test_tables_come_after_those_they_refer_to(
    targets: dict[str, list[str]], ordered: list[str]
) -> None:
    assert targets_first(targets) == ordered


@pytest.mark.parametrize(
    ("keys", "fills"),
    [
        ({}, False),
        ({"nullable": True}, True),
        ({"default": 0}, True),
        ({"db_default": "1"}, True),
        ({"generated": {"expression": "1", "stored": True}}, True),
        ({"autoincrement": True}, True),
    ],
)
def test_a_new_column_that_fills_itself_needs_no_look_at_the_rows(
    keys: dict[str, Any], fills: bool
) -> None:
    assert fills_itself(column("a", **keys)) is fills
