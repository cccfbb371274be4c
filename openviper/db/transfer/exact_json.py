"""JSON with its numbers as they are written.

A number of JSON has as many digits as one likes; read as a floating point number it would lose some of them. What is
moved keeps each, and two texts are the same if their values are: ``1e2`` and ``100``, members in another order.
"""

from __future__ import annotations

import json
import re
from decimal import Context, Decimal
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, NoReturn

_EXACT = Context(prec=100_000)
LONGEST_EXPONENT = 100_000
"""Numbers with more digits than this are not compared by their value but by how they are written."""


SURROGATE = re.compile("[\ud800-\udfff]")
SURROGATE_OR_NUL = re.compile("[\ud800-\udfff\x00]")


class Number(str):
    """A number as it is written."""

    __slots__ = ()


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def loads(text: str | bytes) -> Any:
    """Return the value of a JSON text, in which each number is a `Number`.

    Raises:
        ValueError: If the text is not JSON.
    """
    try:
        return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def dumps(value: Any) -> str:
    """Return the text of a value of `loads`, without spaces, the members of objects in their order."""
    return _text(value, _plain_number, in_order=False)


def same_form(value: Any) -> str:
    """Return one text for all JSON texts that have the same value."""
    return _text(value, _same_number, in_order=True)


def _text(value: Any, number: Any, *, in_order: bool) -> str:
    if isinstance(value, Number):
        return str(number(value))
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return f"[{','.join(_text(item, number, in_order=in_order) for item in value)}]"
    if isinstance(value, dict):
        return _object_text(value, number, in_order=in_order)
    return json.dumps(value)


def _object_text(value: dict[str, Any], number: Any, *, in_order: bool) -> str:
    names = sorted(value) if in_order else list(value)
    members = (f"{quoted(name)}:{_text(value[name], number, in_order=in_order)}" for name in names)
    return f"{{{','.join(members)}}}"


def quoted(text: str) -> str:
    """Return a text as JSON; half of a surrogate pair, which UTF-8 has not, is written as an escape."""
    if SURROGATE.search(text):
        return encode_basestring_ascii(text)
    return encode_basestring(text)


def _plain_number(number: Number) -> str:
    return str.__str__(number)


def _same_number(number: Number) -> str:
    value = Decimal(str.__str__(number))
    if abs(value.adjusted()) > LONGEST_EXPONENT:
        return str.__str__(number)
    return plain_decimal(value)


def plain_decimal(value: Decimal) -> str:
    """Return one text for all decimals of the same value."""
    return str(value.normalize(_EXACT)) if value else "0"


def has_surrogate_or_nul(value: Any) -> bool:
    """Return whether a text in a JSON value has a NUL character or half of a surrogate pair."""
    if isinstance(value, str):
        return SURROGATE_OR_NUL.search(value) is not None
    if isinstance(value, list):
        return any(map(has_surrogate_or_nul, value))
    if isinstance(value, dict):
        return any(map(has_surrogate_or_nul, [*value, *value.values()]))
    return False
