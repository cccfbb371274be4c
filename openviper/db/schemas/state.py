"""From model classes to wanted tables.

Only what every model carries is read here, its `_meta` and `_fields`, so nothing of the query side is imported.
"""

from __future__ import annotations

from binascii import crc32
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

from openviper.db.dialects.identifiers import shorten
from openviper.exceptions import FieldError, MigrationError

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import (
        Column,
        ConstraintEntry,
        IndexEntry,
        SQLText,
        State,
        Table,
    )


def models_state(models: Iterable[Any]) -> State:
    """Return the wanted tables of models, leaving out those without a table of their own.

    Raises:
        MigrationError: If a foreign key's target cannot be found, or two models claim one table.
    """
    state: State = {}
    for model in filter(has_table, models):
        name = model._meta.table_name
        if name in state:
            raise MigrationError(
                f"table {name!r} belongs to two models: {state[name]['app']}.{state[name]['model']} and "
                f"{model._meta.app_name}.{model.__name__}"
            )
        state[name] = model_table(model)
    return state


def has_table(model: Any) -> bool:
    """Return whether a model has a table that OpenViper looks after."""
    meta = model._meta
    return bool(meta.managed) and not (
        meta.abstract or meta.proxy or getattr(meta, "virtual", False)
    )


def model_table(model: Any) -> Table:
    """Return the wanted table of a model.

    Raises:
        MigrationError: If the target of a relation cannot be found.
    """
    meta = model._meta
    for link in _links(meta):
        _check_link(model, link)
    columns = [_column(model, name, field) for name, field in model._fields.items()]
    names = {name: field.column_name for name, field in model._fields.items()}
    return {
        "model": model.__name__,
        "app": meta.app_name,
        "columns": sorted(columns, key=lambda column: column["name"]),
        "indexes": sorted(_indexes(model, names), key=lambda index: index["name"]),
        "unique_together": _groups(meta.unique_together, names),
        "index_together": _groups(meta.index_together, names),
        "constraints": sorted(
            _constraints(model, names), key=lambda constraint: constraint["name"]
        ),
        "single": bool(meta.single),
        "managed": True,
    }


def _links(meta: Any) -> list[Any]:
    return list(getattr(meta, "many_to_many", {}).values())


def _check_link(model: Any, field: Any) -> None:
    """Check that a many-to-many field has a join model: with a target that nobody knows there would be no table."""
    try:
        _ = field.remote_model
        field.keys()
    except FieldError as error:
        raise MigrationError(
            f"{model._meta.app_name}.{model.__name__}.{field.name}: {error}"
        ) from error


def generated_joins(models: Sequence[Any]) -> list[Any]:
    """Return the join models that were generated for fields of some models and are not among them.

    Raises:
        MigrationError: If a field's target cannot be found.
    """
    joins: list[Any] = []
    for model in models:
        for field in _links(model._meta):
            _check_link(model, field)
            join = field.through_model
            if join._meta.join_of is field and join not in [*models, *joins]:
                joins.append(join)
    return joins


def _column(model: Any, name: str, field: Any) -> Column:
    try:
        # A foreign key has the type of the key it refers to, so both need the target.
        neutral_type = field.db_type()
        target = field.remote_model if hasattr(field, "on_delete") else None
    except FieldError as error:
        raise MigrationError(f"{model._meta.app_name}.{model.__name__}.{name}: {error}") from error
    column: Column = {
        "name": field.column_name,
        "type": neutral_type,
        "nullable": bool(field.null) and not field.primary_key,
        "default": literal_default(field),
    }
    _mark_key(column, field)
    _add_sql(column, model, field)
    if field.choices:
        column["choices"] = list(map(_choice, _pairs(field.choices)))
    if target is not None:
        column["target_table"] = target._meta.table_name
        column["on_delete"] = str(field.on_delete)
        if field.deferrable:
            column["deferrable"] = field.deferrable
    return column


def _mark_key(column: Column, field: Any) -> None:
    if field.primary_key:
        column["primary_key"] = True
    elif field.unique:
        column["unique"] = True
    if field.auto_increment:
        column["autoincrement"] = True


def _add_sql(column: Column, model: Any, field: Any) -> None:
    """Add what the database works out: a default of its own, or the whole value."""
    default = _sql_of(field, "db_default", model)
    if default is not None:
        column["db_default"] = default
    if getattr(field, "generated", False):
        column["generated"] = {
            "expression": field.generated_sql(model),
            "stored": bool(getattr(field, "stored", True)),
        }


def _sql_of(owner: Any, name: str, model: Any) -> SQLText | None:
    """Return SQL that a field, an index or a constraint states: an expression tells it by ``<name>_sql(model)``."""
    tell = getattr(owner, f"{name}_sql", None)
    if tell is not None:
        told: SQLText | None = tell(model)
        return told
    plain = getattr(owner, name, None)
    return None if plain is None or plain == "" else str(plain)


def _choice(pair: tuple[Any, Any]) -> dict[str, Any]:
    return {"value": _json_value(pair[0]), "label": str(pair[1])}


