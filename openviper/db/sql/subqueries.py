"""Queries within queries: behind IN, as a value, as EXISTS, and names of the query around them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Protocol

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.exceptions import DatabaseOperationNotSupportedError
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.related_paths import Named, path_of
from openviper.db.sql.awaited import placing
from openviper.db.sql.conditions import ConditionNode
from openviper.db.sql.description import Description
from openviper.db.sql.expressions import Expression
from openviper.db.sql.nodes import Binding, Node, Order, Raw, Scope, Writer, all_parts
from openviper.db.sql.operands import is_query
from openviper.db.sql.statements import bind_clauses, models_read, nodes_of, order_of, select_sql
from openviper.db.sql.tables import Tables
from openviper.db.sql.types import INTEGER, ResultType
from openviper.exceptions import FieldError
from openviper.utils.records import record


class QueryLike(Protocol):
    """A queryset, of instances or of values, as far as a statement needs it."""

    def as_subquery(self) -> Subselect:
        """Return the query as a node; of instances, with their keys as its one column."""
        ...

    def as_subquery_of(self, key: str) -> Subselect:
        """Return the query as a node with one column, for the lookup `key`.

        Raises:
            QueryError: If it has several columns.
        """
        ...


@record(frozen=True, slots=True, eq=False)
class Subselect(Node):
    """A query within another one.

    Attributes:
        meta: Its model.
        query: What it asks for.
        columns: Its columns.
    """

    meta: ModelOptions
    query: Description
    columns: tuple[Node, ...]

    @property
    def type(self) -> ResultType:
        """The type of its first column."""
        return self.columns[0].type

    def _order(self) -> tuple[Order, ...]:
        # An order decides about nothing but which rows a slice takes.
        return order_of(self.meta, self.query) if self.query.is_sliced else ()

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape of the query."""
        binding.count_query()
        columns = tuple([column.bind(binding) for column in self.columns])
        return (self.meta, columns, bind_clauses(self.query, self._order(), binding))

    def sql(self, writer: Writer) -> str:
        """Return the query in parentheses.

        Raises:
            DatabaseOperationNotSupportedError: If it is ordered by a value of the query around, on SQLite.
        """
        self._check_order(writer.dialect)
        alias = writer.dialect.quote(f"__{next(writer.numbers)}")
        outer = writer.tables
        tables = Tables(self.meta, writer.dialect, writer.numbers, alias=alias, outer=outer)
        writer.has_subqueries = True
        with writer.inside(tables):
            columns = [column.sql(writer) for column in self.columns]
            text = select_sql(self.query, self._order(), columns, writer)
        return f"({text})"

    def _check_order(self, dialect: Dialect) -> None:
        if dialect.name == "sqlite" and any(map(_is_of_outer, self._order())):
            raise DatabaseOperationNotSupportedError(
                "SQLite cannot order a query within another one by OuterRef()"
            )

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return the conversion of its first column."""
        return self.columns[0].reader(dialect, aware=aware)

    def parts(self) -> Iterator[Node]:
        """Yield nothing: the parts belong to another model."""
        yield from ()

    def models(self) -> Iterator[ModelOptions]:
        """Yield the queried model and all that it reads, unless its permissions were waived."""
        if self.query.ignore_permissions:
            return
        yield self.meta
        yield from models_read(self.meta, self.query, self.columns)

    def changed(self, change: Callable[[Node], Node | None]) -> Node:
        """Return the query or what replaces it.

        Raises:
            FieldError: If it refers to the query around it, whose names would have to change.
        """
        replaced = change(self)
        if replaced is None and any(isinstance(node, OuterValue) for node in self.own_nodes()):
            raise FieldError("a subquery with OuterRef() cannot be moved behind a relation")
        return replaced or self

    def own_nodes(self) -> Iterator[Node]:
        """Yield the nodes of the query and everything in them."""
        for root in (*self.columns, *nodes_of(self.query)):
            yield from all_parts(root)

    def placed(self, scope: Scope) -> Subselect:
        """Return the query with the names of `OuterRef` resolved in the query around it."""

        if not any(node.is_awaited for node in self.own_nodes()):
            return self
        place = placing(scope)
        columns = tuple([node.changed(place) for node in self.columns])
        return Subselect(self.meta, _placed(self.query, place), columns)


def _placed(query: Description, place: Callable[[Node], Node | None]) -> Description:
    """Return a query whose nodes have been replaced where they wait for the query around."""
    order = query.order and tuple([term.changed(place) for term in query.order])
    return query.changed(
        where=tuple([node.changed(place) for node in query.where]),
        annotations=tuple([(name, node.changed(place)) for name, node in query.annotations]),
        order=order,
    )


def _is_of_outer(term: Order) -> bool:
    return any(isinstance(part, OuterValue) for part in all_parts(term.node))


@record(frozen=True, slots=True, eq=False)
class OuterValue(Node):
    """A value of the query around.

    Attributes:
        node: The value, in terms of that query.
    """

    node: Node

    @property
    def type(self) -> ResultType:
        """That of the value."""
        return self.node.type

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        return ("outer", self.node.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the value, written in the tables of the query around."""
        outer = writer.tables.outer
        assert outer is not None
        with writer.inside(outer):
            return self.node.sql(writer)


