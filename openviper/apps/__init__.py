"""The life of an application: setting up, starting and stopping its apps.

Lazy, as every command imports `openviper.apps.bootstrap` and few need the hooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openviper.apps.lifecycle import AppLifecycle as AppLifecycle
    from openviper.apps.lifecycle import AppLifecycleManager as AppLifecycleManager

__all__ = ["AppLifecycle", "AppLifecycleManager"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from openviper.apps import lifecycle

    return getattr(lifecycle, name)
