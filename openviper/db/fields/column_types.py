"""The columns of each kind of values: what text, numbers, moments, lists can be asked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any, Generic, TypeVar

from openviper.db.fields.columns import (
    Column,
    ColumnCondition,
    Computed,
    Condition,
    OrderedColumn,
)
from openviper.db.fields.computed_columns import (
    DateArithmetic,
    DurationArithmetic,
    MomentArithmetic,
    Number,
    NumberArithmetic,
)
from openviper.exceptions import FieldError

T_co = TypeVar("T_co", covariant=True)
V = TypeVar("V")


class _SearchedColumn(OrderedColumn[T_co, V]):
    """A column whose values can be looked through as texts. Case matters where the name does not begin with an ``i``."""

    __slots__ = ()

    def icontains(self, text: str | Column[Any, str] | Computed) -> ColumnCondition:
        """Return the condition that the value contains a text, whatever the case."""
        return self._holds("icontains", text)

    def startswith(self, text: str | Column[Any, str] | Computed) -> ColumnCondition:
        """Return the condition that the value begins with a text."""
        return self._holds("startswith", text)

    def istartswith(self, text: str | Column[Any, str] | Computed) -> ColumnCondition:
        """Return the condition that the value begins with a text, whatever the case."""
        return self._holds("istartswith", text)

    def endswith(self, text: str | Column[Any, str] | Computed) -> ColumnCondition:
        """Return the condition that the value ends with a text."""
        return self._holds("endswith", text)

    def iendswith(self, text: str | Column[Any, str] | Computed) -> ColumnCondition:
        """Return the condition that the value ends with a text, whatever the case."""
        return self._holds("iendswith", text)

    def iexact(self, text: str | Column[Any, str] | Computed) -> ColumnCondition:
        """Return the condition that the value is a text, whatever the case."""
        return self._holds("iexact", text)

    def regex(self, pattern: str) -> ColumnCondition:
        """Return the condition that a regular expression is found in the value."""
        return self._holds("regex", pattern)

    def iregex(self, pattern: str) -> ColumnCondition:
        """Return the condition that a regular expression is found in the value, whatever the case."""
        return self._holds("iregex", pattern)


class TextColumn(_SearchedColumn[T_co, str]):
    """A column of text."""

    __slots__ = ()

    def contains(self, text: str | Column[Any, str] | Computed) -> ColumnCondition:
        """Return the condition that the value contains a text."""
        return self._holds("contains", text)


class NumberColumn(NumberArithmetic, OrderedColumn[T_co, Number]):
    """A column of numbers."""

    __slots__ = ()


class BooleanColumn(OrderedColumn[T_co, bool]):
    """A column that is true or false, and so is a condition by itself: ``filter(Post.published)``."""

    __slots__ = ()

    def as_condition(self) -> Any:
        """Return the condition that the value is true."""
        return (self == True).as_condition()  # noqa: E712  # a condition, not a truth value

    def __and__(self, other: Condition) -> ColumnCondition:
        return ColumnCondition(self.as_condition()) & other

    def __or__(self, other: Condition) -> ColumnCondition:
        return ColumnCondition(self.as_condition()) | other

    def __rand__(self, other: Condition) -> ColumnCondition:
        return ColumnCondition(other.as_condition()) & self

    def __ror__(self, other: Condition) -> ColumnCondition:
        return ColumnCondition(other.as_condition()) | self

    def __invert__(self) -> ColumnCondition:
        return self == False  # noqa: E712  # a condition, not a truth value

    def __bool__(self) -> bool:
        return bool(ColumnCondition(self.as_condition()))


class PartColumn(OrderedColumn[int, int]):
    """A part of a date or time, such as its year."""

    __slots__ = ()


class DateColumn(DateArithmetic, OrderedColumn[T_co, date]):
    """A column of dates, and the parts of each."""

    __slots__ = ()

    @property
    def year(self) -> PartColumn:
        """The year."""
        return PartColumn(self._longer("year"))

    @property
    def month(self) -> PartColumn:
        """The month, from 1 on."""
        return PartColumn(self._longer("month"))

    @property
    def day(self) -> PartColumn:
        """The day of the month, from 1 on."""
        return PartColumn(self._longer("day"))


class TimeColumn(OrderedColumn[T_co, time]):
    """A column of times of day, and the parts of each."""

    __slots__ = ()

    @property
    def hour(self) -> PartColumn:
        """The hour, from 0 on."""
        return PartColumn(self._longer("hour"))

    @property
    def minute(self) -> PartColumn:
        """The minute, from 0 on."""
        return PartColumn(self._longer("minute"))

    @property
    def second(self) -> PartColumn:
        """The second, from 0 on."""
        return PartColumn(self._longer("second"))


class MomentColumn(MomentArithmetic, OrderedColumn[T_co, datetime]):
    """A column of moments, and the parts of each."""

    __slots__ = ()

    @property
    def date(self) -> DateColumn[date]:
        """The date."""
        return DateColumn(self._longer("date"))

    @property
    def time(self) -> TimeColumn[time]:
        """The time of day."""
        return TimeColumn(self._longer("time"))

    @property
    def year(self) -> PartColumn:
        """The year."""
        return PartColumn(self._longer("year"))

    @property
    def month(self) -> PartColumn:
        """The month, from 1 on."""
        return PartColumn(self._longer("month"))

    @property
    def day(self) -> PartColumn:
        """The day of the month, from 1 on."""
        return PartColumn(self._longer("day"))

    @property
    def hour(self) -> PartColumn:
        """The hour, from 0 on."""
        return PartColumn(self._longer("hour"))

    @property
    def minute(self) -> PartColumn:
        """The minute, from 0 on."""
        return PartColumn(self._longer("minute"))

    @property
    def second(self) -> PartColumn:
        """The second, from 0 on."""
        return PartColumn(self._longer("second"))


class DurationColumn(DurationArithmetic, OrderedColumn[T_co, timedelta]):
    """A column of spans of time."""

    __slots__ = ()


class ArrayColumn(Column[T_co, list[V]], Generic[T_co, V]):
    """A column of lists."""

    __slots__ = ()

    def contains(self, element: V) -> ColumnCondition:
        """Return the condition that an element is in the list."""
        return self._holds("contains", element)


class _JSONColumn(Column[T_co, Any]):
    """JSON values: those of a column, or at a path in it."""

    __slots__ = ()

    def __getitem__(self, key: str | int) -> JSONPathColumn:
        """Return the value under a key of an object, or at a position of a list.

        Raises:
            FieldError: If a key cannot stand in a path.
        """
        text = str(key)
        if not text or "__" in text or text != text.strip("_"):
            raise FieldError(f"{self!r}: {key!r} cannot be a part of a path")
        return JSONPathColumn(self._longer(text))

    def contains(self, value: Any) -> ColumnCondition:
        """Return the condition that the value contains another: its members, or its elements."""
        return self._holds("contains", value)

    def has_key(self, key: str) -> ColumnCondition:
        """Return the condition that the value is an object with a key."""
        return self._holds("has_key", key)

    def has_keys(self, keys: Iterable[str]) -> ColumnCondition:
        """Return the condition that the value is an object with all of some keys."""
        return self._holds("has_keys", keys)

    def has_any_keys(self, keys: Iterable[str]) -> ColumnCondition:
        """Return the condition that the value is an object with one of some keys."""
        return self._holds("has_any_keys", keys)


class JSONColumn(_JSONColumn[T_co]):
    """A column of JSON values; ``Post.data["tags"][0]`` is the value at a path."""

    __slots__ = ()


class JSONPathColumn(_JSONColumn[Any], _SearchedColumn[Any, Any]):
    """What stands at a path of a JSON column: a text or a number can be compared and looked through as one."""

    __slots__ = ()
