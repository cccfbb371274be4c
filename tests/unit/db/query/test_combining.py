"""Queries combined: the statement of each database, what goes together, and the rows that SQLite gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from openviper.db.models import Count, F
from openviper.db.query.combining import CombinedQuery
from openviper.db.sql.combined import CombinedSelect
from openviper.db.sql.selects import Select, compiled
from openviper.exceptions import FieldError, OpenViperException, QueryError
from tests.unit.db.sql.kinds import VENDORS, Maker, Thing, keys_of, plain, plan, table_of

ROWS: list[dict[str, Any]] = [{"n": n, "name": "a"} for n in (1, 1, 2, 2, 3, None)]
LOW = Thing.objects.filter(n__lte=2).values_list("n", flat=True)
HIGH = Thing.objects.filter(n__gte=2).values_list("n", flat=True)
NO_VALUE = Thing.objects.filter(n=None).values_list("n", flat=True)


def select(query: CombinedQuery[Any], vendor: str = "sqlite") -> Select:
    """Return the statement of combined queries."""
    return compiled(CombinedSelect(plan(vendor), query._combination, query._source.make))


def rows(query: CombinedQuery[Any]) -> list[Any]:
    """Return what SQLite gives."""
    made = select(query)
    with closing(table_of(ROWS)) as connection:
        return list(made.convert(connection.execute(made.sql, made.parameters).fetchall()))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (LOW.union(HIGH), ("UNION",) * 3),
        (LOW.union(HIGH, all=True), ("UNION ALL",) * 3),
        (LOW.intersection(HIGH), ("INTERSECT",) * 3),
        (LOW.intersection(HIGH, all=True), ("INTERSECT", "INTERSECT ALL", "INTERSECT ALL")),
        (LOW.difference(HIGH), ("EXCEPT",) * 3),
        (LOW.difference(HIGH, all=True), ("EXCEPT", "EXCEPT ALL", "EXCEPT ALL")),
    ],
)
def test_each_part_stands_in_a_select_of_its_own(
    query: CombinedQuery[Any], words: tuple[str, str, str]
) -> None:
    for vendor, word in zip(VENDORS, words, strict=True):
        mark = "?" if vendor == "sqlite" else "%s"
        made = select(query, vendor)
        sql = plain(made.sql).replace(", ROW_NUMBER() OVER (PARTITION BY c0) AS n", "")
        assert sql == (
            f"SELECT c0 FROM (SELECT c0 FROM (SELECT n AS c0 FROM kinds_thing WHERE n <= {mark}) AS part0 {word} "
            f"SELECT c0 FROM (SELECT n AS c0 FROM kinds_thing WHERE n >= {mark}) AS part1) AS combined2"
        )
        assert made.parameters == [2, 2]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (LOW.union(HIGH), [1, 2, 3]),
        (LOW.union(HIGH, all=True), [1, 1, 2, 2, 2, 2, 3]),
        (LOW.intersection(HIGH), [2]),
        (LOW.intersection(HIGH, all=True), [2, 2]),
        (LOW.difference(HIGH), [1]),
        (LOW.difference(HIGH, all=True), [1, 1]),
        (LOW.union(HIGH.distinct(), all=True), [1, 1, 2, 2, 2, 3]),
        (LOW.union(NO_VALUE, NO_VALUE), [None, 1, 2]),
        (LOW.union(HIGH).difference(LOW), [3]),
        (LOW.union(HIGH.order_by("-n")[:1]), [1, 2, 3]),
        (LOW.union(HIGH).order_by("-n")[1:], [2, 1]),
        (LOW.union(NO_VALUE).order_by("-n"), [2, 1, None]),
        (LOW.union(HIGH).order_by(F("n").desc()).limit(1), [3]),
        (LOW.union(HIGH).order_by("n").offset(2), [3]),
    ],
)
def test_rows_on_sqlite(query: CombinedQuery[Any], expected: list[Any]) -> None:
    found = rows(query)
    is_ordered = bool(query._combination.order)
    assert (
        found if is_ordered else sorted(found, key=lambda n: (n is not None, n or 0))
    ) == expected


def test_instances_come_with_what_was_computed_for_them() -> None:
    one = Thing.objects.filter(n=3).annotate(twice=F("n") * 2)
    other = Thing.objects.filter(n=2).annotate(twice=F("n") * 3)
    found = rows(one.union(other).order_by("pk"))
    assert [(thing.pk, thing.twice) for thing in found] == [(3, 6), (4, 6), (5, 6)]


NUMBER: Any = 5
NUMBERS = Thing.objects.values_list("n")
TEXTS = Thing.objects.values_list("name")


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: NUMBERS.union(), QueryError, "union() needs another query"),
        (lambda: NUMBERS.difference(NUMBER), QueryError, "difference(5): not a query"),
        (
            lambda: NUMBERS.intersection(Thing.objects.values_list("n", "name")),
            QueryError,
            "intersection() takes queries for as many values each, not [1, 2]",
        ),
        (
            lambda: NUMBERS.union(TEXTS),
            QueryError,
            "union(): the values of 'n' are of different types, whole number and text",
        ),
        (
            lambda: NUMBERS.union(NUMBERS).filter(n=1),
            QueryError,
            "combined queries take no filter()",
        ),
        (
            lambda: NUMBERS.union(NUMBERS).exclude(n=1),
            QueryError,
            "combined queries take no filter()",
        ),
        (
            lambda: NUMBERS.union(NUMBERS).order_by("name"),
            FieldError,
            "combined queries cannot be ordered by 'name'; known: n",
        ),
        (
            lambda: NUMBERS.union(NUMBERS)[:3].order_by("n"),
            QueryError,
            "order_by() comes before limit(), offset() and slices",
        ),
        (
            lambda: Thing.objects.select_related("maker").union(Thing.objects.all()),
            QueryError,
            "take neither select_related() nor select_for_update()",
        ),
        (
            lambda: Thing.objects.all().union(Thing.objects.select_for_update()),
            QueryError,
            "take neither select_related() nor select_for_update()",
        ),
        (
            lambda: Thing.objects.all().union(Maker.objects.all()),
            QueryError,
            "takes queries for as many values each, not [2, 15]",
        ),
    ],
)
def test_what_does_not_go_together(
    ask: Callable[[], object], error: type[OpenViperException], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        ask()


def test_decimal_numbers_of_different_places_go_together() -> None:
    price = Thing.objects.values_list("price", flat=True)
    exact = Thing.objects.annotate(p=F("price") * F("price")).values_list("p", flat=True)
    found = rows(price.union(exact).order_by("price"))
    assert [str(each) for each in found] == ["0.0100", "0.1000"]


def test_a_combination_within_a_query_is_a_list_of_values() -> None:
    inner = LOW.difference(HIGH)
    assert keys_of(Thing.objects.filter(n__in=inner), ROWS) == [1, 2]
    assert keys_of(Thing.objects.exclude(n__in=inner), ROWS) == [3, 4, 5]


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: groups().filter(x=1), FieldError, "groups have no 'x'; known: n, c"),
        (lambda: groups().filter(c=F("x")), FieldError, "groups have no 'x'; known: n, c"),
        (
            lambda: groups().order_by("x"),
            FieldError,
            "groups cannot be ordered by 'x'; known: n, c",
        ),
        (lambda: groups().limit(1).filter(c=1), QueryError, "filter() comes before limit()"),
        (
            lambda: Thing.objects.values("n").annotate(c=F("n")),
            FieldError,
            "annotate(c=F('n')): not an aggregate",
        ),
        (
            lambda: Thing.objects.values().annotate(c=Count("*")),
            QueryError,
            "needs the names of the values to group by",
        ),
    ],
)
def test_groups_know_their_names_alone(
    ask: Callable[[], object], error: type[OpenViperException], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        ask()


def groups() -> Any:
    return Thing.objects.values("n").annotate(c=Count("*"))
