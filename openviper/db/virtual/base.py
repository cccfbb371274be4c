"""The contract of the backends of virtual models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from enum import Enum, StrEnum
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


class Capability(Enum):
    """Something that a query or a write may ask of a backend; the value is its name in messages."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    FILTER = "filter"
    FILTER_OPS = "filter_ops"
    ORDER_BY = "order_by"
    LIMIT = "limit"
    OFFSET = "offset"
    COUNT = "count"
    DISTINCT = "distinct"
    ONLY = "only"
    DEFER = "defer"
    BULK_CREATE = "bulk_create"
    BULK_UPDATE = "bulk_update"
    BULK_DELETE = "bulk_delete"


BASIC_CAPABILITIES = frozenset(
    {
        Capability.CREATE,
        Capability.UPDATE,
        Capability.DELETE,
        Capability.FILTER,
        Capability.ORDER_BY,
        Capability.OFFSET,
        Capability.LIMIT,
    }
)
"""What a backend can do unless it says otherwise; `FILTER` alone means comparing for equality."""


class VirtualBackend:
    """Where the data of virtual models are; override what `capabilities` promises.

    Attributes:
        capabilities: What it can do, for example ``BASIC_CAPABILITIES | {Capability.COUNT}``; everything else is
            refused before it is asked.
        read_only: Whether writes are refused.
    """

    capabilities: Set[Capability] = BASIC_CAPABILITIES
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
        """Delete an instance and return whether there was one."""
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
