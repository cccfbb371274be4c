"""What makes a JSON document a schema file; its types and rules reach SQL as they are, so each is one of a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import isfinite
from typing import Any

from openviper.utils.importing import lazy_pattern

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
_TYPE = lazy_pattern(r"([A-Za-z]+)\s*(?:\(\s*\d+\s*(?:,\s*\d+\s*)?\))?(?:\[\])?\Z")
_WORD = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_.]*\Z")
_HEXADECIMAL = lazy_pattern(r"(?:[0-9A-Fa-f]{2})*\Z")
_OPERATOR = lazy_pattern(r"[-+*/<>=~!@#%^&|`?]{1,8}\Z")


def schema_problem(data: Any) -> str | None:
    """Return what is wrong with the content of a schema file, as the rest of a sentence, or `None`."""
    if not isinstance(data, dict):
        return f"must hold an object, not {type(data).__name__}"
    return _head_problem(data) or _entries_problem(data) or _unknown_columns_problem(data)


def _head_problem(data: dict[str, Any]) -> str | None:
    if data.get("format", FORMAT) != FORMAT:
        return f"has format {data['format']!r}; this version knows {FORMAT}"
    missing = [key for key in ("model", "app", "table_name") if not _is_text(data.get(key))]
    if missing:
        return f"has no {missing[0]!r}"
    columns = data.get("columns")
    if not isinstance(columns, list) or not columns:
        return "has no columns"
    return _misshapen("the table", data, _TABLE_SHAPES)


def _entries_problem(data: dict[str, Any]) -> str | None:
    for key, judge in _JUDGES.items():
        entries = data.get(key) or ()
        problem = _first(judge, entries) or _twice(key, entries)
        if problem is not None:
            return problem
    return None


def _first(judge: Callable[[Any], str | None], entries: Iterable[Any]) -> str | None:
    """Return the first problem of some entries."""
    return next((problem for problem in map(judge, entries) if problem is not None), None)


def _twice(key: str, entries: Iterable[dict[str, Any]]) -> str | None:
    """Return which name stands for two entries, as it does after two branches were merged by hand."""
    counts = Counter(entry["name"] for entry in entries)
    repeated = [name for name, count in counts.items() if count > 1]
    return f"has under {key!r} {repeated[0]!r} twice" if repeated else None


def _unknown_columns_problem(data: dict[str, Any]) -> str | None:
    """Return which index or group names a column that the file does not have."""
    known = {column["name"] for column in data["columns"]}
    for where, name in (*_grouped_columns(data), *_indexed_columns(data)):
        if name not in known:
            return f"names under {where!r} the unknown column {name!r}"
    return None


def _grouped_columns(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key in ("unique_together", "index_together"):
        for group in data.get(key) or ():
            yield from ((key, name) for name in group)


def _indexed_columns(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key in ("indexes", "constraints"):
        for entry in data.get(key) or ():
            fields = [field.removeprefix("-") for field in entry.get("fields") or ()]
            yield from ((entry["name"], name) for name in (*fields, *(entry.get("include") or ())))


# Shapes of values


Shape = Callable[[Any], bool]
"""Returns whether a value may stand in its place."""


def _misshapen(where: str, entry: dict[str, Any], shapes: Mapping[str, Shape]) -> str | None:
    """Return which key has a value of the wrong shape; what is absent or null is not."""
    for key, is_right in shapes.items():
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


def _is_groups(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_names, value))


def _is_sql(value: Any) -> bool:
    """Return whether a value is SQL, or SQL by vendor."""
    texts = value.values() if isinstance(value, dict) else (value,)
    return bool(texts) and all(map(_is_text, texts))


def _is_sql_list(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_sql, value))


def _is_formula(value: Any) -> bool:
    return isinstance(value, dict) and _is_sql(value.get("expression")) and "stored" in value


def _is_hexadecimal(value: Any) -> bool:
    return isinstance(value, str) and _HEXADECIMAL.match(value) is not None


def _is_finite(value: Any) -> bool:
    """Return whether a value is not one of the three numbers that JSON has not, and Python reads."""
    return not isinstance(value, float) or isfinite(value)


_TABLE_SHAPES: dict[str, Shape] = {
    "old_table_name": _is_text,
    "indexes": _is_list,
    "constraints": _is_list,
    "unique_together": _is_groups,
    "index_together": _is_groups,
    "single": _is_flag,
    "managed": _is_flag,
}
_COLUMN_SHAPES: dict[str, Shape] = {
    **dict.fromkeys(("nullable", "primary_key", "autoincrement", "unique"), _is_flag),
    **dict.fromkeys(("target_table", "old_name", "old_type"), _is_text),
    "older_names": _is_names,
    "db_default": _is_sql,
    "generated": _is_formula,
}
_DEFAULT_SHAPES: dict[str, dict[str, Shape]] = {
    "BINARY": {"default": _is_hexadecimal},
    **dict.fromkeys(("REAL", "FLOAT", "NUMERIC"), {"default": _is_finite}),
}
"""Defaults, by type, that would be SQL of another meaning."""
_INDEX_SHAPES: dict[str, Shape] = {
    **dict.fromkeys(("fields", "include", "opclasses"), _is_names),
    "expressions": _is_sql_list,
    "condition": _is_sql,
    "check": _is_sql,
    "nulls_distinct": _is_flag,
}


# Columns, indexes and constraints


def _column_problem(column: Any) -> str | None:
    if not isinstance(column, dict) or not (
        _is_text(column.get("name")) and _is_text(column.get("type"))
    ):
        return f"has a column without name or type: {column!r}"
    name = column["name"]
    if not is_type(column["type"]):
        return f"gives column {name!r} the unknown type {column['type']!r}"
    return _key_problem(f"column {name!r}", column)


def _key_problem(where: str, column: dict[str, Any]) -> str | None:
    problem = _unknown(where, column, "on_delete", ACTIONS)
    problem = problem or _unknown(where, column, "deferrable", DEFERRABLE)
    shapes = _COLUMN_SHAPES | _DEFAULT_SHAPES.get(column["type"].partition("(")[0].upper(), {})
    return problem or _misshapen(where, column, shapes)


def is_type(neutral_type: str) -> bool:
    """Return whether a text is a neutral type, such as ``NUMERIC(8,2)`` or ``TEXT[]``."""
    match = _TYPE.match(neutral_type)
    return match is not None and match[1].upper() in TYPES


def _index_problem(entry: Any) -> str | None:
    if not _has_name(entry):
        return f"has an index without name: {entry!r}"
    where = f"index {entry['name']!r}"
    return _body_problem(where, entry) or _emptiness(where, entry)


def _constraint_problem(entry: Any) -> str | None:
    if not _has_name(entry):
        return f"has a constraint without name: {entry!r}"
    where = f"constraint {entry['name']!r}"
    problem = _unknown(where, entry, "type", CONSTRAINTS) or _body_problem(where, entry)
    return problem or _rule_problem(where, entry)


def _has_name(entry: Any) -> bool:
    return isinstance(entry, dict) and _is_text(entry.get("name"))


_JUDGES: dict[str, Callable[[Any], str | None]] = {
    "columns": _column_problem,
    "indexes": _index_problem,
    "constraints": _constraint_problem,
}


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
    problem = _misshapen(where, entry, _INDEX_SHAPES)
    if problem is not None:
        return problem
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
    odd = [element for element in elements if not _is_element(element)]
    return f"gives {where} an element that is not SQL with an operator: {odd[0]!r}" if odd else None


def _is_element(element: Any) -> bool:
    is_pair = isinstance(element, (list, tuple)) and len(element) == 2
    return is_pair and _is_sql(element[0]) and _OPERATOR.match(str(element[1])) is not None


def _unknown(where: str, entry: dict[str, Any], key: str, known: frozenset[str]) -> str | None:
    value = entry.get(key)
    if value is None or (isinstance(value, str) and value in known):
        return None
    return f"gives {where} the unknown {key} {value!r}; known: {', '.join(sorted(known))}"
