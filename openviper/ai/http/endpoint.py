"""The address of a server, taken apart once."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL = 2048
"""Most characters of an address."""
_ODD = re.compile(r"[^!-~]|[\\<>\"^`{|}]")
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_PORT = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server, and the path below which its interface lies.

    Attributes:
        scheme: ``http`` or ``https``.
        host: A name in lower case, or an IP address without brackets.
        port: The port.
        path: The path without a slash at its end; may be empty.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL, the usual port left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address as text."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine by its name."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Return whether a host is ``localhost`` or a loopback address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_endpoint(url: str, *, allow_http: bool = False) -> Endpoint:
    """Take an address apart.

    Args:
        url: ``https://host[:port][/path]``, or ``http://`` for this machine.
        allow_http: Allow ``http://`` for other machines, too; what is sent, keys included, can be read on the way.

    Raises:
        ValueError: If it is not such an address. A user name or password in it is refused, and not shown.
    """
    scheme = _checked_scheme(url)
    _check_characters(url)
    host, port = _host_and_port(url)
    endpoint = Endpoint(scheme, host, port or DEFAULT_PORTS[scheme], urlsplit(url).path.rstrip("/"))
    if scheme == "http" and not allow_http and not endpoint.is_loopback:
        raise ValueError(
            f"the address {url!r} is not encrypted; use https, or allow_http where the network is trusted"
        )
    return endpoint


def _checked_scheme(url: str) -> str:
    if len(url) > MAX_URL:
        raise ValueError(f"the address has {len(url)} characters, more than {MAX_URL}")
    scheme = url.partition("://")[0].lower()
    if "://" not in url or scheme not in DEFAULT_PORTS:
        raise ValueError("the address does not begin with 'https://' or 'http://'")
    return scheme


def _check_characters(url: str) -> None:
    rest = url.partition("://")[2]
    if "@" in rest:
        raise ValueError("the address holds a user name or password; use api_key")
    odd = _ODD.search(rest)
    if odd is not None:
        raise ValueError(f"the address holds {odd.group()!r}")
    if "?" in rest or "#" in rest:
        raise ValueError(f"the address {url!r} has a query or a fragment")


def _host_and_port(url: str) -> tuple[str, int | None]:
    authority = re.split("/", url.partition("://")[2], maxsplit=1)[0]
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        host, port = authority, ""
    if colon and port and (not _PORT.fullmatch(port) or not 0 < int(port) < 65536):
        raise ValueError(f"the address {url!r} has the port {port!r}")
    return _checked_host(host, url), int(port) if port else None


def _checked_host(host: str, url: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        return _ipv6(host[1:-1], url)
    if len(host) > 253 or not all(map(_LABEL.fullmatch, host.split("."))):
        raise ValueError(f"the address {url!r} has the host {host!r}")
    return host.lower()


def _ipv6(text: str, url: str) -> str:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        address = None
    if address is None or address.scope_id is not None:
        raise ValueError(f"the address {url!r} has no IPv6 address in its brackets")
    return address.compressed
