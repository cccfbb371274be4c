"""What kind of value a part of a statement has: the closed set of result types, and how their values travel.

A type decides what a node may be compared and combined with, how its value is bound and how it is read. Types are made
once and compared by identity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from enum import Enum
from functools import cache
from math import isinf
from typing import Any

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.dialects.stored_json import check_stored
from openviper.db.exceptions import OUT_OF_RANGE, DatabaseError
from openviper.db.fields.arrays import ArrayField
from openviper.db.fields.base import Field, unwrap_enum
from openviper.db.fields.durations import DurationField, microseconds
from openviper.db.fields.moments import DateTimeField
from openviper.db.fields.numbers import FloatField
from openviper.exceptions import FieldError
from openviper.utils.records import record

MAX_PLACES = 30
"""Most digits behind the point of a computed decimal number; MariaDB keeps no more."""
DIVISION_PLACES = 6
"""Fewest digits behind the point of a quotient of decimal numbers."""
SURE_DIGITS = 15
"""Digits of a decimal number that a floating-point number of SQLite always holds."""
_LIMIT = 2**63
_DIGITS = Context(prec=80)


class Family(Enum):
    """The kinds of values that the three databases have in common."""

    INTEGER = "whole number"
    FLOAT = "floating-point number"
    DECIMAL = "decimal number"
    TEXT = "text"
    DATETIME = "date and time"
    DATE = "date"
    TIME = "time of day"
    DURATION = "duration"
    BOOLEAN = "truth value"
    BYTES = "bytes"
    UUID = "UUID"
    JSON = "JSON"
    ARRAY = "array"
    NULL = "NULL"
    OPAQUE = "encrypted value"


@record(frozen=True, slots=True, eq=False)
class ResultType:
    """The type of a value; made by the functions of this module only, so that equal types are one object.

    Attributes:
        family: What kind of value it is.
        neutral: The neutral column type of such a value, as in schema files.
        digits: Most digits of a decimal number, if that is known.
        places: Digits behind the point of a decimal number.
        element: The type of the elements of an array.
    """

    family: Family
    neutral: str
    digits: int | None = None
    places: int = 0
    element: ResultType | None = None

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        return (
            self.family.value if self.element is None else f"{self.family.value} of {self.element}"
        )

    @property
    def is_number(self) -> bool:
        """Whether it can be added up."""
        return self.family in NUMBERS


INTEGER = ResultType(Family.INTEGER, "BIGINT")
FLOAT = ResultType(Family.FLOAT, "REAL")
TEXT = ResultType(Family.TEXT, "TEXT")
DATETIME = ResultType(Family.DATETIME, "DATETIME")
DATE = ResultType(Family.DATE, "DATE")
TIME = ResultType(Family.TIME, "TIME")
DURATION = ResultType(Family.DURATION, "BIGINT")
BOOLEAN = ResultType(Family.BOOLEAN, "BOOLEAN")
BYTES = ResultType(Family.BYTES, "BINARY")
UUID = ResultType(Family.UUID, "UUID")
JSON = ResultType(Family.JSON, "JSON")
NULL = ResultType(Family.NULL, "TEXT")
OPAQUE = ResultType(Family.OPAQUE, "TEXT")

NUMBERS = frozenset({Family.INTEGER, Family.FLOAT, Family.DECIMAL})
ORDERED = NUMBERS | {Family.TEXT, Family.DATETIME, Family.DATE, Family.TIME, Family.DURATION}
"""Families whose values have a least and a greatest one on every database."""

_BY_BASE = {
    "INTEGER": INTEGER,
    "BIGINT": INTEGER,
    "SMALLINT": INTEGER,
    "BOOLEAN": BOOLEAN,
    "REAL": FLOAT,
    "FLOAT": FLOAT,
    "DATETIME": DATETIME,
    "DATE": DATE,
    "TIME": TIME,
    "UUID": UUID,
    "JSON": JSON,
    "BINARY": BYTES,
}


def decimal_type(places: int, digits: int | None = None) -> ResultType:
    """Return the type of decimal numbers with so many digits behind the point."""
    return _decimal_type(min(places, MAX_PLACES), digits)


@cache
def _decimal_type(places: int, digits: int | None) -> ResultType:
    neutral = "NUMERIC" if digits is None else f"NUMERIC({digits},{places})"
    return ResultType(Family.DECIMAL, neutral, digits, places)


@cache
def array_type(element: ResultType, neutral: str) -> ResultType:
    """Return the type of arrays of an element's type."""
    return ResultType(Family.ARRAY, neutral, element=element)


