"""Lookups: the words behind a name, such as ``icontains`` in ``author__name__icontains``.

Each is one class: it looks at the operand when `filter` is called and returns the condition, or refuses what it cannot
handle. To add one, subclass `Operator` and put it into `OPERATORS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from re import Pattern
from typing import Any

from openviper.db.dialects.base import Dialect
from openviper.db.fields.arrays import ArrayField
from openviper.db.fields.base import unwrap_enum
from openviper.db.fields.relations import ForeignKey, LazyFK
from openviper.db.sql import operands
from openviper.db.sql.arithmetic import describe
from openviper.db.sql.conditions import (
    UNKNOWN,
    Comparison,
    ConditionNode,
    Group,
    InNodes,
    NullTest,
    Settled,
    Truth,
)
from openviper.db.sql.nodes import (
    UNCONVERTIBLE,
    Binding,
    Column,
    Literal,
    Node,
    Scope,
    Writer,
    filled,
    mark,
    open_columns,
)
from openviper.db.sql.parts import Part
from openviper.db.sql.patterns import validate_regex_pattern
from openviper.db.sql.subqueries import InQuery, QueryLike
from openviper.db.sql.types import (
    INTEGER,
    NULL,
    NUMBERS,
    Family,
    ResultType,
    literal_writer,
    plain_decimal,
)
from openviper.exceptions import FieldError, QueryError

LONG_LIST = 200
"""Length from which a list is bound as one parameter where the dialect can, so that not each length has its own SQL."""
_PLAIN = frozenset({bool, int, float, str, bytes, Decimal, datetime, date, time, timedelta})
"""Classes of values that are neither expressions nor instances."""
_LEAST, _GREATEST = -(2**63), 2**63 - 1
_TEXTS = frozenset({Family.TEXT, Family.UUID, *NUMBERS, Family.BOOLEAN, Family.DATE, Family.DATETIME, Family.TIME})  # fmt: skip
"""Families whose values the databases show as text, so that it can be looked at."""


class Lookup:
    """One condition without its value: what stands on the left, and the operator.

    For a column there is one object per key of a filter, so it is its own shape.

    Attributes:
        key: What the filter said, for messages.
        left: The value that is looked at.
        operator: What is asked of it.
        is_plain: Whether the left side is a column, or part of one, and has no values of its own.
        is_relation: Whether the key ends at a relation to other rows instead of a field.
        is_many: Whether the left side may have many values per row.
    """

    __slots__ = ("_converters", "is_many", "is_plain", "is_relation", "key", "left", "operator")

    def __init__(
        self, key: str, left: Node, operator: Operator, *, is_relation: bool = False
    ) -> None:
        self.key = key
        self.left = left
        self.operator = operator
        self.is_relation = is_relation
        self.is_plain = isinstance(left, Column) or (
            isinstance(left, Part) and isinstance(left.operand, Column)
        )
        self.is_many = any(column.many for column in open_columns(left))
        self._converters: dict[str, Callable[[Any], Any]] = {}

    @property
    def field(self) -> Any:
        """The field that is looked at, or `None` for a computed value."""
        return self.left.field if isinstance(self.left, Column) else None

    def shape(self, binding: Binding) -> Hashable:
        """Add the values of the left side and return the shape of the condition without its value."""
        if self.is_plain:
            return self
        return (self.operator, self.left.bind(binding))

    def convert(self, value: Any, dialect: Dialect) -> Any:
        """Return an operand as the driver takes it.

        Raises:
            ValueError: If it cannot be converted.
        """
        converter = self._converters.get(dialect.name)
        if converter is None:
            converter = self._converters[dialect.name] = self._make_converter(dialect)
        return converter(value)

    def _make_converter(self, dialect: Dialect) -> Callable[[Any], Any]:
        if isinstance(self.left, Column):
            return _column_converter(self.left, dialect)
        if isinstance(self.left, Part):
            return self.left.convert
        return _computed_converter(self.left.type, dialect)


def _column_converter(column: Column, dialect: Dialect) -> Callable[[Any], Any]:
    field, write = column.field, column.field.writer(dialect)
    to_db = field.to_db
    is_key, is_decimal = field.primary_key, column.type.family is Family.DECIMAL

    def convert(value: Any) -> Any:
        if is_key and hasattr(type(value), "_meta"):
            value = value.pk  # An instance stands for its key, as it does for foreign keys.
        converted = to_db(value)
        if write is None or converted is None:
            return converted
        try:
            return write(converted)
        except ValueError:
            if not is_decimal:
                raise
            return plain_decimal(converted)  # More digits than are stored, but a number to compare.

    return convert


def _computed_converter(result: ResultType, dialect: Dialect) -> Callable[[Any], Any]:
    write = literal_writer(result, dialect)

    def convert(value: Any) -> Any:
        return None if value is None else write(_for_type(unwrap_enum(value), result))

    return convert


_CLASSES: dict[Family, tuple[type[Any], ...]] = {
    Family.TEXT: (str,),
    Family.BOOLEAN: (bool,),
    Family.DATE: (date,),
    Family.TIME: (time,),
    Family.DATETIME: (datetime, date, str),
    Family.DURATION: (timedelta,),
    Family.BYTES: (bytes, bytearray, memoryview),
}


def _for_type(value: Any, result: ResultType) -> Any:
    """Return a value to compare a computed one with, if it is of its kind."""
    if result.is_number:
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
            raise ValueError(f"{value!r} is not a number")
        return Decimal(repr(value)) if result.family is Family.DECIMAL and isinstance(value, float) else (
            Decimal(value) if result.family is Family.DECIMAL else value
        )  # fmt: skip
    classes = _CLASSES.get(result.family)
    if classes is not None and not isinstance(value, classes):
        raise ValueError(f"{value!r} is not a {result}")
    return value


# Conditions with a value


@dataclass(frozen=True, slots=True, eq=False)
class Compare(ConditionNode):
    """A lookup with its one value.

    Attributes:
        lookup: The lookup.
        value: The value, converted when it is bound.
    """

    lookup: Lookup
    value: Any

    def bind(self, binding: Binding) -> Hashable:
        """Add the value, and return the shape; a value that cannot be converted makes the condition unknown."""
        lookup = self.lookup
        shape = lookup if lookup.is_plain else lookup.shape(binding)
        try:
            value = lookup.convert(self.value, binding.dialect)
        except UNCONVERTIBLE:
            return _unknown(self, shape, binding, self.value)
        binding.add(self, value)
        return shape

    def sql(self, writer: Writer) -> str:
        """Return the comparison."""
        if not writer.has_value(self):
            return UNKNOWN
        return self.lookup.operator.sql(self.lookup.left, self, writer)

    def parts(self) -> Iterator[Node]:
        """Yield the left side."""
        yield self.lookup.left

    def changed(self, change: Callable[[Node], Node | None]) -> Node:
        """Return the comparison of another left side with the same value."""
        lookup = self.lookup
        return change(self) or type(self)(_moved(lookup, change), self.value)


def _moved(lookup: Lookup, change: Callable[[Node], Node | None]) -> Lookup:
    return Lookup(lookup.key, lookup.left.changed(change), lookup.operator)


def _unknown(node: Compare | InList, shape: Hashable, binding: Binding, value: object) -> Hashable:
    if binding.strict:
        raise FieldError(f"{node.lookup.key!r} cannot take {value!r}")
    return ("unknown", shape)


@dataclass(frozen=True, slots=True, eq=False)
class InList(ConditionNode):
    """Whether a value is in a list.

    Attributes:
        lookup: The lookup.
        values: The list.
    """

    lookup: Lookup
    values: tuple[Any, ...]

    def bind(self, binding: Binding) -> Hashable:
        """Add the values, long lists as one; the shape has their number."""
        shape = self.lookup.shape(binding)
        values = self._converted(binding)
        if len(values) >= LONG_LIST:
            operand = binding.dialect.long_list_operand(values)
            if operand is not None:
                binding.add(self, operand)
                return ("long list", shape)
        binding.extend(self, values)
        return (len(values), shape)

    def _converted(self, binding: Binding) -> list[Any]:
        converted: list[Any] = []
        convert, dialect = self.lookup.convert, binding.dialect
        for value in self.values:
            try:
                converted.append(convert(value, dialect))
            except UNCONVERTIBLE:
                _unknown(self, None, binding, value)
                # UNKNOWN for this one; SQL's own three-valued logic then decides about the list.
                converted.append(None)
        return converted

    def sql(self, writer: Writer) -> str:
        """Return the test."""
        dialect, left = writer.dialect, self.lookup.left
        column = left.sql(writer)
        word = "NOT IN" if self.lookup.operator is OPERATORS["not_in"] else "IN"
        if len(self.values) >= LONG_LIST:
            values = self._converted(Binding(dialect))
            if dialect.long_list_operand(values) is not None:
                return f"{column} {word} {dialect.long_list(left.type.neutral).format(writer.value(self))}"
        marks = [
            marked(writer.value(self, place), left, dialect) for place in range(len(self.values))
        ]
        return f"{column} {word} ({', '.join(marks)})"

    def parts(self) -> Iterator[Node]:
        """Yield the left side."""
        yield self.lookup.left

    def changed(self, change: Callable[[Node], Node | None]) -> Node:
        """Return the test of another left side."""
        return change(self) or InList(_moved(self.lookup, change), self.values)


def marked(mark: str, left: Node, dialect: Dialect) -> str:
    """Return a placeholder for a value that is compared with `left`, with its type where it has to be said."""
    if left.type.family is Family.ARRAY and dialect.name == "postgresql":
        return f"CAST({mark} AS {dialect.value_type(left.type.neutral)})"
    return mark


# Operators


class Operator:
    """One word of a lookup; there is one object of each class."""

    name = ""

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return the condition for an operand.

        Raises:
            QueryError: If the operand has the wrong shape.
            FieldError: If the operator has no meaning for the left side or the operand.
        """
        raise NotImplementedError

    def sql(self, left: Node, node: Compare, writer: Writer) -> str:
        """Return the SQL of a condition with one value."""
        raise NotImplementedError

    def check(self, lookup: Lookup) -> None:
        """Refuse a left side about which this cannot be asked; called once per key.

        Raises:
            FieldError: If so.
        """


