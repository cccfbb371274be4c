"""The address that a request comes from."""

from __future__ import annotations

from collections.abc import Mapping
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
    if address not in trusted:
        return address
    forwarded = [part.strip() for part in _header(scope, b"x-forwarded-for").split(",")]
    for candidate in reversed(forwarded):
        if candidate and candidate not in trusted:
            return candidate
    return _header(scope, b"x-real-ip").strip() or address


def _header(scope: Mapping[str, Any], name: bytes) -> str:
    values = [
        value.decode("latin-1") for key, value in scope.get("headers", ()) if key.lower() == name
    ]
    return ",".join(values)
