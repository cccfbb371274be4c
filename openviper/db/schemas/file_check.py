"""What makes a JSON document a schema file; its types and rules reach SQL as they are, so each is one of a list."""

from __future__ import annotations

import re
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


def schema_problem(data: Any) -> str | None:
    """Return what is wrong with the content of a schema file, as the rest of a sentence, or `None`."""
    if not isinstance(data, dict):
        return f"must hold an object, not {type(data).__name__}"
    return _head_problem(data) or _entries_problem(data)


def _head_problem(data: dict[str, Any]) -> str | None:
    if data.get("format", FORMAT) != FORMAT:
        return f"has format {data['format']!r}; this version knows {FORMAT}"
    missing = [key for key in ("model", "app", "table_name") if not _is_text(data.get(key))]
    return f"has no {missing[0]!r}" if missing else None


def _entries_problem(data: dict[str, Any]) -> str | None:
    columns = data.get("columns")
    if not isinstance(columns, list) or not columns:
        return "has no columns"
    problem = _first(_column_problem, columns) or _first(_index_problem, data.get("indexes") or ())
    return problem or _first(_constraint_problem, data.get("constraints") or ())


def _first(judge: Callable[[Any], str | None], entries: Iterable[Any]) -> str | None:
    """Return the first problem of some entries."""
    return next((problem for problem in map(judge, entries) if problem is not None), None)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _column_problem(column: Any) -> str | None:
    if not isinstance(column, dict) or not _has_texts(column, ("name", "type")):
        return f"has a column without name or type: {column!r}"
    name = column["name"]
    if not is_type(column["type"]):
        return f"gives column {name!r} the unknown type {column['type']!r}"
    problem = _unknown(f"column {name!r}", column, "on_delete", ACTIONS)
    return problem or _unknown(f"column {name!r}", column, "deferrable", DEFERRABLE)


def _has_texts(entry: dict[str, Any], keys: Iterable[str]) -> bool:
    return all(isinstance(entry.get(key), str) for key in keys)


def is_type(neutral_type: str) -> bool:
    """Return whether a text is a neutral type, such as ``NUMERIC(8,2)`` or ``TEXT[]``."""
    match = _TYPE.match(neutral_type)
    return match is not None and match[1].upper() in TYPES


def _index_problem(entry: Any) -> str | None:
    if not isinstance(entry, dict) or not _is_text(entry.get("name")):
        return f"has an index without name: {entry!r}"
    return _body_problem(f"index {entry['name']!r}", entry)


def _constraint_problem(entry: Any) -> str | None:
    if not isinstance(entry, dict) or not _is_text(entry.get("name")):
        return f"has a constraint without name: {entry!r}"
    where = f"constraint {entry['name']!r}"
    problem = _unknown(where, entry, "type", CONSTRAINTS) or _body_problem(where, entry)
    return problem or _elements_problem(where, entry)


def _body_problem(where: str, entry: dict[str, Any]) -> str | None:
    classes = [name for name in entry.get("opclasses") or () if name and not _WORD.match(name)]
    if classes:
        return f"gives {where} the impossible operator class {classes[0]!r}"
    return _unknown(where, entry, "using", METHODS) or _unknown(
        where, entry, "deferrable", DEFERRABLE
    )


def _elements_problem(where: str, entry: dict[str, Any]) -> str | None:
    for element in entry.get("elements") or ():
        is_pair = isinstance(element, (list, tuple)) and len(element) == 2
        if not is_pair or not _OPERATOR.match(str(element[1])):
            return f"gives {where} an element that is not SQL with an operator: {element!r}"
    return None


def _unknown(where: str, entry: dict[str, Any], key: str, known: frozenset[str]) -> str | None:
    value = entry.get(key)
    if value is None or (isinstance(value, str) and value in known):
        return None
    return f"gives {where} the unknown {key} {value!r}; known: {', '.join(sorted(known))}"
