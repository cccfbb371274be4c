"""Lookups that look into texts and arrays: ``contains`` and its kin, regular expressions."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from datetime import date, time
from decimal import Decimal
from typing import Any

from openviper.db.dialects.base import Dialect
from openviper.db.fields.arrays import ArrayField
from openviper.db.fields.base import unwrap_enum
from openviper.db.sql.bounds import is_element
from openviper.db.sql.conditions import (
    UNKNOWN,
    ConditionNode,
    Settled,
)
from openviper.db.sql.json_lookups import as_text, contained, is_path
from openviper.db.sql.lookups import (
    TEXTS,
    Compare,
    Lookup,
    Operator,
    checked_text,
    expression_of,
    is_expression,
    moved,
    no_meaning,
    unknown,
)
from openviper.db.sql.nodes import (
    UNCONVERTIBLE,
    Binding,
    Node,
    Scope,
    Writer,
    filled,
    mark,
)
from openviper.db.sql.shown import shown
from openviper.db.sql.types import (
    Family,
)
from openviper.exceptions import FieldError, QueryError
from openviper.utils.records import record


class Text(Operator):
    """``contains``, ``startswith``, ``endswith`` and the forms that ignore case.

    Args:
        name: The word.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def check(self, lookup: Lookup) -> None:
        """Refuse what is not shown as text."""
        if lookup.left.type.family not in TEXTS and not is_path(lookup):
            raise no_meaning(lookup)

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return the match."""
        lookup = _seen(lookup)
        right = expression_of(lookup, value, scope)
        if right is not None:
            return _match_node(lookup, right)
        value = unwrap_enum(value)
        if value is not None and not isinstance(value, (str, int, float, Decimal, date, time)):
            value = checked_text(lookup, value)
        return Match(lookup, None if value is None else str(value))

    def sql(self, left: Node, node: Compare, writer: Writer) -> str:
        """Return the match of a text."""
        text = writer.dialect.text_lookup(
            self.name, mark(0), mark(1), is_ascii=node.value.isascii()
        )
        return filled(text, writer, left.sql, lambda writer: writer.value(node))


@record(frozen=True, slots=True, eq=False)
class Match(Compare):
    """A text lookup with its text."""

    def bind(self, binding: Binding) -> Hashable:
        """Add the pattern; a text that no database can hold makes the condition unknown."""
        shape = self.lookup.shape(binding)
        operator = self.lookup.operator
        assert isinstance(operator, Text)
        text = self.value
        if not _can_be_stored(text):
            return unknown(self, shape, binding, text)
        try:
            pattern = binding.dialect.text_operand(operator.name, text)
        except ValueError:
            return unknown(self, shape, binding, text)
        binding.add(self, pattern)
        return (shape, text.isascii())


def _can_be_stored(text: str | None) -> bool:
    """Return whether a text field takes a text: neither a NUL character nor a lone surrogate."""
    if text is None or "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@record(frozen=True, slots=True, eq=False)
class MatchNode(ConditionNode):
    """A text lookup whose text is computed.

    Attributes:
        lookup: The lookup.
        text: The text.
    """

    lookup: Lookup
    text: Node

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        return ("match", self.lookup.shape(binding), self.text.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the match."""
        text = writer.dialect.text_match(self.lookup.operator.name, mark(0), mark(1))
        return filled(text, writer, self.lookup.left.sql, self.text.sql)

    def parts(self) -> Iterator[Node]:
        """Yield both sides."""
        yield self.lookup.left
        yield self.text

    def changed(self, change: Callable[[Node], Node | None]) -> Node:
        """Return the match of other sides."""
        return change(self) or MatchNode(moved(self.lookup, change), self.text.changed(change))


