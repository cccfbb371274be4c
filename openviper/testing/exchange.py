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
        pieces: The pieces of its body that nobody has taken yet.
        is_complete: Whether the whole answer has been sent.
        has_ended: Whether nothing more will come, complete or not.
    """

    # Each request of a test makes one of these, and most change little of it: so the attributes begin as those of the class.
    _is_sent = False
    _is_gone = False
    _waits: tuple[asyncio.Future[None], ...] = ()
    """Who waits for something to happen here: most requests have nobody."""
    status: int | None = None
    headers: RawHeaders = []
    is_complete = False
    has_ended = False

    def __init__(self, body: list[bytes] | AsyncIterator[bytes]) -> None:
        self._body = body
        self._taken = 0
        self.pieces: list[bytes] = []

    async def receive(self) -> Message:
        """Return the next message of the client."""
        if not self._is_sent:
            return await self._next_piece()
        while not self._is_gone:
            await self._change()
        return {"type": "http.disconnect"}

    async def _change(self) -> None:
        """Wait until something happens."""
        waiting = asyncio.get_running_loop().create_future()
        self._waits = (*self._waits, waiting)
        await waiting

    def _changed(self) -> None:
        waits, self._waits = self._waits, ()
        for waiting in waits:
            if not waiting.done():
                waiting.set_result(None)

    async def _next_piece(self) -> Message:
        if isinstance(self._body, list):
            piece = self._body[self._taken]
            self._taken += 1
            self._is_sent = self._taken == len(self._body)
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
        if self._is_gone and not self.is_complete:
            raise OSError("the client has gone")
        kind = message["type"]
        if kind == "http.response.start":
            self._begin(message)
        elif kind == "http.response.body":
            self._take(message)
        if self._waits:
            self._changed()

    def _begin(self, message: Message) -> None:
        if self.status is not None:
            raise RuntimeError("the answer has begun already")
        self.status = message["status"]
        self.headers = list(message.get("headers", ()))

    def _take(self, message: Message) -> None:
        if self.status is None:
            raise RuntimeError("the body of an answer comes before its head")
        if self.is_complete:
            raise RuntimeError("the answer has ended already")
        body = message.get("body", b"")
        if body:
            self.pieces.append(bytes(body))
        if not message.get("more_body", False):
            self.is_complete = self.has_ended = self._is_gone = True

    def end(self) -> None:
        """Say that nothing more will come."""
        self.has_ended = self._is_gone = True
        if self._waits:
            self._changed()

    def leave(self) -> None:
        """Have the client go away."""
        self._is_gone = True
        self._changed()

    async def begun(self) -> None:
        """Wait until the answer has begun, or never will."""
        while self.status is None and not self.has_ended:
            await self._change()

    async def next_piece(self) -> bytes | None:
        """Wait for the next piece of the body; `None` is the end."""
        while not self.pieces and not self.has_ended:
            await self._change()
        return self.pieces.pop(0) if self.pieces else None

    def content(self) -> bytes:
        """Return the body as far as it has been sent."""
        return self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
