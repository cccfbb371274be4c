"""What makes a JSON document a schema file; its types and rules reach SQL as they are, so each is one of a list."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

FORMAT = 1
TYPES = frozenset(
    {
        "INTEGER", "BIGINT", "SMALLINT", "REAL", "FLOAT", "NUMERIC", "VARCHAR", "STRING", "TEXT", "BOOLEAN", "DATETIME",
        "DATE", "TIME", "UUID", "JSON", "BINARY",
    }
)  # fmt: skip
"""The neutral types, without length and without the ``[]`` of an array."""
ACTIONS = frozenset({"CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"})
CONSTRAINTS = frozenset({"CHECK", "UNIQUE", "EXCLUDE"})
DEFERRABLE = frozenset({"immediate", "deferred"})
METHODS = frozenset({"btree", "hash", "gin", "gist", "spgist", "brin"})
_TYPE = re.compile(r"([A-Za-z]+)\s*(?:\(\s*\d+\s*(?:,\s*\d+\s*)?\))?(?:\[\])?\Z")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")
_OPERATOR = re.compile(r"[-+*/<>=~!@#%^&|`?]{1,8}\Z")


_TABLE_LISTS = ("indexes", "constraints", "unique_together", "index_together")
_COLUMN_FLAGS = ("nullable", "primary_key", "autoincrement", "unique")
_COLUMN_TEXTS = ("target_table", "old_name", "old_type")
_INDEX_NAMES = ("fields", "include", "opclasses")


def schema_problem(data: Any) -> str | None:
    """Return what is wrong with the content of a schema file, as the rest of a sentence, or `None`."""
    if not isinstance(data, dict):
        return f"must hold an object, not {type(data).__name__}"
    return _head_problem(data) or _lists_problem(data) or _entries_problem(data)


def _head_problem(data: dict[str, Any]) -> str | None:
    if data.get("format", FORMAT) != FORMAT:
        return f"has format {data['format']!r}; this version knows {FORMAT}"
    missing = [key for key in ("model", "app", "table_name") if not _is_text(data.get(key))]
    if missing:
        return f"has no {missing[0]!r}"
    return _wrong("the table", data, ("old_table_name",), _is_text)


def _lists_problem(data: dict[str, Any]) -> str | None:
    columns = data.get("columns")
    if not isinstance(columns, list) or not columns:
        return "has no columns"
    return _wrong("the table", data, _TABLE_LISTS, _is_list) or _wrong(
        "the table", data, ("single", "managed"), _is_flag
    )


def _entries_problem(data: dict[str, Any]) -> str | None:
    columns, indexes = data["columns"], data.get("indexes") or ()
    constraints = data.get("constraints") or ()
    return (
        _first(_column_problem, columns)
        or _first(_index_problem, indexes)
        or _first(_constraint_problem, constraints)
        or _twice("column", columns)
        or _twice("index", indexes)
        or _twice("constraint", constraints)
        or _unknown_columns_problem(data)
    )


def _twice(what: str, entries: Iterable[dict[str, Any]]) -> str | None:
    """Return which name stands for two entries, as it does after two branches were merged by hand."""
    counts = Counter(entry["name"] for entry in entries)
    repeated = [name for name, count in counts.items() if count > 1]
    return f"has the {what} {repeated[0]!r} twice" if repeated else None


def _unknown_columns_problem(data: dict[str, Any]) -> str | None:
    """Return which index or group names a column that the file does not have."""
    known = {column["name"] for column in data["columns"]}
    for key in ("unique_together", "index_together"):
        for group in data.get(key) or ():
            if not _is_names(group):
                return f"has under {key!r} {group!r}, which is not a list of columns"
            if unknown := [name for name in group if name not in known]:
                return f"names under {key!r} the unknown column {unknown[0]!r}"
    for entry in [*(data.get("indexes") or ()), *(data.get("constraints") or ())]:
        if unknown := [name for name in _columns_of(entry) if name not in known]:
            return f"names in {entry['name']!r} the unknown column {unknown[0]!r}"
    return None


def _columns_of(entry: dict[str, Any]) -> list[str]:
    fields = [field.removeprefix("-") for field in entry.get("fields") or ()]
    return [*fields, *(entry.get("include") or ())]


def _first(judge: Callable[[Any], str | None], entries: Iterable[Any]) -> str | None:
    """Return the first problem of some entries."""
    return next((problem for problem in map(judge, entries) if problem is not None), None)


def _wrong(
    where: str, entry: dict[str, Any], keys: Iterable[str], is_right: Callable[[Any], bool]
) -> str | None:
    """Return which of some keys has a value of the wrong shape; what is absent or null is not."""
    for key in keys:
        value = entry.get(key)
        if value is not None and not is_right(value):
            return f"gives {where} the impossible {key} {value!r}"
    return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_names(value: Any) -> bool:
    """Return whether a value is a list of texts; a text is a list of letters to Python, and not meant."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_sql(value: Any) -> bool:
    """Return whether a value is SQL, or SQL by vendor."""
    texts = value.values() if isinstance(value, dict) else (value,)
    return bool(texts) and all(map(_is_text, texts))


