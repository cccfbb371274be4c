"""Values that the database works out: defaults of its own, and generated columns.

Only models that have such fields come here. What an INSERT leaves out is left to the database; what it made of that, and
of generated columns, is read back by a second statement, as not every database returns it with the first.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from openviper.db.executor import insert, read
from openviper.db.query.stored import fill_auto_fields, mark_inserted, mark_updated, stored_key
from openviper.db.sql.prepared import Plan
from openviper.exceptions import FieldError

Row = tuple[Any, ...]


def left_out(plan: Plan, row: Row) -> set[str]:
    """Return the attributes whose value the database makes for a new row, the key included."""
    values = dict(zip(plan.written, row, strict=True))
    key = plan.meta.pk
    asked = {field.attname for field in plan.meta.made_fields if field.asks_database}
    if key.auto_increment:
        asked.add(key.attname)
    return {attname for attname in asked if values.get(attname) is None}


async def insert_part(plan: Plan, alias: str, row: Row) -> Row:
    """Insert a row without what the database makes, and return it with its key.

    Raises:
        IntegrityError: If a constraint refuses it.
    """
    missing = left_out(plan, row)
    given = {
        attname: value
        for attname, value in zip(plan.written, row, strict=True)
        if attname not in missing
    }
    number = await insert(plan.meta, alias, plan.insert_sql(tuple(given)), tuple(given.values()))
    given.setdefault(plan.meta.pk.attname, number)
    return tuple(given.get(attname) for attname in plan.written)


async def insert_made(plan: Plan, alias: str, instances: Sequence[Any]) -> None:
    """Insert instances one by one, as each may leave other columns to the database, and mark them stored.

    Raises:
        ValueError: If a value cannot be converted.
        IntegrityError: If a constraint refuses a row.
    """
    fill_auto_fields(plan, instances, creating=True)
    for instance in instances:
        row = await insert_part(plan, alias, plan.extract.one(instance.__dict__))
        mark_inserted(plan, instance, row, alias)
        await load_made(plan, alias, instance)


async def load_made(plan: Plan, alias: str, instance: Any) -> None:
    """Read back what the database worked out for the row of an instance."""
    await load_values(plan, alias, instance, ())


async def load_values(plan: Plan, alias: str, instance: Any, further: tuple[str, ...]) -> None:
    """Read back what the database worked out for the row of an instance, and further attributes."""
    made = [field.attname for field in plan.meta.made_fields]
    attnames = tuple(dict.fromkeys([*made, *further]))
    rows = await read(plan.meta, alias, plan.made_sql(attnames), [stored_key(plan, instance)], list)
    for row in rows:
        for attname, raw in zip(attnames, row, strict=True):
            reader = plan.reader_of[attname]
            value = raw if raw is None or reader is None else reader(raw)
            instance.__dict__[attname] = value
        mark_updated(plan, instance, dict(zip(attnames, row, strict=True)))


def refuse_generated(plan: Plan, changed: Container[str]) -> None:
    """Check that no generated value was assigned.

    Raises:
        FieldError: If one was.
    """
    for field in plan.meta.made_fields:
        if field.generated and field.attname in changed:
            raise FieldError(
                f"{plan.meta.model_name}.{field.name} cannot be assigned: the database works it out"
            )
