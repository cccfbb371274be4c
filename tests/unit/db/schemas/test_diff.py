"""Which tables are made and changed, in which order, and what they were called before."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.db.dialects.ddl import TableChange
from openviper.db.dialects.definitions import LiveTable
from openviper.db.dialects.sqlite_ddl import SQLiteDDL
from openviper.db.schemas.diff import (
    creation_order,
    diff_states,
    diff_table,
    find_renames,
    targets_of,
)
from openviper.db.schemas.schema_files import table_of
from openviper.exceptions import MigrationError
from tests.unit.db.schemas.builders import column, schema
from tests.unit.db.schemas.live import live_tables

DIALECT = SQLiteDDL()


def table(name: str, *columns: Any, **keys: Any) -> Any:
    return table_of(schema(name, *columns, **keys))


def refers(*targets: str) -> list[Any]:
    """Return a foreign key column to each table."""
    return [column(f"{target}_id", nullable=True, target_table=target) for target in targets]


def made(**tables: Any) -> dict[str, LiveTable]:
    """Return live tables as they stand after they were created."""
    return live_tables(
        *(sql for name, entry in tables.items() for sql in DIALECT.create_table(name, entry))
    )


def order(**targets: str) -> list[str]:
    """Return the order in which tables are created that refer to others, given as ``a="b c"``."""
    changes = [
        TableChange(name, table(f"x_{name}", *refers(*others.split())), None)
        for name, others in targets.items()
    ]
    return [change.table for change in creation_order(changes)]


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ({}, []),
        ({"b": "", "a": ""}, ["a", "b"]),
        ({"a": "b", "b": "c", "c": ""}, ["c", "b", "a"]),
        ({"a": "a"}, ["a"]),
        ({"b": "b", "a": "b"}, ["b", "a"]),
        ({"a": "elsewhere"}, ["a"]),
        ({"a": "b", "b": "a"}, ["a", "b"]),
        ({"c": "a", "a": "b", "b": "a"}, ["a", "b", "c"]),
        ({"a": "b c", "b": "d", "c": "d", "d": ""}, ["d", "b", "c", "a"]),
    ],
)
def test_tables_are_created_after_those_they_refer_to(
    targets: dict[str, str], expected: list[str]
) -> None:
    assert order(**targets) == expected


def test_a_long_chain_of_tables_is_ordered_whatever_their_names() -> None:
    names = [f"t{number:03}" for number in range(200)]
    chain = dict(zip(names, [*names[1:], ""], strict=True))
    assert order(**chain) == names[::-1]


def test_the_targets_of_a_table_are_those_of_its_foreign_keys() -> None:
    assert targets_of(table("x_a", column("n"), *refers("x_b", "x_a", "x_b"))) == {"x_a", "x_b"}
    assert targets_of(table("x_a", column("n"))) == set()


def test_a_table_may_refer_to_one_that_only_the_database_knows() -> None:
    live = made(x_old=table("x_old"))
    wanted = {"x_a": table("x_a", *refers("x_old"))}
    (change,) = diff_states(wanted, live, {}, DIALECT).changes
    assert (change.table, change.live) == ("x_a", None)


def test_a_table_that_refers_to_nothing_known_is_named_with_column_and_model() -> None:
    wanted = {"x_a": table("x_a", *refers("x_gone"))}
    with pytest.raises(
        MigrationError, match=r"x\.A: column x_a\.x_gone_id references table 'x_gone'"
    ):
        diff_states(wanted, {}, {}, DIALECT)


def test_tables_are_created_before_others_are_altered_by_name() -> None:
    old = {name: table(name, column("n")) for name in ("x_b", "x_a")}
    wanted = {name: table(name, column("m", nullable=True), column("n")) for name in old}
    wanted["x_z"] = table("x_z")
    changes = diff_states(wanted, made(**old), {}, DIALECT).changes
    assert [change.table for change in changes] == ["x_z", "x_a", "x_b"]


def test_tables_that_are_as_wanted_are_no_change() -> None:
    tables = {"x_a": table("x_a", column("n")), "x_b": table("x_b", *refers("x_a"))}
    assert diff_states(tables, made(**tables), tables, DIALECT) == ([], [])


def test_columns_of_another_hand_are_kept_and_said_even_where_nothing_changes() -> None:
    live = made(x_a=table("x_a", column("n"), column("hand"), column("foot")))
    difference = diff_states({"x_a": table("x_a", column("n"))}, live, {}, DIALECT)
    assert difference.changes == []
    assert difference.warnings == [
        "kept x_a.foot, x_a.hand: in no schema file, and not created by OpenViper"
    ]


# Renamed tables


def renamed(live_names: list[str], wanted_names: list[str], **keys: Any) -> TableChange:
    """Return the change of the wanted table ``x_new``."""
    live = made(**{name: table(name, column("n")) for name in live_names})
    wanted = {name: table(name, column("n")) for name in wanted_names}
    wanted["x_new"] = table("x_new", column("n"), **keys)
    return diff_table("x_new", wanted["x_new"], live, wanted, {}, DIALECT)


def test_a_table_under_its_old_name_is_renamed() -> None:
    change = renamed(["x_old"], [], old_table_name="x_old")
    assert change.renamed_from == "x_old"
    assert change.live is not None and change.live.name == "x_old"
    assert change.describe() == ["rename table x_old to x_new"]


@pytest.mark.parametrize(
    ("live", "wanted", "keys"),
    [
        (["x_old", "x_new"], [], {"old_table_name": "x_old"}),
        (["x_old"], ["x_old"], {"old_table_name": "x_old"}),
        ([], [], {"old_table_name": "x_old"}),
        (["x_old"], [], {}),
    ],
    ids=["both there", "old one wanted by another", "neither there", "no hint"],
)
def test_a_table_is_not_renamed_otherwise(
    live: list[str], wanted: list[str], keys: dict[str, Any]
) -> None:
    change = renamed(live, wanted, **keys)
    assert change.renamed_from is None
    assert (change.live is not None) == ("x_new" in live)


def test_what_was_applied_to_a_renamed_table_is_looked_up_under_its_old_name() -> None:
    before = table("x_old", column("n"), column("gone", nullable=True))
    wanted = table("x_new", column("n"), old_table_name="x_old")
    live = made(x_old=before)
    known = diff_table("x_new", wanted, live, {"x_new": wanted}, {"x_old": before}, DIALECT)
    assert (known.dropped, known.kept) == (["gone"], [])
    unknown = diff_table("x_new", wanted, live, {"x_new": wanted}, {"x_new": before}, DIALECT)
    assert (unknown.dropped, unknown.kept) == ([], ["gone"])


# Renamed columns


def was(name: str, *history: str) -> Any:
    """Return a column with its former names, the latest first."""
    keys: dict[str, Any] = {"old_name": history[0]} if history else {}
    if history[1:]:
        keys["older_names"] = list(history[1:])
    return column(name, **keys)


@pytest.mark.parametrize(
    ("live", "wanted", "renames"),
    [
        (["a"], [was("b", "a")], [("a", "b")]),
        (["b"], [was("b", "a")], []),
        (["a", "b"], [was("b", "a")], []),
        ([], [was("b", "a")], []),
        (["a"], [was("c", "b", "a")], [("a", "c")]),
        (["a", "b"], [was("c", "b", "a")], [("b", "c")]),
        (["a", "b"], [was("b", "a"), was("c", "b")], [("b", "c"), ("a", "b")]),
        (["a", "b", "c"], [was("b", "a"), was("c", "b"), was("d", "c")],
         [("c", "d"), ("b", "c"), ("a", "b")]),
        (["a"], [was("b", "a"), was("c", "a")], [("a", "b")]),
    ],
)  # fmt: skip
def test_hints_are_followed_as_far_as_the_database_has_not_seen_them(
    live: list[str], wanted: list[Any], renames: list[tuple[str, str]]
) -> None:
    tables = made(x_a=table("x_a", *map(column, live)))
    assert find_renames(table("x_a", *wanted), tables["x_a"]) == renames


def test_two_columns_that_swap_names_cannot_be_told_from_two_that_stayed() -> None:
    live = made(x_a=table("x_a", column("a"), column("b")))
    assert find_renames(table("x_a", was("a", "b"), was("b", "a")), live["x_a"]) == []


@pytest.mark.parametrize("runs", [1, 2])
def test_after_a_rename_the_hint_means_nothing_any_more(runs: int) -> None:
    wanted = table("x_a", was("b", "a"))
    live = made(x_a=table("x_a", column("a")))
    for _ in range(runs):
        change = diff_table("x_a", wanted, live, {"x_a": wanted}, {}, DIALECT)
        live = made(x_a=wanted)
    assert bool(change) is (runs == 1)
