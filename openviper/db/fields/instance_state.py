"""What an instance of a model knows besides the values of its fields: the one place that names these keys.

All of it lives in ``instance.__dict__``, next to the values, so that generated code builds an instance by plain
assignments. Readers and writers outside of that code go through the functions here.

========================  ===========================================================================================
Key                       Meaning
========================  ===========================================================================================
``<attname>``             The value of a field; absent when `only` or `defer` left it out.
``<name>`` of a relation  The related instance that was loaded; it counts only while its key equals the attribute's.
``_row``                  The driver's values of the row as it is stored; absent for an instance that has no row.
``_layout``               The attributes whose values ``_row`` holds, when they are not all of the model's.
``_alias``                The database the instance came from, when it is not that of its model.
``_prefetched``           Related instances by the name of a relation to many rows, as `prefetch_related` loaded them.
========================  ===========================================================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from keyword import iskeyword
from typing import Any

ROW = "_row"
LAYOUT = "_layout"
ALIAS = "_alias"
PREFETCHED = "_prefetched"

Row = tuple[Any, ...]
Layout = tuple[str, ...]


def field_values(instance: Any) -> dict[str, Any]:
    """Return the values of all fields by attribute, `None` for those that were not loaded."""
    values = instance.__dict__
    return {field.attname: values.get(field.attname) for field in instance._meta.fields.values()}


# The attributes


def has_plain_attributes(model: type[Any], attnames: Iterable[str]) -> bool:
    """Return whether assigning these attributes stores them in the instance and does nothing else."""
    attnames = list(attnames)
    setter: Any = model.__setattr__
    if setter is not object.__setattr__ or any(map(iskeyword, attnames)):
        return False
    return not any(_is_set_by_class(model, attname) for attname in attnames)


def _is_set_by_class(model: type[Any], attname: str) -> bool:
    """Return whether a class decides what assigning an attribute does."""
    holders = [vars(cls)[attname] for cls in model.__mro__ if attname in vars(cls)]
    return bool(holders) and hasattr(type(holders[0]), "__set__")


def share_names(model: type[Any], attnames: Iterable[str]) -> None:
    """Have the instances of a class share one table of the names of their attributes, before any of them is made.

    CPython keeps such a table per class as long as the first instances set the same attributes one by one; those that
    `Model.__init__` makes get theirs from a dict. Without the table rows are loaded in one and a half times the time.
    """
    names = [*attnames, ROW]
    if has_plain_attributes(model, names):
        first = object.__new__(model)
        for name in names:
            setattr(first, name, None)


# The row


def is_stored(instance: Any) -> bool:
    """Return whether the instance has a row, as far as it knows."""
    return instance.__dict__.get(ROW) is not None


def layout_of(instance: Any) -> Layout | None:
    """Return the attributes that the instance's row holds, `None` for all of them."""
    layout: Layout | None = instance.__dict__.get(LAYOUT)
    return layout


def remember_row(instance: Any, row: Row | None, layout: Layout | None = None) -> None:
    """Take a row as stored.

    Args:
        instance: The instance.
        row: The driver's values; `None` for an instance that has no row.
        layout: The attributes they belong to, `None` for all in their order.
    """
    _put(instance.__dict__, ROW, row)
    _put(instance.__dict__, LAYOUT, layout)


def _put(values: dict[str, Any], key: str, value: object) -> None:
    if value is None:
        values.pop(key, None)
    else:
        values[key] = value


# Where it came from


def alias_of(instance: Any) -> str | None:
    """Return the database the instance came from, `None` when it is that of its model."""
    alias: str | None = instance.__dict__.get(ALIAS)
    return alias


def remember_alias(instance: Any, alias: str | None) -> None:
    """Take a database as the one the instance came from; `None` for that of its model."""
    _put(instance.__dict__, ALIAS, alias)


def remember_alias_of(instances: list[Any], alias: str, related: tuple[str, ...]) -> None:
    """Take a database as the one that instances came from, and those that were loaded with them.

    Args:
        instances: The instances.
        alias: The database.
        related: Paths over foreign keys that were loaded with them.
    """
    for instance in instances:
        remember_alias(instance, alias)
        for name in related:
            owner = instance
            for part in name.split("__"):
                owner = loaded_relation(owner, part)
                if owner is None:
                    break
                remember_alias(owner, alias)


# What was loaded with it


def loaded_relation(instance: Any, name: str) -> Any:
    """Return the related instance that was loaded for a relation to one row, or `None`."""
    return instance.__dict__.get(name)


def remember_related(instance: Any, name: str, related: Any) -> None:
    """Keep the related instance that was loaded for a relation to one row."""
    instance.__dict__[name] = related


def prefetched_of(instance: Any) -> dict[str, Any]:
    """Return what was prefetched for the instance, by the name of the relation; not to be changed."""
    prefetched: dict[str, Any] = instance.__dict__.get(PREFETCHED, {})
    return prefetched


def remember_prefetched(instance: Any, name: str, related: Any) -> None:
    """Keep what was prefetched for a relation."""
    instance.__dict__.setdefault(PREFETCHED, {})[name] = related


def forget_prefetched(instance: Any, name: str) -> None:
    """Forget what was prefetched for a relation, because the rows behind it change."""
    prefetched_of(instance).pop(name, None)


def forget_related(instance: Any, relations: Iterable[str]) -> None:
    """Forget the related instances under some names, and everything that was prefetched."""
    values = instance.__dict__
    for name in relations:
        values.pop(name, None)
    values.pop(PREFETCHED, None)
