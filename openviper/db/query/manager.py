"""Managers: where the queries of a model begin."""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast, overload

from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from typing import Self

    from openviper.db.fields.columns import Column
    from openviper.db.fields.related_paths import Named
    from openviper.db.query import queryset as querysets
    from openviper.db.query.pages import CursorPage, Page
    from openviper.db.query.prefetch import Prefetch
    from openviper.db.query.queryset import QuerySet
    from openviper.db.query.raw import RawQuery
    from openviper.db.query.upserts import OnConflict
    from openviper.db.query.values import ValuesQuery
    from openviper.db.sql.functions.moments import Unit
    from openviper.db.sql.operands import Condition, Ordering, Selectable
else:
    # Each model has a manager; what queries take to import, two fifths of the models' time, waits for the first query.
    querysets = lazy_module("openviper.db.query.queryset")

M = TypeVar("M")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
Query = Coroutine[Any, Any, M]
_AT_HAND = ("filter", "get", "create")


def _forwarded(name: str, member: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(member)
    def forward(self: Manager[Any], *args: Any, **kwargs: Any) -> Any:
        return getattr(self.get_queryset(), name)(*args, **kwargs)

    return forward


class _LateQuerySet:
    """A class of queries that is imported with the first query."""

    def __init__(self, find: Callable[[], type[QuerySet[Any]]]) -> None:
        self._find = find

    def __get__(self, manager: Any, owner: type[Any]) -> type[QuerySet[Any]]:
        return self._find()


def late_queryset(find: Callable[[], type[QuerySet[Any]]]) -> type[QuerySet[Any]]:
    """Return what `Manager.queryset_class` can be where the class is not to be imported before the first query."""
    return cast("type[QuerySet[Any]]", _LateQuerySet(find))


class Manager(Generic[M]):
    """The queries of one model, as ``Model.objects``; override `get_queryset` to begin from another one.

    Every method is that of the queryset.

    Args:
        model: The model; set by the class that holds the manager when not given.
    """

    queryset_class: type[QuerySet[Any]] = late_queryset(lambda: querysets.QuerySet)
    """The class of the queries."""

    def __init__(self, model: type[M] | None = None) -> None:
        self.name = ""
        self._everything: QuerySet[M] | None = None
        if model is not None:
            self.bind(model, "objects")

    def bind(self, model: type[M], name: str) -> None:
        """Take the model whose instances this manager queries."""
        self.model: type[M] = model
        self.name = name
        self._everything = None
        for method in _AT_HAND:  # A copy has those of the model it was copied from.
            vars(self).pop(method, None)

    def _begin(self) -> QuerySet[M]:
        """Return the query that all others begin from, now that there is the first one."""
        assert self.name, "a manager belongs into the body of a model class"
        everything: QuerySet[M] = self.queryset_class(self.model)
        self._begin_from(everything)
        return everything

    def _begin_from(self, everything: QuerySet[M]) -> None:
        """Take the query that all others begin from, and have its most used methods at hand.

        Found in the manager itself they take no call that hands the arguments on, which is a tenth of a short query's time.
        """
        self._everything = everything
        is_plain = type(self).get_queryset is Manager.get_queryset
        for name in _AT_HAND if is_plain else ():
            if getattr(type(self), name) is getattr(Manager, name):
                setattr(self, name, getattr(everything, name))

    @classmethod
    def from_queryset(cls, queryset_class: type[QuerySet[Any]]) -> type[Any]:
        """Return a manager class whose queries are of a class of your own, and which has its public methods too.

        What it returns is not typed, as its methods are only known at run time; a subclass of `Manager` with methods of its
        own is.

        Args:
            queryset_class: A subclass of `QuerySet`.

        Raises:
            TypeError: If it is none.
        """
        plain = querysets.QuerySet
        if not issubclass(queryset_class, plain):
            raise TypeError(f"{queryset_class!r} is not a subclass of QuerySet")
        members: dict[str, Any] = {"queryset_class": queryset_class}
        for klass in reversed(queryset_class.__mro__):
            if issubclass(klass, plain) and klass is not plain:
                for name, member in vars(klass).items():
                    if not name.startswith("_") and callable(member):
                        members[name] = _forwarded(name, member)
        return type(f"{cls.__name__}From{queryset_class.__name__}", (cls,), members)

    def bound_copy(self, model: type[Any], name: str) -> Self:
        """Return a copy for another model, so that inherited managers are never shared."""
        made = copy.copy(self)
        made.bind(model, name)
        return made

    def query_by(self, queryset_class: type[QuerySet[Any]]) -> None:
        """Begin queries from another class of querysets."""
        self._begin_from(queryset_class(self.model))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.model.__name__}.{self.name}>"

    def get_queryset(self) -> QuerySet[M]:
        """Return the query that all others begin from; all rows unless overridden."""
        # Querysets are immutable, so one serves all.
        return self._begin() if self._everything is None else self._everything

    def all(self, ignore_permissions: bool = False) -> QuerySet[M]:
        """Return a query for all rows."""
        return self.get_queryset().all(ignore_permissions)

    def filter(
        self, *conditions: Condition, ignore_permissions: bool = False, **lookups: Any
    ) -> QuerySet[M]:
        """Return a query for the rows for which all conditions hold."""
        return self.get_queryset().filter(
            *conditions, ignore_permissions=ignore_permissions, **lookups
        )

    def exclude(self, *conditions: Condition, **lookups: Any) -> QuerySet[M]:
        """Return a query without the rows for which all conditions hold."""
        return self.get_queryset().exclude(*conditions, **lookups)

    def order_by(self, *names: str | Ordering) -> QuerySet[M]:
        """Return a query in this order."""
        return self.get_queryset().order_by(*names)

    def limit(self, count: int) -> QuerySet[M]:
        """Return a query for at most so many rows."""
        return self.get_queryset().limit(count)

    def offset(self, count: int) -> QuerySet[M]:
        """Return a query that skips so many rows."""
        return self.get_queryset().offset(count)

    def distinct(self) -> QuerySet[M]:
        """Return a query for rows that differ."""
        return self.get_queryset().distinct()

    def only(self, *names: Named) -> QuerySet[M]:
        """Return a query that loads just these fields."""
        return self.get_queryset().only(*names)

    def defer(self, *names: Named) -> QuerySet[M]:
        """Return a query that loads all fields but these."""
        return self.get_queryset().defer(*names)

    def select_related(self, *names: Named) -> QuerySet[M]:
        """Return a query that loads these foreign keys' instances too."""
        return self.get_queryset().select_related(*names)

    def prefetch_related(self, *names: Named | Prefetch) -> QuerySet[M]:
        """Return a query that loads these relations' instances too, by one more query each."""
        return self.get_queryset().prefetch_related(*names)

    def annotate(self, **expressions: Selectable) -> QuerySet[M]:
        """Return a query that computes values per row."""
        return self.get_queryset().annotate(**expressions)

    def alias(self, **expressions: Selectable) -> QuerySet[M]:
        """Return a query that names values per row without making them part of the result."""
        return self.get_queryset().alias(**expressions)

    def none(self) -> QuerySet[M]:
        """Return a query for no rows."""
        return self.get_queryset().none()

    def __getitem__(self, rows: slice) -> QuerySet[M]:
        """Return a query for a slice of the rows."""
        return self.get_queryset()[rows]

    def latest(self, *terms: str | Ordering) -> Query[M]:
        """Return the instance with the greatest values."""
        return self.get_queryset().latest(*terms)

    def earliest(self, *terms: str | Ordering) -> Query[M]:
        """Return the instance with the least values."""
        return self.get_queryset().earliest(*terms)

    def dates(
        self, name: Named, unit: Literal["year", "month", "day"], *, descending: bool = False
    ) -> ValuesQuery[Any]:
        """Return, when awaited, the different dates of a field, each cut to a unit."""
        return self.get_queryset().dates(name, unit, descending=descending)

    def datetimes(self, name: Named, unit: Unit, *, descending: bool = False) -> ValuesQuery[Any]:
        """Return, when awaited, the different moments of a field, each cut to a unit."""
        return self.get_queryset().datetimes(name, unit, descending=descending)

    def raw(self, sql: str, parameters: Sequence[Any] = ()) -> RawQuery[M]:
        """Return, when awaited, the instances that a SELECT of one's own gives."""
        return self.get_queryset().raw(sql, parameters)

    def select_for_update(self, nowait: bool = False, skip_locked: bool = False) -> QuerySet[M]:
        """Return a query that locks its rows until the transaction ends."""
        return self.get_queryset().select_for_update(nowait, skip_locked)

    def if_permitted(self) -> QuerySet[M]:
        """Return a query that gives nothing when reading is denied."""
        return self.get_queryset().if_permitted()

    def using(self, alias: str) -> QuerySet[M]:
        """Return a query on this database."""
        return self.get_queryset().using(alias)

    def get(
        self, *conditions: Condition, ignore_permissions: bool = False, **lookups: Any
    ) -> Query[M]:
        """Return the one instance for which the conditions hold.

        Raises:
            DoesNotExist: If there is none.
            MultipleObjectsReturned: If there are several.
        """
        return self.get_queryset().get(
            *conditions, ignore_permissions=ignore_permissions, **lookups
        )

    def get_or_none(
        self, *conditions: Condition, ignore_permissions: bool = False, **lookups: Any
    ) -> Query[M | None]:
        """Return the one instance for which the conditions hold, or `None`."""
        return self.get_queryset().get_or_none(
            *conditions, ignore_permissions=ignore_permissions, **lookups
        )

    def get_or_404(
        self, *conditions: Condition, ignore_permissions: bool = False, **lookups: Any
    ) -> Query[M]:
        """Return the one instance for which the conditions hold; `NotFound` if there is none."""
        return self.get_queryset().get_or_404(
            *conditions, ignore_permissions=ignore_permissions, **lookups
        )

    def update(self, **values: Any) -> Query[int]:
        """Set columns of all rows and return their number; no hook runs."""
        return self.get_queryset().update(**values)

    def create(self, *, ignore_permissions: bool = False, **values: Any) -> Query[M]:
        """Build an instance and save it."""
        return self.get_queryset().create(ignore_permissions=ignore_permissions, **values)

    def get_or_create(
        self, defaults: Mapping[str, Any] | None = None, **lookups: Any
    ) -> Query[tuple[M, bool]]:
        """Return the matching instance, or create it."""
        return self.get_queryset().get_or_create(defaults, **lookups)

    def update_or_create(
        self, defaults: Mapping[str, Any] | None = None, **lookups: Any
    ) -> Query[tuple[M, bool]]:
        """Save `defaults` on the matching instance, or create it."""
        return self.get_queryset().update_or_create(defaults, **lookups)

    def first(self) -> Query[M | None]:
        """Return the first instance, or `None`."""
        return self.get_queryset().first()

    def last(self) -> Query[M | None]:
        """Return the last instance, or `None`."""
        return self.get_queryset().last()

    def count(self) -> Query[int]:
        """Return the number of rows."""
        return self.get_queryset().count()

    def exists(self) -> Query[bool]:
        """Tell whether there is any row."""
        return self.get_queryset().exists()

    def in_bulk(
        self, id_list: Iterable[Any] | None = None, *, field_name: Named = "pk"
    ) -> Query[dict[Any, M]]:
        """Return instances by the value of a unique field."""
        return self.get_queryset().in_bulk(id_list, field_name=field_name)

    def iterator(self, chunk_size: int = 2000) -> AsyncGenerator[M, None]:
        """Yield instances one at a time."""
        return self.get_queryset().iterator(chunk_size)

    def batch(self, size: int = 100) -> AsyncGenerator[list[M], None]:
        """Yield lists of instances."""
        return self.get_queryset().batch(size)

    def id_batch(self, size: int = 100) -> AsyncGenerator[list[M], None]:
        """Yield lists of instances by primary key."""
        return self.get_queryset().id_batch(size)

    def paginate(
        self, page_number: int = 1, page_size: int = 25, cursor: str | None = None
    ) -> Query[Page[M]]:
        """Return one page of all instances."""
        return self.get_queryset().paginate(page_number, page_size, cursor)

    def cursor_page(self, cursor: str | None = None, page_size: int = 25) -> Query[CursorPage[M]]:
        """Return one page of all instances, with the ways to those around it."""
        return self.get_queryset().cursor_page(cursor, page_size)

    def values(
        self, *names: str | Selectable, **expressions: Selectable
    ) -> ValuesQuery[dict[str, Any]]:
        """Return, when awaited, a list of dicts."""
        return self.get_queryset().values(*names, **expressions)

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
        self, _a: Column[A, Any], _b: Column[B, Any], _c: Column[C, Any], _d: Column[D, Any], /
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
        """Return, when awaited, a list of tuples, or of values if `flat` is set."""
        queryset = self.get_queryset()
        return queryset.values_list(*names, flat=True) if flat else queryset.values_list(*names)

    def aggregate(self, **aggregates: Selectable) -> Query[dict[str, Any]]:
        """Return values computed over all rows."""
        return self.get_queryset().aggregate(**aggregates)

    def explain(self, *, analyze: bool = False) -> Query[str]:
        """Return the database's plan for the query of all rows."""
        return self.get_queryset().explain(analyze=analyze)

    def raw_sql(self) -> str:
        """Return the SQL of the query of all rows."""
        return self.get_queryset().raw_sql()

    def get_single(self) -> Query[M]:
        """Return the one row of a single model."""
        return self.get_queryset().get_single()

    def create_single(self, **values: Any) -> Query[M]:
        """Create the one row of a single model."""
        return self.get_queryset().create_single(**values)

    def update_single(self, **values: Any) -> Query[M]:
        """Change and return the one row of a single model."""
        return self.get_queryset().update_single(**values)

    def get_or_create_single(self, **values: Any) -> Query[M]:
        """Return the one row of a single model, made if need be."""
        return self.get_queryset().get_or_create_single(**values)

    def bulk_create(
        self,
        objs: Iterable[M],
        batch_size: int | None = None,
        *,
        ignore_permissions: bool = False,
        on_conflict: OnConflict | None = None,
        unique_fields: Sequence[str] | None = None,
        update_fields: Sequence[str] | None = None,
    ) -> Query[list[M]]:
        """Insert instances in one transaction and return them."""
        return self.get_queryset().bulk_create(
            objs,
            batch_size,
            ignore_permissions=ignore_permissions,
            on_conflict=on_conflict,
            unique_fields=unique_fields,
            update_fields=update_fields,
        )

    def bulk_update(
        self,
        objs: Iterable[M],
        fields: Sequence[Named],
        batch_size: int | None = None,
        *,
        ignore_permissions: bool = False,
    ) -> Query[int]:
        """Write some fields of stored instances in one transaction and return the number of rows."""
        return self.get_queryset().bulk_update(
            objs, fields, batch_size, ignore_permissions=ignore_permissions
        )
