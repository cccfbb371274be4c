"""Indexes and constraints of `Meta`. Which database can have what is asked before anything is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from openviper.db.fields.constraint_text import validate_sql_expression
from openviper.db.fields.sql_text import SQL, SQLText, is_expression, sql_of

Predicate = str | SQL | Any
"""SQL text, or a condition such as ``Q(open=True)``."""
Deferrable = Literal["immediate", "deferred"]
"""When a constraint that can wait is checked, unless a transaction says otherwise: after each statement, or at its end."""


def _checked(predicate: Predicate) -> Predicate:
    """Return a predicate, its text checked.

    Raises:
        TypeError: If it is neither a text nor a condition.
        ValueError: If its text is more than a plain predicate.
    """
    if isinstance(predicate, str):
        return validate_sql_expression(predicate)
    if isinstance(predicate, SQL) or is_expression(predicate):
        return predicate
    raise TypeError(f"{predicate!r} is neither SQL text nor a condition such as Q(...)")


def _checked_or_none(predicate: Predicate | None) -> Predicate | None:
    return None if predicate is None else _checked(predicate)


def _names(fields: str | Sequence[str]) -> list[str]:
    """Return the names of fields.

    Raises:
        TypeError: If something else is among them.
    """
    is_one = isinstance(fields, str) or not isinstance(fields, Iterable)
    names: list[Any] = [fields] if is_one else list(fields)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{name!r} is not the name of a field; expressions=[...] takes values")
    return names


class _Parts:
    """What an index, or a constraint that is kept by one, is made over."""

    fields: list[str]
    expressions: list[Any]
    condition: Predicate | None

    def _set_parts(
        self, fields: str | Sequence[str], expressions: Sequence[Any], condition: Predicate | None
    ) -> None:
        self.fields = _names(fields)
        self.expressions = [_checked(expression) for expression in expressions]
        self.condition = _checked_or_none(condition)
        if bool(self.fields) == bool(self.expressions):
            raise ValueError(f"{type(self).__name__} needs either fields or expressions")

    def parts_sql(self, model: Any) -> list[SQLText]:
        """Return the SQL of each expression."""
        return [sql_of(model, expression) for expression in self.expressions]

    def condition_sql(self, model: Any) -> SQLText | None:
        """Return the SQL of the condition, if there is one."""
        return None if self.condition is None else sql_of(model, self.condition)


class Index(_Parts):
    """An index over one or more fields, or over values worked out from them.

    Args:
        fields: Names of the fields, ``-`` before one that descends.
        name: Its name; ``idx_<table>_<columns>`` when not given.
        condition: SQL text or a `Q`; only rows it holds for are in the index.
        expressions: Instead of fields, values worked out from them: SQL text or expressions.
        include: Names of fields whose values are kept in the index and not searched by (PostgreSQL).
        using: The kind of index, such as ``gin`` (PostgreSQL); the usual one when not given.
        opclasses: Operator classes of the parts, empty for the usual one (PostgreSQL).

    Raises:
        TypeError: If the condition is neither SQL text nor a condition.
        ValueError: If it has neither fields nor expressions, or both, or SQL text is more than an expression.
    """

    def __init__(
        self,
        fields: str | Sequence[str] = (),
        name: str | None = None,
        condition: Predicate | None = None,
        *,
        expressions: Sequence[Any] = (),
        include: Sequence[str] = (),
        using: str | None = None,
        opclasses: Sequence[str] = (),
    ) -> None:
        self._set_parts(fields, expressions, condition)
        self.name = name
        self.include = list(include)
        self.using = None if using is None else using.lower()
        self.opclasses = list(opclasses)


class Constraint:
    """What the rows of a table must hold to.

    Args:
        name: The constraint's name in the database.
    """

    def __init__(self, *, name: str) -> None:
        self.name = name


class CheckConstraint(Constraint):
    """A predicate that every row fulfils.

    Args:
        name: The constraint's name in the database.
        check: The predicate: SQL text over column names, or a `Q` over fields.

    Raises:
        TypeError: If it is neither.
        ValueError: If SQL text is more than a predicate.
    """

    def __init__(self, *, name: str, check: Predicate) -> None:
        super().__init__(name=name)
        self.check = _checked(check)

    def check_sql(self, model: Any) -> SQLText:
        """Return the SQL of the predicate."""
        return sql_of(model, self.check)


class UniqueConstraint(Constraint, _Parts):
    """Values that no two rows share.

    Args:
        fields: Names of the fields that are unique together.
        name: The constraint's name in the database.
        condition: SQL text or a `Q`; only rows it holds for are compared.
        expressions: Instead of fields, values worked out from them: SQL text or expressions.
        include: Names of fields whose values are kept in its index and not compared (PostgreSQL).
        deferrable: Check at the end of the transaction, or let a transaction ask for that (PostgreSQL).
        nulls_distinct: Whether two NULLs differ, as is usual; `False` for at most one row with NULL (PostgreSQL 15).

    Raises:
        TypeError: If the condition is neither SQL text nor a condition.
        ValueError: If it has neither fields nor expressions, or both, or SQL text is more than an expression.
    """

    def __init__(
        self,
        *,
        fields: str | Sequence[str] = (),
        name: str,
        condition: Predicate | None = None,
        expressions: Sequence[Any] = (),
        include: Sequence[str] = (),
        deferrable: Deferrable | None = None,
        nulls_distinct: bool | None = None,
    ) -> None:
        super().__init__(name=name)
        self._set_parts(fields, expressions, condition)
        self.include = list(include)
        self.deferrable = checked_deferrable(deferrable)
        self.nulls_distinct = nulls_distinct


class ExclusionConstraint(Constraint):
    """Rows of which no two fulfil all of some comparisons, such as bookings of one room that overlap (PostgreSQL).

    Args:
        name: The constraint's name in the database.
        elements: Pairs of a field's name, SQL text or expression, and the operator that must not hold, such as ``&&``.
        using: The kind of its index.
        condition: SQL text or a `Q`; only rows it holds for are compared.
        deferrable: Check at the end of the transaction, or let a transaction ask for that.

    Raises:
        TypeError: If the condition is neither SQL text nor a condition.
        ValueError: If there are no elements, or SQL text is more than an expression.
    """

    def __init__(
        self,
        *,
        name: str,
        elements: Sequence[tuple[Any, str]],
        using: str = "gist",
        condition: Predicate | None = None,
        deferrable: Deferrable | None = None,
    ) -> None:
        super().__init__(name=name)
        if not elements:
            raise ValueError("ExclusionConstraint needs elements")
        self.elements = [
            (_checked(value), validate_sql_expression(operator)) for value, operator in elements
        ]
        self.using = using.lower()
        self.condition = _checked_or_none(condition)
        self.deferrable = checked_deferrable(deferrable)

    def elements_sql(self, model: Any) -> list[tuple[SQLText, str]]:
        """Return the SQL of what is compared, with the operator of each."""
        return [(_element_sql(model, value), operator) for value, operator in self.elements]

    def condition_sql(self, model: Any) -> SQLText | None:
        """Return the SQL of the condition, if there is one."""
        return None if self.condition is None else sql_of(model, self.condition)


def _element_sql(model: Any, value: Any) -> SQLText:
    """Return the SQL of an element; a field's name is its quoted column."""
    field = model._meta.names.get(value) if isinstance(value, str) else None
    return sql_of(model, value) if field is None else f'"{field.column_name}"'


def checked_deferrable(given: Deferrable | None) -> Deferrable | None:
    """Return when a constraint is checked.

    Raises:
        ValueError: If it is neither of the two words.
    """
    if given not in (None, "immediate", "deferred"):
        raise ValueError(f"deferrable={given!r} is neither 'immediate' nor 'deferred'")
    return given
