"""Functions of moments, dates and times of day. Moments are in UTC."""

from __future__ import annotations

from typing import Literal

from openviper.db.dialects.base import Dialect
from openviper.db.sql.expressions import Argument, Expression, Func
from openviper.db.sql.nodes import Node, Scope
from openviper.db.sql.parts import part_of
from openviper.db.sql.types import DATETIME, Family
from openviper.exceptions import FieldError

Unit = Literal["year", "month", "day", "hour", "minute", "second"]
UNITS = ("year", "month", "day", "hour", "minute", "second")
_FORMS = {"year": 4, "month": 7, "day": 10, "hour": 13, "minute": 16, "second": 19}
"""Characters of a time stamp as text up to each unit."""
_EARLIEST = "0001-01-01 00:00:00.000000"


class Now(Func):
    """The moment of the statement, in UTC."""

    gives = DATETIME

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call."""
        if dialect.name == "sqlite":
            return "(strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')"
        if dialect.name == "mysql":
            return "UTC_TIMESTAMP(6)"
        return f"CAST(STATEMENT_TIMESTAMP() AS {dialect.value_type('DATETIME')})"


class Extract(Expression):
    """A part of a moment, date or time of day.

    Args:
        moment: The name of a field, or an expression.
        part: ``year``, ``month``, ``day``, ``hour``, ``minute``, ``second``, ``date`` or ``time``.
    """

    def __init__(self, moment: Argument, part: Unit | Literal["date", "time"]) -> None:
        self.moment = moment
        self.part = part

    def resolve(self, scope: Scope) -> Node:
        """Return the part."""
        return part_of(scope.field_or_operand(self.moment), self.part)

    def __repr__(self) -> str:
        return f"Extract({self.moment!r}, {self.part!r})"


class Trunc(Func):
    """A moment or date cut to a unit: ``Trunc("created", "month")`` is the first moment of the month.

    Args:
        moment: The name of a field, or an expression.
        unit: ``year``, ``month``, ``day``, ``hour``, ``minute`` or ``second``.

    Raises:
        ValueError: If the unit is another.
    """

    accepts = (frozenset({Family.DATETIME, Family.DATE}),)

    def __init__(self, moment: Argument, unit: Unit) -> None:
        if unit not in UNITS:
            raise ValueError(f"Trunc(): {unit!r} is not one of {', '.join(UNITS)}")
        super().__init__(moment)
        self.unit = unit

    def of(self, *arguments: Node) -> Node:
        """Return the call; a date has no hours."""
        is_date = arguments[0].type.family is Family.DATE
        if is_date and self.unit in UNITS[3:]:
            raise FieldError(f"{self!r}: a date has no {self.unit!r}")
        return (
            _TruncDate(self.arguments[0], self.unit)._call(*arguments)
            if is_date
            else self._call(*arguments)
        )

    def _call(self, *arguments: Node) -> Node:
        return super().of(*arguments)

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call."""
        moment = arguments[0]
        if dialect.name == "sqlite":
            kept = _FORMS[self.unit]
            return f"substr(substr({moment}, 1, {kept}) || substr('{_EARLIEST}', {kept + 1}), 1, length({moment}))"
        if dialect.name == "mysql":
            kept = _FORMS[self.unit]
            text = f"CONCAT(LEFT({moment}, {kept}), SUBSTRING('{_EARLIEST}', {kept + 1}))"
            return f"CAST({text} AS DATETIME(6))"
        return f"DATE_TRUNC('{self.unit}', {moment})"


class _TruncDate(Trunc):
    """A date cut to a unit."""

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call, as a date where the database would make a moment of it."""
        call = super().sql(dialect, *arguments)
        return call if dialect.name == "sqlite" else f"CAST({call} AS DATE)"
