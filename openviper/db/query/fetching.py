"""The methods of a queryset that read."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Generator, Iterable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from openviper.db import executor
from openviper.db.connection import connections
from openviper.db.connections.drivers.base import LATER
from openviper.db.executor import (
    alias_at_once,
    check_permission,
    choose_alias,
    is_enforced,
    may_read,
    may_read_at_once,
    plan_on,
    read_alias,
    read_now_or_later,
    write_alias,
)
from openviper.db.fields.instance_state import remember_alias_of
from openviper.db.fields.related_paths import Named, name_of
from openviper.db.query.explaining import analyzing
from openviper.db.query.prefetch import with_keys
from openviper.db.query.selecting import SelectingQuery
from openviper.db.query.slices import MAX_ROWS, capped
from openviper.db.query.values import ValuesQuery, as_tuples
from openviper.db.sql.chance import is_random
from openviper.db.sql.description import EVERYTHING, Description
from openviper.db.sql.expressions import Q
from openviper.db.sql.names import column_at, order_named
from openviper.db.sql.nodes import Node, Order
from openviper.db.sql.operands import Condition, Selectable
from openviper.db.sql.prepared import plan_for
from openviper.db.sql.resolving import QueryScope
from openviper.db.sql.selects import (
    Select,
    select_count,
    select_exists,
    select_instances,
)
from openviper.db.sql.statements import order_of
from openviper.exceptions import DoesNotExist, MultipleObjectsReturned, QueryError
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from typing import Self

    from openviper.db.query import groups, loaders, pages
    from openviper.db.query.pages import Page
    from openviper.db.sql import subqueries, summaries
    from openviper.db.sql.subqueries import Subselect
else:
    # Few processes need all of them, and each takes as long to import as half of this file does.
    groups = lazy_module("openviper.db.query.groups")
    loaders = lazy_module("openviper.db.query.loaders")
    pages = lazy_module("openviper.db.query.pages")
    subqueries = lazy_module("openviper.db.sql.subqueries")
    summaries = lazy_module("openviper.db.sql.summaries")

M = TypeVar("M")

IN_BULK_SIZE = 500
"""Most keys of one query of `in_bulk`."""


class ReadingQuery(SelectingQuery[M]):
    """A query that can be run."""

    __slots__ = ()

    # Instances

    def __await__(self) -> Generator[Any, None, list[M]]:
        return self._fetch_all().__await__()

    async def __aiter__(self) -> AsyncIterator[M]:
        for instance in await self._fetch_all():
            yield instance

    def all(self, ignore_permissions: bool = False) -> Self:
        """Return the same query; awaiting it gives the list of instances."""
        return self._with(ignore_permissions=ignore_permissions or self.query.ignore_permissions)

    def _fetch_all(self) -> Coroutine[Any, Any, list[M]]:
        return self._fetch(capped(self.query))

    async def _fetch(self, query: Description) -> list[M]:
        meta = self._meta
        if not may_read_at_once(query) and not await may_read(meta, query):
            return []
        alias = alias_at_once(meta, query.using) or await self._alias_by_router(query)
        if query.lock:
            executor.check_in_transaction(alias, "select_for_update()")
        if query.prefetch:
            query = with_keys(meta, query)
        database = connections.get(alias)
        sql, values, convert = select = select_instances(plan_for(meta, database.dialect), query)
        result = (
            LATER if meta.cache_ttl else read_now_or_later(meta, database, sql, values, convert)
        )
        if result is LATER:
            result = await self._read_later(alias, query, select)
        found: list[M] = result
        if query.prefetch or alias != meta.backend:
            await self._complete(found, query, alias)
        return found

    async def _alias_by_router(self, query: Description) -> str:
        return await (write_alias if query.lock else read_alias)(self._meta, query.using)

    async def _read_later(self, alias: str, query: Description, select: Select) -> Any:
        """Run a read that may have to wait, or whose result may be at hand from an earlier one."""
        if self._meta.cache_ttl and not query.lock:
            return await executor.read_cached(self._meta, alias, query, select)
        return await executor.read_later(self._meta, alias, *select)

    async def get(
        self, *conditions: Condition, ignore_permissions: bool = False, **lookups: Any
    ) -> M:
        """Return the one instance for which the conditions hold.

        Raises:
            DoesNotExist: If there is none.
            MultipleObjectsReturned: If there are several.
            FieldError: If a name is unknown.
        """
        if self.query is EVERYTHING and len(lookups) == 1 and not conditions:
            ((key, value),) = lookups.items()
            if key in ("pk", self._meta.pk.name):
                found = await self._get_by_key(value, ignore_permissions)
                return found[0] if found else self._missed(repr(lookups))
        found = await self._fetch_two(conditions, ignore_permissions, lookups)
        return found[0] if found else self._missed("the query")

    def _missed(self, wanted: str) -> NoReturn:
        raise DoesNotExist(f"no {self._meta.model_name} matches {wanted}")

    async def _get_by_key(self, value: Any, ignore_permissions: bool) -> list[M]:
        """Read one row by its key with SQL made once, the shortest way through all rooms."""
        meta = self._meta
        if is_enforced(ignore_permissions):
            await check_permission(meta, "read")
        alias = alias_at_once(meta, None) or await read_alias(meta, None)
        database = connections.get(alias)
        plan = plan_for(meta, database.dialect)
        try:
            value = plan.take_key(value)
        except (ValueError, TypeError):
            return []
        result: Any = read_now_or_later(meta, database, plan.get_sql, [value], plan.build)
        if result is LATER:
            result = await executor.read_later(meta, alias, plan.get_sql, [value], plan.build)
        found: list[M] = result
        if alias != meta.backend and not connections.has_routers:
            remember_alias_of(found, alias, ())
        return found

    async def _fetch_two(
        self, conditions: tuple[Condition, ...], ignore: bool, lookups: dict[str, Any]
    ) -> list[M]:
        query = self.filter(*conditions, ignore_permissions=ignore, **lookups).query
        # Two rows tell whether there is more than one; a smaller limit of the query itself stays.
        found = await self._fetch(query if query.limit in (0, 1) else query.changed(limit=2))
        if len(found) > 1:
            raise MultipleObjectsReturned(
                f"more than one {self._meta.model_name} matches the query"
            )
        return found

    async def get_or_none(
        self, *conditions: Condition, ignore_permissions: bool = False, **lookups: Any
    ) -> M | None:
        """Return the one instance for which the conditions hold, or `None`.

        Raises:
            MultipleObjectsReturned: If there are several.
            FieldError: If a name is unknown.
        """
        found = await self._fetch_two(conditions, ignore_permissions, lookups)
        return found[0] if found else None

    async def first(self) -> M | None:
        """Return the first instance, by primary key if the query has no order, or `None`."""
        query = self.query if self._order() else self.query.changed(order=(self._by_key(),))
        found = await self._fetch(query if query.limit == 0 else query.changed(limit=1))
        return found[0] if found else None

    async def last(self) -> M | None:
        """Return the last instance, by primary key if the query has no order, or `None`.

        Raises:
            QueryError: If the query is sliced.
        """
        if self.query.is_sliced:
            raise QueryError("cannot take the last() of a queryset with limit() or offset()")
        order = self._order() or (self._by_key(),)
        turned = tuple(term.turned() for term in order)
        found = await self._fetch(self.query.changed(order=turned, limit=1))
        return found[0] if found else None

    def _order(self) -> tuple[Order, ...]:
        return order_of(self._meta, self.query)

    def _by_key(self) -> Order:
        return order_named(self._meta, "pk")

    async def in_bulk(
        self, id_list: Iterable[Any] | None = None, *, field_name: Named = "pk"
    ) -> dict[Any, M]:
        """Return instances by the value of a field.

        Args:
            id_list: The values; all rows when not given.
            field_name: A field whose values are unique.

        Raises:
            FieldError: If there is no such field.
            QueryError: If the query is sliced, or the field is not unique.
        """
        field = self._meta.field(name := name_of(self._meta, field_name))
        if not (field.unique or field.primary_key):
            raise QueryError(f"in_bulk(field_name={name!r}) needs a unique field")
        if self.query.is_sliced:
            raise QueryError("cannot use in_bulk() on a queryset with limit() or offset()")
        found = await (self._fetch_all() if id_list is None else self._among(name, id_list))
        return {getattr(instance, field.attname): instance for instance in found}

    async def _among(self, name: str, values: Iterable[Any]) -> list[M]:
        """Return the instances that have one of some values in a field, by as many queries as it takes."""
        wanted = list(dict.fromkeys(values))
        found: list[M] = []
        for start in range(0, len(wanted), IN_BULK_SIZE):
            chosen = {f"{name}__in": wanted[start : start + IN_BULK_SIZE]}
            found += await self.filter(Q(**chosen))
        return found

    async def iterator(self, chunk_size: int = 2000) -> AsyncGenerator[M, None]:
        """Yield instances one at a time; memory holds `chunk_size` of them.

        Without an order the rows come by primary key, each query going on behind the last key. With an order of its own the
        query is run once, and its rows are fetched as they are needed.

        Raises:
            ValueError: If `chunk_size` is less than 1.
            OperationalError: If it has an order and was begun in a transaction that has ended since.
        """
        _check_size("chunk_size", chunk_size)
        chunks = (
            self._stream(chunk_size)
            if self._order() or self.query.offset
            else self.id_batch(chunk_size)
        )
        async for chunk in chunks:
            for instance in chunk:
                yield instance

    async def _stream(self, size: int) -> AsyncGenerator[list[M], None]:
        meta, query = self._meta, self.query.changed(order=self._total_order())
        if not await may_read(meta, query):
            return
        alias = await read_alias(meta, query.using)
        query = with_keys(meta, query)
        select = select_instances(plan_on(meta, alias), query)
        chunks = executor.stream(meta, alias, select.sql, select.parameters, select.convert, size)
        async with aclosing(chunks):
            async for found in chunks:
                await self._complete(found, query, alias)
                yield found

    async def _complete(self, found: list[M], query: Description, alias: str) -> None:
        """Do what belongs to instances that have just been built."""
        if alias != self._meta.backend and (query.using or not connections.has_routers):
            remember_alias_of(found, alias, query.related)
        if query.prefetch:
            await loaders.run_prefetch(fetch_instances, self._meta, found, query, alias)

    def _check_steady(self, method: str) -> None:
        """Refuse to give the rows by several queries if each of them would be in another order.

        Raises:
            QueryError: If so.
        """
        if any(map(is_random, self._order())):
            raise QueryError(
                f"{method}() needs an order that stays; order_by('?') changes each time"
            )

    def _total_order(self) -> tuple[Order, ...]:
        """Return the order with the primary key behind it, so that no two rows are equal."""
        order, key = self._order(), self._by_key()
        return order if any(term.node is key.node for term in order) else (*order, key)

    async def batch(self, size: int = 100) -> AsyncGenerator[list[M], None]:
        """Yield lists of instances in the order of the query, each by a query of its own.

        Raises:
            ValueError: If `size` is less than 1.
        """
        _check_size("size", size)
        self._check_steady("batch")
        query = self.query.changed(order=self._total_order())
        offset = query.offset
        end = offset + _most_rows(query)
        while offset < end:
            count = min(size, end - offset)
            instances = await self._fetch(query.changed(limit=count, offset=offset))
            if instances:
                yield instances
            offset = offset + count if len(instances) == count else end

    async def id_batch(self, size: int = 100) -> AsyncGenerator[list[M], None]:
        """Yield lists of instances by primary key, each by a query that goes on behind the last key.

        Raises:
            ValueError: If `size` is less than 1.
            QueryError: If the query skips rows.
        """
        _check_size("size", size)
        self._check_not_skipping()
        query = self.query.changed(order=(self._by_key(),))
        left = _most_rows(query)
        while count := min(size, left):
            instances = await self._fetch(query.changed(limit=count))
            if instances:
                yield instances
            if len(instances) < count:
                return
            left -= count
            query = query.changed(where=self.query.where + self._behind_key_of(instances[-1]))

    def _check_not_skipping(self) -> None:
        if self.query.offset:
            raise QueryError("id_batch() goes by primary key and cannot skip rows; use batch()")

    def _behind_key_of(self, instance: M) -> tuple[Node, ...]:
        key = getattr(instance, self._meta.pk.attname)
        return self._where((), {"pk__gt": key})

    async def paginate(
        self, page_number: int = 1, page_size: int = 25, cursor: str | None = None
    ) -> Page[M]:
        """Return one page of the instances, and how many there are in all.

        Args:
            page_number: From 1 on.
            page_size: Most instances.
            cursor: The `next_cursor` of the page before; the page then begins behind it, however many rows came since.

        Raises:
            InvalidPage: If a number is less than 1, or the cursor was not made by this query; unhandled it is a 400.
            QueryError: If the query is sliced.
        """
        pages.check_page("page_number", page_number)
        pages.check_page("page_size", page_size)
        if self.query.is_sliced:
            raise QueryError("cannot paginate() a queryset with limit() or offset()")
        self._check_steady("paginate")
        order = self._total_order()
        cursors = pages.Cursors(self._meta, order)
        query = self.query.changed(order=order, limit=min(page_size, MAX_ROWS))
        if cursor is not None:
            query = query.changed(where=(*query.where, cursors.behind(cursor)))
        else:
            query = query.changed(offset=min((page_number - 1) * page_size, MAX_ROWS))
        # One after the other: a pinned connection or a transaction can do only one thing at a time.
        total = await self.count()
        items = await self._fetch(query)
        is_full = len(items) == page_size
        place = await self._place_of(order, items[-1]) if is_full else None
        following = None if place is None else cursors.make(place)
        return pages.Page(items, total, page_number, page_size, following)

    async def _place_of(self, order: tuple[Order, ...], instance: M) -> list[Any] | None:
        """Return the values that an instance is ordered by; `None` if a cursor cannot hold them."""
        known = pages.known_values(self.query, order, instance)
        missing = [place for place, value in enumerate(known) if value is pages.UNKNOWN_VALUE]
        if missing:  # The instance does not have them; they are looked up once per page.
            values = await self._values_of(instance, [order[place].node for place in missing])
            for place, value in zip(missing, values, strict=True):
                known[place] = value
        return known if pages.can_be_signed(order, known) else None

    async def _values_of(self, instance: M, nodes: list[Node]) -> tuple[Any, ...]:
        query = EVERYTHING.changed(using=self.query.using, ignore_permissions=True)
        key = getattr(instance, self._meta.pk.attname)
        row = type(self)(self.model, query).filter(pk=key).query
        named = [(str(place), node) for place, node in enumerate(nodes)]
        found = await ValuesQuery(self._meta, row, named, as_tuples, is_named=True)
        return found[0] if found else (None,) * len(nodes)

    # As parts of other queries

    def as_subquery(self) -> Subselect:
        """Return the query as a node whose one column is the primary key, for a query around it."""
        key = column_at(self._meta, (), self._meta.pk)
        return subqueries.Subselect(self._meta, self.query.changed(lock=()), (key,))

    def as_subquery_of(self, key: str) -> Subselect:
        """Return the query as a node with one column, the primary key."""
        return self.as_subquery()

    # Numbers

    async def _read(self, select: Select, alias: str) -> Any:
        return await executor.read(self._meta, alias, select.sql, select.parameters, select.convert)

    async def _alias(self, nodes: Sequence[Node] = ()) -> str | None:
        """Return the database to ask, or `None` if the answer has to be that there is nothing."""
        if not await may_read(self._meta, self.query, nodes):
            return None
        return await read_alias(self._meta, self.query.using)

    async def count(self) -> int:
        """Return the number of rows."""
        alias = await self._alias()
        if alias is None:
            return 0
        number: int = await self._read(select_count(plan_on(self._meta, alias), self.query), alias)
        return number

    async def exists(self) -> bool:
        """Return whether there is any row."""
        alias = await self._alias()
        if alias is None:
            return False
        found: bool = await self._read(select_exists(plan_on(self._meta, alias), self.query), alias)
        return found

    async def aggregate(self, **aggregates: Selectable) -> dict[str, Any]:
        """Return values computed over all rows of the query, slices included.

        Raises:
            FieldError: If a value is no aggregate or names an unknown field.
            QueryError: If none is asked for.
        """
        if not aggregates:
            raise QueryError("aggregate() needs at least one aggregate")
        scope = QueryScope(self._meta, dict(self.query.annotations), is_grouped=True)
        nodes = groups.aggregates_of(scope, "aggregate", aggregates)
        alias = await self._alias(list(nodes.values()))
        if alias is None:
            return {name: groups.of_no_rows(aggregate) for name, aggregate in aggregates.items()}
        select = summaries.select_aggregates(
            plan_on(self._meta, alias), self.query, list(nodes.items())
        )
        result: dict[str, Any] = await self._read(select, alias)
        return result

    # Text

    def raw_sql(self) -> str:
        """Return the SQL of the query, with placeholders instead of values."""
        alias = choose_alias(self._meta, self.query.using)
        return select_instances(
            plan_for(self._meta, connections.get(alias).dialect), self.query
        ).sql

    async def explain(self, *, analyze: bool = False) -> str:
        """Return the database's plan for the query, one step per line.

        Args:
            analyze: Run the query, and tell what each step took.

        Raises:
            DatabaseOperationNotSupportedError: If the database cannot tell that, which is SQLite.
        """
        alias = await self._alias()
        if alias is None:
            return ""
        plan = plan_on(self._meta, alias)
        select = select_instances(plan, self.query)
        sql = plan.dialect.explain(select.sql)
        if analyze:
            sql = await analyzing(self._meta, alias, plan.dialect, select.sql)
        return await executor.read(
            self._meta, alias, sql, select.parameters, plan.dialect.explained
        )


async def fetch_instances(model: type[Any], query: Description) -> list[Any]:
    """Return the instances of a model that a query finds."""
    return await ReadingQuery(model)._fetch(query)


def _most_rows(query: Description) -> int:
    return MAX_ROWS - query.offset if query.limit is None else query.limit


def _check_size(name: str, size: object) -> None:
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ValueError(f"{name}={size!r} is not a number of at least 1")
