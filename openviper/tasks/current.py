"""What surrounds every call in a worker: the message at hand, and a short id for its log records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from openviper.tasks.message import Message

current_message: ContextVar[Message | None] = ContextVar("openviper_task_message", default=None)
"""The message that is being carried out."""


def get_trace_id() -> str:
    """Return the short id of the message that is being carried out, or an empty text outside of one."""
    message = current_message.get()
    return "" if message is None else message.message_id[:8]


@contextmanager
def message_context(message: Message) -> Iterator[None]:
    """Make a message the current one for the time of the block."""
    token = current_message.set(message)
    try:
        yield
    finally:
        current_message.reset(token)
