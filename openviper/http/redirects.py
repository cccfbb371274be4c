"""Redirects that lead only where the application allows."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from openviper.conf import settings
from openviper.core.context import current_request, current_router
from openviper.exceptions import HTTPException
from openviper.http.hosts import matches_host, redirect_host_allowed
from openviper.http.responses import Response
from openviper.http.url import URL, split_host

__all__ = ["RedirectRefusedError", "RedirectResponse", "check_redirect", "matches_host"]

logger = logging.getLogger("openviper.request")
# `namespace:name`, but not `https://...`, a port or a path.
_NAMED = re.compile(r"[A-Za-z_][\w-]*(?::[A-Za-z_][\w-]*)+\Z")
# Characters an address may have; everything else is percent-encoded (RFC 3986).
_SAFE = "/#%[]=:;$&()+,!?*@'~"
_CONTROL = re.compile("[\x00-\x1f\x7f\\\\\ud800-\udfff]")
STATUSES = (300, 301, 302, 303, 307, 308)
"""Statuses with which browsers go where the answer says (RFC 9110, 15.4)."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


class RedirectRefusedError(HTTPException, ValueError):
    """A redirect would leave the allowed hosts or is malformed; answered with 400, as such addresses come from clients.

    Attributes:
        reason: What is wrong, for the developer.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(400, "This redirect is not allowed.")
        self.reason = reason
        self.args = (reason,)


class RedirectResponse(Response):
    """An answer that sends the browser elsewhere.

    Args:
        url: A path, an address on an allowed host, or the name of a route in a namespace: ``blog:post``.
        status_code: 307 keeps the method, 303 turns it into GET.
        headers: Further headers.
        path_params: Parameters of a named route.

    Raises:
        RedirectRefusedError: If the address leads to another host or port than `ALLOWED_REDIRECT_HOSTS` (or else
            `ALLOWED_HOSTS`) allows, or is malformed, as ``javascript:x`` where no route is in a namespace of this name.
        TypeError: If the address is none.
        ValueError: If the status is not one of redirects; if the route is unknown in its namespace or a parameter does not fit; if there are parameters and no named route.
    """

    def __init__(
        self,
        url: str | URL,
        status_code: int = 307,
        headers: Mapping[str, str] | None = None,
        **path_params: Any,
    ) -> None:
        _check_kinds(url, status_code)
        target = _resolve(str(url), path_params)
        check_redirect(target)
        location = quote(target, safe=_SAFE)
        super().__init__(None, status_code, {**(headers or {}), "location": location})


def _check_kinds(url: object, status_code: int) -> None:
    if status_code not in STATUSES:
        raise ValueError(
            f"the status of a redirect is one of {', '.join(map(str, STATUSES))}, not {status_code!r}"
        )
    if not isinstance(url, (str, URL)):
        raise TypeError(f"a redirect leads to an address, not to a {type(url).__name__}")


def _resolve(url: str, path_params: dict[str, Any]) -> str:
    request, router = current_request.get(), current_router.get()
    if not _NAMED.match(url) or router is None:
        if path_params:
            names = ", ".join(map(repr, path_params))
            raise ValueError(f"{url!r} is not the name of a route here, so nothing takes {names}")
        return url
    try:
        return str((router if request is None else request).url_for(url, **path_params))
    except LookupError:
        # What begins like no route of ours is an address, `javascript:x` for example, and those come from clients.
        if not path_params and not _has_namespace(router, url.partition(":")[0]):
            logger.warning("%r is no route and leads to no web page; the redirect is refused", url)
            raise RedirectRefusedError(f"{url!r} is no route and leads to no web page") from None
        raise ValueError(f"there is no route {url!r} to redirect to") from None


def _has_namespace(router: Any, name: str) -> bool:
    return any(known.startswith(f"{name}:") for known in router.compiled().names)


def check_redirect(url: str) -> None:
    """Check that a redirect stays where it may go.

    Raises:
        RedirectRefusedError: If not.
    """
    if _CONTROL.search(url) or _leaves_silently(url):
        raise RedirectRefusedError(f"{url!r} is not a safe address to redirect to")
    parts, port = _split(url)
    _check_scheme(url, parts)
    # Only the path: a query may hold whatever it likes, another address for example.
    if ".." in unquote(unquote(parts.path)).split("/"):
        raise RedirectRefusedError(f"the path of {url!r} leads upwards")
    if parts.hostname is not None:
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        _check_host(parts.scheme, host, port)


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        raise RedirectRefusedError(f"{url!r} is not a valid address") from None


def _leaves_silently(url: str) -> bool:
    """Return whether what looks like a path is the address of another host."""
    return url.startswith("//") and not _is_host_route(url)


def _is_host_route(url: str) -> bool:
    """Return whether an address without a scheme names an allowed host, as those of routes of one host do."""
    return redirect_host_allowed(split_host(url[2:].partition("/")[0])[0])


def _check_scheme(url: str, parts: SplitResult) -> None:
    if parts.scheme not in ("", "http", "https") or (parts.scheme and not parts.hostname):
        raise RedirectRefusedError(f"{url!r} does not lead to a web page")
    if "@" in parts.netloc:
        raise RedirectRefusedError(
            "an address with user information is not a safe address to redirect to"
        )


def _check_host(scheme: str, host: str, port: int | None) -> None:
    allowed = settings.ALLOWED_REDIRECT_HOSTS or settings.ALLOWED_HOSTS
    if f"{host}:{port}" in allowed:
        return
    if not redirect_host_allowed(host):
        raise RedirectRefusedError(f"host {host!r} is not in ALLOWED_REDIRECT_HOSTS")
    ours = (None, _DEFAULT_PORTS.get(scheme), _own_port())
    if "*" not in allowed and port not in ours:
        advice = f"name '{host}:{port}' in ALLOWED_REDIRECT_HOSTS"
        raise RedirectRefusedError(f"port {port} of host {host!r} is not ours; {advice}")


def _own_port() -> int | None:
    """Return the port that the request being answered has named."""
    request = current_request.get()
    port = "" if request is None else split_host(request.url.netloc)[1]
    return int(port) if port else None
