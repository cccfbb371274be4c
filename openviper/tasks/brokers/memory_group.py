"""A group of messages in the memory of one process."""

from __future__ import annotations

from openviper.tasks.brokers.base import NewGroup
from openviper.tasks.message import Finished, Outcome


class MemoryGroup:
    """A group, and what is to be sent when it has ended."""

    def __init__(self, new: NewGroup) -> None:
        self.new = new
        self.done = 0
        self.failed = 0

    def count(self, end: Finished) -> str | None:
        """Count the end of a member, and return what is to be sent after the last one, as JSON; what follows a member counts in its place."""
        if end.has_failed:
            self.failed += 1
        elif end.outcome is Outcome.DONE and not end.follow:
            self.done += 1
        else:
            return None
        if self.done + self.failed != self.new.total:
            return None
        return self.new.on_failure if self.failed else self.new.then
