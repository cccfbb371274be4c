"""WebSockets (RFC 6455), as ASGI gives them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from openviper.conf import settings
from openviper.exceptions import OpenViperException
from openviper.http.asgi import Message, Receive, Scope, Send
from openviper.http.connection import Connection
from openviper.http.hosts import Origins
from openviper.http.json_body import parsed
from openviper.http.responses import encode_text
from openviper.utils.datastructures import RawHeaders, encode_header
from openviper.utils.json_text import encode_json

NORMAL = 1000
GOING_AWAY = 1001
POLICY = 1008
TOO_BIG = 1009
INTERNAL_ERROR = 1011
NOT_FOUND = 4404
"""Close codes (RFC 6455, 7.4.1); the last one is ours, for a path without a handler."""
_SENDABLE = (range(1000, 1004), range(1007, 1015), range(3000, 5000))
MAX_REASON = 123
"""Longest reason for closing, in bytes."""

State: TypeAlias = Literal["connecting", "open", "closed"]


class WebSocketDisconnected(OpenViperException):
    """The other side has closed the connection, or it was closed for what that side did.

    Attributes:
        code: The close code.
        reason: What was said about it.
    """

    def __init__(self, code: int = NORMAL, reason: str = "") -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"the WebSocket is closed with {code}{f': {reason}' if reason else ''}")


class WebSocketStateError(OpenViperException, RuntimeError):
    """A WebSocket is used before it is accepted or after it was closed."""


def _raw_headers(
    headers: Mapping[str, str] | Sequence[tuple[str, str]] | None,
) -> RawHeaders:
    pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
    return [encode_header(*pair) for pair in pairs]


class WebSocket(Connection):
    """A WebSocket; its handler accepts it, and when the handler returns it is closed.

    Args:
        scope: The ASGI scope.
        receive: Where messages come from.
        send: Where messages go.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope)
        self._receive = receive
        self._send = send
        self.state_of_connection: State = "connecting"
        # A handler may take less; what is more is refused by the server already.
        self.max_size: int = settings.WEBSOCKET_MAX_SIZE
        self.idle_timeout: float = settings.WEBSOCKET_IDLE_TIMEOUT

    @property
    def subprotocols(self) -> list[str]:
        """The protocols that the client offers, the one it likes best first."""
        return list(self.scope.get("subprotocols") or ())

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self.state_of_connection == "open"

    async def accept(
        self,
        subprotocol: str | None = None,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
    ) -> None:
        """Open the connection.

        Args:
            subprotocol: One of those that the client offers.
            headers: Further headers of the answer.

        Raises:
            ValueError: If the client does not offer the protocol.
            WebSocketDisconnected: If the client is gone already.
            WebSocketStateError: If the connection is open already, or closed.
        """
        self._demand("connecting")
        if subprotocol is not None and subprotocol not in self.subprotocols:
            raise ValueError(f"the client does not offer the protocol {subprotocol!r}")
        raw = _raw_headers(headers)
        if (await self._next())["type"] == "websocket.disconnect":
            self.state_of_connection = "closed"
            raise WebSocketDisconnected(1006, "the client is gone")
        self.state_of_connection = "open"
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol, "headers": raw})

    async def receive(self) -> str | bytes:
        """Return the next message.

        Raises:
            WebSocketDisconnected: If the other side has closed the connection, is silent for longer than `idle_timeout`
                seconds, or sends more than `max_size` bytes.
            WebSocketStateError: If the connection is not open.
        """
        self._demand("open")
        message = await self._within_idle_timeout()
        if message["type"] == "websocket.disconnect":
            self.state_of_connection = "closed"
            raise WebSocketDisconnected(message.get("code") or NORMAL, message.get("reason") or "")
        text: str | None = message.get("text")
        content: str | bytes = message.get("bytes") or b"" if text is None else text
        await self._check_size(content)
        return content

    async def _within_idle_timeout(self) -> Message:
        try:
            async with asyncio.timeout(self.idle_timeout or None):
                return await self._next()
        except TimeoutError:
            await self.close(GOING_AWAY, "idle for too long")
            raise WebSocketDisconnected(GOING_AWAY, "idle for too long") from None

    async def _next(self) -> Message:
        return await self._receive()

    async def _check_size(self, content: str | bytes) -> None:
        # A text has at most four bytes per character; only one that may be too long is counted.
        size = len(content)
        if isinstance(content, str) and size * 4 > self.max_size:
            size = len(content.encode("utf-8", "surrogatepass"))
        if size > self.max_size:
            await self.close(TOO_BIG, "the message is too big")
            raise WebSocketDisconnected(TOO_BIG, "the message is too big")

    async def receive_text(self) -> str:
        """Return the next message, which is text; see `receive`.

        Raises:
            WebSocketDisconnected: Also if it is not: the connection is closed with 1003.
        """
        content = await self.receive()
        if isinstance(content, str):
            return content
        raise await self._refuse(1003, "text is expected")

    async def receive_bytes(self) -> bytes:
        """Return the next message, which is bytes; see `receive`.

        Raises:
            WebSocketDisconnected: Also if it is not: the connection is closed with 1003.
        """
        content = await self.receive()
        if isinstance(content, bytes):
            return content
        raise await self._refuse(1003, "bytes are expected")

    async def receive_json(self) -> Any:
        """Return the value of the next message, which is JSON in text or bytes; see `receive`.

        Raises:
            WebSocketDisconnected: Also if it is not: the connection is closed with 1007.
        """
        content = await self.receive()
        try:
            return await parsed(content if isinstance(content, str) else content.decode("utf-8"))
        except (ValueError, RecursionError):
            raise await self._refuse(1007, "JSON is expected") from None

    async def _refuse(self, code: int, reason: str) -> WebSocketDisconnected:
        await self.close(code, reason)
        return WebSocketDisconnected(code, reason)

    async def iter_text(self) -> AsyncIterator[str]:
        """Yield messages, which are text, until the connection is closed."""
        try:
            while self.state_of_connection != "closed":
                yield await self.receive_text()
        except WebSocketDisconnected:
            return

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        """Yield messages, which are bytes, until the connection is closed."""
        try:
            while self.state_of_connection != "closed":
                yield await self.receive_bytes()
        except WebSocketDisconnected:
            return

    async def iter_json(self) -> AsyncIterator[Any]:
        """Yield the values of messages, which are JSON, until the connection is closed."""
        try:
            while self.state_of_connection != "closed":
                yield await self.receive_json()
        except WebSocketDisconnected:
            return

    async def send_text(self, text: str) -> None:
        """Send text.

        Raises:
            WebSocketStateError: If the connection is not open.
            WebSocketDisconnected: If the other side is gone.
        """
        try:
            await self._transmit({"type": "websocket.send", "text": text})
        except UnicodeEncodeError:  # As browsers send it, without halves of surrogate pairs.
            await self._transmit({"type": "websocket.send", "text": encode_text(text).decode()})

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes; raises as `send_text` does."""
        await self._transmit({"type": "websocket.send", "bytes": data})

    async def send_json(self, value: Any) -> None:
        """Send a value as JSON in a text; see `openviper.utils.json_text.encode_json`. Raises as `send_text` does."""
        await self.send_text(encode_json(value).decode())

    async def _transmit(self, message: Message) -> None:
        self._demand("open")
        try:
            await self._send(message)
        except OSError:  # What ASGI servers raise when the client has gone (ASGI 2.4).
            self.state_of_connection = "closed"
            raise WebSocketDisconnected(1006, "the client is gone") from None

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close the connection, or refuse it if it has not been accepted; one that is closed stays so.

        Args:
            code: The close code.
            reason: What the other side is told, at most 123 bytes of it.

        Raises:
            ValueError: If the code is none that may be sent: those are 1000 to 1003, 1007 to 1014, and 3000 to 4999 for
                applications (RFC 6455, 7.4).
        """
        if not any(code in codes for codes in _SENDABLE):
            raise ValueError(f"{code!r} is not a code that a WebSocket can be closed with")
        if self.state_of_connection == "closed":
            return
        self.state_of_connection = "closed"
        told = reason.encode("utf-8", "replace")[:MAX_REASON].decode("utf-8", "ignore")
        await self._send({"type": "websocket.close", "code": code, "reason": told})

    def _demand(self, state: State) -> None:
        if self.state_of_connection != state:
            raise WebSocketStateError(
                f"the WebSocket is {self.state_of_connection}, and this needs one that is {state}"
            )


def origin_allowed(websocket: WebSocket) -> bool:
    """Return whether a WebSocket comes from a page of this host or of `WEBSOCKET_ALLOWED_ORIGINS`.

    Browsers open WebSockets from any page to any host and send the cookies along. They always name the page's origin;
    who sends none is not a browser.
    """
    origin = websocket.headers.get("origin")
    if origin is None:
        return True
    if Origins(settings.WEBSOCKET_ALLOWED_ORIGINS).allow(origin):
        return True
    return _host_of(origin) == websocket.headers.get("host", "").lower()


def _host_of(origin: str) -> str | None:
    """Return the host of an origin with its port; `None` if it has none."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
