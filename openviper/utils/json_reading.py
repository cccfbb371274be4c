"""The one way in which OpenViper reads JSON of others: as RFC 8259 has it, without NaN, and with each name once in an object.

Of a name that is there twice, readers keep the first, the last, or both (section 4): who looks at the one must not be told the other.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"the name {_double(pairs)} is there twice in one object")
    return found


def _double(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return ascii(name[:MAX_SHOWN])
        seen.add(name)
    raise AssertionError("every name is there once")


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _whole_number(text: str) -> int:
    return int(text)


def _float(text: str) -> float:
    return float(text)


MAX_SHOWN = 100
"""Characters of a name in an error."""
_reader = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant)
# The scanner is one call in C, which no other thread can interrupt but where it calls back into Python.
_yielding = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_constant, parse_int=_whole_number, parse_float=_float
)


def parse_json(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: If it is none, or has a name twice in one object, or a number of more than 4,300 digits; a `JSONDecodeError`
            says where.
        RecursionError: If it is nested too deeply.
    """
    return _reader.decode(_without_mark(text))


def parse_long_json(text: str) -> Any:
    """Do what `parse_json` does, and let other threads run meanwhile."""
    return _yielding.decode(_without_mark(text))


def _without_mark(text: str) -> str:
    if text.startswith("\ufeff"):
        raise ValueError("a byte order mark stands before it")
    return text
