"""Arithmetic of numbers, moments and durations: which operands go together, and what comes of it.

What has no meaning is refused before anything is sent; what has one means the same on all three databases. A whole number
divided by a whole number is a floating-point number, division by zero is NULL, sums and products of decimal numbers keep
all their places, quotients have at least six.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from openviper.db.dialects.base import Dialect
from openviper.db.sql.nodes import Binding, Column, Literal, Node, Writer
from openviper.db.sql.types import (
    BOOLEAN,
    DATE,
    DATETIME,
    DIVISION_PLACES,
    DURATION,
    FLOAT,
    INTEGER,
    MAX_PLACES,
    Family,
    ResultType,
    decimal_type,
)
from openviper.exceptions import FieldError
from openviper.utils.records import record

SQLITE_PLACES = 15
"""Most digits behind the point that a computed decimal number of SQLite is rounded to."""
DAY = 86_400_000_000
"""Microseconds of a day."""


def as_float(sql: str, dialect: Dialect) -> str:
    """Return a number as a floating-point number."""
    if dialect.name == "mysql":
        return f"({sql} + 0e0)"
    return f"CAST({sql} AS {'REAL' if dialect.name == 'sqlite' else 'DOUBLE PRECISION'})"


def as_bigint(node: Node, writer: Writer) -> str:
    """Return a whole number with room for what is computed of it."""
    sql = node.sql(writer)
    # PostgreSQL computes with the columns' own width and fails where the result does not fit into it.
    is_narrow = writer.dialect.name == "postgresql" and isinstance(node, Column)
    return f"CAST({sql} AS BIGINT)" if is_narrow else sql


@record(frozen=True, slots=True, eq=False)
class AsNumber(Node):
    """A truth value as 1 or 0."""

    operand: Node

    @property
    def type(self) -> ResultType:
        """A whole number."""
        return INTEGER

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        return ("as number", self.operand.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the truth value, which is a number but on PostgreSQL."""
        sql = self.operand.sql(writer)
        return f"CAST({sql} AS INTEGER)" if writer.dialect.name == "postgresql" else f"({sql})"


