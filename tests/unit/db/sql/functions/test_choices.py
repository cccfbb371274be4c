"""CASE, COALESCE and their kin: the type in common, the SQL, and which value is chosen."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from openviper.db.models import F, Q
from openviper.db.sql.expressions import Expression, Value
from openviper.db.sql.functions.choices import (
    Case,
    Cast,
    Coalesce,
    Greatest,
    Least,
    NullIf,
    When,
    common_type,
)
from openviper.db.sql.nodes import MAX_CALLS
from openviper.db.sql.types import FLOAT, INTEGER, NULL, TEXT, ResultType, decimal_type
from openviper.exceptions import FieldError, QueryError
from tests.unit.db.sql.kinds import VENDORS, Thing, computed, text, value_of


@pytest.mark.parametrize(
    ("types", "result"),
    [
        ([], NULL),
        ([NULL, NULL], NULL),
        ([NULL, TEXT], TEXT),
        ([INTEGER, INTEGER], INTEGER),
        ([INTEGER, FLOAT], FLOAT),
        ([decimal_type(2), FLOAT, INTEGER], FLOAT),
        ([decimal_type(2), INTEGER], decimal_type(2)),
        ([decimal_type(2), decimal_type(5), NULL], decimal_type(5)),
    ],
)
def test_the_type_in_common(types: list[ResultType], result: ResultType) -> None:
    assert common_type(types, "here") is result


def test_numbers_and_texts_have_none_in_common() -> None:
    with pytest.raises(FieldError, match="here: whole number, text have no type in common"):
        common_type([INTEGER, TEXT, NULL], "here")


CHOICE = Case(
    When(n__gt=1, then=Value("a")), When(Q(ok=True) | Q(n=0), then="name"), default=Value("z")
)


@pytest.mark.parametrize(
    ("expression", "texts"),
    [
        (
            CHOICE,
            (
                "CASE WHEN n > ? THEN ? WHEN (ok = ? OR n = ?) THEN name ELSE ? END",
                "CASE WHEN n > %s THEN CAST(%s AS TEXT) WHEN (ok = %s OR n = %s) THEN name "
                "ELSE CAST(%s AS TEXT) END",
                "CASE WHEN n > %s THEN %s WHEN (ok = %s OR n = %s) THEN name ELSE %s END",
            ),
        ),
        (Case(When(n=1, then="n")), ("CASE WHEN n = ? THEN n END", *["CASE WHEN n = %s THEN n END"] * 2)),
        (Coalesce("n", "price"), ("COALESCE(n, price)",) * 3),
        (NullIf("n", "pk"), ("NULLIF(n, id)",) * 3),
        (
            NullIf("n", "price"),
            (
                "NULLIF(n, price)",
                "CASE WHEN n = price THEN NULL ELSE n END",
                "NULLIF(n, price)",
            ),
        ),
        (
            Greatest("n", "price"),
            (
                "max(n, price)",
                "CASE WHEN n IS NULL OR price IS NULL THEN NULL ELSE GREATEST(n, price) END",
                "GREATEST(n, price)",
            ),
        ),
        (
            Least("n", "pk"),
            (
                "min(n, id)",
                "CASE WHEN n IS NULL OR id IS NULL THEN NULL ELSE LEAST(n, id) END",
                "LEAST(n, id)",
            ),
        ),
        (
            Cast("price", int),
            (
                "CASE WHEN price >= 9.223372036854776e+18 OR price < -9.223372036854776e+18 "
                "THEN openviper_out_of_range(price) ELSE CAST(price AS INTEGER) END",
                "CAST(TRUNC(CAST(price AS NUMERIC)) AS BIGINT)",
                "CASE WHEN price >= 9223372036854775808 OR price < -9223372036854775808 "
                "THEN CAST(POWER(price, 99) AS SIGNED) ELSE CAST(TRUNCATE(price, 0) AS SIGNED) END",
            ),
        ),
        (
            Cast("n", float),
            ("CAST(n AS REAL)", "CAST(n AS DOUBLE PRECISION)", "CAST(n AS DOUBLE)"),
        ),
        (Cast("n", str), ("CAST(n AS TEXT)", "CAST(n AS TEXT)", "CAST(n AS CHAR)")),
    ],
)  # fmt: skip
def test_in_the_words_of_each_database(expression: Expression, texts: tuple[str, str, str]) -> None:
    assert tuple(text(expression, vendor) for vendor in VENDORS) == texts


@pytest.mark.parametrize(
    ("expression", "values", "expected"),
    [
        (CHOICE, {"n": 2, "ok": True, "name": "x"}, "a"),
        (CHOICE, {"n": 1, "ok": True, "name": "x"}, "x"),
        (CHOICE, {"n": 0, "ok": None, "name": "x"}, "x"),
        (CHOICE, {"n": None, "ok": None, "name": "x"}, "z"),
        (Case(When(n=1, then=None), default="n"), {"n": 1}, None),
        (Case(When(n=1, then=None), default="n"), {"n": 2}, 2),
        (Case(When(n=1, then=5)), {"n": 2}, None),
        (Case(When(n=1, then="price"), default=7), {"n": 2}, Decimal("7.00")),
        (Case(When(n__in=[], then=1), default=0), {"n": 1}, 0),
        (Case(When(F("ok"), then=1), default=0), {"ok": True}, 1),
        (Case(When(~Q(n=1), ok=True, then=1), default=0), {"n": 2, "ok": True}, 1),
        (Coalesce("n", 5), {"n": None}, 5),
        (Coalesce("n", 5), {"n": 0}, 0),
        (Coalesce("n", "price"), {"n": 3}, Decimal("3.00")),
        (Coalesce("name", Value("-")), {"name": ""}, ""),
        (Coalesce("n", Value(None)), {"n": None}, None),
        (NullIf("n", 0), {"n": 0}, None),
        (NullIf("n", 0), {"n": 1}, 1),
        (NullIf("price", Decimal("1.50")), {"price": Decimal("1.50")}, None),
        (NullIf("price", Decimal("1.5")), {"price": Decimal("1.50")}, None),
        (NullIf("price", 2), {"price": Decimal("2.00")}, None),
        (NullIf("n", Decimal("2.00")), {"n": 2}, None),
        (NullIf("n", Decimal("2.50")), {"n": 2}, 2),
        (NullIf("weight", 2.0), {"weight": 2.0}, None),
        (NullIf("n", Value(None)), {"n": 2}, 2),
        (NullIf("name", Value("")), {"name": None}, None),
        (Greatest("n", 3), {"n": 4}, 4),
        (Greatest("n", 3), {"n": None}, None),
        (Least("n", 3, "price"), {"n": 4, "price": Decimal("0.50")}, Decimal("0.50")),
        (Cast("price", int), {"price": Decimal("-1.90")}, -1),
        (Cast("n", str), {"n": 12}, "12"),
        (Cast("name", int), {"name": "12abc"}, None),
        (Cast("name", int), {"name": "-12.9"}, -12),
        (Cast("name", float), {"name": " 1e2 "}, 100.0),
        (Cast("n", float), {"n": 1}, 1.0),
    ],
)
def test_which_value_is_chosen(
    expression: Expression, values: dict[str, Any], expected: Any
) -> None:
    found = value_of(expression, **values)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: When(then=1), "When() needs a condition"),
        (lambda: Case(), "Case() needs at least one When()"),
        (lambda: Cast("n", bool), "Cast(): <class 'bool'> is not int, float or str"),
        (lambda: Coalesce("n"), "Coalesce() takes 2 arguments, not 1"),
        (lambda: Greatest("n"), "Greatest() takes 2 arguments, not 1"),
    ],
)
def test_calls_without_what_they_need(make: Callable[[], object], message: str) -> None:
    with pytest.raises(TypeError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (Coalesce("n", "name"), "Coalesce('n', 'name'): whole number, text have no type in common"),
        (Case(When(n=1, then="n"), default="name"), "default='name'): whole number, text have no"),
        (NullIf("data", "data"), "not a JSON"),
        (NullIf("n", "name"), "whole number, text have no type in common"),
        (Greatest("ok", "ok"), "not a truth value"),
        (Least("day", "made"), "date, date and time have no type in common"),
        (Cast("weight", str), "each database writes a floating-point number in its own way"),
        (Cast("made", int), "not a date and time"),
        (Case(When(F("n"), then=1)), "F('n') is not a condition but a whole number"),
        (Case(When(n=1, then="nothing")), "Thing has no field 'nothing'"),
    ],
)
def test_what_has_no_meaning_is_refused(expression: Expression, message: str) -> None:
    with pytest.raises(FieldError, match=re.escape(message)):
        Thing.objects.annotate(v=expression)


def test_a_case_shows_itself() -> None:
    assert repr(Case(When(Q(a=1), b=2, then="c"), default=0)) == (
        "Case(When(Q(a=1), b=2, then='c'), default=0)"
    )


@pytest.mark.parametrize(
    ("to", "shown"),
    [
        (int, "Cast('price', int)"),
        (float, "Cast('price', float)"),
        (str, "Cast('price', str)"),
    ],
)
def test_a_cast_shows_what_it_makes(to: type[int] | type[float] | type[str], shown: str) -> None:
    assert repr(Cast("price", to)) == shown


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("depth", [1, 10, 30])
def test_nested_calls_of_nullif_are_written_once_each(vendor: str, depth: int) -> None:
    nested: Any = "n"
    for number in range(depth):
        nested = NullIf(nested, number)
    sql = text(nested, vendor)
    assert sql.count("NULLIF(") == depth
    assert len(re.findall(r"\bn\b", sql)) == 1


@pytest.mark.parametrize(
    ("make", "vendor"),
    [
        (lambda inner: NullIf(inner, 2.5), "postgresql"),
        (lambda inner: Greatest(inner + 1, 2), "postgresql"),
        (lambda inner: Least(2, inner + 1), "postgresql"),
    ],
)
def test_calls_that_double_with_each_level_end_with_an_error(
    make: Callable[[Any], Expression], vendor: str
) -> None:
    nested: Any = F("n")
    for _ in range(8):
        nested = make(nested)
    assert text(nested, vendor).count("CASE") == 2**8 - 1
    for _ in range(9):
        nested = make(nested)
    with pytest.raises(
        QueryError, match=rf"\) would make a statement of more than {MAX_CALLS} calls"
    ):
        text(nested, vendor)


@pytest.mark.parametrize("vendor", VENDORS)
def test_values_do_not_change_the_text_and_branches_do(vendor: str) -> None:
    one = computed(Case(When(n=1, then=2), default=3), vendor)
    other = computed(Case(When(n=4, then=5), default=6), vendor)
    more = computed(Case(When(n=4, then=5), When(n=7, then=8), default=6), vendor)
    assert one.sql is other.sql and other.parameters == [4, 5, 6]
    assert more.sql != one.sql
    assert computed(Case(When(n=1, then=2)), vendor).sql != one.sql
