"""Who is at the other side, behind proxies: ``Forwarded`` (RFC 7239) and ``X-Forwarded-*``, from trusted proxies only."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from openviper.conf import settings
from openviper.exceptions import ImproperlyConfigured
from openviper.http.asgi import ASGIApp, Receive, Scope, Send
from openviper.http.multipart import parse_options
from openviper.http.url import valid_host
from openviper.middleware.base import BaseMiddleware
from openviper.utils.datastructures import Headers

Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"
MAX_HOPS = 20
"""Most entries of a header that are looked at, from the right: what stands further left is not ours to believe."""


class Hop(NamedTuple):
    """What one proxy says about the request it got.

    Attributes:
        address: Who sent it; empty if that is not known.
        scheme: ``http`` or ``https``; empty if it does not say.
        host: The host asked for; empty if it does not say.
    """

    address: str
    scheme: str
    host: str


class TrustedProxyMiddleware(BaseMiddleware):
    """Gives requests that come from a trusted proxy the address, scheme and host of the client.

    Each header is read from the right, as every proxy adds at the end: the first address that is not a trusted proxy is
    the client. Requests from elsewhere are left as they are, whatever they say.

    Args:
        app: The application inside.
        proxies: Addresses and networks; the setting `TRUSTED_PROXIES` when not given.

    Raises:
        ImproperlyConfigured: If one of them is neither.
    """

    is_guarded = False

    def __init__(self, app: ASGIApp, proxies: Sequence[str] | None = None) -> None:
        super().__init__(app)
        given = settings.TRUSTED_PROXIES if proxies is None else proxies
        self._networks = parse_networks(tuple(given))

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Correct the scope of a request or a WebSocket."""
        client = scope.get("client")
        if self._networks and scope["type"] in ("http", "websocket") and client:
            if is_trusted(client[0], self._networks):
                self._correct(scope)
        return self.app(scope, receive, send)

    def _correct(self, scope: Scope) -> None:
        headers = Headers(scope["headers"])
        hop = self._client_hop(forwarded_hops(headers) or legacy_hops(headers))
        if hop is not None:
            _believe(scope, hop)

    def _client_hop(self, hops: Sequence[Hop]) -> Hop | None:
        """Return what the outermost trusted proxy says."""
        last: Hop | None = None
        for hop in reversed(hops[-MAX_HOPS:]):
            last = hop
            if not hop.address or not is_trusted(hop.address, self._networks):
                return hop
        return last


def _believe(scope: Scope, hop: Hop) -> None:
    if hop.address:
        scope["client"] = (hop.address, 0)
    if hop.scheme:
        scope["scheme"] = _scheme_for(scope["type"], hop.scheme)
    if hop.host:
        others = [pair for pair in scope["headers"] if pair[0] != b"host"]
        scope["headers"] = [(b"host", hop.host.encode("latin-1")), *others]


def _scheme_for(kind: str, scheme: str) -> str:
    if kind != "websocket":
        return scheme
    return "wss" if scheme in ("https", "wss") else "ws"


@lru_cache(maxsize=16)
def parse_networks(proxies: tuple[str, ...]) -> tuple[Network, ...]:
    """Return addresses and networks as networks.

    Raises:
        ImproperlyConfigured: If one of them is neither.
    """
    networks = []
    for proxy in proxies:
        try:
            networks.append(ipaddress.ip_network(proxy, strict=False))
        except ValueError as error:
            raise ImproperlyConfigured(
                f"TRUSTED_PROXIES holds {proxy!r}, which is neither an address nor a network"
            ) from error
    return tuple(networks)


def is_trusted(address: str, networks: Sequence[Network]) -> bool:
    """Return whether an address lies in one of the networks."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks if network.version == parsed.version)


def forwarded_hops(headers: Headers) -> list[Hop]:
    """Return what a ``Forwarded`` header says, proxy by proxy."""
    hops = []
    for element in _elements(headers, "forwarded"):
        # The pairs stand where a header has its options, so one is put before them.
        options = parse_options(f"hop;{element}")[1]
        hops.append(_hop(options.get("for", ""), options.get("proto", ""), options.get("host", "")))
    return hops


def legacy_hops(headers: Headers) -> list[Hop]:
    """Return what the ``X-Forwarded-*`` headers say; one that names scheme or host once says it for all."""
    addresses = _elements(headers, "x-forwarded-for")
    schemes = _elements(headers, "x-forwarded-proto")
    hosts = _elements(headers, "x-forwarded-host")
    if not (addresses or schemes or hosts):
        return []
    count = max(len(addresses), 1)
    return [
        _hop(_at(addresses, place), _for(schemes, place, count), _for(hosts, place, count))
        for place in range(count)
    ]


def _elements(headers: Headers, name: str) -> list[str]:
    text = ",".join(headers.getlist(name))
    return [part.strip() for part in text.split(",") if part.strip()][-MAX_HOPS:]


def _at(values: Sequence[str], place: int) -> str:
    return values[place] if place < len(values) else ""


def _for(values: Sequence[str], place: int, count: int) -> str:
    if not values:
        return ""
    return values[place] if len(values) == count else values[-1]


def _hop(address: str, scheme: str, host: str) -> Hop:
    scheme = scheme.lower()
    return Hop(
        _address(address),
        scheme if scheme in ("http", "https", "ws", "wss") else "",
        host if valid_host(host) else "",
    )


def _address(text: str) -> str:
    """Return an address without its port and brackets; empty for a made-up name (RFC 7239, 6)."""
    text = text.strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
