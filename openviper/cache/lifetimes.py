"""How long entries live."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias

TTL: TypeAlias = float | timedelta | None
"""Seconds or a duration; `None` for what the cache is configured with, infinity for no end."""
LONGEST = 10 * 365 * 86400.0
"""Seconds from which on a life has no end: no store has to count so far."""
NEVER = 1e15
"""The end, in seconds since 1970, of what has none."""


def lifetime_of(ttl: TTL, default: float | None) -> float | None:
    """Return the seconds that an entry lives; 0 means that it is not kept, `None` that it has no end.

    Args:
        ttl: What the caller says.
        default: What the cache is configured with; `None` for no end.

    Raises:
        ValueError: If it is negative or not a number.
    """
    if ttl is None:
        return default
    seconds: object = ttl.total_seconds() if isinstance(ttl, timedelta) else ttl
    # `True` is a number to Python, and nan is one that nothing compares with.
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 0:
        raise ValueError(f"ttl must be a number of seconds from 0 on, or a timedelta, not {ttl!r}")
    return None if seconds >= LONGEST else float(seconds)
