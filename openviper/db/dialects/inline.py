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
    if isinstance(value, (bytes, bytearray, memoryview)):
        digits = bytes(value).hex()
        return f"'\\x{digits}'::bytea" if vendor == "postgresql" else f"X'{digits}'"
    return _text(value, vendor)


def _number(value: int | float | Decimal) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value!r} cannot stand in a schema")
    return f"{value:f}" if isinstance(value, Decimal) else repr(value)


def _text(value: Any, vendor: str) -> str:
    if isinstance(value, datetime):
        value = value.isoformat(" ", "microseconds")
    elif isinstance(value, (date, time)):
        value = value.isoformat()
    elif isinstance(value, UUID):
        value = str(value)
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(f"{value!r} cannot stand in a schema")
    quoted = quoted_text(value)
    return quoted.replace("\\", "\\\\") if vendor == "mysql" else quoted