@record(frozen=True, slots=True, eq=False)
class InQuery(ConditionNode):
    """Whether a value is among those of a query.

    Attributes:
        operand: The value.
        query: The query.
        negated: Whether it must not be.
    """

    operand: Node
    query: Subselect
    negated: bool

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        return ("in query", self.negated, self.operand.bind(binding), self.query.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the test; MariaDB takes no LIMIT right behind IN."""
        operand, query = self.operand.sql(writer), self.query.sql(writer)
        if self.query.query.is_sliced and writer.dialect.name == "mysql":
            query = f"(SELECT * FROM {query} AS sliced)"
        return f"{operand} {'NOT ' if self.negated else ''}IN {query}"


@record(frozen=True, slots=True, eq=False)
class HasRows(ConditionNode):
    """Whether a query has any row.

    Attributes:
        query: The query.
        negated: Whether it must have none.
    """

    query: Subselect
    negated: bool = False

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        return ("has rows", self.negated, self.query.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the EXISTS."""
        return f"{'NOT ' if self.negated else ''}EXISTS {self.query.sql(writer)}"


# As a project writes them


class OuterRef(Expression):
    """A value of the query around, in a query that is given to `Exists` or `Subquery`.

    Args:
        name: A field or path of that query, or a column of its model.

    Raises:
        FieldError: If it is neither.
    """

    __slots__ = ("name",)

    def __init__(self, name: Named) -> None:
        self.name = path_of(name)

    def resolve(self, scope: Scope) -> Node:
        """Return the value; it is awaited until the query around is known."""
        return OuterValue(scope.outer_name(self.name))

    def __repr__(self) -> str:
        return f"OuterRef({self.name!r})"


class Subquery(Expression):
    """The one value of a query: of its first row, NULL without rows.

    Args:
        query: The query; ``values_list("name")`` says which column, else it is the key.
    """

    __slots__ = ("query",)

    def __init__(self, query: QueryLike) -> None:
        if not is_query(query):
            raise FieldError(f"Subquery({query!r}): not a queryset")
        self.query = query

    def resolve(self, scope: Scope) -> Node:
        """Return the query with a limit of one row."""
        node = self.query.as_subquery_of("Subquery()").placed(scope)
        if node.query.limit in (0, 1):
            return node
        return Subselect(node.meta, node.query.changed(limit=1), node.columns)

    def __repr__(self) -> str:
        return f"Subquery({self.query!r})"


class Exists(Expression):
    """Whether a query has any row; a condition, and a truth value to compute per row.

    Args:
        query: The query, usually with an `OuterRef` in it.
    """

    __slots__ = ("negated", "query")

    def __init__(self, query: QueryLike) -> None:
        if not is_query(query):
            raise FieldError(f"Exists({query!r}): not a queryset")
        self.query = query
        self.negated = False

    def __invert__(self) -> Exists:
        made = Exists(self.query)
        made.negated = not self.negated
        return made

    def resolve(self, scope: Scope) -> Node:
        """Return the test."""
        node = self.query.as_subquery().placed(scope)
        query = node.query if node.query.is_sliced else node.query.changed(order=(), distinct=False)
        return HasRows(Subselect(node.meta, query, (Raw("1", INTEGER),)), self.negated)

    def __repr__(self) -> str:
        return f"{'~' if self.negated else ''}Exists({self.query!r})"
