"""Functions that choose between values: CASE, COALESCE and their kin."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from openviper.db.dialects.base import Dialect
from openviper.db.sql import operands
from openviper.db.sql.expressions import Argument, Call, Expression, Func, whole_of_mysql
from openviper.db.sql.nodes import Binding, Node, Scope, Writer
from openviper.db.sql.nulls import with_type
from openviper.db.sql.shown import Shown
from openviper.db.sql.types import (
    FLOAT,
    INTEGER,
    NULL,
    NUMBERS,
    ORDERED,
    TEXT,
    Family,
    ResultType,
    decimal_type,
)
from openviper.exceptions import FieldError
from openviper.utils.records import record

_ANY = frozenset(Family) - {Family.OPAQUE}


def common_type(types: Sequence[ResultType], text: str) -> ResultType:
    """Return the type of a value that is one of several.

    Args:
        types: Their types.
        text: The expression, for the message.

    Raises:
        FieldError: If they have no type in common.
    """
    known = list(dict.fromkeys(types))
    if NULL in known:
        known.remove(NULL)
    if len(known) < 2:
        return known[0] if known else NULL
    if not {one.family for one in known} <= NUMBERS:
        raise FieldError(f"{text}: {', '.join(map(str, known))} have no type in common")
    return FLOAT if FLOAT in known else decimal_type(max(one.places for one in known))


class Coalesce(Func):
    """The first of several values that is not NULL."""

    accepts = (_ANY, _ANY)
    is_variadic = True

    def result_type(self, *arguments: ResultType) -> ResultType:
        """Return the type that the values have in common."""
        return common_type(arguments, repr(self))

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call."""
        return f"COALESCE({', '.join(arguments)})"


class NullIf(Func):
    """The first value, or NULL if it equals the second."""

    accepts = (_ANY - {Family.JSON, Family.ARRAY}, _ANY - {Family.JSON, Family.ARRAY})

    def __init__(self, value: Argument, other: Argument) -> None:
        super().__init__(value, other)

    def result_type(self, *arguments: ResultType) -> ResultType:
        """Return the type of the first."""
        common_type(arguments, repr(self))
        return arguments[0]

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call; PostgreSQL's own would turn the first value into the type of the second."""
        value, other = arguments
        if dialect.name == "postgresql":
            return f"CASE WHEN {value} = {other} THEN NULL ELSE {value} END"
        return f"NULLIF({value}, {other})"

    def of(self, *arguments: Node) -> Node:
        """Return the call; values of one type are written once each, so that nested calls grow with their number."""
        call = self.call(*arguments)
        value, other = call.arguments
        is_one_type = value.type is other.type
        return Call(_NULLIF, call.arguments, call.type) if is_one_type else call


class _PlainNullIf(Func):
    """The database's own function, whose value has the type of both arguments if that is the same."""

    accepts = (_ANY, _ANY)
    template = "NULLIF({0}, {1})"


_NULLIF = _PlainNullIf(0, 0)


class Greatest(Func):
    """The greatest of several values; NULL if one of them is."""

    accepts = (ORDERED, ORDERED)
    is_variadic = True
    name = "GREATEST"
    name_of_sqlite = "max"

    def result_type(self, *arguments: ResultType) -> ResultType:
        """Return the type that the values have in common."""
        return common_type(arguments, repr(self))

    def of(self, *arguments: Node) -> Node:
        """Return the call; arguments that are such calls give theirs, so that the text grows with their number only."""
        call = self.call(*arguments)
        inner = [node for argument in call.arguments for node in self._inner(argument)]
        return Call(self, tuple(inner), call.type)

    def _inner(self, argument: Node) -> tuple[Node, ...]:
        is_same = isinstance(argument, Call) and type(argument.function) is type(self)
        return argument.arguments if is_same and isinstance(argument, Call) else (argument,)

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call; PostgreSQL's own leaves NULLs out."""
        if dialect.name == "sqlite":
            return f"{self.name_of_sqlite}({', '.join(arguments)})"
        call = f"{self.name}({', '.join(arguments)})"
        if dialect.name == "mysql":
            return call
        missing = " OR ".join(f"{argument} IS NULL" for argument in arguments)
        return f"CASE WHEN {missing} THEN NULL ELSE {call} END"


class Least(Greatest):
    """The least of several values; NULL if one of them is."""

    name = "LEAST"
    name_of_sqlite = "min"


# Cast

_NUMBER = "^ *[-+]?([0-9]{1,250}([.][0-9]{0,250})?|[.][0-9]{1,250})([eE][-+]?[0-9]{1,3})? *$"
"""A text that is a number, as a pattern of the servers; the one of SQLite is in `openviper.db.dialects.sqlite_functions`."""
_TARGETS = {
    int: INTEGER,
    float: FLOAT,
    str: TEXT,
}


