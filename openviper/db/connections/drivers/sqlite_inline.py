"""Work of an SQLite connection on the event loop: how long it may take, and what says that it belongs into the thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = lazy_module("asyncio")

INLINE_LIMIT = 0.001
"""Seconds a read may take on the event loop, and inline work may add up to before the loop gets its turn."""
HANDLER_INTERVAL = 2000
"""Virtual machine instructions between two looks at the clock."""
THREAD_RUNS = 16
"""How often a statement goes to the thread at once after it was found to be long."""
NEVER = float("inf")
MATCH = " REGEXP "
"""What a statement with a regular expression has in it. A match is one call into Python, which no deadline can interrupt."""


class NotInline(Exception):
    """A statement was not run inline and changed nothing; it belongs into the thread."""


class InlineBudget:
    """Keeps the inline work between two turns of the event loop within `INLINE_LIMIT`."""

    __slots__ = ("_armed", "_loop", "spent")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._armed = False
        self.spent = 0.0

    def spend(self, seconds: float) -> None:
        """Account for inline work."""
        self.spent += seconds
        if not self._armed:
            self._armed = True
            self._loop.call_soon(self._reset)

    def _reset(self) -> None:
        self._armed = False
        self.spent = 0.0

    async def wait(self) -> None:
        """Let the loop turn until there is budget again."""
        while self.spent > INLINE_LIMIT:
            await asyncio.sleep(0)
