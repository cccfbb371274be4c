"""Conditions, their names resolved: what filters, CASE and constraints are made of."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import ClassVar

from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.nodes import Binding, Node, Writer
from openviper.db.sql.paths import Steps
from openviper.db.sql.types import BOOLEAN, ResultType
from openviper.utils.records import record

UNKNOWN = "(1 = NULL)"
"""A condition about which nothing can be said."""
CHUNK = 100
"""Conditions joined without parentheses; SQLite nests a chain as deep as it is long, at most 1000 levels."""


class ConditionNode(Node):
    """A node that is true, false or unknown."""

    __slots__ = ()

    @property
    def type(self) -> ResultType:
        """A truth value."""
        return BOOLEAN


def chained(texts: Sequence[str], connector: str) -> str:
    """Return conditions joined by a word, in a tree that is not too deep for any database."""
    while len(texts) > CHUNK:
        texts = [
            f"({f' {connector} '.join(texts[start : start + CHUNK])})"
            for start in range(0, len(texts), CHUNK)
        ]
    return f" {connector} ".join(texts)


def odd(texts: Sequence[str]) -> str:
    """Return whether an odd number of conditions holds, unknown if one of them is.

    Each stands in the text once, in a tree whose depth is the logarithm of their number.
    """
    if len(texts) == 1:
        return texts[0]
    middle = len(texts) // 2
    return f"({odd(texts[:middle])}) <> ({odd(texts[middle:])})"


@record(frozen=True, slots=True, eq=False)
class Group(ConditionNode):
    """Conditions joined by AND, OR or XOR.

    Attributes:
        connector: ``AND``, ``OR``, or ``XOR``: an odd number of them holds.
        items: The conditions.
        negated: Whether the opposite has to hold.
    """

    connector: str
    items: tuple[Node, ...]
    negated: bool = False

    def bind(self, binding: Binding) -> Hashable:
        """Return connector, negation and the shapes of the conditions."""
        return (self.connector, self.negated, tuple([item.bind(binding) for item in self.items]))

    def sql(self, writer: Writer) -> str:
        """Return the conditions in parentheses, unless there is only one."""
        items = [item.sql(writer) for item in self.items]
        text = odd(items) if self.connector == "XOR" else chained(items, self.connector)
        if self.negated:
            return f"NOT ({text})"
        return text if len(self.items) == 1 else f"({text})"


@record(frozen=True, slots=True, eq=False)
class Truth(ConditionNode):
    """A condition that holds always or never.

    Attributes:
        value: Whether it holds.
    """

    value: bool

    def bind(self, binding: Binding) -> Hashable:
        """Return the value."""
        return self.value

    def sql(self, writer: Writer) -> str:
        """Return a comparison, as not every database has the words."""
        return "(1 = 1)" if self.value else "(1 = 0)"


@record(frozen=True, slots=True, eq=False)
class Settled(ConditionNode):
    """A condition that holds for every value or for none, and is unknown for NULL.

    Attributes:
        operand: What it is about.
        value: Whether it holds.
    """

    operand: Node
    value: bool

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        return ("settled", self.value, self.operand.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return a comparison of the value with itself."""
        first, second = self.operand.sql(writer), self.operand.sql(writer)
        return f"{first} {'=' if self.value else '<>'} {second}"


@record(frozen=True, slots=True, eq=False)
class NullTest(ConditionNode):
    """Whether a value is missing.

    Attributes:
        operand: The value.
        negated: Whether it has to be there.
    """

    operand: Node
    negated: bool = False

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        return ("null", self.negated, self.operand.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the test."""
        return f"{self.operand.sql(writer)} IS {'NOT ' if self.negated else ''}NULL"


@record(frozen=True, slots=True, eq=False)
class Comparison(ConditionNode):
    """Two computed values compared.

    Attributes:
        left: The first.
        operator: The SQL operator.
        right: The second.
    """

    left: Node
    operator: str
    right: Node

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        left = self.left.bind(binding)
        return ("compared", self.operator, left, self.right.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the comparison."""
        return f"{self.left.sql(writer)} {self.operator} {self.right.sql(writer)}"


@record(frozen=True, slots=True, eq=False)
class InNodes(ConditionNode):
    """Whether a value is among computed ones.

    Attributes:
        operand: The value.
        choices: The others.
        negated: Whether it must not be.
    """

    operand: Node
    choices: tuple[Node, ...]
    negated: bool

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        operand = self.operand.bind(binding)
        shapes = tuple([choice.bind(binding) for choice in self.choices])
        return ("in", self.negated, operand, shapes)

    def sql(self, writer: Writer) -> str:
        """Return the test."""
        operand = self.operand.sql(writer)
        choices = ", ".join([choice.sql(writer) for choice in self.choices])
        return f"{operand} {'NOT ' if self.negated else ''}IN ({choices})"


@record(frozen=True, slots=True, eq=False)
class Related(ConditionNode):
    """Whether there is a row behind a relation for which a condition holds.

    Attributes:
        steps: The path to those rows.
        condition: What has to hold of one of them; `None` if it only has to be there.
        negated: Whether there must be none.
    """

    is_closed: ClassVar[bool] = True

    steps: Steps
    condition: Node | None
    negated: bool = False

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape; a value that cannot be converted is an error here, where it would turn NOT EXISTS true."""
        if self.condition is None:
            return ("exists", self.steps, self.negated)
        before, binding.strict = binding.strict, True
        shape = self.condition.bind(binding)
        binding.strict = before
        return ("exists", self.steps, self.negated, shape)

    def sql(self, writer: Writer) -> str:
        """Return the EXISTS."""
        tables = writer.tables.enter(self.steps)
        writer.has_subqueries = True
        condition = ""
        if self.condition is not None:
            with writer.inside(tables):
                condition = f" AND {self.condition.sql(writer)}"
        word = "NOT EXISTS" if self.negated else "EXISTS"
        return f"{word} (SELECT 1{tables.from_clause()} WHERE {tables.link}{condition})"

    def models(self) -> Iterator[ModelOptions]:
        """Yield the models on the way."""
        for step in self.steps:
            yield step.meta
