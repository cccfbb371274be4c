"""Indexes and constraints: as options of fields where these would make the very same, else in ``Meta``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from openviper.db.dialects.definitions import Check, Definition, LiveIndex, LiveTable, Part
from openviper.db.dialects.identifiers import shorten
from openviper.db.fields.constraint_text import validate_sql_expression
from openviper.db.inspection.shapes import FieldSketch, ModelSketch

_QUOTED = re.compile(r"`([^`]+)`")


def single_indexes(table: LiveTable) -> dict[str, LiveIndex]:
    """Return the plain indexes over one column, by column; a unique one goes before others."""
    plain = [index for index in table.indexes if _is_plain(index) and len(index.columns) == 1]
    plain.sort(key=lambda index: index.definition.unique)
    return {index.columns[0]: index for index in plain}


def _is_plain(index: LiveIndex) -> bool:
    """Return whether an index says no more than over which columns it is, and whether it is unique."""
    definition = index.definition
    extras = (definition.condition, definition.include, definition.method, definition.deferrable)
    is_upward = not any(part.descending or part.operator_class for part in definition.parts)
    return bool(definition.columns) and is_upward and not any(extras) and definition.nulls_distinct


def index_options(
    made: FieldSketch, table: str, index: LiveIndex | None, *, is_key: bool
) -> list[str]:
    """Return what says that a column is unique or indexed; an index of another name is left for ``Meta``.

    Args:
        made: The field; takes note of the index that it states.
        table: The table.
        index: The plain index over the column, if there is one.
        is_key: Whether it is the primary key.
    """
    no_index = ["db_index=False"] if made.key_type else []  # A foreign key has one by itself.
    if is_key:
        made.states = index if index is not None and index.definition.unique else None
        return no_index
    if index is None or not _has_name_of_option(index, table, made.column):
        return no_index
    made.states = index
    return _unique_option(made) if index.definition.unique else _plain_option(made)


def _unique_option(made: FieldSketch) -> list[str]:
    if not made.key_type:
        return ["unique=True"]
    made.cls = "OneToOneField"
    return []


def _plain_option(made: FieldSketch) -> list[str]:
    return [] if made.key_type else ["db_index=True"]


def _has_name_of_option(index: LiveIndex, table: str, column: str) -> bool:
    """Return whether an index is what a field's option would make."""
    prefix = "uq" if index.definition.unique else "idx"
    return index.is_constraint or index.name == shorten(f"{prefix}_{table}_{column}")


def add_index(sketch: ModelSketch, index: LiveIndex, names: Mapping[str, str]) -> None:
    """State an index in ``Meta``, unless a field does, or say why not.

    Args:
        sketch: The model.
        index: The index.
        names: The fields by column.
    """
    if any(one.states is index for one in sketch.fields):
        return
    if not _can_state(index, names):
        sketch.remarks.append(f"Index {index.name} is not stated.")
    elif index.is_constraint and index.definition.unique and _is_plain(index):
        group = ", ".join(repr(names[name]) for name in index.columns)
        sketch.options.setdefault("unique_together", []).append(f"({group},)")
    else:
        _add_named(sketch, index, names)


def _can_state(index: LiveIndex, names: Mapping[str, str]) -> bool:
    """Return whether a model can have an index: all its columns are fields, its SQL no more than expressions."""
    definition = index.definition
    is_known = {*definition.columns, *definition.include} <= names.keys()
    return bool(definition.parts) and is_known and all(map(is_expression, definition.expressions))


def is_expression(sql: str) -> bool:
    """Return whether SQL may stand in a model."""
    try:
        validate_sql_expression(sql)
    except ValueError:
        return False
    return True


def _add_named(sketch: ModelSketch, index: LiveIndex, names: Mapping[str, str]) -> None:
    definition = index.definition
    arguments = [_parts(definition, names), f"name={index.name!r}", *_extras(definition, names)]
    if definition.unique:
        text = f"UniqueConstraint({', '.join(arguments)})"
        sketch.options.setdefault("constraints", []).append(text)
    else:
        text = f"Index({', '.join(arguments)})"
        sketch.options.setdefault("indexes", []).append(text)


def _parts(definition: Definition, names: Mapping[str, str]) -> str:
    """Return the argument for what an index sorts by."""
    if len(definition.columns) < len(definition.parts):
        return f"expressions={[_expression(part) for part in definition.parts]!r}"
    fields = [f"{'-' * part.descending}{names[part.column]}" for part in definition.parts]
    return f"fields={fields!r}"


def _expression(part: Part) -> str:
    sql = part.expression or f'"{part.column}"'
    return f"{sql} DESC" if part.descending else sql


def _extras(definition: Definition, names: Mapping[str, str]) -> list[str]:
    """Return the arguments for what few indexes have."""
    extras: dict[str, object] = {
        "condition": definition.condition,
        "include": [names[name] for name in definition.include],
        "using": definition.method,
        "opclasses": _operator_classes(definition),
        "deferrable": definition.deferrable,
    }
    told = [f"{name}={value!r}" for name, value in extras.items() if value]
    return told if definition.nulls_distinct else [*told, "nulls_distinct=False"]


def _operator_classes(definition: Definition) -> list[str]:
    classes = [part.operator_class for part in definition.parts]
    return classes if any(classes) else []


def add_check(sketch: ModelSketch, table: LiveTable, check: Check, number: int) -> None:
    """State a constraint in ``Meta``, or say why not.

    Args:
        sketch: The model.
        table: Its table.
        check: The constraint.
        number: Its place, for one without a name.
    """
    if not _is_of_table(check, table.columns):
        return
    name = check.name or shorten(f"chk_{table.name}_{number}")
    if check.is_exclusion or not is_expression(check.expression):
        sketch.remarks.append(f"Constraint {name} is not stated: {check.expression}")
        return
    text = f"CheckConstraint(name={name!r}, check={check.expression!r})"
    sketch.options.setdefault("constraints", []).append(text)


def _is_of_table(check: Check, columns: Iterable[str]) -> bool:
    # MariaDB tells checks by their names only, so those of other tables come along.
    return set(_QUOTED.findall(check.expression)) <= set(columns)
