"""A backend in memory, for tests and for data that are made anew with each start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

from openviper.db.exceptions import VirtualBackendOperationError
from openviper.db.virtual.base import (
    FilterClause,
    FilterOp,
    QuerySpec,
    Record,
    VirtualBackend,
    VirtualBackendCapabilities,
)


class MemoryVirtualBackend(VirtualBackend):
    """Keeps the values of instances in dictionaries; can do everything.

    Args:
        records: What is there at the beginning, by the name of the model.
    """

    capabilities = VirtualBackendCapabilities(*([True] * len(VirtualBackendCapabilities._fields)))

    def __init__(self, records: dict[str, list[Record]] | None = None) -> None:
        self._tables: dict[str, dict[Any, Record]] = {}
        self._numbers = count(1)
        for name, rows in (records or {}).items():
            for row in rows:
                self._tables.setdefault(name, {})[row["id"]] = dict(row)

    def _table(self, model: type[Any]) -> dict[Any, Record]:
        return self._tables.setdefault(model.__name__, {})

    async def get(self, model: type[Any], pk: Any) -> Record | None:
        """Return the values of one instance, or `None`."""
        found = self._table(model).get(pk)
        return None if found is None else dict(found)

    def _matching(self, model: type[Any], spec: QuerySpec) -> list[Record]:
        rows = [
            row
            for row in self._table(model).values()
            if all(_holds(row, one) for one in spec.filter_clauses)
        ]
        for name in reversed(spec.order_by):
            plain = name.removeprefix("-")
            rows.sort(
                key=lambda row: (row.get(plain) is not None, row.get(plain)),
                reverse=name.startswith("-"),
            )
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
        found = self._table(model).get(pk)
        if found is None:
            return None
        found.update(values)
        return dict(found)

    async def delete(self, model: type[Any], pk: Any) -> bool:
        """Delete an instance and tell whether there was one."""
        return self._table(model).pop(pk, None) is not None

    async def bulk_create(self, model: type[Any], values: Iterable[Record]) -> Sequence[Record]:
        """Store new instances and return their values."""
        return [await self.create(model, one) for one in values]

    async def bulk_update(self, model: type[Any], spec: QuerySpec, values: Record) -> int:
        """Change the instances that a query asks for and return their number."""
        rows = self._matching(model, spec)
        for row in rows:
            row.update(values)
        return len(rows)

    async def bulk_delete(self, model: type[Any], spec: QuerySpec) -> int:
        """Delete the instances that a query asks for and return their number."""
        keys = [row[model._meta.pk.attname] for row in self._matching(model, spec)]
        for key in keys:
            del self._table(model)[key]
        return len(keys)


def _holds(row: Record, clause: FilterClause) -> bool:
    found, value = row.get(clause.field), clause.value
    if clause.op is FilterOp.IS_NULL:
        return (found is None) is bool(value)
    if clause.op is FilterOp.IN:
        return found in value
    if clause.op is FilterOp.NOT_IN:
        return found is not None and found not in value
    if found is None:  # As NULL, it neither equals anything nor differs from it.
        return False
    return bool(_COMPARISONS[clause.op](found, value))


_COMPARISONS: dict[FilterOp, Any] = {
    FilterOp.EQ: lambda one, other: one == other,
    FilterOp.NE: lambda one, other: one != other,
    FilterOp.GT: lambda one, other: one > other,
    FilterOp.GTE: lambda one, other: one >= other,
    FilterOp.LT: lambda one, other: one < other,
    FilterOp.LTE: lambda one, other: one <= other,
    FilterOp.CONTAINS: lambda one, other: str(other) in str(one),
    FilterOp.ICONTAINS: lambda one, other: str(other).lower() in str(one).lower(),
    FilterOp.STARTSWITH: lambda one, other: str(one).startswith(str(other)),
    FilterOp.ENDSWITH: lambda one, other: str(one).endswith(str(other)),
}
