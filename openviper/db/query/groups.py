"""Querysets that give aggregates per group of rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from typing import Any

from openviper.db.executor import may_read, plan_on, read, read_alias
from openviper.db.fields.model_options import ModelOptions
from openviper.db.query.slices import PartialQuery, capped, natural, part_of_slice
from openviper.db.sql import operands
from openviper.db.sql.aggregates import Aggregate, AggregateNode
from openviper.db.sql.description import Description
from openviper.db.sql.expressions import Q
from openviper.db.sql.names import with_order
from openviper.db.sql.nodes import Column, Node, Order, all_parts
from openviper.db.sql.resolving import QueryScope
from openviper.db.sql.rows.from_rows import as_dicts
from openviper.db.sql.selects import Named
from openviper.db.sql.summaries import count_groups, parts_of_groups, select_groups
from openviper.exceptions import FieldError, QueryError


def aggregates_of(
    scope: QueryScope, method: str, aggregates: Mapping[str, object], keys: Sequence[Named] = ()
) -> dict[str, Node]:
    """Return the nodes of aggregates over rows, or of arithmetic with them.

    Args:
        scope: The names.
        method: Who asks, for the message.
        aggregates: What to resolve.
        keys: What all rows of a group have in common, so that it may stand beside aggregates.

    Raises:
        FieldError: If a value is not one, or names an unknown field, or one of which the rows have several values.
    """
    known = {id(node) for _, node in keys}
    nodes: dict[str, Node] = {}
    for name, aggregate in aggregates.items():
        node = scope.operand(aggregate) if operands.is_selectable(aggregate) else None
        parts = () if node is None else all_parts(node)
        if node is None or not any(isinstance(part, AggregateNode) for part in parts):
            raise FieldError(f"{method}({name}={aggregate!r}): not an aggregate")
        _refuse_row_values(f"{method}({name}={aggregate!r})", node, known)
        nodes[name] = node
    return nodes


def _refuse_row_values(text: str, node: Node, keys: set[int]) -> None:
    for part in parts_of_groups(node, keys):
        if isinstance(part, Column):
            raise FieldError(
                f"{text}: {part.name!r} has a value per row, and stands in no aggregate"
            )


class GroupsQuery(PartialQuery):
    """A query for aggregates per group; immutable, and run when awaited.

    Args:
        meta: The model's options.
        query: Which rows, in which order, how many groups.
        keys: What the rows of a group have in common.
        aggregates: What is computed of each group.
        having: What has to hold of a group.
    """

    __slots__ = ("_aggregates", "_having", "_keys", "_meta", "_query")

    def __init__(
        self,
        meta: ModelOptions,
        query: Description,
        keys: Sequence[Named],
        aggregates: Sequence[Named],
        having: tuple[Node, ...] = (),
    ) -> None:
        self._meta = meta
        self._query = query
        self._keys = keys
        self._aggregates = aggregates
        self._having = having

    def _with(self, query: Description, having: tuple[Node, ...] | None = None) -> GroupsQuery:
        kept = self._having if having is None else having
        return GroupsQuery(self._meta, query, self._keys, self._aggregates, kept)

    def __await__(self) -> Generator[Any, None, list[dict[str, Any]]]:
        return self._run().__await__()

    async def _run(self) -> list[dict[str, Any]]:
        meta, query = self._meta, self._query
        named = (*self._keys, *self._aggregates)
        if not await may_read(meta, query, [*(node for _, node in named), *self._having]):
            return []
        alias = await read_alias(meta, query.using)
        plan = plan_on(meta, alias)
        query = capped(query)
        select = select_groups(plan, query, self._keys, self._aggregates, self._having)
        keys = tuple(name for name, _ in named)
        return await read(
            meta,
            alias,
            select.sql,
            select.parameters,
            lambda rows: as_dicts(keys, select.convert(rows)),
        )

    def _known(self) -> dict[str, Node]:
        """Return what conditions on groups and their order may name."""
        keys = {getattr(node, "name", name): node for name, node in self._keys}
        return {**keys, **dict(self._keys), **dict(self._aggregates)}

    def filter(self, *conditions: operands.Condition, **lookups: Any) -> GroupsQuery:
        """Keep the groups for which all conditions hold, which may name the values in common and the aggregates.

        Raises:
            FieldError: If a name is another one.
            QueryError: If the query is sliced.
        """
        if self._query.is_sliced:
            raise QueryError("filter() comes before limit()")
        scope = GroupScope(self._meta, self._known(), is_grouped=True)
        return self._with(self._query, self._having + scope.conditions(conditions, lookups))

    def exclude(self, *conditions: operands.Condition, **lookups: Any) -> GroupsQuery:
        """Drop the groups for which all conditions hold.

        Raises:
            FieldError: If a name is another one.
            QueryError: If the query is sliced.
        """
        return self.filter(~Q(*conditions, **lookups))

    def order_by(self, *terms: str | operands.Ordering) -> GroupsQuery:
        """Order the groups by the named values or aggregates; ``-`` before a name makes it descend.

        Raises:
            FieldError: If a name is neither.
        """
        scope = GroupScope(self._meta, self._known(), is_grouped=True)
        order: tuple[Order, ...] = tuple(scope.order(term) for term in terms)
        return self._with(self._query.changed(order=order))

    def limit(self, count: int) -> GroupsQuery:
        """Return at most so many groups.

        Raises:
            ValueError: If `count` is negative.
        """
        return self._with(self._query.changed(limit=natural("limit", count)))

    def offset(self, count: int) -> GroupsQuery:
        """Skip so many groups.

        Raises:
            ValueError: If `count` is negative.
        """
        return self._with(self._query.changed(offset=natural("offset", count)))

    def __getitem__(self, rows: slice) -> GroupsQuery:
        """Return a query for a slice of the groups.

        Raises:
            TypeError: If it is no slice.
            ValueError: If it has a step, or counts from the end.
        """
        limit, offset = part_of_slice(self._query, rows)
        return self._with(self._query.changed(limit=limit, offset=offset))

    async def first(self) -> dict[str, Any] | None:
        """Return the first group, or `None`."""
        groups = await self[:1]
        return groups[0] if groups else None

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        for group in await self:
            yield group

    async def count(self) -> int:
        """Return the number of groups, within the slice if there is one."""
        meta, query = self._meta, self._query
        nodes = [node for _, node in (*self._keys, *self._aggregates)]
        if not await may_read(meta, query, [*nodes, *self._having]):
            return 0
        alias = await read_alias(meta, query.using)
        select = count_groups(
            plan_on(meta, alias), query, self._keys, self._aggregates, self._having
        )
        number: int = await read(meta, alias, select.sql, select.parameters, select.convert)
        return number


class GroupScope(QueryScope):
    """The names of the groups of a query: what their rows have in common, and the aggregates."""

    __slots__ = ()

    def name(self, name: str) -> Node:
        """Return the value of a name.

        Raises:
            FieldError: If the groups have none of that name.
        """
        if name not in self.computed:
            raise FieldError(f"groups have no {name!r}; known: {', '.join(self.computed)}")
        return self.computed[name]

    def over_many(self) -> GroupScope:
        """Return the scope itself."""
        return self

    def lookup(self, key: str, value: object) -> Node:
        """Return the node of one lookup with its value."""
        names = [name for name in self.computed if key == name or key.startswith(f"{name}__")]
        if not names:
            raise FieldError(f"groups have no {key!r}; known: {', '.join(self.computed)}")
        name = max(names, key=len)
        lookup = self.lookup_for(key, self.computed[name], key[len(name) + 2 :])
        return lookup.operator.condition(lookup, value, self)

    def order(self, term: object) -> Order:
        """Return a term of an order."""
        if isinstance(term, str):
            name = term.removeprefix("-")
            if name not in self.computed:
                known = ", ".join(self.computed)
                raise FieldError(f"groups cannot be ordered by {name!r}; known: {known}")
            return Order(with_order(self.computed[name], name), term.startswith("-"), name=name)
        return super().order(term)


def of_no_rows(aggregate: object) -> Any:
    """Return what an aggregate is where nothing may be read."""
    return aggregate.empty() if isinstance(aggregate, Aggregate) else None
