"""Which hosts are ours."""

from __future__ import annotations

from collections.abc import Sequence

from openviper.conf import settings
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
