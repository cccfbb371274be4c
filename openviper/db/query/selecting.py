"""The methods of a queryset that ask for values instead of instances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar, overload

from openviper.db.fields.columns import Column
from openviper.db.query.chaining import QueryBuilder, column_name, is_computed
from openviper.db.query.values import ValuesQuery, as_dicts, as_scalars, as_tuples
from openviper.db.sql.operands import Selectable
from openviper.db.sql.rows.from_rows import Row
from openviper.db.sql.selects import value_nodes

M = TypeVar("M")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")


def _named(columns: tuple[Any, ...]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the expressions among columns, each with a name of its own, and the names of all columns."""
    placed = [(f"value{place}", column) for place, column in enumerate(columns, 1)]
    computed = {name: column for name, column in placed if is_computed(column)}
    asked = [name if name in computed else column_name(column) for name, column in placed]
    return computed, tuple(asked)


class SelectingQuery(QueryBuilder[M]):
    """A query whose values can be asked for."""

    __slots__ = ()

    def values(
        self, *names: str | Selectable, **expressions: Selectable
    ) -> ValuesQuery[dict[str, Any]]:
        """Return, when awaited, a list of dicts.

        Args:
            *names: Fields or paths such as ``author__name``, which comes back under ``name``; all columns by default.
            **expressions: Values computed per row, by the names under which they come back, as for `annotate`.

        Raises:
            FieldError: If a name is unknown, or one for a computed value is taken.
        """
        asked = (*map(column_name, names), *expressions)
        query = self.annotate(**expressions) if expressions else self
        return query._values(asked, as_dicts)

    @overload
    def values_list(self, _a: Column[A, Any], /, *, flat: Literal[True]) -> ValuesQuery[A]: ...
    @overload
    def values_list(self, _a: Column[A, Any], /) -> ValuesQuery[tuple[A]]: ...
    @overload
    def values_list(
        self, _a: Column[A, Any], _b: Column[B, Any], /
    ) -> ValuesQuery[tuple[A, B]]: ...
    @overload
    def values_list(
        self, _a: Column[A, Any], _b: Column[B, Any], _c: Column[C, Any], /
    ) -> ValuesQuery[tuple[A, B, C]]: ...
    @overload
    def values_list(
        self,
        _a: Column[A, Any],
        _b: Column[B, Any],
        _c: Column[C, Any],
        _d: Column[D, Any],
        /,
    ) -> ValuesQuery[tuple[A, B, C, D]]: ...
    @overload
    def values_list(
        self,
        _a: Column[A, Any],
        _b: Column[B, Any],
        _c: Column[C, Any],
        _d: Column[D, Any],
        _e: Column[E, Any],
        /,
    ) -> ValuesQuery[tuple[A, B, C, D, E]]: ...
    @overload
    def values_list(
        self, *names: str | Selectable, flat: Literal[False] = ...
    ) -> ValuesQuery[tuple[Any, ...]]: ...
    @overload
    def values_list(self, *names: str | Selectable, flat: Literal[True]) -> ValuesQuery[Any]: ...
    def values_list(self, *names: Any, flat: bool = False) -> ValuesQuery[Any]:
        """Return, when awaited, a list of tuples.

        Args:
            *names: Fields, paths or expressions; all columns by default.
            flat: Give the values themselves, for exactly one name.

        Raises:
            FieldError: If a name is unknown.
            ValueError: If `flat` is set with other than one name.
        """
        if flat and len(names) != 1:
            raise ValueError(f"values_list(flat=True) takes one field, not {len(names)}")
        computed, asked = _named(names)
        query = self.alias(**computed) if computed else self
        return query._values(asked, as_scalars if flat else as_tuples)

    def _values(
        self, names: tuple[str, ...], shape: Callable[[tuple[str, ...], list[Row]], list[Any]]
    ) -> ValuesQuery[Any]:
        columns = value_nodes(self._meta, self.query, names)
        return ValuesQuery(self._meta, self.query, columns, shape, is_named=bool(names))
