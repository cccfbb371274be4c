"""Which values of an SQLite table a new type of their column cannot hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from openviper.db.dialects.sqlite_introspection import column_type, kind_of_type

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column

_LENGTH = re.compile(r"VARCHAR\s*\(\s*(\d+)\s*\)")
_PRECISION = re.compile(r"(?:NUMERIC|DECIMAL)\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_MOMENTS = {"DATE": "date", "DATETIME": "datetime", "TIME": "time"}
"""Functions that give NULL for what they cannot read."""
_RANGES = {"SMALLINT": 2**15, "INTEGER": 2**31}


def misfit(sql: str, old_type: str, column: Column) -> str:
    """Return the condition for values that a new type cannot hold; empty when it holds all."""
    new_type = column_type(column)
    old, new = kind_of_type(old_type), kind_of_type(new_type)
    conditions = []
    if length := _LENGTH.match(new_type):
        before = _LENGTH.match(old_type)
        if before is None or int(before[1]) > int(length[1]):
            conditions.append(f"length({sql}) > {length[1]}")
    if new == "integer" and old != "integer":
        text = f"CAST({sql} AS TEXT)"
        whole = (
            f"CAST({sql} AS INTEGER) <> CAST({sql} AS REAL)" if old in ("real", "numeric") else ""
        )
        conditions.append(whole or f"CAST(CAST({sql} AS INTEGER) AS TEXT) <> {text}")
    if new in ("real", "numeric") and old not in ("integer", "real", "numeric"):
        conditions.append(f"{sql} = '' OR {sql} GLOB '*[^-+0-9.eE]*'")
    if limit := _RANGES.get(new_type):
        if old != "integer" or old_type == "BIGINT" or new_type == "SMALLINT":
            conditions.append(
                f"CAST({sql} AS INTEGER) >= {limit} OR CAST({sql} AS INTEGER) < {-limit}"
            )
    # Columns of these types take any text here; what is none of them could not be read back.
    if (kind := column["type"].upper()) in _MOMENTS and old_type.upper() not in _MOMENTS:
        conditions.append(f"typeof({sql}) <> 'text' OR {_MOMENTS[kind]}({sql}) IS NULL")
    if kind == "UUID" and old_type.upper() != new_type.upper():
        digits_only = f"replace({sql}, '-', '')"
        conditions.append(f"length({digits_only}) <> 32 OR {digits_only} GLOB '*[^0-9a-fA-F]*'")
    if precision := _PRECISION.match(new_type):
        digits, places = int(precision[1]), int(precision[2])
        conditions.append(f"abs({sql}) >= 1e{digits - places} OR round({sql}, {places}) <> {sql}")
    return " OR ".join(conditions)
