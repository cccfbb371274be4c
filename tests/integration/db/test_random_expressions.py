"""Random expressions over every pair of kinds of fields: each database gives what Python gives, or all refuse."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple
from uuid import UUID

import pytest

from openviper.db import (
    Abs,
    Case,
    Cast,
    Ceil,
    Coalesce,
    Concat,
    Extract,
    Floor,
    Greatest,
    Least,
    Length,
    Lower,
    Mod,
    NullIf,
    Power,
    Q,
    Replace,
    Round,
    StrIndex,
    Substr,
    Trunc,
    Upper,
    Value,
    When,
)
from openviper.db.fields import (
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    DurationField,
    FloatField,
    IntegerField,
    JSONField,
    UUIDField,
)
from openviper.db.models import F, Model
from openviper.exceptions import FieldError
from tests.integration.db.support import database

EVERY_DATABASE = True
ROUNDS = 300
START = datetime(2025, 12, 30, 22, 58, 59, 7, UTC)


class Item(Model):
    _app_name = "random_expressions"

    n = IntegerField(null=True)
    price = DecimalField(max_digits=8, decimal_places=2, null=True)
    ratio = FloatField(null=True)
    good = BooleanField(null=True)
    start = DateTimeField(null=True)
    day = DateField(null=True)
    span = DurationField(null=True)
    text = CharField(max_length=9, null=True)
    key = UUIDField(null=True)
    data = JSONField(null=True)


KINDS = {
    "n": "int",
    "price": "decimal",
    "ratio": "float",
    "good": "bool",
    "start": "moment",
    "day": "date",
    "span": "duration",
    "text": "text",
    "key": "uuid",
    "data": "json",
}
NUMBERS = ("int", "decimal", "float", "bool")
Row = dict[str, Any]


class Made(NamedTuple):
    """An expression with what Python says about it.

    Attributes:
        expression: The expression.
        kind: The kind of its value; `None` if it has no meaning.
        places: Digits behind the point of a decimal number.
        value: Works its value out for a row.
    """

    expression: Any
    kind: str | None
    places: int
    value: Callable[[Row], Any]


def leaf(chance: random.Random) -> Made:
    """Return a field, a value of a field's kind, or NULL."""
    if chance.random() < 0.04:
        return Made(Value(None), "null", 0, lambda row: None)
    name = chance.choice([*KINDS, "n", "price", "ratio", "span", "start"])
    kind = KINDS[name]
    places = 2 if kind == "decimal" else 0
    if chance.random() < 0.7 or kind in ("json", "uuid", "bool"):
        return Made(F(name), kind, places, lambda row: row[name])
    constant: Any = {
        "int": chance.randrange(-3, 4),
        "decimal": Decimal(chance.randrange(-300, 300)).scaleb(-2),
        "float": chance.randrange(-8, 9) / 4,
        "moment": START + timedelta(hours=chance.randrange(-50, 50)),
        "date": date(2025, 12, 30) + timedelta(days=chance.randrange(-50, 50)),
        "duration": timedelta(microseconds=chance.randrange(-(10**12), 10**12)),
        "text": chance.choice(["", "a", "É"]),
    }[kind]
    return Made(Value(constant), kind, places, lambda row: constant)


def rounded(number: Decimal, places: int) -> Decimal:
    """Return a decimal number with so many places."""
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def number_result(operator: str, left: Made, right: Made) -> tuple[str, int]:
    """Return kind and places of arithmetic with numbers."""
    if "float" in (left.kind, right.kind):
        return "float", 0
    if "decimal" not in (left.kind, right.kind):
        return ("float", 0) if operator == "/" else ("int", 0)
    if operator == "*":
        return "decimal", left.places + right.places
    places = max(left.places, right.places)
    return "decimal", max(places, 6) if operator == "/" else places


def computed(operator: str, kind: str, places: int, first: Any, second: Any) -> Any:
    """Return what Python makes of two numbers."""
    make: Any = {"decimal": Decimal, "float": float, "int": int}[kind]
    first, second = make(first), make(second)
    if operator == "/":
        if not second:
            return None
        return rounded(first / second, places) if kind == "decimal" else first / second
    result = {"+": first + second, "-": first - second, "*": first * second}[operator]
    return rounded(result, places) if kind == "decimal" else result