def type_of_field(field: Field[Any]) -> ResultType:
    """Return the type of a field's values."""
    if not field.searchable:
        return OPAQUE
    if isinstance(field, ArrayField):
        return array_type(type_of_field(field.base_field), field.db_type())
    target = field.target() if hasattr(field, "target") else field
    return DURATION if isinstance(target, DurationField) else _type_of_column(field.db_type())


def _type_of_column(neutral: str) -> ResultType:
    base, _, arguments = neutral.partition("(")
    if base != "NUMERIC":
        return _BY_BASE.get(base, TEXT)
    digits, _, places = arguments.rstrip(")").partition(",")
    return decimal_type(int(places or 0), int(digits) if digits else None)


_BY_CLASS: dict[type[Any], ResultType] = {
    bool: BOOLEAN,
    int: INTEGER,
    float: FLOAT,
    str: TEXT,
    datetime: DATETIME,
    date: DATE,
    time: TIME,
    timedelta: DURATION,
    bytes: BYTES,
    list: JSON,
    dict: JSON,
    type(None): NULL,
}


PLAIN_TYPES = {
    result.family: result for result in (*_BY_CLASS.values(), UUID) if result is not JSON
}
"""The types of which a family has one only."""
_BY_NAME = {"UUID": UUID}
"""Classes whose modules take long to import."""


def type_of_value(value: object) -> ResultType:
    """Return the type of a Python value that stands in an expression.

    Raises:
        FieldError: If no database has such values.
    """
    value = unwrap_enum(value)
    if isinstance(value, Decimal):
        return _decimal_of(value)
    for kind in type(value).__mro__:
        known = _BY_CLASS.get(kind) or _BY_NAME.get(kind.__name__)
        if known is not None:
            return known
    raise FieldError(f"{value!r} is not a value that a database can compute with")


def _decimal_of(value: Decimal) -> ResultType:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise FieldError(f"{value!r} is not a number that a database can compute with")
    return decimal_type(max(-exponent, 0))


# Binding


def _write_integer(value: Any) -> int:
    if not -_LIMIT <= value < _LIMIT:
        raise ValueError(f"{value!r} does not fit into 64 bits")
    return int(value)


def _write_float(value: Any) -> float:
    return float(value)


def plain_decimal(value: Decimal) -> int | float:
    """Return a decimal number as SQLite computes it: a whole number where it is one, else the nearest floating point."""
    whole = value == value.to_integral_value()
    return int(value) if whole and abs(value) < _LIMIT else float(value)


_MOMENT: DateTimeField[Any] = DateTimeField()


def literal_writer(result: ResultType, dialect: Dialect) -> Callable[[Any], Any]:
    """Return what turns a Python value of a type, never `None`, into the driver's; it raises ValueError for others."""
    known = _WRITERS.get(result.family)
    if known is not None:
        return known
    if result.family is Family.DECIMAL:
        return plain_decimal if dialect.name == "sqlite" else _unchanged
    write = dialect.writer(result.neutral) or _unchanged
    if result.family is Family.JSON:
        return _json_writer(write)
    return _moment_writer(write) if result.family is Family.DATETIME else write


def _write_duration(value: Any) -> int:
    """Return the microseconds of a duration.

    Raises:
        ValueError: If they are more than a whole number of the databases holds.
    """
    number = microseconds(value)
    if abs(number) >= 2**63:
        raise ValueError("it is longer than 292,000 years")
    return number


_WRITERS: dict[Family, Callable[[Any], Any]] = {
    Family.INTEGER: _write_integer,
    Family.FLOAT: _write_float,
    Family.DURATION: _write_duration,
}
"""What is written alike for every database."""


