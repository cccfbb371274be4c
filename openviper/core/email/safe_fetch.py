"""Fetch a file from the public internet, and from nowhere else.

A URL that somebody else chose must not reach this machine or its network (server-side request forgery). So the host
is looked up once, every one of its addresses has to be public, the connection goes to the very address that was
checked, and who answers is checked again before the first byte is sent. Nothing is followed, decoded or taken from the
environment, and one deadline holds for everything.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Collection
from dataclasses import dataclass
from email.message import Message
from typing import IO, TYPE_CHECKING, NoReturn
from urllib.parse import unquote

from openviper.core.email.network import Address, Deadline, connect
from openviper.core.email.network import resolve as _resolve
from openviper.core.email.public_hosts import (
    Target,
    check_host,
    is_restricted_ip,
    parse_url,
    validate_public_ip_address,
)

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

__all__ = [
    "FetchedFile",
    "NoRedirectHandler",
    "is_private_hostname",
    "is_restricted_ip",
    "safe_fetch",
    "validate_public_ip_address",
]

LOOKUP_TIMEOUT = 10.0
"""Seconds for a lookup that has no deadline of its own."""
PIECE = 64 * 1024
"""Bytes read at once."""
OVERHEAD = 1024 * 1024
"""Bytes beyond twice the allowed content after which a server is cut off: header fields, and the sizes of chunks."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MEDIA_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+")


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file from the internet.

    Attributes:
        content: Its bytes, as they came.
        content_type: What the server says it is, without parameters; ``""`` if it says nothing usable.
        filename: The last part of the URL's path; ``""`` if it has none.
    """

    content: bytes
    content_type: str
    filename: str


def safe_fetch(
    url: str,
    *,
    max_bytes: int,
    timeout: float,
    schemes: Collection[str] = ("http", "https"),
    user_agent: str = "openviper-email-attachment/1",
) -> FetchedFile:
    """Fetch a file with GET; blocks, so run it in a thread.

    Args:
        url: Where from; ``http`` or ``https``.
        max_bytes: Most bytes of content.
        timeout: Seconds after which all of it has to be over, however slowly the server talks.
        schemes: Those of the two that are allowed.
        user_agent: Who asks.

    Raises:
        ValueError: If the URL is not allowed, any of the host's addresses is not public, the server redirects, or the
            file is too large.
        urllib.error.HTTPError: If the server answers with a status from 400 on.
        OSError: If the name is unknown, the connection fails or breaks off, the certificate is not good, or the time is
            over; `urllib.error.URLError` is one.
    """
    if max_bytes < 0:
        raise ValueError(f"max_bytes {max_bytes!r} is less than 0")
    if not timeout > 0:
        raise ValueError(f"timeout {timeout!r} is not more than 0 seconds")
    deadline = Deadline.after(timeout)
    target = parse_url(url, schemes)
    exchange = _Exchange(
        target, _public_addresses(target, deadline), deadline, 2 * max_bytes + OVERHEAD
    )
    opener = urllib.request.OpenerDirector()
    # Nothing else: no proxies, no cookies, no other schemes.
    for handler in (
        _CheckedHandler(exchange),
        NoRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    headers = {"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "identity"}
    try:
        with opener.open(urllib.request.Request(target.url, headers=headers)) as response:
            content = _read(response, max_bytes)
            content_type = (
                str(response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()
            )
    except urllib.error.HTTPError as error:
        error.close()
        raise
    except http.client.HTTPException as error:
        raise urllib.error.URLError(
            f"{target.host!r} does not speak HTTP properly: {type(error).__name__}"
        ) from error
    if not _MEDIA_TYPE.fullmatch(content_type):
        content_type = ""
    return FetchedFile(content, content_type, _filename(target))


def is_private_hostname(hostname: str) -> bool:
    """Return whether a host is not to be asked: an unknown or malformed name, or any address that is not public."""
    try:
        host = check_host(hostname)
        addresses = _resolve(host, 0, Deadline.after(LOOKUP_TIMEOUT))
    except (OSError, ValueError):
        return True
    return not addresses or any(_is_restricted(address) for address in addresses)


class NoRedirectHandler(urllib.request.HTTPRedirectHandler):
    """Refuse every redirect: where it leads was not checked."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> NoReturn:
        """Raise instead of making a new request.

        Raises:
            ValueError: Always.
        """
        raise ValueError(f"{req.host!r} redirects (status {code}), which is not followed")

    def http_error_302(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message
    ) -> NoReturn:
        """Refuse before the target is looked at."""
        fp.close()
        self.redirect_request(req, fp, code, msg, headers, "")

    http_error_300 = http_error_301 = http_error_303 = http_error_305 = http_error_307 = (
        http_error_308
    ) = http_error_302


def _is_restricted(address: Address) -> bool:
    _, where = address
    return is_restricted_ip(where[0]) or (len(where) == 4 and where[3] != 0)


def _public_addresses(target: Target, deadline: Deadline) -> list[Address]:
    """Look the host up, once.

    Raises:
        ValueError: If any of its addresses is not public.
    """
    addresses = _resolve(target.host, target.port, deadline)
    if not addresses:
        raise OSError(f"{target.host!r} has no address")
    if any(_is_restricted(address) for address in addresses):
        # Which address it is would tell about the network.
        raise ValueError(f"{target.host!r} is not a public host")
    return addresses


