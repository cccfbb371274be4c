"""An answer while it is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping

from openviper.ai.http.errors import DroppedError, ProtocolError, TransportError
from openviper.ai.http.framing import MAX_HEAD, Content, Head, content_of, parse_head
from openviper.ai.http.patience import Patience
from openviper.ai.http.wire import Wire

MAX_INTERIM = 10
"""Most answers of the kind 100 (Continue) before the one that counts."""
MAX_LINES = 1_000_000
"""Most lines of an answer."""
LINES_AT_ONCE = 200
"""Lines after which the event loop has its turn, however fast they come."""


class Answer:
    """The answer to one request.

    Attributes:
        status: The HTTP status.
        headers: Values by name in lower case.
    """

    def __init__(
        self, wire: Wire, head: Head, pending: bytes, patience: Patience, max_bytes: int
    ) -> None:
        self.status = head.status
        self.headers: Mapping[str, str] = head.headers
        self._head = head
        self._wire = wire
        self._pending = pending
        self._content: Content = content_of(head)
        self._patience = patience
        self._max_bytes = max_bytes

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_reusable(self) -> bool:
        """Whether the connection can carry another request: all was read, and both sides want it."""
        is_done = self._content.is_complete and self._content.is_delimited
        return is_done and self._head.keeps_connection and not self._pending

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the content as it comes.

        Raises:
            TransportError: If it breaks off, is too long, or takes too long.
        """
        size = 0
        while not self._content.is_complete:
            piece = await self._piece()
            size += len(piece)
            if size > self._max_bytes:
                raise ProtocolError(f"the answer has more than {self._max_bytes} bytes")
            if piece:
                yield piece

    async def read(self, limit: int | None = None) -> bytes:
        """Return the content.

        Args:
            limit: Return no more bytes than that, and leave the rest unread.

        Raises:
            TransportError: See `pieces`.
        """
        found = bytearray()
        async for piece in self.pieces():
            found += piece
            if limit is not None and len(found) > limit:
                return bytes(found[:limit])
        return bytes(found)

    async def lines(self, max_bytes: int) -> AsyncGenerator[bytes, None]:
        """Yield the content line by line, without the line ends; the last line needs none.

        Args:
            max_bytes: Most bytes of a line.

        Raises:
            ProtocolError: If a line is longer.
            TransportError: See `pieces`.
        """
        pending = bytearray()
        count = 0
        async for piece in self.pieces():
            searched = len(pending)
            pending += piece
            while (end := pending.find(b"\n", searched)) >= 0:
                _check_line(end, max_bytes)
                line = bytes(pending[:end])
                del pending[: end + 1]
                searched = 0
                count += 1
                if count % LINES_AT_ONCE == 0:
                    await _pause(count)
                yield line.removesuffix(b"\r")
            _check_line(len(pending), max_bytes)
        if pending:
            yield bytes(pending)

    async def _piece(self) -> bytes:
        """Return the next piece of the content; an empty one for what is not content, and at its end."""
        data = self._pending or await self._more()
        self._pending = b""
        if data:
            return self._content.feed(data)
        self._content.finish()
        return b""

    async def _more(self) -> bytes:
        async with self._patience.waiting():
            try:
                return await self._wire.read()
            except OSError as error:
                raise ProtocolError("the connection broke in the middle of the answer") from error


async def _pause(count: int) -> None:
    """Let others have the event loop.

    Raises:
        ProtocolError: If there are more lines than anybody has to say.
    """
    if count > MAX_LINES:
        raise ProtocolError(f"the answer has more than {MAX_LINES} lines")
    await asyncio.sleep(0)


def _check_line(length: int, max_bytes: int) -> None:
    if length > max_bytes:
        raise ProtocolError(f"the answer has a line of more than {max_bytes} bytes")


async def read_answer(wire: Wire, patience: Patience, max_bytes: int) -> Answer:
    """Wait for an answer and read its head.

    Raises:
        TransportError: If there is none.
    """
    data = b""
    for _ in range(MAX_INTERIM):
        head, data = await _read_head(wire, patience, data)
        if head.status >= 200:
            return Answer(wire, head, data, patience, max_bytes)
        if head.status == 101:
            break
    raise ProtocolError("the server does not come to its answer")


async def _read_head(wire: Wire, patience: Patience, data: bytes) -> tuple[Head, bytes]:
    """Return the head, and what came behind it."""
    received = bytearray(data)
    searched = 0
    while True:
        end, length = _end_of_head(received, searched)
        if end >= 0:
            return parse_head(bytes(received[:end])), bytes(received[end + length :])
        _check_head_size(len(received))
        searched = max(0, len(received) - 3)
        received += await _head_piece(wire, patience, is_first=not received)


def _check_head_size(size: int) -> None:
    if size > MAX_HEAD:
        raise ProtocolError(f"the header fields take more than {MAX_HEAD} bytes")


def _end_of_head(received: bytearray, searched: int) -> tuple[int, int]:
    """Return where the empty line begins, and how long it is; -1 if it is not there yet."""
    end = received.find(b"\r\n\r\n", searched)
    if end >= 0:
        return end, 4
    return received.find(b"\n\n", searched), 2


async def _head_piece(wire: Wire, patience: Patience, *, is_first: bool) -> bytes:
    failure: type[TransportError] = DroppedError if is_first else ProtocolError
    async with patience.waiting():
        try:
            piece = await wire.read()
        except OSError as error:
            raise failure("the connection broke before the answer") from error
    if not piece:
        raise failure("the connection ended before the answer")
    return piece
