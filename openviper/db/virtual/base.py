"""The contract of the backends of virtual models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from openviper.db.exceptions import ReadOnlyVirtualModelError, UnsupportedVirtualQueryError

Record = dict[str, Any]
"""The values of one instance by attribute."""


class FilterOp(StrEnum):
    """How a value is compared."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    ICONTAINS = "icontains"
    STARTSWITH = "startswith"
    ENDSWITH = "endswith"
    IS_NULL = "is_null"


class FilterClause(NamedTuple):
    """One condition.

    Attributes:
        field: The attribute.
        value: What it is compared with.
    """

    field: str
    op: FilterOp
    value: Any


class QuerySpec(NamedTuple):
    """What a query asks for; all conditions have to hold.

    Attributes:
        filters: The conditions that compare for equality, by attribute.
        filter_clauses: All conditions.
        order_by: Attributes, ``-`` before those that descend.
        only_fields: The attributes to load; all when empty.
        defer_fields: The attributes not to load.
    """

    filters: Mapping[str, Any]
    filter_clauses: tuple[FilterClause, ...] = ()
    limit: int | None = None
    offset: int = 0
    order_by: tuple[str, ...] = ()
    distinct: bool = False
    only_fields: tuple[str, ...] = ()
    defer_fields: tuple[str, ...] = ()


class VirtualBackendCapabilities(NamedTuple):
    """What a backend can do; everything else is refused before it is asked."""

    supports_create: bool = True
    supports_update: bool = True
    supports_delete: bool = True
    supports_filter: bool = True
    supports_order_by: bool = True
    supports_offset: bool = True
    supports_limit: bool = True
    supports_filter_ops: bool = False
    supports_count: bool = False
    supports_distinct: bool = False
    supports_only: bool = False
    supports_defer: bool = False
    supports_bulk_create: bool = False
    supports_bulk_update: bool = False
    supports_bulk_delete: bool = False


class VirtualBackend:
    """Where the data of virtual models are; override what `capabilities` promises.

    Attributes:
        capabilities: What it can do.
        read_only: Whether writes are refused.
    """

    capabilities = VirtualBackendCapabilities()
    read_only = False

    async def get(self, model: type[Any], pk: Any) -> Record | None:
        """Return the values of one instance, or `None`."""
        raise UnsupportedVirtualQueryError(f"{type(self).__name__} cannot get single instances")

    async def list(self, model: type[Any], spec: QuerySpec) -> Sequence[Record]:
        """Return the values of the instances that a query asks for."""
        raise UnsupportedVirtualQueryError(f"{type(self).__name__} cannot list instances")

    async def count(self, model: type[Any], spec: QuerySpec) -> int:
        """Return how many instances a query asks for."""
        raise UnsupportedVirtualQueryError(f"{type(self).__name__} cannot count instances")

    async def create(self, model: type[Any], values: Record) -> Record:
        """Store a new instance and return its values, with the key."""
        raise UnsupportedVirtualQueryError(f"{type(self).__name__} cannot create instances")

    async def update(self, model: type[Any], pk: Any, values: Record) -> Record | None:
        """Change some values of an instance and return all, or `None` if there is none."""
        raise UnsupportedVirtualQueryError(f"{type(self).__name__} cannot update instances")

    async def delete(self, model: type[Any], pk: Any) -> bool:
        """Delete an instance and tell whether there was one."""
        raise UnsupportedVirtualQueryError(f"{type(self).__name__} cannot delete instances")

    async def bulk_create(self, model: type[Any], values: Sequence[Record]) -> Sequence[Record]:
        """Store new instances and return their values."""
        raise UnsupportedVirtualQueryError(f"{type(self).__name__} cannot create many instances")

    async def bulk_update(self, model: type[Any], spec: QuerySpec, values: Record) -> int:
        """Change the instances that a query asks for and return their number."""
        raise UnsupportedVirtualQueryError(f"{type(self).__name__} cannot update many instances")

    async def bulk_delete(self, model: type[Any], spec: QuerySpec) -> int:
        """Delete the instances that a query asks for and return their number."""
        raise UnsupportedVirtualQueryError(f"{type(self).__name__} cannot delete many instances")

    def check_writable(self, model: type[Any]) -> None:
        """Check that writes are allowed.

        Raises:
            ReadOnlyVirtualModelError: If they are not.
        """
        if self.read_only:
            raise ReadOnlyVirtualModelError(f"virtual model {model._meta.label!r} is read-only")


class APIVirtualBackend(VirtualBackend):
    """A base for backends that ask another service; turns its records into values and back.

    Attributes:
        field_map: Names of the service by attribute, where they differ.
    """

    field_map: Mapping[str, str] = {}

    def to_record(self, data: Mapping[str, Any]) -> Record:
        """Return the values by attribute from what the service gave."""
        names = {remote: name for name, remote in self.field_map.items()}
        return {names.get(key, key): value for key, value in data.items()}

    def from_record(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the service takes from values by attribute."""
        return {self.field_map.get(name, name): value for name, value in values.items()}
