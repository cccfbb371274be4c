"""The clauses of a SELECT: bound, and written when their shape is new."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.relations import ForeignKey
from openviper.db.sql.conditions import chained
from openviper.db.sql.description import Description
from openviper.db.sql.names import order_named
from openviper.db.sql.nodes import Binding, Column, Node, Order, Writer, all_parts
from openviper.db.sql.types import ResultType
from openviper.exceptions import FieldError
from openviper.utils.records import record


def order_of(meta: ModelOptions, query: Description) -> tuple[Order, ...]:
    """Return what a query is ordered by."""
    if query.order is not None:
        return query.order
    return tuple([order_named(meta, term) for term in meta.ordering])


def bind_clauses(
    query: Description, order: tuple[Order, ...], binding: Binding
) -> tuple[Hashable, ...]:
    """Add the values of conditions, order and slice to the parameters and return their shape."""
    limit, offset = query.limit, query.offset
    # Flat, and filled by loops: comprehensions and tuples in tuples take twice the time, for each statement.
    shape: list[Hashable] = [len(query.where), limit is not None, offset > 0, query.distinct]
    for node in query.where:
        shape.append(node.bind(binding))
    for term in order:
        shape.append(term.bind(binding))
    if limit is not None:
        binding.extend(query, (limit, offset) if offset else (limit,))
    elif offset:
        binding.add(query, offset)
    return tuple(shape)


def where_sql(conditions: Sequence[Node], writer: Writer) -> str:
    """Return `` WHERE ...``, or nothing without conditions."""
    if not conditions:
        return ""
    return f" WHERE {chained([node.sql(writer) for node in conditions], 'AND')}"


def order_sql(order: Sequence[Order], writer: Writer) -> str:
    """Return `` ORDER BY ...``, or nothing."""
    return f" ORDER BY {', '.join([term.sql(writer) for term in order])}" if order else ""


@record(frozen=True, slots=True, eq=False)
class Place(Node):
    """A value that a SELECT gives, by its place: PostgreSQL takes the same text with other parameters for another value.

    Attributes:
        node: The value.
        number: Its place, from 1 on.
    """

    node: Node
    number: int

    @property
    def type(self) -> ResultType:
        """The value's type."""
        return self.node.type

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape; the value's own parameters are bound where it stands."""
        return ("place", self.number)

    def sql(self, writer: Writer) -> str:
        """Return the place."""
        return str(self.number)


def by_places(
    order: tuple[Order, ...], nodes: Sequence[Node], writer: Writer, before: int = 0
) -> tuple[Order, ...]:
    """Return the order of distinct rows; on PostgreSQL with computed values by their places among the columns.

    Args:
        order: The order.
        nodes: The columns.
        writer: Writes the statement.
        before: How many further columns stand before these.
    """
    if writer.dialect.name != "postgresql":
        return order
    places = {id(node): before + place for place, node in enumerate(nodes, 1)}
    return tuple([_by_place(term, places.get(id(term.node))) for term in order])


def _by_place(term: Order, place: int | None) -> Order:
    if place is None or isinstance(term.node, Column) or term.node.sort_keys():
        return term
    return Order(Place(term.node, place), term.descending, term.nulls_last, term.name)


def limit_sql(query: Description, writer: Writer) -> str:
    """Return the clause for limit and offset."""
    is_limited, skips = query.limit is not None, query.offset > 0
    clause = writer.dialect.limit_clause(is_limited, skips)
    for place in range(is_limited + skips):
        clause = clause.replace(writer.dialect.placeholder, writer.value(query, place), 1)
    return clause


def select_sql(
    query: Description, order: tuple[Order, ...], columns: Sequence[str], writer: Writer
) -> str:
    """Return a SELECT of columns that are written already."""
    conditions = where_sql(query.where, writer)
    ordered = order_sql(order, writer)
    limits = limit_sql(query, writer)
    distinct = "DISTINCT " if query.distinct else ""
    tables = writer.tables.from_clause()
    return f"SELECT {distinct}{', '.join(columns)}{tables}{conditions}{ordered}{limits}"


def check_related(meta: ModelOptions, name: str) -> list[ForeignKey]:  # type: ignore[type-arg]  # of any model
    """Return the foreign keys along a path for `select_related`.

    Raises:
        FieldError: If a part is not a foreign key.
    """
    keys = []
    for part in name.split("__"):
        field = meta.field(part)
        if not isinstance(field, ForeignKey):
            raise FieldError(
                f"select_related({name!r}): {meta.model_name}.{part} is not a foreign key"
            )
        keys.append(field)
        meta = field.remote_model._meta
    return keys


# What is read


def nodes_of(query: Description) -> Iterator[Node]:
    """Yield the nodes of a query."""
    yield from query.where
    for _, node in query.annotations:
        yield node
    for term in query.order or ():
        yield term.node


def models_read(
    meta: ModelOptions, query: Description, nodes: Sequence[Node] = ()
) -> dict[ModelOptions, None]:
    """Return all models that a statement reads besides its own: joined ones, those of subqueries, of conditions.

    Args:
        meta: The queried model.
        query: What is asked for.
        nodes: What is read besides, such as columns, aggregates and the values of an UPDATE.
    """
    found: dict[ModelOptions, None] = {}
    defaults = () if query.order is not None else order_of(meta, query)
    for root in (*nodes_of(query), *(term.node for term in defaults), *nodes):
        for node in all_parts(root):
            found.update(dict.fromkeys(node.models()))
    for name in query.related:
        keys = check_related(meta, name)
        found.update(dict.fromkeys(key.remote_model._meta for key in keys))
    return found
