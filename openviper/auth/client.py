"""The address that a request comes from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from openviper.conf import settings

UNKNOWN = "unknown"


def client_address(scope: Mapping[str, Any]) -> str:
    """Return the IP address of the client of an ASGI connection, or ``"unknown"``.

    That is the peer's, unless the peer is one of `TRUSTED_PROXIES`: then the right-most address of `X-Forwarded-For`
    that is not a trusted proxy itself, or else `X-Real-IP`. Anybody can write what stands further left.
    """
    peer = scope.get("client")
    address = str(peer[0]) if peer else UNKNOWN
    trusted = settings.TRUSTED_PROXIES
    return _behind_proxies(scope, trusted, address) if address in trusted else address


def _behind_proxies(scope: Mapping[str, Any], trusted: Collection[str], proxy: str) -> str:
    """Return the address that a trusted proxy speaks for; its own if it names none."""
    forwarded = [part.strip() for part in _header(scope, b"x-forwarded-for").split(",")]
    passed_over = {"", *trusted}
    untrusted = [address for address in forwarded if address not in passed_over]
    if untrusted:
        return untrusted[-1]
    return _header(scope, b"x-real-ip").strip() or proxy


def _header(scope: Mapping[str, Any], name: bytes) -> str:
    values = [
        value.decode("latin-1") for key, value in scope.get("headers", ()) if key.lower() == name
    ]
    return ",".join(values)
