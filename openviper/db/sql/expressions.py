"""The parts of a query as a project writes them: conditions, references to columns, arithmetic, functions.

Immutable; they hold names. A method of a queryset resolves them once, against its model, into nodes.
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar, TypeAlias

from openviper.db.dialects.base import Dialect
from openviper.db.sql import operands
from openviper.db.sql.arithmetic import as_float, combined
from openviper.db.sql.nodes import Binding, Literal, Node, Scope, Writer, filled, mark
from openviper.db.sql.nulls import all_with_types
from openviper.db.sql.types import FLOAT, NULL, Family, ResultType, type_of_value
from openviper.exceptions import FieldError
from openviper.utils.records import record

Operand: TypeAlias = "Expression | int | float | Decimal | timedelta | date"
"""What an expression can be combined with."""

Lookup: TypeAlias = "tuple[str, Any] | Q"
"""A lookup with its value, or a nested `Q`."""


class Q:
    """Conditions that can be combined with ``&``, ``|``, ``^`` and ``~``; an empty one is neutral.

    Args:
        *conditions: Further conditions, all of which have to hold as well.
        **lookups: Lookups with their values, all of which have to hold.
    """

    __slots__ = ("children", "connector", "negated")

    def __init__(self, *conditions: operands.Condition, **lookups: Any) -> None:
        self.children: tuple[Lookup | operands.Condition, ...] = (
            *map(_as_condition, conditions),
            *operands.kept(lookups).items(),
        )
        self.connector = "AND"
        self.negated = False

    @classmethod
    def combined(
        cls,
        children: tuple[Lookup | operands.Condition, ...],
        connector: str = "AND",
        negated: bool = False,
    ) -> Q:
        """Return a `Q` over conditions that are already in the right form."""
        made = cls()
        made.children = children
        made.connector = connector
        made.negated = negated
        return made

    def as_condition(self) -> operands.Condition:
        """Return the object itself."""
        return self

    def _combine(self, other: Q, connector: str) -> Q:
        if not other.children:
            return self
        if not self.children:
            return other
        return Q.combined((*self._flat(connector), *other._flat(connector)), connector)

    def _flat(self, connector: str) -> tuple[Lookup | operands.Condition, ...]:
        """Return the conditions to join, so that a thousand joined by the same word are one level deep."""
        is_same = self.connector == connector or len(self.children) == 1
        return self.children if is_same and not self.negated else (self,)

    def __and__(self, other: object) -> Q:
        other = _as_q(other)
        return self._combine(other, "AND") if isinstance(other, Q) else NotImplemented

    def __or__(self, other: object) -> Q:
        other = _as_q(other)
        return self._combine(other, "OR") if isinstance(other, Q) else NotImplemented

    def __xor__(self, other: object) -> Q:
        other = _as_q(other)
        if not isinstance(other, Q):
            return NotImplemented
        return self._combine(other, "XOR")

    __rand__ = __and__
    __ror__ = __or__

    def __invert__(self) -> Q:
        if self.negated:
            return Q.combined(self.children, self.connector)
        return Q.combined(self.children, self.connector, negated=bool(self.children))

    def __bool__(self) -> bool:
        return bool(self.children)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Q) and (self.children, self.connector, self.negated) == (
            other.children,
            other.connector,
            other.negated,
        )

    def __hash__(self) -> int:
        return hash((self.connector, self.negated, len(self.children)))

    def __repr__(self) -> str:
        inner = f" {self.connector} ".join(
            f"{child[0]}={child[1]!r}" if isinstance(child, tuple) else repr(child)
            for child in self.children
        )
        return f"{'~' if self.negated else ''}Q({inner})"


def _as_condition(condition: object) -> operands.Condition:
    if not operands.is_condition(condition):
        raise FieldError(f"{condition!r} is not a condition")
    return condition.as_condition()


def _as_q(condition: object) -> object:
    if isinstance(condition, Q) or not operands.is_condition(condition):
        return condition
    inner = condition.as_condition()
    return inner if isinstance(inner, Q) else Q.combined((inner,))


class Expression:
    """A value that the database computes; combines with values and other expressions by ``+ - * / % **``."""

    __slots__ = ()

    is_computed: ClassVar[bool] = True
    """Tells type checkers what may stand on the right of a column's comparison."""

    def resolve(self, scope: Scope) -> Node:
        """Return the node of the expression, its names resolved.

        Raises:
            FieldError: If a name is unknown, or an operand is of the wrong type.
        """
        raise NotImplementedError

    def as_expression(self) -> Expression:
        """Return the object itself."""
        return self

    def as_condition(self) -> Expression:
        """Return the object itself; `filter` takes it if its value is a truth value."""
        return self

    def as_order(self) -> OrderBy:
        """Return the order from the least to the greatest value."""
        return OrderBy(self)

    def asc(self, *, nulls_last: bool | None = None) -> OrderBy:
        """Return the order from the least to the greatest value, for `order_by`; NULL comes first by default."""
        return OrderBy(self, nulls_last=nulls_last)

    def desc(self, *, nulls_last: bool | None = None) -> OrderBy:
        """Return the order from the greatest to the least value, for `order_by`; NULL comes last by default."""
        return OrderBy(self, descending=True, nulls_last=nulls_last)

    def _combine(self, operator: str, other: object, *, swapped: bool = False) -> Expression:
        if operands.is_selectable(other):
            other = other.as_expression()
        if not isinstance(other, (Expression, int, float, Decimal, timedelta, date)):
            return NotImplemented  # type: ignore[no-any-return]  # Python then asks the other operand
        return Combined(other, operator, self) if swapped else Combined(self, operator, other)

    def __add__(self, other: Operand) -> Expression:
        return self._combine("+", other)

    def __radd__(self, other: Operand) -> Expression:
        return self._combine("+", other, swapped=True)

    def __sub__(self, other: Operand) -> Expression:
        return self._combine("-", other)

    def __rsub__(self, other: Operand) -> Expression:
        return self._combine("-", other, swapped=True)

    def __mul__(self, other: Operand) -> Expression:
        return self._combine("*", other)

    def __rmul__(self, other: Operand) -> Expression:
        return self._combine("*", other, swapped=True)

    def __truediv__(self, other: Operand) -> Expression:
        return self._combine("/", other)

    def __rtruediv__(self, other: Operand) -> Expression:
        return self._combine("/", other, swapped=True)

    def __mod__(self, other: Operand) -> Expression:
        return self._combine("%", other)

    def __rmod__(self, other: Operand) -> Expression:
        return self._combine("%", other, swapped=True)

    def __pow__(self, other: Operand) -> Expression:
        return self._combine("**", other)

    def __rpow__(self, other: Operand) -> Expression:
        return self._combine("**", other, swapped=True)

    def __neg__(self) -> Expression:
        return self._combine("*", -1)


