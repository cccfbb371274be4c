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
"""How often, at most, a statement goes to the thread at once after it was found to be long."""
MAX_LONG = 1000
"""Most statements of which it is remembered that they are long."""
NEVER = float("inf")
MATCH = " REGEXP "
"""What a statement with a regular expression has in it. A match is one call into Python, which no deadline can interrupt."""


class NotInline(Exception):
    """A statement was not run inline and changed nothing; it belongs into the thread."""


class InlineBudget:
    """Keeps the inline work between two turns of the event loop within `INLINE_LIMIT`, and knows what takes longer.

    Attributes:
        spent: Seconds of inline work since the loop had its turn. Whoever adds to it calls `count` unless `is_counting`.
        is_counting: Whether the loop is going to begin anew.
        suspects: Statements that were long, and are tried inline again; with the number of their runs in the thread before.
    """

    __slots__ = ("_long", "_loop", "_runs", "is_counting", "spent", "suspects")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.is_counting = False
        self._long: dict[str, int] = {}
        self._runs: dict[str, int] = {}
        self.suspects: dict[str, int] = {}
        self.spent = 0.0

    def count(self) -> None:
        """Count from now on what is added to `spent`, until the loop has its turn."""
        self.is_counting = True
        self._loop.call_soon(self._reset)

    def _reset(self) -> None:
        self.is_counting = False
        self.spent = 0.0

    async def wait(self) -> None:
        """Let the loop turn until there is budget again."""
        while self.spent > INLINE_LIMIT:
            await asyncio.sleep(0)

    # Statements that are long

    def is_long(self, sql: str) -> bool:
        """Return whether a statement belongs into the thread at once."""
        return sql in self._long or MATCH in sql

    def note_long(self, sql: str) -> None:
        """Take note that a statement was interrupted.

        A short one is, too, where processors are short or a page has to be read from the disk. So it is repeated in the
        thread and then tried again; each time that this fails it goes to the thread twice as often as the time before.
        """
        if len(self._long) > MAX_LONG:
            self._long.clear()
            self._runs.clear()
        self._long[sql] = self._runs[sql] = min(2 * self.suspects.pop(sql, 0), THREAD_RUNS) or 1

    def ran_in_thread(self, sql: str) -> None:
        """Count a run of a long statement in the thread, after some of which it is tried inline again."""
        if sql not in self._long:
            return
        self._long[sql] -= 1
        if not self._long[sql]:
            del self._long[sql]
            if len(self.suspects) > MAX_LONG:
                self.suspects.clear()
            self.suspects[sql] = self._runs.pop(sql)

    def ran_inline(self, sql: str) -> None:
        """Take note that a statement that had been long was not."""
        self.suspects.pop(sql, None)
