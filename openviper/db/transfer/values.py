"""Values on their way: as Python has them, in a form that is the same for every vendor, and what a target refuses.

A value is read with the dialect of the source, put into its *same form*, of which checksums are made, and written with
the dialect of the target.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.fields.arrays import ArrayField
from openviper.db.fields.base import Field
from openviper.db.transfer import exact_json

LONG = 4096
"""Characters or bytes from which on the same form of a text or bytes is their checksum."""


def _of(cls: type[Any], words: str, form: Callable[[Any], Any]) -> Converter:
    """Return the conversion into the same form of values that have to be of one class."""

    def same_form(value: Any) -> Any:
        if value.__class__ is not cls:
            raise ValueError(f"holds {_kind(value)} and not {words}")
        return form(value)

    return same_form


def _kind(value: object) -> str:
    names = {"bytes": "bytes", "str": "a text", "int": "a whole number", "float": "a number"}
    name = type(value).__name__
    return names.get(name, f"a {name}")


def _as_it_is(value: Any) -> Any:
    return value


def _short_text(value: str) -> Any:
    if len(value) < LONG:
        return value
    return len(value), hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def _short_bytes(value: bytes) -> Any:
    return value if len(value) < LONG else (len(value), hashlib.sha256(value).hexdigest())


def _positive_zero(value: float) -> float:
    return value + 0.0  # Not every vendor tells -0.0 from 0.0.


def _json_form(value: str) -> Any:
    return _short_text(exact_json.same_form(exact_json.loads(value)))


def _plain_decimal(value: Decimal) -> str:
    return exact_json.plain_decimal(value) if value.is_finite() else str(value)


_SAME_FORMS: dict[str, Converter] = {
    "SMALLINT": _of(int, "a whole number", _as_it_is),
    "INTEGER": _of(int, "a whole number", _as_it_is),
    "BIGINT": _of(int, "a whole number", _as_it_is),
    "BOOLEAN": _of(bool, "a truth value", _as_it_is),
    "REAL": _of(float, "a number", _positive_zero),
    "NUMERIC": _of(Decimal, "a decimal", _plain_decimal),
    "VARCHAR": _of(str, "a text", _short_text),
    "TEXT": _of(str, "a text", _short_text),
    "DATETIME": _of(datetime, "a moment", datetime.isoformat),
    "DATE": _of(date, "a date", date.isoformat),
    "TIME": _of(time, "a time", time.isoformat),
    "UUID": _of(UUID, "a UUID", str),
    "JSON": _of(str, "JSON", _json_form),
    "BINARY": _of(bytes, "bytes", _short_bytes),
}


def base_of(neutral_type: str) -> str:
    """Return a neutral type without its length."""
    return neutral_type.partition("(")[0]


def same_form_of(neutral_type: str) -> Converter:
    """Return the conversion of values of a neutral type into a form that is the same for every vendor.

    It raises `ValueError` for values that are not of the type, which SQLite does not prevent.
    """
    if neutral_type.endswith("[]"):
        element = same_form_of(neutral_type[:-2])

        def of_list(value: list[Any]) -> list[Any]:
            return [None if item is None else element(item) for item in value]

        return _of(list, "a list", of_list)
    return _SAME_FORMS[base_of(neutral_type)]


def reader_of(field: Field[Any], dialect: Dialect, *, aware: bool) -> Converter | None:
    """Return what turns a driver's value into Python's; JSON stays text, so that it loses nothing."""
    neutral_type = field.db_type()
    if isinstance(field, ArrayField):
        return field.reader(dialect, aware=aware)
    base = base_of(neutral_type)
    if base == "JSON":
        return _json_text
    if base == "BINARY":
        return _plain_bytes
    read = dialect.reader(neutral_type, aware=aware)
    return partial(_parsed, _PARSERS[base], read) if is_read_as_text(base, dialect) else read


_PARSERS: dict[str, Callable[[str], Any]] = {
    "DATETIME": datetime.fromisoformat,
    "DATE": date.fromisoformat,
    "TIME": time.fromisoformat,
}


def is_read_as_text(base: str, dialect: Dialect) -> bool:
    """Return whether values of a type are asked for as text.

    MariaDB may hold dates that there are not, such as ``0000-00-00``. The driver would stop in the middle of an answer, of
    which the rest is then taken for the answer to the next statement.
    """
    return dialect.name == "mysql" and base in _PARSERS


def _parsed(parse: Callable[[str], Any], read: Converter | None, value: Any) -> Any:
    moment = parse(value) if isinstance(value, str) else value
    return moment if read is None else read(moment)


def _json_text(value: Any) -> Any:
    # SQLite keeps a bare number as a number.
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, str) else json.dumps(value)


def _plain_bytes(value: Any) -> Any:
    return bytes(value) if isinstance(value, (bytearray, memoryview)) else value


def writer_of(field: Field[Any], dialect: Dialect) -> Converter | None:
    """Return what turns Python's value into the driver's, or `None`; it raises `ValueError` for what cannot be stored."""
    neutral_type = field.db_type()
    if isinstance(field, ArrayField):
        return field.writer(dialect)
    base = base_of(neutral_type)
    if base == "JSON":
        return _checked_json if dialect.name == "postgresql" else None
    if base in _FINITE.get(dialect.name, ()):
        return _finite(dialect, neutral_type)
    return dialect.writer(neutral_type)


_FINITE = {"sqlite": ("REAL", "NUMERIC"), "mysql": ("REAL", "NUMERIC")}
"""Types that hold a not-a-number elsewhere. SQLite turns it into NULL, without a word."""


def _finite(dialect: Dialect, neutral_type: str) -> Converter:
    write = dialect.writer(neutral_type) or _as_it_is

    def write_finite(value: Any) -> Any:
        if math.isnan(value) or (math.isinf(value) and not _has_infinity(dialect, value)):
            raise ValueError(f"{value} cannot be stored in this database")
        return write(value)

    return write_finite


def _has_infinity(dialect: Dialect, value: object) -> bool:
    return dialect.name == "sqlite" and isinstance(value, float)


def _checked_json(value: str) -> str:
    # Nothing else of JSON is refused by PostgreSQL (https://www.postgresql.org/docs/current/datatype-json.html).
    if "\\u" in value and exact_json.has_surrogate_or_nul(exact_json.loads(value)):
        raise ValueError(
            "JSON with a NUL character or half of a surrogate pair cannot be stored in PostgreSQL"
        )
    return value


BITS = {"SMALLINT": 15, "INTEGER": 31, "BIGINT": 63}
SURROGATE = re.compile("[\ud800-\udfff]")


def misfit(neutral_type: str, value: Any) -> str | None:
    """Return what is wrong with a value of the right class, never `None`, for a column of a neutral type.

    SQLite takes longer texts and greater numbers than the others, and than the models.
    """
    base, _, size = neutral_type.partition("(")
    if isinstance(value, str):
        return _misfit_of_text(base, size, value)
    if isinstance(value, int) and base in BITS:
        limit = 2 ** BITS[base]
        return None if -limit <= value < limit else f"{value} is out of range for {base}"
    if isinstance(value, Decimal) and base == "NUMERIC" and size:
        return _misfit_of_decimal(size, value)
    return None


def _misfit_of_text(base: str, size: str, value: str) -> str | None:
    if SURROGATE.search(value):
        return "half of a surrogate pair cannot be stored"
    if base == "VARCHAR" and len(value) > int(size.rstrip(")")):
        return f"{len(value)} characters are more than {size.rstrip(')')}"
    return None


def _misfit_of_decimal(size: str, value: Decimal) -> str | None:
    digits, places = map(int, size.rstrip(")").split(","))
    if value and value.adjusted() >= digits - places:
        return f"{value} has more than {digits - places} digits before the point"
    return None
