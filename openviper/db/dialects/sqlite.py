"""SQL text and values for SQLite, from version 3.31 on."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from openviper.db.dialects.base import (
    MOMENT_FORMS,
    SHORT_FORMS,
    Converter,
    Features,
    MomentForms,
)
from openviper.db.dialects.folding import folded
from openviper.db.dialects.identifiers import quote_identifier

DATE_PARTS = {
    "year": "%Y",
    "month": "%m",
    "day": "%d",
    "hour": "%H",
    "minute": "%M",
    "second": "%S",
}
EXACT_DIGITS = 15
"""Decimal digits that a floating point number of SQLite keeps for certain."""
_INTEGERS = 2**63
_FLOAT_RANGE = 325
"""Digits before and behind the point of the greatest and the smallest floating point number."""
LIKE_FORMS = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}", "exact": "{}"}
GLOB_FORMS = {"contains": "*{}*", "startswith": "{}*", "endswith": "*{}"}
_NO_TABLE = re.compile(r"no such table: (?:main\.)?(\S+)")


def _write_datetime(value: datetime) -> str:
    zone = value.tzinfo
    if zone is None:
        return value.isoformat(" ", "microseconds")
    if zone is not UTC:
        value = value.astimezone(UTC)
    # Put together anew, which takes a sixth of the time of `replace`.
    return datetime.combine(value.date(), value.time()).isoformat(" ", "microseconds")


MOMENT_FORMS[_write_datetime] = MomentForms(
    "combine({value}.date(), {value}.time()).isoformat(' ', 'microseconds')",
    "{value}.isoformat(' ', 'microseconds')",
)


def _read_aware(value: str) -> datetime:
    try:
        # Of a date alone, the offset would be taken for its time of day.
        return datetime.fromisoformat(f"{value}+00:00" if len(value) > 10 else f"{value} 00+00:00")
    except ValueError:  # The text carries an offset of its own, as rows written by other tools may.
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


SHORT_FORMS[_read_aware] = (
    "fromisoformat({value} + ('+00:00' if len({value}) > 10 else ' 00+00:00'))"
)


def _read_naive(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _write_json(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _read_json(value: str | bytes | int | float) -> Any:
    import json

    # A bare number written by another tool keeps its own storage class.
    return json.loads(value) if isinstance(value, (str, bytes)) else value


def _write_decimal(value: Any) -> str | float:
    if not -_FLOAT_RANGE < value.adjusted() < _FLOAT_RANGE:
        # Written out, such a number could take more memory than there is.
        raise ValueError(f"{value} lies outside of the numbers that SQLite knows")
    text = f"{value:f}"
    # A NUMERIC column turns text into a whole number of 64 bits or else a floating point number
    # (https://sqlite.org/datatype3.html, section 3). The latter keeps 15 digits for certain.
    if len(text) <= EXACT_DIGITS:
        return text
    plain = text.rstrip("0").removesuffix(".") if "." in text else text
    if "." not in plain and -_INTEGERS <= int(plain) < _INTEGERS:
        return plain
    # With 16 and 17 digits it depends on the number. Bound as what it becomes, it is not left to the way in which this
    # version of SQLite rounds; what would become another amount is refused.
    number = float(text)
    if _read_decimal(number) != value:
        raise ValueError(
            f"{text} has more digits than SQLite keeps in a column of type NUMERIC, {EXACT_DIGITS}"
        )
    return number


def _read_decimal(value: Any) -> Any:
    from decimal import Decimal

    return Decimal(str(value))


def _read_uuid(value: str) -> Any:
    from uuid import UUID

    return UUID(value)


def _read_time(value: str) -> time:
    return time.fromisoformat(value)


def _read_date(value: str) -> date:
    return date.fromisoformat(value[:10])


_WRITERS: dict[str, Converter] = {
    "BOOLEAN": int,
    "DATETIME": _write_datetime,
    "DATE": date.isoformat,
    "TIME": time.isoformat,
    "UUID": str,
    "JSON": _write_json,
    "NUMERIC": _write_decimal,
}
_READERS: dict[str, Converter] = {
    "BOOLEAN": bool,
    "DATETIME": _read_aware,
    "DATE": _read_date,
    "TIME": _read_time,
    "UUID": _read_uuid,
    "JSON": _read_json,
    "NUMERIC": _read_decimal,
    "REAL": float,
}


class SQLiteDialect:
    """The dialect of SQLite.

    Args:
        version: The version of the SQLite library; what it cannot do is avoided.
    """

    name = "sqlite"
    placeholder = "?"
    bulk_numbering = "lock"
    # SQLITE_MAX_VARIABLE_NUMBER of versions before 3.32; later ones allow 32,766.
    max_variables = 999

    def __init__(self, version: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
        self.version = version
        self.features = Features(
            supports_select_for_update=False,
        )
        if version >= (3, 32):
            self.max_variables = 32_766

    def update_source(self) -> str | None:
        """Return a FROM, with which all new values are computed before the first row is written."""
        return None if self.version < (3, 33) else " FROM (SELECT 1)"

    def quote(self, name: str) -> str:
        """Quote an identifier with double quotes."""
        return quote_identifier(name)

    def writer(self, neutral_type: str) -> Converter | None:
        """Return the converter for values on their way into the database; arrays are JSON."""
        return (
            _write_json
            if neutral_type.endswith("[]")
            else _WRITERS.get(neutral_type.partition("(")[0])
        )

    def reader(self, neutral_type: str, *, aware: bool = True) -> Converter | None:
        """Return the converter for values on their way out of the database."""
        if neutral_type.endswith("[]"):
            return _read_json
        base = neutral_type.partition("(")[0]
        if base == "DATETIME" and not aware:
            return _read_naive
        return _READERS.get(base)

    def returning_key(self, column: str) -> str:
        """Return nothing: the driver tells the row id anyway."""
        return ""

    def insert_nothing(self, table: str) -> str:
        """Return the INSERT of a row that consists of defaults."""
        return f"INSERT INTO {table} DEFAULT VALUES"

    def bulk_insert(self, table: str, columns: Sequence[str]) -> str:
        """Return the INSERT of one row; a prepared statement needs nothing faster."""
        return (
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['?'] * len(columns))})"
        )

    def reserve_keys(self) -> str:
        """Return nothing: a writing transaction has all numbers to itself."""
        return ""

    def limit_clause(self, limited: bool, offset: bool) -> str:
        """Return ``LIMIT`` and ``OFFSET`` with placeholders."""
        if offset:
            # SQLite has no OFFSET without LIMIT; a negative limit means none.
            return " LIMIT ? OFFSET ?" if limited else " LIMIT -1 OFFSET ?"
        return " LIMIT ?" if limited else ""

    def date_part(self, part: str, sql: str) -> str:
        """Return the expression for one part of a time stamp, taken from its UTC text.

        Without its fraction of a second: SQLite rounds to thousandths, and for the last half of one of the year 9999 it knows
        no time stamp at all.
        """
        sql = f"CASE WHEN length({sql}) = 26 THEN substr({sql}, 1, 19) ELSE {sql} END"
        if part == "date":
            return f"date({sql})"
        if part == "time":
            return f"time({sql})"
        return f"CAST(strftime('{DATE_PARTS[part]}', {sql}) AS INTEGER)"

    def text_lookup(self, lookup: str, sql: str, operand: str, *, is_ascii: bool) -> str:
        """Return the condition of a text lookup: GLOB where case counts, LIKE where it does not."""
        if lookup in ("regex", "iregex"):
            return f"{sql} REGEXP {operand}"
        if lookup in GLOB_FORMS:
            return f"{sql} GLOB {operand}"
        folded = f"openviper_fold({sql}) LIKE {operand} ESCAPE '\\'"
        if not is_ascii:
            return folded
        # LIKE ignores the case of ASCII letters by itself, in a twentieth of the time of a call to Python.
        is_plain = f"length({sql}) = length(CAST({sql} AS BLOB))"
        return f"CASE WHEN {is_plain} THEN {sql} LIKE {operand} ESCAPE '\\' ELSE {folded} END"

    def text_match(self, lookup: str, sql: str, text: str) -> str:
        """Return the condition of a text lookup for a computed text."""
        if lookup.startswith("i"):
            sql, text = f"openviper_fold({sql})", f"openviper_fold({text})"
        if lookup == "iexact":
            return f"{sql} = {text}"
        if lookup.endswith("endswith"):
            return f"substr({sql}, length({sql}) - length({text}) + 1) = CAST({text} AS TEXT)"
        return f"instr({sql}, {text}) {'= 1' if lookup.endswith('startswith') else '> 0'}"

    def json_equals(self, sql: str, operand: str, *, negated: bool) -> str:
        """Return the comparison of both in one form: names in order, numbers by value."""
        return f"openviper_json({sql}) {'<>' if negated else '='} openviper_json({operand})"

    def value_type(self, neutral_type: str) -> str:
        """Return the neutral type, which SQLite reads for its affinity."""
        return neutral_type

    def text_operand(self, lookup: str, value: str) -> str:
        """Return the pattern to bind."""
        if lookup == "regex":
            return value
        if lookup == "iregex":
            return f"(?i){value}"
        if lookup in GLOB_FORMS:
            return GLOB_FORMS[lookup].format(re.sub(r"[*?\[]", r"[\g<0>]", value))
        return LIKE_FORMS[lookup[1:]].format(re.sub(r"[\\%_]", r"\\\g<0>", folded(value)))

    def array_contains(self, sql: str, element: str, neutral_type: str) -> str:
        """Return the condition that an array, which is JSON text, has an element."""
        inner = f"SELECT 1 FROM json_each({sql}) AS element WHERE element.value = {element}"
        return f"CASE WHEN {sql} IS NOT NULL THEN EXISTS ({inner}) END"

    def array_element(self, value: Any) -> Any:
        """Return the element as `json_each` shows it: true and false are 1 and 0."""
        return int(value) if isinstance(value, bool) else value

    def for_update(self, table: str, words: tuple[str, ...]) -> str:
        """Return nothing: a writing transaction has the whole database to itself."""
        return ""

    def order_term(self, sql: str, *, descending: bool, nullable: bool) -> str:
        """Return one term of ORDER BY; NULL is the least value anyway."""
        return f"{sql} DESC" if descending else sql

    def explained(self, rows: list[tuple[Any, ...]]) -> str:
        """Return the plan, one step per line."""
        return "\n".join(str(row[-1]) for row in rows)

    def long_list_operand(self, values: list[Any]) -> Any | None:
        """Return the list as a JSON text, so that its length has no limit."""
        if any(isinstance(value, bytes) for value in values):
            return None
        return _write_json(values)

    def long_list(self, neutral_type: str) -> str:
        """Return the values of the JSON text as a subquery."""
        return "(SELECT value FROM json_each({}))"

    def explain(self, sql: str) -> str:
        """Return the statement that shows the query plan."""
        return f"EXPLAIN QUERY PLAN {sql}"

    def missing_table(self, error: BaseException) -> str | None:
        """Return the missing table's name, if that is what the error says."""
        match = _NO_TABLE.search(str(error))
        return match.group(1) if match else None
