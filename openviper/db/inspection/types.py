"""From a database's own type to the neutral one, exactly where the schema sync calls them the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from openviper.db.dialects.ddl import DDLDialect

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column

_ARGUMENTS = re.compile(r"\((\d+)(?:,\s*(\d+))?\)")
_CHOICES = re.compile(r"'((?:[^']|'')*)'")
_MARKS = (
    ("JSON", "JSON"),
    ("BOOL", "BOOLEAN"),
    ("TINYINT(1)", "BOOLEAN"),
    ("UUID", "UUID"),
    ("CHAR(36)", "UUID"),
    ("CHAR(32)", "UUID"),
)
"""What tells a type that is stored as another one."""
_PLAIN = ("SMALLINT", "INTEGER", "BIGINT", "REAL", "TEXT", "DATETIME", "DATE", "TIME", "BINARY")
_LIKE = (
    ("ENUM", "VARCHAR"),
    ("YEAR", "SMALLINT"),
    ("TINYINT", "SMALLINT"),
    ("INTERVAL", "TEXT"),
    ("POINT", "TEXT"),
    ("INT", "BIGINT"),
    ("CHAR", "VARCHAR"),
    ("DOUB", "REAL"),
    ("FLOA", "REAL"),
    ("REAL", "REAL"),
    ("DEC", "NUMERIC"),
    ("NUM", "NUMERIC"),
    ("MONEY", "NUMERIC"),
    ("DATETIME", "DATETIME"),
    ("TIMESTAMP", "DATETIME"),
    ("DATE", "DATE"),
    ("TIME", "TIME"),
    ("BLOB", "BINARY"),
    ("BINARY", "BINARY"),
    ("BYTEA", "BINARY"),
    ("JSON", "JSON"),
    ("BOOL", "BOOLEAN"),
)
"""Parts of the names of types, and the neutral type that is most like those; the first one counts."""
WIDEST = (38, 10)
"""Digits of a decimal whose type does not say how many it has."""


class TypeGuess(NamedTuple):
    """The neutral type for a column.

    Attributes:
        neutral: Such as ``VARCHAR(20)``.
        exact: Whether it stores exactly what the column does, so that `migrate` finds no difference.
    """

    neutral: str
    exact: bool


def guess_type(live_type: str, dialect: DDLDialect, *, is_json: bool = False) -> TypeGuess:
    """Return the neutral type for a type of a database.

    Args:
        live_type: In the words of the database.
        dialect: Knows which types are the same.
        is_json: Whether a check makes it JSON.
    """
    live = live_type.upper().strip()
    if live.endswith("[]"):
        inner = guess_type(live[:-2], dialect)
        neutral = f"{inner.neutral}[]"
        return TypeGuess(neutral, inner.exact and _is_same(dialect, neutral, live))
    for neutral in _candidates(live, is_json=is_json):
        if _is_same(dialect, neutral, live):
            return TypeGuess(neutral, True)
    return TypeGuess(_most_like(live), False)


def _is_same(dialect: DDLDialect, neutral: str, live: str) -> bool:
    column: Column = {"name": "", "type": neutral, "nullable": True, "default": None}
    return dialect.same_type(column, live)


def _candidates(live: str, *, is_json: bool) -> Iterator[str]:
    """Yield the neutral types that may be the same, the likeliest first."""
    yield from ["JSON"] if is_json else []
    yield from (neutral for mark, neutral in _MARKS if mark in live)
    arguments = _ARGUMENTS.search(live)
    if arguments is not None:
        yield f"NUMERIC({arguments[1]},{arguments[2] or 0})"
        yield f"VARCHAR({arguments[1]})"
    yield from _PLAIN


def _most_like(live: str) -> str:
    base = next((neutral for part, neutral in _LIKE if part in live), "TEXT")
    arguments = _ARGUMENTS.search(live)
    if base == "VARCHAR":
        length = _longest_choice(live) if "ENUM" in live else arguments and int(arguments[1])
        return f"VARCHAR({length})" if length else "TEXT"
    if base == "NUMERIC":
        digits, places = (arguments[1], arguments[2] or 0) if arguments else WIDEST
        return f"NUMERIC({digits},{places})"
    return base


def _longest_choice(live: str) -> int:
    return max((len(choice) for choice in _CHOICES.findall(live)), default=0)
