"""Which hosts and addresses are on the public internet, and which URLs name one beyond doubt.

Two programs that read the same URL differently are how a check is got around, so whatever has more than one reading is
refused: spaces, backslashes, user names, numbers that are IPv4 addresses for some only, names outside ASCII.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL = 8192
"""Most characters of a URL."""
MAX_HOST = 253
"""Most characters of a host name (RFC 1035, 2.3.4)."""

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""All that is handed out so far (RFC 4291, 2.4). NAT64, mapped and compatible IPv4, fec0::/10 and the like lie outside."""
_REFUSED: tuple[_Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",  # IETF protocol assignments, RFC 6890
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "168.63.129.16/32",  # Answers to virtual machines of one cloud only, with their configuration
        "2001::/23",  # IETF protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # Documentation, RFC 3849
        "2002::/16",  # 6to4 holds an IPv4 address, RFC 3056
        "3fff::/20",  # Documentation, RFC 9637
    )
)
_ODD = re.compile(
    r"[\x00-\x20\x7f-\xa0\\\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ud800-\udfff]"
)
_AUTHORITY = re.compile(
    r"(?:\[(?P<bracketed>[^\[\]]*)\]|(?P<plain>[^\[\]:]*))(?::(?P<port>[0-9]{1,5}))?"
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that was understood.

    Attributes:
        scheme: ``http`` or ``https``.
        host: A name in lower case, or an IP address without brackets.
        port: The port.
        path: The path, percent-encoded.
        query: The query with its question mark, percent-encoded.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @property
    def url(self) -> str:
        """Return the URL in the one way to write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}{self.query}"


def is_restricted_ip(ip_value: str | ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether an address is not a public one, or holds another one that a gateway would take for the target."""
    try:
        address = ipaddress.ip_address(ip_value)
    except ValueError:
        return True
    if not address.is_global or _has_special_use(address):
        return True
    if isinstance(address, ipaddress.IPv4Address):
        return False
    return address not in _GLOBAL_UNICAST or address.scope_id is not None or _is_isatap(address)


def _has_special_use(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if address.is_multicast or address.is_reserved or address.is_unspecified:
        return True
    return any(address in network for network in _REFUSED)


def _is_isatap(address: ipaddress.IPv6Address) -> bool:
    """Return whether the last half is an IPv4 address of RFC 5214."""
    return (int(address) >> 32) & 0xFDFF_FFFF == 0x0000_5EFE


def validate_public_ip_address(ip_value: str) -> None:
    """Refuse what is not a public IP address.

    Raises:
        ValueError: If it is not public, or no IP address.
    """
    if is_restricted_ip(ip_value):
        raise ValueError(f"{ip_value!r} is not a public IP address")


def check_host(host: str) -> str:
    """Return a host as it is looked up: a name in lower case, or an address.

    Raises:
        ValueError: If it is neither beyond doubt, or this machine.
    """
    if not host.isascii():
        raise ValueError(
            f"host {host!r} has characters outside ASCII; write an international name as xn--..."
        )
    host = host.lower()
    return _ipv6_host(host) if ":" in host else _named_host(host)


def _ipv6_host(host: str) -> str:
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        raise ValueError(f"host {host!r} is not an IPv6 address") from None
    if address.scope_id is not None:
        raise ValueError(f"host {host!r} has a zone, which is of this machine's network")
    return address.compressed


def _named_host(host: str) -> str:
    labels = host.split(".")
    if len(host) > MAX_HOST or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError(f"host {host!r} is not a host name")
    if labels[-1] == "localhost":
        raise ValueError(f"host {host!r} is this machine")
    return _ipv4_host(host) if _NUMBER.fullmatch(labels[-1]) else host


def _ipv4_host(host: str) -> str:
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise ValueError(
            f"host {host!r} is a number, but not an IPv4 address as usually written"
        ) from None


def parse_url(url: str, schemes: Collection[str]) -> Target:
    """Understand a URL.

    Args:
        url: The URL. No error shows it whole, because it may hold a password or a signature.
        schemes: The schemes that are allowed.

    Raises:
        ValueError: If it is not a URL of those, can be read in more than one way, or names a port of another service.
    """
    if len(url) > MAX_URL:
        raise ValueError(f"the URL has {len(url)} characters, more than {MAX_URL}")
    odd = _ODD.search(url)
    if odd is not None:
        raise ValueError(f"the URL holds {odd.group()!r}")
    scheme, rest = _split_scheme(url, schemes)
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    host, port = _split_authority(authority)
    parts = urlsplit(f"http://host{rest[len(authority) :]}")
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~") or "/"
    query = quote(parts.query, safe="/?%:@!$&'()*+,;=~[]")
    return Target(
        scheme,
        check_host(host),
        _checked_port(DEFAULT_PORTS[scheme] if port is None else port),
        path,
        f"?{query}" if query else "",
    )


def _split_scheme(url: str, schemes: Collection[str]) -> tuple[str, str]:
    """Return the scheme in lower case, and what stands behind ``://``."""
    scheme, separator, rest = url.partition("://")
    allowed = {scheme.lower() for scheme in schemes} & set(DEFAULT_PORTS)
    if not separator or scheme.lower() not in allowed:
        raise ValueError(
            f"the URL's scheme {url.partition(':')[0][:20]!r} is not one of {', '.join(sorted(schemes))}"
        )
    return scheme.lower(), rest


def _split_authority(authority: str) -> tuple[str, int | None]:
    """Return host and port; the port `None` if it is not given."""
    if "@" in authority:
        raise ValueError("the URL holds a user name or password")
    match = _AUTHORITY.fullmatch(authority)
    if match is None or not (match["bracketed"] or match["plain"]):
        # Behind the colon may be a password, in a URL whose slash or question mark is a part of it.
        raise ValueError(
            f"the URL has no host, or an odd one or an odd port: {authority.partition(':')[0]!r}"
        )
    return _host_of(match), int(match["port"]) if match["port"] else None


def _host_of(match: re.Match[str]) -> str:
    bracketed: str | None = match["bracketed"]
    if bracketed is None:
        return match["plain"]
    if ":" not in bracketed:
        raise ValueError(f"host {bracketed!r} is not an IPv6 address")
    return bracketed


def _checked_port(port: int) -> int:
    # Those below 1024 belong to other services, some of which would take a request for something else.
    if port in DEFAULT_PORTS.values() or 1024 <= port < 65536:
        return port
    raise ValueError(f"the URL's port {port} is not 80, 443, or between 1024 and 65535")
