"""WebSockets of the test client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from openviper.http.asgi import ASGIApp, Message, Scope
from openviper.http.websockets import NORMAL, WebSocketDisconnected
from openviper.utils.datastructures import Headers, RawHeaders


class WebSocketRefused(AssertionError):
    """The application has not accepted a WebSocket.

    Attributes:
        code: The close code, or the status where it has answered with HTTP, as an `HTTPException` is answered.
        reason: What it said.
        headers: The headers of an answer.
    """

    def __init__(self, code: int, reason: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.code = code
        self.reason = reason
        self.headers = Headers(headers)
        super().__init__(f"the WebSocket was refused with {code}{f': {reason}' if reason else ''}")


class WebSocketSession:
    """An open WebSocket, from the client's side; a context manager.

    Args:
        app: The application.
        scope: What it is called with.
        timeout: Longest wait for a message, in seconds.
        keep: Is told the headers of the answer that accepts it.

    Attributes:
        subprotocol: The protocol that the application has chosen.
        headers: The headers it has sent.
    """

    def __init__(
        self,
        app: ASGIApp,
        scope: Scope,
        timeout: float,
        keep: Callable[[RawHeaders], None] | None = None,
    ) -> None:
        self._app = app
        self._scope = scope
        self._timeout = timeout
        self._keep = keep
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._running: asyncio.Task[None] | None = None
        self._closed: tuple[int, str] | None = None
        self.subprotocol: str | None = None
        self.headers: list[tuple[bytes, bytes]] = []

    async def __aenter__(self) -> WebSocketSession:
        self._to_app.put_nowait({"type": "websocket.connect"})
        self._running = asyncio.ensure_future(
            self._app(self._scope, self._to_app.get, self._from_app.put)
        )
        try:
            await self._accepted()
        except BaseException:
            await self._stop()
            raise
        return self

    async def _accepted(self) -> None:
        message = await self._next()
        if message["type"] == "websocket.accept":
            self._note(message)
            return
        if message["type"] == "websocket.http.response.start":
            raise await self._refusal(message)
        raise WebSocketRefused(message.get("code", NORMAL), message.get("reason") or "")

    async def _refusal(self, start: Message) -> WebSocketRefused:
        """Return what an answer of HTTP says."""
        headers = list(start.get("headers") or ())
        if self._keep is not None:
            self._keep(headers)
        pieces: list[bytes] = []
        more = True
        while more:
            message = await self._next()
            pieces.append(message.get("body", b""))
            more = message.get("more_body", False)
        return WebSocketRefused(
            start["status"], b"".join(pieces).decode("utf-8", "replace"), headers
        )

    def _note(self, message: Message) -> None:
        self.subprotocol = message.get("subprotocol")
        self.headers = list(message.get("headers") or ())
        if self._keep is not None:
            self._keep(self.headers)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
        if error is not None:
            await self._stop()
            return
        assert self._running is not None
        async with asyncio.timeout(self._timeout):
            await self._running

    async def _stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def send_text(self, text: str) -> None:
        """Send text.

        Raises:
            WebSocketDisconnected: If the connection is closed.
        """
        self._put({"type": "websocket.receive", "text": text})

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes; see `send_text`."""
        self._put({"type": "websocket.receive", "bytes": data})

    async def send_json(self, value: Any) -> None:
        """Send a value as JSON in a text; see `send_text`."""
        await self.send_text(json.dumps(value))

    def _put(self, message: Message) -> None:
        if self._closed is not None:
            raise WebSocketDisconnected(*self._closed)
        self._to_app.put_nowait(message)

    async def receive(self) -> str | bytes:
        """Return the next message.

        Raises:
            WebSocketDisconnected: If the application has closed the connection.
            TimeoutError: If nothing comes in time.
        """
        if self._closed is not None:
            raise WebSocketDisconnected(*self._closed)
        message = await self._next()
        if message["type"] == "websocket.close":
            self._closed = (message.get("code", NORMAL), message.get("reason") or "")
            # An application that goes on listening is told, as a server does.
            self._tell_end(*self._closed)
            raise WebSocketDisconnected(*self._closed)
        text = message.get("text")
        return message["bytes"] if text is None else str(text)

    async def receive_text(self) -> str:
        """Return the next message, which is text; see `receive`."""
        message = await self.receive()
        assert isinstance(message, str), f"text is expected, not {message!r}"
        return message

    async def receive_bytes(self) -> bytes:
        """Return the next message, which is bytes; see `receive`."""
        message = await self.receive()
        assert isinstance(message, bytes), f"bytes are expected, not {message!r}"
        return message

    async def receive_json(self) -> Any:
        """Return the value of the next message, which is JSON; see `receive`."""
        return json.loads(await self.receive())

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close the connection."""
        if self._closed is None:
            self._closed = (code, reason)
            self._tell_end(code, reason)

    def _tell_end(self, code: int, reason: str) -> None:
        message = {"type": "websocket.disconnect", "code": code, "reason": reason}
        self._to_app.put_nowait(message)

    async def _next(self) -> Message:
        """Return the next message of the application; its own error where it ends without one."""
        assert self._running is not None
        arriving = asyncio.ensure_future(self._from_app.get())
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.wait((arriving, self._running), return_when=asyncio.FIRST_COMPLETED)
                if not arriving.done():
                    self._running.result()
                    raise AssertionError("the application has ended without closing the WebSocket")
                return arriving.result()
        finally:
            arriving.cancel()
