"""The server's side of one request of the test client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from openviper.http.asgi import Message
from openviper.utils.datastructures import RawHeaders


class Exchange:
    """One request and its answer, message by message.

    Args:
        body: The pieces of the request's body.

    Attributes:
        status: The status, once the answer has begun.
        headers: The headers of the answer.
        pieces: The pieces of its body; `None` is the end.
        started: Set when the answer has begun, or never will.
    """

    def __init__(self, body: list[bytes] | AsyncIterator[bytes]) -> None:
        self._body = body
        self._is_sent = False
        self._gone = asyncio.Event()
        self.started = asyncio.Event()
        self.status: int | None = None
        self.headers: RawHeaders = []
        self.pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.is_complete = False

    async def receive(self) -> Message:
        """Return the next message of the client."""
        if not self._is_sent:
            return await self._next_piece()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _next_piece(self) -> Message:
        if isinstance(self._body, list):
            piece = self._body.pop(0)
            self._is_sent = not self._body
            return {"type": "http.request", "body": piece, "more_body": not self._is_sent}
        # Whether a piece is the last one shows only when the next one is asked for.
        following = await anext(self._body, None)
        self._is_sent = following is None
        return {"type": "http.request", "body": following or b"", "more_body": not self._is_sent}

    async def send(self, message: Message) -> None:
        """Take the next message of the application.

        Raises:
            RuntimeError: If it cannot come now, as servers do.
            OSError: If the client has gone.
        """
        if self._gone.is_set() and not self.is_complete:
            raise OSError("the client has gone")
        if message["type"] == "http.response.start":
            self._begin(message)
        elif message["type"] == "http.response.body":
            self._take(message)

    def _begin(self, message: Message) -> None:
        if self.status is not None:
            raise RuntimeError("the answer has begun already")
        self.status = message["status"]
        self.headers = list(message.get("headers", ()))
        self.started.set()

    def _take(self, message: Message) -> None:
        if self.status is None:
            raise RuntimeError("the body of an answer comes before its head")
        if self.is_complete:
            raise RuntimeError("the answer has ended already")
        body = message.get("body", b"")
        if body:
            self.pieces.put_nowait(bytes(body))
        if not message.get("more_body", False):
            self.is_complete = True
            self.end()

    def end(self) -> None:
        """Say that nothing more will come."""
        self.started.set()
        self.pieces.put_nowait(None)
        self._gone.set()

    def leave(self) -> None:
        """Have the client go away."""
        self._gone.set()

    def content(self) -> bytes:
        """Return the body as far as it has been sent."""
        pieces = []
        while not self.pieces.empty():
            piece = self.pieces.get_nowait()
            if piece is not None:
                pieces.append(piece)
        return b"".join(pieces)
