"""Which hosts are ours, and which origins of pages (RFC 6454) may do what."""

from __future__ import annotations

import re
from collections.abc import Sequence

from openviper.conf import settings
from openviper.conf.rules import origin_pattern
from openviper.http.asgi import TEST_CLIENT, Scope

TEST_HOST = "testserver"
"""The host that the test client asks, unless it is told another one."""


def host_allowed(host: str) -> bool:
    """Return whether `ALLOWED_HOSTS` has a host, given without its port."""
    return matches_host(host, settings.ALLOWED_HOSTS)


def is_host_of_ours(host: str, scope: Scope) -> bool:
    """Return whether a request, to a host given without its port, has asked one of ours.

    That is one of `ALLOWED_HOSTS`; for a request of the test client its own host too, as for `SecurityMiddleware`.
    """
    return host_allowed(host) or (host == TEST_HOST and TEST_CLIENT in scope)


def redirect_host_allowed(host: str) -> bool:
    """Return whether redirects to a host, given without its port, are allowed."""
    return matches_host(host, settings.ALLOWED_REDIRECT_HOSTS or settings.ALLOWED_HOSTS)


def matches_host(host: str, allowed: Sequence[str]) -> bool:
    """Return whether a host is one of the allowed ones: itself, ``.example.org`` with its sub-domains, or ``*``."""
    host = host.lower().removesuffix(".")
    return any(_matches(host, pattern.lower()) for pattern in allowed)


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("."):
        return host.endswith(pattern) or host == pattern[1:]
    return pattern in ("*", host)


_DEFAULT_PORT = re.compile(r"\A(?:(https?|wss?)://[^:]*|(https?|wss?)://\[[^\]]*\]):(80|443)\Z")
_PORTS = {"http": "80", "ws": "80", "https": "443", "wss": "443"}


class Origins:
    """Which origins are allowed.

    Args:
        given: Origins, ``https://*.example.org`` for the sub-domains of one, ``null`` for pages without one, or ``*`` for all.

    Raises:
        TypeError: If they are one text, whose characters would be taken for origins.
        ValueError: If no page can have one of them.
    """

    def __init__(self, given: Sequence[str]) -> None:
        _check_origins(given)
        self.is_open = "*" in given
        named = {normal_origin(origin) for origin in given if origin != "*"}
        self._named = frozenset(origin for origin in named if "*" not in origin)
        self._patterns = [_pattern(origin) for origin in named if "*" in origin]

    def allow(self, origin: str) -> bool:
        """Return whether an origin, as a browser sends it, is allowed."""
        origin = origin.lower()
        if self.is_open or origin in self._named:
            return True
        return any(pattern.fullmatch(origin) for pattern in self._patterns)


def _check_origins(given: Sequence[str]) -> None:
    if isinstance(given, str):
        raise TypeError(f"origins are a list such as [{given!r}], not a text")
    for origin in given:
        fault = origin_pattern(origin)
        if fault is not None:
            raise ValueError(f"the origin {origin!r} {fault}")


def normal_origin(origin: str) -> str:
    """Return an origin as browsers send it: in lower case, without a slash behind it and without the usual port."""
    text = origin.lower().rstrip("/")
    match = _DEFAULT_PORT.match(text)
    if match is not None and _PORTS[match[1] or match[2]] == match[3]:
        return text[: -len(match[3]) - 1]
    return text


def is_own_origin(origin: str, host: str, *, is_secure: bool) -> bool:
    """Return whether an origin is that of the host that is asked. ``null`` is not.

    Args:
        origin: As a browser sends it.
        host: The host that was asked, with its port.
        is_secure: Whether it was asked over TLS.
    """
    scheme, _, netloc = origin.lower().partition("://")
    # A page without https can be anybody's on the way. The reverse may be a proxy that speaks https for us.
    if is_secure and scheme != "https":
        return False
    return bool(netloc) and _without_port(netloc, scheme) == _without_port(host.lower(), scheme)


def _without_port(netloc: str, scheme: str) -> str:
    """Return a host with its port, unless that is the usual one."""
    host, colon, port = netloc.rpartition(":")
    return host if colon and port == _PORTS.get(scheme) else netloc


def _pattern(origin: str) -> re.Pattern[str]:
    """Return what matches ``https://*.example.org``: one or more labels in place of the star."""
    before, _, after = origin.partition("*")
    return re.compile(re.escape(before) + r"[a-z0-9.-]{1,253}" + re.escape(after))
