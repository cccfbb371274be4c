"""Static files: finding, collecting, and serving them during development.

Lazy, as `collectstatic` needs no web code and the web application does not collect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.staticfiles.collect import collect_static as collect_static
    from openviper.staticfiles.middleware import StaticFilesMiddleware as StaticFilesMiddleware
    from openviper.staticfiles.serving import is_media_enabled as is_media_enabled
    from openviper.staticfiles.serving import is_static_enabled as is_static_enabled
    from openviper.staticfiles.serving import media as media
    from openviper.staticfiles.serving import static as static
    from openviper.template.assets import static_url as static_url

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.staticfiles.collect": ("collect_static",),
        "openviper.staticfiles.middleware": ("StaticFilesMiddleware",),
        "openviper.staticfiles.serving": (
            "is_media_enabled",
            "is_static_enabled",
            "media",
            "static",
        ),
        "openviper.template.assets": ("static_url",),
    },
)
