"""Decimal numbers and moments as texts: the same ones on every database."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from openviper.db.sql.nodes import Binding, Node, Writer
from openviper.db.sql.types import TEXT, Family, ResultType
from openviper.utils.records import record


def _decimal(value: str, dialect: str, result: ResultType) -> str:
    """Return a decimal number with all its places."""
    if dialect == "sqlite":
        return f"openviper_decimal_text({value}, {result.places})"
    if dialect == "mysql":
        return f"CAST(CAST({value} AS DECIMAL(65, {result.places})) AS CHAR)"
    # What is chosen of several values has the places of each.
    return f"CAST(ROUND(CAST({value} AS NUMERIC), {result.places}) AS text)"


def _moment(value: str, dialect: str, _: ResultType) -> str:
    """Return a moment as SQLite stores it: in UTC or `TIME_ZONE`, with microseconds."""
    if dialect == "postgresql":
        return f"to_char({value}, 'YYYY-MM-DD HH24:MI:SS.US')"
    if dialect == "mysql":
        return f"CAST(CAST({value} AS DATETIME(6)) AS CHAR)"
    return f"openviper_shift({value}, 0, 1)"


def _time(value: str, dialect: str, _: ResultType) -> str:
    """Return a time of day as Python writes it, with microseconds if it has any."""
    if dialect == "sqlite":
        return value
    text = f"CAST({value} AS CHAR)"
    if dialect == "postgresql":
        text = f"to_char({value}, 'HH24:MI:SS.US')"
    return f"REGEXP_REPLACE({text}, '[.]000000$', '')"


_WAYS: dict[Family, Callable[[str, str, ResultType], str]] = {
    Family.DECIMAL: _decimal,
    Family.DATETIME: _moment,
    Family.TIME: _time,
}


@record(frozen=True, slots=True, eq=False)
class Shown(Node):
    """A value as a text, where each database has a way of its own to make one of it.

    Attributes:
        operand: A decimal number, a moment or a time of day.
    """

    operand: Node

    @property
    def type(self) -> ResultType:
        """A text."""
        return TEXT

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        return ("shown", self.operand.type, self.operand.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the text."""
        result = self.operand.type
        return _WAYS[result.family](self.operand.sql(writer), writer.dialect.name, result)


def shown(node: Node) -> Node:
    """Return a value as it is looked at by lookups of texts."""
    return Shown(node) if node.type.family in _WAYS else node