def _read(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    """Read the content to its end.

    Raises:
        ValueError: If there is more than `max_bytes`.
        urllib.error.URLError: If it ends too early.
    """
    if response.status == http.client.PARTIAL_CONTENT:
        raise urllib.error.URLError("the server sent a part of the file only")
    if response.length is None:
        return _read_all(response, max_bytes)
    return _read_announced(response, response.length, max_bytes)


def _read_announced(response: http.client.HTTPResponse, announced: int, max_bytes: int) -> bytes:
    if announced > max_bytes:
        raise ValueError(f"the file has {announced} bytes, more than {max_bytes}")
    content = _read_all(response, max_bytes)
    if len(content) != announced:
        # `http.client` takes this for the end.
        raise urllib.error.URLError(
            f"the connection ended after {len(content)} of {announced} bytes"
        )
    return content


def _read_all(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := response.read(min(PIECE, max_bytes + 1 - size)):
        size += len(piece)
        if size > max_bytes:
            raise ValueError(f"the file has more than {max_bytes} bytes")
        pieces.append(piece)
    return b"".join(pieces)


def _filename(target: Target) -> str:
    """Return the last part of the path, decoded, without anything that could lead elsewhere."""
    name = (
        unquote(target.path.rpartition("/")[2], errors="replace")
        .replace("\\", "/")
        .rpartition("/")[2]
    )
    name = _CONTROL.sub("", name).strip()
    return "" if name.strip(". ") == "" else name[:255]


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One request: where it goes, and within what bounds.

    Attributes:
        addresses: The addresses that were checked.
        most: Bytes after which the server is cut off.
    """

    target: Target
    addresses: list[Address]
    deadline: Deadline
    most: int


class _CheckedHandler(urllib.request.AbstractHTTPHandler):
    """Makes the request over a connection to an address that was checked."""

    def __init__(self, exchange: _Exchange) -> None:
        super().__init__()
        self._exchange = exchange

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Make a request; whether it is encrypted, the exchange knows."""

        def connection(_host: str, **_options: object) -> _CheckedConnection:
            return _CheckedConnection(self._exchange)

        return self.do_open(connection, request)

    https_open = http_open
    # Adds Host, with the name that was asked for.
    http_request = https_request = urllib.request.AbstractHTTPHandler.do_request_


class _CheckedConnection(http.client.HTTPConnection):
    """A connection to an address that was checked, encrypted for ``https``."""

    def __init__(self, exchange: _Exchange) -> None:
        super().__init__(exchange.target.host, exchange.target.port)
        self._exchange = exchange

    def connect(self) -> None:
        """Connect, and make sure who it is before anything is sent.

        Raises:
            ValueError: If the other end is not one of the checked addresses.
        """
        exchange = self._exchange
        sock = connect(exchange.addresses, exchange.deadline)
        try:
            self._check_peer(sock.getpeername()[0])
            if exchange.target.scheme == "https":
                sock.settimeout(exchange.deadline.remaining("the TLS handshake"))
                sock = _tls_context().wrap_socket(sock, server_hostname=self.host)
        except BaseException:
            sock.close()
            raise
        self.sock = _TimedSocket(sock, exchange)

    def _check_peer(self, peer: str) -> None:
        checked = {address[1][0] for address in self._exchange.addresses}
        if is_restricted_ip(peer) or peer not in checked:
            raise ValueError(f"{self.host!r} answers from an address that was not checked")


def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class _TimedSocket:
    """What `http.client` needs of a socket, with a deadline for all of it instead of a limit for each call."""

    def __init__(self, sock: socket.socket, exchange: _Exchange) -> None:
        self._sock = sock
        self._exchange = exchange
        self._is_given_away = False

    def sendall(self, data: ReadableBuffer) -> None:
        """Send all of it."""
        self._sock.settimeout(self._exchange.deadline.remaining("the request"))
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return what the answer is read from; closing that closes the connection."""
        self._is_given_away = True
        return io.BufferedReader(_TimedReader(self._sock, self._exchange), PIECE)

    def close(self) -> None:
        """Close the connection, unless its answer is still to be read."""
        if not self._is_given_away:
            self._sock.close()


class _TimedReader(io.RawIOBase):
    """Reads from a socket until a deadline, and no more than it may."""

    def __init__(self, sock: socket.socket, exchange: _Exchange) -> None:
        self._sock = sock
        self._deadline = exchange.deadline
        self._left = exchange.most

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what is there.

        Raises:
            TimeoutError: If the time is over.
            ValueError: If more came than the allowed content can account for.
        """
        step = "fetching the file"
        self._sock.settimeout(self._deadline.remaining(step))
        try:
            count = self._sock.recv_into(buffer)
        except TimeoutError:
            raise TimeoutError(f"{step} was not done within {self._deadline.seconds:g} s") from None
        self._left -= count
        if self._left < 0:
            raise ValueError("the server sends more than the allowed size can account for")
        return count

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()
        super().close()
