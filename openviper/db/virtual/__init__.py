"""Models whose data are not in a database: a backend of your own, behind the same querysets."""

from __future__ import annotations

from openviper.db.virtual.backend_registry import BackendRegistry, backend_registry
from openviper.db.virtual.base import (
    BASIC_CAPABILITIES,
    APIVirtualBackend,
    Capability,
    FilterClause,
    FilterOp,
    QuerySpec,
    VirtualBackend,
)
from openviper.db.virtual.memory import MemoryVirtualBackend

__all__ = [
    "BASIC_CAPABILITIES",
    "APIVirtualBackend",
    "BackendRegistry",
    "Capability",
    "FilterClause",
    "FilterOp",
    "MemoryVirtualBackend",
    "QuerySpec",
    "VirtualBackend",
    "backend_registry",
]
