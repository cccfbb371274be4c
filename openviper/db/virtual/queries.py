"""Querysets of virtual models: what a backend can be asked is asked, everything else is refused."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Any, TypeVar

from openviper.db.executor import check_permission
from openviper.db.fields.instance_state import field_values
from openviper.db.fields.related_paths import Named
from openviper.db.query import QuerySet
from openviper.db.query.upserts import OnConflict
from openviper.db.sql import operands
from openviper.db.sql.description import EVERYTHING, Description
from openviper.db.sql.operands import Condition, Selectable
from openviper.db.virtual.base import Capability
from openviper.db.virtual.persistence import build_instance
from openviper.db.virtual.specs import backend_of, make_spec, refuse, require
from openviper.exceptions import DoesNotExist, MultipleObjectsReturned

M = TypeVar("M")


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
        if self._asks_for_key(conditions, lookups):
            await check_permission(meta, "read", ignore_permissions)
            instances = await self._with_key(*lookups.values())
        else:
            narrowed = self.filter(*conditions, ignore_permissions=ignore_permissions, **lookups)
            instances = await self._fetch(narrowed.query)
        return self._only_one(instances)

    def _only_one(self, instances: list[M]) -> M:
        if not instances:
            raise DoesNotExist(f"no {self._meta.model_name} matches the query")
        if len(instances) > 1:
            raise MultipleObjectsReturned(
                f"more than one {self._meta.model_name} matches the query"
            )
        return instances[0]

    def _asks_for_key(self, conditions: tuple[Condition, ...], lookups: dict[str, Any]) -> bool:
        """Return whether the primary key is the only condition, so that `VirtualBackend.get` can answer."""
        if conditions or self.query is not EVERYTHING or len(lookups) != 1:
            return False
        return lookups.keys() <= {"pk", self._meta.pk.name}

    async def _with_key(self, key: Any) -> list[M]:
        row = await backend_of(self._meta).get(self.model, self._meta.pk.to_python(key))
        return [] if row is None else [build_instance(self.model, row)]

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
        if Capability.COUNT in backend_of(self._meta).capabilities:
            return await backend_of(self._meta).count(self.model, make_spec(self._meta, self.query))
        return len(await self._fetch(self.query))

    async def exists(self) -> bool:
        """Return whether there is any instance."""
        return bool(await self.count())

    async def update(self, **values: Any) -> int:
        """Change all instances of the query and return their number."""
        meta = self._meta
        backend = backend_of(meta)
        backend.check_writable(self.model)
        require(meta, Capability.BULK_UPDATE)
        await check_permission(meta, "update", self.query.ignore_permissions)
        return await backend.bulk_update(
            self.model, make_spec(meta, self.query), self._converted(values)
        )

    def _converted(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return values by attribute, as their fields have them."""
        if any(operands.is_selectable(value) for value in values.values()):
            refuse(self._meta, "expressions")
        given = {self._meta.field(name): value for name, value in values.items()}
        return {field.attname: field.to_python(value) for field, value in given.items()}

    async def delete(self) -> int:
        """Delete all instances of the query and return their number."""
        backend = backend_of(self._meta)
        backend.check_writable(self.model)
        require(self._meta, Capability.BULK_DELETE)
        await check_permission(self._meta, "delete", self.query.ignore_permissions)
        return await backend.bulk_delete(self.model, make_spec(self._meta, self.query))

    async def bulk_create(
        self,
        objs: Iterable[M],
        batch_size: int | None = None,
        *,
        ignore_permissions: bool = False,
        on_conflict: OnConflict | None = None,
        unique_fields: Sequence[str] | None = None,
        update_fields: Sequence[str] | None = None,
    ) -> list[M]:
        """Store instances and return them, keys set."""
        if on_conflict is not None or unique_fields is not None or update_fields is not None:
            refuse(self._meta, "on_conflict")
        instances: list[Any] = list(objs)
        backend = backend_of(self._meta)
        backend.check_writable(self.model)
        require(self._meta, Capability.BULK_CREATE)
        await check_permission(
            self._meta, "create", ignore_permissions or self.query.ignore_permissions
        )
        rows = await backend.bulk_create(
            self.model, [field_values(instance) for instance in instances]
        )
        for instance, row in zip(instances, rows, strict=True):
            instance.__dict__.update(build_instance(self.model, row).__dict__)
        return instances

    async def bulk_update(
        self,
        objs: Iterable[M],
        fields: Sequence[Named],
        batch_size: int | None = None,
        *,
        ignore_permissions: bool = False,
    ) -> int:
        """Store some fields of instances, one by one, and return their number."""
        instances: list[Any] = list(objs)
        for instance in instances:
            await instance.save(ignore_permissions=ignore_permissions, update_fields=fields)
        return len(instances)

    async def aggregate(self, **aggregates: Selectable) -> dict[str, Any]:
        """Refuse: there is no database to compute."""
        refuse(self._meta, "aggregate()")

    async def explain(self, *, analyze: bool = False) -> str:
        """Refuse: there is no statement."""
        refuse(self._meta, "explain()")

    def raw_sql(self) -> str:
        """Refuse: there is no statement."""
        refuse(self._meta, "SQL")

    def values(self, *names: str | Selectable, **expressions: Selectable) -> Any:
        """Refuse: backends give whole instances."""
        refuse(self._meta, "values()")

    def values_list(self, *names: str | Selectable, flat: bool = False) -> Any:
        """Refuse: backends give whole instances."""
        refuse(self._meta, "values_list()")

    async def iterator(self, chunk_size: int = 2000) -> AsyncGenerator[M, None]:
        """Yield the instances."""
        for instance in await self._fetch(self.query):
            yield instance
