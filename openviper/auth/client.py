"""The address that a request comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openviper.conf import settings
from openviper.http.proxies import proxies_of

UNKNOWN = "unknown"


def client_address(scope: Mapping[str, Any]) -> str:
    """Return the IP address of the client of an ASGI connection, or ``"unknown"``.

    That is the peer's, unless the peer is one of `TRUSTED_PROXIES`: then it is what the proxies say, as
    `openviper.middleware.TrustedProxyMiddleware` understands them too.
    """
    peer = scope.get("client")
    address = str(peer[0]) if peer and peer[0] else UNKNOWN
    proxies = proxies_of(tuple(settings.TRUSTED_PROXIES))
    hop = proxies.client_hop({"headers": (), **scope}) if proxies else None
    return address if hop is None else hop.address or address
