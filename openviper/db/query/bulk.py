"""Storing many instances in few statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from openviper.db.compiler.plan import Plan
from openviper.db.connection import transaction
from openviper.db.executor import insert, write_many
from openviper.db.query.rows import mark_inserted, mark_updated, stored_value
from openviper.exceptions import QueryError
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = lazy_module("asyncio")

SLICE = 1000
"""Instances worked on before the event loop gets its turn."""


def fill_auto_fields(plan: Plan, instances: Iterable[Any], *, creating: bool) -> None:
    """Set the attributes that set themselves: `auto_now` always, `auto_now_add` on the first save if empty."""
    for field in plan.auto_fields:
        now = field.now()
        for instance in instances:
            if field.auto_now or (creating and instance.__dict__.get(field.attname) is None):
                instance.__dict__[field.attname] = now


async def insert_all(plan: Plan, alias: str, instances: Sequence[Any], batch_size: int | None) -> None:
    """Insert instances in one transaction, number them and mark them stored.

    Raises:
        QueryError: If one is stored already.
        ValueError: If a value cannot be converted.
        IntegrityError: If a constraint refuses a row; then none is stored.
    """
    key = plan.meta.pk
    numbered: list[Any] = []
    keyed: list[Any] = []
    for instance in instances:
        values = instance.__dict__
        if "_row" in values:
            raise QueryError(f"bulk_create(): {instance!r} is stored already")
        (numbered if key.auto_increment and values[key.attname] is None else keyed).append(instance)
    rows: list[tuple[Any, ...]] = []
    async with transaction(alias):
        if keyed:
            await _insert_rows(plan, alias, keyed, None, rows, batch_size)
        if numbered:
            await _insert_numbered(plan, alias, numbered, rows, batch_size)
    ordered = [*keyed, *numbered]
    for start in range(0, len(rows), SLICE):
        mark_inserted(plan, ordered[start : start + SLICE], rows[start : start + SLICE], alias)
        await asyncio.sleep(0)


async def _insert_numbered(
    plan: Plan, alias: str, instances: list[Any], rows: list[tuple[Any, ...]], batch_size: int | None
) -> None:
    # The database numbers the first row; the transaction keeps other writers out, so the numbers after it are free. No
    # driver returns the keys of a multi-row insert in a promised order.
    position = plan.key_position
    fill_auto_fields(plan, instances[:1], creating=True)
    first = plan.extract.one(instances[0].__dict__)
    values = first[:position] + first[position + 1 :]
    number = await insert(plan.meta, alias, plan.insert_sql_without_key, values)
    assert number is not None
    rows.append((*first[:position], number, *first[position + 1 :]))
    if len(instances) > 1:
        await _insert_rows(plan, alias, instances[1:], number + 1, rows, batch_size)


async def _insert_rows(
    plan: Plan,
    alias: str,
    instances: list[Any],
    number: int | None,
    rows: list[tuple[Any, ...]],
    batch_size: int | None,
) -> None:
    sql = plan.insert_sql_with_key
    size = batch_size or len(instances)
    for start in range(0, len(instances), size):
        batch = _Rows(plan, instances[start : start + size], number)
        await write_many(plan.meta, alias, sql, batch)
        rows += batch.rows
        number = None if number is None else number + size


class _Rows:
    """The rows of instances, made when they are first asked for: in the thread that inserts, not on the event loop."""

    def __init__(self, plan: Plan, instances: Sequence[Any], number: int | None) -> None:
        self.plan = plan
        self.instances = instances
        self.number = number
        self.rows: list[tuple[Any, ...]] = []

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        fill_auto_fields(self.plan, self.instances, creating=True)
        self.rows = list(self.plan.extract.many(self.instances, self.number))
        return iter(self.rows)


async def update_all(
    plan: Plan, alias: str, instances: Sequence[Any], names: Sequence[str], batch_size: int | None
) -> int:
    """Write some attributes of stored instances in one transaction and return the number of rows.

    Raises:
        FieldError: If a name is unknown.
        QueryError: If none is given, one is the primary key, or an instance has no key.
        ValueError: If a value cannot be converted.
        IntegrityError: If a constraint refuses a row; then none is changed.
    """
    if not names:
        raise QueryError("bulk_update() needs at least one field")
    fields = [plan.meta.field(name) for name in names]
    if any(field.primary_key for field in fields):
        raise QueryError("bulk_update() cannot change the primary key")
    if any(instance.pk is None for instance in instances):
        raise QueryError("bulk_update() needs instances that are stored")
    attnames = tuple(dict.fromkeys(field.attname for field in fields))
    columns = (*attnames, plan.meta.pk.attname)
    sql = plan.update_sql(attnames)
    rows: list[tuple[Any, ...]] = []

    def made(batch: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
        for instance in batch:
            row = tuple(stored_value(plan, instance, attname) for attname in columns)
            rows.append(row)
            yield row

    size = batch_size or max(len(instances), 1)
    count = 0
    async with transaction(alias):
        for start in range(0, len(instances), size):
            count += await write_many(plan.meta, alias, sql, made(instances[start : start + size]))
    for instance, row in zip(instances, rows, strict=True):
        if instance._row is not None:
            mark_updated(plan, instance, dict(zip(attnames, row, strict=False)))
    return count
