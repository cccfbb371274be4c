"""Values written into SQL text, for what a schema keeps: conditions, defaults and formulas have no parameters."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from openviper.db.dialects.sql_text import quoted_text

_MARKS = re.compile(
    r"""(?P<kept>'(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*`) | (?P<mark>\?|%s) | (?P<percent>%%)""",
    re.VERBOSE,
)


def inline(sql: str, parameters: Sequence[Any], vendor: str) -> str:
    """Return a statement with its values in place of the placeholders.

    Args:
        sql: SQL with the placeholders of the vendor, ``?`` or ``%s``.
        parameters: The values, as the driver would get them.
        vendor: ``sqlite``, ``postgresql`` or ``mysql``.

    Raises:
        ValueError: If a value has no literal, or there are more or fewer values than placeholders.
    """
    values = iter(parameters)
    text = _MARKS.sub(_replacing(values, vendor), sql)
    if next(values, values) is not values:
        raise ValueError(f"more values than placeholders in {sql!r}")
    return text


def _replacing(values: Iterator[Any], vendor: str) -> Callable[[re.Match[str]], str]:
    doubles_percent = vendor != "sqlite"

    def replace(match: re.Match[str]) -> str:
        if match["mark"] is None:
            text = match.group()
            return text.replace("%%", "%") if doubles_percent else text
        if (match["mark"] == "%s") != doubles_percent:
            return match["mark"]
        try:
            return literal(next(values), vendor)
        except StopIteration:
            raise ValueError(f"fewer values than placeholders in {match.string!r}") from None

    return replace


def literal(value: Any, vendor: str) -> str:
    """Return a driver value as SQL text.

    Raises:
        ValueError: If it has no literal that every reader of the schema understands.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper() if vendor == "postgresql" else str(int(value))
    if isinstance(value, (int, float, Decimal)):
        return _number(value)
    is_binary = isinstance(value, (bytes, bytearray, memoryview))
    return _bytes(bytes(value), vendor) if is_binary else _text(_as_text(value), vendor)


def _bytes(value: bytes, vendor: str) -> str:
    return f"'\\x{value.hex()}'::bytea" if vendor == "postgresql" else f"X'{value.hex()}'"


def _number(value: int | float | Decimal) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value!r} cannot stand in a schema")
    return f"{value:f}" if isinstance(value, Decimal) else repr(value)


def _as_text(value: Any) -> Any:
    """Return a moment or a UUID as the text that every database reads."""
    if isinstance(value, datetime):
        return value.isoformat(" ", "microseconds")
    if isinstance(value, (date, time)):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _text(value: Any, vendor: str) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(f"{value!r} cannot stand in a schema")
    quoted = quoted_text(value)
    return quoted.replace("\\", "\\\\") if vendor == "mysql" else quoted
