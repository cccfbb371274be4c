"""Reading single values: of data as JSON has it (strict), and of text as forms and queries have it (lenient).

Each function takes any value and returns one of its type, or raises `Refusal`. A value that is of the type already is taken as
it is. Texts are measured before they are converted, so that nothing takes longer than linear time.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from openviper.validation.faults import refuse

LEAST_INT = -(2**63)
MOST_INT = 2**64 - 1
"""Integers without bounds of their own are from `LEAST_INT` to `MOST_INT`: what databases and other languages have."""
MOST_FLOAT = 1.7976931348623157e308
EXACT_FLOAT = 2**53
"""Up to here every whole `float` is one integer and no other."""
MAX_DIGITS = 400
"""Most characters of a number written as text, and the largest exponent of ten."""
MAX_BITS = 1320
"""Most bits of an integer of so many digits."""
T = TypeVar("T")
_INTEGER = re.compile(r"[+-]?[0-9]+\Z")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?\Z")
_DURATION = re.compile(
    r"(?P<sign>[+-]?)P(?!\Z)(?:(?P<weeks>\d{1,9})W)?(?:(?P<days>\d{1,9})D)?"
    r"(?:T(?!\Z)(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9}(?:\.\d{1,6})?)S)?)?\Z",
    re.ASCII,
)
_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\Z")
_TRUE = {"true", "on", "yes", "1"}
_FALSE = {"false", "off", "no", "0"}


def read_str(value: Any) -> str:
    """Return text; half a surrogate pair, which has no form in UTF-8, is none."""
    if not isinstance(value, str):
        refuse("type", "must be text")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            refuse("text", "holds half a surrogate pair, which is not a character")
    return str(value)


def read_int(value: Any) -> int:
    """Return an integer; a float that is whole is one, `True` is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        refuse("type", "must be an integer")
    if isinstance(value, float):
        if not (value.is_integer() and abs(value) <= EXACT_FLOAT):
            refuse("type", "must be an integer")
        return int(value)
    return int(value)


def read_float(value: Any) -> float:
    """Return a number as `float`, NaN and infinity among them."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        refuse("type", "must be a number")
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def read_bool(value: Any) -> bool:
    """Return `True` or `False`."""
    if not isinstance(value, bool):
        refuse("type", "must be true or false")
    return value


def read_none(value: Any) -> None:
    """Return `None`."""
    if value is not None:
        refuse("type", "must be null")


def read_bytes(value: Any) -> bytes:
    """Return bytes, which are base64 in data (RFC 4648, 4)."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if not isinstance(value, str):
        refuse("type", "must be base64")
    try:
        return base64.b64decode(value.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        refuse("base64", "must be base64")


def read_decimal(value: Any) -> Decimal:
    """Return a decimal number; a float counts as it is written."""
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, float, str)):
        refuse("type", "must be a decimal number")
    text = _digits(value)
    if not _NUMBER.match(text):
        _refuse_number(value)
    number = Decimal(text)
    if abs(number.adjusted()) > MAX_DIGITS:
        refuse("number", "has too many digits")
    return number


def _digits(value: Decimal | int | float | str) -> str:
    """Return a number as it is written, if it is not long."""
    # Python takes time that squares with the length to write an integer.
    is_long_integer = isinstance(value, int) and value.bit_length() > MAX_BITS
    text = "" if is_long_integer else str(value)
    if is_long_integer or len(text) > MAX_DIGITS:
        refuse("number", "has too many digits")
    return text


def _refuse_number(value: object) -> NoReturn:
    if isinstance(value, (Decimal, float)):
        refuse("finite", "must be finite")
    refuse("number", "must be a decimal number")


def read_uuid(value: Any) -> UUID:
    """Return a UUID, written with hyphens or without (RFC 9562)."""
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str):
        refuse("type", "must be a UUID")
    if len(value) not in (32, 36) or not _UUID.match(value):
        refuse("uuid", "must be a UUID")
    return UUID(value)


