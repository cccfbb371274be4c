"""Connecting to a server: its addresses looked up once and checked, a proxy on the way, encryption verified."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass, field
from urllib.parse import unquote

from openviper.ai.http.endpoint import Endpoint, is_loopback, parse_endpoint
from openviper.ai.http.errors import ConnectFailedError, ProtocolError
from openviper.ai.http.framing import MAX_HEAD, parse_head
from openviper.ai.http.patience import Patience
from openviper.ai.http.wire import Wire
from openviper.core.email.network import Address, Deadline, resolve
from openviper.core.email.public_hosts import is_restricted_ip


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that speaks HTTP.

    Attributes:
        endpoint: Where it is.
        authorization: The value of ``Proxy-Authorization``; empty for none.
    """

    endpoint: Endpoint
    authorization: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Route:
    """How a server is reached.

    Attributes:
        endpoint: The server.
        proxy: The proxy on the way.
        ca_file: A PEM file of certificate authorities to trust instead of the system's.
        allow_http: Whether an unencrypted server may be another machine.
        public_only: Whether the address comes from somebody who must not reach this network: every address of the host
            has to be public, and the connection goes to the one that was checked.
    """

    endpoint: Endpoint
    proxy: Proxy | None = None
    ca_file: str | None = None
    allow_http: bool = False
    public_only: bool = False

    def __post_init__(self) -> None:
        if self.public_only and self.proxy is not None:
            raise ValueError(
                "with a proxy it is the proxy that looks hosts up; public_only needs none"
            )


def parse_proxy(url: str) -> Proxy:
    """Take the address of a proxy apart: ``http://[user:password@]host:port``.

    Raises:
        ValueError: If it is not one. The address is not shown, because of the password.
    """
    scheme, _, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    if scheme.lower() != "http":
        raise ValueError("the address of the proxy does not begin with 'http://'")
    try:
        endpoint = parse_endpoint(f"http://{place}", allow_http=True)
    except ValueError:
        raise ValueError("the address of the proxy is not of the form 'http://host:port'") from None
    return Proxy(endpoint, _basic(unquote(user))) if at else Proxy(endpoint)


def _basic(credentials: str) -> str:
    """Return ``user:password`` as RFC 7617 sends it."""
    return f"Basic {base64.b64encode(credentials.encode()).decode('ascii')}"


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return what verifies servers.

    Raises:
        ConnectFailedError: If the file of authorities cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConnectFailedError(f"ca_file {ca_file!r} cannot be used: {_why(error)}") from error
    context.set_alpn_protocols(["http/1.1"])
    return context


async def connect(route: Route, tls: ssl.SSLContext | None, patience: Patience) -> Wire:
    """Return a connection that is ready for a request.

    Args:
        route: Where to, and how.
        tls: What verifies the server; `None` for an unencrypted one.
        patience: The time it may take.

    Raises:
        ConnectFailedError: If there is none, or it may not be used.
    """
    endpoint = route.endpoint
    place = route.proxy.endpoint if route.proxy else endpoint
    step = f"connecting to {place.authority}"
    async with patience.connecting(step):
        try:
            wire = await _opened(route, place, patience)
        except OSError as error:
            raise ConnectFailedError(f"{step} failed: {_why(error)}") from error
        try:
            await _prepare(wire, route, tls)
        except BaseException:
            await _drop(wire)
            raise
        return wire


async def _drop(wire: Wire) -> None:
    wire.abort()
    # Lets the event loop see it, so that the socket is closed when this returns.
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(0)


async def _opened(route: Route, place: Endpoint, patience: Patience) -> Wire:
    addresses = await _addresses(place, patience)
    if route.proxy is None:
        _check(route, addresses)
    return await _first_open(route, addresses, patience.timeouts.connect)


async def _first_open(route: Route, addresses: list[Address], seconds: float) -> Wire:
    """Connect to the first address that answers; each has its share of the time."""
    failure: OSError = OSError("the host has no address")
    for address in addresses:
        try:
            return await _open(route, address, seconds / len(addresses))
        except OSError as error:
            failure = error
    raise failure


