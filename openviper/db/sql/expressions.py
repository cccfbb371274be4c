"""The parts of a query: conditions, references to columns, aggregates. Immutable; they know no model and no SQL."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, TypeAlias

from openviper.exceptions import FieldError

Operand: TypeAlias = "Expression | int | float | Decimal"
"""What an expression can be combined with."""

Condition: TypeAlias = "tuple[Any, Any] | Q"
"""A lookup with its value, or a nested `Q`; the lookup is a text, or an object that is one already."""


class Q:
    """Conditions that can be combined with ``&``, ``|`` and ``~``; an empty one is neutral.

    Args:
        *conditions: Further `Q` objects, all of which have to hold as well.
        **lookups: Lookups with their values, all of which have to hold.
    """

    __slots__ = ("children", "connector", "negated")

    def __init__(self, *conditions: Q, **lookups: Any) -> None:
        for condition in conditions:
            if not isinstance(condition, Q):
                raise FieldError(f"{condition!r} is not a Q object")
        self.children: tuple[Condition, ...] = (*conditions, *lookups.items())
        self.connector = "AND"
        self.negated = False

    @classmethod
    def combined(
        cls, children: tuple[Condition, ...], connector: str = "AND", negated: bool = False
    ) -> Q:
        """Return a `Q` over conditions that are already in the right form."""
        made = cls()
        made.children = children
        made.connector = connector
        made.negated = negated
        return made

    def as_condition(self) -> Q:
        """Return the object itself."""
        return self

    def _combine(self, other: Q, connector: str) -> Q:
        if not other.children:
            return self
        if not self.children:
            return other
        return Q.combined((self, other), connector)

    def __and__(self, other: object) -> Q:
        return self._combine(other, "AND") if isinstance(other, Q) else NotImplemented

    def __or__(self, other: object) -> Q:
        return self._combine(other, "OR") if isinstance(other, Q) else NotImplemented

    def __invert__(self) -> Q:
        return Q.combined((self,), negated=True) if self.children else self

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
            repr(child) if isinstance(child, Q) else f"{child[0]}={child[1]!r}"
            for child in self.children
        )
        return f"{'~' if self.negated else ''}Q({inner})"


class Expression:
    """A value that the database computes; combines with numbers and other expressions by ``+ - * /``."""

    __slots__ = ()

    is_computed: ClassVar[bool] = True
    """Tells type checkers apart what may stand on the right of a column's comparison."""

    def as_expression(self) -> Expression:
        """Return the object itself."""
        return self

    def as_order(self) -> OrderBy:
        """Return the order from the least to the greatest value."""
        return OrderBy(self)

    def asc(self) -> OrderBy:
        """Return the order from the least to the greatest value, for `order_by`."""
        return OrderBy(self)

    def desc(self) -> OrderBy:
        """Return the order from the greatest to the least value, for `order_by`."""
        return OrderBy(self, descending=True)

    def _combine(self, operator: str, other: Operand, *, swapped: bool = False) -> Expression:
        if not isinstance(other, (Expression, int, float, Decimal)):
            return NotImplemented
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


class F(Expression):
    """The value of a field of the row at hand.

    Args:
        name: The field; in filters also a path over foreign keys such as ``author__name``.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"F({self.name!r})"


class OrderBy:
    """A value to order by.

    Args:
        expression: The value.
        descending: From the greatest to the least.
    """

    __slots__ = ("descending", "expression")

    def __init__(self, expression: Expression, *, descending: bool = False) -> None:
        self.expression = expression
        self.descending = descending

    def as_order(self) -> OrderBy:
        """Return the object itself."""
        return self


class Combined(Expression):
    """Two values joined by an arithmetic operator."""

    __slots__ = ("left", "operator", "right")

    def __init__(self, left: Operand, operator: str, right: Operand) -> None:
        self.left = left
        self.operator = operator
        self.right = right

    def __repr__(self) -> str:
        return f"({self.left!r} {self.operator} {self.right!r})"


class Aggregate(Expression):
    """A value computed over several rows: all those of a query, or those that belong to an instance.

    Args:
        field: The field, or a path over foreign keys; in `annotate` also over a `related_name` or a many-to-many field. Or
            arithmetic over such names, as in ``Sum(F("price") * F("stock"))``; behind a relation to many rows, all names have
            to follow the same one.
        distinct: Count or add up equal values only once.
    """

    __slots__ = ("distinct", "field")

    function: ClassVar[str] = ""

    def __init__(self, field: str | Expression, distinct: bool = False) -> None:
        self.field: str | Expression = field.name if isinstance(field, F) else field
        self.distinct = distinct

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.field!r}{', distinct=True' if self.distinct else ''})"


class Count(Aggregate):
    """How many rows have a value; ``Count("*")`` counts all rows."""

    __slots__ = ()

    function: ClassVar[str] = "COUNT"

    def __init__(self, field: str | Expression = "*", distinct: bool = False) -> None:
        super().__init__(field, distinct)


class Sum(Aggregate):
    """The sum, `None` without rows."""

    __slots__ = ()

    function: ClassVar[str] = "SUM"


class Avg(Aggregate):
    """The average, `None` without rows."""

    __slots__ = ()

    function: ClassVar[str] = "AVG"


class Max(Aggregate):
    """The greatest value, `None` without rows."""

    __slots__ = ()

    function: ClassVar[str] = "MAX"


class Min(Aggregate):
    """The least value, `None` without rows."""

    __slots__ = ()

    function: ClassVar[str] = "MIN"
