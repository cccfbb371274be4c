"""Windows: values computed of a row and those around it, such as its number in an order or a running total."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.sql import operands
from openviper.db.sql.aggregates import Aggregate, AggregateNode
from openviper.db.sql.arithmetic import as_float
from openviper.db.sql.expressions import Argument, Expression
from openviper.db.sql.nodes import (
    Binding,
    Node,
    Order,
    Scope,
    Writer,
    has_window,
    open_columns,
)
from openviper.db.sql.statistics import ArrayAgg, JSONAgg, StringAgg
from openviper.db.sql.types import FLOAT, INTEGER, ResultType
from openviper.exceptions import FieldError
from openviper.utils.records import record

Bound = int | None
"""Rows before (negative) or behind the row at hand; `None` for as many as there are."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Which rows around a row count.

    Args:
        start: The first: ``-2`` is two before, 0 the row itself, `None` the first of all.
        end: The last, `None` for the last of all.
        unit: ``rows`` counts rows; ``range`` takes in all that are equal in the order, and knows 0 and `None` only.

    Raises:
        ValueError: If the frame ends before it starts, or the unit cannot count so.
    """

    start: Bound = None
    end: Bound = 0
    unit: Literal["rows", "range"] = "rows"

    def __post_init__(self) -> None:
        for bound in (self.start, self.end):
            if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int)):
                raise ValueError(f"{self!r}: {bound!r} is not a number of rows")
        if self.unit not in ("rows", "range"):
            raise ValueError(f"{self!r}: the unit is 'rows' or 'range'")
        if None not in (self.start, self.end) and self.start > self.end:  # type: ignore[operator]  # both are numbers
            raise ValueError(f"{self!r} ends before it starts")
        if self.unit == "range" and {self.start, self.end} - {0, None}:
            raise ValueError(f"{self!r}: a range begins and ends at 0 or None")

    def sql(self) -> str:
        """Return the clause."""
        start, end = _bound(self.start, "PRECEDING"), _bound(self.end, "FOLLOWING")
        return f" {self.unit.upper()} BETWEEN {start} AND {end}"


def _bound(bound: Bound, open_word: str) -> str:
    if bound is None:
        return f"UNBOUNDED {open_word}"
    if bound == 0:
        return "CURRENT ROW"
    return f"{abs(bound)} {'PRECEDING' if bound < 0 else 'FOLLOWING'}"


class WindowFunction:
    """A function that has a meaning over a window only.

    Args:
        *arguments: What it is computed of; a text is the name of a field.
    """

    name: ClassVar[str] = ""
    is_ordered: ClassVar[bool] = True
    """Whether it needs an order."""
    gives: ClassVar[ResultType | None] = INTEGER
    """The type of the result; `None` for that of the first argument."""

    def __init__(self, *arguments: Argument) -> None:
        self.arguments: tuple[Argument, ...] = arguments
        self.numbers: tuple[int, ...] = ()

    def call(self, arguments: Sequence[str], dialect: Dialect) -> str:
        """Return the call for the SQL of the arguments."""
        return f"{self.name}({', '.join([*arguments, *map(str, self.numbers)])})"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, [*self.arguments, *self.numbers]))})"


class RowNumber(WindowFunction):
    """The number of the row, from 1 on."""

    name = "ROW_NUMBER"

    def __init__(self) -> None:
        super().__init__()


class Rank(WindowFunction):
    """One more than the number of rows before; equal rows have the same."""

    name = "RANK"

    def __init__(self) -> None:
        super().__init__()


class DenseRank(Rank):
    """One more than the number of different rows before."""

    name = "DENSE_RANK"


class PercentRank(Rank):
    """The rank as a share: 0 for the first, 1 for the last."""

    name = "PERCENT_RANK"
    gives = FLOAT


class CumeDist(Rank):
    """The share of the rows up to this one and those equal to it."""

    name = "CUME_DIST"
    gives = FLOAT


class NTile(WindowFunction):
    """The number of the part, from 1 on, when the rows are cut into parts of nearly equal size.

    Args:
        parts: How many parts.

    Raises:
        ValueError: If it is less than 1.
    """

    name = "NTILE"

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.numbers = (_number("NTile", parts, 1),)


class _Neighbour(WindowFunction):
    """The value of another row.

    Args:
        value: The value; a text is the name of a field.
        offset: How many rows away.

    Raises:
        ValueError: If the offset is negative.
    """

    gives = None

    def __init__(self, value: Argument, offset: int = 1) -> None:
        super().__init__(value)
        self.numbers = (_number(type(self).__name__, offset, 0),)


class Lag(_Neighbour):
    """The value of a row before; `None` where there is none."""

    name = "LAG"


class Lead(_Neighbour):
    """The value of a row behind; `None` where there is none."""

    name = "LEAD"


class FirstValue(WindowFunction):
    """The value of the first row of the frame."""

    name = "FIRST_VALUE"
    gives = None

    def __init__(self, value: Argument) -> None:
        super().__init__(value)


class LastValue(FirstValue):
    """The value of the last row of the frame, which is the row at hand unless the frame says otherwise."""

    name = "LAST_VALUE"


class NthValue(WindowFunction):
    """The value of the nth row of the frame, from 1 on; `None` where there is none."""

    name = "NTH_VALUE"
    gives = None

    def __init__(self, value: Argument, nth: int) -> None:
        super().__init__(value)
        self.numbers = (_number("NthValue", nth, 1),)


def _number(name: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least or value > 2**31:
        raise ValueError(f"{name}(): {value!r} is not a whole number of at least {least}")
    return value


class Window(Expression):
    """A function or an aggregate over the rows around each row, all of which stay in the result.

    Args:
        function: Such as ``RowNumber()``, ``Lag("price")`` or ``Sum("price")``.
        partition_by: What rows have in common that are looked at together; all rows by default.
        order_by: The order of the rows, ``-`` before a name to descend.
        frame: Which rows around the row count; by default those up to it and its equals, or all without an order.

    Raises:
        FieldError: If the function has no meaning over a window.
    """

    __slots__ = ("frame", "function", "order", "partition")

    def __init__(
        self,
        function: WindowFunction | Aggregate,
        *,
        partition_by: Sequence[Argument] | Argument = (),
        order_by: Sequence[str | operands.Ordering] | str | operands.Ordering = (),
        frame: Frame | None = None,
    ) -> None:
        self.function = function
        self.partition = _listed(partition_by)
        self.order = _listed(order_by)
        self.frame = frame
        self._check_function()

    def _check_function(self) -> None:
        function = self.function
        if not isinstance(function, (WindowFunction, Aggregate)):
            raise FieldError(f"Window({function!r}): neither a window function nor an aggregate")
        if isinstance(function, (StringAgg, ArrayAgg, JSONAgg)):
            raise FieldError(f"Window({function!r}): this aggregate cannot be over a window")
        if isinstance(function, Aggregate) and function.distinct:
            raise FieldError(f"Window({function!r}): no database takes distinct=True over a window")
        if isinstance(function, WindowFunction) and not self.order:
            raise FieldError(f"Window({function!r}) needs order_by")

    def resolve(self, scope: Scope) -> Node:
        """Return the node."""
        call = self._call(scope)
        partition = tuple(scope.field_or_operand(part) for part in self.partition)
        order = tuple(scope.order(term) for term in self.order)
        for node in (call, *partition, *(term.node for term in order)):
            self._check(node)
        return WindowNode(call, partition, order, self.frame)

    def _call(self, scope: Scope) -> Node:
        function = self.function
        if isinstance(function, Aggregate):
            return function.over_rows(scope)
        arguments = tuple(scope.field_or_operand(each) for each in function.arguments)
        result = arguments[0].type if function.gives is None else function.gives
        return WindowCall(function, arguments, result)

    def _check(self, node: Node) -> None:
        if has_window(node):
            raise FieldError(f"{self!r}: a window over a window")
        if any(column.many for column in open_columns(node)):
            raise FieldError(f"{self!r} leads to many rows; annotate() an aggregate of them first")

    def __repr__(self) -> str:
        return (
            f"Window({self.function!r}, partition_by={self.partition!r}, order_by={self.order!r})"
        )


def _listed(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


@record(frozen=True, slots=True, eq=False)
class WindowCall(Node):
    """The call of a window function.

    Attributes:
        function: The function.
        arguments: What it is computed of.
        result: The type of the result.
    """

    function: WindowFunction
    arguments: tuple[Node, ...]
    result: ResultType

    @property
    def type(self) -> ResultType:
        """The type of the result."""
        return self.result

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        function = self.function
        shapes = tuple([argument.bind(binding) for argument in self.arguments])
        return (type(function), function.numbers, shapes)

    def sql(self, writer: Writer) -> str:
        """Return the call."""
        texts = [argument.sql(writer) for argument in self.arguments]
        return self.function.call(texts, writer.dialect)

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return the conversion of the values where the result is one of them."""
        if self.function.gives is None:
            return self.arguments[0].reader(dialect, aware=aware)
        return Node.reader(self, dialect, aware=aware)


