"""Computed values compared, where they have no name: what ``Post.rank + 1 > 3`` is to a query."""

from __future__ import annotations

from openviper.db.sql.expressions import Expression
from openviper.db.sql.nodes import Node, Scope
from openviper.db.sql.operands import kept
from openviper.db.sql.resolving import QueryScope


class Compared(Expression):
    """A condition on a computed value.

    Args:
        expression: The value.
        word: The word of a lookup, such as ``gt``.
        value: What it is compared with.
    """

    __slots__ = ("expression", "value", "word")

    def __init__(self, expression: Expression, word: str, value: object) -> None:
        self.expression = expression
        self.word = word
        self.value = kept({word: value})[word]

    def resolve(self, scope: Scope) -> Node:
        """Return the condition."""
        node = scope.over_many().operand(self.expression)
        lookup = QueryScope.lookup_for(repr(self.expression), node, self.word)
        return lookup.operator.condition(lookup, self.value, scope)

    def __repr__(self) -> str:
        return f"Compared({self.expression!r}, {self.word!r}, {self.value!r})"