MOMENTS: dict[tuple[str, str, str], tuple[str, Callable[[Any, Any], Any]]] = {
    ("moment", "+", "duration"): ("moment", lambda one, two: one + two),
    ("moment", "-", "duration"): ("moment", lambda one, two: one - two),
    ("moment", "-", "moment"): ("duration", lambda one, two: one - two),
    ("duration", "+", "moment"): ("moment", lambda one, two: two + one),
    ("date", "+", "duration"): ("date", lambda one, two: one + two),
    ("date", "-", "duration"): ("date", lambda one, two: one - two),
    ("date", "-", "date"): ("duration", lambda one, two: one - two),
    ("duration", "+", "date"): ("date", lambda one, two: two + one),
    ("duration", "+", "duration"): ("duration", lambda one, two: one + two),
    ("duration", "-", "duration"): ("duration", lambda one, two: one - two),
    ("duration", "*", "int"): ("duration", lambda one, two: one * int(two)),
    ("duration", "*", "bool"): ("duration", lambda one, two: one * int(two)),
    ("int", "*", "duration"): ("duration", lambda one, two: int(one) * two),
    ("bool", "*", "duration"): ("duration", lambda one, two: int(one) * two),
}


def arithmetic(operator: str, left: Made, right: Made) -> Made:
    """Return two expressions joined by an operator; NULL goes with nothing."""
    symbols: dict[str, Callable[[Any, Any], Any]] = {
        "+": lambda one, two: one + two,
        "-": lambda one, two: one - two,
        "*": lambda one, two: one * two,
        "/": lambda one, two: one / two,
    }
    expression = symbols[operator](left.expression, right.expression)
    if left.kind in NUMBERS and right.kind in NUMBERS:
        kind, places = number_result(operator, left, right)
        apply: Callable[[Any, Any], Any] = partial(computed, operator, kind, places)
    else:
        rule = MOMENTS.get((str(left.kind), operator, str(right.kind)))
        if rule is None:
            return Made(expression, None, 0, lambda row: None)
        (kind, apply), places = rule, 0

    def value(row: Row) -> Any:
        first, second = left.value(row), right.value(row)
        return None if first is None or second is None else apply(first, second)

    return Made(expression, kind, places, value)


def common(left: Made, right: Made) -> tuple[str | None, int]:
    """Return the kind that two values have in common, `None` if there is none; NULL has it with all."""
    if "null" in (left.kind, right.kind):
        other = right if left.kind == "null" else left
        return other.kind, other.places
    if left.kind == right.kind:
        return left.kind, max(left.places, right.places)
    kinds = {left.kind, right.kind}
    if not kinds <= {"int", "decimal", "float"}:
        return None, 0
    return ("float", 0) if "float" in kinds else ("decimal", max(left.places, right.places))


def as_kind(value: Any, kind: str | None, places: int) -> Any:
    """Return a number as the kind it has in common with others."""
    if value is None or kind not in ("decimal", "float"):
        return value
    return float(value) if kind == "float" else rounded(Decimal(value), places)


def a_condition(chance: random.Random) -> tuple[str, Q, Callable[[Row], bool]]:
    """Return a condition of a case, with its test."""
    bound = chance.randrange(-3, 4)
    price = Decimal(bound) / 2
    conditions: list[tuple[Q, Callable[[Row], bool]]] = [
        (Q(n__gt=bound), lambda row: row["n"] is not None and row["n"] > bound),
        (~Q(n__lte=bound), lambda row: row["n"] is not None and row["n"] > bound),
        (Q(text__in=["", "É"]), lambda row: row["text"] in ("", "É")),
        (Q(n=None) | Q(good=True), lambda row: row["n"] is None or bool(row["good"])),
        (
            Q(price__range=(price, 9)),
            lambda row: row["price"] is not None and price <= row["price"] <= 9,
        ),
        (Q(data__a=1), lambda row: row["data"] is not None),
    ]
    return ("case", *chance.choice(conditions))


def whole(value: Any, down: Callable[[Decimal], Any]) -> Any:
    """Return a number as a whole one."""
    return None if value is None else int(down(Decimal(str(value))))


def power_of(value: Any, exponent: int) -> Any:
    """Return a number to the power of another, `None` where there is none."""
    if value is None or (not value and exponent < 0):
        return None
    return float(value) ** exponent


