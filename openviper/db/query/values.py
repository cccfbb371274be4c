"""Querysets that give plain values instead of instances."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from openviper.db.executor import (
    check_in_transaction,
    may_read,
    plan_on,
    read,
    read_alias,
    write_alias,
)
from openviper.db.fields.model_options import ModelOptions
from openviper.db.query.slices import PartialQuery, capped, natural, part_of_slice
from openviper.db.sql import operands
from openviper.db.sql.conditions import Truth
from openviper.db.sql.description import Description
from openviper.db.sql.expressions import Q
from openviper.db.sql.names import column_at
from openviper.db.sql.nodes import Order, has_window
from openviper.db.sql.resolving import QueryScope
from openviper.db.sql.rows.from_rows import Row
from openviper.db.sql.rows.from_rows import as_dicts as as_dicts
from openviper.db.sql.selects import Named, select_count, select_exists, select_values
from openviper.db.sql.statements import order_of
from openviper.exceptions import DoesNotExist, FieldError, MultipleObjectsReturned, QueryError
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.db.query import combining, groups
    from openviper.db.query.combining import Combinable, CombinedQuery, Source
    from openviper.db.query.groups import GroupsQuery
    from openviper.db.sql import combined, ranking, subqueries
    from openviper.db.sql.subqueries import Subselect
else:
    # Few processes need them, and each takes as long to import as the rest of this file does.
    combining = lazy_module("openviper.db.query.combining")
    groups = lazy_module("openviper.db.query.groups")
    combined = lazy_module("openviper.db.sql.combined")
    subqueries = lazy_module("openviper.db.sql.subqueries")
    ranking = lazy_module("openviper.db.sql.ranking")

T = TypeVar("T")


class ValuesQuery(PartialQuery, Generic[T]):
    """A query for column values: await it, or give it to an ``in`` lookup as a subquery.

    Args:
        meta: The model's options.
        query: What is asked for.
        columns: The columns with their names in the result.
        shape: Makes the result of each row from it and the names of its columns.
        is_named: Whether the columns were named; else they are all there are.
    """

    __slots__ = ("_columns", "_is_named", "_meta", "_query", "_shape")

    def __init__(
        self,
        meta: ModelOptions,
        query: Description,
        columns: Sequence[Named],
        shape: Callable[[tuple[str, ...], list[Row]], list[T]],
        *,
        is_named: bool,
    ) -> None:
        self._meta = meta
        self._query = query
        self._columns = columns
        self._shape = shape
        self._is_named = is_named

    async def _alias(self) -> str:
        """Return the database to read from; to lock rows, the one that is written."""
        if not self._query.lock:
            return await read_alias(self._meta, self._query.using)
        alias = await write_alias(self._meta, self._query.using)
        check_in_transaction(alias, "select_for_update()")
        return alias

    def _with(self, query: Description) -> ValuesQuery[T]:
        return ValuesQuery(self._meta, query, self._columns, self._shape, is_named=self._is_named)

    def __await__(self) -> Generator[Any, None, list[T]]:
        return self._run().__await__()

    async def _run(self) -> list[T]:
        meta, query = self._meta, capped(self._query)
        nodes = [node for _, node in self._columns]
        if not await may_read(meta, query, nodes):
            return []
        alias = await self._alias()
        select = select_values(plan_on(meta, alias), query, nodes)
        keys = tuple(name for name, _ in self._columns)
        shape, convert = self._shape, select.convert
        return await read(
            meta, alias, select.sql, select.parameters, lambda rows: shape(keys, convert(rows))
        )

    # Which rows

    def _check_whole(self, method: str) -> None:
        if self._query.is_sliced:
            raise QueryError(f"{method}() comes before limit(), offset() and slices")

    @property
    def _scope(self) -> QueryScope:
        return QueryScope(self._meta, dict(self._query.annotations))

    def filter(self, *conditions: operands.Condition, **lookups: Any) -> ValuesQuery[T]:
        """Keep the rows for which all conditions hold; the names are those of the model, as before `values`.

        Raises:
            FieldError: If a name is unknown, or an operand does not go with its lookup.
            QueryError: If the query is sliced.
        """
        self._check_whole("filter")
        nodes = self._scope.conditions(conditions, lookups)
        added = ranking.over_windows(self._meta, self._query, nodes)
        return self._with(self._query.changed(where=self._query.where + added))

    def exclude(self, *conditions: operands.Condition, **lookups: Any) -> ValuesQuery[T]:
        """Drop the rows for which all conditions hold.

        Raises:
            FieldError: If a name is unknown, or an operand does not go with its lookup.
            QueryError: If the query is sliced.
        """
        self._check_whole("exclude")
        return self.filter(~Q(*conditions, **lookups))

    def order_by(self, *terms: str | operands.Ordering) -> ValuesQuery[T]:
        """Replace the order; ``-`` before a name makes it descend.

        Raises:
            FieldError: If a name is unknown.
            QueryError: If the query is sliced.
        """
        self._check_whole("order_by")
        scope = self._scope
        order = tuple(scope.order(term) for term in terms)
        return self._with(self._query.changed(order=order))

    def distinct(self) -> ValuesQuery[T]:
        """Drop rows whose values are all equal to those of another one.

        Raises:
            QueryError: If the query is sliced.
        """
        self._check_whole("distinct")
        return self._with(self._query.changed(distinct=True))

    def limit(self, count: int) -> ValuesQuery[T]:
        """Return at most so many rows.

        Raises:
            ValueError: If `count` is negative.
        """
        return self._with(self._query.changed(limit=natural("limit", count)))

    def offset(self, count: int) -> ValuesQuery[T]:
        """Skip so many rows.

        Raises:
            ValueError: If `count` is negative.
        """
        return self._with(self._query.changed(offset=natural("offset", count)))

    def __getitem__(self, rows: slice) -> ValuesQuery[T]:
        """Return a query for a slice of the rows.

        Raises:
            TypeError: If it is no slice.
            ValueError: If it has a step, or counts from the end.
        """
        limit, offset = part_of_slice(self._query, rows)
        return self._with(self._query.changed(limit=limit, offset=offset))

    def none(self) -> ValuesQuery[T]:
        """Return a query for no rows, which asks the database nothing."""
        return self._with(
            self._query.changed(where=(*self._query.where, Truth(False)), is_none=True)
        )

    # One row, and how many

    async def first(self) -> T | None:
        """Return the values of the first row, by primary key if the query has no order, or `None`."""
        query = self._query
        if not (query.distinct or order_of(self._meta, query)):
            query = query.changed(order=(Order(column_at(self._meta, (), self._meta.pk)),))
        rows = await self._with(query)[:1]
        return rows[0] if rows else None

    async def get(self, *conditions: operands.Condition, **lookups: Any) -> T:
        """Return the values of the one row for which the conditions hold.

        Raises:
            DoesNotExist: If there is none.
            MultipleObjectsReturned: If there are several.
        """
        query = self.filter(*conditions, **lookups) if conditions or lookups else self
        rows = await query[:2]
        if not rows:
            raise DoesNotExist(f"no {self._meta.model_name} matches the query")
        if len(rows) > 1:
            raise MultipleObjectsReturned(
                f"more than one {self._meta.model_name} matches the query"
            )
        return rows[0]

    async def __aiter__(self) -> AsyncIterator[T]:
        for row in await self:
            yield row

    async def count(self) -> int:
        """Return the number of rows."""
        meta, query = self._meta, self._query
        nodes = [node for _, node in self._columns]
        if not await may_read(meta, query, nodes):
            return 0
        alias = await read_alias(meta, query.using)
        select = select_count(plan_on(meta, alias), query, nodes)
        number: int = await read(meta, alias, select.sql, select.parameters, select.convert)
        return number

    async def exists(self) -> bool:
        """Return whether there is any row."""
        meta, query = self._meta, self._query
        if not await may_read(meta, query, [node for _, node in self._columns]):
            return False
        alias = await read_alias(meta, query.using)
        select = select_exists(plan_on(meta, alias), query)
        is_there: bool = await read(meta, alias, select.sql, select.parameters, select.convert)
        return is_there

    # With other queries

    def union(self, *others: Combinable[Any], all: bool = False) -> CombinedQuery[T]:  # noqa: A002 - SQL's word
        """Return a query for the rows of this query and of others, equal ones once.

        Args:
            *others: Queries for as many values of the same types.
            all: Give equal rows as often as they occur.

        Raises:
            QueryError: If the queries do not go together.
        """
        return combining.combined("UNION", (self, *others), keeps_equal=all)

    def intersection(self, *others: Combinable[Any], all: bool = False) -> CombinedQuery[T]:  # noqa: A002 - SQL's word
        """Return a query for the rows that this query and all others give; the arguments are those of `union`."""
        return combining.combined("INTERSECT", (self, *others), keeps_equal=all)

    def difference(self, *others: Combinable[Any], all: bool = False) -> CombinedQuery[T]:  # noqa: A002 - SQL's word
        """Return a query for the rows of this query that no other gives; the arguments are those of `union`."""
        return combining.combined("EXCEPT", (self, *others), keeps_equal=all)

    def as_source(self) -> Source[T]:
        """Return the query as a part of a combined one."""
        keys = tuple(name for name, _ in self._columns)
        part = combined.PlainPart(self._meta, self._query, tuple(node for _, node in self._columns))
        return combining.Source(self._meta, part, keys, combined.ValuesMaker(keys, self._shape))

    def annotate(self, **aggregates: operands.Selectable) -> GroupsQuery:
        """Return, when awaited, one dict per group of rows that have the named values in common, with aggregates of it.

        Raises:
            FieldError: If a value is not an aggregate, names an unknown field, or has the name of a value to group by.
            QueryError: If no values were named.
        """
        if not self._is_named:
            raise QueryError("values().annotate() needs the names of the values to group by")
        for name, node in self._columns:
            if has_window(node):
                raise QueryError(f"values({name!r}).annotate(): rows cannot be grouped by a window")
            if name in aggregates:
                raise FieldError(f"annotate({name}=...): the groups have {name!r} already")
        scope = QueryScope(self._meta, dict(self._query.annotations), is_grouped=True)
        found = groups.aggregates_of(scope, "annotate", aggregates, self._columns)
        nodes = tuple(found.items())
        return groups.GroupsQuery(self._meta, self._query.changed(order=()), self._columns, nodes)

    def as_subquery(self) -> Subselect:
        """Return the query as a node, for a query around it."""
        nodes = tuple(node for _, node in self._columns)
        return subqueries.Subselect(self._meta, self._query.changed(lock=()), nodes)

    def as_subquery_of(self, key: str) -> Subselect:
        """Return the query as a node with one column.

        Raises:
            QueryError: If it has several.
        """
        if len(self._columns) != 1:
            raise QueryError(f"{key!r} takes a query of one column, not of {len(self._columns)}")
        return self.as_subquery()


def as_tuples(_keys: tuple[str, ...], rows: list[Row]) -> list[tuple[Any, ...]]:
    """Return each row as a tuple."""
    return rows


def as_scalars(_keys: tuple[str, ...], rows: list[Row]) -> list[Any]:
    """Return the one value of each row."""
    return [row[0] for row in rows]
