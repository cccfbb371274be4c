"""What comes of arithmetic with columns, ``Post.rank + 1``: compared, ordered by and computed with like a column.

Which values go together and what comes of them is said per kind, so that the type checker knows: a moment less a moment is a
duration. `F` and functions have no kind; what they make is only known when the query is put together.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, overload

from openviper.db.fields.columns import Computed, ComputedColumn, as_operand

Number = int | float | Decimal


def _part(value: object) -> Any:
    return as_operand(value)


class NumberArithmetic:
    """The arithmetic of numbers."""

    __slots__ = ()

    def __add__(self, other: NumberOperand) -> ComputedNumber:
        return ComputedNumber(_part(self) + _part(other))

    def __radd__(self, other: NumberOperand) -> ComputedNumber:
        return ComputedNumber(_part(other) + _part(self))

    def __sub__(self, other: NumberOperand) -> ComputedNumber:
        return ComputedNumber(_part(self) - _part(other))

    def __rsub__(self, other: NumberOperand) -> ComputedNumber:
        return ComputedNumber(_part(other) - _part(self))

    @overload
    def __mul__(self, other: timedelta | DurationArithmetic) -> ComputedDuration: ...
    @overload
    def __mul__(self, other: NumberOperand) -> ComputedNumber: ...
    def __mul__(self, other: Any) -> Any:
        return _product(_part(self) * _part(other), other)

    @overload
    def __rmul__(self, other: timedelta) -> ComputedDuration: ...
    @overload
    def __rmul__(self, other: NumberOperand) -> ComputedNumber: ...
    def __rmul__(self, other: Any) -> Any:
        return _product(_part(other) * _part(self), other)

    def __truediv__(self, other: NumberOperand) -> ComputedNumber:
        return ComputedNumber(_part(self) / _part(other))

    def __rtruediv__(self, other: NumberOperand) -> ComputedNumber:
        return ComputedNumber(_part(other) / _part(self))

    def __mod__(self, other: NumberOperand) -> ComputedNumber:
        return ComputedNumber(_part(self) % _part(other))

    def __pow__(self, other: NumberOperand) -> ComputedNumber:
        return ComputedNumber(_part(self) ** _part(other))

    def __neg__(self) -> ComputedNumber:
        return ComputedNumber(-_part(self))


def _product(expression: Any, other: object) -> ComputedNumber | ComputedDuration:
    is_duration = isinstance(other, (timedelta, DurationArithmetic))
    return ComputedDuration(expression) if is_duration else ComputedNumber(expression)


class DurationArithmetic:
    """The arithmetic of durations."""

    __slots__ = ()

    @overload
    def __add__(self, other: datetime | MomentArithmetic) -> ComputedMoment: ...  # type: ignore[overload-overlap]  # a datetime is a date to Python only
    @overload
    def __add__(self, other: date | DateArithmetic) -> ComputedDate: ...
    @overload
    def __add__(self, other: timedelta | DurationArithmetic) -> ComputedDuration: ...
    @overload
    def __add__(self, other: Computed) -> Any: ...
    def __add__(self, other: Any) -> Any:
        return _moved(_part(self) + _part(other), other)

    @overload
    def __radd__(self, other: datetime) -> ComputedMoment: ...  # type: ignore[overload-overlap]  # a datetime is a date to Python only
    @overload
    def __radd__(self, other: date) -> ComputedDate: ...
    @overload
    def __radd__(self, other: timedelta) -> ComputedDuration: ...
    @overload
    def __radd__(self, other: Computed) -> Any: ...
    def __radd__(self, other: Any) -> Any:
        return _moved(_part(other) + _part(self), other)

    def __sub__(self, other: timedelta | DurationArithmetic | Computed) -> ComputedDuration:
        return ComputedDuration(_part(self) - _part(other))

    @overload
    def __rsub__(self, other: datetime) -> ComputedMoment: ...  # type: ignore[overload-overlap]  # a datetime is a date to Python only
    @overload
    def __rsub__(self, other: date) -> ComputedDate: ...
    @overload
    def __rsub__(self, other: timedelta) -> ComputedDuration: ...
    @overload
    def __rsub__(self, other: Computed) -> Any: ...
    def __rsub__(self, other: Any) -> Any:
        return _moved(_part(other) - _part(self), other)

    def __mul__(self, other: int | NumberArithmetic | Computed) -> ComputedDuration:
        return ComputedDuration(_part(self) * _part(other))

    def __rmul__(self, other: int | Computed) -> ComputedDuration:
        return ComputedDuration(_part(other) * _part(self))

    def __neg__(self) -> ComputedDuration:
        return ComputedDuration(-_part(self))


def _moved(expression: Any, other: object) -> ComputedColumn[Any]:
    """Return what a duration makes with another value."""
    if isinstance(other, (datetime, MomentArithmetic)):
        return ComputedMoment(expression)
    if isinstance(other, (date, DateArithmetic)):
        return ComputedDate(expression)
    return ComputedDuration(expression)


class MomentArithmetic:
    """The arithmetic of moments."""

    __slots__ = ()

    def __add__(self, other: timedelta | DurationArithmetic | Computed) -> ComputedMoment:
        return ComputedMoment(_part(self) + _part(other))

    def __radd__(self, other: timedelta | Computed) -> ComputedMoment:
        return ComputedMoment(_part(other) + _part(self))

    @overload
    def __sub__(self, other: datetime | MomentArithmetic) -> ComputedDuration: ...
    @overload
    def __sub__(self, other: timedelta | DurationArithmetic) -> ComputedMoment: ...
    @overload
    def __sub__(self, other: Computed) -> Any: ...
    def __sub__(self, other: Any) -> Any:
        made = _part(self) - _part(other)
        is_span = isinstance(other, (datetime, MomentArithmetic))
        return ComputedDuration(made) if is_span else ComputedMoment(made)

    def __rsub__(self, other: datetime | Computed) -> ComputedDuration:
        return ComputedDuration(_part(other) - _part(self))


class DateArithmetic:
    """The arithmetic of dates."""

    __slots__ = ()

    def __add__(self, other: timedelta | DurationArithmetic | Computed) -> ComputedDate:
        return ComputedDate(_part(self) + _part(other))

    def __radd__(self, other: timedelta | Computed) -> ComputedDate:
        return ComputedDate(_part(other) + _part(self))

    @overload
    def __sub__(self, other: date | DateArithmetic) -> ComputedDuration: ...
    @overload
    def __sub__(self, other: timedelta | DurationArithmetic) -> ComputedDate: ...
    @overload
    def __sub__(self, other: Computed) -> Any: ...
    def __sub__(self, other: Any) -> Any:
        made = _part(self) - _part(other)
        is_span = isinstance(other, (date, DateArithmetic))
        return ComputedDuration(made) if is_span else ComputedDate(made)

    def __rsub__(self, other: date | Computed) -> ComputedDuration:
        return ComputedDuration(_part(other) - _part(self))


class ComputedNumber(NumberArithmetic, ComputedColumn[Number]):
    """A number that the database computes."""

    __slots__ = ()


class ComputedDuration(DurationArithmetic, ComputedColumn[timedelta]):
    """A duration that the database computes."""

    __slots__ = ()


class ComputedMoment(MomentArithmetic, ComputedColumn[datetime]):
    """A moment that the database computes."""

    __slots__ = ()


class ComputedDate(DateArithmetic, ComputedColumn[date]):
    """A date that the database computes."""

    __slots__ = ()


NumberOperand = Number | NumberArithmetic | Computed
"""What a number can be computed with."""
