"""Models whose data are not in a database: a backend of your own, behind the same querysets."""

from __future__ import annotations

from openviper.utils.exports import lazy_exports

# Every project imports a module of this package, and few use any of its names.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from openviper.db.virtual.backends import BackendRegistry as BackendRegistry
    from openviper.db.virtual.backends import backend_registry as backend_registry
    from openviper.db.virtual.base import BASIC_CAPABILITIES as BASIC_CAPABILITIES
    from openviper.db.virtual.base import APIVirtualBackend as APIVirtualBackend
    from openviper.db.virtual.base import Capability as Capability
    from openviper.db.virtual.base import FilterClause as FilterClause
    from openviper.db.virtual.base import FilterOp as FilterOp
    from openviper.db.virtual.base import QuerySpec as QuerySpec
    from openviper.db.virtual.base import VirtualBackend as VirtualBackend
    from openviper.db.virtual.memory import MemoryVirtualBackend as MemoryVirtualBackend

_EXPORTS = {
    "openviper.db.virtual.backends": ("BackendRegistry", "backend_registry"),
    "openviper.db.virtual.base": (
        "BASIC_CAPABILITIES",
        "APIVirtualBackend",
        "Capability",
        "FilterClause",
        "FilterOp",
        "QuerySpec",
        "VirtualBackend",
    ),
    "openviper.db.virtual.memory": ("MemoryVirtualBackend",),
}
__all__, __getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)
