"""Arithmetic: which operands go together, what comes of them, and how each database is asked."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from openviper.db.models import F
from openviper.db.sql.expressions import Expression, Mod, OrderBy, Power, Value
from openviper.db.sql.selects import select_values
from openviper.db.sql.types import (
    DATE,
    DATETIME,
    DURATION,
    FLOAT,
    INTEGER,
    ResultType,
    decimal_type,
)
from openviper.exceptions import FieldError
from tests.unit.db.sql.kinds import VENDORS, Thing, computed, plain, plan, text, value_of


@pytest.mark.parametrize(
    ("expression", "texts"),
    [
        (F("n") + 1, ("(n + ?)", "(CAST(n AS BIGINT) + CAST(%s AS BIGINT))", "(n + %s)")),
        (-F("n"), ("(n * ?)", "(CAST(n AS BIGINT) * CAST(%s AS BIGINT))", "(n * %s)")),
        (F("price") * F("price"), ("round((price * price), 4)", *["(price * price)"] * 2)),
        (F("weight") + F("price"), ("(weight + price)",) * 3),
        (
            F("n") / F("n"),
            (
                "(CAST(n AS REAL) / n)",
                "(CAST(n AS DOUBLE PRECISION) / NULLIF(n, 0))",
                "((n + 0e0) / NULLIF(n, 0))",
            ),
        ),
        (
            F("price") / 3,
            (
                "ROUND((CAST(price AS REAL) / ?), 6)",
                "ROUND((price / NULLIF(CAST(%s AS BIGINT), 0)), 6)",
                "ROUND((price / NULLIF(%s, 0)), 6)",
            ),
        ),
        (
            F("n") / F("price"),
            (
                "ROUND((CAST(n AS REAL) / price), 6)",
                "ROUND((CAST(n AS DECIMAL(40,6)) / NULLIF(price, 0)), 6)",
                "ROUND((CAST(n AS DECIMAL(40,6)) / NULLIF(price, 0)), 6)",
            ),
        ),
        (
            F("made") + timedelta(days=1),
            (
                "openviper_shift(made, ?, 1)",
                "NULLIF(NULLIF(GREATEST(LEAST(made + (CAST(%s AS BIGINT)) * INTERVAL '1 microsecond', "
                "'10000-01-01'), '0001-12-31 23:59:59.999999 BC'), '10000-01-01'), '0001-12-31 23:59:59.999999 BC')",
                "(made + INTERVAL (%s) MICROSECOND)",
            ),
        ),
        (
            F("day") - F("took"),
            (
                "openviper_shift(day, took, -1)",
                "NULLIF(NULLIF(GREATEST(LEAST(day - CAST(FLOOR(CAST(took AS NUMERIC) / 86400000000) AS INTEGER), "
                "'10000-01-01'), '0001-12-31 BC'), '10000-01-01'), '0001-12-31 BC')",
                "(day - INTERVAL FLOOR(CAST(took AS DECIMAL(30, 12)) / 86400000000) DAY)",
            ),
        ),
        (
            F("made") - F("made"),
            (
                "openviper_between(made, made)",
                "CAST(EXTRACT(EPOCH FROM (made - made)) * 1000000 AS BIGINT)",
                "TIMESTAMPDIFF(MICROSECOND, made, made)",
            ),
        ),
        (
            F("day") - F("day"),
            (
                "openviper_between(day, day)",
                "(CAST(day - day AS BIGINT) * 86400000000)",
                "TIMESTAMPDIFF(MICROSECOND, day, day)",
            ),
        ),
        (F("n") % F("n"), ("(n % n)", "MOD(n, NULLIF(n, 0))", "MOD(n, NULLIF(n, 0))")),
        (F("ok") + F("n"), ("((ok) + n)", "(CAST(ok AS INTEGER) + n)", "((ok) + n)")),
    ],
)
def test_each_database_is_asked_so_that_all_give_the_same(
    expression: Expression, texts: tuple[str, str, str]
) -> None:
    assert tuple(text(expression, vendor) for vendor in VENDORS) == texts


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        (F("n") + F("n"), INTEGER),
        (F("n") / F("n"), FLOAT),
        (F("ok") * F("ok"), INTEGER),
        (F("n") * F("weight"), FLOAT),
        (F("price") - F("weight"), FLOAT),
        (F("price") + F("n"), decimal_type(2)),
        (F("price") * F("n"), decimal_type(2)),
        (F("price") * F("price"), decimal_type(4)),
        (F("price") + Decimal("0.001"), decimal_type(3)),
        (F("price") / F("n"), decimal_type(6)),
        (F("price") * Decimal("1E+3"), decimal_type(2)),
        (F("price") * Decimal(f"1e-{40}"), decimal_type(30)),
        (F("made") + F("took"), DATETIME),
        (F("took") + F("made"), DATETIME),
        (F("day") - F("took"), DATE),
        (F("took") + F("day"), DATE),
        (F("made") - F("made"), DURATION),
        (F("day") - F("day"), DURATION),
        (F("took") + F("took"), DURATION),
        (F("took") * 2, DURATION),
        (2 * F("took"), DURATION),
        (F("n") ** 2, FLOAT),
        (F("n") % 2, INTEGER),
    ],
)
def test_types_of_results(expression: Expression, result: ResultType) -> None:
    query = Thing.objects.annotate(v=expression)
    assert dict(query.query.annotations)["v"].type is result


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (F("name") + 1, "(F('name') + 1): 'name' is not a number but a text; Concat() joins texts"),
        (F("name") * 2, "(F('name') * 2): 'name' is not a number but a text"),
        (1 - F("data"), "(1 - F('data')): 'data' is not a number but a JSON"),
        (F("code") + 1, "'code' is not a number but a UUID"),
        (F("blob") + 1, "'blob' is not a number but a bytes"),
        (F("tags") + 1, "'tags' is not a number but a array of text"),
        (F("made") + F("made"), "a date and time + a date and time has no meaning"),
        (F("made") * 2, "a date and time * a whole number has no meaning"),
        (F("day") - F("made"), "a date - a date and time has no meaning"),
        (F("took") / 2, "a duration / a whole number has no meaning"),
        (F("took") - F("made"), "a duration - a date and time has no meaning"),
        (F("took") * F("weight"), "a duration * a floating-point number has no meaning"),
        (F("at") + F("took"), "a time of day + a duration has no meaning"),
        (F("weight") % 2, "Mod("),
        (
            F("name") ** 2,
            "takes a decimal number or floating-point number or whole number, not a text",
        ),
        (Mod("price", 2), "takes a whole number, not a decimal number"),
    ],
)
def test_what_has_no_meaning_is_refused_before_it_is_sent(
    expression: Expression, message: str
) -> None:
    with pytest.raises(FieldError, match=re.escape(message)):
        Thing.objects.annotate(v=expression)


@pytest.mark.parametrize("other", ["text", b"x", None, [1], {}])
@pytest.mark.parametrize("swap", [False, True])
def test_python_says_what_cannot_be_combined_at_all(other: Any, swap: bool) -> None:
    with pytest.raises(TypeError):
        _ = other + F("n") if swap else F("n") + other


NOON = datetime(2020, 2, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "values", "expected"),
    [
        (F("n") + 1, {"n": 2}, 3),
        (F("n") + 1, {"n": None}, None),
        (10 - F("n"), {"n": 2}, 8),
        (F("n") / 2, {"n": 3}, 1.5),
        (F("n") / 0, {"n": 3}, None),
        (F("n") % 0, {"n": 3}, None),
        (F("n") % 3, {"n": -7}, -1),
        (F("n") ** 2, {"n": 3}, 9.0),
        (F("n") ** 0.5, {"n": -1}, None),
        (Power("n", 400), {"n": 10}, None),
        (2 ** F("n"), {"n": 3}, 8.0),
        (F("price") + F("price") + F("price"), {"price": Decimal("0.10")}, Decimal("0.30")),
        (F("price") * F("price"), {"price": Decimal("0.15")}, Decimal("0.0225")),
        (F("price") / 3, {"price": Decimal(1)}, Decimal("0.333333")),
        (1 / F("price"), {"price": Decimal("0.30")}, Decimal("3.333333")),
        (F("price") / 0, {"price": Decimal(1)}, None),
        (F("ok") + 1, {"ok": True}, 2),
        (F("ok") + F("ok"), {"ok": False}, 0),
        (F("ok") + 1, {"ok": None}, None),
        (F("made") + timedelta(days=1), {"made": NOON}, NOON + timedelta(days=1)),
        (F("made") - F("took"), {"made": NOON, "took": timedelta(hours=13)}, NOON - timedelta(hours=13)),
        (F("made") + timedelta(days=10**6 * 4), {"made": NOON}, None),
        (F("made") - NOON, {"made": NOON + timedelta(microseconds=1)}, timedelta(microseconds=1)),
        (F("day") + timedelta(hours=25), {"day": date(2020, 2, 28)}, date(2020, 2, 29)),
        (F("day") - timedelta(hours=1), {"day": date(2020, 3, 1)}, date(2020, 3, 1)),
        (F("day") + timedelta(hours=-1), {"day": date(2020, 3, 1)}, date(2020, 2, 29)),
        (F("day") - timedelta(hours=-1), {"day": date(2020, 3, 1)}, date(2020, 3, 2)),
        (F("day") - date(2020, 1, 1), {"day": date(2020, 1, 3)}, timedelta(days=2)),
        (F("took") * -2, {"took": timedelta(seconds=1)}, timedelta(seconds=-2)),
        (F("took") - F("took"), {"took": timedelta(seconds=1)}, timedelta()),
        (Value(Decimal("1.50")) * 2, {}, Decimal("3.00")),
    ],
)  # fmt: skip
def test_results_on_sqlite(expression: Expression, values: dict[str, Any], expected: Any) -> None:
    found = value_of(expression, **values)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_numbers_beyond_64_bits_cannot_be_computed_with(number: int) -> None:
    with pytest.raises((ValueError, FieldError)):
        computed(F("n") + number)


@pytest.mark.parametrize(
    ("order", "texts"),
    [
        (F("n").asc(), ("n", "n NULLS FIRST", "n")),
        (F("n").desc(), ("n DESC", "n DESC NULLS LAST", "n DESC")),
        (F("price").asc(), ("price", "price", "price")),
        (F("price").desc(), ("price DESC", "price DESC", "price DESC")),
    ],
)
def test_orders_have_missing_values_first_everywhere(
    order: OrderBy, texts: tuple[str, str, str]
) -> None:
    query = Thing.objects.order_by(order).query
    nodes = [term.node for term in query.order or ()]
    made = [plain(select_values(plan(vendor), query, nodes).sql) for vendor in VENDORS]
    assert [each.partition("ORDER BY ")[2] for each in made] == list(texts)