def read_date(value: Any) -> date:
    """Return a day, written as ``2026-11-29`` (RFC 3339, full-date)."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    text = _text_of(value, "must be a date")
    read = date.fromisoformat if len(text) == 10 and _has_date(text) else _no_form
    return _read_iso(read, text, "date", "must be a date such as 2026-11-29")


def read_datetime(value: Any) -> datetime:
    """Return a moment, written as ``2026-11-29T10:00:00Z`` (RFC 3339); without an offset it stays naive."""
    if isinstance(value, datetime):
        return value
    text = _text_of(value, "must be a date and time")
    has_form = 16 <= len(text) <= 35 and _has_date(text) and text[10] in "Tt "
    read = datetime.fromisoformat if has_form else _no_form
    return _read_iso(
        read, text.upper(), "datetime", "must be a date and time such as 2026-11-29T10:00:00Z"
    )


def read_time(value: Any) -> time:
    """Return a time of day, written as ``10:00`` or ``10:00:00``, with an offset or without."""
    if isinstance(value, time):
        return value
    text = _text_of(value, "must be a time")
    has_form = 5 <= len(text) <= 24 and text[2] == ":"
    read = time.fromisoformat if has_form else _no_form
    return _read_iso(read, text.upper(), "time", "must be a time such as 10:00:00")


def _text_of(value: Any, message: str) -> str:
    if not isinstance(value, str):
        refuse("type", message)
    return value


def _no_form(text: str) -> NoReturn:
    raise ValueError(text)


def _read_iso(read: Callable[[str], T], text: str, code: str, message: str) -> T:
    try:
        return read(text)
    except ValueError:
        refuse(code, message)


def _has_date(text: str) -> bool:
    # Not the week and the day of the year, which `fromisoformat` reads too.
    return text[4] == "-" and text[7] == "-"


def read_timedelta(value: Any) -> timedelta:
    """Return a duration: a number of seconds, or ISO 8601 without years and months (``P1DT2H``)."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        refuse("type", "must be a duration")
    try:
        return _duration(value) if isinstance(value, str) else timedelta(seconds=value)
    except (OverflowError, ValueError):
        refuse("duration", "must be a duration: seconds, or a text such as P1DT2H")


def _duration(text: str) -> timedelta:
    match = _DURATION.match(text) if len(text) < 100 else None
    if match is None:
        raise ValueError
    parts = match.groupdict()
    sign = -1 if parts.pop("sign") == "-" else 1
    return sign * timedelta(**{unit: float(part) for unit, part in parts.items() if part})


def lenient_int(value: Any) -> int:
    """Return an integer, of text too."""
    if not isinstance(value, str):
        return read_int(value)
    text = value.strip()
    if len(text) > MAX_DIGITS or not _INTEGER.match(text):
        refuse("integer", "must be an integer")
    return int(text)


def lenient_float(value: Any) -> float:
    """Return a number, of text too."""
    if not isinstance(value, str):
        return read_float(value)
    text = value.strip()
    if len(text) > MAX_DIGITS or not _NUMBER.match(text):
        refuse("number", "must be a number")
    return float(text)


def lenient_bool(value: Any) -> bool:
    """Return `True` for true, on, yes and 1, `False` for false, off, no and 0, in any case."""
    word = value.strip().lower() if isinstance(value, str) and len(value) < 10 else None
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    return read_bool(value)


def _stripped(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def lenient(value: Any) -> Any:
        return read(value.strip() if isinstance(value, str) else value)

    return lenient


def lenient_timedelta(value: Any) -> timedelta:
    """Return a duration; a text of digits is a number of seconds."""
    if isinstance(value, str) and len(value) < MAX_DIGITS and _NUMBER.match(value.strip()):
        return read_timedelta(float(value))
    return read_timedelta(value.strip() if isinstance(value, str) else value)


STRICT: dict[type[Any], Callable[[Any], Any]] = {
    str: read_str,
    int: read_int,
    float: read_float,
    bool: read_bool,
    bytes: read_bytes,
    Decimal: read_decimal,
    UUID: read_uuid,
    date: read_date,
    datetime: read_datetime,
    time: read_time,
    timedelta: read_timedelta,
    type(None): read_none,
}
"""How each type is read from data as JSON has it."""
LENIENT: dict[type[Any], Callable[[Any], Any]] = STRICT | {
    int: lenient_int,
    float: lenient_float,
    bool: lenient_bool,
    Decimal: _stripped(read_decimal),
    UUID: _stripped(read_uuid),
    date: _stripped(read_date),
    datetime: _stripped(read_datetime),
    time: _stripped(read_time),
    timedelta: lenient_timedelta,
}
"""The same of text as forms and queries have it."""
