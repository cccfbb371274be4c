"""The one way in which OpenViper reads JSON of others: as RFC 8259 has it, without NaN, and with each name once in an object.

Of a name that is there twice, readers keep the first, the last, or both (section 4): who looks at the one must not be told the other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise twice(_double(pairs))
    return found


def twice(name: str) -> ValueError:
    """Return the error that an object has a name twice."""
    return ValueError(f"the name {ascii(name[:MAX_SHOWN])} is there twice in one object")


def _double(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("every name is there once")


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


MAX_SHOWN = 100
"""Characters of a name in an error."""
_reader = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_constant)
# Where each name ends, and texts that begin with a colon.
_ends_of_names = re.compile(r'"[ \t\n\r]*+:').findall
scan: Callable[[str, int], tuple[Any, int]] = vars(_reader)["scan_once"]
"""Returns the value that begins at a place of a text, and the place behind it."""


def parse_json(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: If it is none, or has a name twice in one object, or a number of more than 4,300 digits; a `JSONDecodeError`
            says where.
        RecursionError: If it is nested too deeply.
    """
    if text.startswith(_MARK):
        raise _marked()
    value, names = _counted(text)
    # A colon may also stand in a text, so there are never fewer of them than names: if there are as many, none was lost.
    is_whole = names == text.count(":") or names == len(_ends_of_names(text))
    return value if is_whole else _reader.decode(text)


def _counted(text: str) -> tuple[Any, int]:
    """Return the value of a text, and how many names its objects have."""
    reader = _idle.pop() if _idle else _CountingReader()
    value = reader.decode(text)
    names = sum(reader.sizes)
    reader.sizes.clear()
    _idle.append(reader)
    return value, names


class _CountingReader:
    """Reads one text at a time, and counts the names in each object.

    Objects that are made in C and only counted take a third of the time that looking at each pair adds.

    Attributes:
        sizes: The number of names of each object.
        decode: Returns the value of a text.
    """

    def __init__(self) -> None:
        self.sizes: list[int] = []
        add = self.sizes.append

        def counted(found: dict[str, Any]) -> dict[str, Any]:
            add(len(found))
            return found

        self.decode = json.JSONDecoder(object_hook=counted, parse_constant=_constant).decode


_idle: list[_CountingReader] = []
"""Those that nobody uses now, and that have read their last text without an error."""


def without_mark(text: str) -> str:
    """Return the text.

    Raises:
        ValueError: If it begins with a byte order mark.
    """
    if text.startswith(_MARK):
        raise _marked()
    return text


def _marked() -> ValueError:
    return ValueError("a byte order mark stands before it")


_MARK = "\ufeff"
