"""The results that the memory broker keeps."""

from __future__ import annotations

import time

from openviper.tasks.brokers.base import StoredResult
from openviper.tasks.message import Finished


class MemoryResults:
    """Results by message; the broker's lock is the caller's business."""

    def __init__(self) -> None:
        self._stored: dict[str, StoredResult] = {}

    def add(self, end: Finished) -> None:
        """Keep what is known of the end of a message."""
        result = StoredResult(end.result or "null", end.error, time.time())
        self._stored[end.message.message_id] = result

    def get(self, message_id: str) -> StoredResult | None:
        """Return what is known of a message that is finished."""
        return self._stored.get(message_id)

    def prune(self, before: float) -> int:
        """Remove what was stored before a moment, and return how much that was."""
        old = [key for key, result in self._stored.items() if result.stored_at < before]
        for key in old:
            del self._stored[key]
        return len(old)
