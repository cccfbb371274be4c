"""Answers sent piece by piece."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import aclosing
from typing import Any, TypeAlias

from openviper.exceptions import check_status
from openviper.http.asgi import BODY, Receive, Scope, Send
from openviper.http.responses import Response, encode_text
from openviper.utils.datastructures import encode_headers

FIRST_PIECE_WAIT = 0.5
"""How long the head of a stream is held back for its first piece, in seconds: until then an error is a clean 500."""

Chunk: TypeAlias = str | bytes
Chunks: TypeAlias = AsyncIterable[Chunk] | Iterable[Chunk]
StreamContent: TypeAlias = Chunks | Callable[[], Chunks]


class StreamingResponse(Response):
    """An answer sent piece by piece, from an iterator or a function without arguments that returns one.

    The next piece is asked for when the one before has been taken by the server, which waits for a slow client. Plain
    iterators run in a thread. Iteration stops when the client goes away, and asynchronous generators are closed then.
    """

    media_type = "application/octet-stream"
    needs_preparation = True

    def __init__(
        self,
        content: StreamContent,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        # A text is one piece; as an iterable it would be one for each character.
        is_whole = isinstance(content, (str, bytes, bytearray, memoryview))
        self.content: StreamContent = (content,) if is_whole else content  # type: ignore[assignment]  # looked at beside
        self.status_code = check_status(status_code)
        if media_type is not None:
            self.media_type = media_type
        self.body = b""
        self.raw_headers = encode_headers(headers) if headers else []
        self._finish_headers(None)
        self._producer: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        """Wait for the first piece, at most `FIRST_PIECE_WAIT` seconds; its error is raised."""
        loop = asyncio.get_running_loop()
        self._begun: asyncio.Future[None] = loop.create_future()
        self._outlet: asyncio.Future[Send] = loop.create_future()
        # One task from the first piece to the last, as generators may hold what belongs to a task.
        self._producer = asyncio.ensure_future(self._produce())
        waiting = (self._producer, self._begun)
        try:
            await asyncio.wait(
                waiting, timeout=FIRST_PIECE_WAIT, return_when=asyncio.FIRST_COMPLETED
            )
        except BaseException:  # Whoever waits is cancelled; nobody would ever end what has begun.
            await self.close()
            raise
        if self._producer.done():
            await self._producer

    async def close(self) -> None:
        """Stop iterating."""
        if self._producer is not None:
            self._producer.cancel()
            await asyncio.wait((self._producer,))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces as they come."""
        try:
            await self._send(scope, receive, send)
        finally:
            await self.close()

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD" or not self._may_have_body():
            await self.close()
            await self._start(send)
            await send({"type": "http.response.body", "body": b""})
            return
        if self._producer is None:
            await self.prepare()
        producer = self._producer
        assert producer is not None
        await self._start(send)
        self._outlet.set_result(send)
        gone = await _run_until_gone(producer, scope, receive)
        # If the client is gone, how the producer ended does not matter; its own error still does.
        if not (gone and producer.cancelled()):
            await producer

    async def _start(self, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )

    async def _produce(self) -> None:
        """Send every piece; the first one waits until the head of the answer is sent."""
        send: Send | None = None
        async with aclosing(self._pieces()) as pieces:
            async for piece in pieces:
                data = self._encoded(piece)
                if send is None:
                    send = await self._opened()
                await send({"type": "http.response.body", "body": data, "more_body": True})
        if send is None:
            send = await self._opened()
        await send({"type": "http.response.body", "body": b""})

    def _encoded(self, piece: Chunk) -> bytes:
        if isinstance(piece, str):
            return encode_text(piece, self.charset)
        if isinstance(piece, (bytes, bytearray, memoryview)):
            return bytes(piece)
        raise TypeError(f"the pieces of a stream are text or bytes, not {piece!r}")

    async def _opened(self) -> Send:
        if not self._begun.done():
            self._begun.set_result(None)
        return await self._outlet

    async def _pieces(self) -> AsyncGenerator[Chunk, None]:
        content = self.content() if callable(self.content) else self.content
        is_async = isinstance(content, AsyncIterable)
        pieces: Any = content if is_async else _in_thread(iter(content))  # type: ignore[arg-type]  # looked at beside
        try:
            async for piece in pieces:
                yield piece
        finally:
            await _close(pieces)


async def _close(pieces: Any) -> None:
    """Close an asynchronous generator; other iterators have nothing to close."""
    close = getattr(pieces, "aclose", None)
    if close is not None:
        await close()


_END = object()


async def _in_thread(iterator: Iterator[Chunk]) -> AsyncIterator[Chunk]:
    """Yield what a plain iterator makes in threads, and close it: a generator may hold a file, and a file is one itself."""
    # Who is cancelled leaves a thread behind, and a generator that runs cannot be closed.
    turn = threading.Lock()
    try:
        while (piece := await asyncio.to_thread(_next, iterator, turn)) is not _END:
            yield piece
    finally:
        if getattr(iterator, "close", None) is not None and not _is_over(iterator):
            await _close_in_thread(iterator, turn)


def _next(iterator: Iterator[Chunk], turn: threading.Lock) -> Any:
    with turn:
        return next(iterator, _END)


def _is_over(iterator: Any) -> bool:
    """Return whether it is a generator that has come to its end by itself."""
    return getattr(iterator, "gi_frame", iterator) is None


_closing: set[asyncio.Task[None]] = set()
"""Keeps those who wait for a thread from being collected."""


async def _close_in_thread(iterator: Any, turn: threading.Lock) -> None:
    closing = asyncio.ensure_future(asyncio.to_thread(_close_plain, iterator, turn))
    _closing.add(closing)
    closing.add_done_callback(_closing.discard)
    # Nobody waits for a piece that is being made, which nobody wants any more.
    if not turn.locked():
        # Who waits may be cancelled meanwhile, for one more reason to end; it is closed all the same.
        await asyncio.shield(closing)


def _close_plain(iterator: Any, turn: threading.Lock) -> None:
    with turn:
        iterator.close()


async def client_left(scope: Scope, receive: Receive) -> None:
    """Wait until the client has gone away."""
    body = scope.get(BODY)
    if body is not None:
        await body.disconnected()
        return
    while (await receive())["type"] != "http.disconnect":
        pass


async def _run_until_gone(producer: asyncio.Task[None], scope: Scope, receive: Receive) -> bool:
    """Wait for the end of a producer, which ends with its client, and return whether that one is gone."""
    leaving = asyncio.ensure_future(client_left(scope, receive))
    try:
        await asyncio.wait((producer, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone = leaving.done()
        leaving.cancel()
        producer.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        await asyncio.wait((producer,))
    return gone