class Cast(Func):
    """A number as another kind of number, a number as text, or a text as a number.

    A text that is not a number becomes NULL. A number loses what is behind the point when it becomes a whole one.

    Args:
        value: The value.
        to: ``int``, ``float`` or ``str``.

    Raises:
        TypeError: If `to` is another class.
    """

    accepts = (frozenset({Family.INTEGER, Family.FLOAT, Family.DECIMAL, Family.TEXT}),)

    def __init__(self, value: Argument, to: type[int] | type[float] | type[str]) -> None:
        if to not in _TARGETS:
            raise TypeError(f"Cast(): {to!r} is not int, float or str")
        super().__init__(value)
        self.to = to

    def __repr__(self) -> str:
        return f"Cast({self.arguments[0]!r}, {self.to.__name__})"

    def result_type(self, *arguments: ResultType) -> ResultType:
        """Return the type asked for."""
        if self.to is str and arguments[0].family is Family.FLOAT:
            raise FieldError(
                f"{self!r}: each database writes a floating-point number in its own way"
            )
        return _TARGETS[self.to]

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call."""
        value = arguments[0]
        if self.to is int:
            return _as_whole(value, dialect)
        return f"CAST({value} AS {dialect.value_type('REAL' if self.to is float else 'TEXT')})"

    def of(self, *arguments: Node) -> Node:
        """Return the call; a text becomes a number in a way of its own, a decimal number a text."""
        if self.to is str and arguments[0].type.family is Family.DECIMAL:
            return super().of(Shown(arguments[0]))
        if self.to is not str and arguments[0].type.family is Family.TEXT:
            return Call(_NumberOfText(self.arguments[0], self.to), arguments, _TARGETS[self.to])
        return super().of(*arguments)


class _NumberOfText(Func):
    """A text as a number; NULL if it is none."""

    def __init__(self, value: Argument, to: type[int] | type[float] | type[str]) -> None:
        self.arguments = (value,)
        self.to = to

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call."""
        text = arguments[0]
        if dialect.name == "sqlite":
            return f"openviper_{'whole' if self.to is int else 'number'}({text})"
        if dialect.name == "postgresql":
            test, number = f"{text} ~ '{_NUMBER}'", f"TRIM({text})"
        else:
            # Digits behind the point are kept as long as they can be; what is no number has been passed over.
            test, number = f"{text} REGEXP '{_NUMBER}'", f"(TRIM({text}) + 0e0)"
        made = _as_whole(number, dialect) if self.to is int else _as_real(number, dialect)
        return f"CASE WHEN {test} THEN {made} END"


def _as_whole(value: str, dialect: Dialect) -> str:
    if dialect.name == "postgresql":
        return f"CAST(TRUNC(CAST({value} AS NUMERIC)) AS BIGINT)"
    if dialect.name == "mysql":
        return whole_of_mysql(f"TRUNCATE({value}, 0)", value)
    return (
        f"CASE WHEN {value} >= {2.0**63} OR {value} < {-(2.0**63)} THEN openviper_out_of_range({value}) "
        f"ELSE CAST({value} AS INTEGER) END"
    )


def _as_real(value: str, dialect: Dialect) -> str:
    return f"CAST({value} AS {dialect.value_type('REAL')})"


# Case


class When:
    """One branch of a `Case`.

    Args:
        *conditions: All of which have to hold.
        then: The value; a text is the name of a field, a fixed text a `Value`.
        **lookups: Lookups that have to hold as well.

    Raises:
        TypeError: If there is no condition.
    """

    def __init__(
        self, *conditions: operands.Condition, then: Argument | None, **lookups: Any
    ) -> None:
        if not conditions and not lookups:
            raise TypeError("When() needs a condition")
        self.conditions = conditions
        self.lookups = operands.kept(lookups)
        self.then = then

    def __repr__(self) -> str:
        lookups = [f"{key}={value!r}" for key, value in self.lookups.items()]
        return f"When({', '.join([*map(repr, self.conditions), *lookups])}, then={self.then!r})"


class Case(Expression):
    """The value of the first branch whose condition holds.

    Args:
        *branches: The branches, in the order in which they are tried.
        default: The value if none holds; NULL when not given.

    Raises:
        TypeError: If there is no branch.
    """

    def __init__(self, *branches: When, default: Argument | None = None) -> None:
        if not branches:
            raise TypeError("Case() needs at least one When()")
        self.branches = branches
        self.default = default

    def resolve(self, scope: Scope) -> Node:
        """Return the node of all branches."""
        pairs = tuple(self._resolved(branch, scope) for branch in self.branches)
        default = None if self.default is None else scope.field_or_operand(self.default)
        values = [value for _, value in pairs]
        if default is not None:
            values.append(default)
        result = common_type([value.type for value in values], repr(self))
        typed = tuple([(test, with_type(value, result)) for test, value in pairs])
        return CaseNode(typed, default and with_type(default, result), result)

    @staticmethod
    def _resolved(branch: When, scope: Scope) -> tuple[Node, Node]:
        condition = scope.all_of(branch.conditions, branch.lookups)
        return condition, scope.field_or_operand(branch.then)

    def __repr__(self) -> str:
        return f"Case({', '.join(map(repr, self.branches))}, default={self.default!r})"


@record(frozen=True, slots=True, eq=False)
class CaseNode(Node):
    """Values with their conditions.

    Attributes:
        branches: Pairs of condition and value.
        default: The value if no condition holds.
        result: The type that the values have in common.
    """

    branches: tuple[tuple[Node, Node], ...]
    default: Node | None
    result: ResultType

    @property
    def type(self) -> ResultType:
        """The type of the values."""
        return self.result

    def bind(self, binding: Binding) -> Hashable:
        """Return the shapes."""
        branches = tuple(
            [(test.bind(binding), value.bind(binding)) for test, value in self.branches]
        )
        return (
            "case",
            self.result,
            branches,
            None if self.default is None else self.default.bind(binding),
        )

    def sql(self, writer: Writer) -> str:
        """Return the CASE."""
        branches = [
            f" WHEN {test.sql(writer)} THEN {value.sql(writer)}" for test, value in self.branches
        ]
        default = "" if self.default is None else f" ELSE {self.default.sql(writer)}"
        return f"CASE{''.join(branches)}{default} END"
