"""The session's cookie."""

from __future__ import annotations

from typing import Any, TypedDict

from openviper.conf import settings
from openviper.http.cookies import build_cookie, needs_secure
from openviper.utils.datastructures import RawHeaders


class CookieConfig(TypedDict):
    """What the settings say about the cookie, as `Response.set_cookie` takes it."""

    key: str
    path: str
    domain: str | None
    secure: bool
    httponly: bool
    samesite: str


def get_session_cookie_config(*, is_secure: bool = False) -> CookieConfig:
    """Return how the session's cookie is set.

    Args:
        is_secure: Whether the request came over https; then the cookie is for https only, whatever the settings say.
    """
    name = settings.SESSION_COOKIE_NAME
    return {
        "key": name,
        "path": settings.SESSION_COOKIE_PATH,
        "domain": settings.SESSION_COOKIE_DOMAIN,
        "secure": is_secure or settings.SESSION_COOKIE_SECURE or needs_secure(name),
        "httponly": settings.SESSION_COOKIE_HTTPONLY,
        "samesite": settings.SESSION_COOKIE_SAMESITE,
    }


def session_cookie(value: str, *, is_secure: bool, max_age: int | None = None) -> bytes:
    """Return the ``Set-Cookie`` header with a session's key.

    Args:
        value: The key.
        is_secure: Whether the request came over https.
        max_age: Seconds for which the browser keeps it; until it is closed when not given.
    """
    config: Any = get_session_cookie_config(is_secure=is_secure)
    return build_cookie(value=value, max_age=max_age, **config).encode("ascii")


def forgotten_cookie(*, is_secure: bool) -> bytes:
    """Return the ``Set-Cookie`` header that has the browser forget a session's key."""
    config: Any = get_session_cookie_config(is_secure=is_secure)
    return build_cookie(value="", max_age=0, expires=0, **config).encode("ascii")


def cookie_values(headers: RawHeaders, name: bytes) -> list[str]:
    """Return what a request sends under the name of a cookie, each value once.

    More than one means that somebody else, a sub-domain for example, has set a cookie of this name too, and nothing tells
    which is ours.
    """
    start = name + b"="
    values: dict[str, None] = {}
    for header, value in headers:
        if header == b"cookie" and start in value:
            for part in value.split(b";"):
                text = part.strip()
                if text.startswith(start):
                    values[text[len(start) :].strip(b'"').decode("latin-1")] = None
    return list(values)