def of_number(chance: random.Random, made: Made) -> Made:
    """Return a function of a number."""
    number, exponent = made.expression, chance.choice([-1, 0, 2, 3])
    places = chance.choice([1, 3])
    value = made.value
    options: list[Made] = [
        Made(Floor(number), "int", 0, lambda row: whole(value(row), math.floor)),
        Made(Ceil(number), "int", 0, lambda row: whole(value(row), math.ceil)),
        Made(Cast(number, int), "int", 0, lambda row: whole(value(row), math.trunc)),
        Made(Cast(number, float), "float", 0, lambda row: _apply(float, value(row))),
        Made(Power(number, exponent), "float", 0, lambda row: power_of(value(row), exponent)),
        Made(number**2, "float", 0, lambda row: power_of(value(row), 2)),
        Made(
            -number if made.kind != "bool" else number * -1,
            made.kind,
            made.places,
            lambda row: _apply(lambda one: -one, value(row)),
        ),
    ]
    if made.kind == "decimal":
        options.append(
            Made(
                Round(number, places),
                "decimal",
                places,
                lambda row: _apply(lambda one: rounded(one, places), value(row)),
            )
        )
        options.append(
            Made(
                Cast(number, str),
                "text",
                0,
                lambda row: _apply(lambda one: f"{rounded(one, made.places) + 0:f}", value(row)),
            )
        )
    if made.kind == "int":
        options.append(
            Made(
                Mod(number, 3),
                "int",
                0,
                lambda row: _apply(lambda one: int(math.fmod(one, 3)), value(row)),
            )
        )
        options.append(Made(Cast(number, str), "text", 0, lambda row: _apply(str, value(row))))
    return chance.choice(options)


def of_text(chance: random.Random, made: Made) -> Made:
    """Return a function of a text."""
    text, value = made.expression, made.value
    start = chance.randrange(1, 3)
    options: list[Made] = [
        Made(Lower(text), "text", 0, lambda row: _apply(str.lower, value(row))),
        Made(Upper(text), "text", 0, lambda row: _apply(str.upper, value(row))),
        Made(Length(text), "int", 0, lambda row: _apply(len, value(row))),
        Made(Concat(text, Value("%x"), F("text")), "text", 0, lambda row: (value(row) or "") + "%x" + (row["text"] or "")),
        Made(Replace(text, Value("a"), Value("É'")), "text", 0, lambda row: _apply(lambda one: one.replace("a", "É'"), value(row))),
        Made(Replace(text, Value("z"), F("text")), "text", 0, lambda row: None if row["text"] is None else _apply(lambda one: one.replace("z", row["text"]), value(row))),
        Made(StrIndex(text, Value("É")), "int", 0, lambda row: _apply(lambda one: one.find("É") + 1, value(row))),
        Made(Substr(text, start), "text", 0, lambda row: _apply(lambda one: one[start - 1 :], value(row))),
        Made(Substr(text, start, 1), "text", 0, lambda row: _apply(lambda one: one[start - 1 : start], value(row))),
    ]  # fmt: skip
    return chance.choice(options)


def of_moment(chance: random.Random, made: Made) -> Made:
    """Return a part of a moment or a date, or one that is cut."""
    parts: tuple[Literal["year", "month", "day"], ...] = ("year", "month", "day")
    part = chance.choice(parts)
    value = made.value
    if chance.random() < 0.5:
        taken = Extract(made.expression, part)
        return Made(taken, "int", 0, lambda row: _apply(lambda one: getattr(one, part), value(row)))
    first = {"year": {"month": 1, "day": 1}, "month": {"day": 1}, "day": {}}[part]
    hours: dict[str, int] = (
        {"hour": 0, "minute": 0, "second": 0, "microsecond": 0} if made.kind == "moment" else {}
    )
    cut = Trunc(made.expression, part)
    return Made(
        cut, made.kind, 0, lambda row: _apply(lambda one: one.replace(**first, **hours), value(row))
    )


def function(chance: random.Random, made: Made) -> Made:
    """Return a function of a value, if its kind has any."""
    kinds = {"text": of_text, "moment": of_moment, "date": of_moment}
    make = of_number if made.kind in ("int", "decimal", "float") else kinds.get(str(made.kind))
    return made if make is None else make(chance, made)