class Regex(Operator):
    """``regex`` and ``iregex``.

    Args:
        name: The word.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def check(self, lookup: Lookup) -> None:
        """Refuse what is not shown as text."""
        if lookup.left.type.family not in TEXTS and not is_path(lookup):
            raise no_meaning(lookup)

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return the match, if the pattern takes linear time."""
        lookup = _seen(lookup)
        if is_expression(value):
            raise FieldError(f"{lookup.key!r} takes a pattern, not an expression")
        if value is None:
            return RegexMatch(lookup, None)
        # Here, as few queries have one: 1 ms.
        from openviper.db.sql.patterns import validated_pattern

        pattern, ignores_case = validated_pattern(unwrap_enum(value))
        if ignores_case:
            lookup = Lookup(lookup.key, lookup.left, IGNORING)
        return RegexMatch(lookup, pattern)

    def sql(self, left: Node, node: Compare, writer: Writer) -> str:
        """Return the match."""
        text = writer.dialect.text_lookup(self.name, mark(0), mark(1), is_ascii=False)
        return filled(text, writer, left.sql, lambda writer: writer.value(node))


IGNORING = Regex("iregex")
"""What a pattern with the flag to ignore case asks for."""


@record(frozen=True, slots=True, eq=False)
class RegexMatch(Compare):
    """A regular expression that a text is matched with."""

    def bind(self, binding: Binding) -> Hashable:
        """Add the pattern."""
        shape = self.lookup.shape(binding)
        try:
            if not _can_be_stored(self.value):
                raise ValueError("no text matches it")
            pattern = _pattern_of(self.lookup.operator.name, self.value, binding.dialect)
        except (ValueError, UnicodeError):
            return unknown(self, shape, binding, self.value)
        binding.add(self, pattern)
        return shape


def _pattern_of(name: str, pattern: str, dialect: Dialect) -> str:
    """Return a checked pattern as the driver takes it."""
    # Here, as above.
    from openviper.db.sql.pattern_words import in_words_of

    return dialect.text_operand(name, in_words_of(dialect.name, pattern))


@record(frozen=True, slots=True, eq=False)
class ArrayHas(Compare):
    """Whether an array has an element."""

    def bind(self, binding: Binding) -> Hashable:
        """Add the element as it is stored in the array."""
        shape, dialect = self.lookup.shape(binding), binding.dialect
        field: ArrayField[Any] = self.lookup.field
        try:
            element = field.base_field.to_db(self.value)
            if element is None:
                raise ValueError("NULL equals nothing")
            write = field.element_writer(dialect)
            element = dialect.array_element(element if write is None else write(element))
        except UNCONVERTIBLE:
            return unknown(self, shape, binding, self.value)
        binding.add(self, element)
        return ("element", shape)

    def sql(self, writer: Writer) -> str:
        """Return the test."""
        if not writer.has_value(self):
            return UNKNOWN
        left, dialect = self.lookup.left, writer.dialect
        element = left.type.element
        assert element is not None
        neutral = self.lookup.field.base_field.db_type()
        text = dialect.array_contains(mark(0), mark(1), neutral)
        return filled(text, writer, left.sql, lambda writer: writer.value(self))


class Contains(Text):
    """``contains``: a text in a text, an element in an array, JSON in JSON."""

    def check(self, lookup: Lookup) -> None:
        """Take texts, arrays and JSON."""
        if lookup.left.type.family not in (Family.ARRAY, Family.JSON):
            super().check(lookup)

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return the match or the test for an element."""
        if lookup.left.type.family is Family.JSON:
            return contained(lookup, value)
        if lookup.left.type.family is not Family.ARRAY:
            return super().condition(lookup, value, scope)
        if lookup.field is None or is_expression(value):
            raise FieldError(f"{lookup.key!r} takes an element, not {value!r}")
        if isinstance(value, (list, tuple, set, frozenset)):
            raise QueryError(f"{lookup.key!r} takes one element, not {value!r}")
        is_possible = value is None or is_element(lookup.field, value)
        return ArrayHas(lookup, value) if is_possible else Settled(lookup.left, False)


def _seen(lookup: Lookup) -> Lookup:
    """Return the lookup of the text that is looked at."""
    if is_path(lookup):
        return as_text(lookup)
    left = shown(lookup.left)
    return lookup if left is lookup.left else Lookup(lookup.key, left, lookup.operator)


def _match_node(lookup: Lookup, right: Node) -> Node:
    if right.type.family not in (Family.TEXT, Family.NULL):
        raise FieldError(f"{lookup.key!r} takes a text, not a {right.type}")
    return MatchNode(lookup, right)
