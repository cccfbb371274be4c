"""Further ways to ask: the latest row, the dates there are, SQL of one's own, and queries combined with others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from openviper.db.fields.related_paths import Named, name_of
from openviper.db.query.fetching import ReadingQuery
from openviper.db.query.slices import MAX_ROWS
from openviper.db.query.values import ValuesQuery, as_scalars
from openviper.db.sql import operands
from openviper.db.sql.conditions import NullTest
from openviper.db.sql.names import column_at
from openviper.db.sql.nodes import Column, Node, Order
from openviper.db.sql.selects import loaded_fields
from openviper.db.sql.types import Family
from openviper.exceptions import DoesNotExist, FieldError, NotFound, QueryError
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.db.query import combining, cuts, pages, raw
    from openviper.db.query.combining import Combinable, CombinedQuery, Source
    from openviper.db.query.pages import CursorPage
    from openviper.db.query.raw import RawQuery
    from openviper.db.sql import combined
    from openviper.db.sql.combined import Place
    from openviper.db.sql.functions.moments import Unit
else:
    # Few processes need them, and each takes as long to import as the rest of this file does.
    cuts = lazy_module("openviper.db.query.cuts")
    combining = lazy_module("openviper.db.query.combining")
    combined = lazy_module("openviper.db.sql.combined")
    pages = lazy_module("openviper.db.query.pages")
    raw = lazy_module("openviper.db.query.raw")

M = TypeVar("M")


class FindingQuery(ReadingQuery[M]):
    """A query that can be asked for its latest row, for dates, and be combined with others."""

    __slots__ = ()

    # The first and the last

    async def latest(self, *terms: str | operands.Ordering) -> M:
        """Return the instance with the greatest values; a missing value is less than any other.

        Args:
            *terms: Names of fields, the first of which counts most; by default the order of the query.

        Raises:
            DoesNotExist: If there is no row.
            FieldError: If a name is unknown.
            QueryError: If the query is sliced, or has no order and no name is given.
        """
        return await self._foremost("latest", terms, descending=True)

    async def earliest(self, *terms: str | operands.Ordering) -> M:
        """Return the instance with the least values; the arguments are those of `latest`.

        Raises:
            DoesNotExist: If there is no row.
            FieldError: If a name is unknown.
            QueryError: If the query is sliced, or has no order and no name is given.
        """
        return await self._foremost("earliest", terms, descending=False)

    async def _foremost(
        self, method: str, terms: Sequence[str | operands.Ordering], *, descending: bool
    ) -> M:
        self._check_whole(method)
        order = (*self._order_asked(method, terms), self._by_key())
        wanted = tuple(term.turned() for term in order) if descending else order
        found = await self._fetch(self.query.changed(order=wanted, limit=1))
        if not found:
            raise DoesNotExist(f"no {self._meta.model_name} matches the query")
        return found[0]

    def _order_asked(
        self, method: str, terms: Sequence[str | operands.Ordering]
    ) -> tuple[Order, ...]:
        order = tuple(self._scope.order(term) for term in terms) or self._order()
        if not order:
            raise QueryError(f"{method}() needs the name of a field, such as {method}('created')")
        return order

    # One, or an answer that says there is none

    async def get_or_404(
        self, *conditions: operands.Condition, ignore_permissions: bool = False, **lookups: Any
    ) -> M:
        """Return the one instance for which the conditions hold; what may come from an address need not fit its field.

        Raises:
            NotFound: If there is none; unhandled it is a 404.
            MultipleObjectsReturned: If there are several.
            FieldError: If a name is unknown.
        """
        found = await self.get_or_none(
            *conditions, ignore_permissions=ignore_permissions, **lookups
        )
        if found is None:
            raise NotFound(f"{self._meta.verbose_name} not found.")
        return found

    # Pages by cursor

    async def cursor_page(self, cursor: str | None = None, page_size: int = 25) -> CursorPage[M]:
        """Return one page of the instances by one statement: nothing is counted, and no rows are skipped.

        Args:
            cursor: The `next_cursor` or `previous_cursor` of another page; the first page when not given.
            page_size: Most instances.

        Raises:
            InvalidPage: If the size is less than 1, or the cursor was not made by this query; unhandled it is a 400.
            QueryError: If the query is sliced, or its order is by a value that a cursor cannot hold.
        """
        pages.check_page("page_size", page_size)
        self._check_whole("cursor_page")
        self._check_steady("cursor_page")
        is_back = isinstance(cursor, str) and cursor.startswith(pages.BACK)
        order, back = self._total_order(), self._turned_order()
        walked = back if is_back else order
        query = self.query.changed(order=walked, limit=min(page_size + 1, MAX_ROWS))
        if cursor is not None:
            place = cursor[len(pages.BACK) :] if is_back else cursor
            behind = pages.Cursors(self._meta, walked).behind(place)
            query = query.changed(where=(*query.where, behind))
        items = await self._fetch(query)
        # One more than wanted tells whether the way goes on; where it came from, there was a row.
        goes_on, came_from = len(items) > page_size, cursor is not None and bool(items)
        items = items[:page_size]
        if is_back:
            items.reverse()
            goes_on, came_from = came_from, goes_on
        following = await self._cursor_at(order, items[-1]) if goes_on else None
        before = pages.BACK + await self._cursor_at(back, items[0]) if came_from else None
        return pages.CursorPage(items, following, before)

    def _turned_order(self) -> tuple[Order, ...]:
        return tuple(term.turned() for term in self._total_order())

    async def _cursor_at(self, order: tuple[Order, ...], instance: M) -> str:
        place = await self._place_of(order, instance)
        if place is None:
            raise QueryError(
                "cursor_page(): no cursor can hold the values that the query is ordered by"
            )
        return pages.Cursors(self._meta, order).make(place)

    # Dates

    def dates(
        self,
        name: Named,
        unit: Literal["year", "month", "day"],
        *,
        descending: bool = False,
    ) -> ValuesQuery[Any]:
        """Return, when awaited, the different dates of a field, each cut to a unit, in order.

        Args:
            name: A date, or a moment, of which the date in UTC counts.
            unit: ``year``, ``month`` or ``day``.
            descending: Whether the last comes first.

        Raises:
            FieldError: If the name is unknown, or neither a date nor a moment.
            ValueError: If the unit is another.
        """
        if unit not in ("year", "month", "day"):
            raise ValueError(f"dates(): {unit!r} is not 'year', 'month' or 'day'")
        name = name_of(self._meta, name)
        value = self._moment("dates", name)
        is_date = value.type.family is Family.DATE
        node = cuts.cut_date(self._scope, name, unit, is_date=is_date)
        return self._different(node, value, descending=descending)

    def datetimes(self, name: Named, unit: Unit, *, descending: bool = False) -> ValuesQuery[Any]:
        """Return, when awaited, the different moments of a field, each cut to a unit in UTC, in order.

        Args:
            name: A moment.
            unit: ``year``, ``month``, ``day``, ``hour``, ``minute`` or ``second``.
            descending: Whether the last comes first.

        Raises:
            FieldError: If the name is unknown, or no moment.
            ValueError: If the unit is another.
        """
        name = name_of(self._meta, name)
        value = self._moment("datetimes", name)
        if value.type.family is not Family.DATETIME:
            raise FieldError(f"datetimes({name!r}): a {value.type}; use dates()")
        node = cuts.cut_moment(self._scope, name, unit)
        return self._different(node, value, descending=descending)

    def _moment(self, method: str, name: str) -> Node:
        value = self._scope.name(name)
        if value.type.family not in (Family.DATE, Family.DATETIME):
            raise FieldError(f"{method}({name!r}): a {value.type} is neither a date nor a moment")
        return value

    def _different(self, node: Node, value: Node, *, descending: bool) -> ValuesQuery[Any]:
        self._check_whole("dates")
        query = self.query.changed(
            where=(*self.query.where, NullTest(value, negated=True)),
            order=(Order(node, descending),),
            distinct=True,
        )
        return ValuesQuery(self._meta, query, [("value", node)], as_scalars, is_named=True)

    # SQL of one's own

    def raw(self, sql: str, parameters: Sequence[Any] = ()) -> RawQuery[M]:
        """Return, when awaited, the instances that a SELECT of one's own gives.

        Columns that have the name of a field are its value; others become attributes, as the driver gives them. Fields
        that are not among them are deferred.

        Args:
            sql: The SELECT, with the database's own placeholders: ``?`` on SQLite, ``%s`` elsewhere.
            parameters: Their values. Never put values into the text.

        Raises:
            QueryError: If it is no SELECT, or this query has conditions, which would not count.
        """
        if self.query.where or self.query.is_sliced:
            raise QueryError("raw() takes no notice of filter() and slices; write them in the SQL")
        return raw.RawQuery(self.model, self.query, sql, parameters)

    # With other queries

    def union(self, *others: Combinable[M], all: bool = False) -> CombinedQuery[M]:  # noqa: A002 - SQL's word
        """Return a query for the instances of this query and of others, equal rows once.

        Args:
            *others: Queries for the same fields of the same model.
            all: Give equal rows as often as they occur.

        Raises:
            QueryError: If the queries do not go together.
        """
        return combining.combined("UNION", (self, *others), keeps_equal=all)

    def intersection(self, *others: Combinable[M], all: bool = False) -> CombinedQuery[M]:  # noqa: A002 - SQL's word
        """Return the instances that this query and all others give; the arguments are those of `union`."""
        return combining.combined("INTERSECT", (self, *others), keeps_equal=all)

    def difference(self, *others: Combinable[M], all: bool = False) -> CombinedQuery[M]:  # noqa: A002 - SQL's word
        """Return the instances of this query that no other gives; the arguments are those of `union`."""
        return combining.combined("EXCEPT", (self, *others), keeps_equal=all)

    def as_source(self) -> Source[M]:
        """Return the query as a part of a combined one.

        Raises:
            QueryError: If it locks rows or loads relations by a join.
        """
        meta, query = self._meta, self.query
        if query.related or query.lock:
            raise QueryError(
                "combined queries take neither select_related() nor select_for_update(); use prefetch_related()"
            )
        fields = tuple(loaded_fields(meta, query))
        nodes = [column_at(meta, (), field) for field in fields]
        shown = query.shown
        names = tuple([*(field.attname for field in fields), *(name for name, _ in shown)])
        part = combined.PlainPart(meta, query, tuple([*nodes, *(node for _, node in shown)]))
        make = combined.InstancesMaker(meta, fields, tuple(name for name, _ in shown))

        async def finish(found: list[Any], alias: str) -> None:
            await self._complete(found, query, alias)

        key_place = names.index(meta.pk.attname)
        return combining.Source(
            meta, part, names, make, finish, self._default_order(names), key_place
        )

    def _default_order(self, names: tuple[str, ...]) -> tuple[Place, ...]:
        """Return the model's own order, as far as it is by loaded fields."""
        terms = [self._scope.order(term) for term in self._meta.ordering]
        own = [(term.node, term.descending) for term in terms if isinstance(term.node, Column)]
        places = [
            (names.index(node.field.attname), descending)
            for node, descending in own
            if not node.steps and node.field.attname in names
        ]
        return tuple(places) if len(places) == len(terms) else ()