def _is_sql_list(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_sql, value))


def _is_formula(value: Any) -> bool:
    return isinstance(value, dict) and _is_sql(value.get("expression")) and "stored" in value


def _column_problem(column: Any) -> str | None:
    if not isinstance(column, dict) or not all(
        _is_text(column.get(key)) for key in ("name", "type")
    ):
        return f"has a column without name or type: {column!r}"
    name = column["name"]
    if not is_type(column["type"]):
        return f"gives column {name!r} the unknown type {column['type']!r}"
    where = f"column {name!r}"
    return (
        _unknown(where, column, "on_delete", ACTIONS)
        or _wrong(where, column, _COLUMN_FLAGS, _is_flag)
        or _wrong(where, column, _COLUMN_TEXTS, _is_text)
        or _wrong(where, column, ("older_names",), _is_names)
        or _wrong(where, column, ("db_default",), _is_sql)
        or _wrong(where, column, ("generated",), _is_formula)
    )


def is_type(neutral_type: str) -> bool:
    """Return whether a text is a neutral type, such as ``NUMERIC(8,2)`` or ``TEXT[]``."""
    match = _TYPE.match(neutral_type)
    return match is not None and match[1].upper() in TYPES


def _index_problem(entry: Any) -> str | None:
    if not isinstance(entry, dict) or not _is_text(entry.get("name")):
        return f"has an index without name: {entry!r}"
    where = f"index {entry['name']!r}"
    return _body_problem(where, entry) or _emptiness(where, entry)


def _constraint_problem(entry: Any) -> str | None:
    if not isinstance(entry, dict) or not _is_text(entry.get("name")):
        return f"has a constraint without name: {entry!r}"
    where = f"constraint {entry['name']!r}"
    problem = _unknown(where, entry, "type", CONSTRAINTS) or _body_problem(where, entry)
    return problem or _wrong(where, entry, ("check",), _is_sql) or _rule_problem(where, entry)


def _rule_problem(where: str, entry: dict[str, Any]) -> str | None:
    """Return what is wrong with what a constraint asks for; a file of version 0.1 does not state its type."""
    kind = entry.get("type") or ("CHECK" if "check" in entry else "UNIQUE")
    if kind == "UNIQUE":
        return _emptiness(where, entry)
    if kind == "CHECK":
        return None if entry.get("check") else f"gives {where} no check"
    return _elements_problem(where, entry)


def _emptiness(where: str, entry: dict[str, Any]) -> str | None:
    is_over_something = entry.get("fields") or entry.get("expressions")
    return None if is_over_something else f"gives {where} neither fields nor expressions"


def _body_problem(where: str, entry: dict[str, Any]) -> str | None:
    problem = (
        _wrong(where, entry, _INDEX_NAMES, _is_names)
        or _wrong(where, entry, ("expressions",), _is_sql_list)
        or _wrong(where, entry, ("condition",), _is_sql)
        or _wrong(where, entry, ("nulls_distinct",), _is_flag)
    )
    return problem or _words_problem(where, entry)


def _words_problem(where: str, entry: dict[str, Any]) -> str | None:
    classes = [name for name in entry.get("opclasses") or () if name and not _WORD.match(name)]
    if classes:
        return f"gives {where} the impossible operator class {classes[0]!r}"
    return _unknown(where, entry, "using", METHODS) or _unknown(
        where, entry, "deferrable", DEFERRABLE
    )


def _elements_problem(where: str, entry: dict[str, Any]) -> str | None:
    elements = entry.get("elements")
    if not isinstance(elements, list) or not elements:
        return f"gives {where} no elements"
    for element in elements:
        if not _is_element(element):
            return f"gives {where} an element that is not SQL with an operator: {element!r}"
    return None


def _is_element(element: Any) -> bool:
    is_pair = isinstance(element, (list, tuple)) and len(element) == 2
    return is_pair and _is_sql(element[0]) and _OPERATOR.match(str(element[1])) is not None


def _unknown(where: str, entry: dict[str, Any], key: str, known: frozenset[str]) -> str | None:
    value = entry.get(key)
    if value is None or (isinstance(value, str) and value in known):
        return None
    return f"gives {where} the unknown {key} {value!r}; known: {', '.join(sorted(known))}"
