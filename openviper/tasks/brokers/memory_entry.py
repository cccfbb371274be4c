"""A message in the memory of a process."""

from __future__ import annotations

from openviper.tasks.brokers.base import MessageInfo, info_row
from openviper.tasks.message import Message, State

SHOWN = {State.SUSPECT: "ready"}
"""States that people know by another name."""


class Entry:
    """A message with what is known of it."""

    __slots__ = ("error", "message", "number", "settled_at", "state", "waits_for", "worker")

    def __init__(self, message: Message, number: int, state: State) -> None:
        self.message = message
        self.number = number
        self.state = state
        self.worker = ""
        self.error = ""
        self.settled_at = 0.0
        self.waits_for: str | None = None

    def __lt__(self, other: Entry) -> bool:
        return (self.message.priority, self.number) < (other.message.priority, other.number)

    def is_parked(self, key: str) -> bool:
        """Return whether the message waits for a permit of a limit."""
        return self.state is State.DELAYED and self.waits_for == key

    def died_before(self, moment: float) -> bool:
        """Return whether the message has been dead since before a moment, in seconds since the epoch."""
        return self.state is State.DEAD and self.settled_at < moment

    def info(self) -> MessageInfo:
        """Return the message for people."""
        state = SHOWN.get(self.state, self.state.name.lower())
        return info_row(state, self.message, self.worker, self.error)

    def make_ready(self, woken_for: str | None = None) -> None:
        """Let workers have it; `woken_for` is the limit of which it may have a permit."""
        self.message.limit_key = woken_for
        self.state = State.SUSPECT if self.message.deliveries else State.READY
        self.worker, self.waits_for = "", None
