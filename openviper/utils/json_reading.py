"""The one way in which OpenViper reads JSON of others: as RFC 8259 has it, without NaN, and with each name once in an object.

Of a name that is there twice, readers keep the first, the last, or both (section 4): who looks at the one must not be told the other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from typing import Any, NamedTuple, NoReturn


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


_SPACE = " \t\n\r"
"""What may stand around a value (RFC 8259, section 2)."""
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
    bare = text.strip(_SPACE)
    value, end, names = _counted(bare)
    # A colon may also stand in a text, so there are never fewer of them than names: if there are as many, none was lost.
    if end == len(bare) and (names == bare.count(":") or names == len(_ends_of_names(bare))):
        return value
    return _refused(text)


def _counted(text: str) -> tuple[Any, int, int]:
    """Return the value that a text begins with, where it ends, and how many names its objects have; -1 twice if it is none."""
    reader = _idle.pop() if _idle else _new_reader()
    try:
        value, end = reader.scan(text, 0)
    except (StopIteration, ValueError):
        return None, -1, -1
    names = next(reader.tally)
    _idle.append(reader)
    return value, end, names


def _refused(text: str) -> Any:
    """Do what `parse_json` does, more slowly, for a text with which something is wrong: here it is found out what."""
    return _reader.decode(without_mark(text))


def _tally() -> Generator[Any, dict[str, Any] | None, None]:
    """Take each object that is made and hand it back; where there is none, yield how many names there were since the last time."""
    found = yield None
    while True:
        names = 0
        while found is not None:
            names += len(found)
            found = yield found
        found = yield names


class _CountingReader(NamedTuple):
    """Reads one text at a time, and counts the names of its objects.

    Objects that are made in C and only counted take a quarter of the time that looking at each pair adds; and going on with a
    generator takes less than calling a function.

    Attributes:
        scan: Returns the value that begins at a place of a text, and the place behind it.
        tally: Counts the names; see `_tally`.
    """

    scan: Callable[[str, int], tuple[Any, int]]
    tally: Generator[Any, dict[str, Any] | None, None]


def _new_reader() -> _CountingReader:
    tally = _tally()
    next(tally)
    decoder = json.JSONDecoder(object_hook=tally.send, parse_constant=_constant)
    return _CountingReader(vars(decoder)["scan_once"], tally)


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