@record(frozen=True, slots=True, eq=False)
class WindowNode(Node):
    """A call over a window.

    Attributes:
        call: The call, or an aggregate.
        partition: What the rows have in common.
        order: Their order.
        frame: Which of them count; `None` for the database's usual choice.
    """

    is_window: ClassVar[bool] = True

    call: Node
    partition: tuple[Node, ...]
    order: tuple[Order, ...]
    frame: Frame | None

    @property
    def type(self) -> ResultType:
        """The type of the result."""
        return self.call.type

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        call = self.call.bind(binding)
        partition = tuple([part.bind(binding) for part in self.partition])
        order = tuple([term.bind(binding) for term in self.order])
        return ("window", call, partition, order, self.frame)

    def sql(self, writer: Writer) -> str:
        """Return the call with its window; an aggregate may write more around it."""
        over = self._over(writer)
        if isinstance(self.call, AggregateNode):
            return self.call.sql_over(writer, over)
        text = f"{self.call.sql(writer)}{over}"
        # A share of rows has ten digits on MariaDB until it is computed with.
        is_short = self.call.type is FLOAT and writer.dialect.name == "mysql"
        return as_float(text, writer.dialect) if is_short else text

    def _over(self, writer: Writer) -> str:
        parts = [part.sql(writer) for part in self.partition]
        terms = [term.sql(writer) for term in self.order]
        partition = f"PARTITION BY {', '.join(parts)}" if parts else ""
        order = f" ORDER BY {', '.join(terms)}" if terms else ""
        frame = "" if self.frame is None else self.frame.sql()
        return f" OVER ({partition}{order}{frame})"

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return that of the call."""
        return self.call.reader(dialect, aware=aware)

    def parts(self) -> Iterator[Node]:
        """Yield call, partition and order."""
        yield self.call
        yield from self.partition
        for term in self.order:
            yield term.node

    def changed(self, change: Callable[[Node], Node | None]) -> Node:
        """Return the window or what replaces it.

        Raises:
            FieldError: If it would have to move behind a relation.
        """
        replaced = change(self)
        if replaced is None:
            raise FieldError("a window cannot be moved behind a relation")
        return replaced
