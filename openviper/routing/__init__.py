"""From addresses to handlers and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.routing.binding import HandlerError as HandlerError
    from openviper.routing.paths import PathSecurityError as PathSecurityError
    from openviper.routing.paths import sanitize_request_path as sanitize_request_path
    from openviper.routing.route import Route as Route
    from openviper.routing.router import Router as Router
    from openviper.routing.router import include as include
    from openviper.routing.typed.providing import override_provider as override_provider

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.routing.binding": ("HandlerError",),
        "openviper.routing.paths": ("PathSecurityError", "sanitize_request_path"),
        "openviper.routing.route": ("Route",),
        "openviper.routing.router": ("Router", "include"),
        "openviper.routing.typed.providing": ("override_provider",),
    },
)
