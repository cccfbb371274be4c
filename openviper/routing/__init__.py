"""From addresses to handlers and back."""

from __future__ import annotations

from openviper.routing.binding import HandlerError
from openviper.routing.paths import PathSecurityError, sanitize_request_path
from openviper.routing.route import Route
from openviper.routing.router import Router, include

__all__ = [
    "HandlerError",
    "PathSecurityError",
    "Route",
    "Router",
    "include",
    "sanitize_request_path",
]
