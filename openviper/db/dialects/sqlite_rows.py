"""Looking at the rows of an SQLite table before a change that they might not survive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re

from openviper.db.dialects.ddl import RowCheck, TableChange
from openviper.db.dialects.sqlite_introspection import column_type, kind_of_type
from openviper.db.identifiers import quote_identifier as q

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column

_LENGTH = re.compile(r"VARCHAR\s*\(\s*(\d+)\s*\)")
_PRECISION = re.compile(r"(?:NUMERIC|DECIMAL)\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_RANGES = {"SMALLINT": 2**15, "INTEGER": 2**31}
SAMPLE_SIZE = 10


def row_checks(change: TableChange) -> list[RowCheck]:
    """Return the looks to take before a change, with the names of the live table."""
    if change.live is None:
        return []
    checks = [*_added_columns(change), *_altered_columns(change), *_unique(change), *_constraints(change)]
    table = _table(change)
    for name in change.dropped:
        where = f"{q(name)} IS NOT NULL"
        checks.append(_rows(f"rows that lose their value of {change.table}.{name}", table, where, fatal=False))
    return checks


def _table(change: TableChange) -> str:
    return q(change.renamed_from or change.table)


def _rows(problem: str, table: str, where: str, *, fatal: bool = True) -> RowCheck:
    tail = f"FROM {table} WHERE {where}"
    return RowCheck(problem, f"SELECT count(*) {tail}", f"SELECT * {tail} LIMIT {SAMPLE_SIZE}", fatal)


def _added_columns(change: TableChange) -> list[RowCheck]:
    return [
        _rows(
            f"rows without a value for the new column {change.table}.{column['name']}, "
            "which is NOT NULL without a default",
            _table(change),
            "1",
        )
        for column in change.added
        if not column["nullable"] and column["default"] is None and not column.get("autoincrement")
    ]


def _altered_columns(change: TableChange) -> list[RowCheck]:
    assert change.live is not None
    checks = []
    for column in change.wanted["columns"]:
        name = column["name"]
        what = change.altered.get(name)
        if not what:
            continue
        old = change.live.columns[change.live_name(name)]
        sql = q(change.live_name(name))
        if not column["nullable"] and old["nullable"]:
            problem = f"rows with NULL in {change.table}.{name}, which becomes NOT NULL"
            checks.append(_rows(problem, _table(change), f"{sql} IS NULL"))
        if condition := _misfit(sql, old["type"], column):
            problem = f"rows that do not fit {column['type']} in {change.table}.{name}"
            checks.append(_rows(problem, _table(change), f"{sql} IS NOT NULL AND ({condition})"))
    return checks


def _misfit(sql: str, old_type: str, column: Column) -> str:
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
        whole = f"CAST({sql} AS INTEGER) <> CAST({sql} AS REAL)" if old in ("real", "numeric") else ""
        conditions.append(whole or f"CAST(CAST({sql} AS INTEGER) AS TEXT) <> {text}")
    if new in ("real", "numeric") and old not in ("integer", "real", "numeric"):
        conditions.append(f"{sql} = '' OR {sql} GLOB '*[^-+0-9.eE]*'")
    if limit := _RANGES.get(new_type):
        if old != "integer" or old_type == "BIGINT" or new_type == "SMALLINT":
            conditions.append(f"CAST({sql} AS INTEGER) >= {limit} OR CAST({sql} AS INTEGER) < {-limit}")
    if precision := _PRECISION.match(new_type):
        digits, places = int(precision[1]), int(precision[2])
        conditions.append(f"abs({sql}) >= 1e{digits - places} OR round({sql}, {places}) <> {sql}")
    return " OR ".join(conditions)


def _unique(change: TableChange) -> list[RowCheck]:
    added = {column["name"] for column in change.added}
    checks = []
    for index in change.added_indexes:
        # The condition may name a column by its new name; then the index itself decides, before the commit.
        if not index.unique or added & set(index.columns) or (index.condition and (change.renames or added)):
            continue
        names = [q(change.live_name(name)) for name in index.columns]
        conditions = [f"{name} IS NOT NULL" for name in names]
        if index.condition:
            conditions.append(f"({index.condition})")
        columns = ", ".join(names)
        groups = (
            f"SELECT {columns}, count(*) AS copies FROM {_table(change)} WHERE {' AND '.join(conditions)} "
            f"GROUP BY {columns} HAVING count(*) > 1"
        )
        shown = ", ".join(index.columns)
        checks.append(
            RowCheck(
                f"rows that are not unique in {change.table} ({shown})",
                f"SELECT coalesce(sum(copies), 0) FROM ({groups})",
                f"{groups} LIMIT {SAMPLE_SIZE}",
            )
        )
    return checks


def _constraints(change: TableChange) -> list[RowCheck]:
    if change.added or change.renames:
        return []
    return [
        _rows(f"rows that break the check {check.name} of {change.table}", _table(change), f"NOT ({check.expression})")
        for check in change.added_checks
    ]
