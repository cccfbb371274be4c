"""Statements that sum up: aggregates over all rows of a query, and over groups of them."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterator, Sequence
from typing import Any

from openviper.db.sql.aggregates import AggregateNode
from openviper.db.sql.description import EVERYTHING, Description
from openviper.db.sql.nodes import Binding, Column, Node, Order, Writer, all_parts
from openviper.db.sql.prepared import Plan
from openviper.db.sql.rows.from_rows import (
    Row,
)
from openviper.db.sql.selects import Named, Select, bind_named, compiled, named_columns, rows_reader
from openviper.db.sql.statements import (
    bind_clauses,
    limit_sql,
    order_of,
    order_sql,
    select_sql,
    where_sql,
)
from openviper.db.sql.within import (
    AggregateOfWithin,
    FromWithin,
    order_from_within,
    replacing,
)
from openviper.utils.records import record

# Groups


@record(frozen=True, slots=True, eq=False)
class GroupsSelect:
    """A query for aggregates per group of rows.

    Attributes:
        plan: The plan.
        query: Which rows, and how many groups in which order.
        keys: What the rows of a group have in common.
        aggregates: What is computed of each group.
        having: What has to hold of a group.
    """

    plan: Plan
    query: Description
    keys: Sequence[Named]
    aggregates: Sequence[Named]
    having: Sequence[Node] = ()

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        return (
            "groups",
            bind_named(self.keys, binding),
            bind_named(self.aggregates, binding),
            tuple([node.bind(binding) for node in self.having]),
            bind_clauses(self.query, self.query.order or (), binding),
        )

    def write(self, writer: Writer) -> tuple[str, Callable[[list[Row]], Any]]:
        """Return the text and the conversion of the rows."""
        query = self.query
        keys = named_columns(self.keys, writer)
        columns = [*keys, *named_columns(self.aggregates, writer)]
        conditions = where_sql(query.where, writer)
        groups = self._groups(writer)
        having = where_sql(self.having, writer).replace(" WHERE ", " HAVING ", 1)
        order = order_sql(query.order or (), writer)
        limits = limit_sql(query, writer)
        tables = writer.tables.from_clause()
        sql = f"SELECT {', '.join(columns)}{tables}{conditions}{groups}{having}{order}{limits}"
        return sql, rows_reader([node for _, node in (*self.keys, *self.aggregates)], writer)

    def _groups(self, writer: Writer) -> str:
        # Columns by themselves, computed values by their place: two placeholders are never the same expression.
        terms = [
            node.sql(writer) if isinstance(node, Column) else str(place)
            for place, (_, node) in enumerate(self.keys, 1)
        ]
        return f" GROUP BY {', '.join(terms)}"


@record(frozen=True, slots=True, eq=False)
class GroupsWithin:
    """A query for groups by computed values, with conditions or an order: these are asked of the groups as of a table.

    A computed value cannot be repeated behind GROUP BY: to PostgreSQL two placeholders are never the same expression, and
    MariaDB knows no columns behind HAVING but those that are asked for.

    Attributes:
        plan: The plan.
        inner: The groups.
        query: How many of them in which order.
        shown: The values of each group that are asked for, as the query around names them.
        having: What has to hold of a group.
    """

    plan: Plan
    inner: GroupsSelect
    query: Description
    shown: Sequence[Named]
    having: Sequence[Node]

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        return (
            "groups within",
            self.inner.bind(binding),
            bind_named(self.shown, binding),
            tuple([node.bind(binding) for node in self.having]),
            bind_clauses(self.query, self.query.order or (), binding),
        )

    def write(self, writer: Writer) -> tuple[str, Callable[[list[Row]], Any]]:
        """Return the text and the conversion of the rows."""
        inner, _ = self.inner.write(writer)
        columns = ", ".join(named_columns(self.shown, writer))
        conditions = where_sql(self.having, writer)
        order = order_sql(self.query.order or (), writer)
        limits = limit_sql(self.query, writer)
        sql = f"SELECT {columns} FROM ({inner}) AS groups_within{conditions}{order}{limits}"
        return sql, rows_reader([node for _, node in self.shown], writer)


Groups = GroupsSelect | GroupsWithin


def _groups(
    plan: Plan,
    query: Description,
    keys: Sequence[Named],
    aggregates: Sequence[Named],
    having: Sequence[Node],
) -> Groups:
    """Return the query for groups, as one query or as one around another."""
    plain = GroupsSelect(plan, query, keys, aggregates, having)
    return _around(plain) if _repeats_computed(plain) else plain


def _repeats_computed(groups: GroupsSelect) -> bool:
    """Return whether the text of a query would have a computed value, by which rows are grouped, in another place too."""
    computed = {id(node) for _, node in groups.keys if not isinstance(node, Column)}
    if not computed:
        return False
    is_asked = bool(groups.having or groups.query.order)
    return is_asked or any(_repeats(node, computed) for _, node in groups.aggregates)


def _around(groups: GroupsSelect) -> GroupsWithin:
    query, order = groups.query, groups.query.order or ()
    values = [node for _, node in groups.aggregates]
    asked = [*values, *groups.having, *(term.node for term in order)]
    keys, further = _named_within([node for _, node in groups.keys], asked)
    within = (*keys, *further)
    change = replacing({id(node): FromWithin(node, name) for name, node in within})
    inner = query.changed(order=(), limit=None, offset=0)
    outer = EVERYTHING.changed(
        order=order_from_within(order, change), limit=query.limit, offset=query.offset
    )
    return GroupsWithin(
        groups.plan,
        GroupsSelect(groups.plan, inner, keys, further),
        outer,
        [(name, node.changed(change)) for name, node in (*groups.keys, *groups.aggregates)],
        [node.changed(change) for node in groups.having],
    )


def _named_within(keys: Sequence[Node], asked: Sequence[Node]) -> tuple[list[Named], list[Named]]:
    """Return what rows are grouped by, and all that is asked of the groups besides, each once and with a name."""
    known = {id(node): node for node in keys}
    count = len(known)
    for node in asked:
        known.update({id(part): part for part in parts_of_groups(node, known)})
    named = [(f"g{place}", node) for place, node in enumerate(known.values())]
    return named[:count], named[count:]


def _repeats(node: Node, keys: Container[int]) -> bool:
    """Return whether a value names what rows are grouped by outside of its aggregates."""
    if id(node) in keys:
        return True
    return not isinstance(node, AggregateNode) and any(
        _repeats(part, keys) for part in node.parts()
    )


def parts_of_groups(node: Node, keys: Container[int]) -> Iterator[Node]:
    """Yield the aggregates in a value, and the columns that are neither in one nor among the keys, given by their `id`."""
    if id(node) in keys:
        return
    if isinstance(node, (AggregateNode, Column)):
        yield node
        return
    for part in node.parts():
        yield from parts_of_groups(part, keys)


def select_groups(
    plan: Plan,
    query: Description,
    keys: Sequence[Named],
    aggregates: Sequence[Named],
    having: Sequence[Node] = (),
) -> Select:
    """Compile aggregates per group of rows that have some values in common."""
    return compiled(_groups(plan, query, keys, aggregates, having))


@record(frozen=True, slots=True, eq=False)
class GroupCount:
    """A query for the number of groups.

    Attributes:
        plan: The plan.
        groups: The groups.
    """

    plan: Plan
    groups: Groups

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        return ("group count", self.groups.bind(binding))

    def write(self, writer: Writer) -> tuple[str, Callable[[list[Row]], Any]]:
        """Return the text and the conversion of the one row."""
        sql, _ = self.groups.write(writer)
        return f"SELECT COUNT(*) FROM ({sql}) AS counted", lambda rows: rows[0][0]


def count_groups(
    plan: Plan,
    query: Description,
    keys: Sequence[Named],
    aggregates: Sequence[Named],
    having: Sequence[Node] = (),
) -> Select:
    """Compile the number of groups."""
    return compiled(GroupCount(plan, _groups(plan, query, keys, aggregates, having)))


# Over all rows


@record(frozen=True, slots=True, eq=False)
class AggregatesSelect:
    """A query for aggregates over all rows."""

    plan: Plan
    query: Description
    nodes: Sequence[Named]

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        nodes = bind_named(self.nodes, binding)
        return ("aggregates", nodes, bind_clauses(self.query, (), binding))

    def write(self, writer: Writer) -> tuple[str, Callable[[list[Row]], Any]]:
        """Return the text and the conversion of the one row."""
        columns = [node.sql(writer) for _, node in self.nodes]
        return select_sql(self.query, (), columns, writer), _row_as_dict(self.nodes, writer)


@record(frozen=True, slots=True, eq=False)
class AggregatesOfWithin:
    """A query for aggregates over the rows of a query within, which has the slice, or the distinct rows.

    Attributes:
        plan: The plan.
        query: The query within.
        parts: The aggregates.
        nodes: What is computed of them, as the query around names them.
    """

    plan: Plan
    query: Description
    parts: Sequence[AggregateNode]
    nodes: Sequence[Named]

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        return (
            "aggregates of within",
            bind_named(self.nodes, binding),
            tuple([part.bind(binding) for part in self.parts]),
            bind_clauses(self.query, self._order(), binding),
        )

    def _order(self) -> tuple[Order, ...]:
        # Distinct rows have no order here.
        return () if self.query.distinct else order_of(self.plan.meta, self.query)

    def write(self, writer: Writer) -> tuple[str, Callable[[list[Row]], Any]]:
        """Return the text and the conversion of the one row."""
        calls = [node.sql(writer) for _, node in self.nodes]
        # The key makes distinct rows differ as whole rows do.
        columns = [f"{writer.tables.column((), self.plan.meta.pk)} AS k"]
        columns += [f"{part.row_value(writer)} AS a{n}" for n, part in enumerate(self.parts)]
        text = select_sql(self.query, self._order(), columns, writer)
        return f"SELECT {', '.join(calls)} FROM ({text}) AS sliced", _row_as_dict(
            self.nodes, writer
        )


def _row_as_dict(nodes: Sequence[Named], writer: Writer) -> Callable[[list[Row]], dict[str, Any]]:
    names = [name for name, _ in nodes]
    read = rows_reader([node for _, node in nodes], writer)
    return lambda rows: dict(zip(names, read(rows)[0], strict=True))


def select_aggregates(plan: Plan, query: Description, nodes: Sequence[Named]) -> Select:
    """Compile aggregates over the rows of a query, within the slice if there is one."""
    if not (query.is_sliced or query.distinct):
        return compiled(AggregatesSelect(plan, query, nodes))
    found = (part for _, node in nodes for part in all_parts(node))
    parts = {id(part): part for part in found if isinstance(part, AggregateNode)}
    outer = {
        number: AggregateOfWithin(part, f"a{place}")
        for place, (number, part) in enumerate(parts.items())
    }
    around = [(name, node.changed(replacing(outer))) for name, node in nodes]
    return compiled(AggregatesOfWithin(plan, query, list(parts.values()), around))