class Equality(Operator):
    """``exact`` and ``ne``, also of expressions, instances and `None`.

    Args:
        name: The word.
        symbol: The SQL operator.
    """

    def __init__(self, name: str, symbol: str) -> None:
        self.name = name
        self.symbol = symbol

    def check(self, lookup: Lookup) -> None:
        """Take everything; what is stored encrypted is refused when a value is given."""

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return the comparison."""
        if value.__class__ in _PLAIN:
            if lookup.left.type is INTEGER and value.__class__ is not int:
                return _number(self.name, lookup, value)
            if value.__class__ is int and not _LEAST <= value <= _GREATEST:  # type: ignore[operator]  # an int
                return _number(self.name, lookup, value)
            check_searchable(lookup)
            return Compare(lookup, value)
        return self._unusual(lookup, value, scope)

    def _unusual(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        if value is None:
            return NullTest(lookup.left, negated=self.name == "ne")
        check_searchable(lookup)
        right = expression_of(lookup, value, scope)
        if right is None:
            return Compare(lookup, checked_value(lookup, value))
        check_comparable(lookup, right, JSON_AND_ARRAYS)
        return Comparison(lookup.left, self.symbol, right)

    def sql(self, left: Node, node: Compare, writer: Writer) -> str:
        """Return the comparison."""
        mark = marked(writer.value(node), left, writer.dialect)
        if left.type.family is Family.JSON:
            return writer.dialect.json_equals(left.sql(writer), mark, negated=self.name == "ne")
        return f"{left.sql(writer)} {self.symbol} {mark}"


JSON_AND_ARRAYS = frozenset({Family.JSON, Family.ARRAY, Family.OPAQUE})


class Ordering(Operator):
    """``gt``, ``gte``, ``lt`` and ``lte``.

    Args:
        name: The word.
        symbol: The SQL operator.
    """

    def __init__(self, name: str, symbol: str) -> None:
        self.name = name
        self.symbol = symbol

    def check(self, lookup: Lookup) -> None:
        """Refuse values without an order."""
        family = lookup.left.type.family
        if family in JSON_AND_ARRAYS:
            raise no_meaning(lookup)

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return the comparison; numbers are compared as numbers, however great they are."""
        if value.__class__ in _PLAIN:
            if lookup.left.type is INTEGER and (
                value.__class__ is not int or not _LEAST <= value <= _GREATEST  # type: ignore[operator]  # an int
            ):
                return _number(self.name, lookup, value)
            return Compare(lookup, value)
        right = expression_of(lookup, value, scope)
        if right is None:
            return Compare(lookup, checked_value(lookup, value))
        check_comparable(lookup, right, JSON_AND_ARRAYS)
        return Comparison(lookup.left, self.symbol, right)

    def sql(self, left: Node, node: Compare, writer: Writer) -> str:
        """Return the comparison."""
        return f"{left.sql(writer)} {self.symbol} {writer.value(node)}"


