"""Reading the schema of an SQLite database: four statements, and the text of each CREATE TABLE.

The pragmas do not tell everything: CHECK constraints, AUTOINCREMENT, the predicate of a partial index and the words of
a column that somebody else added are only found in the text that SQLite keeps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from openviper.db.dialects.ddl import Check, LiveIndex, LiveTable, tokens, unquote

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column

_TABLES = "m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
QUERIES = (
    "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL",
    f"""SELECT m.name, x.name, x.type, x."notnull", x.dflt_value, x.pk, x.hidden
        FROM sqlite_master m, pragma_table_xinfo(m.name) x WHERE {_TABLES} ORDER BY m.name, x.cid""",
    f"""SELECT m.name, l.name, l."unique", l.origin, x.name, x."desc", x.coll
        FROM sqlite_master m, pragma_index_list(m.name) l, pragma_index_xinfo(l.name) x
        WHERE {_TABLES} AND x."key" ORDER BY m.name, l.name, x.seqno""",
    f"""SELECT m.name, f.id, f.seq, f."table", f."from", f.on_delete
        FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE {_TABLES} ORDER BY m.name, f.id, f.seq""",
)


class CreateStatement:
    """What the text of a CREATE TABLE says beyond the pragmas.

    Attributes:
        columns: The definition of each column in its own words.
        checks: All CHECK constraints.
        foreign_keys: The foreign keys that stand behind the columns: their columns and their words.
        autoincrement: The column with AUTOINCREMENT, if any.
        options: What follows the closing parenthesis, such as `` WITHOUT ROWID``.
        triggers: The statements of the table's triggers, filled in by the reader; `generated` likewise.
    """

    def __init__(self, sql: str) -> None:
        self.columns: dict[str, str] = {}
        self.checks: list[Check] = []
        self.foreign_keys: list[tuple[tuple[str, ...], str]] = []
        self.autoincrement: str | None = None
        self.triggers: list[str] = []
        self.generated: set[str] = set()
        items, self.options = _split(sql)
        for item in items:
            self._read(item)

    def _read(self, item: str) -> None:
        found = [token for token in tokens(item) if token[0] != "space"]
        if not found:
            return
        kind, text, _ = found[0]
        word = text.upper() if kind == "word" else ""
        if word in ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"):
            column = None
            words = [token[1].upper() for token in found[:3]]
            if "FOREIGN" in (words[0], words[-1]):
                start = next(number for number, token in enumerate(found) if token[1] == "(")
                end = next(number for number, token in enumerate(found) if token[1] == ")")
                names = [unquote(token[1]) for token in found[start + 1 : end] if token[1] != ","]
                self.foreign_keys.append((tuple(names), item))
        else:
            column = unquote(text)
            self.columns[column] = item
            if any(token[0] == "word" and token[1].upper() == "AUTOINCREMENT" for token in found):
                self.autoincrement = column
        self._read_checks(item, found, column)

    def _read_checks(
        self, item: str, found: list[tuple[str, str, int]], column: str | None
    ) -> None:
        depth = 0
        start: int | None = None
        name = ""
        for number, (kind, text, position) in enumerate(found):
            if text == ")" and kind == "other":
                depth -= 1
                if not depth and start is not None:
                    self.checks.append(Check(name, item[start:position].strip(), column))
                    start = None
            elif text == "(" and kind == "other":
                before = found[number - 1] if number else ("", "", 0)
                if not depth and before[0] == "word" and before[1].upper() == "CHECK":
                    start = position + 1
                    named = number >= 3 and found[number - 3][1].upper() == "CONSTRAINT"
                    name = unquote(found[number - 2][1]) if named else ""
                depth += 1


def _split(sql: str) -> tuple[list[str], str]:
    """Return the items between the outer parentheses and what follows them."""
    depth = 0
    items: list[str] = []
    start = 0
    for kind, text, position in tokens(sql):
        if kind != "other":
            continue
        if text == "(":
            depth += 1
            if depth == 1:
                start = position + 1
        elif text == ")":
            depth -= 1
            if not depth:
                items.append(sql[start:position].strip())
                return items, sql[position + 1 :].rstrip()
        elif text == "," and depth == 1:
            items.append(sql[start:position].strip())
            start = position + 1
    return items, ""


def read_tables(
    results: Sequence[Sequence[Sequence[Any]]], tables: Iterable[str] | None
) -> dict[str, LiveTable]:
    """Return the live tables by name from the results of `QUERIES`, only those of `tables` unless that is `None`."""
    objects, columns, indexes, foreign_keys = results
    only = None if tables is None else set(tables)
    found: dict[str, LiveTable] = {}
    sql_of_index: dict[str, str] = {}
    for kind, name, _, sql in objects:
        if kind == "index":
            sql_of_index[name] = sql
        elif kind == "table" and (only is None or name in only) and not name.startswith("sqlite_"):
            source = CreateStatement(sql)
            found[name] = LiveTable(name, {}, [], source.checks, source)
    for kind, _, table, sql in objects:
        if kind == "trigger" and table in found:
            found[table].source.triggers.append(sql)
    for table, name, live_type, not_null, _default, key, hidden in columns:
        if table in found:
            column: Column = {
                "name": name,
                "type": live_type.upper(),
                "nullable": not (not_null or key),
                "default": None,
            }
            if key:
                column["primary_key"] = True
            source = found[table].source
            if source.autoincrement == name:
                column["autoincrement"] = True
            if hidden:
                source.generated.add(name)
            found[table].columns[name] = column
    _read_indexes(found, indexes, sql_of_index)
    composite = {(row[0], row[1]) for row in foreign_keys if row[2]}
    for table, number, _, target, name, on_delete in foreign_keys:
        if table in found and (table, number) not in composite and name in found[table].columns:
            found[table].columns[name]["target_table"] = target
            found[table].columns[name]["on_delete"] = on_delete
    return found


def _read_indexes(
    found: dict[str, LiveTable], rows: Sequence[Sequence[Any]], sql_of_index: dict[str, str]
) -> None:
    grouped: dict[tuple[str, str], list[Sequence[Any]]] = {}
    for row in rows:
        if row[0] in found and row[3] != "pk":
            grouped.setdefault((row[0], row[1]), []).append(row)
    for (table, name), parts in grouped.items():
        plain = all(part[4] is not None and not part[5] and part[6] == "BINARY" for part in parts)
        sql = sql_of_index.get(name, "")
        found[table].indexes.append(
            LiveIndex(
                name,
                tuple(part[4] for part in parts) if plain else (),
                bool(parts[0][2]),
                _predicate(sql),
                parts[0][3] == "u",
                sql,
            )
        )


def _predicate(sql: str) -> str | None:
    depth = 0
    for kind, text, position in tokens(sql):
        if kind == "other":
            depth += (text == "(") - (text == ")")
        elif kind == "word" and not depth and text.upper() == "WHERE":
            return sql[position + len(text) :].strip()
    return None


# Types

_NAMES = {
    "BOOLEAN": "INTEGER",
    "UUID": "TEXT",
    "JSON": "TEXT",
    "BINARY": "BLOB",
    "STRING": "VARCHAR",
    "FLOAT": "REAL",
}
_SAME = {
    "BOOLEAN": {"INTEGER", "BOOLEAN", "BOOL", "TINYINT(1)"},
    "INTEGER": {"INTEGER", "INT", "INT4", "SERIAL", "BOOLEAN", "BOOL", "TINYINT(1)"},
    "BIGINT": {"BIGINT", "INT8", "BIGSERIAL"},
    "REAL": {"REAL", "FLOAT", "DOUBLE", "DOUBLE PRECISION", "FLOAT8"},
    "TEXT": {"TEXT", "LONGTEXT", "MEDIUMTEXT", "CLOB"},
    "DATETIME": {"DATETIME", "DATETIME(6)", "TIMESTAMP"},
    "UUID": {"TEXT", "UUID", "CHAR(36)", "CHAR(32)"},
    "JSON": {"TEXT", "JSON", "JSONB"},
    "BINARY": {"BLOB", "BYTEA", "BINARY", "LONGBLOB"},
}
_KINDS = (
    ("INT", "integer"),
    ("BOOL", "integer"),
    ("REAL", "real"),
    ("FLOA", "real"),
    ("DOUB", "real"),
    ("NUMERIC", "numeric"),
    ("DECIMAL", "numeric"),
    ("DATETIME", "datetime"),
    ("TIMESTAMP", "datetime"),
    ("DATE", "date"),
    ("TIME", "time"),
    ("BLOB", "blob"),
)
_SPACES = re.compile(r"\s+")


def column_type(column: Column) -> str:
    """Return SQLite's type for a column of a schema file."""
    neutral = column["type"].upper()
    if neutral.endswith("[]"):
        return "TEXT"
    base, bracket, rest = neutral.partition("(")
    return _NAMES.get(base, base) + bracket + rest


def is_same_type(wanted: Column, live_type: str) -> bool:
    """Tell whether a live type stores exactly what the wanted column asks for."""
    neutral = wanted["type"].upper()
    live = _SPACES.sub(" ", live_type.upper().strip()).replace(" (", "(").replace(", ", ",")
    if wanted.get("primary_key") and wanted.get("autoincrement"):
        return live == "INTEGER"
    if neutral.endswith("[]"):
        return live in _SAME["JSON"]
    if neutral in _SAME:
        return live in _SAME[neutral]
    return live.replace("DECIMAL", "NUMERIC") == column_type(wanted).replace(" ", "").replace(
        "DECIMAL", "NUMERIC"
    )


def kind_of_type(live_type: str) -> str:
    """Return how a type is stored: integer, real, numeric, text, date, datetime, time or blob."""
    upper = live_type.upper()
    return next((kind for word, kind in _KINDS if word in upper), "text")
