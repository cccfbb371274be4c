"""How long sessions live: until nobody uses them for a while, and never longer than a fixed time."""

from __future__ import annotations

from openviper.conf import settings
from openviper.sessions.record import SessionRecord


def idle_seconds(*, is_remembered: bool) -> float:
    """Return after how many seconds without use a session ends."""
    timeout = settings.SESSION_REMEMBER_TIMEOUT if is_remembered else settings.SESSION_TIMEOUT
    return timeout.total_seconds()


def end_of(record: SessionRecord, now: float) -> float:
    """Return when a session that is used now ends unless it is used again."""
    last = record.created_at + settings.SESSION_MAX_AGE.total_seconds()
    return min(now + idle_seconds(is_remembered=record.is_remembered), last)


def is_past_half(record: SessionRecord, now: float) -> bool:
    """Return whether a session is to be prolonged: not at each request, as that would be a write each time."""
    idle = idle_seconds(is_remembered=record.is_remembered)
    left = record.expires_at - now
    return left < idle / 2 and end_of(record, now) - record.expires_at > 1