def _number(name: str, lookup: Lookup, value: Any) -> Node:
    """Return the comparison of a whole number with any number: with the next whole one, or settled."""
    exact = _exact(value)
    if exact is None:
        return Compare(lookup, value)
    is_whole = exact is not math.inf and exact is not -math.inf and exact == int(exact)
    if name in ("exact", "ne"):
        if is_whole and _LEAST <= exact <= _GREATEST:
            return Compare(lookup, int(exact))
        return Settled(lookup.left, name == "ne")
    if exact > _GREATEST or exact < _LEAST:
        return Settled(lookup.left, (exact > 0) == (name in ("lt", "lte")))
    # The column has whole numbers only: greater than 0.5 is greater than 0, less than 0.5 is less than 1.
    return Compare(lookup, math.floor(exact) if name in ("gt", "lte") else math.ceil(exact))


def _exact(value: Any) -> Any:
    """Return a number without rounding; `None` for what is not one."""
    value = unwrap_enum(value)
    if not isinstance(value, (int, float, Decimal)) or value != value:
        return None
    if isinstance(value, (float, Decimal)) and math.isinf(value):
        return math.inf if value > 0 else -math.inf
    if isinstance(value, Decimal) and abs(value.adjusted()) > 30:
        # Written out, such a number could take more memory than there is.
        return _far_away(value)
    return Fraction(value)


