"""What speaks of the query around it: it becomes a node when that query is known, since only then its names have types.

An expression with `OuterRef` in it cannot be resolved where it is written. Its place is kept by an `Awaited`, which is
resolved, and refused if it has no meaning, when the query is given to `Exists`, `Subquery` or ``in``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import ClassVar

from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.conditions import ConditionNode
from openviper.db.sql.nodes import Binding, Node, Scope, Writer
from openviper.db.sql.types import ResultType
from openviper.exceptions import QueryError
from openviper.utils.records import record


class OuterNeeded(QueryError):
    """A name of the query around was asked for, and there is none.

    Args:
        name: The name.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"OuterRef({name!r}) stands in a query that is not within another one")
        self.name = name


@record(frozen=True, slots=True, eq=False)
class Awaited(ConditionNode):
    """A condition or a value that is resolved when the query around is known.

    Attributes:
        name: A name of the query around that it speaks of.
        result: The type of a condition; that of a value is not known.
        again: Resolves it.
    """

    is_awaited: ClassVar[bool] = True

    name: str
    result: ResultType
    again: Callable[[Scope], Node]

    @property
    def type(self) -> ResultType:
        """The type."""
        return self.result

    def bind(self, binding: Binding) -> Hashable:
        """Refuse.

        Raises:
            QueryError: Always: the query stands in no other one.
        """
        raise OuterNeeded(self.name)

    def sql(self, writer: Writer) -> str:
        """Refuse, as `bind` does."""
        raise OuterNeeded(self.name)

    def parts(self) -> Iterator[Node]:
        """Yield nothing."""
        yield from ()

    def models(self) -> Iterator[ModelOptions]:
        """Yield nothing."""
        yield from ()

    def changed(self, change: Callable[[Node], Node | None]) -> Node:
        """Return the node or what replaces it."""
        return change(self) or self


def placing(outer: Scope) -> Callable[[Node], Node | None]:
    """Return what replaces the nodes of a query that are awaited, once the query around is known."""

    def place(node: Node) -> Node | None:
        return node.again(outer) if isinstance(node, Awaited) else None

    return place
