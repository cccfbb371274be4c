"""How long what tasks leave behind is kept."""

from __future__ import annotations

import time
from typing import NamedTuple

WEEK = 7 * 86400.0
KEEP_FLOWS = int(WEEK)
"""Seconds that groups that have ended, progress and wishes to cancel stay."""
KEEP_UNENDED = 10 * KEEP_FLOWS
"""Seconds that a group stays whose members have not all ended."""
KEEP_MINUTES = 2 * 3600
"""Seconds that the numbers of single minutes stay."""
PRUNE_SECONDS = 60.0
"""Seconds between two times that a worker removes what is too old."""


class Keep(NamedTuple):
    """How long results and dead messages are kept, in seconds; `None` for ever."""

    results: float | None = WEEK
    dead: float | None = WEEK

    def results_before(self, now: float) -> float:
        """Return the moment before which results are too old."""
        return _before(now, self.results)

    def dead_before(self, now: float) -> float:
        """Return the moment before which messages have been dead too long."""
        return _before(now, self.dead)


def _before(now: float, seconds: float | None) -> float:
    return 0.0 if seconds is None else now - seconds


class Pruned(NamedTuple):
    """How much was removed."""

    results: int
    dead: int


class Ticker:
    """Says when it is time again.

    Args:
        seconds: From one time to the next; the first is at once.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0

    def is_due(self) -> bool:
        """Return whether it is time; then it is not for a while."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True
