"""Statements that sum up: aggregates over all rows of a query, and over groups of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from openviper.db.sql.aggregates import AggregateNode
from openviper.db.sql.description import Description
from openviper.db.sql.nodes import Binding, Column, Node, Order, Raw, Writer, all_parts
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


def select_groups(
    plan: Plan,
    query: Description,
    keys: Sequence[Named],
    aggregates: Sequence[Named],
    having: Sequence[Node] = (),
) -> Select:
    """Compile aggregates per group of rows that have some values in common."""
    return compiled(GroupsSelect(plan, query, keys, aggregates, having))


@record(frozen=True, slots=True, eq=False)
class GroupCount(GroupsSelect):
    """A query for the number of groups."""

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        return ("group count", GroupsSelect.bind(self, binding))

    def write(self, writer: Writer) -> tuple[str, Callable[[list[Row]], Any]]:
        """Return the text and the conversion of the one row."""
        sql, _ = GroupsSelect.write(self, writer)
        return f"SELECT COUNT(*) FROM ({sql}) AS counted", lambda rows: rows[0][0]


def count_groups(
    plan: Plan,
    query: Description,
    keys: Sequence[Named],
    aggregates: Sequence[Named],
    having: Sequence[Node] = (),
) -> Select:
    """Compile the number of groups."""
    return compiled(GroupCount(plan, query, keys, aggregates, having))


# Over all rows


@record(frozen=True, slots=True, eq=False)
class AggregatesSelect:
    """A query for aggregates over all rows, within the slice if there is one."""

    plan: Plan
    query: Description
    nodes: Sequence[Named]

    def bind(self, binding: Binding) -> Hashable:
        """Add the values to the parameters and return the shape."""
        order = self._order()
        return (
            "aggregates",
            bind_named(self.nodes, binding),
            bind_clauses(self.query, order, binding),
        )

    def _order(self) -> tuple[Order, ...]:
        # Distinct rows have no order here, and without a slice it decides about nothing.
        is_ordered = self.query.is_sliced and not self.query.distinct
        return order_of(self.plan.meta, self.query) if is_ordered else ()

    def write(self, writer: Writer) -> tuple[str, Callable[[list[Row]], Any]]:
        """Return the text and the conversion of the one row."""
        if self.query.is_sliced or self.query.distinct:
            sql = self._over_slice(writer)
        else:
            sql = select_sql(self.query, (), [node.sql(writer) for _, node in self.nodes], writer)
        return sql, self._reader(writer)

    def _over_slice(self, writer: Writer) -> str:
        """Return the aggregates over the columns of a subquery that has the slice."""
        aggregates = self._aggregates()
        inner = {id(part): f"a{place}" for place, part in enumerate(aggregates)}
        # In the order of the text, as it decides about that of the placeholders.
        calls = [self._outer(node, inner, writer) for _, node in self.nodes]
        # The key makes distinct rows differ as whole rows do.
        columns = [f"{writer.tables.column((), self.plan.meta.pk)} AS k"]
        columns += [f"{part.row_value(writer)} AS {inner[id(part)]}" for part in aggregates]
        text = select_sql(self.query, self._order(), columns, writer)
        return f"SELECT {', '.join(calls)} FROM ({text}) AS sliced"

    def _aggregates(self) -> list[AggregateNode]:
        parts = (part for _, node in self.nodes for part in all_parts(node))
        return [part for part in parts if isinstance(part, AggregateNode)]

    def _outer(self, node: Node, inner: Mapping[int, str], writer: Writer) -> str:
        def change(part: Node) -> Node | None:
            name = inner.get(id(part))
            if name is None or not isinstance(part, AggregateNode):
                return None
            return Raw(part.finished(name, writer), part.result)

        return node.changed(change).sql(writer)

    def _reader(self, writer: Writer) -> Callable[[list[Row]], dict[str, Any]]:
        names = [name for name, _ in self.nodes]
        read = rows_reader([node for _, node in self.nodes], writer)
        return lambda rows: dict(zip(names, read(rows)[0], strict=True))


def select_aggregates(plan: Plan, query: Description, nodes: Sequence[Named]) -> Select:
    """Compile aggregates over the rows of a query, within the slice if there is one."""
    return compiled(AggregatesSelect(plan, query, nodes))
