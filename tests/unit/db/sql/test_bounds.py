"""Comparisons with numbers and durations that a column cannot hold: settled as numbers are compared, and never sent."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from openviper.exceptions import QueryError
from tests.unit.db.sql.kinds import VENDORS, Thing, keys_of, where

GREATEST = 2**63 - 1
LEAST = -(2**63)
INF = float("inf")
NAN = float("nan")
ALL = "{0} = {0}"
NONE = "{0} <> {0}"

WHOLE: list[tuple[str, Any, str, list[Any]]] = [
    ("n", GREATEST, "n = ?", [GREATEST]),
    ("n", GREATEST + 1, NONE, []),
    ("n", LEAST, "n = ?", [LEAST]),
    ("n", LEAST - 1, NONE, []),
    ("n__ne", 2**70, ALL, []),
    ("n__gt", 2**70, NONE, []),
    ("n__gte", 2**70, NONE, []),
    ("n__lt", 2**70, ALL, []),
    ("n__lte", 2**70, ALL, []),
    ("n__gt", -(2**70), ALL, []),
    ("n__lt", -(2**70), NONE, []),
    ("n", 2.0, "n = ?", [2]),
    ("n", 2.5, NONE, []),
    ("n__ne", 2.5, ALL, []),
    ("n__gt", 0.5, "n > ?", [0]),
    ("n__gte", 0.5, "n >= ?", [1]),
    ("n__lt", 0.5, "n < ?", [1]),
    ("n__lte", 0.5, "n <= ?", [0]),
    ("n__gt", -0.5, "n > ?", [-1]),
    ("n__gte", -0.5, "n >= ?", [0]),
    ("n__lt", Decimal("-0.5"), "n < ?", [0]),
    ("n__lte", Decimal("-0.5"), "n <= ?", [-1]),
    ("n", INF, NONE, []),
    ("n__ne", -INF, ALL, []),
    ("n__lt", INF, ALL, []),
    ("n__gt", -INF, ALL, []),
    ("n__gte", Decimal("Infinity"), NONE, []),
]


@pytest.mark.parametrize(("key", "value", "text", "bound"), WHOLE)
def test_whole_numbers_are_compared_with_the_next_whole_one_or_settled(
    key: str, value: Any, text: str, bound: list[Any]
) -> None:
    assert where(Thing.objects.filter(**{key: value})) == (text.format("n"), bound)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("weight__lt", INF, ALL),
        ("weight__gte", INF, NONE),
        ("weight__gt", -INF, ALL),
        ("weight", INF, NONE),
        ("weight__ne", INF, ALL),
        ("weight__lt", 10**400, ALL),
        ("weight__gt", 10**400, NONE),
        ("weight__lt", -(10**400), NONE),
        ("weight", Decimal("1e400"), NONE),
        ("price__lt", INF, ALL),
        ("price__gt", Decimal("Infinity"), NONE),
        ("price__gt", Decimal("-Infinity"), ALL),
        ("took__lt", timedelta.max, ALL),
        ("took__gte", timedelta.max, NONE),
        ("took__gt", timedelta.min, ALL),
        ("took", timedelta.max, NONE),
        ("took__ne", timedelta.min, ALL),
    ],
)
@pytest.mark.parametrize("vendor", VENDORS)
def test_what_other_columns_cannot_hold_is_settled_on_every_database(
    vendor: str, key: str, value: Any, text: str
) -> None:
    column = key.partition("__")[0]
    assert where(Thing.objects.filter(**{key: value}), vendor) == (text.format(column), [])


@pytest.mark.parametrize("column", ["n", "weight", "price"])
@pytest.mark.parametrize("nan", [NAN, Decimal("NaN")])
def test_nothing_equals_what_is_no_number(column: str, nan: Any) -> None:
    assert where(Thing.objects.filter(**{column: nan})) == (NONE.format(column), [])
    assert where(Thing.objects.filter(**{f"{column}__ne": nan})) == (ALL.format(column), [])


@pytest.mark.parametrize(
    ("items", "text", "bound"),
    [
        ([1, 2**70, 2], "n IN (?, ?)", [1, 2]),
        ([1.0, 1.5], "n IN (?)", [1]),
        ([2**70, 1.5], NONE.format("n"), []),
        ([None, 2**70], "n IN (?)", [None]),
    ],
)
def test_a_list_is_sent_without_what_can_never_equal(
    items: list[Any], text: str, bound: list[Any]
) -> None:
    assert where(Thing.objects.filter(n__in=items)) == (text, bound)


def test_a_list_of_nothing_possible_excludes_no_value() -> None:
    assert where(Thing.objects.filter(n__not_in=[2**70])) == (ALL.format("n"), [])
    assert where(Thing.objects.filter(weight__in=[INF, 1.5])) == ("weight IN (?)", [1.5])


VALUES = [None, -1, 0, 1, 2]
BOUNDS: list[Any] = [-1.5, -1, -0.5, 0, 0.5, 1.0, Decimal("1.5"), 2, 2**70, -(2**70), INF, -INF]
COMPARED = {
    "exact": lambda value, bound: value == bound,
    "ne": lambda value, bound: value != bound,
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


@pytest.mark.parametrize("word", COMPARED)
def test_rows_are_those_that_python_would_choose(word: str) -> None:
    rows = [{"n": value} for value in VALUES]
    for bound in BOUNDS:
        expected = [
            place
            for place, value in enumerate(VALUES, 1)
            if value is not None and COMPARED[word](value, bound)
        ]
        assert keys_of(Thing.objects.filter(**{f"n__{word}": bound}), rows) == expected, bound


@pytest.mark.parametrize("value", ["x", "1.5x", object(), b"1"])
def test_what_is_no_number_leaves_the_comparison_unknown(value: Any) -> None:
    assert where(Thing.objects.filter(n=value)) == ("(1 = NULL)", [])


@pytest.mark.parametrize("value", [[1], (1,), {1}, {"n": 1}, iter([1]), range(2), len, lambda: 1])
@pytest.mark.parametrize("word", ["exact", "ne", "gt"])
def test_lists_and_functions_are_no_values(value: Any, word: str) -> None:
    with pytest.raises(QueryError, match="^'n__"):
        Thing.objects.filter(**{f"n__{word}": value})


def test_fractions_are_compared_exactly() -> None:
    third = Fraction(1, 3)
    assert keys_of(Thing.objects.filter(n__gt=float(third)), [{"n": 0}, {"n": 1}]) == [2]