def _far_away(value: Decimal) -> Any:
    if value.adjusted() > 0:
        return math.inf if value > 0 else -math.inf
    return Fraction(int(value > 0) - int(value < 0), 2)


class IsNull(Operator):
    """``isnull``: whether a value, or a related row, is missing."""

    name = "isnull"

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return the test."""
        if not isinstance(value, (bool, int)) or value not in (0, 1):
            raise QueryError(f"{lookup.key!r} takes True or False, not {value!r}")
        return NullTest(lookup.left, negated=not value)


class Membership(Operator):
    """``in`` and ``not_in``: of a list, of expressions, of a queryset.

    Args:
        name: The word.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return the test."""
        check_searchable(lookup)
        is_negated = self.name == "not_in"
        if isinstance(value, QueryLike):
            return InQuery(lookup.left, value.as_subquery_of(lookup.key), is_negated)
        items = tuple(list_of(lookup, value))
        if not items:
            return Truth(is_negated)
        if any(is_expression(item) for item in items):
            choices = tuple(operand_of(lookup, item, scope) for item in items)
            for choice in choices:
                check_comparable(lookup, choice, JSON_AND_ARRAYS)
            return InNodes(lookup.left, choices, is_negated)
        if lookup.left.type.family is Family.JSON:
            return _any_equal(lookup, items, is_negated)
        return self._of_values(lookup, items, is_negated)

    def _of_values(self, lookup: Lookup, items: tuple[Any, ...], is_negated: bool) -> Node:
        checked = tuple(
            item if item.__class__ in _PLAIN or item is None else checked_value(lookup, item)
            for item in items
        )
        if lookup.left.type is INTEGER:
            checked = tuple(item for item in checked if not _is_never(item))
            if not checked:
                return Settled(lookup.left, is_negated)
        return InList(lookup, checked)


def _is_never(value: Any) -> bool:
    """Return whether a number cannot equal any whole number of 64 bits."""
    if value.__class__ is int:
        return not _LEAST <= value <= _GREATEST
    if not isinstance(value, (float, Decimal)):
        return False
    exact = _exact(value)
    return exact is not None and not (_LEAST <= exact <= _GREATEST and exact == int(exact))


def _any_equal(lookup: Lookup, items: tuple[Any, ...], is_negated: bool) -> Node:
    equal = Lookup(lookup.key, lookup.left, OPERATORS["exact"])
    return Group("OR", tuple(Compare(equal, item) for item in items), is_negated)


class Range(Operator):
    """``range``: between two values, both included."""

    name = "range"

    def check(self, lookup: Lookup) -> None:
        """Refuse values without an order."""
        if lookup.left.type.family in JSON_AND_ARRAYS:
            raise no_meaning(lookup)

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return two comparisons."""
        pair = [] if isinstance(value, QueryLike) else list_of(lookup, value, "two values")
        if len(pair) != 2:
            raise QueryError(f"{lookup.key!r} takes two values, not {value!r}")
        ends = []
        for name, end in zip(("gte", "lte"), pair, strict=True):
            operator = OPERATORS[name]
            ends.append(
                operator.condition(Lookup(lookup.key, lookup.left, operator), end, scope)
                if end is not None
                else Compare(Lookup(lookup.key, lookup.left, operator), None)
            )
        return Group("AND", tuple(ends))


