"""Storing many instances in few statements."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from openviper.db.executor import insert, insert_many, read, write_many
from openviper.db.fields.instance_state import ROW, is_stored
from openviper.db.fields.rollback import keep_for_rollback
from openviper.db.query.computed import expressions_of, update_computed
from openviper.db.query.made_values import insert_made, refuse_generated
from openviper.db.query.races import in_own_transaction
from openviper.db.query.stored import (
    fill_auto_fields,
    mark_all_inserted,
    mark_updated,
    names_another_row,
    stored_value,
)
from openviper.db.sql.prepared import Plan
from openviper.exceptions import QueryError
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = lazy_module("asyncio")

SLICE = 200
"""Instances worked on before the event loop gets its turn."""


async def insert_all(
    plan: Plan, alias: str, instances: Sequence[Any], batch_size: int | None
) -> None:
    """Insert instances in one transaction, number them and mark them stored.

    Raises:
        QueryError: If one is stored already.
        ValueError: If a value cannot be converted.
        IntegrityError: If a constraint refuses a row; then none is stored.
    """
    keyed, numbered = await _by_kind_of_key(plan, instances)
    rows: list[tuple[Any, ...]] = []
    keep_for_rollback(alias, instances)

    async def work() -> None:
        rows.clear()
        if keyed:
            await _insert_rows(plan, alias, keyed, None, rows, batch_size)
        if numbered:
            await _insert_numbered(plan, alias, numbered, rows, batch_size)

    if _asks_database(plan):
        await in_own_transaction(alias, lambda: insert_made(plan, alias, instances))
        return
    await in_own_transaction(alias, work)
    inserted = iter(rows)
    async for part in _in_slices([*keyed, *numbered]):
        mark_all_inserted(plan, part, islice(inserted, len(part)), alias)


def _asks_database(plan: Plan) -> bool:
    """Return whether the database works out a value of the model, which has to be read back."""
    return any(field.asks_database for field in plan.meta.made_fields)


async def _by_kind_of_key(plan: Plan, instances: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Return the instances that have a key, and those that the database numbers."""
    keyed: list[Any] = []
    numbered: list[Any] = []
    key, is_numbering = plan.key_name, plan.meta.pk.auto_increment
    async for part in _in_slices(instances):
        for instance in part:
            values = instance.__dict__
            if values.get(ROW) is not None:
                raise QueryError(f"bulk_create(): {instance!r} is stored already")
            is_numbered = is_numbering and values[key] is None
            (numbered if is_numbered else keyed).append(instance)
    return keyed, numbered


async def _in_slices(instances: Sequence[Any]) -> AsyncIterator[Sequence[Any]]:
    """Yield instances in slices, and give the event loop its turn after each."""
    for start in range(0, len(instances), SLICE):
        yield instances[start : start + SLICE]
        await asyncio.sleep(0)


async def _insert_numbered(
    plan: Plan,
    alias: str,
    instances: list[Any],
    rows: list[tuple[Any, ...]],
    batch_size: int | None,
) -> None:
    """Insert instances whose keys the database makes; no driver returns those of one INSERT in a promised order."""
    how = plan.dialect.bulk_numbering
    if how == "sequence":
        names = (plan.table, plan.meta.pk.column_name, len(instances))
        keys = await read(plan.meta, alias, plan.dialect.reserve_keys(), names, _first_values)
        await _insert_rows(plan, alias, instances, keys, rows, batch_size)
    elif how == "statement":
        await _insert_then_number(plan, alias, instances, rows, batch_size)
    else:
        # The database numbers the first row; the transaction keeps other writers out, so the numbers after it are free.
        position = plan.key_position
        fill_auto_fields(plan, instances[:1], creating=True)
        first = plan.extract.one(instances[0].__dict__)
        values = first[:position] + first[position + 1 :]
        number = await insert(plan.meta, alias, plan.insert_sql_without_key, values)
        rows.append((*first[:position], number, *first[position + 1 :]))
        if len(instances) > 1:
            following = range(number + 1, number + len(instances))
            await _insert_rows(plan, alias, instances[1:], following, rows, batch_size)


def _first_values(rows: list[tuple[Any, ...]]) -> list[int]:
    return [row[0] for row in rows]


async def _insert_then_number(
    plan: Plan,
    alias: str,
    instances: list[Any],
    rows: list[tuple[Any, ...]],
    batch_size: int | None,
) -> None:
    size = batch_size or len(instances)
    position = plan.key_position
    for start in range(0, len(instances), size):
        batch = _Rows(plan, instances[start : start + size], None)
        keys = await insert_many(plan.meta, alias, plan.bulk_insert_sql, batch)
        rows += [
            (*row[:position], key, *row[position + 1 :])
            for row, key in zip(batch.rows, keys, strict=True)
        ]


