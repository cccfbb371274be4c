"""Values that a query within another one has worked out, as the one around it names them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.sql.aggregates import AggregateNode
from openviper.db.sql.nodes import Binding, Node, Order, Writer
from openviper.db.sql.types import ResultType
from openviper.utils.records import record


@record(frozen=True, slots=True, eq=False)
class FromWithin(Node):
    """A value of the query within.

    Attributes:
        node: What it was made of.
        column: The name of its column there.
    """

    node: Node
    column: str

    @property
    def type(self) -> ResultType:
        """That of the value."""
        return self.node.type

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape; what the value was made of is bound within."""
        return ("from within", self.column)

    def sql(self, writer: Writer) -> str:
        """Return the name of the column."""
        return self.column

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return the conversion of the value."""
        return self.node.reader(dialect, aware=aware)

    def parts(self) -> Iterator[Node]:
        """Yield nothing: the parts belong to the query within."""
        yield from ()


@record(frozen=True, slots=True, eq=False)
class AggregateOfWithin(Node):
    """An aggregate over the rows of the query within.

    Attributes:
        node: The aggregate.
        column: The name of the column with what each row contributes.
    """

    node: AggregateNode
    column: str

    @property
    def type(self) -> ResultType:
        """That of the aggregate."""
        return self.node.type

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape; the aggregate itself is bound where the rows are."""
        return ("aggregate of within", self.column)

    def sql(self, writer: Writer) -> str:
        """Return the call."""
        return self.node.finished(self.column, writer)

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return the conversion of the aggregate."""
        return self.node.reader(dialect, aware=aware)

    def parts(self) -> Iterator[Node]:
        """Yield nothing: the parts belong to the query within."""
        yield from ()


def replacing(replaced: Mapping[int, Node]) -> Callable[[Node], Node | None]:
    """Return a change that puts other nodes in the place of some, by the `id` of those."""
    return lambda part: replaced.get(id(part))


def order_from_within(
    order: tuple[Order, ...], change: Callable[[Node], Node | None]
) -> tuple[Order, ...]:
    """Return an order by values of the query within."""
    return tuple(
        [
            Order(node.changed(change), term.descending, term.nulls_last)
            for term in order
            for node in term.node.sort_keys() or (term.node,)
        ]
    )
