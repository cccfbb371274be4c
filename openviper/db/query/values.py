"""Querysets that give plain values instead of instances."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

from openviper.db.compiler.builders import Row
from openviper.db.compiler.description import Description
from openviper.db.compiler.plan import plan_for
from openviper.db.compiler.selects import select_subquery, select_values, value_paths
from openviper.db.dialects.base import Dialect
from openviper.db.executor import check_read, choose_alias, plan_on, read
from openviper.db.fields.options import ModelOptions

T = TypeVar("T")


class ValuesQuery(Generic[T]):
    """A query for column values: await it, or give it to an ``in`` lookup as a subquery.

    Args:
        meta: The model's options.
        query: What is asked for.
        names: The columns; all when empty.
        shape: Makes the result of each row from it and the names of its columns.
    """

    __slots__ = ("_meta", "_names", "_query", "_shape")

    def __init__(
        self,
        meta: ModelOptions,
        query: Description,
        names: tuple[str, ...],
        shape: Callable[[tuple[str, ...], list[Row]], list[T]],
    ) -> None:
        self._meta = meta
        self._query = query
        self._names = names
        self._shape = shape

    def __await__(self) -> Generator[Any, None, list[T]]:
        return self._run().__await__()

    async def _run(self) -> list[T]:
        meta, query = self._meta, self._query
        await check_read(meta, query, self._names)
        alias = choose_alias(meta, query.using)
        plan = plan_on(meta, alias)
        select = select_values(plan, query, self._names)
        keys = tuple(key for key, _ in value_paths(meta, query, self._names))
        shape, convert = self._shape, select.convert
        return await read(meta, alias, select.sql, select.parameters, lambda rows: shape(keys, convert(rows)))

    def as_subquery(self, dialect: Dialect, parameters: list[Any]) -> str:
        """Return the SQL of the query and add its values to `parameters`."""
        return select_subquery(plan_for(self._meta, dialect), self._query, self._names, parameters)


def as_dicts(keys: tuple[str, ...], rows: list[Row]) -> list[dict[str, Any]]:
    """Return each row as a dict."""
    return [dict(zip(keys, row, strict=True)) for row in rows]


def as_tuples(keys: tuple[str, ...], rows: list[Row]) -> list[tuple[Any, ...]]:
    """Return each row as a tuple."""
    return rows


def as_scalars(keys: tuple[str, ...], rows: list[Row]) -> list[Any]:
    """Return the one value of each row."""
    return [row[0] for row in rows]
