"""A connection: bytes out, bytes in, no more of them kept than can be used."""

from __future__ import annotations

import asyncio
import contextlib

HIGH_WATER = 64 * 1024
"""Bytes that wait to be read at which the server is made to wait."""


class Wire(asyncio.Protocol):
    """One connection. It is used by one task at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._is_over = False
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._lost = asyncio.Event()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Keep what has come until it is read."""
        self._buffer += data
        if len(self._buffer) > HIGH_WATER and self.transport is not None:
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """Note that the server says no more."""
        self._is_over = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection is gone."""
        self._is_over = True
        self._failure = exc
        self._lost.set()
        self._may_write.set()
        self._wake()

    def pause_writing(self) -> None:
        """Note that the server does not take what is sent."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """Note that it takes it again."""
        self._may_write.set()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # What the client calls.

    @property
    def is_fresh(self) -> bool:
        """Whether it can carry a request: it is open, and nothing has come that nobody asked for."""
        is_open = self.transport is not None and not self.transport.is_closing()
        return is_open and not self._is_over and not self._buffer

    @property
    def has_unread(self) -> bool:
        """Whether something has come that was not read."""
        return bool(self._buffer)

    async def send(self, data: bytes) -> None:
        """Send bytes; a server that answers before it has taken all of them is heard.

        Raises:
            ConnectionError: If the connection is gone and the server has said nothing.
        """
        if self.transport is None or self._lost.is_set():
            raise self._failure or ConnectionResetError("the connection is closed")
        self.transport.write(data)
        await self._may_write.wait()
        if self._lost.is_set() and not self._buffer:
            raise self._failure or ConnectionResetError("the connection is closed")

    async def read(self) -> bytes:
        """Return what has come, waiting for something; ``b""`` at the end.

        Raises:
            OSError: If the connection broke.
        """
        while not self._buffer and not self._is_over:
            await self._wait()
        if not self._buffer and self._failure is not None:
            raise self._failure
        data = bytes(self._buffer)
        self._buffer.clear()
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()
        return data

    async def _wait(self) -> None:
        """Wait until something has come, or the connection is over."""
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def abort(self) -> None:
        """Close the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    async def close(self) -> None:
        """Close the connection and wait until it is gone."""
        self.abort()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._lost.wait()
