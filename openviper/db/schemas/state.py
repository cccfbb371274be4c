"""From model classes to wanted tables.

Only what every model carries is read here, its `_meta` and `_fields`, so nothing of the query side is imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from openviper.db.dialects.identifiers import shorten
from openviper.exceptions import FieldError, MigrationError

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column, ConstraintEntry, IndexEntry, State, Table


def models_state(models: Iterable[Any]) -> State:
    """Return the wanted tables of models, leaving out those without a table of their own.

    Raises:
        MigrationError: If a foreign key's target cannot be found, or two models claim one table.
    """
    state: State = {}
    for model in models:
        if has_table(model):
            name = model._meta.table_name
            if name in state:
                raise MigrationError(
                    f"table {name!r} belongs to two models: {state[name]['app']}.{state[name]['model']} and "
                    f"{model._meta.app_name}.{model.__name__}"
                )
            state[name] = model_table(model)
    return state


def has_table(model: Any) -> bool:
    """Tell whether a model has a table that OpenViper looks after."""
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
        "constraints": sorted(_constraints(meta, names), key=lambda constraint: constraint["name"]),
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
    found = []
    for model in models:
        for field in _links(model._meta):
            _check_link(model, field)
            join = field.through_model
            if join._meta.join_of is field and join not in models and join not in found:
                found.append(join)
    return found


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
    if field.primary_key:
        column["primary_key"] = True
    if field.auto_increment:
        column["autoincrement"] = True
    if field.unique and not field.primary_key:
        column["unique"] = True
    if field.choices:
        column["choices"] = [
            {"value": _json_value(value), "label": str(label)}
            for value, label in _pairs(field.choices)
        ]
    if target is not None:
        column["target_table"] = target._meta.table_name
        column["on_delete"] = str(field.on_delete)
    return column


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
    if hasattr(value, "value") and hasattr(
        value, "name"
    ):  # An Enum member, which may be a str as well.
        value = value.value
    if value is None or isinstance(value, (bool, int, float, str, dict)):
        return value
    if isinstance(value, (list, tuple)):
        return [_json_value(one) for one in value]
    if hasattr(value, "total_seconds"):  # A timedelta, stored in microseconds.
        return (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if hasattr(value, "utcoffset") and hasattr(
        value, "date"
    ):  # A datetime, stored in UTC without offset.
        if (offset := value.utcoffset()) is not None:
            value = value.replace(tzinfo=None) - offset
        return str(value.isoformat(" ", "microseconds"))
    return str(value)


def _names(fields: Sequence[str], names: Mapping[str, str]) -> list[str]:
    return [names.get(field, field) for field in fields]


def _groups(value: Any, names: Mapping[str, str]) -> list[list[str]]:
    groups = list(value or ())
    if groups and isinstance(groups[0], str):
        groups = [groups]
    return sorted(_names(group, names) for group in groups)


def _indexes(model: Any, names: Mapping[str, str]) -> list[IndexEntry]:
    table = model._meta.table_name
    entries: list[IndexEntry] = []
    for field in model._fields.values():
        if field.db_index and not field.unique and not field.primary_key:
            entries.append(
                {"name": shorten(f"idx_{table}_{field.column_name}"), "fields": [field.column_name]}
            )
    for index in model._meta.indexes or ():
        fields = _names([index.fields] if isinstance(index.fields, str) else index.fields, names)
        entry: IndexEntry = {
            "name": index.name or shorten(f"idx_{table}_{'_'.join(fields)}"),
            "fields": fields,
        }
        if index.condition:
            entry["condition"] = str(index.condition)
        if entry not in entries:  # `db_index` may say the same.
            entries.append(entry)
    return entries


def _constraints(meta: Any, names: Mapping[str, str]) -> list[ConstraintEntry]:
    entries: list[ConstraintEntry] = []
    for constraint in meta.constraints or ():
        if hasattr(constraint, "check"):
            entries.append(
                {"name": constraint.name, "type": "CHECK", "check": str(constraint.check)}
            )
            continue
        entry: ConstraintEntry = {
            "name": constraint.name,
            "type": "UNIQUE",
            "fields": _names(constraint.fields, names),
        }
        if constraint.condition:
            entry["condition"] = str(constraint.condition)
        entries.append(entry)
    return entries
