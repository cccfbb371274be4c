"""The life of an application: setting up, starting and stopping its apps.

Lazy, as every command imports `openviper.apps.bootstrap` and few need the hooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.apps.lifecycle import AppLifecycle as AppLifecycle
    from openviper.apps.lifecycle import AppLifecycleManager as AppLifecycleManager

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.apps.lifecycle": ("AppLifecycle", "AppLifecycleManager"),
    },
)