def _pairs(choices: Any) -> Iterable[tuple[Any, Any]]:
    members = getattr(choices, "__members__", None)
    if members is not None:  # An Enum class.
        return [
            (member.value, getattr(member, "label", member.name)) for member in members.values()
        ]
    return [(value, label) for value, label in choices]


def literal_default(field: Any) -> Any:
    """Return a field's default as it stands in a schema file; `None` for a callable."""
    default = field.default
    if callable(default) and not isinstance(default, type):
        return None
    return None if isinstance(default, type) else _json_value(default)


def _json_value(value: Any) -> Any:
    if isinstance(value, Enum):  # Which may be a str as well.
        value = value.value
    if isinstance(value, (list, tuple)):
        return [_json_value(item) for item in value]
    is_json = value is None or isinstance(value, (bool, int, float, str, dict))
    return value if is_json else _as_stored(value)


def _as_stored(value: Any) -> Any:
    """Return a value that JSON has not, as it is stored."""
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1)
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    return _moment(value) if isinstance(value, datetime) else str(value)


def _moment(value: datetime) -> str:
    """Return a time stamp as it is stored: in UTC, without offset."""
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return value.isoformat(" ", "microseconds")


def _names(fields: Sequence[str], names: Mapping[str, str]) -> list[str]:
    return [_column_name(field, names) for field in fields]


def _column_name(field: str, names: Mapping[str, str]) -> str:
    """Return the column of a field; a minus sign in front, for a descending order, stays."""
    if field.startswith("-"):
        return f"-{_column_name(field[1:], names)}"
    return names.get(field, field)


def _groups(value: Any, names: Mapping[str, str]) -> list[list[str]]:
    groups = list(value or ())
    if groups and isinstance(groups[0], str):
        groups = [groups]
    return sorted(_names(group, names) for group in groups)


def _indexes(model: Any, names: Mapping[str, str]) -> list[IndexEntry]:
    entries = [_field_index(model, field) for field in model._fields.values() if _is_indexed(field)]
    for index in model._meta.indexes or ():
        entry = _index(model, index, names)
        if entry not in entries:  # `db_index` may say the same.
            entries.append(entry)
    return entries


def _is_indexed(field: Any) -> bool:
    return bool(field.db_index) and not (field.unique or field.primary_key)


def _field_index(model: Any, field: Any) -> IndexEntry:
    name = shorten(f"idx_{model._meta.table_name}_{field.column_name}")
    return {"name": name, "fields": [field.column_name]}


def _index(model: Any, index: Any, names: Mapping[str, str]) -> IndexEntry:
    body = _index_body(model, index, names)
    parts = body.get("fields") or [_digest(text) for text in body["expressions"]]
    name = index.name or shorten(
        f"idx_{model._meta.table_name}_{'_'.join(part.removeprefix('-') for part in parts)}"
    )
    entry: IndexEntry = {"name": name}
    entry.update(body)
    return entry


def _digest(text: SQLText) -> str:
    """Return a few letters for an expression, for the name of its index."""
    return f"{crc32(repr(text).encode()):08x}"


def _index_body(model: Any, index: Any, names: Mapping[str, str]) -> Any:
    """Return what an index or a unique constraint says, only as far as it says something."""
    extras = {
        "include": _names(getattr(index, "include", None) or (), names),
        "using": getattr(index, "using", None),
        "opclasses": list(getattr(index, "opclasses", None) or ()),
        "condition": _sql_of(index, "condition", model),
        "deferrable": getattr(index, "deferrable", None),
    }
    nulls = {} if getattr(index, "nulls_distinct", None) is not False else {"nulls_distinct": False}
    return {**_sorted_by(model, index, names), **_told(extras), **nulls}


def _told(extras: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in extras.items() if value}


def _sorted_by(model: Any, index: Any, names: Mapping[str, str]) -> dict[str, Any]:
    if getattr(index, "expressions", None):
        return {"expressions": index.parts_sql(model)}
    fields = [index.fields] if isinstance(index.fields, str) else index.fields
    return {"fields": _names(fields, names)}


def _constraints(model: Any, names: Mapping[str, str]) -> list[ConstraintEntry]:
    return [_constraint(model, constraint, names) for constraint in model._meta.constraints or ()]


def _constraint(model: Any, constraint: Any, names: Mapping[str, str]) -> Any:
    head = {"name": constraint.name}
    if hasattr(constraint, "check"):
        return {**head, "type": "CHECK", "check": _sql_of(constraint, "check", model)}
    if hasattr(constraint, "elements"):
        return {**head, "type": "EXCLUDE", **_exclusion_body(model, constraint)}
    return {**head, "type": "UNIQUE", **_index_body(model, constraint, names)}


def _exclusion_body(model: Any, constraint: Any) -> dict[str, Any]:
    extras = {
        "using": getattr(constraint, "using", None),
        "condition": _sql_of(constraint, "condition", model),
        "deferrable": getattr(constraint, "deferrable", None),
    }
    elements = [[sql, operator] for sql, operator in constraint.elements_sql(model)]
    return {"elements": elements, **_told(extras)}
