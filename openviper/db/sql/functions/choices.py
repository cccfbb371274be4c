"""Functions that choose between values: CASE, COALESCE and their kin."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from openviper.db.dialects.base import Dialect
from openviper.db.sql import operands
from openviper.db.sql.expressions import Argument, Expression, Func
from openviper.db.sql.nodes import Binding, Node, Scope, Writer
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
    # As a CASE, which has the type of the first value on every database.
    template = "CASE WHEN {0} = {1} THEN NULL ELSE {0} END"

    def __init__(self, value: Argument, other: Argument) -> None:
        super().__init__(value, other)

    def result_type(self, *arguments: ResultType) -> ResultType:
        """Return the type of the first."""
        common_type(arguments, repr(self))
        return arguments[0]


class Greatest(Func):
    """The greatest of several values; NULL if one of them is."""

    accepts = (ORDERED, ORDERED)
    is_variadic = True
    name = "GREATEST"
    name_of_sqlite = "max"

    def result_type(self, *arguments: ResultType) -> ResultType:
        """Return the type that the values have in common."""
        return common_type(arguments, repr(self))

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

_TARGETS = {
    int: INTEGER,
    float: FLOAT,
    str: TEXT,
}


class Cast(Func):
    """A number as another kind of number, a number as text, or a text as a number.

    A text that is not a number is an error on PostgreSQL and the number at its beginning, or 0, elsewhere. A number loses
    what is behind the point when it becomes a whole one.

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
        if self.to is int and dialect.name == "postgresql":
            return f"CAST(TRUNC(CAST({value} AS NUMERIC)) AS BIGINT)"
        if self.to is int and dialect.name == "mysql":
            return f"CAST(TRUNCATE({value}, 0) AS SIGNED)"
        neutral = {int: "BIGINT", float: "REAL", str: "TEXT"}[self.to]
        return (
            f"CAST({value} AS {'INTEGER' if neutral == 'BIGINT' else dialect.value_type(neutral)})"
        )


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
        self.lookups = lookups
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
        return CaseNode(pairs, default, result)

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
