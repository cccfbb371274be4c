"""The backends of virtual models by name."""

from __future__ import annotations

from openviper.db.exceptions import VirtualBackendNotFoundError
from openviper.db.virtual.base import VirtualBackend


class BackendRegistry:
    """Backends by the name that ``Meta.backend`` gives."""

    def __init__(self) -> None:
        self._backends: dict[str, VirtualBackend] = {}

    def register(self, name: str, backend: VirtualBackend) -> None:
        """Add a backend; one of the same name is replaced."""
        self._backends[name] = backend

    def unregister(self, name: str) -> None:
        """Remove a backend."""
        self._backends.pop(name, None)

    def get(self, name: str) -> VirtualBackend:
        """Return a backend.

        Raises:
            VirtualBackendNotFoundError: If there is none of this name.
        """
        try:
            return self._backends[name]
        except KeyError:
            known = ", ".join(sorted(self._backends)) or "none"
            raise VirtualBackendNotFoundError(
                f"no virtual backend {name!r}; registered: {known}"
            ) from None


backend_registry = BackendRegistry()
"""The backends of this process."""