class Text(Operator):
    """``contains``, ``startswith``, ``endswith`` and the forms that ignore case.

    Args:
        name: The word.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.ignores_case = name.startswith("i")
        self.form = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}", "exact": "{}"}[
            name.removeprefix("i")
        ]

    def check(self, lookup: Lookup) -> None:
        """Refuse what is not shown as text."""
        if lookup.left.type.family not in _TEXTS:
            raise no_meaning(lookup)

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return the match."""
        right = expression_of(lookup, value, scope)
        if right is not None:
            if right.type.family not in (Family.TEXT, Family.NULL):
                raise FieldError(f"{lookup.key!r} takes a text, not a {right.type}")
            return MatchNode(lookup, right)
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


@dataclass(frozen=True, slots=True, eq=False)
class Match(Compare):
    """A text lookup with its text."""

    def bind(self, binding: Binding) -> Hashable:
        """Add the pattern; a text that no database can hold makes the condition unknown."""
        shape = self.lookup.shape(binding)
        operator = self.lookup.operator
        assert isinstance(operator, Text)
        text = self.value
        try:
            if text is None:
                raise ValueError("NULL is no text to look for")
            if not text.isascii():
                text.encode()  # A lone surrogate is in no database.
            pattern = binding.dialect.text_operand(operator.name, text)
        except (ValueError, UnicodeError):
            return _unknown(self, shape, binding, text)
        binding.add(self, pattern)
        return (shape, text.isascii())


@dataclass(frozen=True, slots=True, eq=False)
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
        return change(self) or MatchNode(_moved(self.lookup, change), self.text.changed(change))


class Regex(Operator):
    """``regex`` and ``iregex``.

    Args:
        name: The word.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def check(self, lookup: Lookup) -> None:
        """Refuse what is not shown as text."""
        if lookup.left.type.family not in _TEXTS:
            raise no_meaning(lookup)

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return the match, if the pattern takes linear time."""
        if is_expression(value):
            raise FieldError(f"{lookup.key!r} takes a pattern, not an expression")
        if isinstance(value, Pattern):
            value = value.pattern
        if value is None:
            return RegexMatch(lookup, None)
        return RegexMatch(lookup, validate_regex_pattern(unwrap_enum(value)))

    def sql(self, left: Node, node: Compare, writer: Writer) -> str:
        """Return the match."""
        text = writer.dialect.text_lookup(self.name, mark(0), mark(1), is_ascii=False)
        return filled(text, writer, left.sql, lambda writer: writer.value(node))


@dataclass(frozen=True, slots=True, eq=False)
class RegexMatch(Compare):
    """A regular expression that a text is matched with."""

    def bind(self, binding: Binding) -> Hashable:
        """Add the pattern."""
        shape = self.lookup.shape(binding)
        try:
            if self.value is None:
                raise ValueError("NULL is no pattern")
            pattern = binding.dialect.text_operand(self.lookup.operator.name, self.value)
        except (ValueError, UnicodeError):
            return _unknown(self, shape, binding, self.value)
        binding.add(self, pattern)
        return shape


@dataclass(frozen=True, slots=True, eq=False)
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
            return _unknown(self, shape, binding, self.value)
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
    """``contains``: a text in a text, an element in an array."""

    def check(self, lookup: Lookup) -> None:
        """Take texts and arrays."""
        if lookup.left.type.family is not Family.ARRAY:
            super().check(lookup)

    def condition(self, lookup: Lookup, value: object, scope: Scope) -> Node:
        """Return the match or the test for an element."""
        if lookup.left.type.family is not Family.ARRAY:
            return super().condition(lookup, value, scope)
        if lookup.field is None or is_expression(value):
            raise FieldError(f"{lookup.key!r} takes an element, not {value!r}")
        if isinstance(value, (list, tuple, set, frozenset)):
            raise QueryError(f"{lookup.key!r} takes one element, not {value!r}")
        return ArrayHas(lookup, value)


