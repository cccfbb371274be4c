"""Lookups without their words: what stands on the left, the conditions with values, and what operands may be.

The words are in `comparisons` and `matching`, each one class; `operators` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.fields.base import unwrap_enum
from openviper.db.sql import operands
from openviper.db.sql.arithmetic import describe
from openviper.db.sql.conditions import (
    UNKNOWN,
    ConditionNode,
)
from openviper.db.sql.nodes import (
    UNCONVERTIBLE,
    Binding,
    Column,
    Node,
    Scope,
    Writer,
    has_window,
    open_columns,
)
from openviper.db.sql.nulls import with_type
from openviper.db.sql.operands import is_query
from openviper.db.sql.parts import Part
from openviper.db.sql.paths import Steps
from openviper.db.sql.types import (
    INTEGER,
    NULL,
    Family,
    ResultType,
    literal_writer,
    plain_decimal,
)
from openviper.exceptions import FieldError, QueryError
from openviper.utils.records import record

LONG_LIST = 200
"""Length from which a list is bound as one parameter where the dialect can, so that not each length has its own SQL."""


PLAIN = frozenset({bool, int, float, str, bytes, Decimal, datetime, date, time, timedelta})
"""Classes of values that are neither expressions nor instances."""


TEXTS = frozenset({Family.TEXT, Family.UUID, Family.INTEGER, Family.DECIMAL, Family.DATE, Family.DATETIME, Family.TIME})  # fmt: skip
"""Families whose values can be looked at as texts; each database writes a floating-point number in its own way."""


UNORDERED = frozenset({Family.JSON, Family.ARRAY, Family.OPAQUE})


_BOUNDED = frozenset({Family.FLOAT, Family.DECIMAL, Family.DURATION, Family.DATETIME, Family.JSON})


_CLASSES: dict[Family, tuple[type[Any], ...]] = {
    Family.TEXT: (str,),
    Family.BOOLEAN: (bool,),
    Family.DATE: (date,),
    Family.TIME: (time,),
    Family.DATETIME: (datetime, date, str),
    Family.DURATION: (timedelta,),
    Family.BYTES: (bytes, bytearray, memoryview),
}


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
        is_whole: Whether the left side has whole numbers only.
        is_bounded: Whether the left side has other numbers, moments or durations, of which some are too great for it.
        is_encrypted: Whether the left side is stored encrypted.
        ways: The relations to many rows that lead to the left side, the innermost first, once they have been looked for.
    """

    __slots__ = (
        "_converters",
        "is_bounded",
        "is_encrypted",
        "is_many",
        "is_plain",
        "is_relation",
        "is_whole",
        "key",
        "left",
        "operator",
        "ways",
    )

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
        # Asked for each value of each filter, while there is one lookup per key.
        self.is_whole = left.type is INTEGER
        self.is_bounded = left.type.family in _BOUNDED
        self.is_encrypted = left.type.family is Family.OPAQUE
        self.ways: tuple[Steps, ...] | None = None
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
    field = column.field
    write = _column_writer(column, dialect)
    to_db = field.value_converter()

    def convert(value: Any) -> Any:
        converted = to_db(value)
        return converted if write is None or converted is None else write(converted)

    whole = to_db if write is None else convert
    return _key_converter(whole) if field.primary_key else whole


def _column_writer(column: Column, dialect: Dialect) -> Converter | None:
    write = column.field.writer(dialect)
    is_decimal = column.type.family is Family.DECIMAL
    return _decimal_writer(write) if write is not None and is_decimal else write


def _decimal_writer(write: Converter) -> Converter:
    """Return the conversion of decimal numbers to compare a column with: they may have more digits than are stored."""

    def convert(value: Any) -> Any:
        try:
            return write(value)
        except ValueError:
            return plain_decimal(value)

    return convert


def _key_converter(convert: Converter) -> Converter:
    """Return the conversion of keys; an instance stands for its key, as it does for foreign keys."""

    def convert_key(value: Any) -> Any:
        is_plain = value.__class__ in PLAIN
        return convert(value if is_plain or not hasattr(type(value), "_meta") else value.pk)

    return convert_key


def _computed_converter(result: ResultType, dialect: Dialect) -> Callable[[Any], Any]:
    write = literal_writer(result, dialect)

    def convert(value: Any) -> Any:
        return None if value is None else write(_for_type(unwrap_enum(value), result))

    return convert


def _for_type(value: Any, result: ResultType) -> Any:
    """Return a value to compare a computed one with, if it is of its kind."""
    if result.is_number:
        return _number_for(value, result)
    classes = _CLASSES.get(result.family)
    if classes is not None and not isinstance(value, classes):
        raise ValueError(f"{value!r} is not a {result}")
    return value


