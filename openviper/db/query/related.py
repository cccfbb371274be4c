"""The query for the rows that belong to one instance, which knows its result when that was prefetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from openviper.db.fields.instance_state import prefetched_of
from openviper.db.query.queryset import QuerySet

if TYPE_CHECKING:
    from typing import Self

M = TypeVar("M")


class RelatedQuery(QuerySet[M]):
    """A query that sends nothing when its result was prefetched; any further condition makes it an ordinary one."""

    __slots__ = ("_result",)

    def with_result_of(self, instance: Any, name: str) -> Self:
        """Take what was prefetched for a relation of an instance, if it was."""
        result: list[M] | None = prefetched_of(instance).get(name)
        self._result = result
        return self

    def _known(self) -> list[M] | None:
        return getattr(self, "_result", None)

    def all(self, ignore_permissions: bool = False) -> Self:
        """Return the same query; awaiting it gives the list of instances."""
        made = super().all(ignore_permissions)
        made._result = self._known()
        return made

    async def _fetch_all(self) -> list[M]:
        known = self._known()
        return await super()._fetch_all() if known is None else list(known)

    async def count(self) -> int:
        """Return the number of rows."""
        known = self._known()
        return await super().count() if known is None else len(known)

    async def exists(self) -> bool:
        """Tell whether there is any row."""
        known = self._known()
        return await super().exists() if known is None else bool(known)
