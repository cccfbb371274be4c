"""How large values and queries may become."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from openviper.db.models import F, Q
from openviper.db.sql.sizes import MAX_LEVELS, MAX_PARTS, Whole, check_number, check_size
from openviper.exceptions import QueryError
from tests.unit.db.sql.kinds import Thing, text, where


class Parts:
    """A whole of parts, some of which it may have several times."""

    def __init__(self, *parts: Whole) -> None:
        self._parts = parts
        self.asked = 0

    def parts(self) -> Iterator[Whole]:
        self.asked += 1
        yield from self._parts


def doubled(levels: int) -> tuple[Parts, list[Parts]]:
    whole = Parts()
    every = [whole]
    for _ in range(levels):
        whole = Parts(whole, whole)
        every.append(whole)
    return whole, every


def test_a_number_of_things() -> None:
    check_number("things", 3, 3)
    with pytest.raises(QueryError, match="a query of more than 3 things"):
        check_number("things", 4, 3)


def test_parts_count_as_often_as_they_are_written() -> None:
    check_size("x", doubled(10)[0])
    whole, every = doubled(60)
    with pytest.raises(
        QueryError, match=f"x=.* {2**61 - 1} parts, which are more than {MAX_PARTS}"
    ):
        check_size("x", whole)
    assert [part.asked for part in every] == [1] * 61  # Not 2**60 times.


def test_levels_count_too() -> None:
    whole = Parts()
    for _ in range(MAX_LEVELS - 1):
        whole = Parts(whole)
    check_size("x", whole)
    with pytest.raises(QueryError, match=f"nested more than {MAX_LEVELS} deep"):
        check_size("x", Parts(whole))


@pytest.mark.parametrize("number", [2, 3, 7, 100])
def test_exclusive_or_has_each_condition_once_and_few_parentheses(number: int) -> None:
    condition = Q()
    for place in range(number):
        condition ^= Q(n=place)
    sql, values = where(Thing.objects.filter(condition))
    assert sql.count("n = ?") == number and sorted(values) == list(range(number))
    assert sql.count("<>") == number - 1
    depth = deepest = 0
    for letter in sql:
        depth += (letter == "(") - (letter == ")")
        deepest = max(deepest, depth)
    assert deepest <= number.bit_length() + 1


@pytest.mark.parametrize(
    ("condition", "shown"),
    [
        (Q(a=1) ^ Q(b=2), "Q(a=1 XOR b=2)"),
        ((Q(a=1) ^ Q(b=2)) ^ Q(c=3), "Q(a=1 XOR b=2 XOR c=3)"),
        (~(Q(a=1) ^ Q(b=2)) ^ Q(c=3), "Q(~Q(a=1 XOR b=2) XOR c=3)"),
        ((Q(a=1) & Q(b=2)) ^ Q(c=3), "Q(Q(a=1 AND b=2) XOR c=3)"),
    ],
)
def test_exclusive_or_is_flat_where_it_is_the_same(condition: Q, shown: str) -> None:
    assert repr(condition) == shown


def test_a_count_begins_anew_with_each_call() -> None:
    value: Any = F("n")
    for _ in range(12):
        value = value + value
    for _ in range(5):  # Together they are more than one call may have.
        Thing.objects.filter(n=value)
        assert text(value).count("n") >= 2**12
