"""A backend in memory, for tests and for data that are made anew with each start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any

from openviper.db.exceptions import VirtualBackendOperationError
from openviper.db.virtual.base import (
    Capability,
    FilterClause,
    FilterOp,
    QuerySpec,
    Record,
    VirtualBackend,
)


class MemoryVirtualBackend(VirtualBackend):
    """Keeps the values of instances in dictionaries; can do everything.

    Args:
        records: What is there at the beginning, by the name of the model.
    """

    capabilities = frozenset(Capability)

    def __init__(self, records: dict[str, list[Record]] | None = None) -> None:
        self._tables: dict[str, dict[Any, Record]] = {}
        self._numbers = count(1)
        # What the key of a model is called is not known before it is asked for.
        self._given = {name: [dict(row) for row in rows] for name, rows in (records or {}).items()}

    def _table(self, model: type[Any]) -> dict[Any, Record]:
        name = model.__name__
        if name not in self._tables:
            key = model._meta.pk.attname
            self._tables[name] = {row[key]: row for row in self._given.pop(name, ())}
        return self._tables[name]

    async def get(self, model: type[Any], pk: Any) -> Record | None:
        """Return the values of one instance, or `None`."""
        row = self._table(model).get(pk)
        return None if row is None else dict(row)

    def _matching(self, model: type[Any], spec: QuerySpec) -> list[Record]:
        rows = [row for row in self._table(model).values() if _fits(row, spec)]
        for name in reversed(spec.order_by):
            rows.sort(key=_sort_key(name.removeprefix("-")), reverse=name.startswith("-"))
        if spec.distinct:
            rows = [row for place, row in enumerate(rows) if row not in rows[:place]]
        end = None if spec.limit is None else spec.offset + spec.limit
        return rows[spec.offset : end]

    async def list(self, model: type[Any], spec: QuerySpec) -> Sequence[Record]:
        """Return the values of the instances that a query asks for."""
        return [dict(row) for row in self._matching(model, spec)]

    async def count(self, model: type[Any], spec: QuerySpec) -> int:
        """Return how many instances a query asks for."""
        return len(self._matching(model, spec))

    async def create(self, model: type[Any], values: Record) -> Record:
        """Store a new instance and return its values, with the key."""
        key = model._meta.pk.attname
        row = dict(values)
        table = self._table(model)
        if row.get(key) is None:
            row[key] = next(number for number in self._numbers if number not in table)
        if row[key] in table:
            raise VirtualBackendOperationError(f"{model.__name__} {row[key]!r} exists already")
        table[row[key]] = row
        return dict(row)

    async def update(self, model: type[Any], pk: Any, values: Record) -> Record | None:
        """Change some values of an instance and return all, or `None` if there is none."""
        row = self._table(model).get(pk)
        if row is None:
            return None
        _check_key(model, [row], values)
        row.update(values)
        return dict(row)

    async def delete(self, model: type[Any], pk: Any) -> bool:
        """Delete an instance and return whether there was one."""
        return self._table(model).pop(pk, None) is not None

    async def bulk_create(self, model: type[Any], values: Iterable[Record]) -> Sequence[Record]:
        """Store new instances and return their values; none of them if one cannot be."""
        table = self._table(model)
        before = dict(table)
        try:
            return [await self.create(model, record) for record in values]
        except VirtualBackendOperationError:
            table.clear()
            table.update(before)
            raise

    async def bulk_update(self, model: type[Any], spec: QuerySpec, values: Record) -> int:
        """Change the instances that a query asks for and return their number."""
        rows = self._matching(model, spec)
        _check_key(model, rows, values)
        for row in rows:
            row.update(values)
        return len(rows)

    async def bulk_delete(self, model: type[Any], spec: QuerySpec) -> int:
        """Delete the instances that a query asks for and return their number."""
        keys = [row[model._meta.pk.attname] for row in self._matching(model, spec)]
        for key in keys:
            del self._table(model)[key]
        return len(keys)


def _check_key(model: type[Any], rows: Sequence[Record], values: Record) -> None:
    """Refuse to give instances another key, under which they would not be found."""
    key = model._meta.pk.attname
    if key in values and any(row[key] != values[key] for row in rows):
        raise VirtualBackendOperationError(f"the key {key!r} of a {model.__name__} stays as it is")


def _fits(row: Record, spec: QuerySpec) -> bool:
    return all(_holds(row, clause) for clause in spec.filter_clauses)


def _sort_key(name: str) -> Callable[[Record], Any]:
    return lambda row: (row.get(name) is not None, row.get(name))


def _holds(row: Record, clause: FilterClause) -> bool:
    stored, value = row.get(clause.field), clause.value
    if clause.op is FilterOp.IS_NULL:
        return (stored is None) is bool(value)
    if clause.op is FilterOp.IN:
        return stored in value
    if stored is None:  # As NULL, it neither equals anything nor differs from it.
        return False
    return bool(_COMPARISONS[clause.op](stored, value))


_COMPARISONS: dict[FilterOp, Any] = {
    FilterOp.EQ: lambda stored, value: stored == value,
    FilterOp.NOT_IN: lambda stored, value: stored not in value,
    FilterOp.NE: lambda stored, value: stored != value,
    FilterOp.GT: lambda stored, value: stored > value,
    FilterOp.GTE: lambda stored, value: stored >= value,
    FilterOp.LT: lambda stored, value: stored < value,
    FilterOp.LTE: lambda stored, value: stored <= value,
    FilterOp.CONTAINS: lambda stored, value: str(value) in str(stored),
    FilterOp.ICONTAINS: lambda stored, value: str(value).lower() in str(stored).lower(),
    FilterOp.STARTSWITH: lambda stored, value: str(stored).startswith(str(value)),
    FilterOp.ENDSWITH: lambda stored, value: str(stored).endswith(str(value)),
}
