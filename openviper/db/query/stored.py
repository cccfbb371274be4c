"""Instances as rows: the values to store, and what is remembered as stored.

An instance keeps the driver's values of the row it was loaded from or stored as: ``_row``, in the order of all columns
or of ``_layout``. What changed is what differs from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from openviper.db.fields import instance_state
from openviper.db.fields.instance_state import ALIAS, LAYOUT, ROW, remember_row
from openviper.db.sql.prepared import Plan


def stored_value(plan: Plan, instance: Any, attname: str) -> Any:
    """Convert one attribute to its field's type in place and return it as the driver takes it.

    Raises:
        ValueError: If the field cannot convert it, or its column cannot hold it.
    """
    values = instance.__dict__
    value = values.get(attname)
    converted = plan.meta.names[attname].to_column(value)
    if converted is not value:
        values[attname] = converted
    writer = plan.writer_of[attname]
    return converted if converted is None or writer is None else writer(converted)


def layout_of(plan: Plan, instance: Any) -> tuple[str, ...]:
    """Return the attributes that the instance's row holds."""
    layout = instance_state.layout_of(instance)
    return plan.attnames if layout is None else layout


def changed_values(plan: Plan, instance: Any) -> dict[str, Any]:
    """Return the stored value of each attribute that differs from it; of those that were not loaded it is `None`."""
    row = instance._row
    if row is None:
        return {}
    changed: dict[str, Any] = {}
    values = instance.__dict__
    layout = layout_of(plan, instance)
    readers = plan.reader_of
    for attname, raw in zip(layout, row, strict=True):
        current = values.get(attname)
        if current is raw:
            continue
        reader = readers[attname]
        old = raw if raw is None or reader is None else reader(raw)
        # 1 == True, but a column of another kind would not be the same.
        if old != current:
            changed[attname] = old
    if layout is not plan.attnames:
        changed.update(_given_later(plan, values, layout))
    return changed


def _given_later(plan: Plan, values: Mapping[str, Any], layout: tuple[str, ...]) -> dict[str, Any]:
    """Return the attributes that have a value although the row was loaded without them."""
    later = values.keys() - set(layout)
    return {name: None for name in plan.attnames if name in later}


def fill_auto_fields(plan: Plan, instances: Iterable[Any], *, creating: bool) -> None:
    """Set the attributes that set themselves: `auto_now` always, `auto_now_add` on the first save if empty."""
    for field in plan.auto_fields:
        now = field.now()
        for instance in instances:
            if field.auto_now or (creating and instance.__dict__.get(field.attname) is None):
                instance.__dict__[field.attname] = now


def mark_inserted(plan: Plan, instance: Any, row: tuple[Any, ...], alias: str) -> None:
    """Take the key from a whole row, in the order of the columns, and remember the row as stored."""
    mark_all_inserted(plan, (instance,), (row,), alias)


def mark_all_inserted(
    plan: Plan, instances: Iterable[Any], rows: Iterable[tuple[Any, ...]], alias: str
) -> None:
    """Do what `mark_inserted` does for many instances, each with its row."""
    key, place = plan.key_name, plan.key_position
    further: dict[str, Any] = {}
    if plan.is_partly_written:
        further[LAYOUT] = plan.written
    if alias != plan.meta.backend:
        further[ALIAS] = alias
    for instance, row in zip(instances, rows, strict=True):
        values = instance.__dict__
        if values[key] is None:
            values[key] = row[place]
        values[ROW] = row
        if further:
            values.update(further)


def mark_updated(plan: Plan, instance: Any, written: dict[str, Any]) -> None:
    """Remember values of some attributes, in the driver's form, as stored."""
    layout = layout_of(plan, instance)
    known = dict(zip(layout, instance._row, strict=True))
    known.update(written)
    if layout is plan.attnames:  # All of them, in their order.
        instance.__dict__[ROW] = tuple(known.values())
        return
    layout = tuple([name for name in plan.attnames if name in known])
    row = tuple([known[name] for name in layout])
    remember_row(instance, row, None if len(layout) == len(plan.attnames) else layout)


def is_unsaved(instance: Any) -> bool:
    """Tell whether an instance has no row yet, as far as it can be told from the instance.

    A key that the database gives is proof enough; one that every new instance makes for itself is not.
    """
    if instance.pk is None:
        return True
    meta = instance._meta
    return instance._row is None and meta.pk in meta.factories


def key_value(plan: Plan, value: Any) -> Any:
    """Return a primary key as the driver takes it.

    Raises:
        ValueError: If the field cannot convert it.
    """
    return plan.take_key(value)


def names_another_row(plan: Plan, instance: Any) -> bool:
    """Return whether a stored instance has another key than its row.

    Raises:
        ValueError: If the key cannot be converted.
    """
    stored = stored_key(plan, instance)
    if instance.pk is stored:
        return False
    reader = plan.reader_of[plan.meta.pk.attname]
    known = stored if reader is None else reader(stored)
    return bool(plan.meta.pk.to_python(instance.pk) != known)


def stored_key(plan: Plan, instance: Any) -> Any:
    """Return the key under which the instance is stored, in the driver's form, even if the attribute was changed."""
    return instance._row[layout_of(plan, instance).index(plan.meta.pk.attname)]
