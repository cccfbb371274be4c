"""SQL text and values for MariaDB from 10.5 and MySQL from 8.0 on."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from openviper.db.dialects.base import Converter, Features
from openviper.db.dialects.folding import DOTTED, DOTTED_MARK, MYSQL_COLLATION, folded
from openviper.db.dialects.identifiers import quote_identifier

LIKE_FORMS = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}", "exact": "{}"}
NO_LIMIT = 2**64 - 1
"""What the manual recommends for "all rows from an offset on"; there is no OFFSET without LIMIT."""
_VALUE_TYPES = {
    "BIGINT": "SIGNED",
    "INTEGER": "SIGNED",
    "SMALLINT": "SIGNED",
    "BOOLEAN": "SIGNED",
    "REAL": "DOUBLE",
    "FLOAT": "DOUBLE",
    "NUMERIC": "DECIMAL",
    "TEXT": "CHAR",
    "STRING": "CHAR",
    "VARCHAR": "CHAR",
    "DATETIME": "DATETIME(6)",
    "TIME": "TIME(6)",
    "UUID": "CHAR(36)",
    "JSON": "CHAR",
    "BINARY": "BINARY",
}
_NO_TABLE = re.compile(r"'(?:[^'.]*\.)?([^'.]+)'")


def _write_datetime(value: datetime) -> datetime:
    return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)


def _read_aware(value: datetime) -> datetime:
    return datetime.combine(value.date(), value.time(), UTC)  # A sixth of the time of `replace`.


def _write_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _read_json(value: str | bytes) -> Any:
    return json.loads(value)


def _read_uuid(value: str) -> Any:
    from uuid import UUID

    return UUID(value)


_WRITERS: dict[str, Converter] = {
    "BOOLEAN": int,
    "DATETIME": _write_datetime,
    "UUID": str,
    "JSON": _write_json,
}
_READERS: dict[str, Converter] = {
    "BOOLEAN": bool,
    "UUID": _read_uuid,
    "JSON": _read_json,
}


def _binary(sql: str) -> str:
    return f"CAST({sql} AS CHAR) COLLATE {MYSQL_COLLATION}"


def _folded(sql: str) -> str:
    # A dotted capital I is no i: Unicode folds it to itself, LOWER() does not. REPLACE goes by the collation, too.
    return f"LOWER(REPLACE({_binary(sql)}, '{DOTTED}', '{DOTTED_MARK}')) COLLATE {MYSQL_COLLATION}"


class MySQLDialect:
    """The dialect of MariaDB and MySQL."""

    name = "mysql"
    placeholder = "%s"
    max_variables = 65_535
    bulk_numbering = "statement"
    features = Features(
        supports_select_for_update=True,
    )

    def update_source(self) -> str:
        """Return nothing: they do."""
        return ""

    def quote(self, name: str) -> str:
        """Quote an identifier with backticks."""
        return quote_identifier(name, "mysql")

    def writer(self, neutral_type: str) -> Converter | None:
        """Return the converter for values on their way into the database."""
        return (
            _write_json
            if neutral_type.endswith("[]")
            else _WRITERS.get(neutral_type.partition("(")[0])
        )

    def reader(self, neutral_type: str, *, aware: bool = True) -> Converter | None:
        """Return the converter for values on their way out of the database."""
        if neutral_type == "DATETIME":
            return _read_aware if aware else None
        return (
            _read_json
            if neutral_type.endswith("[]")
            else _READERS.get(neutral_type.partition("(")[0])
        )

    # Writing

    def returning_key(self, column: str) -> str:
        """Return nothing: the protocol tells the key of an inserted row anyway."""
        return ""

    def insert_nothing(self, table: str) -> str:
        """Return the INSERT of a row that consists of defaults."""
        return f"INSERT INTO {table} () VALUES ()"

    def bulk_insert(self, table: str, columns: Sequence[str]) -> str:
        """Return the INSERT of one row, which the driver extends to many."""
        return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"

    def reserve_keys(self) -> str:
        """Return nothing: there are no sequences."""
        return ""

    # Reading

    def limit_clause(self, limited: bool, offset: bool) -> str:
        """Return ``LIMIT`` and ``OFFSET`` with placeholders."""
        if offset:
            return " LIMIT %s OFFSET %s" if limited else f" LIMIT {NO_LIMIT} OFFSET %s"
        return " LIMIT %s" if limited else ""

    def date_part(self, part: str, sql: str) -> str:
        """Return the expression for one part of a time stamp, which is stored in UTC."""
        if part == "time":
            return f"CAST(LEFT(TIME({sql}), 8) AS TIME)"
        return f"{part.upper()}({sql})"

    def text_lookup(self, lookup: str, sql: str, operand: str, *, is_ascii: bool) -> str:
        """Return the condition of a text lookup, in a collation that tells everything apart."""
        if lookup in ("regex", "iregex"):
            return f"{sql} REGEXP {operand}"
        text = _binary(sql) if lookup in LIKE_FORMS else _folded(sql)
        return f"{text} LIKE {operand}"

    def text_match(self, lookup: str, sql: str, text: str) -> str:
        """Return the condition of a text lookup for a computed text."""
        fold = _folded if lookup.startswith("i") else _binary
        sql, text = fold(sql), fold(text)
        if lookup == "iexact":
            return f"CAST({sql} AS BINARY) = CAST({text} AS BINARY)"
        if lookup.endswith("endswith"):
            return f"CAST(RIGHT({sql}, CHAR_LENGTH({text})) AS BINARY) = CAST({text} AS BINARY)"
        return f"LOCATE({text}, {sql}) {'= 1' if lookup.endswith('startswith') else '> 0'}"

    def json_equals(self, sql: str, operand: str, *, negated: bool) -> str:
        """Return the comparison by value."""
        return f"JSON_EQUALS({sql}, {operand}) = {0 if negated else 1}"

    def value_type(self, neutral_type: str) -> str:
        """Return the type for CAST."""
        base, bracket, rest = neutral_type.partition("(")
        known = _VALUE_TYPES.get(base)
        return f"{base}{bracket}{rest}" if known is None else known

    def text_operand(self, lookup: str, value: str) -> str:
        """Return the pattern to bind; MariaDB's PCRE and MySQL's ICU both know the flags."""
        if lookup == "regex":
            return f"(?-i){value}"
        if lookup == "iregex":
            return f"(?i){value}"
        form = LIKE_FORMS.get(lookup)
        if form is None:
            form, value = LIKE_FORMS[lookup[1:]], folded(value)
        return form.format(re.sub(r"[\\%_]", r"\\\g<0>", value))

    def array_contains(self, sql: str, element: str, neutral_type: str) -> str:
        """Return the condition that an array, which is JSON text, has an element."""
        return f"JSON_CONTAINS({sql}, {element})"

    def array_element(self, value: Any) -> Any:
        """Return the element as JSON."""
        return json.dumps(value, ensure_ascii=False)

    def for_update(self, table: str, words: tuple[str, ...]) -> str:
        """Return the clause."""
        return f" FOR UPDATE{''.join(f' {word}' for word in words)}"

    def order_term(self, sql: str, *, descending: bool, nullable: bool) -> str:
        """Return one term of ORDER BY; NULL is the least value anyway."""
        return f"{sql} DESC" if descending else sql

    def explained(self, rows: list[tuple[Any, ...]]) -> str:
        """Return the plan, one step per line: its columns, without those that say nothing."""
        return "\n".join(" ".join(str(value) for value in row if value is not None) for row in rows)

    def long_list_operand(self, values: list[Any]) -> Any | None:
        """Return `None`: values are part of the text that the driver sends, so there is no limit to their number."""
        return None

    def long_list(self, neutral_type: str) -> str:
        """Return nothing, as there is no such form."""
        return ""

    def explain(self, sql: str) -> str:
        """Return the statement that shows the query plan."""
        return f"EXPLAIN {sql}"

    def missing_table(self, error: BaseException) -> str | None:
        """Return the missing table's name, if that is what the error says."""
        cause = error.__cause__ or error
        if not cause.args or cause.args[0] != 1146:
            return None
        match = _NO_TABLE.search(str(error))
        return match.group(1) if match else "?"
