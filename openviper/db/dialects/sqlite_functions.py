"""Functions that SQLite does not have, or not in every build: each connection registers them.

Only queries call them, never a schema, so that other tools can open the database. An argument that is NULL gives NULL.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Any, TypeVar

from openviper.db.dialects.folding import folded
from openviper.db.dialects.sqlite_aggregates import register_aggregates

_LIMIT = 2**63
_DIGITS = Context(prec=400)
_MICROSECOND = timedelta(microseconds=1)


def fold(text: object) -> str:
    """Return a text without case."""
    return folded(str(text))


def round_half_up(number: float, places: int) -> int | float:
    """Return a number as a decimal number with so many places, half of the last one rounded away from zero."""
    value = Decimal(str(number))
    if not value.is_finite():
        return number
    result = value.quantize(Decimal((0, (1,), -int(places))), ROUND_HALF_UP, _DIGITS)
    is_whole = result == result.to_integral_value() and abs(result) < _LIMIT
    return int(result) if is_whole else float(result)


def lower(text: object) -> str:
    """Return a text in lower case, one character for one."""
    return _mapped(str(text), str.lower)


def upper(text: object) -> str:
    """Return a text in upper case, one character for one."""
    return _mapped(str(text), str.upper)


def _mapped(text: str, mapping: Callable[[str], str]) -> str:
    if text.isascii():
        return mapping(text)
    letters = [(letter, mapping(letter)) for letter in text]
    return "".join([mapped if len(mapped) == 1 else letter for letter, mapped in letters])


def floor(number: float) -> int | float:
    """Return the greatest whole number that is not greater."""
    return math.floor(number)


def ceil(number: float) -> int | float:
    """Return the least whole number that is not less."""
    return math.ceil(number)


def out_of_range(value: object) -> None:
    """Refuse a number that does not fit into its column.

    Raises:
        ValueError: Always.
    """
    raise ValueError(f"{value!r} is out of the range of its column")


def power(number: float, exponent: float) -> float | None:
    """Return a number to the power of another; NULL where there is no such number."""
    try:
        result = math.pow(number, exponent)
    except (ValueError, OverflowError):
        return None
    return result


def shift(moment: str, microseconds: int) -> str | None:
    """Return a date or time stamp moved by a duration; NULL if there is no such moment."""
    try:
        if len(moment) == len("2000-01-01"):
            return (date.fromisoformat(moment) + timedelta(microseconds=microseconds)).isoformat()
        moved = datetime.fromisoformat(moment) + timedelta(microseconds=microseconds)
        return moved.isoformat(" ", "microseconds")
    except OverflowError:
        return None


def between(later: str, earlier: str) -> int:
    """Return the microseconds between two dates or time stamps."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)) // _MICROSECOND


@lru_cache(maxsize=256)
def normal_json(text: object) -> str:
    """Return a JSON text in its one form: names in order, whole numbers without a point."""
    value = json.loads(text) if isinstance(text, (str, bytes)) else text
    return json.dumps(_normal(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _normal(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_normal(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "openviper_fold": (1, fold),
    "openviper_lower": (1, lower),
    "openviper_upper": (1, upper),
    "openviper_floor": (1, floor),
    "openviper_ceil": (1, ceil),
    "openviper_round": (2, round_half_up),
    "openviper_out_of_range": (1, out_of_range),
    "openviper_power": (2, power),
    "openviper_shift": (2, shift),
    "openviper_between": (2, between),
    "openviper_json": (1, normal_json),
}
"""The functions by name, with their number of arguments."""


def _null_safe(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        return None if None in arguments else function(*arguments)

    return call


_SAFE = {name: (count, _null_safe(function)) for name, (count, function) in FUNCTIONS.items()}
F = TypeVar("F", bound=Callable[..., Any])


def sqlite_function(name: str, arguments: int) -> Callable[[F], F]:
    """Return a decorator that gives all connections opened later a function of the project's.

    It is called with values that are not NULL, on the event loop or in a thread, once per row: it has to be quick and to
    depend on its arguments alone.

    Args:
        name: What SQL calls it.
        arguments: How many arguments it takes.
    """

    def register(function: F) -> F:
        _SAFE[name] = (arguments, _null_safe(function))
        return function

    return register


def register_functions(connection: sqlite3.Connection) -> None:
    """Give a connection the functions."""
    for name, (count, function) in _SAFE.items():
        connection.create_function(name, count, function, deterministic=True)
    register_aggregates(connection)
