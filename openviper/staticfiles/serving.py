"""Serving static and uploaded files during development; in production a web server does it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from openviper.conf import settings
from openviper.exceptions import ImproperlyConfigured
from openviper.http.asgi import ASGIApp
from openviper.project.directory import in_project
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
    """Return whether `static` was called."""
    return "static" in _enabled


def is_media_enabled() -> bool:
    """Return whether `media` was called."""
    return "media" in _enabled


def static_directories() -> tuple[Path, ...]:
    """Return where static files are looked for, in the order in which `collectstatic` takes them, and then what it made."""
    project = [in_project(directory) for directory in settings.STATICFILES_DIRS]
    return unique([*project, *discover_app_static_dirs(), in_project(settings.STATIC_ROOT)])


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
    mounts = _mounts()
    if not mounts:
        return app
    # Late: an application that serves nothing does not need it.
    from openviper.staticfiles.middleware import StaticFilesMiddleware

    # The longer prefix goes outside: one may lie below the other.
    for mount in sorted(mounts, key=lambda mount: len(mount.prefix)):
        app = StaticFilesMiddleware(
            app, mount.prefix, mount.directories, cache_max_age=None, untrusted=mount.is_untrusted
        )
    return app


class _Mount(NamedTuple):
    """Directories that are served below a path; `is_untrusted` for files that users have uploaded."""

    prefix: str
    directories: tuple[Path, ...]
    is_untrusted: bool


def _mounts() -> list[_Mount]:
    static_prefix = local_prefix("STATIC_URL", settings.STATIC_URL)
    media_prefix = local_prefix("MEDIA_URL", settings.MEDIA_URL)
    if static_prefix is not None and static_prefix == media_prefix:
        raise ImproperlyConfigured(
            f"STATIC_URL and MEDIA_URL must differ, both are {settings.STATIC_URL!r}"
        )
    return [*_static_mount(static_prefix), *_media_mount(media_prefix)]


def _static_mount(prefix: str | None) -> Iterator[_Mount]:
    directories = static_directories() if is_static_enabled() else app_static_dirs((ADMIN,))
    is_wanted = bool(directories) or is_static_enabled()
    if prefix is not None and is_wanted:
        yield _Mount(prefix, directories, is_untrusted=False)


def _media_mount(prefix: str | None) -> Iterator[_Mount]:
    if prefix is not None and is_media_enabled():
        yield _Mount(prefix, (in_project(settings.MEDIA_ROOT),), is_untrusted=True)
