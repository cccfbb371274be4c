"""Reading the schema of an SQLite database: four statements, and the text of each CREATE TABLE.

The pragmas do not tell everything: CHECK constraints, AUTOINCREMENT, the predicate of a partial index and the words of
a column that somebody else added are only found in the text that SQLite keeps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from openviper.db.dialects.definitions import (
    Check,
    Definition,
    LiveIndex,
    LiveTable,
    Part,
    is_null,
)
from openviper.db.dialects.server_ddl import rows_of
from openviper.db.dialects.sql_text import tokens, unquote

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column

Token = tuple[str, str, int]
"""Kind, text and position of a token."""
_CONSTRAINT_WORDS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")
_GENERATED = re.compile(r"\s*GENERATED ALWAYS\Z")
_DIRECTION = re.compile(r"\s+(?:ASC|DESC)\s*\Z", re.IGNORECASE)
_STORED = 3
"""What ``table_xinfo`` calls a generated column that is kept; 2 is one that is not."""
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
        deferrable: When the foreign keys that can wait are checked, by column: ``immediate`` or ``deferred``.
        defaults: The defaults in parentheses by column; any other has only filled the rows of an added column.
        formulas: The expressions of generated columns by column.
        options: What follows the closing parenthesis, such as `` WITHOUT ROWID``.
        triggers: The statements of the table's triggers, filled in by the reader; `generated` likewise.
    """

    def __init__(self, sql: str) -> None:
        self.columns: dict[str, str] = {}
        self.checks: list[Check] = []
        self.foreign_keys: list[tuple[tuple[str, ...], str]] = []
        self.autoincrement: str | None = None
        self.deferrable: dict[str, str] = {}
        self.defaults: dict[str, str] = {}
        self.formulas: dict[str, str] = {}
        self.triggers: list[str] = []
        self.generated: set[str] = set()
        items, self.options = split_items(sql)
        for item in items:
            self._read(item, [token for token in tokens(item) if token[0] != "space"])

    def _read(self, item: str, found: list[Token]) -> None:
        if not found:
            return
        kind, text, _ = found[0]
        if kind == "word" and text.upper() in _CONSTRAINT_WORDS:
            column = None
            self._read_foreign_key(item, found)
        else:
            column = unquote(text)
            self.columns[column] = item
            self._read_column(column, item, found)
        for name, expression in _bracketed(item, found, "CHECK"):
            self.checks.append(Check(name, expression, column))

    def _read_foreign_key(self, item: str, found: list[Token]) -> None:
        words = [token[1].upper() for token in found[:3]]
        if "FOREIGN" in (words[0], words[-1]):
            marks = [token[1] for token in found]
            start, end = marks.index("("), marks.index(")")
            names = [unquote(mark) for mark in marks[start + 1 : end] if mark != ","]
            self.foreign_keys.append((tuple(names), item))

    def _read_column(self, column: str, item: str, found: list[Token]) -> None:
        if any(token[0] == "word" and token[1].upper() == "AUTOINCREMENT" for token in found):
            self.autoincrement = column
        words = [token[1].upper() for token in found if token[0] == "word"]
        if _can_wait(words):
            self.deferrable[column] = "deferred" if "DEFERRED" in words else "immediate"
        for _, expression in _bracketed(item, found, "DEFAULT"):
            self.defaults[column] = expression
        for _, expression in _bracketed(item, found, "AS"):
            self.formulas[column] = expression


def _can_wait(words: list[str]) -> bool:
    """Return whether the words of a column make its foreign key deferrable; NOT DEFERRABLE is what keys are anyway."""
    place = words.index("DEFERRABLE") if "DEFERRABLE" in words else 0
    return place > 0 and words[place - 1] != "NOT"


def _bracketed(item: str, found: list[Token], word: str) -> Iterator[tuple[str, str]]:
    """Yield what stands in parentheses behind a word, each with the name of the constraint, if it has one."""
    depth = 0
    for number, (kind, text, position) in enumerate(found):
        if kind != "other" or text not in "()":
            continue
        if text == "(" and not depth and _is_word(found, number - 1, word):
            named = _is_word(found, number - 3, "CONSTRAINT")
            name = unquote(found[number - 2][1]) if named else ""
            yield name, item[position + 1 : _end(found[number:])].strip()
        depth += 1 if text == "(" else -1


def _is_word(found: list[Token], number: int, word: str) -> bool:
    return number >= 0 and found[number][0] == "word" and found[number][1].upper() == word


def _end(found: list[Token]) -> int:
    """Return the position of the parenthesis that closes the first one."""
    depth = 0
    for kind, text, position in found:
        if kind == "other":
            depth += (text == "(") - (text == ")")
        if not depth:
            return position
    return -1


def split_items(sql: str) -> tuple[list[str], str]:
    """Return the items between the first parenthesis and its end, and what follows."""
    found = tokens(sql)
    opening = next((number for number, token in enumerate(found) if token[1] == "("), None)
    if opening is None:
        return [], ""
    end = _end(found[opening:])
    borders = [found[opening][2], *_commas(found[opening:], end), end]
    items = [sql[start + 1 : stop].strip() for start, stop in pairwise(borders)]
    return items, sql[end + 1 :].rstrip()


def _commas(found: list[Token], end: int) -> Iterator[int]:
    """Yield the positions of the commas that stand in the outer parentheses only."""
    depth = 0
    for kind, text, position in found:
        if kind != "other" or position > end:
            continue
        depth += (text == "(") - (text == ")")
        if text == "," and depth == 1:
            yield position


