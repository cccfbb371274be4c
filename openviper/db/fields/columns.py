"""Columns: what a field is when it is reached on the class, ``Post.title``, and the conditions it gives.

Each kind of column (`openviper.db.fields.column_types`) has the comparisons of its values and no others, for the type
checker and at run time alike. A column says a path such as ``author__name``; the rooms above make conditions, values and orders of it, and provide for
that the `QueryParts` which this room only asks.

Two type variables tell a column's values: the first is what a query returns, `None` included where the column may be
NULL; the second is what it can be compared with.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from openviper.exceptions import FieldError

T_co = TypeVar("T_co", covariant=True)
V = TypeVar("V")


# What the rooms above provide


class Computed(Protocol):
    """A value that the database computes from others: arithmetic, functions, `F`."""

    is_computed: ClassVar[bool]

    def as_expression(self) -> Any:
        """Return the value as a part of a query."""
        ...


class Condition(Protocol):
    """What `filter` takes by position: the condition of a column, or a `Q`."""

    def as_condition(self) -> Any:
        """Return the condition as a part of a query."""
        ...


class Order(Protocol):
    """What `order_by` takes by position."""

    def as_order(self) -> Any:
        """Return the order as a part of a query."""
        ...


class QueryParts(Protocol):
    """Makes the parts of a query; the rooms above provide it."""

    def condition(self, lookup: str, value: object) -> Any:
        """Return the condition that a lookup such as ``title__startswith`` holds for a value."""
        ...

    def value(self, path: str) -> Any:
        """Return the value of a column."""
        ...

    def comparison(self, expression: Any, word: str, value: object) -> Any:
        """Return the condition that a lookup such as ``gt`` holds for a computed value and another."""
        ...

    def order(self, path: str, *, descending: bool, nulls_last: bool | None) -> Any:
        """Return the order by a column."""
        ...


class Parts:
    """The provider of query parts, once the rooms above are there."""

    provider: ClassVar[QueryParts]


class ColumnName(str):
    """The path or lookup of a column, as a text that remembers the model from which it starts."""

    __slots__ = ("model",)

    model: Any

    @classmethod
    def of(cls, text: str, model: Any) -> ColumnName:
        """Return a text with its model."""
        name = cls(text)
        name.model = model
        return name

    @classmethod
    def like(cls, name: str, text: str) -> str:
        """Return a text with the model of a name, if that has one."""
        return cls.of(text, name.model) if isinstance(name, ColumnName) else text

    def check(self, meta: Any) -> None:
        """Check that a query for a model may use the column.

        Args:
            meta: The options of the query's model.

        Raises:
            FieldError: If the column was reached on a class that has nothing to do with the model.
        """
        own, asked = self.model, meta.model
        if not (issubclass(asked, own) or own._meta.table_name == meta.table_name):
            raise FieldError(
                f"{own.__name__}.{self.replace('__', '.')} is not a column of {asked.__name__}"
            )


# Conditions


class ColumnCondition:
    """What the comparison of a column gives; conditions combine by ``&``, ``|`` and ``~``."""

    __slots__ = ("_condition",)

    def __init__(self, condition: Any) -> None:
        self._condition = condition

    def as_condition(self) -> Any:
        """Return the condition as a part of a query."""
        return self._condition

    def __and__(self, other: Condition) -> ColumnCondition:
        return ColumnCondition(self._condition & other.as_condition())

    def __rand__(self, other: Condition) -> ColumnCondition:
        return ColumnCondition(other.as_condition() & self._condition)

    def __or__(self, other: Condition) -> ColumnCondition:
        return ColumnCondition(self._condition | other.as_condition())

    def __ror__(self, other: Condition) -> ColumnCondition:
        return ColumnCondition(other.as_condition() | self._condition)

    def __xor__(self, other: Condition) -> ColumnCondition:
        return ColumnCondition(self._condition ^ other.as_condition())

    def __rxor__(self, other: Condition) -> ColumnCondition:
        return ColumnCondition(other.as_condition() ^ self._condition)

    def __invert__(self) -> ColumnCondition:
        return ColumnCondition(~self._condition)

    def __bool__(self) -> bool:
        # `Post.rank > 3 and Post.title == "x"` would silently be its second half.
        raise TypeError(
            "a condition is for the database and neither true nor false here; "
            "combine conditions with & | ~, not with and, or, not"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._condition!r}>"


# Columns


class _Asked(Generic[V]):
    """What every value of a query can be asked."""

    __slots__ = ()

    def _holds(self, operator: str, value: object) -> ColumnCondition:
        """Return the condition that a lookup such as ``gt`` holds for the value and another."""
        raise NotImplementedError

    def __eq__(self, other: V | Column[Any, V] | ComputedColumn[V] | Computed | None) -> ColumnCondition:  # type: ignore[override]  # a condition, not a truth value  # fmt: skip
        return self._holds("exact", other)

    def __ne__(self, other: V | Column[Any, V] | ComputedColumn[V] | Computed | None) -> ColumnCondition:  # type: ignore[override]  # a condition, not a truth value  # fmt: skip
        return self._holds("ne", other)

    __hash__ = object.__hash__

    def in_(self, values: Iterable[V] | Awaitable[Any]) -> ColumnCondition:
        """Return the condition that the value is one of some, or among what a query gives."""
        return self._holds("in", values)

    def not_in(self, values: Iterable[V] | Awaitable[Any]) -> ColumnCondition:
        """Return the condition that the value is none of some, nor among what a query gives."""
        return self._holds("not_in", values)

    def is_null(self, wanted: bool = True) -> ColumnCondition:
        """Return the condition that there is no value, or with `False` that there is one."""
        return self._holds("isnull", wanted)


class _Ordered(_Asked[V]):
    """What values that have an order can be asked besides."""

    __slots__ = ()

    def __lt__(self, other: V | Column[Any, V] | ComputedColumn[V] | Computed) -> ColumnCondition:
        return self._holds("lt", other)

    def __le__(self, other: V | Column[Any, V] | ComputedColumn[V] | Computed) -> ColumnCondition:
        return self._holds("lte", other)

    def __gt__(self, other: V | Column[Any, V] | ComputedColumn[V] | Computed) -> ColumnCondition:
        return self._holds("gt", other)

    def __ge__(self, other: V | Column[Any, V] | ComputedColumn[V] | Computed) -> ColumnCondition:
        return self._holds("gte", other)

    def between(self, low: V, high: V) -> ColumnCondition:
        """Return the condition that the value lies between two others, both included."""
        return self._holds("range", (as_operand(low), as_operand(high)))


class Column(_Asked[V], Generic[T_co, V]):
    """A column of a model, or of one that foreign keys lead to.

    Args:
        name: The path, with the model it starts from.
    """

    __slots__ = ("_name",)

    def __init__(self, name: ColumnName) -> None:
        self._name = name

    def __repr__(self) -> str:
        path = self._name.replace("__", ".")
        return f"<{type(self).__name__} {self._name.model.__name__}.{path}>"

    # For queries

    def as_expression(self) -> Any:
        """Return the value as a part of a query."""
        return Parts.provider.value(self._name)

    def as_order(self) -> Any:
        """Return the order from the least to the greatest value as a part of a query."""
        return Parts.provider.order(self._name, descending=False, nulls_last=None)

    def asc(self, *, nulls_last: bool | None = None) -> Order:
        """Return the order from the least to the greatest value, for `order_by`; NULL comes first by default."""
        order: Order = Parts.provider.order(self._name, descending=False, nulls_last=nulls_last)
        return order

    def desc(self, *, nulls_last: bool | None = None) -> Order:
        """Return the order from the greatest to the least value, for `order_by`; NULL comes last by default."""
        order: Order = Parts.provider.order(self._name, descending=True, nulls_last=nulls_last)
        return order

    def _holds(self, operator: str, value: object) -> ColumnCondition:
        name = self._name if operator == "exact" else self._longer(operator)
        return ColumnCondition(Parts.provider.condition(name, as_operand(value)))

    def _longer(self, part: str) -> ColumnName:
        return ColumnName.of(f"{self._name}__{part}", self._name.model)


def as_operand(value: object) -> object:
    """Return a column or computed value as a part of a query, any other value as it is."""
    make = getattr(type(value), "as_expression", None)
    return value if make is None else make(value)


class OrderedColumn(_Ordered[V], Column[T_co, V], Generic[T_co, V]):
    """A column whose values have an order."""

    __slots__ = ()


class ComputedColumn(_Ordered[V]):
    """A value that the database computes of columns.

    Args:
        expression: The value as a part of a query.
    """

    __slots__ = ("_expression",)

    def __init__(self, expression: Any) -> None:
        self._expression = expression

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._expression!r}>"

    def as_expression(self) -> Any:
        """Return the value as a part of a query."""
        return self._expression

    def as_order(self) -> Any:
        """Return the order from the least to the greatest value as a part of a query."""
        return self._expression.asc()

    def asc(self, *, nulls_last: bool | None = None) -> Order:
        """Return the order from the least to the greatest value, for `order_by`; NULL comes first by default."""
        order: Order = self._expression.asc(nulls_last=nulls_last)
        return order

    def desc(self, *, nulls_last: bool | None = None) -> Order:
        """Return the order from the greatest to the least value, for `order_by`; NULL comes last by default."""
        order: Order = self._expression.desc(nulls_last=nulls_last)
        return order

    def _holds(self, operator: str, value: object) -> ColumnCondition:
        condition = Parts.provider.comparison(self._expression, operator, as_operand(value))
        return ColumnCondition(condition)
