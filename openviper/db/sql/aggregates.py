"""Aggregates: values computed over several rows.

Over the rows that belong to each row of a query, each is a subquery of its own. Joins with GROUP BY would multiply the rows of
one relation by those of another, so that two counts in one query would both be wrong; a subquery counts just its own rows,
and needs no GROUP BY that databases judge differently.

This file is long because an aggregate, its node and its forms per row know each other.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, ClassVar

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.fields.many_to_many import ManyToManyRelation
from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql import operands
from openviper.db.sql.arithmetic import as_float, rounded
from openviper.db.sql.expressions import Expression, F
from openviper.db.sql.nodes import (
    Binding,
    Column,
    Node,
    Raw,
    Scope,
    Writer,
    all_parts,
    has_window,
    open_columns,
)
from openviper.db.sql.paths import Steps
from openviper.db.sql.totals import float_total, whole_total
from openviper.db.sql.types import (
    BOOLEAN,
    DURATION,
    FLOAT,
    INTEGER,
    ORDERED,
    Family,
    ResultType,
    decimal_type,
    literal_reader,
)
from openviper.exceptions import FieldError, QueryError
from openviper.utils.records import record

AVERAGE_PLACES = 4
"""Digits behind the point that an average of decimal numbers has more than they."""


class Aggregate(Expression):
    """A value computed over several rows: all those of a query, or those that belong to an instance.

    Args:
        field: The field, or a path over foreign keys; in `annotate` also over a `related_name` or a many-to-many field. Or
            arithmetic over such names, as in ``Sum(F("price") * F("stock"))``; behind a relation to many rows, all names have
            to follow the same one.
        distinct: Count or add up equal values only once.
        filter: A condition; only the rows for which it holds count.
    """

    __slots__ = ("distinct", "field", "filter")

    function: ClassVar[str] = ""
    keeps_null: ClassVar[bool] = False
    """Whether NULLs are a part of the result, so that a row that does not count has to be left out."""

    def __init__(
        self,
        field: str | Expression | operands.Selectable,
        distinct: bool = False,
        *,
        filter: operands.Condition | None = None,  # noqa: A002 - the name that users know
    ) -> None:
        value = field if isinstance(field, str) else _expression(field)
        self.field: str | operands.Resolvable = value.name if isinstance(value, F) else value
        self.distinct = distinct
        self.filter = filter

    def of_one(self, value: str, dialect: Dialect) -> str:
        """Return the result for a single row, which for most is its value."""
        return value

    def of_chosen(self, value: str, condition: str, dialect: Dialect) -> str:
        """Return the call for the rows for which a condition holds, of an aggregate that has NULLs in its result."""
        return f"{self.call(value, dialect)} FILTER (WHERE {condition})"

    def result_type(self, argument: ResultType) -> ResultType:
        """Return the type of the result for values of a type.

        Raises:
            FieldError: If it has no meaning for them.
        """
        raise NotImplementedError

    def resolve(self, scope: Scope) -> Node:
        """Return the node: per group of rows, or per row of the query."""
        argument = self._argument(scope.over_many())
        condition = None if self.filter is None else scope.over_many().condition(self.filter)
        steps = self._steps([argument] if condition is None else [argument, condition])
        if condition is not None:
            condition = scope.spread(condition, self._entered(argument, steps))
        node = AggregateNode(self, argument, condition, self._checked_type(argument))
        return self._placed(scope, steps, node)

    def over_rows(self, scope: Scope) -> AggregateNode:
        """Return the node for a window, whose rows are those of the query.

        Raises:
            FieldError: If it has no meaning for what it is computed of.
        """
        argument = self._argument(scope)
        condition = None if self.filter is None else scope.condition(self.filter)
        return AggregateNode(self, argument, condition, self._checked_type(argument))

    def _entered(self, argument: Node, steps: Steps) -> Steps:
        """Return the relation whose rows the condition is about: all of the way that the argument goes."""
        ways = [part.steps for part in all_parts(argument) if isinstance(part, Column)]
        return ways[0] if steps and ways else steps

    def _placed(self, scope: Scope, steps: Steps, node: AggregateNode) -> Node:
        if not scope.is_grouped:
            return RelatedValue(steps, node) if steps else OwnValue(node)
        if steps:
            raise QueryError(
                f"{self!r} follows a relation to many rows; use annotate() for a value per instance"
            )
        return node

    def _argument(self, scope: Scope) -> Node:
        if isinstance(self.field, str):
            return self._checked_window(self._named(scope, self.field))
        if not isinstance(self.field, Expression) or isinstance(self.field, Aggregate):
            raise FieldError(f"{self!r}: an aggregate is of a field, or of arithmetic over fields")
        node = self.field.resolve(scope)
        self._check_parts(list(all_parts(node)))
        return self._checked_window(node)

    def _checked_window(self, node: Node) -> Node:
        if has_window(node):
            raise FieldError(f"{self!r}: an aggregate of a window; no database computes that")
        return node

    def _check_parts(self, parts: list[Node]) -> None:
        if any(isinstance(part, (RelatedValue, OwnValue, AggregateNode)) for part in parts):
            raise FieldError(
                f"{self!r}: an aggregate of aggregates; annotate() the inner one first"
            )
        if not any(isinstance(part, Column) for part in parts):
            raise FieldError(f"{self!r} names no field")

    def _named(self, scope: Scope, name: str) -> Node:
        if name == "*":
            raise FieldError(f"{self!r} needs a field")
        node = scope.name(name)
        if isinstance(node, Column) and node.field.primary_key and node.steps:
            self._check_field(node, name)
        return node

    def _check_field(self, column: Column, name: str) -> None:
        last = column.steps[-1]
        if name.endswith(last.name):
            example = next(iter(last.meta.fields))
            raise FieldError(f"{self!r} needs a field, such as '{name}__{example}'")

    def _checked_type(self, argument: Node) -> ResultType:
        try:
            return self.result_type(argument.type)
        except FieldError as error:
            raise FieldError(f"{self!r}: {error.detail}") from None

    def _steps(self, nodes: list[Node]) -> Steps:
        """Return the way to the many rows that are computed of; empty if there is none."""
        own = [part for part in all_parts(nodes[0]) if isinstance(part, Column)]
        ways = {column.steps if column.many else () for column in own}
        columns = [column for node in nodes for column in open_columns(node)]
        firsts = {column.many for column in columns} - {()}
        if len(firsts) > 1 or (firsts and len(ways) > 1):
            raise FieldError(f"{self!r}: all names have to follow the same relation to many rows")
        return next(iter(firsts), ())

    def options(self) -> tuple[Hashable, ...]:
        """Return what besides argument and condition decides about the SQL."""
        return ()

    def call(self, value: str, dialect: Dialect) -> str:
        """Return the call of the function for the SQL of a value."""
        return f"{self.function}({'DISTINCT ' if self.distinct else ''}{value})"

    def written(self, argument: Node, value: str, over: str, dialect: Dialect) -> str:
        """Return the call of the function, over a window unless that is empty, within the bounds of its type.

        Args:
            argument: What it is computed of.
            value: Its SQL.
            over: The window.
            dialect: The dialect.
        """
        return self.call(value, dialect) + over

    def empty(self) -> Any:
        """Return the result over no rows."""
        return None

    def __repr__(self) -> str:
        options = ", distinct=True" if self.distinct else ""
        if self.filter is not None:
            options += f", filter={self.filter!r}"
        return f"{type(self).__name__}({self.field!r}{options})"


def _expression(value: Any) -> operands.Resolvable:
    if not operands.is_selectable(value):
        return value  # type: ignore[no-any-return]  # refused when it is resolved
    return value.as_expression()


class Count(Aggregate):
    """How many rows have a value; ``Count("*")`` counts all rows."""

    __slots__ = ()

    function: ClassVar[str] = "COUNT"

    def __init__(
        self,
        field: str | Expression | operands.Selectable = "*",
        distinct: bool = False,
        *,
        filter: operands.Condition | None = None,  # noqa: A002 - the name that users know
    ) -> None:
        super().__init__(field, distinct, filter=filter)

    def result_type(self, argument: ResultType) -> ResultType:
        """Return a whole number."""
        return INTEGER

    def _named(self, scope: Scope, name: str) -> Node:
        return Raw("*", INTEGER) if name == "*" else scope.name(name)

    def empty(self) -> Any:
        """Return none."""
        return 0


class Sum(Aggregate):
    """The sum, `None` without rows."""

    __slots__ = ()

    function: ClassVar[str] = "SUM"

    def result_type(self, argument: ResultType) -> ResultType:
        """Return a number with as many places, or a duration."""
        if argument is BOOLEAN:
            return INTEGER
        if argument is DURATION or argument.family in (Family.INTEGER, Family.FLOAT):
            return argument
        if argument.family is Family.DECIMAL:
            return decimal_type(argument.places)
        raise FieldError(f"a {argument} is not a number to add up")

    def written(self, argument: Node, value: str, over: str, dialect: Dialect) -> str:
        """Return the sum; one that its type does not hold is an error."""
        result = self.result_type(argument.type)
        if result in (INTEGER, DURATION):
            return whole_total(argument, value, over, dialect, distinct=self.distinct)
        call = super().written(argument, value, over, dialect)
        return float_total(argument, call, dialect) if result is FLOAT else call


class Avg(Aggregate):
    """The average, `None` without rows."""

    __slots__ = ()

    function: ClassVar[str] = "AVG"

    def result_type(self, argument: ResultType) -> ResultType:
        """Return a number with four more places, a floating-point number, or a duration."""
        if argument in (BOOLEAN, INTEGER, FLOAT):
            return FLOAT
        if argument is DURATION:
            return DURATION
        if argument.family is Family.DECIMAL:
            return decimal_type(argument.places + AVERAGE_PLACES)
        raise FieldError(f"a {argument} is not a number to average")

    def written(self, argument: Node, value: str, over: str, dialect: Dialect) -> str:
        """Return the average; of floating-point numbers it is an error if their sum is, whatever their squares are."""
        if argument.type is not FLOAT:
            return super().written(argument, value, over, dialect)
        each = f"({'DISTINCT ' if self.distinct else ''}{value}){over}"
        if dialect.name == "postgresql":
            return f"(SUM{each} / NULLIF(COUNT{each}, 0))"
        return float_total(argument, f"AVG{each}", dialect)


class Max(Aggregate):
    """The greatest value, `None` without rows."""

    __slots__ = ()

    function: ClassVar[str] = "MAX"

    def result_type(self, argument: ResultType) -> ResultType:
        """Return the type of the values."""
        if argument.family not in ORDERED and argument is not BOOLEAN:
            raise FieldError(f"of values of type {argument}, none is the greatest or the least")
        return argument


class Min(Max):
    """The least value, `None` without rows."""

    __slots__ = ()

    function: ClassVar[str] = "MIN"


# Nodes


@record(frozen=True, slots=True, eq=False)
class AggregateNode(Node):
    """An aggregate over the rows of the query it stands in.

    Attributes:
        aggregate: The function.
        argument: What it is computed of.
        condition: Which rows count; `None` for all.
        result: The type of the result.
    """

    aggregate: Aggregate
    argument: Node
    condition: Node | None
    result: ResultType

    @property
    def type(self) -> ResultType:
        """The type of the result."""
        return self.result

    def bind(self, binding: Binding) -> Hashable:
        """Return function, options and the shapes of what it is computed of."""
        aggregate = self.aggregate
        shape = None if self.condition is None else self.condition.bind(binding)
        options: tuple[Any, ...] = (type(aggregate), aggregate.distinct, *aggregate.options())
        return (options, shape, self.argument.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the call."""
        if self.condition is None:
            return self.finished(self._value(writer), writer)
        if self.aggregate.keeps_null:
            condition = self.condition.sql(writer)
            return self.aggregate.of_chosen(self._value(writer), condition, writer.dialect)
        return self.finished(self.row_value(writer), writer)

    def row_value(self, writer: Writer) -> str:
        """Return what one row contributes; NULL if it does not count."""
        condition = None if self.condition is None else self.condition.sql(writer)
        value = "1" if isinstance(self.argument, Raw) else self._value(writer)
        return value if condition is None else f"CASE WHEN {condition} THEN {value} END"

    def unconditional(self, writer: Writer) -> str:
        """Return the call without its condition, which stands in the WHERE of the query."""
        return self.finished(self._value(writer), writer)

    def finished(self, value: str, writer: Writer) -> str:
        """Return the call for a value, as a number of its type."""
        return self._written(value, writer, "")

    def of_one(self, writer: Writer) -> str:
        """Return the result for a single row."""
        return self.aggregate.of_one(self._value(writer), writer.dialect)

    def sql_over(self, writer: Writer, over: str) -> str:
        """Return the call over a window, as a number of its type."""
        is_plain = self.condition is None
        value = self._value(writer) if is_plain else self.row_value(writer)
        return self._written(value, writer, over)

    def _written(self, value: str, writer: Writer, over: str) -> str:
        call = self.aggregate.written(self.argument, value, over, writer.dialect)
        return rounded(call, self.result, writer.dialect)

    def _value(self, writer: Writer) -> str:
        value = self.argument.sql(writer)
        if isinstance(self.aggregate, Count):
            return value
        if self.argument.type is BOOLEAN:
            again = self.argument.sql(writer)
            value = f"CASE WHEN {value} THEN 1 WHEN NOT {again} THEN 0 END"
        is_mean = isinstance(self.aggregate, Avg) and self.result is FLOAT
        return as_float(value, writer.dialect) if is_mean else value

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return the conversion of the values where the result is one of them."""
        if self.result is BOOLEAN:  # It was made a number, of which one is the greatest.
            return bool
        if self.result is self.argument.type and isinstance(self.aggregate, Max):
            return self.argument.reader(dialect, aware=aware)
        if self.result is DURATION:
            read = literal_reader(DURATION, dialect, aware=aware)
            assert read is not None
            return lambda value: read(round(value))
        return literal_reader(self.result, dialect, aware=aware, parts=all_parts(self))


_ALWAYS = "1 = 1"


@record(frozen=True, slots=True, eq=False)
class OwnValue(Node):
    """An aggregate that follows no relation to many rows, per row: it is computed of the row itself.

    Attributes:
        node: The aggregate.
    """

    node: AggregateNode

    @property
    def type(self) -> ResultType:
        """The type of the result."""
        return self.node.result

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        return ("own", self.node.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the value of the row; for a count, whether it is there."""
        test, value = self._test_and_value(writer)
        condition = self.node.condition
        if condition is not None:
            test = f"{test} AND {condition.sql(writer)}"
        if test == _ALWAYS:
            return value
        otherwise = " ELSE 0" if isinstance(self.node.aggregate, Count) else ""
        return f"CASE WHEN {test} THEN {value}{otherwise} END"

    def _test_and_value(self, writer: Writer) -> tuple[str, str]:
        argument = self.node.argument
        if isinstance(argument, Raw):
            return _ALWAYS, "1"
        if isinstance(self.node.aggregate, Count):
            return f"{argument.sql(writer)} IS NOT NULL", "1"
        return _ALWAYS, self.node.of_one(writer)

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return that of the aggregate."""
        return self.node.reader(dialect, aware=aware)


@record(frozen=True, slots=True, eq=False)
class RelatedValue(Node):
    """An aggregate over the rows behind a relation, per row.

    Attributes:
        steps: The path to the rows.
        node: The aggregate.
    """

    is_closed: ClassVar[bool] = True

    steps: Steps
    node: AggregateNode

    @property
    def type(self) -> ResultType:
        """The type of the result."""
        return self.node.result

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        return ("related", self.steps, self.node.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the subquery."""
        node = self.node
        tables = writer.tables.enter(self.steps, joins_many=True)
        writer.has_subqueries = True
        with writer.inside(tables):
            call = self._call(writer)
            condition = f" AND {node.condition.sql(writer)}" if node.condition is not None else ""
        return f"(SELECT {call}{tables.from_clause()} WHERE {tables.link}{condition})"

    def _call(self, writer: Writer) -> str:
        node, argument = self.node, self.node.argument
        is_plain_count = isinstance(node.aggregate, Count) and not node.aggregate.distinct
        if is_plain_count and self._is_key(argument):
            return f"COUNT(DISTINCT {argument.sql(writer)})" if self._may_repeat() else "COUNT(*)"
        return node.unconditional(writer)

    def _may_repeat(self) -> bool:
        """Return whether a related row may come twice: a join model of the project's own may pair two rows twice."""
        field = self.steps[-1].field
        if not isinstance(field, ManyToManyRelation):
            return False
        return field.through_model._meta.join_of is not field

    def _is_key(self, argument: Node) -> bool:
        """Return whether something is the key of the rows, which each of them has."""
        if not isinstance(argument, Column):
            return False
        return argument.steps == self.steps and argument.field.primary_key

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return that of the aggregate."""
        return self.node.reader(dialect, aware=aware)

    def models(self) -> Iterator[ModelOptions]:
        """Yield the models on the way."""
        for step in self.steps:
            yield step.meta