def _json_writer(write: Converter) -> Callable[[Any], Any]:
    def checked(value: Any) -> Any:
        text = write(value)
        check_stored(text)
        return text

    return checked


def _moment_writer(write: Converter) -> Callable[[Any], Any]:
    return lambda value: write(_MOMENT.to_python(value))


def _unchanged(value: Any) -> Any:
    return value


# Reading


def _read_duration(value: Any) -> timedelta:
    """Return a duration.

    Raises:
        DatabaseError: If it is longer than Python's longest.
    """
    try:
        return timedelta(microseconds=int(value))
    except OverflowError:
        raise DatabaseError(f"{OUT_OF_RANGE}: a duration") from None


def _read_float_of_sqlite(value: Any) -> float:
    """Return a floating-point number.

    Raises:
        DatabaseError: If it is none: the servers say so themselves, SQLite goes on with infinity.
    """
    number = float(value)
    if isinf(number):
        raise DatabaseError(f"{OUT_OF_RANGE}: a floating-point number")
    return number


def _decimal_reader(places: int) -> Converter:
    unit = Decimal((0, (1,), -places))

    def read(value: Any) -> Decimal:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
        try:
            rounded = number.quantize(unit, rounding=ROUND_HALF_UP, context=_DIGITS)
        except InvalidOperation:
            return number
        return rounded or rounded.copy_abs()  # SQLite knows a negative zero.

    return read


def is_sum_of_decimals(parts: Iterable[object]) -> bool:
    """Return whether a decimal number is made by adding, taking away and multiplying only, so that it has an exact value."""
    operators = {getattr(part, "operator", "") or _function(part) for part in parts}
    return bool(operators & {"+", "-", "*", "SUM"}) and not operators & {"/", "AVG"}


def _function(part: object) -> object:
    return getattr(getattr(part, "aggregate", None), "function", "")


def _reader_of_decimals(places: int, dialect: Dialect, parts: Iterable[object]) -> Converter:
    read = _decimal_reader(places)
    is_sum = dialect.name == "sqlite" and is_sum_of_decimals(parts)
    return _sure(read, places) if is_sum else read


def _sure(read: Converter, places: int) -> Converter:
    def checked(value: Any) -> Decimal:
        number: Decimal = read(value)
        if isinstance(value, float) and number.adjusted() + places >= SURE_DIGITS:
            raise DatabaseError(
                f"{OUT_OF_RANGE}: SQLite rounds decimal numbers of more than {SURE_DIGITS} digits; Round() leaves fewer"
            )
        return number

    return checked


def _read_integer(value: Any) -> int:
    """Return a whole number.

    Raises:
        DatabaseError: If it is one that SQLite has made a floating-point number, as it was out of range.
    """
    if value.__class__ is float and abs(value) >= 2**63:
        raise DatabaseError(f"{OUT_OF_RANGE}: a whole number")
    return int(value)


def _may_be_infinite(node: object) -> bool:
    field = getattr(node, "field", None)
    return isinstance(field, FloatField) and field.allow_inf


def literal_reader(
    result: ResultType, dialect: Dialect, *, aware: bool, parts: Iterable[object] | None = None
) -> Converter | None:
    """Return what turns the driver's value of a computed value into Python's; `None` if nothing has to be done.

    Args:
        result: The type of the value.
        dialect: The dialect.
        aware: Whether time stamps are aware.
        parts: The nodes that the value is computed of, where infinity is an error unless one of their columns may hold it.
    """
    if result.family is Family.DECIMAL:
        return _reader_of_decimals(result.places, dialect, parts or ())
    is_checked = result.family is Family.FLOAT and dialect.name == "sqlite" and parts is not None
    if is_checked and not any(map(_may_be_infinite, parts or ())):
        return _read_float_of_sqlite
    return _READERS.get(result.family) or dialect.reader(result.neutral, aware=aware)


_READERS: dict[Family, Converter] = {
    Family.INTEGER: _read_integer,
    Family.FLOAT: float,
    Family.BOOLEAN: bool,
    Family.DURATION: _read_duration,
}
"""What is read alike from every database."""
