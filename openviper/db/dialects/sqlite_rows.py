"""Which values of an SQLite table a new type of their column cannot hold, and how the others are converted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from openviper.db.dialects.sqlite_introspection import column_type, is_same_type, kind_of_type

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column

_LENGTH = re.compile(r"VARCHAR\s*\(\s*(\d+)\s*\)")
_PRECISION = re.compile(r"(?:NUMERIC|DECIMAL)\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_MOMENTS = {"DATE": "date", "DATETIME": "datetime", "TIME": "time"}
"""Functions that give NULL for what they cannot read."""
_FRACTIONS = ("real", "numeric")
_RANGES = {"SMALLINT": 2**15, "INTEGER": 2**31}


def misfit(sql: str, old_type: str, column: Column) -> str:
    """Return the condition for values that a new type cannot hold; empty when it holds all."""
    new_type = column_type(column)
    old, new = kind_of_type(old_type), kind_of_type(new_type)
    conditions = [
        *_too_long(sql, old_type, new_type),
        *_not_whole(sql, old, new),
        *_not_a_number(sql, old, new),
        *_out_of_range(sql, old_type, new_type),
        *_not_a_moment(sql, old_type, column),
        *_not_a_uuid(sql, old_type, column),
        *_not_decimal(sql, new_type),
    ]
    return " OR ".join(conditions)


def _too_long(sql: str, old_type: str, new_type: str) -> Iterator[str]:
    limit, before = _LENGTH.match(new_type), _LENGTH.match(old_type)
    if limit is None:
        return
    if before is None or int(before[1]) > int(limit[1]):
        yield f"length({sql}) > {limit[1]}"


def _not_whole(sql: str, old: str, new: str) -> Iterator[str]:
    if new != "integer" or old == "integer":
        return
    if old in _FRACTIONS:
        yield f"CAST({sql} AS INTEGER) <> CAST({sql} AS REAL)"
    else:
        yield f"CAST(CAST({sql} AS INTEGER) AS TEXT) <> CAST({sql} AS TEXT)"


def _not_a_number(sql: str, old: str, new: str) -> Iterator[str]:
    if new in _FRACTIONS and old not in ("integer", *_FRACTIONS):
        yield f"{sql} = '' OR {sql} GLOB '*[^-+0-9.eE]*'"


def _out_of_range(sql: str, old_type: str, new_type: str) -> Iterator[str]:
    limit = _RANGES.get(new_type)
    fits = kind_of_type(old_type) == "integer" and old_type != "BIGINT" and new_type != "SMALLINT"
    if limit is not None and not fits:
        yield f"CAST({sql} AS INTEGER) >= {limit} OR CAST({sql} AS INTEGER) < {-limit}"


def _not_a_moment(sql: str, old_type: str, column: Column) -> Iterator[str]:
    # Columns of these types take any text here; what is none of them could not be read back.
    function = _MOMENTS.get(column["type"].upper())
    if function is not None and old_type.upper() not in _MOMENTS:
        yield f"typeof({sql}) <> 'text' OR {function}({sql}) IS NULL"


def _not_a_uuid(sql: str, old_type: str, column: Column) -> Iterator[str]:
    if column["type"].upper() == "UUID" and old_type.upper() != column_type(column).upper():
        digits_only = f"replace({sql}, '-', '')"
        yield f"length({digits_only}) <> 32 OR {digits_only} GLOB '*[^0-9a-fA-F]*'"


def _not_decimal(sql: str, new_type: str) -> Iterator[str]:
    precision = _PRECISION.match(new_type)
    if precision is not None:
        digits, places = int(precision[1]), int(precision[2])
        yield f"abs({sql}) >= 1e{digits - places} OR round({sql}, {places}) <> {sql}"


_CONVERSIONS = {
    ("date", "datetime"): "{} || ' 00:00:00.000000'",
    ("datetime", "date"): "substr({}, 1, 10)",
}


def conversion(sql: str, old_type: str, column: Column) -> str:
    """Return the expression that turns a value of the old type into one of the column's type."""
    old, new = kind_of_type(old_type), kind_of_type(column_type(column))
    if is_same_type(column, old_type) or old == new:
        return sql
    if new in ("integer", "real"):
        return f"CAST({sql} AS {new.upper()})"
    if new == "text" and old in ("integer", *_FRACTIONS):
        return f"CAST({sql} AS TEXT)"
    return _CONVERSIONS.get((old, new), "{}").format(sql)
