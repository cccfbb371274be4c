"""Serving static and uploaded files during development; in production a web server does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openviper.conf import settings
from openviper.exceptions import ImproperlyConfigured
from openviper.http.asgi import ASGIApp
from openviper.staticfiles.finders import ADMIN, app_static_dirs, discover_app_static_dirs, unique

_enabled: set[str] = set()


def static() -> list[Any]:
    """Have the application serve static files while `DEBUG` is on.

    Returns:
        No routes, so that ``route_paths + static()`` reads well in `routes.py`.
    """
    _enabled.add("static")
    return []


def media() -> list[Any]:
    """Have the application serve uploaded files while `DEBUG` is on.

    Returns:
        No routes, so that ``route_paths + media()`` reads well in `routes.py`.
    """
    _enabled.add("media")
    return []


def is_static_enabled() -> bool:
    """Tell whether `static` was called."""
    return "static" in _enabled


def is_media_enabled() -> bool:
    """Tell whether `media` was called."""
    return "media" in _enabled


def static_directories() -> tuple[Path, ...]:
    """Return where static files are looked for, in the order in which `collectstatic` takes them, and then what it made."""
    project = [Path(directory) for directory in settings.STATICFILES_DIRS]
    return unique([*project, *discover_app_static_dirs(), Path(settings.STATIC_ROOT)])


def local_prefix(name: str, url: str) -> str | None:
    """Return the path that a setting names, without the slash at its end; `None` for an address of another server.

    Raises:
        ImproperlyConfigured: If everything would lie below it.
    """
    if "://" in url or url.startswith("//"):
        return None
    prefix = "/" + url.strip("/")
    if prefix == "/":
        raise ImproperlyConfigured(
            f"{name} must not be {url!r}: every path would be that of a file"
        )
    return prefix


def serve_files(app: ASGIApp) -> ASGIApp:
    """Wrap an application so that it serves files as far as `static` and `media` were called; for debug mode only.

    The admin's own files are served in any case.

    Raises:
        ImproperlyConfigured: If `STATIC_URL` or `MEDIA_URL` is ``/``, or both are the same.
    """
    static_prefix = local_prefix("STATIC_URL", settings.STATIC_URL)
    media_prefix = local_prefix("MEDIA_URL", settings.MEDIA_URL)
    if static_prefix is not None and static_prefix == media_prefix:
        raise ImproperlyConfigured(
            f"STATIC_URL and MEDIA_URL must differ, both are {settings.STATIC_URL!r}"
        )
    directories = static_directories() if is_static_enabled() else app_static_dirs((ADMIN,))
    mounts: list[tuple[str, tuple[Path, ...], bool]] = []
    if static_prefix is not None and (is_static_enabled() or directories):
        mounts.append((static_prefix, directories, False))
    if media_prefix is not None and is_media_enabled():
        mounts.append((media_prefix, (Path(settings.MEDIA_ROOT),), True))
    if not mounts:
        return app
    from openviper.staticfiles.middleware import StaticFilesMiddleware

    # The longer prefix goes outside: one may lie below the other.
    for prefix, places, untrusted in sorted(mounts, key=lambda mount: len(mount[0])):
        app = StaticFilesMiddleware(app, prefix, places, cache_max_age=None, untrusted=untrusted)
    return app
