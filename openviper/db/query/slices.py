"""Parts of the rows of a query: limits, offsets, slices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from openviper.conf import settings
from openviper.db.sql.description import Description

MAX_ROWS = 2**63 - 1
"""The greatest number of rows that every database takes for a limit or an offset."""


def natural(name: str, count: object) -> int:
    """Return a number of rows, at most what the databases can count.

    Raises:
        ValueError: If it is not a whole number, or negative.
    """
    if count.__class__ is int and 0 <= count <= MAX_ROWS:
        return count
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ValueError(f"{name}({count!r}): a number of rows is not negative")
    return min(count, MAX_ROWS)


def part_of_slice(query: Description, rows: Any) -> tuple[int | None, int]:
    """Return limit and offset for a slice of the rows of a query, within those that it has already.

    Raises:
        TypeError: If it is no slice.
        ValueError: If it has a step, or counts from the end.
    """
    _check_slice(rows)
    start = _place(rows.start or 0)
    offset = min(query.offset + start, MAX_ROWS)
    if rows.stop is None and query.limit is None:
        return None, offset
    left = MAX_ROWS if query.limit is None else max(query.limit - start, 0)
    wanted = MAX_ROWS if rows.stop is None else max(_place(rows.stop) - start, 0)
    return min(left, wanted), offset


def _check_slice(rows: Any) -> None:
    if not isinstance(rows, slice):
        raise TypeError(
            f"query[{rows!r}]: a query has no single items; use a slice such as query[10:20], "
            f"or `await query.offset({rows!r}).first()`"
        )
    if rows.step not in (None, 1):
        raise ValueError(f"query[::{rows.step!r}]: a slice of a query has no step")


def _place(place: object) -> int:
    if not isinstance(place, int) or isinstance(place, bool) or place < 0:
        raise ValueError(
            f"query[{place!r}:]: a slice of a query counts from its beginning; turn the order round to count from the end"
        )
    return min(place, MAX_ROWS)


def capped(query: Description) -> Description:
    """Return a query with the limit of the setting `MAX_QUERY_ROWS`, unless it has one of its own."""
    if query.limit is not None:
        return query
    cap = settings.MAX_QUERY_ROWS
    return query if cap is None else query.changed(limit=cap)


_ADVICE = {
    "CombinedQuery": "a combined query; call it on each of its parts, or on filter(pk__in=...) around it",
    "ValuesQuery": "a query for values; call it before values()",
    "GroupsQuery": "a query for groups; call it before values()",
}
"""What queries are called that lack some of the methods, and what to write instead."""


def missing_method(query: object, name: str) -> AttributeError:
    """Return the error for an attribute that a query does not have."""
    kind = type(query).__name__
    advice = "" if name.startswith("_") else _ADVICE.get(kind, "")
    return AttributeError(
        f"{name}() does not go with {advice}"
        if advice
        else f"{kind!r} object has no attribute {name!r}",
        name=name,
        obj=query,
    )


class QueryNotList:
    """What a query is not, a list, and what to write instead."""

    __slots__ = ()

    def __bool__(self) -> bool:
        """Refuse.

        Raises:
            TypeError: Always.
        """
        raise TypeError("a queryset has no truth value; await it, or use `await query.exists()`")

    def __len__(self) -> int:
        """Refuse.

        Raises:
            TypeError: Always.
        """
        raise TypeError("a queryset has no length; await it, or use `await query.count()`")

    def __iter__(self) -> NoReturn:
        """Refuse.

        Raises:
            TypeError: Always.
        """
        raise TypeError("a queryset is read with `await query` or `async for`, not with `for`")


class PartialQuery(QueryNotList):
    """A query that lacks some of the methods of a queryset.

    Those that have all of them are without `__getattr__`: on Python 3.11 each attribute of an object that has it takes ten
    times as long, and a chain of methods reads dozens.
    """

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name):
            """Say of a method that other queries have what to write instead; reached only for names that nothing has."""
            raise missing_method(self, name)
