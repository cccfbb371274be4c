"""Indexes and constraints: options of fields where these make the very same, else entries of ``Meta``."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.db.dialects.definitions import Check, Definition, LiveIndex, LiveTable, Part
from openviper.db.inspection.indexes import (
    add_check,
    add_index,
    index_options,
    is_expression,
    single_indexes,
)
from openviper.db.inspection.shapes import FieldSketch, ModelSketch

NAMES = {"a": "a", "b": "bee", "id": "id"}


def index(*parts: Part | str, name: str = "i", constraint: bool = False, **more: Any) -> LiveIndex:
    made = tuple(Part(part) if isinstance(part, str) else part for part in parts)
    return LiveIndex(name, Definition(made, **more), constraint, "")


def table(*indexes: LiveIndex) -> LiveTable:
    columns: Any = {name: {"name": name, "nullable": True} for name in NAMES}
    return LiveTable("t", columns, list(indexes), [], None)


@pytest.mark.parametrize(
    "live",
    [
        index("a", "b"),
        index(Part("", "lower(a)")),
        index(Part("a", descending=True)),
        index(Part("a", operator_class="text_ops")),
        index("a", condition="a > 0"),
        index("a", include=("b",)),
        index("a", method="gin"),
        index("a", unique=True, deferrable="deferred"),
        index("a", unique=True, nulls_distinct=False),
        index(),
    ],
)
def test_an_index_with_something_to_say_is_no_option_of_a_field(live: LiveIndex) -> None:
    assert single_indexes(table(live)) == {}


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_indexes_over_one_column_the_unique_one_counts(turned: bool) -> None:
    plain, unique = index("a", name="p"), index("a", name="u", unique=True)
    both = [unique, plain] if turned else [plain, unique]
    assert single_indexes(table(*both)) == {"a": unique}


@pytest.mark.parametrize(
    ("live", "key_type", "is_key", "cls", "options", "states"),
    [
        (None, "", False, "IntegerField", [], False),
        (None, "int", False, "IntegerField", ["db_index=False"], False),
        (index("a", name="idx_t_a"), "", False, "IntegerField", ["db_index=True"], True),
        (index("a", name="mine"), "", False, "IntegerField", [], False),
        (index("a", name="mine"), "int", False, "IntegerField", ["db_index=False"], False),
        (index("a", name="uq_t_a", unique=True), "", False, "IntegerField", ["unique=True"], True),
        (index("a", name="idx_t_a", unique=True), "", False, "IntegerField", [], False),
        (
            index("a", name="x", unique=True, constraint=True),
            "",
            False,
            "IntegerField",
            ["unique=True"],
            True,
        ),
        (index("a", name="uq_t_a", unique=True), "int", False, "OneToOneField", [], True),
        (index("a", name="idx_t_a"), "int", False, "IntegerField", [], True),
        (index("a", unique=True), "", True, "IntegerField", [], True),
        (index("a"), "", True, "IntegerField", [], False),
        (index("a", unique=True), "int", True, "IntegerField", ["db_index=False"], True),
    ],
)
def test_a_field_states_the_index_that_its_option_would_make(
    live: LiveIndex | None,
    key_type: str,
    is_key: bool,
    cls: str,
    options: list[str],
    states: bool,
) -> None:
    made = FieldSketch("a", "a", "IntegerField", key_type=key_type)
    assert index_options(made, "t", live, is_key=is_key) == options
    assert made.cls == cls
    assert (made.states is not None) is states


def stated(live: LiveIndex) -> tuple[dict[str, list[str]], list[str]]:
    sketch = ModelSketch("T", "t")
    add_index(sketch, live, NAMES)
    return sketch.options, sketch.remarks


@pytest.mark.parametrize(
    ("live", "option", "text"),
    [
        (index("a"), "indexes", "Index(fields=['a'], name='i')"),
        (index("a", "b"), "indexes", "Index(fields=['a', 'bee'], name='i')"),
        (index(Part("b", descending=True)), "indexes", "Index(fields=['-bee'], name='i')"),
        (
            index(Part("", "lower(a)", descending=True), "b"),
            "indexes",
            "Index(expressions=['lower(a) DESC', '\"b\"'], name='i')",
        ),
        (
            index("a", condition="a > 0"),
            "indexes",
            "Index(fields=['a'], name='i', condition='a > 0')",
        ),
        (
            index("a", include=("b",)),
            "indexes",
            "Index(fields=['a'], name='i', include=['bee'])",
        ),
        (index("a", method="gin"), "indexes", "Index(fields=['a'], name='i', using='gin')"),
        (
            index(Part("a", operator_class="text_ops"), "b"),
            "indexes",
            "Index(fields=['a', 'bee'], name='i', opclasses=['text_ops', ''])",
        ),
        (index("a", unique=True), "constraints", "UniqueConstraint(fields=['a'], name='i')"),
        (
            index("a", unique=True, constraint=True, deferrable="deferred"),
            "constraints",
            "UniqueConstraint(fields=['a'], name='i', deferrable='deferred')",
        ),
        (
            index("a", unique=True, nulls_distinct=False),
            "constraints",
            "UniqueConstraint(fields=['a'], name='i', nulls_distinct=False)",
        ),
        (index("a", "b", unique=True, constraint=True), "unique_together", "('a', 'bee',)"),
        (index("b", unique=True, constraint=True), "unique_together", "('bee',)"),
    ],
)
def test_an_index_stands_in_meta_with_all_it_says(live: LiveIndex, option: str, text: str) -> None:
    assert stated(live) == ({option: [text]}, [])


@pytest.mark.parametrize(
    "live",
    [
        index(),
        index("nope"),
        index("a", include=("nope",)),
        index(Part("", "a; drop")),
        index("a", condition="a -- x"),
    ],
)
def test_an_index_that_a_model_cannot_have_is_told(live: LiveIndex) -> None:
    assert stated(live) == ({}, ["Index i is not stated."])


def test_an_index_that_a_field_states_is_not_stated_twice() -> None:
    live = index("a", name="idx_t_a")
    sketch = ModelSketch("T", "t", [FieldSketch("a", "a", "IntegerField", states=live)])
    add_index(sketch, live, NAMES)
    assert (sketch.options, sketch.remarks) == ({}, [])
    add_index(sketch, index("a", name="other"), NAMES)
    assert sketch.options == {"indexes": ["Index(fields=['a'], name='other')"]}


@pytest.mark.parametrize(
    ("check", "option", "remark"),
    [
        (Check("c", "a > 0"), "CheckConstraint(name='c', check='a > 0')", None),
        (Check("", "a > 0"), "CheckConstraint(name='chk_t_3', check='a > 0')", None),
        (Check("c", "a > 0; x"), None, "Constraint c is not stated: a > 0; x"),
        (
            Check("c", "EXCLUDE USING gist (a WITH =)"),
            None,
            "Constraint c is not stated: EXCLUDE USING gist (a WITH =)",
        ),
        (Check("c", "`a` > 0"), "CheckConstraint(name='c', check='`a` > 0')", None),
        (Check("c", "`other` > 0"), None, None),
    ],
)
def test_a_check_is_stated_told_or_of_another_table(
    check: Check, option: str | None, remark: str | None
) -> None:
    sketch = ModelSketch("T", "t")
    add_check(sketch, table(), check, 3)
    assert sketch.options == ({} if option is None else {"constraints": [option]})
    assert sketch.remarks == ([] if remark is None else [remark])


@pytest.mark.parametrize(
    ("sql", "may_stand"),
    [
        ("a > 0", True),
        ("lower(a)", True),
        ("a = ';'", True),
        ("a; b", False),
        ("a -- b", False),
        ("", False),
    ],
)
def test_only_an_expression_may_stand_in_a_model(sql: str, may_stand: bool) -> None:
    assert is_expression(sql) is may_stand
