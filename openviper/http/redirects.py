"""Redirects that lead only where the application allows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from openviper.core.context import current_router
from openviper.http.responses import Response

# `namespace:name`, but not `https://...`, a port or a path.
_NAMED = re.compile(r"[A-Za-z_][\w-]*(?::[A-Za-z_][\w-]*)+\Z")
# Characters an address may have; everything else is percent-encoded (RFC 3986).
_SAFE = "/#%[]=:;$&()+,!?*@'~"


class RedirectResponse(Response):
    """An answer that sends the browser elsewhere.

    Args:
        url: A path, an address on an allowed host, or the name of a route in a namespace: ``blog:post``.
        status_code: 307 keeps the method, 303 turns it into GET.
        headers: Further headers.
        path_params: Parameters of a named route.

    Raises:
        ValueError: If the address leads to another host than `ALLOWED_REDIRECT_HOSTS` (or else `ALLOWED_HOSTS`)
            allows, is malformed, or the route is unknown.
    """

    def __init__(
        self,
        url: str,
        status_code: int = 307,
        headers: Mapping[str, str] | None = None,
        **path_params: Any,
    ) -> None:
        target = _resolve(url, path_params)
        check_redirect(target)
        super().__init__(
            None, status_code, {**(headers or {}), "location": quote(target, safe=_SAFE)}
        )


def _resolve(url: str, path_params: dict[str, Any]) -> str:
    router = current_router.get()
    if not _NAMED.match(url) or router is None:
        return url
    try:
        return str(router.url_for(url, **path_params))
    except KeyError:
        raise ValueError(f"there is no route {url!r} to redirect to") from None


def check_redirect(url: str) -> None:
    """Check that a redirect stays where it may go.

    Raises:
        ValueError: If not.
    """
    if any(mark in url for mark in "\r\n\0\\") or url.startswith("//"):
        raise ValueError(f"{url!r} is not a safe address to redirect to")
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise ValueError(f"{url!r} is not a valid address") from None
    if parts.scheme not in ("", "http", "https") or (parts.scheme and not host):
        raise ValueError(f"{url!r} does not lead to a web page")
    if "@" in parts.netloc:
        raise ValueError("an address with user information is not a safe address to redirect to")
    # Only the path: a query may hold whatever it likes, another address for example.
    if ".." in unquote(unquote(parts.path)).split("/"):
        raise ValueError(f"the path of {url!r} leads upwards")
    if host is not None and not host_allowed(host):
        raise ValueError(f"host {host!r} is not in ALLOWED_REDIRECT_HOSTS")


def host_allowed(host: str) -> bool:
    """Tell whether redirects to a host are allowed."""
    from openviper.conf import settings

    allowed = settings.ALLOWED_REDIRECT_HOSTS or settings.ALLOWED_HOSTS
    return matches_host(host, allowed)


def matches_host(host: str, allowed: tuple[str, ...]) -> bool:
    """Tell whether a host is one of the allowed ones: itself, ``.example.org`` with its sub-domains, or ``*``."""
    host = host.lower().rstrip(".")
    for pattern in allowed:
        pattern = pattern.lower()
        if pattern in ("*", host):
            return True
        if pattern.startswith(".") and (host.endswith(pattern) or host == pattern[1:]):
            return True
    return False
