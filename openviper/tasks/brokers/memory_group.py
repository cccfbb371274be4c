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

    def count(self, end: Finished) -> None:
        """Count the end of a member; what follows one counts in its place."""
        if end.outcome is Outcome.DONE and not end.follow:
            self.done += 1
        elif end.outcome is Outcome.DEAD:
            self.failed += 1

    @property
    def has_ended(self) -> bool:
        """Return whether all members have."""
        return self.done + self.failed == self.new.total

    @property
    def callback(self) -> str | None:
        """Return the message to send then, as JSON."""
        return self.new.on_failure if self.failed else self.new.then
