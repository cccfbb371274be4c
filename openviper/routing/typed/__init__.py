"""Typed handlers: parameters that are parts of the request, read by their annotations.

Imported when the first handler asks for it: reading types is work that applications without such handlers need not start with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.routing.typed.calling import bind_typed as bind_typed
    from openviper.routing.typed.plans import InputNote as InputNote
    from openviper.routing.typed.plans import TypedPlan as TypedPlan

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.routing.typed.calling": ("bind_typed",),
        "openviper.routing.typed.plans": ("InputNote", "TypedPlan"),
    },
)
