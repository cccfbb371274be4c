"""How long an answer may take: to connect, to its first token, between pieces, and in all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import monotonic

from openviper.ai.http.errors import ConnectTimeoutError, TransportTimeoutError


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Times in seconds.

    Attributes:
        connect: For a connection: name, address, proxy and encryption together.
        first_token: From sending the request to the first piece of the answer that means something.
        idle: For each further piece once there was a first one; as long as `total` when not given.
        total: For all of it, attempts and waits between them included.
    """

    connect: float = 10.0
    first_token: float = 60.0
    total: float = 120.0
    idle: float | None = None


class Patience:
    """What is left of the times of one call.

    Args:
        timeouts: The times in full; they begin now.
    """

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self._total_at = monotonic() + timeouts.total
        self._first_at: float | None = None

    def begin(self) -> None:
        """Begin an attempt: from here the first token is waited for."""
        self._first_at = monotonic() + self.timeouts.first_token

    def got_token(self) -> None:
        """Note that something has come, so that only the time in all counts."""
        self._first_at = None

    def left(self) -> float:
        """Return the seconds that are left in all; less than 0 when they are over."""
        return self._total_at - monotonic()

    @contextlib.asynccontextmanager
    async def connecting(self, step: str) -> AsyncIterator[None]:
        """Limit the block to the time for a connection.

        Raises:
            ConnectTimeoutError: If it is over.
        """
        allowed = min(self.timeouts.connect, self.left())
        given = self.timeouts.connect if allowed == self.timeouts.connect else self.timeouts.total
        try:
            async with asyncio.timeout(allowed):
                yield
        except TimeoutError as error:
            raise ConnectTimeoutError(step, given) from error

    @contextlib.asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Limit the block to what is left until the first token, or in all.

        Raises:
            TransportTimeoutError: If it is over.
        """
        step, given, at = self._next_end()
        left = at - monotonic()
        if left <= 0:
            # Where everything is there already nothing waits, and so nothing would end it.
            raise TransportTimeoutError(step, given)
        try:
            async with asyncio.timeout(left):
                yield
        except TimeoutError as error:
            raise TransportTimeoutError(step, given) from error

    def _next_end(self) -> tuple[str, float, float]:
        """Return what is waited for, the seconds given for it, and when they are over."""
        if self._first_at is not None and self._first_at < self._total_at:
            return "the first token", self.timeouts.first_token, self._first_at
        idle = self.timeouts.idle
        if self._first_at is None and idle is not None and monotonic() + idle < self._total_at:
            return "the next piece", idle, monotonic() + idle
        return "the answer", self.timeouts.total, self._total_at