OPERATORS: dict[str, Operator] = {
    "exact": Equality("exact", "="),
    "ne": Equality("ne", "<>"),
    "gt": Ordering("gt", ">"),
    "gte": Ordering("gte", ">="),
    "lt": Ordering("lt", "<"),
    "lte": Ordering("lte", "<="),
    "in": Membership("in"),
    "not_in": Membership("not_in"),
    "range": Range(),
    "isnull": IsNull(),
    "contains": Contains("contains"),
    "icontains": Text("icontains"),
    "startswith": Text("startswith"),
    "istartswith": Text("istartswith"),
    "endswith": Text("endswith"),
    "iendswith": Text("iendswith"),
    "iexact": Text("iexact"),
    "regex": Regex("regex"),
    "iregex": Regex("iregex"),
}
"""The words by name."""


# Operands


def is_expression(value: object) -> bool:
    """Return whether a value is computed by the database."""
    return value.__class__ not in _PLAIN and isinstance(value, operands.Selectable)


def expression_of(lookup: Lookup, value: object, scope: Scope) -> Node | None:
    """Return the node of an operand that is an expression, `None` for any other value.

    Raises:
        QueryError: If it is a queryset, which only ``in`` takes.
    """
    if is_expression(value):
        return scope.over_many().operand(value)
    if value.__class__ not in _PLAIN and isinstance(value, QueryLike):
        raise QueryError(f"{lookup.key!r} takes one value, not a queryset; use __in or Subquery()")
    return None


def operand_of(lookup: Lookup, value: object, scope: Scope) -> Node:
    """Return the node of one item of a list with expressions in it."""
    node = expression_of(lookup, value, scope)
    if node is not None:
        return node
    field = lookup.field
    if field is not None and value is not None:
        try:
            value = field.to_python(checked_value(lookup, value))
        except UNCONVERTIBLE:
            raise FieldError(f"{lookup.key!r} cannot take {value!r}") from None
    return Literal(value, lookup.left.type if value is not None else NULL)


def list_of(lookup: Lookup, value: object, wanted: str = "a list of values") -> list[Any]:
    """Return the items of an operand, so that a generator is not used up by the first run of the query.

    Raises:
        QueryError: If it is none.
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise QueryError(f"{lookup.key!r} takes {wanted}, not {value!r}")
    return list(value)


def checked_value(lookup: Lookup, value: object) -> object:
    """Return an operand that is not of a plain class, if it stands for a value.

    Raises:
        QueryError: If it is an instance of another model, or one that is not stored.
    """
    if isinstance(value, LazyFK) or not hasattr(type(value), "_meta"):
        return value
    field, key = lookup.field, lookup.key
    if isinstance(field, ForeignKey):
        try:
            field.key_of(value)
        except ValueError as error:
            raise QueryError(f"{key!r}: {error}") from None
        return value
    meta: Any = type(value)._meta  # type: ignore[attr-defined]  # a model
    is_own = field is not None and field.primary_key
    if not is_own or field.model._meta.table_name != meta.table_name:
        raise QueryError(f"{key!r}: {value!r} is not a value of {describe(lookup.left)}")
    if value.pk is None:  # type: ignore[attr-defined]  # a model
        raise QueryError(f"{key!r}: {value!r} is not saved yet")
    return value


def checked_text(lookup: Lookup, value: object) -> str:
    """Return an operand of a text lookup as text.

    Raises:
        FieldError: If it is not one.
    """
    if type(value).__name__ == "UUID":
        return str(value)
    raise FieldError(f"{lookup.key!r} takes a text, not {value!r}")


def check_searchable(lookup: Lookup) -> None:
    """Refuse what is stored encrypted.

    Raises:
        FieldError: If the left side is.
    """
    if lookup.left.type.family is Family.OPAQUE:
        raise FieldError(
            f"{lookup.key!r}: {lookup.field.name!r} is stored encrypted and cannot be searched"
        )


def check_comparable(lookup: Lookup, right: Node, refused: frozenset[Family]) -> None:
    """Refuse to compare values of different types, which each database takes in its own way.

    Raises:
        FieldError: If they cannot be compared.
    """
    left, other = lookup.left.type, right.type
    is_same = left.family is other.family or (left.is_number and other.is_number)
    if other is NULL or (is_same and left.family not in refused):
        return
    raise FieldError(f"{lookup.key!r}: a {left} cannot be compared with a {other}")


def no_meaning(lookup: Lookup) -> FieldError:
    """Return the error for a lookup that cannot be asked of the left side."""
    check_searchable(lookup)
    return FieldError(
        f"{lookup.key!r}: {describe(lookup.left)} is {lookup.left.type}, "
        f"of which {lookup.operator.name!r} cannot be asked"
    )
