"""Managers: where the queries of a model begin."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from openviper.db.expressions import Aggregate, Q
from openviper.db.query import QuerySet
from openviper.db.query.values import ValuesQuery

if TYPE_CHECKING:
    from typing import Self

M = TypeVar("M")
Query = Coroutine[Any, Any, M]


class Manager(Generic[M]):
    """The queries of one model, as ``Model.objects``; override `get_queryset` to begin from another one.

    Every method is that of the queryset.

    Args:
        model: The model; set by the class that holds the manager when not given.
    """

    def __init__(self, model: type[M] | None = None) -> None:
        self.name = ""
        self._everything: QuerySet[M] | None = None
        if model is not None:
            self.bind(model, "objects")

    def bind(self, model: type[M], name: str) -> None:
        """Take the model whose instances this manager queries."""
        self.model: type[M] = model
        self.name = name
        self._everything = QuerySet(model)

    def bound_copy(self, model: type[Any], name: str) -> Self:
        """Return a copy for another model, so that inherited managers are never shared."""
        made = copy.copy(self)
        made.bind(model, name)
        return made

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.model.__name__}.{self.name}>"

    def get_queryset(self) -> QuerySet[M]:
        """Return the query that all others begin from; all rows unless overridden."""
        # Querysets are immutable, so one serves all.
        assert self._everything is not None, "a manager belongs into the body of a model class"
        return self._everything

    def all(self, ignore_permissions: bool = False) -> QuerySet[M]:
        """Return a query for all rows."""
        return self.get_queryset().all(ignore_permissions)

    def filter(self, *conditions: Q, ignore_permissions: bool = False, **lookups: Any) -> QuerySet[M]:
        """Return a query for the rows for which all conditions hold."""
        return self.get_queryset().filter(*conditions, ignore_permissions=ignore_permissions, **lookups)

    def exclude(self, *conditions: Q, **lookups: Any) -> QuerySet[M]:
        """Return a query without the rows for which all conditions hold."""
        return self.get_queryset().exclude(*conditions, **lookups)

    def order_by(self, *names: str) -> QuerySet[M]:
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

    def only(self, *names: str) -> QuerySet[M]:
        """Return a query that loads just these fields."""
        return self.get_queryset().only(*names)

    def defer(self, *names: str) -> QuerySet[M]:
        """Return a query that loads all fields but these."""
        return self.get_queryset().defer(*names)

    def select_related(self, *names: str) -> QuerySet[M]:
        """Return a query that loads these foreign keys' instances too."""
        return self.get_queryset().select_related(*names)

    def using(self, alias: str) -> QuerySet[M]:
        """Return a query on this database."""
        return self.get_queryset().using(alias)

    def get(self, *conditions: Q, ignore_permissions: bool = False, **lookups: Any) -> Query[M]:
        """Return the one instance for which the conditions hold.

        Raises:
            DoesNotExist: If there is none.
            MultipleObjectsReturned: If there are several.
        """
        return self.get_queryset().get(*conditions, ignore_permissions=ignore_permissions, **lookups)

    def get_or_none(self, *conditions: Q, ignore_permissions: bool = False, **lookups: Any) -> Query[M | None]:
        """Return the one instance for which the conditions hold, or `None`."""
        return self.get_queryset().get_or_none(*conditions, ignore_permissions=ignore_permissions, **lookups)

    def create(self, *, ignore_permissions: bool = False, **values: Any) -> Query[M]:
        """Build an instance and save it."""
        return self.get_queryset().create(ignore_permissions=ignore_permissions, **values)

    def get_or_create(self, defaults: Mapping[str, Any] | None = None, **lookups: Any) -> Query[tuple[M, bool]]:
        """Return the matching instance, or create it."""
        return self.get_queryset().get_or_create(defaults, **lookups)

    def update_or_create(self, defaults: Mapping[str, Any] | None = None, **lookups: Any) -> Query[tuple[M, bool]]:
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

    def in_bulk(self, id_list: Iterable[Any] | None = None, *, field_name: str = "pk") -> Query[dict[Any, M]]:
        """Return instances by the value of a unique field."""
        return self.get_queryset().in_bulk(id_list, field_name=field_name)

    def iterator(self, chunk_size: int = 2000) -> AsyncIterator[M]:
        """Yield instances one at a time."""
        return self.get_queryset().iterator(chunk_size)

    def values(self, *names: str) -> ValuesQuery[dict[str, Any]]:
        """Return, when awaited, a list of dicts."""
        return self.get_queryset().values(*names)

    @overload
    def values_list(self, *names: str, flat: Literal[False] = ...) -> ValuesQuery[tuple[Any, ...]]: ...
    @overload
    def values_list(self, *names: str, flat: Literal[True]) -> ValuesQuery[Any]: ...
    def values_list(self, *names: str, flat: bool = False) -> ValuesQuery[Any]:
        """Return, when awaited, a list of tuples, or of values if `flat` is set."""
        queryset = self.get_queryset()
        return queryset.values_list(*names, flat=True) if flat else queryset.values_list(*names)

    def aggregate(self, **aggregates: Aggregate) -> Query[dict[str, Any]]:
        """Return values computed over all rows."""
        return self.get_queryset().aggregate(**aggregates)

    def explain(self) -> Query[str]:
        """Return the database's plan for the query of all rows."""
        return self.get_queryset().explain()

    def raw_sql(self) -> str:
        """Return the SQL of the query of all rows."""
        return self.get_queryset().raw_sql()

    def bulk_create(
        self, objs: Iterable[M], batch_size: int | None = None, *, ignore_permissions: bool = False
    ) -> Query[list[M]]:
        """Insert instances in one transaction and return them."""
        return self.get_queryset().bulk_create(objs, batch_size, ignore_permissions=ignore_permissions)

    def bulk_update(
        self,
        objs: Iterable[M],
        fields: Sequence[str],
        batch_size: int | None = None,
        *,
        ignore_permissions: bool = False,
    ) -> Query[int]:
        """Write some fields of stored instances in one transaction and return the number of rows."""
        return self.get_queryset().bulk_update(objs, fields, batch_size, ignore_permissions=ignore_permissions)