def _number_for(value: Any, result: ResultType) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ValueError(f"{value!r} is not a number")
    if result.family is not Family.DECIMAL:
        return value
    return Decimal(repr(value) if isinstance(value, float) else value)


@record(frozen=True, slots=True, eq=False)
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
            return unknown(self, shape, binding, self.value)
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
        return change(self) or type(self)(moved(lookup, change), self.value)


def moved(lookup: Lookup, change: Callable[[Node], Node | None]) -> Lookup:
    return Lookup(lookup.key, lookup.left.changed(change), lookup.operator)


def unknown(node: Compare | InList, shape: Hashable, binding: Binding, value: object) -> Hashable:
    if binding.strict:
        raise FieldError(f"{node.lookup.key!r} cannot take {value!r}")
    return ("unknown", shape)


@record(frozen=True, slots=True, eq=False)
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
                unknown(self, None, binding, value)
                # UNKNOWN for this one; SQL's own three-valued logic then decides about the list.
                converted.append(None)
        return converted

    def sql(self, writer: Writer) -> str:
        """Return the test."""
        dialect, left = writer.dialect, self.lookup.left
        column = left.sql(writer)
        word = "NOT IN" if self.lookup.operator.name == "not_in" else "IN"
        if self._is_one_value(dialect):
            whole = dialect.long_list(left.type.neutral).format(writer.value(self))
            return f"{column} {word} {whole}"
        places = range(len(self.values))
        marks = [marked(writer.value(self, place), left, dialect) for place in places]
        return f"{column} {word} ({', '.join(marks)})"

    def _is_one_value(self, dialect: Dialect) -> bool:
        """Return whether the dialect binds this list as one value."""
        if len(self.values) < LONG_LIST:
            return False
        return dialect.long_list_operand(self._converted(Binding(dialect))) is not None

    def parts(self) -> Iterator[Node]:
        """Yield the left side."""
        yield self.lookup.left

    def changed(self, change: Callable[[Node], Node | None]) -> Node:
        """Return the test of another left side."""
        return change(self) or InList(moved(self.lookup, change), self.values)


def marked(mark: str, left: Node, dialect: Dialect) -> str:
    """Return a placeholder for a value that is compared with `left`, with its type where it has to be said."""
    if left.type.family is Family.ARRAY and dialect.name == "postgresql":
        return f"CAST({mark} AS {dialect.value_type(left.type.neutral)})"
    return mark


def is_expression(value: object) -> bool:
    """Return whether a value is computed by the database."""
    return value.__class__ not in PLAIN and operands.is_selectable(value)


def expression_of(lookup: Lookup, value: object, scope: Scope) -> Node | None:
    """Return the node of an operand that is an expression, `None` for any other value.

    Raises:
        QueryError: If it is a queryset, which only ``in`` takes.
    """
    if is_expression(value):
        node = scope.over_many().operand(value)
        if has_window(node):
            raise QueryError(f"{lookup.key!r}: alias() the window first, and filter by its name")
        return node
    if value.__class__ not in PLAIN and is_query(value):
        raise QueryError(f"{lookup.key!r} takes one value, not a queryset; use __in or Subquery()")
    return None


def list_of(lookup: Lookup, value: object, wanted: str = "a list of values") -> list[Any]:
    """Return the items of an operand, so that a generator is not used up by the first run of the query.

    Raises:
        QueryError: If it is none.
    """
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise QueryError(f"{lookup.key!r} takes {wanted}, not {value!r}")
    return list(value)


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
    if lookup.is_encrypted:
        raise FieldError(
            f"{lookup.key!r}: {lookup.field.name!r} is stored encrypted and cannot be searched"
        )


def comparable(lookup: Lookup, right: Node, refused: frozenset[Family]) -> Node:
    """Return what the left side is compared with, if it is of the same type: each database takes others in its own way.

    Raises:
        FieldError: If they cannot be compared.
    """
    left, other = lookup.left.type, right.type
    is_same = left.family is other.family or (left.is_number and other.is_number)
    if other is NULL or (is_same and left.family not in refused):
        return with_type(right, left)
    raise FieldError(f"{lookup.key!r}: a {left} cannot be compared with a {other}")


def no_meaning(lookup: Lookup) -> FieldError:
    """Return the error for a lookup that cannot be asked of the left side."""
    check_searchable(lookup)
    return FieldError(
        f"{lookup.key!r}: {describe(lookup.left)} is {lookup.left.type}, "
        f"of which {lookup.operator.name!r} cannot be asked"
    )
