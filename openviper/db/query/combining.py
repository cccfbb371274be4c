"""Querysets combined: union, intersection, difference."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from typing import Any, Generic, NoReturn, Protocol, TypeAlias, TypeVar

from openviper.db.executor import may_read, plan_on, read, read_alias
from openviper.db.fields.model_options import ModelOptions
from openviper.db.query.slices import PartialQuery, capped, natural, part_of_slice
from openviper.db.sql import operands
from openviper.db.sql.combined import (
    Combination,
    CombinedCount,
    CombinedSelect,
    CombinedSubselect,
    Maker,
    Part,
    Place,
    PlainPart,
    common_type,
)
from openviper.db.sql.conditions import Truth
from openviper.db.sql.description import EVERYTHING, Description
from openviper.db.sql.selects import compiled
from openviper.db.sql.subqueries import Subselect
from openviper.db.sql.types import Family
from openviper.exceptions import FieldError, QueryError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Finish: TypeAlias = Callable[[list[Any], str], Awaitable[None]]
"""What is done with results that have been read from a database."""


async def _nothing_more(_results: list[Any], _alias: str) -> None:
    """Do nothing with what was read."""


class Source(Generic[T]):
    """One query as a part of a combination.

    Args:
        meta: The model.
        part: The query.
        names: What its columns are called.
        make: Makes the results of the rows.
        finish: Completes the results, such as by what is prefetched.
        key_place: Of instances, the number of the column with their key.
        default_order: The order of the result, unless it gets another.
    """

    def __init__(
        self,
        meta: ModelOptions,
        part: Part,
        names: tuple[str, ...],
        make: Maker,
        finish: Finish = _nothing_more,
        default_order: tuple[Place, ...] = (),
        key_place: int | None = None,
    ) -> None:
        self.meta = meta
        self.part = part
        self.names = names
        self.make = make
        self.finish = finish
        self.default_order = default_order
        self.key_place = key_place


class Combinable(Protocol[T_co]):
    """A query that can be combined with others."""

    def as_source(self) -> Source[Any]:
        """Return the query as a part of a combined one.

        Raises:
            QueryError: If it cannot be one.
        """
        ...


METHODS = {"UNION": "union", "INTERSECT": "intersection", "EXCEPT": "difference"}


def combined(
    word: str, queries: Sequence[Combinable[Any]], *, keeps_equal: bool
) -> CombinedQuery[Any]:
    """Return the combination of queries.

    Raises:
        QueryError: If they do not go together.
    """
    method = METHODS[word]
    if len(queries) < 2:
        raise QueryError(f"{method}() needs another query")
    for query in queries:
        if not hasattr(type(query), "as_source"):
            raise QueryError(f"{method}({query!r}): not a query")
    sources = [query.as_source() for query in queries]
    _check_alike(method, sources)
    combination = Combination(
        word,
        keeps_equal,
        tuple(source.part for source in sources),
        sources[0].default_order,
        EVERYTHING,
    )
    return CombinedQuery(sources[0], combination)


def _check_alike(method: str, sources: Sequence[Source[Any]]) -> None:
    widths = {len(source.names) for source in sources}
    if len(widths) > 1:
        raise QueryError(f"{method}() takes queries for as many values each, not {sorted(widths)}")
    for place, name in enumerate(sources[0].names):
        nodes = [part.nodes[place] for source in sources for part in source.part.plain()]
        if common_type(nodes) is None:
            types = " and ".join(dict.fromkeys(str(node.type) for node in nodes))
            raise QueryError(f"{method}(): the values of {name!r} are of different types, {types}")


class CombinedQuery(PartialQuery, Generic[T]):
    """The rows of several queries; immutable, and run when awaited.

    It can be ordered, sliced, counted and combined again; conditions belong into its parts.

    Args:
        source: The first query, which decides what the results are.
        combination: All of them.
    """

    __slots__ = ("_combination", "_source")

    def __init__(self, source: Source[T], combination: Combination) -> None:
        self._source = source
        self._combination = combination

    def _with(self, order: tuple[Place, ...], part: Description) -> CombinedQuery[T]:
        old = self._combination
        changed = Combination(old.word, old.keeps_equal, old.parts, order, part)
        return CombinedQuery(self._source, changed)

    def filter(self, *conditions: operands.Condition, **lookups: Any) -> NoReturn:
        """Refuse.

        Raises:
            QueryError: Always.
        """
        raise QueryError(
            "combined queries take no filter(); filter each of them, or use filter(pk__in=...) around them"
        )

    exclude = filter

    def order_by(self, *terms: str | operands.Ordering) -> CombinedQuery[T]:
        """Replace the order, by names of the values of the first query.

        Raises:
            FieldError: If a name is another one.
            QueryError: If the query is sliced.
        """
        if self._combination.slice.is_sliced:
            raise QueryError("order_by() comes before limit(), offset() and slices")
        return self._with(tuple(map(self._place, terms)), self._combination.slice)

    def _place(self, term: object) -> Place:
        name, descending = str(term).removeprefix("-"), str(term).startswith("-")
        if operands.is_ordering(term):
            order = term.as_order()
            name, descending = getattr(order.expression, "name", ""), order.descending
        if name == "pk" and "pk" not in self._source.names:
            name = self._source.meta.pk.attname
        if name not in self._source.names:
            known = ", ".join(self._source.names)
            raise FieldError(f"combined queries cannot be ordered by {term!r}; known: {known}")
        place = self._source.names.index(name)
        node = self._combination.nodes[place]
        if node.type.family in (Family.ARRAY, Family.JSON):
            raise FieldError(
                f"{name!r}: values of type {node.type} have no order in a combined query"
            )
        return place, descending

    def limit(self, count: int) -> CombinedQuery[T]:
        """Return at most so many rows.

        Raises:
            ValueError: If `count` is negative.
        """
        old = self._combination
        return self._with(old.order, old.slice.changed(limit=natural("limit", count)))

    def offset(self, count: int) -> CombinedQuery[T]:
        """Skip so many rows.

        Raises:
            ValueError: If `count` is negative.
        """
        old = self._combination
        return self._with(old.order, old.slice.changed(offset=natural("offset", count)))

    def __getitem__(self, rows: slice) -> CombinedQuery[T]:
        """Return a query for a slice of the rows.

        Raises:
            TypeError: If it is no slice.
            ValueError: If it has a step, or counts from the end.
        """
        old = self._combination
        limit, offset = part_of_slice(old.slice, rows)
        return self._with(old.order, old.slice.changed(limit=limit, offset=offset))

    # Running

    def __await__(self) -> Generator[Any, None, list[T]]:
        return self._run().__await__()

    async def __aiter__(self) -> AsyncIterator[T]:
        for row in await self:
            yield row

    async def _run(self) -> list[T]:
        source = self._source
        allowed, alias = await self._prepared(capped(self._combination.slice))
        statement = CombinedSelect(plan_on(source.meta, alias), allowed, source.make)
        select = compiled(statement)
        results: list[T] = await read(
            source.meta, alias, select.sql, select.parameters, select.convert
        )
        await source.finish(results, alias)
        return results

    async def _prepared(self, part: Description) -> tuple[Combination, str]:
        """Return the combination less the rows that may not be read, and the database of all parts."""
        old = self._combination
        aliases: set[str] = set()
        parts = tuple([await _allowed(each, aliases) for each in old.parts])
        if len(aliases) > 1:
            raise QueryError(f"combined queries are of different databases: {sorted(aliases)}")
        return Combination(old.word, old.keeps_equal, parts, old.order, part), aliases.pop()

    async def count(self) -> int:
        """Return the number of rows."""
        meta = self._source.meta
        allowed, alias = await self._prepared(self._combination.slice)
        select = compiled(CombinedCount(plan_on(meta, alias), allowed))
        number: int = await read(meta, alias, select.sql, select.parameters, select.convert)
        return number

    async def exists(self) -> bool:
        """Return whether there is any row."""
        return await self[:1].count() > 0

    async def first(self) -> T | None:
        """Return the first row, or `None`."""
        rows = await self[:1]
        return rows[0] if rows else None

    # As a part of others

    def union(self, *others: Combinable[Any], all: bool = False) -> CombinedQuery[T]:  # noqa: A002 - SQL's word
        """Return the rows of this query and of others, equal ones once unless `all` is set.

        Raises:
            QueryError: If the queries do not go together.
        """
        return combined("UNION", (self, *others), keeps_equal=all)

    def intersection(self, *others: Combinable[Any], all: bool = False) -> CombinedQuery[T]:  # noqa: A002 - SQL's word
        """Return the rows that this query and all others give; the arguments are those of `union`."""
        return combined("INTERSECT", (self, *others), keeps_equal=all)

    def difference(self, *others: Combinable[Any], all: bool = False) -> CombinedQuery[T]:  # noqa: A002 - SQL's word
        """Return the rows of this query that no other gives; the arguments are those of `union`."""
        return combined("EXCEPT", (self, *others), keeps_equal=all)

    def as_source(self) -> Source[T]:
        """Return the query as a part of a further combination."""
        old = self._source
        return Source(
            old.meta,
            self._combination,
            old.names,
            old.make,
            old.finish,
            old.default_order,
            old.key_place,
        )

    def as_subquery(self) -> Subselect:
        """Return the query as a node, for a query around it; of instances, with their keys as its one column."""
        source, combination = self._source, self._combination
        place = source.key_place or 0
        column = (combination.nodes[place],)
        return CombinedSubselect(source.meta, combination.slice, column, combination, place)

    def as_subquery_of(self, key: str) -> Subselect:
        """Return the query as a node with one column.

        Raises:
            QueryError: If it has several.
        """
        width = len(self._source.names)
        if width > 1 and self._source.key_place is None:
            raise QueryError(f"{key!r} takes a query of one column, not of {width}")
        return self.as_subquery()


async def _allowed(part: Part, aliases: set[str]) -> Part:
    """Return a part that gives nothing where reading is denied and it wants nothing rather than an error."""
    if isinstance(part, Combination):
        parts = tuple([await _allowed(each, aliases) for each in part.parts])
        return Combination(part.word, part.keeps_equal, parts, part.order, part.slice)
    assert isinstance(part, PlainPart)
    aliases.add(await read_alias(part.meta, part.query.using))
    if await may_read(part.meta, part.query, part.nodes):
        return part
    nothing = part.query.changed(where=(*part.query.where, Truth(False)))
    return PlainPart(part.meta, nothing, part.nodes)
