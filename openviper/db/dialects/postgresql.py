"""SQL text and values for PostgreSQL, from version 12 on."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from openviper.conf.lazy import settings
from openviper.db.dialects.base import Converter, Features
from openviper.db.dialects.folding import DOTTED, DOTTED_MARK, folded
from openviper.db.dialects.identifiers import quote_identifier

LIKE_FORMS = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}", "exact": "{}"}


_VALUE_TYPES = {
    "REAL": "DOUBLE PRECISION",
    "FLOAT": "DOUBLE PRECISION",
    "JSON": "JSONB",
    "BINARY": "BYTEA",
    "STRING": "CHARACTER VARYING",
    "VARCHAR": "CHARACTER VARYING",
}
_NO_TABLE = re.compile(r'"([^"]+)"')


def _write_text(value: str) -> str:
    # The wire protocol ends text with a zero byte (https://www.postgresql.org/docs/current/datatype-character.html).
    if "\x00" in value:
        raise ValueError("text with a NUL character cannot be stored in PostgreSQL")
    return value


def _write_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _read_aware(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)  # The session's zone is UTC, as an object of another kind.


_WRITERS: dict[str, Converter] = {
    "VARCHAR": _write_text,
    "STRING": _write_text,
    "TEXT": _write_text,
    "JSON": _write_json,
}


def _folded(sql: str) -> str:
    # A dotted capital I is no i: Unicode folds it to itself, PostgreSQL's lower() does not.
    return f"lower(translate({sql}, '{DOTTED}', '{DOTTED_MARK}'))"


class PostgreSQLDialect:
    """The dialect of PostgreSQL."""

    name = "postgresql"
    placeholder = "%s"
    max_variables = 65_535
    bulk_numbering = "sequence"
    features = Features(
        supports_select_for_update=True,
    )

    def update_source(self) -> str:
        """Return nothing: they do."""
        return ""

    def quote(self, name: str) -> str:
        """Quote an identifier with double quotes."""
        return quote_identifier(name)

    def writer(self, neutral_type: str) -> Converter | None:
        """Return the converter for values on their way into the database."""
        return None if neutral_type.endswith("[]") else _WRITERS.get(neutral_type.partition("(")[0])

    def reader(self, neutral_type: str, *, aware: bool = True) -> Converter | None:
        """Return the converter for values on their way out of the database."""
        if neutral_type == "DATETIME":
            return _read_aware if aware else None
        if neutral_type == "JSON":
            return json.loads
        # A copy: what is remembered of the row must not change with the list.
        return list if neutral_type.endswith("[]") else None

    # Writing

    def returning_key(self, column: str) -> str:
        """Return the clause that makes an INSERT of one row return the key."""
        return f" RETURNING {column}"

    def insert_nothing(self, table: str) -> str:
        """Return the INSERT of a row that consists of defaults."""
        return f"INSERT INTO {table} DEFAULT VALUES"

    def bulk_insert(self, table: str, columns: Sequence[str]) -> str:
        """Return a COPY, which the driver feeds with the rows; it takes a fraction of the time of INSERTs."""
        return f"COPY {table} ({', '.join(columns)}) FROM STDIN"

    def reserve_keys(self) -> str:
        """Return the read of fresh keys."""
        return "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)"

    # Reading

    def limit_clause(self, limited: bool, offset: bool) -> str:
        """Return ``LIMIT`` and ``OFFSET`` with placeholders."""
        return f"{' LIMIT %s' if limited else ''}{' OFFSET %s' if offset else ''}"

    def date_part(self, part: str, sql: str) -> str:
        """Return the expression for one part of a time stamp; the session's time zone is UTC."""
        if part == "date":
            return f"CAST({sql} AS date)"
        if part == "time":
            return f"CAST(date_trunc('second', CAST({sql} AS time)) AS time)"
        return f"CAST(floor(extract({part} FROM {sql})) AS integer)"

    def text_lookup(self, lookup: str, sql: str, operand: str, *, is_ascii: bool) -> str:
        """Return the condition of a text lookup."""
        text = f"CAST({sql} AS text)"
        if lookup == "regex":
            return f"{text} ~ {operand}"
        if lookup == "iregex":
            return f"{text} ~* {operand}"
        return f"{text if lookup in LIKE_FORMS else _folded(text)} LIKE {operand}"

    def text_match(self, lookup: str, sql: str, text: str) -> str:
        """Return the condition of a text lookup for a computed text."""
        sql, text = f"CAST({sql} AS text)", f"CAST({text} AS text)"
        if lookup.startswith("i"):
            sql, text = _folded(sql), _folded(text)
        if lookup == "iexact":
            return f"{sql} = {text}"
        if lookup.endswith("endswith"):
            return f"right({sql}, length({text})) = {text}"
        return f"strpos({sql}, {text}) {'= 1' if lookup.endswith('startswith') else '> 0'}"

    def json_equals(self, sql: str, operand: str, *, negated: bool) -> str:
        """Return the comparison, which goes by value here."""
        return f"{sql} {'<>' if negated else '='} CAST({operand} AS jsonb)"

    def value_type(self, neutral_type: str) -> str:
        """Return the type for CAST."""
        base, bracket, rest = neutral_type.partition("[")
        base = base.partition("(")[0] if base.startswith(("VARCHAR", "STRING")) else base
        if base == "DATETIME":
            base = "TIMESTAMP WITH TIME ZONE" if settings.USE_TZ else "TIMESTAMP"
        return f"{_VALUE_TYPES.get(base, base)}{bracket}{rest}"

    def text_operand(self, lookup: str, value: str) -> str:
        """Return the pattern to bind."""
        _write_text(value)
        if lookup in ("regex", "iregex"):
            return value
        form = LIKE_FORMS.get(lookup)
        if form is None:
            form, value = LIKE_FORMS[lookup[1:]], folded(value)
        return form.format(re.sub(r"[\\%_]", r"\\\g<0>", value))

    def array_contains(self, sql: str, element: str, neutral_type: str) -> str:
        """Return the condition that an array has an element; containment, unlike ANY, is never unknown for NULLs in it."""
        array = f"CAST(ARRAY[CAST({element} AS {self.value_type(neutral_type)})] AS {self.value_type(neutral_type)}[])"
        return f"{sql} @> {array}"

    def array_element(self, value: Any) -> Any:
        """Return the element as it is."""
        return value

    def for_update(self, table: str, words: tuple[str, ...]) -> str:
        """Return the clause; OF, because the outer side of a join cannot be locked."""
        return f" FOR UPDATE OF {table}{''.join(f' {word}' for word in words)}"

    def order_term(self, sql: str, *, descending: bool, nullable: bool) -> str:
        """Return one term of ORDER BY; NULL would be the greatest value here."""
        if descending:
            return f"{sql} DESC{' NULLS LAST' if nullable else ''}"
        return f"{sql} NULLS FIRST" if nullable else sql

    def explained(self, rows: list[tuple[Any, ...]]) -> str:
        """Return the plan, one step per line."""
        return "\n".join(str(row[0]) for row in rows)

    def long_list_operand(self, values: list[Any]) -> Any | None:
        """Return the list itself, which is bound as an array."""
        return values if any(value is not None for value in values) else None

    def long_list(self, neutral_type: str) -> str:
        """Return the values of the array as a subquery; the type of texts would have to be guessed."""
        return f"(SELECT unnest(CAST({{}} AS {self.value_type(neutral_type)}[])))"

    def explain(self, sql: str) -> str:
        """Return the statement that shows the query plan."""
        return f"EXPLAIN {sql}"

    def missing_table(self, error: BaseException) -> str | None:
        """Return the missing table's name, if that is what the error says."""
        cause = error.__cause__ or error
        if getattr(cause, "sqlstate", None) != "42P01":
            return None
        match = _NO_TABLE.search(str(error))
        return match.group(1) if match else "?"