async def _addresses(place: Endpoint, patience: Patience) -> list[Address]:
    deadline = Deadline.after(max(0.001, min(patience.timeouts.connect, patience.left())))
    if _is_address(place.host):
        return resolve(place.host, place.port, deadline)
    try:
        return await asyncio.to_thread(resolve, place.host, place.port, deadline)
    except UnicodeError as error:
        raise ConnectFailedError(f"{place.host!r} is not a host name") from error


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _check(route: Route, addresses: list[Address]) -> None:
    """Refuse addresses that must not be reached; which ones they are would tell about the network."""
    hosts = [where[0] for _, where in addresses]
    if route.public_only and any(map(is_restricted_ip, hosts)):
        raise ConnectFailedError(f"{route.endpoint.host!r} is not a public host")
    is_plain = route.endpoint.scheme == "http" and not route.allow_http
    if is_plain and not all(map(is_loopback, hosts)):
        raise ConnectFailedError(
            f"{route.endpoint.host!r} is not this machine, and the address is not encrypted"
        )


async def _open(route: Route, address: Address, seconds: float) -> Wire:
    family, where = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        # An address that swallows everything takes its share of the time only.
        async with asyncio.timeout(seconds):
            await loop.sock_connect(sock, where)
        if route.public_only and is_restricted_ip(sock.getpeername()[0]):
            raise ConnectFailedError(f"{route.endpoint.host!r} is not a public host")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _, wire = await loop.create_connection(Wire, sock=sock)
    except BaseException:
        sock.close()
        raise
    return wire


async def _prepare(wire: Wire, route: Route, tls: ssl.SSLContext | None) -> None:
    if tls is None:
        return
    if route.proxy is not None:
        await _tunnel(wire, route.endpoint, route.proxy)
    if wire.has_unread:
        # It would be taken for what the verified server says.
        raise ProtocolError("something was sent before the encryption had begun")
    wire.transport = await _encrypted(wire, route.endpoint, tls)


async def _encrypted(wire: Wire, endpoint: Endpoint, tls: ssl.SSLContext) -> asyncio.Transport:
    loop = asyncio.get_running_loop()
    assert wire.transport is not None
    try:
        transport = await loop.start_tls(wire.transport, wire, tls, server_hostname=endpoint.host)
    except OSError as error:
        raise ConnectFailedError(_tls_failure(error, endpoint.authority)) from error
    assert transport is not None
    return transport


def _tls_failure(error: OSError, authority: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {authority} is not good: {error.verify_message}"
    return f"encryption with {authority} failed: {_why(error)}"


async def _tunnel(wire: Wire, endpoint: Endpoint, proxy: Proxy) -> None:
    """Have the proxy connect to the server (RFC 9110, 9.3.6)."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    target = f"{host}:{endpoint.port}"
    place = proxy.endpoint.authority
    try:
        await wire.send(_connect_request(target, proxy))
        head, rest = await _answer_of(wire, place)
    except OSError as error:
        raise ConnectFailedError(f"the proxy {place} failed: {_why(error)}") from error
    status = parse_head(head).status
    if not 200 <= status < 300:
        raise ConnectFailedError(f"the proxy {place} refuses {target} with status {status}")
    if rest:
        raise ProtocolError("something was sent before the encryption had begun")


def _connect_request(target: str, proxy: Proxy) -> bytes:
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


async def _answer_of(wire: Wire, place: str) -> tuple[bytes, bytes]:
    """Return the head of a proxy's answer, and what came behind it."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = await wire.read()
        if not piece or len(data) + len(piece) > MAX_HEAD:
            raise ConnectFailedError(f"the proxy {place} does not speak HTTP")
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def _why(error: BaseException) -> str:
    """Return what went wrong, without the addresses that asyncio adds."""
    if isinstance(error, ssl.SSLError):
        return error.reason or "TLS"
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, socket.gaierror):
        return error.strerror or "unknown name"
    errno = error.errno if isinstance(error, OSError) else None
    return os.strerror(errno) if errno else type(error).__name__