class F(Expression):
    """The value of a field of the row at hand.

    Args:
        name: The field; in filters also a path over foreign keys such as ``author__name``.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def resolve(self, scope: Scope) -> Node:
        """Return the column, or the computed value of that name."""
        return scope.name(self.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, F) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"F({self.name!r})"


class OrderBy:
    """A value to order by.

    Args:
        expression: The value.
        descending: From the greatest to the least.
        nulls_last: Whether rows without a value come behind all others, or before them; by default before them, and
            behind when `descending`.
    """

    __slots__ = ("descending", "expression", "nulls_last")

    def __init__(
        self, expression: Expression, *, descending: bool = False, nulls_last: bool | None = None
    ) -> None:
        self.expression = expression
        self.descending = descending
        self.nulls_last = nulls_last

    def as_order(self) -> OrderBy:
        """Return the object itself."""
        return self

    def __repr__(self) -> str:
        return f"{self.expression!r}.{'desc' if self.descending else 'asc'}()"


class Combined(Expression):
    """Two values joined by an arithmetic operator."""

    __slots__ = ("left", "operator", "right")

    def __init__(self, left: Operand, operator: str, right: Operand) -> None:
        self.left = left
        self.operator = operator
        self.right = right

    def resolve(self, scope: Scope) -> Node:
        """Return the arithmetic, of the kind that the operands make."""
        left, right = scope.operand(self.left), scope.operand(self.right)
        function = OPERATORS.get(self.operator)
        if function is not None:
            return function.of(left, right)
        return combined(self.operator, left, right, repr(self))

    def __repr__(self) -> str:
        return f"({self.left!r} {self.operator} {self.right!r})"


class Value(Expression):
    """A Python value where an expression is asked for, such as a text, which would else be the name of a field.

    Args:
        value: The value.
    """

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value.value if isinstance(value, Enum) else value

    def resolve(self, scope: Scope) -> Node:
        """Return the value."""
        return Literal(self.value, type_of_value(self.value))

    def __repr__(self) -> str:
        return f"Value({self.value!r})"


# Functions

Accepted: TypeAlias = "Family | frozenset[Family]"
"""What an argument of a function may be."""
Argument: TypeAlias = "Expression | operands.Selectable | str | int | float | Decimal | timedelta | date | time | bytes"
"""What a function takes: a text is the name of a field, everything else a value or an expression."""


class Func(Expression):
    """A function of the database; subclass it to add one.

    A subclass says in `accepts` what its arguments may be, in `gives` what comes of them, and in `template` how it is
    written; or overrides `result_type` and `sql` for more. Attributes that a subclass sets on itself are options: they must
    be hashable, and SQL is made and kept for each combination of them.

    Args:
        *arguments: Names of fields, expressions and values.

    Raises:
        TypeError: If there are more or fewer arguments than `accepts` says.
    """

    accepts: ClassVar[tuple[Accepted, ...]] = ()
    """What each argument may be; the last one goes for all further ones if `is_variadic`."""
    is_variadic: ClassVar[bool] = False
    gives: ClassVar[ResultType | None] = None
    """The type of the result; `None` for that of the first argument."""
    template: ClassVar[str] = ""
    """The SQL, with ``{0}``, ``{1}`` and so on for the arguments."""

    def __init__(self, *arguments: Argument) -> None:
        expected = len(self.accepts)
        if len(arguments) < expected or (len(arguments) > expected and not self.is_variadic):
            raise TypeError(
                f"{type(self).__name__}() takes {expected} arguments, not {len(arguments)}"
            )
        self.arguments: tuple[Argument, ...] = arguments

    def result_type(self, *arguments: ResultType) -> ResultType:
        """Return the type of the result for arguments of these types.

        Raises:
            FieldError: If there is none.
        """
        return arguments[0] if self.gives is None else self.gives

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the SQL of a call.

        Args:
            dialect: Tells the database by its `name`: ``sqlite``, ``postgresql`` or ``mysql``.
            *arguments: The SQL of each argument, which may stand anywhere and several times.
        """
        return self.template.format(*arguments)

    def options(self) -> tuple[Hashable, ...]:
        """Return what besides the arguments decides about the SQL."""
        return tuple(value for name, value in vars(self).items() if name != "arguments")

    def resolve(self, scope: Scope) -> Node:
        """Return the call, its arguments resolved and looked at."""
        call = self.of(*map(scope.field_or_operand, self.arguments))
        return Literal(None, NULL) if call.type is NULL else call

    def of(self, *arguments: Node) -> Node:
        """Return the node for arguments that are resolved already.

        Raises:
            FieldError: If one is of a type that the function does not take.
        """
        return self.call(*arguments)

    def call(self, *arguments: Node) -> Call:
        """Return the call for arguments that are resolved already, as `of` does."""
        last = len(self.accepts) - 1
        accepted = [_families(self.accepts[min(place, last)]) for place in range(len(arguments))]
        for argument, families in zip(arguments, accepted, strict=True):
            if argument.type is not NULL and argument.type.family not in families:
                wanted = " or ".join(sorted(family.value for family in families))
                raise FieldError(f"{self!r}: takes a {wanted}, not a {argument.type}")
        result = self.result_type(*(node.type for node in arguments))
        return Call(self, all_with_types(arguments, accepted), result)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.arguments))})"