def _apply(change: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else change(value)


def chosen(name: str, first: Any, second: Any, *, holds: bool) -> Any:
    """Return which of two values a function chooses."""
    if name == "coalesce":
        return second if first is None else first
    if name == "case":
        return first if holds else second
    if name == "nullif":
        return None if first is not None and first == second else first
    if first is None or second is None:
        return None
    return max(first, second) if name == "greatest" else min(first, second)


def choice(chance: random.Random, left: Made, right: Made) -> Made:
    """Return a function that chooses between two values."""
    kind, places = common(left, right)
    name = chance.choice(["coalesce", "case", "greatest", "least", "nullif"])
    if name == "nullif" and left.kind != right.kind and "null" not in (left.kind, right.kind):
        name = "case"  # In Python, 4.18 and Decimal("4.18") differ.
    ordered = ("int", "decimal", "float", "text", "moment", "date", "duration", "null")
    if name in ("greatest", "least") and (left.kind not in ordered or right.kind not in ordered):
        kind = None
    if name == "nullif" and "json" in (left.kind, right.kind):
        kind = None
    one, two = left.expression, right.expression
    holds: Callable[[Row], bool] = lambda row: row["n"] is not None and row["n"] > 0
    makers: dict[str, Callable[[], Any]] = {
        "coalesce": lambda: Coalesce(one, two),
        "case": lambda: Case(When(n__gt=0, then=one), default=two),
        "greatest": lambda: Greatest(one, two),
        "least": lambda: Least(one, two),
        "nullif": lambda: NullIf(one, two),
    }
    expression = makers[name]()
    if name == "nullif" and kind is not None:
        kind, places = left.kind, left.places
    if kind is not None and name == "case":
        name, condition, holds = a_condition(chance)
        expression = Case(When(condition, then=one), default=two)

    def value(row: Row) -> Any:
        found = chosen(name, left.value(row), right.value(row), holds=holds(row))
        return as_kind(found, kind, places)

    return Made(expression, kind, places, value)


def tree(chance: random.Random, depth: int = 0) -> Made:
    """Return a random expression, more often than not one that has a meaning."""
    made = one_tree(chance, depth)
    while made.kind is None and chance.random() < 0.75:
        made = one_tree(chance, depth)
    return made


def one_tree(chance: random.Random, depth: int) -> Made:
    """Return a random expression; of two operands, one without a meaning decides that the whole has none."""
    if depth == 2 or (depth and chance.random() < 0.4):
        return leaf(chance)
    left, right = tree(chance, depth + 1), tree(chance, depth + 1)
    if left.kind is None or right.kind is None:
        return left if left.kind is None else right
    if left.kind in ("int", "decimal", "float") and chance.random() < 0.1:
        absolute = Abs(left.expression)
        return Made(absolute, left.kind, left.places, lambda row: _abs(left.value(row)))
    if chance.random() < 0.25:
        return choice(chance, left, right)
    if chance.random() < 0.3:
        return function(chance, left)
    return arithmetic(chance.choice("+-*/"), left, right)


def _abs(value: Any) -> Any:
    return None if value is None else abs(value)


async def filled(chance: random.Random) -> list[Row]:
    """Store random rows and return them."""

    def maybe(value: Any) -> Any:
        return None if chance.random() < 0.2 else value

    items = [
        Item(
            n=maybe(chance.randrange(-5, 6)),
            price=maybe(Decimal(chance.randrange(-500, 500)).scaleb(-2)),
            ratio=maybe(chance.randrange(-20, 20) / 8),
            good=maybe(chance.random() < 0.5),
            start=maybe(START + timedelta(microseconds=chance.randrange(0, 10**14))),
            day=maybe(date(2025, 2, 27) + timedelta(days=chance.randrange(0, 400))),
            span=maybe(timedelta(microseconds=chance.randrange(-(10**13), 10**13))),
            text=maybe(chance.choice(["", "a", "É"])),
            key=maybe(UUID(int=chance.randrange(5))),
            data=maybe({"a": 1}),
        )
        for _ in range(25)
    ]
    await Item.objects.bulk_create(items)
    return [item.to_dict() for item in items]


async def test_random_expressions_are_what_python_makes_of_them(tmp_path: Path) -> None:
    chance = random.Random(20261129)
    meant = refused = 0
    async with database(tmp_path, Item):
        rows = await filled(chance)
        for number in range(ROUNDS):
            made = tree(chance)
            label = f"round {number}: {made.expression!r}"
            if made.kind is None:
                refused += 1
                with pytest.raises(FieldError):
                    Item.objects.annotate(x=made.expression)
                    pytest.fail(label)
                continue
            meant += 1
            query = Item.objects.annotate(x=made.expression).order_by("pk")
            found = await query.values_list("x", flat=True)
            wanted = [made.value(row) for row in rows]
            if any(
                isinstance(one, Decimal) and one.adjusted() + made.places > 14 for one in wanted
            ):
                continue  # SQLite has no such numbers.
            exact = made.kind != "float"
            assert found == (wanted if exact else pytest.approx(wanted)), label
            assert await query.filter(x__isnull=True).count() == wanted.count(None), label
            known = [value for value in wanted if value is not None]
            if known and exact and made.kind not in ("json", "bool"):
                value = chance.choice(known)
                keys = await query.filter(x=value).values_list("pk", flat=True)
                assert keys == [
                    row["id"] for row, one in zip(rows, wanted, strict=True) if one == value
                ], label
            if known and made.kind in ("int", "decimal", "moment", "date", "duration"):
                value = chance.choice(known)
                count = await query.filter(x__gt=value).count()
                assert count == sum(one > value for one in known), label
    assert meant > ROUNDS / 2 and refused > ROUNDS / 10, (meant, refused)
