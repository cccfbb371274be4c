"""Querysets of virtual models: what a backend can be asked is asked, everything else is refused."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from openviper.db.exceptions import UnsupportedVirtualQueryError
from openviper.db.executor import check_permission
from openviper.db.fields.model_options import ModelOptions
from openviper.db.query import QuerySet
from openviper.db.sql.aggregates import Aggregate
from openviper.db.sql.conditions import NullTest
from openviper.db.sql.description import EVERYTHING, Description
from openviper.db.sql.lookups import Compare, InList
from openviper.db.sql.nodes import Column, Node, Order
from openviper.db.sql.operands import Condition, Selectable
from openviper.db.sql.statements import order_of
from openviper.db.virtual.backend_registry import backend_registry
from openviper.db.virtual.base import FilterClause, FilterOp, QuerySpec, VirtualBackend
from openviper.exceptions import DoesNotExist, MultipleObjectsReturned

M = TypeVar("M")

_OPERATORS = {
    "exact": FilterOp.EQ,
    "ne": FilterOp.NE,
    "gt": FilterOp.GT,
    "gte": FilterOp.GTE,
    "lt": FilterOp.LT,
    "lte": FilterOp.LTE,
    "in": FilterOp.IN,
    "not_in": FilterOp.NOT_IN,
    "contains": FilterOp.CONTAINS,
    "icontains": FilterOp.ICONTAINS,
    "startswith": FilterOp.STARTSWITH,
    "endswith": FilterOp.ENDSWITH,
}


def backend_of(meta: ModelOptions) -> VirtualBackend:
    """Return the backend of a virtual model.

    Raises:
        VirtualBackendNotFoundError: If it is not registered.
    """
    return backend_registry.get(meta.backend)


def refuse(meta: ModelOptions, what: str) -> NoReturn:
    """Raise the error for what a virtual model cannot do."""
    raise UnsupportedVirtualQueryError(f"virtual model {meta.label!r} does not support {what}")


def require(meta: ModelOptions, capability: str) -> None:
    """Check that a model's backend can do something.

    Raises:
        UnsupportedVirtualQueryError: If it cannot.
    """
    if not getattr(backend_of(meta).capabilities, f"supports_{capability}"):
        refuse(meta, capability)


def make_spec(meta: ModelOptions, query: Description) -> QuerySpec:
    """Return what a query asks for, in the form that backends take.

    Raises:
        UnsupportedVirtualQueryError: If the backend cannot do a part of it.
        FieldError: If a name is unknown.
    """
    for name in ("annotations", "related", "prefetch", "lock"):
        if getattr(query, name):
            refuse(meta, name)
    clauses = tuple(_clause(meta, condition) for condition in query.where)
    if clauses:
        require(meta, "filter")
        if any(clause.op is not FilterOp.EQ for clause in clauses):
            require(meta, "filter_ops")
    order = order_of(meta, query)
    wanted = {
        "limit": query.limit is not None,
        "offset": query.offset > 0,
        "order_by": bool(order),
        "distinct": query.distinct,
        "only": query.only is not None,
        "defer": bool(query.defer),
    }
    for capability, is_wanted in wanted.items():
        if is_wanted:
            require(meta, capability)
    return QuerySpec(
        {clause.field: clause.value for clause in clauses if clause.op is FilterOp.EQ},
        clauses,
        query.limit,
        query.offset,
        tuple(_turned(meta, term) for term in order),
        query.distinct,
        query.only or (),
        query.defer,
    )


def _turned(meta: ModelOptions, term: Order) -> str:
    node = term.node
    if not isinstance(node, Column) or node.steps:
        refuse(meta, f"the order by {term.name!r}")
    return ("-" if term.descending else "") + node.field.attname


def _clause(meta: ModelOptions, condition: Node) -> FilterClause:
    if isinstance(condition, NullTest) and isinstance(condition.operand, Column):
        return FilterClause(
            condition.operand.field.attname, FilterOp.IS_NULL, not condition.negated
        )
    if not isinstance(condition, (Compare, InList)):
        refuse(meta, "Q objects, exclude(), expressions and lookups with several values")
    lookup = condition.lookup
    field, name = lookup.field, lookup.operator.name
    if field is None or lookup.left.steps or name not in _OPERATORS:  # type: ignore[attr-defined]  # a column
        refuse(meta, f"the condition {lookup.key!r}")
    if isinstance(condition, InList):
        values = [field.to_python(value) for value in condition.values]
        return FilterClause(field.attname, _OPERATORS[name], values)
    return FilterClause(field.attname, _OPERATORS[name], field.to_python(condition.value))


def build_instance(model: type[Any], values: Mapping[str, Any]) -> Any:
    """Return a stored instance with the values that a backend gave."""
    meta: ModelOptions = model._meta
    instance: Any = object.__new__(model)
    attributes = instance.__dict__
    for field in meta.fields.values():
        attributes[field.attname] = field.to_python(values.get(field.attname))
    attributes["_row"] = tuple(attributes[field.attname] for field in meta.fields.values())
    return instance


class VirtualQuerySet(QuerySet[M]):
    """A query for the instances of a virtual model."""

    __slots__ = ()

    async def _fetch(self, query: Description) -> list[M]:
        meta = self._meta
        await check_permission(meta, "read", query.ignore_permissions)
        backend = backend_of(meta)
        rows = await backend.list(self.model, make_spec(meta, query))
        return [build_instance(self.model, row) for row in rows]

    async def get(
        self, *conditions: Condition, ignore_permissions: bool = False, **lookups: Any
    ) -> M:
        """Return the one instance for which the conditions hold.

        Raises:
            DoesNotExist: If there is none.
            MultipleObjectsReturned: If there are several.
        """
        meta = self._meta
        if (
            not conditions
            and self.query is EVERYTHING
            and lookups.keys() <= {"pk", meta.pk.name}
            and lookups
        ):
            await check_permission(meta, "read", ignore_permissions)
            row = await backend_of(meta).get(
                self.model, meta.pk.to_python(next(iter(lookups.values())))
            )
            found: list[M] = [] if row is None else [build_instance(self.model, row)]
        else:
            found = await self._fetch(
                self.filter(*conditions, ignore_permissions=ignore_permissions, **lookups).query
            )
        if not found:
            raise DoesNotExist(f"no {meta.model_name} matches the query")
        if len(found) > 1:
            raise MultipleObjectsReturned(f"more than one {meta.model_name} matches the query")
        return found[0]

    async def get_or_none(
        self, *conditions: Condition, ignore_permissions: bool = False, **lookups: Any
    ) -> M | None:
        """Return the one instance for which the conditions hold, or `None`."""
        try:
            return await self.get(*conditions, ignore_permissions=ignore_permissions, **lookups)
        except DoesNotExist:
            return None

    async def count(self) -> int:
        """Return the number of instances."""
        await check_permission(self._meta, "read", self.query.ignore_permissions)
        if backend_of(self._meta).capabilities.supports_count:
            return await backend_of(self._meta).count(self.model, make_spec(self._meta, self.query))
        return len(await self._fetch(self.query))

    async def exists(self) -> bool:
        """Tell whether there is any instance."""
        return bool(await self.count())

    async def update(self, **values: Any) -> int:
        """Change all instances of the query and return their number."""
        meta = self._meta
        backend = backend_of(meta)
        backend.check_writable(self.model)
        require(meta, "bulk_update")
        await check_permission(meta, "update", self.query.ignore_permissions)
        if any(isinstance(value, Selectable) for value in values.values()):
            refuse(meta, "expressions")
        converted = {
            meta.field(name).attname: meta.field(name).to_python(value)
            for name, value in values.items()
        }
        return await backend.bulk_update(self.model, make_spec(meta, self.query), converted)

    async def delete(self) -> int:
        """Delete all instances of the query and return their number."""
        backend = backend_of(self._meta)
        backend.check_writable(self.model)
        require(self._meta, "bulk_delete")
        await check_permission(self._meta, "delete", self.query.ignore_permissions)
        return await backend.bulk_delete(self.model, make_spec(self._meta, self.query))

    async def bulk_create(
        self, objs: Iterable[M], batch_size: int | None = None, *, ignore_permissions: bool = False
    ) -> list[M]:
        """Store instances and return them, keys set."""
        instances: list[Any] = list(objs)
        backend = backend_of(self._meta)
        backend.check_writable(self.model)
        require(self._meta, "bulk_create")
        await check_permission(
            self._meta, "create", ignore_permissions or self.query.ignore_permissions
        )
        rows = await backend.bulk_create(self.model, [one.to_dict() for one in instances])
        for instance, row in zip(instances, rows, strict=True):
            instance.__dict__.update(build_instance(self.model, row).__dict__)
        return instances

    async def bulk_update(
        self,
        objs: Iterable[M],
        fields: Sequence[str],
        batch_size: int | None = None,
        *,
        ignore_permissions: bool = False,
    ) -> int:
        """Store some fields of instances, one by one, and return their number."""
        instances: list[Any] = list(objs)
        for instance in instances:
            await instance.save(ignore_permissions=ignore_permissions, update_fields=fields)
        return len(instances)

    async def aggregate(self, **aggregates: Aggregate) -> dict[str, Any]:
        """Refuse: there is no database to compute."""
        refuse(self._meta, "aggregate()")

    async def explain(self) -> str:
        """Refuse: there is no statement."""
        refuse(self._meta, "explain()")

    def raw_sql(self) -> str:
        """Refuse: there is no statement."""
        refuse(self._meta, "SQL")

    def values(self, *names: str | Selectable) -> Any:
        """Refuse: backends give whole instances."""
        refuse(self._meta, "values()")

    def values_list(self, *names: str | Selectable, flat: bool = False) -> Any:
        """Refuse: backends give whole instances."""
        refuse(self._meta, "values_list()")

    async def iterator(self, chunk_size: int = 2000) -> AsyncGenerator[M, None]:
        """Yield the instances."""
        for instance in await self._fetch(self.query):
            yield instance


async def save_virtual(
    instance: Any, limited: set[str] | None, *, creating: bool
) -> dict[str, Any]:
    """Store an instance and return the old values of what changed, by attribute.

    Raises:
        DoesNotExist: If it is not there any more.
    """
    meta: ModelOptions = instance._meta
    backend = backend_of(meta)
    model = type(instance)
    if creating:
        require(meta, "create")
        row: Mapping[str, Any] | None = await backend.create(model, instance.to_dict())
        changed: dict[str, Any] = {}
    else:
        require(meta, "update")
        old = dict(
            zip((field.attname for field in meta.fields.values()), instance._row, strict=True)
        )
        changed = {
            name: value
            for name, value in old.items()
            if instance.__dict__.get(name) != value and (limited is None or name in limited)
        }
        row = await backend.update(
            model, instance.pk, {name: instance.__dict__.get(name) for name in changed}
        )
    if row is None:
        raise DoesNotExist(
            f"{meta.model_name} with primary key {instance.pk!r} is not stored any more"
        )
    instance.__dict__.update(build_instance(model, row).__dict__)
    return changed