def read_tables(
    results: Sequence[Sequence[Sequence[Any]]], tables: Iterable[str] | None
) -> dict[str, LiveTable]:
    """Return the live tables by name from the results of `QUERIES`, only those of `tables` unless that is `None`."""
    objects, columns, indexes, foreign_keys = results
    found = _created(objects, None if tables is None else set(tables))
    for _, table, sql in _of_kind("trigger", objects):
        if table in found:
            found[table].source.triggers.append(sql)
    for row in rows_of(found, columns):
        _read_column(found[row[0]], row)
    texts = {name: sql for name, _, sql in _of_kind("index", objects)}
    _read_indexes(found, rows_of(found, indexes), texts)
    _read_foreign_keys(found, rows_of(found, foreign_keys))
    return found


def _created(objects: Sequence[Sequence[Any]], only: set[str] | None) -> dict[str, LiveTable]:
    return {
        name: _read_table(name, sql)
        for name, _, sql in _of_kind("table", objects)
        if _is_meant(name, only)
    }


def _of_kind(kind: str, objects: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """Return name, table and text of the objects of one kind."""
    return [row[1:] for row in objects if row[0] == kind]


def _is_meant(name: str, only: set[str] | None) -> bool:
    return not name.startswith("sqlite_") and (only is None or name in only)


def _read_table(name: str, sql: str) -> LiveTable:
    source = CreateStatement(sql)
    return LiveTable(name, {}, [], source.checks, source)


def _read_column(table: LiveTable, row: Sequence[Any]) -> None:
    _, name, live_type, not_null, _default, key, hidden = row
    source: CreateStatement = table.source
    column: Column = {
        "name": name,
        # The words of a generated column are part of what SQLite shows as its type.
        "type": _GENERATED.sub("", live_type.upper()),
        "nullable": not (not_null or key),
        "default": None,
    }
    if key:
        column["primary_key"] = True
    _read_value(column, source)
    if hidden:
        source.generated.add(name)
        formula = source.formulas.get(name, "")
        column["generated"] = {"expression": formula, "stored": hidden == _STORED}
    table.columns[name] = column


def _read_value(column: Column, source: CreateStatement) -> None:
    """Take note of what an ordinary column gets where an INSERT says nothing."""
    name = column["name"]
    if source.autoincrement == name:
        column["autoincrement"] = True
    if not is_null(source.defaults.get(name)):
        column["db_default"] = source.defaults[name]


def _read_foreign_keys(found: dict[str, LiveTable], rows: Sequence[Sequence[Any]]) -> None:
    composite = {(row[0], row[1]) for row in rows if row[2]}
    for table, number, _, target, name, on_delete in rows:
        column = found[table].columns.get(name)
        if column is not None and (table, number) not in composite:
            column["target_table"] = target
            column["on_delete"] = on_delete
            if name in found[table].source.deferrable:
                column["deferrable"] = found[table].source.deferrable[name]


def _read_indexes(
    found: dict[str, LiveTable], rows: Sequence[Sequence[Any]], sql_of_index: dict[str, str]
) -> None:
    grouped: dict[tuple[str, str], list[Sequence[Any]]] = {}
    for row in rows:
        if row[3] != "pk":
            grouped.setdefault((row[0], row[1]), []).append(row)
    for (table, name), parts in grouped.items():
        sql = sql_of_index.get(name, "")
        definition = _definition(parts, sql)
        found[table].indexes.append(LiveIndex(name, definition, parts[0][3] == "u", sql))


def _definition(rows: Sequence[Sequence[Any]], sql: str) -> Definition:
    """Return what an index is: its rows tell the columns, its text the expressions and the condition."""
    items, rest = split_items(sql)
    can_state = all(row[6] == "BINARY" for row in rows)
    parts = tuple(_part(row, items[number : number + 1]) for number, row in enumerate(rows))
    return Definition(parts if can_state else (), bool(rows[0][2]), _predicate(rest))


def _predicate(rest: str) -> str | None:
    for kind, text, position in tokens(rest):
        if kind == "word" and text.upper() == "WHERE":
            return rest[position + len(text) :].strip()
    return None


def _part(row: Sequence[Any], item: Sequence[str]) -> Part:
    column, descending = row[4], bool(row[5])
    if column is not None:
        return Part(column, descending=descending)
    return Part("", _DIRECTION.sub("", item[0]) if item else "?", descending)


# Types

_NAMES = {
    "BOOLEAN": "INTEGER",
    "UUID": "CHAR(36)",  # Not the type of plain text, so that a column which was that is looked at.
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
    "UUID": {"UUID", "CHAR(36)", "CHAR(32)"},
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
    """Return whether a live type stores exactly what the wanted column asks for."""
    neutral = wanted["type"].upper()
    live = _SPACES.sub(" ", live_type.upper().strip()).replace(" (", "(").replace(", ", ",")
    if wanted.get("primary_key") and wanted.get("autoincrement"):
        return live == "INTEGER"
    if neutral.endswith("[]"):
        return live in _SAME["JSON"]
    if neutral in _SAME:
        return live in _SAME[neutral]
    return _numeric(live) == _numeric(column_type(wanted).replace(" ", ""))


def _numeric(sql_type: str) -> str:
    return sql_type.replace("DECIMAL", "NUMERIC")


def kind_of_type(live_type: str) -> str:
    """Return how a type is stored: integer, real, numeric, text, date, datetime, time or blob."""
    upper = live_type.upper()
    return next((kind for word, kind in _KINDS if word in upper), "text")
