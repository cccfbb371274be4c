"""Querysets that give plain values instead of instances."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, Generic, TypeVar

from openviper.db.dialects.base import Dialect
from openviper.db.executor import (
    check_in_transaction,
    may_read,
    plan_on,
    read,
    read_alias,
    write_alias,
)
from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.aggregates import check_aggregate
from openviper.db.sql.description import Description
from openviper.db.sql.expressions import Aggregate
from openviper.db.sql.lookups import names_of, resolve_path
from openviper.db.sql.prepared import plan_for
from openviper.db.sql.rows.from_rows import Row
from openviper.db.sql.selects import select_groups, select_subquery, select_values, value_paths
from openviper.exceptions import FieldError, QueryError

T = TypeVar("T")


class ValuesQuery(Generic[T]):
    """A query for column values: await it, or give it to an ``in`` lookup as a subquery.

    Args:
        meta: The model's options.
        query: What is asked for.
        names: The columns; all when empty.
        shape: Makes the result of each row from it and the names of its columns.
    """

    __slots__ = ("_meta", "_names", "_query", "_shape")

    def __init__(
        self,
        meta: ModelOptions,
        query: Description,
        names: tuple[str, ...],
        shape: Callable[[tuple[str, ...], list[Row]], list[T]],
    ) -> None:
        self._meta = meta
        self._query = query
        self._names = names
        self._shape = shape

    def __await__(self) -> Generator[Any, None, list[T]]:
        return self._run().__await__()

    async def _run(self) -> list[T]:
        meta, query = self._meta, self._query
        if not await may_read(meta, query, self._names):
            return []
        alias = await (write_alias if query.lock else read_alias)(meta, query.using)
        if query.lock:
            check_in_transaction(alias, "select_for_update()")
        plan = plan_on(meta, alias)
        select = select_values(plan, query, self._names)
        keys = tuple(key for key, _ in value_paths(meta, query, self._names))
        shape, convert = self._shape, select.convert
        return await read(
            meta, alias, select.sql, select.parameters, lambda rows: shape(keys, convert(rows))
        )

    def order_by(self, *names: str) -> ValuesQuery[T]:
        """Replace the order; ``-`` before a name makes it descend.

        Raises:
            FieldError: If a name is unknown.
        """
        computed = dict(self._query.annotations)
        for name in names:
            if name.removeprefix("-") not in computed:
                resolve_path(self._meta, name.removeprefix("-"))
        return ValuesQuery(self._meta, self._query.changed(order=names), self._names, self._shape)

    def limit(self, count: int) -> ValuesQuery[T]:
        """Return at most so many rows.

        Raises:
            ValueError: If `count` is negative.
        """
        if count < 0:
            raise ValueError(f"limit({count!r}): a number of rows is not negative")
        return ValuesQuery(self._meta, self._query.changed(limit=count), self._names, self._shape)

    def annotate(self, **aggregates: Aggregate) -> GroupsQuery:
        """Return, when awaited, one dict per group of rows that have the named values in common, with aggregates of it.

        Raises:
            FieldError: If a value is no aggregate, or names an unknown field.
            QueryError: If no values were named.
        """
        if not self._names:
            raise QueryError("values().annotate() needs the names of the values to group by")
        for name, aggregate in aggregates.items():
            if not isinstance(aggregate, Aggregate):
                raise FieldError(f"annotate({name}={aggregate!r}): not an aggregate")
            check_aggregate(self._meta, aggregate)
        return GroupsQuery(self._meta, self._query.changed(order=()), self._names, aggregates)

    def as_subquery(self, dialect: Dialect, parameters: list[Any]) -> str:
        """Return the SQL of the query and add its values to `parameters`."""
        return select_subquery(plan_for(self._meta, dialect), self._query, self._names, parameters)


class GroupsQuery:
    """A query for aggregates per group; immutable, and run when awaited.

    Args:
        meta: The model's options.
        query: Which rows, in which order, how many groups.
        names: What the rows of a group have in common.
        aggregates: What is computed of each group.
    """

    __slots__ = ("_aggregates", "_meta", "_names", "_query")

    def __init__(
        self,
        meta: ModelOptions,
        query: Description,
        names: tuple[str, ...],
        aggregates: Mapping[str, Aggregate],
    ) -> None:
        self._meta = meta
        self._query = query
        self._names = names
        self._aggregates = dict(aggregates)

    def __await__(self) -> Generator[Any, None, list[dict[str, Any]]]:
        return self._run().__await__()

    async def _run(self) -> list[dict[str, Any]]:
        meta, query = self._meta, self._query
        fields = [
            name for one in self._aggregates.values() for name in names_of(one) if name != "*"
        ]
        if not await may_read(meta, query, (*self._names, *fields)):
            return []
        alias = await read_alias(meta, query.using)
        select = select_groups(plan_on(meta, alias), query, self._names, self._aggregates)
        keys = (*(key for key, _ in value_paths(meta, query, self._names)), *self._aggregates)
        return await read(
            meta,
            alias,
            select.sql,
            select.parameters,
            lambda rows: as_dicts(keys, select.convert(rows)),
        )

    def order_by(self, *names: str) -> GroupsQuery:
        """Order the groups by the named values or aggregates; ``-`` before a name makes it descend.

        Raises:
            FieldError: If a name is neither.
        """
        for name in names:
            if name.removeprefix("-") not in (*self._names, *self._aggregates):
                known = ", ".join([*self._names, *self._aggregates])
                raise FieldError(f"groups cannot be ordered by {name!r}; known: {known}")
        return GroupsQuery(
            self._meta, self._query.changed(order=names), self._names, self._aggregates
        )

    def limit(self, count: int) -> GroupsQuery:
        """Return at most so many groups.

        Raises:
            ValueError: If `count` is negative.
        """
        if count < 0:
            raise ValueError(f"limit({count!r}): a number of groups is not negative")
        return GroupsQuery(
            self._meta, self._query.changed(limit=count), self._names, self._aggregates
        )


def as_dicts(keys: tuple[str, ...], rows: list[Row]) -> list[dict[str, Any]]:
    """Return each row as a dict."""
    return [dict(zip(keys, row, strict=True)) for row in rows]


def as_tuples(_keys: tuple[str, ...], rows: list[Row]) -> list[tuple[Any, ...]]:
    """Return each row as a tuple."""
    return rows


def as_scalars(_keys: tuple[str, ...], rows: list[Row]) -> list[Any]:
    """Return the one value of each row."""
    return [row[0] for row in rows]