@record(frozen=True, slots=True, eq=False)
class Arithmetic(Node):
    """Two numbers joined by ``+ - * /``.

    Attributes:
        operator: The operator.
        left: The first number.
        right: The second.
        result: The type of what comes of it.
    """

    operator: str
    left: Node
    right: Node
    result: ResultType

    @property
    def type(self) -> ResultType:
        """The type of the result."""
        return self.result

    def bind(self, binding: Binding) -> Hashable:
        """Return operator, type and operands."""
        left = self.left.bind(binding)
        return (self.operator, self.result, left, self.right.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the arithmetic; decimal numbers of SQLite are rounded to their places."""
        if self.operator == "/":
            return self._quotient(writer)
        if self.result is INTEGER:
            return f"({as_bigint(self.left, writer)} {self.operator} {self.right.sql(writer)})"
        sql = f"({self.left.sql(writer)} {self.operator} {self.right.sql(writer)})"
        return rounded(sql, self.result, writer.dialect)

    def _quotient(self, writer: Writer) -> str:
        dialect = writer.dialect
        left, right = self._dividend(writer), self.right.sql(writer)
        if dialect.name != "sqlite":
            right = f"NULLIF({right}, 0)"
        if self.result is FLOAT:
            return f"({left} / {right})"
        most = SQLITE_PLACES if dialect.name == "sqlite" else MAX_PLACES
        return f"ROUND(({left} / {right}), {min(self.result.places, most)})"

    def _dividend(self, writer: Writer) -> str:
        """Return the first number, as one whose division is not cut to a whole number."""
        left = self.left.sql(writer)
        if self.result is FLOAT or writer.dialect.name == "sqlite":
            return as_float(left, writer.dialect)
        is_whole = self.left.type is INTEGER
        return f"CAST({left} AS DECIMAL(40,{self.result.places}))" if is_whole else left


def rounded(sql: str, result: ResultType, dialect: Dialect) -> str:
    """Return a computed number; a decimal one of SQLite, which is a floating-point number there, without its noise."""
    if result.family is not Family.DECIMAL or dialect.name != "sqlite":
        return sql
    return f"round({sql}, {min(result.places, SQLITE_PLACES)})"


@record(frozen=True, slots=True, eq=False)
class Shifted(Node):
    """A moment or a date moved by a duration.

    Attributes:
        moment: The moment or date.
        sign: 1 for later, -1 for earlier.
        duration: By how much.
    """

    moment: Node
    sign: int
    duration: Node

    @property
    def type(self) -> ResultType:
        """That of the moment."""
        return self.moment.type

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        return ("shifted", self.sign, self.moment.bind(binding), self.duration.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the moved moment."""
        moment, duration = self.moment.sql(writer), self.duration.sql(writer)
        if writer.dialect.name == "sqlite":
            return f"openviper_shift({moment}, {duration}, {self.sign})"
        moved = _moved_date if self.type is DATE else _moved_moment
        return moved(moment, "+" if self.sign > 0 else "-", duration, writer.dialect.name)


def _moved_date(moment: str, sign: str, by: str, dialect: str) -> str:
    """Return a date moved by whole days: Python rounds the duration down, in a subtraction too."""
    if dialect == "mysql":
        # A quotient has four places more than what is divided; a microsecond needs eleven.
        return f"({moment} {sign} INTERVAL FLOOR(CAST({by} AS DECIMAL(30, 12)) / {DAY}) DAY)"
    days = f"CAST(FLOOR(CAST({by} AS NUMERIC) / {DAY}) AS INTEGER)"
    return _of_python(f"{moment} {sign} {days}", "0001-12-31 BC")


def _moved_moment(moment: str, sign: str, by: str, dialect: str) -> str:
    if dialect == "mysql":
        return f"({moment} {sign} INTERVAL ({by}) MICROSECOND)"
    return _of_python(
        f"{moment} {sign} ({by}) * INTERVAL '1 microsecond'", "0001-12-31 23:59:59.999999 BC"
    )


def _of_python(moment: str, before: str) -> str:
    """Return a moment of PostgreSQL, NULL outside of the years 1 to 9999, as on the other databases.

    Args:
        moment: The moment.
        before: The last one that is too early.
    """
    after = "10000-01-01"
    within = f"GREATEST(LEAST({moment}, '{after}'), '{before}')"
    return f"NULLIF(NULLIF({within}, '{after}'), '{before}')"


@record(frozen=True, slots=True, eq=False)
class Between(Node):
    """The duration between two moments or two dates.

    Attributes:
        later: The one taken from.
        earlier: The one taken away.
    """

    later: Node
    earlier: Node

    @property
    def type(self) -> ResultType:
        """A duration."""
        return DURATION

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        return ("between", self.later.type, self.later.bind(binding), self.earlier.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the microseconds."""
        later, earlier = self.later.sql(writer), self.earlier.sql(writer)
        name, is_date = writer.dialect.name, self.later.type is DATE
        if name == "sqlite":
            return f"openviper_between({later}, {earlier})"
        if name == "mysql":
            return f"TIMESTAMPDIFF(MICROSECOND, {earlier}, {later})"
        if is_date:
            return f"(CAST({later} - {earlier} AS BIGINT) * {DAY})"
        return f"CAST(EXTRACT(EPOCH FROM ({later} - {earlier})) * 1000000 AS BIGINT)"


# Which operands go together


def combined(operator: str, left: Node, right: Node, text: str) -> Node:
    """Return the node of two operands joined by an operator.

    Args:
        operator: ``+``, ``-``, ``*`` or ``/``.
        left: The first operand.
        right: The second.
        text: The expression as it was written, for the message.

    Raises:
        FieldError: If the operator has no meaning for them.
    """
    left, right = _as_number(left), _as_number(right)
    if left.type.is_number and right.type.is_number:
        return Arithmetic(operator, left, right, _number_type(operator, left.type, right.type))
    node = _of_moments(operator, left, right)
    if node is None:
        raise FieldError(f"{text}: {_complaint(operator, left, right)}")
    return node


def _as_number(node: Node) -> Node:
    return AsNumber(node) if node.type is BOOLEAN else node


def _number_type(operator: str, left: ResultType, right: ResultType) -> ResultType:
    if FLOAT in (left, right):
        return FLOAT
    if left is INTEGER and right is INTEGER:
        return FLOAT if operator == "/" else INTEGER
    if operator == "*":
        return decimal_type(left.places + right.places)
    places = max(left.places, right.places)
    return decimal_type(max(places, DIVISION_PLACES) if operator == "/" else places)


def _of_moments(operator: str, left: Node, right: Node) -> Node | None:
    """Return what a moment, a date or a duration makes with the other operand; `None` if it has no meaning."""
    rule = _RULES.get((left.type, operator, right.type))
    return None if rule is None else rule(left, right)


def _later(left: Node, right: Node) -> Node:
    return Shifted(left, 1, right)


def _later_turned(left: Node, right: Node) -> Node:
    return Shifted(right, 1, left)


def _earlier(left: Node, right: Node) -> Node:
    return Shifted(left, -1, right)


def _durations(operator: str) -> Callable[[Node, Node], Node]:
    return lambda left, right: Arithmetic(operator, left, right, DURATION)


_RULES: dict[tuple[ResultType, str, ResultType], Callable[[Node, Node], Node]] = {
    (DATETIME, "+", DURATION): _later,
    (DATETIME, "-", DURATION): _earlier,
    (DATETIME, "-", DATETIME): Between,
    (DURATION, "+", DATETIME): _later_turned,
    (DATE, "+", DURATION): _later,
    (DATE, "-", DURATION): _earlier,
    (DATE, "-", DATE): Between,
    (DURATION, "+", DATE): _later_turned,
    (DURATION, "+", DURATION): _durations("+"),
    (DURATION, "-", DURATION): _durations("-"),
    (DURATION, "*", INTEGER): _durations("*"),
    (INTEGER, "*", DURATION): _durations("*"),
}
"""What the types of the operands and the operator between them make."""


def _complaint(operator: str, left: Node, right: Node) -> str:
    for node in (left, right):
        if node.type.family in (Family.TEXT, Family.JSON, Family.UUID, Family.BYTES, Family.ARRAY):
            return f"{describe(node)} is not a number but a {node.type}{_advice(node, operator)}"
    return f"a {left.type} {operator} a {right.type} has no meaning"


def _advice(node: Node, operator: str) -> str:
    return "; Concat() joins texts" if node.type.family is Family.TEXT and operator == "+" else ""


def describe(node: Node) -> str:
    """Return what a message calls a node."""
    if isinstance(node, Column):
        return repr(node.name)
    return repr(node.value) if isinstance(node, Literal) else "an operand"
