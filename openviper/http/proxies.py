"""Who is at the other side, behind proxies: ``Forwarded`` (RFC 7239) and ``X-Forwarded-*``, from trusted proxies only."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from openviper.exceptions import ImproperlyConfigured
from openviper.http.asgi import Scope
from openviper.http.multipart import parse_options
from openviper.http.url import valid_host
from openviper.utils.datastructures import Headers

Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|,|[^",]+|"', re.DOTALL)
UNIX = "unix"
"""The entry of `TRUSTED_PROXIES` for whoever connects through a Unix socket, where nobody has an address."""
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


class Proxies:
    """The proxies that are believed.

    Args:
        given: Addresses, networks, and ``unix``.

    Raises:
        ImproperlyConfigured: If one of them is none of these.
    """

    def __init__(self, given: Sequence[str]) -> None:
        self._unix = UNIX in given
        self._networks = [_network(proxy) for proxy in given if proxy != UNIX]

    def __bool__(self) -> bool:
        return self._unix or bool(self._networks)

    def include(self, address: str) -> bool:
        """Return whether an address is one of a proxy."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self._networks)

    def sent(self, scope: Scope) -> bool:
        """Return whether the other side of a connection is a proxy."""
        client = scope.get("client")
        # Servers give no address, or an empty one, for a Unix socket.
        return self.include(client[0]) if client and client[0] else self._unix

    def client_hop(self, scope: Scope) -> Hop | None:
        """Return what the outermost proxy says about a request; `None` if there is no proxy, or it says nothing.

        Each header is read from the right, as every proxy adds at the end: the first address that is not a proxy is the
        client. What stands further left, anybody can have written. So can anybody a whole header that the proxy does not
        set itself, and which one that is cannot be told: what two of them say differently is not believed.
        """
        if not self.sent(scope):
            return None
        headers = Headers(scope["headers"])
        kinds = (forwarded_hops(headers), legacy_hops(headers), self._direct_hops(headers))
        told = [hop for hop in map(self._outermost, kinds) if hop is not None]
        return Hop(*map(_agreed, zip(*told, strict=True))) if told else None

    def _direct_hops(self, headers: Headers) -> list[Hop]:
        """Return what ``X-Real-IP`` says; nothing if that is a proxy, as behind another one."""
        hops = [_hop(address, "", "") for address in _elements(headers, "x-real-ip")[-1:]]
        return [hop for hop in hops if hop.address and not self.include(hop.address)]

    def _outermost(self, hops: Sequence[Hop]) -> Hop | None:
        last: Hop | None = None
        for hop in reversed(hops[-MAX_HOPS:]):
            last = hop
            if not hop.address or not self.include(hop.address):
                return hop
        return last


def _agreed(values: Sequence[str]) -> str:
    """Return what several headers say of one thing, if they do not contradict each other; else an empty text."""
    different = set(filter(None, values))
    return different.pop() if len(different) == 1 else ""


@lru_cache(maxsize=16)
def proxies_of(given: tuple[str, ...]) -> Proxies:
    """Return the proxies of a setting; see `Proxies`."""
    return Proxies(given)


def _network(proxy: str) -> Network:
    try:
        return ipaddress.ip_network(proxy, strict=False)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"TRUSTED_PROXIES holds {proxy!r}, which is neither an address nor a network nor {UNIX!r}"
        ) from error


def forwarded_hops(headers: Headers) -> list[Hop]:
    """Return what a ``Forwarded`` header says, proxy by proxy."""
    hops = []
    for element in _unquoted_parts(",".join(headers.getlist("forwarded"))):
        # The pairs stand where a header has its options, so one is put before them.
        options = parse_options(f"hop;{element}")[1]
        hops.append(_hop(options.get("for", ""), options.get("proto", ""), options.get("host", "")))
    return hops


def legacy_hops(headers: Headers) -> list[Hop]:
    """Return what the ``X-Forwarded-*`` headers say; one that names scheme or host once says it for all.

    ``X-Real-IP`` stands for the list of addresses where there is none.
    """
    addresses = _elements(headers, "x-forwarded-for") or _elements(headers, "x-real-ip")[-1:]
    schemes = _elements(headers, "x-forwarded-proto")
    hosts = _elements(headers, "x-forwarded-host")
    if not (addresses or schemes or hosts):
        return []
    count = max(len(addresses), 1)
    return [
        _hop(_at(addresses, place), _for(schemes, place, count), _for(hosts, place, count))
        for place in range(count)
    ]


def _unquoted_parts(text: str) -> list[str]:
    """Return the last parts between commas; one in quotes, which may be part of a host that a client made up, parts nothing.

    Where a quotation does not end, nothing is believed.
    """
    parts: list[list[str]] = [[]]
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token == '"':
            return []
        if token == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    joined = ("".join(part).strip() for part in parts)
    return [part for part in joined if part][-MAX_HOPS:]


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
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
