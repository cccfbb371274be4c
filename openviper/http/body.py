"""The body of a request as it arrives: once, under a deadline, for middleware and handler alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from openviper.exceptions import HTTPException
from openviper.http.asgi import Message, Receive

if TYPE_CHECKING:
    from openviper.http.forms import FormData

MIN_BYTES_PER_SECOND = 1024
"""A body that trickles in more slowly than this is given up after the first wait."""


class ClientDisconnected(HTTPException):
    """The client went away before its body had arrived."""

    def __init__(self) -> None:
        super().__init__(400, "The client disconnected before the body was complete.")


class BodyTimeoutError(HTTPException, TimeoutError):
    """The client has sent its body too slowly; answered with 408, and the connection is closed."""

    def __init__(self) -> None:
        super().__init__(408, "The body did not arrive in time.", {"connection": "close"})


UNREAD: Any = object()
"""Stands for what is not known yet, as JSON has a null."""


async def _over() -> Message:
    """Stand for the server once the request is over."""
    return {"type": "http.disconnect"}


class Body:
    """What has been received of one request; kept in the scope, so that all who read it read the same.

    Args:
        receive: Where the messages come from.

    Attributes:
        data: The whole body, once it has been read.
        form: The parsed form, once it has been read.
        value: What the body is as JSON, once it has been read so.
        failure: Why it could not be read, which whoever asks again is told too.
        is_streamed: Whether somebody reads the body piece by piece.
        releases: What is awaited when the request is over.
    """

    # First values in the class: a request pays for those only that it changes.
    data: bytes | None = None
    form: FormData | None = None
    value: Any = UNREAD
    failure: HTTPException | None = None
    is_streamed = False
    releases: tuple[Callable[[], Awaitable[None]], ...] = ()
    _waiting: asyncio.Future[Message] | None = None
    _begun: Any = None
    _pending: Message | None = None
    _ended = False
    _at_end: asyncio.Event | None = None

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    def claim(self) -> None:
        """Begin to read.

        Raises:
            HTTPException: If it could not be read before.
            RuntimeError: If somebody else has begun.
        """
        if self.is_streamed:
            if self.failure is not None:
                raise self.failure.with_traceback(None)
            raise RuntimeError("the body has been streamed already")
        self.is_streamed = True

    async def chunks(self, timeout: float) -> AsyncGenerator[bytes, None]:
        """Yield the pieces of the body.

        Args:
            timeout: Longest wait for a piece, in seconds.

        Raises:
            BodyTimeoutError: If a piece takes longer, or all of them together are slower than `MIN_BYTES_PER_SECOND`.
            ClientDisconnected: If the client goes away before the end.
        """
        waited = received = 0.0
        try:
            while not self._ended:
                message, seconds = await self._next(timeout)
                waited += seconds
                chunk = self._chunk(message)
                received += len(chunk)
                _check_rate(waited, received, timeout)
                if chunk:
                    yield chunk
        except (ClientDisconnected, BodyTimeoutError) as error:
            self.failure = error
            raise

    def _chunk(self, message: Message) -> bytes:
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        if not message.get("more_body", False):
            self._end()
        chunk: bytes = message.get("body", b"")
        return chunk

    async def whole(self, limit: int, timeout: float) -> bytes:
        """Return the body as one piece, for who has to wait for it; see `at_once`.

        Args:
            limit: Its longest length, in bytes.
            timeout: Longest wait for a piece, in seconds.

        Raises:
            HTTPException: 413 if it is longer.
            BodyTimeoutError: See `chunks`.
            ClientDisconnected: See `chunks`.
        """
        pieces: list[bytes] = []
        size = 0
        async with aclosing(self.chunks(timeout)) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                self._check_size(size, limit)
                pieces.append(chunk)
        return b"".join(pieces)

    def _check_size(self, size: int, limit: int) -> None:
        if size > limit:
            self.failure = HTTPException(413)
            raise self.failure

    def at_once(self, limit: int) -> bytes | None:
        """Return a body that is there already and in one piece, which is every small one; else `None`, and `whole` goes on.

        Args:
            limit: Its longest length, in bytes.

        Raises:
            HTTPException: 413 if it is longer.
        """
        is_new = not self._ended and self._pending is None and self._waiting is None
        message = self._step() if is_new else None
        if message is None:
            return None
        if _is_all(message):
            self._end()
            data: bytes = message.get("body", b"")
            self._check_size(len(data), limit)
            return data
        self._pending = message
        return None

    async def _next(self, timeout: float) -> tuple[Message, float]:
        """Return the next message, and the seconds it was waited for."""
        if self._pending is not None:
            message, self._pending = self._pending, None
            return message, 0.0
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            return await _in_time(waiting, timeout)
        if self._begun is None:
            found = self._step()
            if found is not None:
                return found, 0.0
        begun, self._begun = self._begun, None
        return await _in_time(begun, timeout)

    def _step(self) -> Message | None:
        """Return the next message if it is there after one step, without a timer; else keep what has begun to wait for it."""
        coroutine: Any = self._receive()
        try:
            suspended = coroutine.send(None)
        except StopIteration as finished:
            message: Message = finished.value
            return message
        except AttributeError:  # Not a coroutine but another awaitable.
            self._begun = coroutine
        else:
            self._begun = _Resumed(coroutine, suspended)
        return None

    def message_arrives(self) -> asyncio.Future[Message]:
        """Return the future of the next message, which stays there for who reads the body."""
        if self._waiting is None:
            self._waiting = asyncio.ensure_future(_coroutine(self._receive))
        return self._waiting

    async def is_disconnected(self) -> bool:
        """Return whether the client has gone away, as far as that is known at this moment.

        As long as a part of the body waits to be read it is not known.
        """
        while self._pending is None or self._ended:
            message = await self._arrived()
            if message is None or message["type"] == "http.disconnect":
                return message is not None
            if self._ended:  # Said once more, as by what stands for a server and never waits.
                return False
            self._keep(message)
        return False

    async def _arrived(self) -> Message | None:
        """Return the next message, if it is there; the end stays."""
        arriving = self.message_arrives()
        await asyncio.sleep(0)
        if not arriving.done():
            return None
        if arriving.result()["type"] != "http.disconnect":
            self._waiting = None
        return arriving.result()

    def _keep(self, message: Message) -> None:
        self._pending = message
        if not message.get("more_body", False) and not message.get("body"):
            self._pending = None
            self._end()

    def _end(self) -> None:
        self._ended = True
        if self._at_end is not None:
            self._at_end.set()

    async def taken(self) -> None:
        """Wait until somebody has read the body to its end."""
        if not self._ended:
            self._at_end = self._at_end or asyncio.Event()
            await self._at_end.wait()

    async def disconnected(self) -> None:
        """Wait until the client has gone away; what else arrives is dropped."""
        while (await asyncio.shield(self.message_arrives()))["type"] != "http.disconnect":
            self._waiting = None

    def is_held(self) -> bool:
        """Return whether there is something to `release`, as the request is over.

        The server is let go of at once, and so is what the body is as JSON: server and request refer to each other, so that all of
        that would stay until Python's collector comes.
        """
        self.value = UNREAD
        self._receive = _over
        return self._waiting is not None or self.form is not None or self.releases != ()

    async def release(self) -> None:
        """Let go of what was received, and of what was got for it; the request is over."""
        for release in self.releases:
            await release()
        self.close()
        if self.form is not None:
            await self.form.close()

    def close(self) -> None:
        """Wait no longer."""
        if self._waiting is not None:
            self._waiting.cancel()


def _check_rate(waited: float, received: float, timeout: float) -> None:
    if waited > timeout + received / MIN_BYTES_PER_SECOND:
        raise BodyTimeoutError


def _is_all(message: Message) -> bool:
    """Return whether a first message has the whole body."""
    return message["type"] == "http.request" and not message.get("more_body", False)


async def _coroutine(receive: Receive) -> Message:
    return await receive()


async def _in_time(arriving: Any, timeout: float) -> tuple[Message, float]:
    loop = asyncio.get_running_loop()
    started = loop.time()
    try:
        async with asyncio.timeout(timeout):
            message: Message = await arriving
    except TimeoutError:
        raise BodyTimeoutError from None
    return message, loop.time() - started


class _Resumed:
    """A coroutine that was started by hand and then had to wait; awaiting this goes on with it."""

    def __init__(self, coroutine: Coroutine[Any, Any, Message], suspended: Any) -> None:
        self._coroutine = coroutine
        self._suspended = suspended

    def __await__(self) -> Generator[Any, Any, Message]:
        coroutine, waited_for = self._coroutine, self._suspended
        while True:
            try:
                try:
                    sent = yield waited_for
                except BaseException as error:
                    waited_for = coroutine.throw(error)
                else:
                    waited_for = coroutine.send(sent)
            except StopIteration as finished:
                message: Message = finished.value
                return message