def _families(accepted: Accepted) -> frozenset[Family]:
    return accepted if isinstance(accepted, frozenset) else frozenset({accepted})


@record(frozen=True, slots=True, eq=False)
class Call(Node):
    """A function with its arguments.

    Attributes:
        function: The function.
        arguments: The nodes.
        result: The type of the result.
    """

    function: Func
    arguments: tuple[Node, ...]
    result: ResultType

    @property
    def type(self) -> ResultType:
        """The type of the result."""
        return self.result

    def bind(self, binding: Binding) -> Hashable:
        """Return the function with its options, and the shapes of the arguments."""
        shapes = tuple([argument.bind(binding) for argument in self.arguments])
        return (type(self.function), self.function.options(), self.result, shapes)

    def sql(self, writer: Writer) -> str:
        """Return the call; each use of an argument is written anew, so that its placeholders are counted.

        Raises:
            QueryError: If the statement would have more calls than `MAX_CALLS`.
        """
        writer.count_call(type(self.function).__name__)
        marks = map(mark, range(len(self.arguments)))
        text = self.function.sql(writer.dialect, *marks)
        return filled(text, writer, *(argument.sql for argument in self.arguments))


class Mod(Func):
    """The rest of a division of whole numbers, with the sign of the first; NULL when dividing by zero."""

    accepts = (Family.INTEGER, Family.INTEGER)

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call."""
        number, divisor = arguments
        if dialect.name == "sqlite":
            return f"({number} % {divisor})"
        return f"MOD({number}, NULLIF({divisor}, 0))"


_NUMBERS = frozenset({Family.INTEGER, Family.FLOAT, Family.DECIMAL})


def whole_of_mysql(whole: str, number: str) -> str:
    """Return a number of MariaDB as a whole one.

    MariaDB makes the nearest one that there is of a number that is too large, without a word; a power of such a number is
    an error, as the cast is on the other databases.
    """
    return (
        f"CASE WHEN {number} >= {2**63} OR {number} < {-(2**63)} THEN CAST(POWER({number}, 99) AS SIGNED) "
        f"ELSE CAST({whole} AS SIGNED) END"
    )


LARGEST_LOG = 709.782
"""The logarithm of the largest floating-point number, rounded down."""
SMALLEST_LOG = -745.13
"""That of the smallest one that is not 0."""


class Power(Func):
    """A number to the power of another, as a floating-point number.

    NULL where there is no such number, as for the root of a negative one, and where it is too large.
    """

    accepts = (_NUMBERS, _NUMBERS)
    gives = FLOAT

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call."""
        number, power = arguments
        if dialect.name == "sqlite":
            return f"openviper_power({number}, {power})"
        number, power = as_float(number, dialect), as_float(power, dialect)
        # The servers fail where Python does. The logarithm tells beforehand how large the result will be.
        size = f"LEAST(GREATEST({power}, -1e300), 1e300) * LN(NULLIF(ABS({number}), 0))"
        return (
            # PostgreSQL's LEAST and GREATEST leave NULL out.
            f"CASE WHEN {power} IS NULL OR {number} = 0 AND {power} < 0 THEN NULL "
            f"WHEN {number} < 0 AND {power} <> FLOOR({power}) THEN NULL "
            f"WHEN {size} > {LARGEST_LOG} THEN NULL WHEN {size} < {SMALLEST_LOG} THEN 0 "
            f"ELSE POWER({number}, {power}) END"
        )


OPERATORS: dict[str, Func] = {"%": Mod(0, 0), "**": Power(0, 0)}
"""Operators that are functions of the database."""
