"""Noticing changes in bulk to what users may do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeVar

from openviper.auth.audited import record_bulk_change
from openviper.auth.permission_cache import forget_permissions
from openviper.auth.together import with_its_events
from openviper.db.fields.related_paths import Named
from openviper.db.query.queryset import QuerySet

if TYPE_CHECKING:
    from openviper.db.query.upserts import OnConflict

M = TypeVar("M")


class GrantQuerySet(QuerySet[M]):
    """A query for rows that decide what users may do; changes in bulk, which run no hooks, are noticed here."""

    __slots__ = ()

    async def update(self, **values: Any) -> int:
        """Set columns of all rows of the query and forget remembered permissions."""
        async with self._with_events():
            count = await super().update(**values)
            await self._note("update", count, sorted(values))
        return count

    async def delete(self) -> int:
        """Delete all rows of the query and forget remembered permissions."""
        async with self._with_events():
            count = await super().delete()
            await self._note("delete", count, [])
        return count

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
        """Insert instances and forget remembered permissions."""
        async with self._with_events():
            made = await super().bulk_create(
                objs,
                batch_size,
                ignore_permissions=ignore_permissions,
                on_conflict=on_conflict,
                unique_fields=unique_fields,
                update_fields=update_fields,
            )
            await self._note("insert", len(made), [])
        return made

    async def bulk_update(
        self,
        objs: Iterable[M],
        fields: Sequence[Named],
        batch_size: int | None = None,
        *,
        ignore_permissions: bool = False,
    ) -> int:
        """Write some fields of instances and forget remembered permissions."""
        async with self._with_events():
            count = await super().bulk_update(
                objs, fields, batch_size, ignore_permissions=ignore_permissions
            )
            await self._note("update", count, [str(getattr(name, "name", name)) for name in fields])
        return count

    def _with_events(self) -> AbstractAsyncContextManager[None]:
        model: type[Any] = self.model
        return with_its_events(model, using=self.query.using)

    async def _note(self, change: str, rows: int, names: list[str]) -> None:
        forget_permissions()
        if self.model.__name__ != "ContentType":
            await record_bulk_change(self.model, change, rows, names)
