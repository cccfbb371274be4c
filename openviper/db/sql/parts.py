"""Parts of moments: the year of a date, the date of a time stamp."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date, datetime, time
from typing import Any

from openviper.db.sql.nodes import Binding, Node, Writer, filled, mark
from openviper.db.sql.types import DATE, INTEGER, TIME, Family, ResultType
from openviper.exceptions import FieldError
from openviper.utils.records import record

DATE_PARTS = frozenset({"date", "year", "month", "day"})
TIME_PARTS = frozenset({"time", "hour", "minute", "second"})
PARTS = {
    Family.DATETIME: DATE_PARTS | TIME_PARTS,
    Family.DATE: DATE_PARTS,
    Family.TIME: TIME_PARTS,
}
"""Which parts a value has."""


@record(frozen=True, slots=True, eq=False)
class Part(Node):
    """One part of a moment.

    Attributes:
        operand: The moment.
        part: Which part.
    """

    operand: Node
    part: str

    @property
    def type(self) -> ResultType:
        """A date, a time of day or a whole number."""
        return DATE if self.part == "date" else TIME if self.part == "time" else INTEGER

    @property
    def name(self) -> str:
        """What a query calls the part of a column."""
        return f"{getattr(self.operand, 'name', '')}__{self.part}"

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        return ("part", self.part, self.operand.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the extraction."""
        return filled(writer.dialect.date_part(self.part, mark(0)), writer, self.operand.sql)

    def convert(self, value: Any) -> Any:
        """Return a value to compare the part with.

        Raises:
            ValueError: If it is none.
        """
        if self.part == "date":
            return _as_date(value).isoformat()
        if self.part == "time":
            return _as_time(value).isoformat("seconds")
        return int(value)


def part_of(operand: Node, part: str) -> Part:
    """Return a part of a moment.

    Raises:
        FieldError: If the operand has no such part.
    """
    if part not in PARTS.get(operand.type.family, ()):
        raise FieldError(f"a {operand.type} has no {part!r}")
    return Part(operand, part)


def _as_date(value: Any) -> date:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        value = value.date()
    if not isinstance(value, date):
        raise ValueError(f"{value!r} is not a date")
    return value


def _as_time(value: Any) -> time:
    if isinstance(value, str):
        value = time.fromisoformat(value)
    if isinstance(value, datetime):
        value = value.time()
    if not isinstance(value, time) or value.tzinfo is not None:
        raise ValueError(f"{value!r} is not a time without a zone")
    return value