async def _insert_rows(
    plan: Plan,
    alias: str,
    instances: list[Any],
    numbers: Sequence[int] | None,
    rows: list[tuple[Any, ...]],
    batch_size: int | None,
) -> None:
    sql = plan.bulk_insert_sql
    size = batch_size or len(instances)
    for start in range(0, len(instances), size):
        end = start + size
        given = numbers[start:end] if numbers is not None else None
        batch = _Rows(plan, instances[start:end], given)
        await write_many(plan.meta, alias, sql, batch)
        rows += batch.rows


class _Rows:
    """The rows of instances, made when they are first asked for: in the thread that inserts, not on the event loop."""

    def __init__(self, plan: Plan, instances: Sequence[Any], numbers: Sequence[int] | None) -> None:
        self.plan = plan
        self.instances = instances
        self.numbers = numbers
        self.rows: list[tuple[Any, ...]] = []

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        if self.plan.auto_fields:
            fill_auto_fields(self.plan, self.instances, creating=True)
        return chain.from_iterable(self._parts())

    def _parts(self) -> Iterator[list[tuple[Any, ...]]]:
        """Yield rows as the driver asks for them: in between it lets other threads, and so the event loop, go on."""
        many, numbers = self.plan.extract.many, self.numbers
        for start in range(0, len(self.instances), SLICE):
            part = slice(start, start + SLICE)
            rows = many(self.instances[part], None if numbers is None else numbers[part])
            self.rows += rows
            yield rows


def _updated_attributes(
    plan: Plan, instances: Sequence[Any], names: Sequence[str]
) -> tuple[str, ...]:
    """Return the attributes of fields that `bulk_update` may write.

    Raises:
        FieldError: If a name is unknown.
        QueryError: If none is given, one is the primary key, or an instance has no key.
    """
    if not names:
        raise QueryError("bulk_update() needs at least one field")
    attnames = tuple(dict.fromkeys(plan.meta.field(name).attname for name in names))
    refuse_generated(plan, attnames)
    if plan.meta.pk.attname in attnames:
        raise QueryError("bulk_update() cannot change the primary key")
    for instance in instances:
        _check_key(plan, instance)
    return attnames


def _check_key(plan: Plan, instance: Any) -> None:
    if instance.pk is None:
        raise QueryError("bulk_update() needs instances that are stored")
    if is_stored(instance) and names_another_row(plan, instance):
        raise QueryError(f"bulk_update(): {instance!r} has another primary key than its row")


def _others(instances: Sequence[Any], computed: Sequence[Any]) -> Sequence[Any]:
    """Return the instances that are not among some, known by identity."""
    if not computed:
        return instances
    known = {id(instance) for instance in computed}
    return [instance for instance in instances if id(instance) not in known]


def _parts(instances: Sequence[Any], size: int | None) -> Iterator[Sequence[Any]]:
    """Yield the instances in parts of a size; all at once without one."""
    size = size or max(len(instances), 1)
    for start in range(0, len(instances), size):
        yield instances[start : start + size]


async def update_all(
    plan: Plan,
    alias: str,
    instances: Sequence[Any],
    names: Sequence[str],
    batch_size: int | None,
    *,
    ignore: bool = False,
) -> int:
    """Write some attributes of stored instances in one transaction and return the number of rows.

    Raises:
        FieldError: If a name is unknown.
        QueryError: If none is given, one is the primary key, or an instance has no key.
        ValueError: If a value cannot be converted.
        IntegrityError: If a constraint refuses a row; then none is changed.
    """
    attnames = _updated_attributes(plan, instances, names)
    columns = (*attnames, plan.meta.pk.attname)
    sql = plan.update_sql(attnames)
    computed = [instance for instance in instances if expressions_of(instance, attnames)]
    instances = _others(instances, computed)
    batches = [_UpdatedRows(plan, part, columns) for part in _parts(instances, batch_size)]
    keep_for_rollback(alias, instances)

    async def work() -> int:
        counts = [await write_many(plan.meta, alias, sql, batch) for batch in batches]
        for instance in computed:
            counts.append(await update_computed(plan, alias, instance, attnames, ignore=ignore))
        return sum(counts)

    count = await in_own_transaction(alias, work)
    for batch in batches:
        batch.mark(attnames)
    return count


class _UpdatedRows:
    """The values of instances for an UPDATE, made when they are asked for, again if need be: in the thread that writes."""

    def __init__(self, plan: Plan, instances: Sequence[Any], columns: Sequence[str]) -> None:
        self.plan = plan
        self.instances = instances
        self.columns = columns
        self.rows: list[tuple[Any, ...]] = []

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        self.rows = []
        for instance in self.instances:
            row = tuple(stored_value(self.plan, instance, attname) for attname in self.columns)
            self.rows.append(row)
            yield row

    def mark(self, attnames: Sequence[str]) -> None:
        """Have the instances that know their row remember what was written."""
        for instance, row in zip(self.instances, self.rows, strict=True):
            if is_stored(instance):
                mark_updated(self.plan, instance, dict(zip(attnames, row, strict=False)))
