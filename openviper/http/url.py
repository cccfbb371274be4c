"""The address of a request."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?\Z")
MAX_PORT = 65535


class URL(NamedTuple):
    """An address in its parts; `str()` gives the whole."""

    scheme: str
    netloc: str
    path: str
    query: str

    @property
    def host(self) -> str:
        """The host without its port."""
        return split_host(self.netloc)[0]

    def __str__(self) -> str:
        query = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{self.netloc}{quote(self.path, safe='/:@!$&()*+,;=~-._')}{query}"


def valid_host(value: str) -> bool:
    """Return whether a ``Host`` header is a host name or address with an optional port (RFC 9110, 7.2)."""
    match = _HOST.match(value)
    return match is not None and int(match.group(1) or 0) <= MAX_PORT


def split_host(value: str) -> tuple[str, str]:
    """Return the host and the port of a ``Host`` header; the port is empty if there is none."""
    if value.startswith("["):
        host, _, port = value.partition("]")
        return f"{host}]", port.removeprefix(":")
    host, _, port = value.partition(":")
    return host, port
