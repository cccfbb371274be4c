"""Static files: finding, collecting, and serving them during development.

Lazy, as `collectstatic` needs no web code and the web application does not collect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openviper.staticfiles.collect import collect_static as collect_static
    from openviper.staticfiles.middleware import StaticFilesMiddleware as StaticFilesMiddleware
    from openviper.staticfiles.serving import is_media_enabled as is_media_enabled
    from openviper.staticfiles.serving import is_static_enabled as is_static_enabled
    from openviper.staticfiles.serving import media as media
    from openviper.staticfiles.serving import static as static
    from openviper.template.assets import static_url as static_url

_HOMES = {
    "StaticFilesMiddleware": "openviper.staticfiles.middleware",
    "collect_static": "openviper.staticfiles.collect",
    "is_media_enabled": "openviper.staticfiles.serving",
    "is_static_enabled": "openviper.staticfiles.serving",
    "media": "openviper.staticfiles.serving",
    "static": "openviper.staticfiles.serving",
    "static_url": "openviper.template.assets",
}

__all__ = [
    "StaticFilesMiddleware",
    "collect_static",
    "is_media_enabled",
    "is_static_enabled",
    "media",
    "static",
    "static_url",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
