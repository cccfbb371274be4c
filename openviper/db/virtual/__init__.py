"""Models whose data are not in a database: a backend of your own, behind the same querysets."""

from __future__ import annotations

from openviper.db.virtual.backend_registry import BackendRegistry, backend_registry
from openviper.db.virtual.base import (
    APIVirtualBackend,
    FilterClause,
    FilterOp,
    QuerySpec,
    VirtualBackend,
    VirtualBackendCapabilities,
)
from openviper.db.virtual.memory import MemoryVirtualBackend

__all__ = [
    "APIVirtualBackend",
    "BackendRegistry",
    "FilterClause",
    "FilterOp",
    "MemoryVirtualBackend",
    "QuerySpec",
    "VirtualBackend",
    "VirtualBackendCapabilities",
    "backend_registry",
]
