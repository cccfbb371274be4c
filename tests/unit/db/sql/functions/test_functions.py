"""Functions of texts, numbers and moments: their SQL per database, their results, what they refuse."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from openviper.db.models import F
from openviper.db.sql.expressions import Expression, Func, Value
from openviper.db.sql.functions.moments import UNITS, Extract, Now, Trunc
from openviper.db.sql.functions.numbers import Abs, Ceil, Floor, Round
from openviper.db.sql.functions.text import (
    Concat,
    Length,
    Lower,
    Replace,
    StrIndex,
    Substr,
    Trim,
    Upper,
)
from openviper.db.sql.types import INTEGER, Family
from openviper.exceptions import FieldError
from tests.unit.db.sql.kinds import VENDORS, Thing, computed, text, value_of

BIN = "/*M!100200 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */"
WEEK: Any = "week"
MOMENT = datetime(2021, 12, 31, 23, 58, 59, 123456, tzinfo=UTC)


def within(number: str, whole: str) -> str:
    """Return what MariaDB is asked for a whole number: an error where it would take the nearest one that there is."""
    return (
        f"CASE WHEN {number} >= 9223372036854775808 OR {number} < -9223372036854775808 "
        f"THEN CAST(POWER({number}, 99) AS SIGNED) ELSE CAST({whole} AS SIGNED) END"
    )


@pytest.mark.parametrize(
    ("function", "texts"),
    [
        (Lower("name"), ("openviper_lower(name)", "LOWER(name)", "LOWER(name)")),
        (Upper("name"), ("openviper_upper(name)", "UPPER(name)", "UPPER(name)")),
        (Length("name"), ("LENGTH(name)", "CHAR_LENGTH(name)", "CHAR_LENGTH(name)")),
        (Trim("name"), ("TRIM(name)",) * 3),
        (
            Concat("name", "name"),
            (
                "(COALESCE(name, '') || COALESCE(name, ''))",
                "(COALESCE(name, '') || COALESCE(name, ''))",
                "CONCAT(COALESCE(name, ''), COALESCE(name, ''))",
            ),
        ),
        (
            Substr("name", F("n")),
            (
                "SUBSTR(name, CASE WHEN n < 1 THEN 1 ELSE n END)",
                "SUBSTR(name, CAST(CASE WHEN n < 1 THEN 1 ELSE n END AS INTEGER))",
                "SUBSTR(name, CASE WHEN n < 1 THEN 1 ELSE n END)",
            ),
        ),
        (
            StrIndex("name", "name"),
            ("INSTR(name, name)", "STRPOS(name, name)", f"LOCATE(name, CAST(name AS CHAR) COLLATE {BIN})"),
        ),
        (
            Replace("name", "name", "name"),
            (
                "REPLACE(name, name, name)",
                "REPLACE(name, name, name)",
                f"CASE WHEN name IS NOT NULL THEN REPLACE(CAST(name AS CHAR) COLLATE {BIN}, name, name) END",
            ),
        ),
        (
            Round("weight"),
            (
                "openviper_round(weight, 0)",
                "CAST(ROUND(CAST(weight AS NUMERIC), 0) AS BIGINT)",
                within("weight", "ROUND(CAST(CAST(weight AS CHAR) AS DECIMAL(65,20)), 0)"),
            ),
        ),
        (
            Round("weight", 2),
            (
                "openviper_round(weight, 2)",
                "ROUND(CAST(weight AS NUMERIC), 2)",
                "(ROUND(CAST(CAST(weight AS CHAR) AS DECIMAL(65,20)), 2) + 0)",
            ),
        ),
        (
            Floor("price"),
            ("openviper_floor(price)", "CAST(FLOOR(price) AS BIGINT)", within("price", "FLOOR(price)")),
        ),
        (
            Ceil("price"),
            (
                "openviper_ceil(price)",
                "CAST(CEILING(price) AS BIGINT)",
                within("price", "CEILING(price)"),
            ),
        ),
        (
            Now(),
            (
                "(strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')",
                "CAST(STATEMENT_TIMESTAMP() AS TIMESTAMP WITH TIME ZONE)",
                "UTC_TIMESTAMP(6)",
            ),
        ),
        (
            Trunc("made", "month"),
            (
                "substr(substr(made, 1, 7) || substr('0001-01-01 00:00:00.000000', 8), 1, length(made))",
                "DATE_TRUNC('month', made)",
                "CAST(CONCAT(LEFT(made, 7), SUBSTRING('0001-01-01 00:00:00.000000', 8)) AS DATETIME(6))",
            ),
        ),
        (
            Trunc("day", "year"),
            (
                "substr(substr(day, 1, 4) || substr('0001-01-01 00:00:00.000000', 5), 1, length(day))",
                "CAST(DATE_TRUNC('year', day) AS DATE)",
                "CAST(CAST(CONCAT(LEFT(day, 4), SUBSTRING('0001-01-01 00:00:00.000000', 5)) AS DATETIME(6)) AS DATE)",
            ),
        ),
    ],
)  # fmt: skip
def test_calls_in_the_words_of_each_database(
    function: Expression, texts: tuple[str, str, str]
) -> None:
    assert tuple(text(function, vendor) for vendor in VENDORS) == texts


@pytest.mark.parametrize(
    ("function", "values", "expected"),
    [
        (Lower("name"), {"name": "ÀB1"}, "àb1"),
        (Lower("name"), {"name": "İ"}, "İ"),  # Two characters in lower case.
        (Upper("name"), {"name": "straße"}, "STRAßE"),
        (Lower("name"), {"name": None}, None),
        (Length("name"), {"name": "é😀"}, 2),
        (Trim("name"), {"name": "  a b "}, "a b"),
        (Concat("name", Value("-"), "name"), {"name": "x"}, "x-x"),
        (Concat("name", Value("-")), {"name": None}, "-"),
        (Substr("name", 2), {"name": "abcd"}, "bcd"),
        (Substr("name", 2, 2), {"name": "abcd"}, "bc"),
        (Substr("name", 9), {"name": "abcd"}, ""),
        (Substr("name", 1, 0), {"name": "abcd"}, ""),
        (Substr("name", Value(-1), Value(2)), {"name": "abcd"}, "ab"),
        (Substr("name", 1, Value(-1)), {"name": "abcd"}, ""),
        (Replace("name", Value("a"), Value("")), {"name": "banana"}, "bnn"),
        (Replace("name", Value("A"), Value("x")), {"name": "banana"}, "banana"),
        (StrIndex("name", Value("n")), {"name": "banana"}, 3),
        (StrIndex("name", Value("N")), {"name": "banana"}, 0),
        (Abs("n"), {"n": -3}, 3),
        (Abs("price"), {"price": Decimal("-0.10")}, Decimal("0.10")),
        (Round("price"), {"price": Decimal("2.50")}, 3),
        (Round("price"), {"price": Decimal("-2.50")}, -3),
        (Round("price", 1), {"price": Decimal("0.25")}, Decimal("0.3")),
        (Round("weight", 2), {"weight": 2.675}, 2.68),
        (Round("weight", 1), {"weight": 2.0}, 2.0),
        (Round("n", 3), {"n": 7}, 7),
        (Floor("price"), {"price": Decimal("-0.10")}, -1),
        (Ceil("price"), {"price": Decimal("0.10")}, 1),
        (Floor("weight"), {"weight": -1.5}, -2),
        (Ceil("weight"), {"weight": None}, None),
        (Extract("made", "year"), {"made": MOMENT}, 2021),
        (Extract("made", "second"), {"made": MOMENT}, 59),
        (Extract("made", "date"), {"made": MOMENT}, date(2021, 12, 31)),
        (Extract("made", "time"), {"made": MOMENT}, time(23, 58, 59)),
        (Extract("day", "month"), {"day": date(2020, 2, 29)}, 2),
        (Extract("at", "minute"), {"at": time(10, 30)}, 30),
        (Trunc("made", "year"), {"made": MOMENT}, datetime(2021, 1, 1, tzinfo=UTC)),
        (Trunc("made", "month"), {"made": MOMENT}, datetime(2021, 12, 1, tzinfo=UTC)),
        (Trunc("made", "day"), {"made": MOMENT}, datetime(2021, 12, 31, tzinfo=UTC)),
        (Trunc("made", "hour"), {"made": MOMENT}, datetime(2021, 12, 31, 23, tzinfo=UTC)),
        (Trunc("made", "second"), {"made": MOMENT}, MOMENT.replace(microsecond=0)),
        (Trunc("made", "second"), {"made": None}, None),
        (Trunc("day", "month"), {"day": date(2020, 2, 29)}, date(2020, 2, 1)),
        (Trunc("day", "day"), {"day": date(2020, 2, 29)}, date(2020, 2, 29)),
    ],
)
def test_results_on_sqlite(function: Expression, values: dict[str, Any], expected: Any) -> None:
    found = value_of(function, **values)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Substr("name", 0), ValueError, "Substr(): start=0 is less than 1"),
        (lambda: Substr("name", 1, -1), ValueError, "Substr(): length=-1 is negative"),
        (lambda: Round("n", -1), ValueError, "Round(): places=-1 is negative"),
        (
            lambda: Trunc("made", WEEK),
            ValueError,
            "Trunc(): 'week' is not one of year, month, day",
        ),
        (lambda: Lower(), TypeError, "Lower() takes 1 arguments, not 0"),
        (lambda: Lower("a", "b"), TypeError, "Lower() takes 1 arguments, not 2"),
        (lambda: Concat("a"), TypeError, "Concat() takes 2 arguments, not 1"),
        (lambda: Now("made"), TypeError, "Now() takes 0 arguments, not 1"),
    ],
)
def test_wrong_calls(make: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (Length("n"), "Length('n'): takes a text, not a whole number"),
        (Lower(5), "Lower(5): takes a text, not a whole number"),
        (Concat("name", "n"), "takes a text, not a whole number"),
        (Substr("name", "name"), "takes a whole number, not a text"),
        (
            Round("name"),
            "takes a decimal number or floating-point number or whole number, not a text",
        ),
        (Extract("n", "year"), "a whole number has no 'year'"),
        (Extract("day", "hour"), "a date has no 'hour'"),
        (Extract("at", "date"), "a time of day has no 'date'"),
        (Extract("made", WEEK), "a date and time has no 'week'"),
        (Trunc("day", "hour"), "a date has no 'hour'"),
        (Trunc("at", "hour"), "takes a date or date and time, not a time of day"),
        (Lower("nothing"), "Thing has no field 'nothing'"),
        (Lower("maker__nothing"), "Maker has no field 'nothing'"),
    ],
)
def test_arguments_of_the_wrong_kind(function: Expression, message: str) -> None:
    with pytest.raises(FieldError, match=re.escape(message)):
        Thing.objects.annotate(v=function)


def test_what_is_null_is_of_every_kind() -> None:
    assert value_of(Lower(Value(None))) is None
    assert value_of(Concat(Value(None), Value("x"))) == "x"


class Shift(Func):
    """A function of a project's own, with an option."""

    accepts = (Family.INTEGER,)
    gives = INTEGER

    def __init__(self, value: Any, by: int) -> None:
        super().__init__(value)
        self.by = by

    def sql(self, dialect: Any, *arguments: str) -> str:
        return f"({arguments[0]} + {self.by} * {arguments[0]})"


def test_a_function_of_the_projects_own_is_made_for_each_of_its_options() -> None:
    one, two = computed(Shift(F("n") + 5, 1)), computed(Shift(F("n") + 5, 2))
    assert one.sql != two.sql
    assert one.parameters == [5, 5], "an argument that is written twice is bound twice"
    assert computed(Shift(F("n") + 6, 1)).sql is one.sql
    assert value_of(Shift(F("n") + 5, 2), n=1) == 18


@pytest.mark.parametrize("unit", UNITS)
def test_each_unit_has_a_text_of_its_own(unit: Any) -> None:
    others = {text(Trunc("made", other)) for other in UNITS if other != unit}  # type: ignore[arg-type]  # a Unit
    assert text(Trunc("made", unit)) not in others
