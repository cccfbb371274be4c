"""Functions that SQLite does not have, or not in every build: each connection registers them.

Only queries call them, never a schema, so that other tools can open the database. An argument that is NULL gives NULL.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from openviper.db.dialects.folding import folded
from openviper.db.dialects.sqlite_aggregates import register_aggregates

if TYPE_CHECKING:
    from decimal import Decimal

_LIMIT = 2**63
NUMBER = re.compile(
    r"[-+]?(?:[0-9]{1,250}(?:\.[0-9]{0,250})?|\.[0-9]{1,250})(?:[eE][-+]?[0-9]{1,3})?"
)
"""A text that is a number."""
_MICROSECOND = timedelta(microseconds=1)


def fold(text: object) -> str:
    """Return a text without case."""
    return folded(str(text))


def _rounded(number: float, places: int) -> Decimal | None:
    """Return a number with so many places, half of the last one rounded away from zero; `None` if it is not finite."""
    import decimal  # Late: many processes round nothing, and each start would pay for it.

    value = decimal.Decimal(str(number))
    if not value.is_finite():
        return None
    last = decimal.Decimal((0, (1,), -int(places)))
    return value.quantize(last, decimal.ROUND_HALF_UP, decimal.Context(prec=400))


def round_half_up(number: float, places: int) -> int | float:
    """Return a number as a decimal number with so many places, half of the last one rounded away from zero."""
    result = _rounded(number, places)
    if result is None:
        return number
    is_whole = result == result.to_integral_value() and abs(result) < _LIMIT
    return int(result) if is_whole else float(result)


def sure(number: int | float, places: int) -> int | float:
    """Return a computed decimal number with so many places.

    Raises:
        ValueError: If it has more digits than a floating-point number always holds.
    """
    if isinstance(number, float) and abs(number) >= 10.0 ** (15 - places):
        out_of_range(number)
    return number


def decimal_text(number: float, places: int) -> str:
    """Return a number as the text of a decimal number with so many places."""
    rounded = _rounded(number, places)
    if rounded is None:
        return str(number)
    return f"{rounded.copy_abs() if rounded.is_zero() else rounded:f}"


def stored_decimal(number: float, digits: int, places: int) -> int | float:
    """Return a number as a column of so many digits keeps it.

    Raises:
        ValueError: If it has more digits before the point.
    """
    rounded = round_half_up(number, places)
    if not abs(rounded) < 10 ** (digits - places):
        out_of_range(number)
    return rounded


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
    """Return the greatest whole number that is not greater.

    Raises:
        ValueError: If SQLite has no such number.
    """
    return _whole(number, math.floor)


def ceil(number: float) -> int | float:
    """Return the least whole number that is not less.

    Raises:
        ValueError: If SQLite has no such number.
    """
    return _whole(number, math.ceil)


def _whole(number: float, make: Callable[[float], int]) -> int:
    if not -_LIMIT <= number < _LIMIT:
        out_of_range(number)
    return make(number)


def text_number(text: object) -> float | None:
    """Return the number that a text is; NULL if it is none."""
    value = str(text).strip(" ")
    return float(value) if NUMBER.fullmatch(value) else None


def text_whole(text: object) -> int | None:
    """Return the number that a text is, less what is behind the point; NULL if it is none.

    Raises:
        ValueError: If SQLite has no such number.
    """
    value = str(text).strip(" ")
    if not NUMBER.fullmatch(value):
        return None
    from decimal import Decimal  # Late, as above.

    number = Decimal(value)
    if not -_LIMIT <= number < _LIMIT:
        out_of_range(value)
    return int(number)


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
    return None if math.isinf(result) else result


def shift(moment: str, microseconds: int, sign: int) -> str | None:
    """Return a date or time stamp moved by a duration, forward or, with the sign -1, back; NULL if there is no such moment."""
    by = timedelta(microseconds=microseconds)
    try:
        if len(moment) == len("2000-01-01"):
            day = date.fromisoformat(moment)
            return (day + by if sign > 0 else day - by).isoformat()
        start = datetime.fromisoformat(moment)
        return (start + by if sign > 0 else start - by).isoformat(" ", "microseconds")
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


def _loaded(text: object) -> Any:
    return json.loads(text) if isinstance(text, (str, bytes)) else text


def json_at(text: object, path: str) -> str | None:
    """Return the JSON at a path, whose digits are places in lists; NULL for nothing and for the JSON null."""
    value = _loaded(text)
    for part in _path(path):
        if isinstance(part, int):
            value = value[part] if isinstance(value, list) and part < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return None if value is None else json.dumps(value, ensure_ascii=False)


@lru_cache(maxsize=256)
def _path(path: str) -> list[str | int]:
    return [
        int(part) if part.isascii() and part.isdigit() and len(part) < 10 else part
        for part in json.loads(path)
    ]


def json_number(text: object) -> int | float | None:
    """Return a JSON number; NULL for all else."""
    value = _loaded(text)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number else None


def json_text(text: object) -> str | None:
    """Return a JSON text; NULL for all else."""
    value = _loaded(text)
    return value if isinstance(value, str) else None


def json_has(text: object, key: str) -> bool:
    """Return whether a JSON object has a key."""
    value = _loaded(text)
    return isinstance(value, dict) and key in value


def json_contains(text: object, wanted: object) -> bool:
    """Return whether JSON contains JSON, as PostgreSQL understands it."""
    value, part = _normal(_loaded(text)), _normal(_loaded(wanted))
    if isinstance(value, list) and not isinstance(part, (list, dict)):
        return any(_equals(member, part) for member in value)
    return _contains(value, part)


def _equals(value: Any, other: Any) -> bool:
    return isinstance(value, bool) is isinstance(other, bool) and bool(value == other)


def _contains(value: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(value, dict) and all(
            key in value and _contains(value[key], item) for key, item in part.items()
        )
    if isinstance(part, list):
        return isinstance(value, list) and all(
            any(_contains(member, item) for member in value) for item in part
        )
    return _equals(value, part)


FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "openviper_json_at": (2, json_at),
    "openviper_json_number": (1, json_number),
    "openviper_json_text": (1, json_text),
    "openviper_json_has": (2, json_has),
    "openviper_json_contains": (2, json_contains),
    "openviper_fold": (1, fold),
    "openviper_lower": (1, lower),
    "openviper_upper": (1, upper),
    "openviper_floor": (1, floor),
    "openviper_ceil": (1, ceil),
    "openviper_round": (2, round_half_up),
    "openviper_decimal": (3, stored_decimal),
    "openviper_sure": (2, sure),
    "openviper_decimal_text": (2, decimal_text),
    "openviper_out_of_range": (1, out_of_range),
    "openviper_power": (2, power),
    "openviper_number": (1, text_number),
    "openviper_whole": (1, text_whole),
    "openviper_shift": (3, shift),
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
