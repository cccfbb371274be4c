"""The first rows of each of several groups at once, by a window: what a slice means for the rows of each instance."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.conditions import ConditionNode
from openviper.db.sql.description import Description
from openviper.db.sql.names import column_at
from openviper.db.sql.nodes import Binding, Column, Node, Order, Writer, all_parts, has_window
from openviper.db.sql.statements import models_read, order_of, order_sql, where_sql
from openviper.db.sql.tables import Tables
from openviper.exceptions import QueryError
from openviper.utils.records import record


@record(frozen=True, slots=True, eq=False)
class InSlice(ConditionNode):
    """Whether a row is within the slice of its group.

    Attributes:
        meta: The model of the rows.
        query: Which rows, in which order, and the slice of each group.
        group: What the rows of a group have in common.
    """

    meta: ModelOptions
    query: Description
    group: Column

    def _order(self) -> tuple[Order, ...]:
        key = Order(column_at(self.meta, (), self.meta.pk))
        return (*order_of(self.meta, self.query), key)

    def bind(self, binding: Binding) -> Hashable:
        """Add conditions and slice to the parameters and return the shape."""
        query = self.query
        where = tuple([node.bind(binding) for node in query.where])
        order = tuple([term.bind(binding) for term in self._order()])
        first = query.offset
        binding.extend(self, [first] if query.limit is None else [first, first + query.limit])
        return ("in slice", self.meta, self.group, where, order, query.limit is not None)

    def sql(self, writer: Writer) -> str:
        """Return the test whether the key is among those with a number within the slice."""
        quote = writer.dialect.quote
        key = writer.tables.column((), self.meta.pk)
        alias = quote(f"__{next(writer.numbers)}")
        tables = Tables(self.meta, writer.dialect, writer.numbers, alias=alias, outer=writer.tables)
        writer.has_subqueries = True
        with writer.inside(tables):
            inner = tables.column((), self.meta.pk)
            group, order = self.group.sql(writer), order_sql(self._order(), writer)
            number = f"ROW_NUMBER() OVER (PARTITION BY {group}{order})"
            conditions = where_sql(self.query.where, writer)
            rows = f"SELECT {inner} AS k, {number} AS n{tables.from_clause()}{conditions}"
        within = f"n > {writer.value(self)}"
        if self.query.limit is not None:
            within += f" AND n <= {writer.value(self, 1)}"
        return f"{key} IN (SELECT k FROM ({rows}) AS ranked WHERE {within})"

    def parts(self) -> Iterator[Node]:
        """Yield nothing: the parts belong to the inner query."""
        yield from ()

    def models(self) -> Iterator[ModelOptions]:
        """Yield the models that the inner query reads."""
        if not self.query.ignore_permissions:
            yield from models_read(self.meta, self.query)


@record(frozen=True, slots=True, eq=False)
class InWindow(ConditionNode):
    """Whether a condition on values over windows holds for a row; the windows have the rows of a query.

    Attributes:
        meta: The model of the rows.
        query: Which rows the windows are over.
        condition: What has to hold.
    """

    meta: ModelOptions
    query: Description
    condition: Node

    def bind(self, binding: Binding) -> Hashable:
        """Add conditions to the parameters and return the shape."""
        where = tuple([node.bind(binding) for node in self.query.where])
        return ("in window", self.meta, where, self.condition.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the test whether the key is among those of the rows for which the condition holds."""
        key = writer.tables.column((), self.meta.pk)
        alias = writer.dialect.quote(f"__{next(writer.numbers)}")
        tables = Tables(self.meta, writer.dialect, writer.numbers, alias=alias, outer=writer.tables)
        writer.has_subqueries = True
        with writer.inside(tables):
            inner = tables.column((), self.meta.pk)
            holds = f"CASE WHEN {self.condition.sql(writer)} THEN 1 ELSE 0 END"
            conditions = where_sql(self.query.where, writer)
            rows = f"SELECT {inner} AS k, {holds} AS h{tables.from_clause()}{conditions}"
        return f"{key} IN (SELECT k FROM ({rows}) AS windowed WHERE h = 1)"

    def parts(self) -> Iterator[Node]:
        """Yield nothing: the parts belong to the inner query."""
        yield from ()

    def models(self) -> Iterator[ModelOptions]:
        """Yield the models that the inner query reads."""
        if not self.query.ignore_permissions:
            yield from models_read(self.meta, self.query, (self.condition,))


def _check_hidden(query: Description, names: list[str]) -> None:
    shown = sorted(set(names) - query.hidden)
    if shown:
        raise QueryError(
            f"the rows left by a condition on {shown[0]!r} would change its window; "
            f"use alias({shown[0]}=Window(...)), which is over the rows before the condition"
        )


def over_windows(
    meta: ModelOptions, query: Description, nodes: tuple[Node, ...]
) -> tuple[Node, ...]:
    """Return conditions added to a query, with those on values over windows put into a query of their own.

    Raises:
        QueryError: If such a value is a part of the result, where the window would be over fewer rows than in the condition.
    """
    windows = {id(node): name for name, node in query.annotations if has_window(node)}
    if not windows or not any(map(has_window, nodes)):
        return nodes
    asked = [windows[id(part)] for node in nodes for part in all_parts(node) if id(part) in windows]
    _check_hidden(query, asked)
    if query.is_sliced:
        raise QueryError("a condition on a window comes before limit() and offset()")
    return tuple([InWindow(meta, query, node) if has_window(node) else node for node in nodes])
