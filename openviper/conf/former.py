"""Settings of earlier versions that nothing reads any more, each with what to do about it.

A feature that comes back takes its names out of here when it declares them in `openviper.conf.base`.
"""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openviper.conf.base import Settings

_NO_ADMIN = "there is no admin yet"

FORMER: dict[str, str] = {
    "ADMIN_SETTINGS": _NO_ADMIN,
    "AUTH_HOOKS": "register functions with openviper.auth.auth_hooks",
    "AUTH_SESSION_ENABLED": "sessions are on where MIDDLEWARE has SessionMiddleware",
    "COUNTRY_FIELD": "there is no country field yet",
    "CSRF_COOKIE_AGE": "the cookie lives as long as the browser is open",
    "DEFAULT_PERMISSION_CLASSES": "give routers a permission, or views permission_classes",
    "DEFAULT_THROTTLE_CLASSES": "use RATE_LIMIT_REQUESTS, or give views throttle_classes",
    "MEDIA_DIR": "use MEDIA_ROOT",
    "MEDIA_STORAGE": "use DEFAULT_FILE_STORAGE",
    "OAUTH2_EVENTS": "there is no OAuth2 yet",
    "PERM_CACHE_TTL": "permissions are remembered for one request",
    "SECURE_BROWSER_XSS_FILTER": "browsers have no such filter any more; use SECURE_CONTENT_SECURITY_POLICY",
    "SECURE_COOKIES": "pass secure=True to set_cookie()",
    "SESSION_COOKIE_AGE": "use SESSION_TIMEOUT and SESSION_REMEMBER_TIMEOUT",
    "STATIC_STORAGE": "static files are always served from STATIC_ROOT",
}
"""The name of each with the advice."""


def former_settings_in_use(instance: Settings) -> dict[str, str]:
    """Return the former settings that a project or its environment still gives, with the advice.

    In the environment only names with the prefix ``OPENVIPER_`` are ours; other programs may use the bare ones.
    """
    given = {
        *(field.name for field in dataclasses.fields(instance)),
        *(name.removeprefix("OPENVIPER_") for name in os.environ if name.startswith("OPENVIPER_")),
    }
    return {name: advice for name, advice in FORMER.items() if name in given}
