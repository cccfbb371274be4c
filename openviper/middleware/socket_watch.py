"""Ends WebSockets whose user has logged out elsewhere, has another password, or may not go on for another reason."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from openviper.http.asgi import Message, Receive, Send
from openviper.http.websockets import POLICY, WebSocketDisconnected

ENDED = "the session has ended"


class SocketWatch:
    """Asks from time to time whether the user of a WebSocket may go on: while it waits for messages, and as it sends them.

    Args:
        receive: Where messages come from.
        send: Where messages go.
        may_go_on: Tells whether the user may go on.
        seconds: Time between two questions.
    """

    def __init__(
        self, receive: Receive, send: Send, may_go_on: Callable[[], Awaitable[bool]], seconds: float
    ) -> None:
        self._receive = receive
        self._send = send
        self._may_go_on = may_go_on
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + seconds
        self._arriving: asyncio.Future[Message] | None = None

    async def receive(self) -> Message:
        """Return the next message; the end of the connection, if the user may not go on."""
        if self._arriving is None:
            self._arriving = asyncio.ensure_future(_coroutine(self._receive))
        while not self._arriving.done():
            await asyncio.wait((self._arriving,), timeout=max(0.0, self._due - self._loop.time()))
            if await self._is_over():
                self.close()
                return {"type": "websocket.disconnect", "code": POLICY, "reason": ENDED}
        arrived, self._arriving = self._arriving, None
        return arrived.result()

    async def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            WebSocketDisconnected: If the user may not go on.
        """
        if message["type"] == "websocket.send" and await self._is_over():
            raise WebSocketDisconnected(POLICY, ENDED)
        await self._send(message)

    async def _is_over(self) -> bool:
        """Return whether the user may not go on; asked only if it is time to, and then the connection is closed."""
        if self._loop.time() < self._due:
            return False
        self._due = self._loop.time() + self._seconds
        if await self._may_go_on():
            return False
        await self._send({"type": "websocket.close", "code": POLICY, "reason": ENDED})
        return True

    def close(self) -> None:
        """Wait for no message any more."""
        if self._arriving is not None:
            self._arriving.cancel()


async def _coroutine(receive: Receive) -> Message:
    return await receive()
