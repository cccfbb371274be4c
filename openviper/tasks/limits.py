"""Limits that hold across all workers: how many calls at a time, and how many in a while."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from openviper.tasks.units import CLOCK_ACCIDENT

_RATE = re.compile(r"([1-9]\d{0,6})/(\d{0,4})([smhd])\Z", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
MAX_KEY = 200
"""Most characters of the key of a limit or of a unique message."""


class Rate(NamedTuple):
    """So many calls in a while.

    Attributes:
        calls: How many.
        seconds: In how long.
    """

    calls: int
    seconds: float

    @property
    def interval(self) -> float:
        """Seconds from one call to the next, on average."""
        return self.seconds / self.calls


class Limit(NamedTuple):
    """What limits a message.

    Attributes:
        key: Messages of one key share the limit, whatever worker has them.
        concurrency: Most of them at a time.
        rate: Most of them in a while.
    """

    key: str
    concurrency: int | None = None
    rate: Rate | None = None


def parse_rate(text: object) -> Rate:
    """Return a rate such as ``"10/s"``, ``"100/m"`` or ``"5/30s"``.

    Raises:
        ValueError: If it cannot be understood.
    """
    match = _RATE.match(text) if isinstance(text, str) else None
    if match is None or (match[2] and not int(match[2])):
        raise ValueError(f"rate {text!r} is not a text such as '10/s', '100/m', '5/30s'")
    return Rate(int(match[1]), float(int(match[2] or 1) * _UNITS[match[3]]))


def check_key(name: str, key: object) -> str:
    """Return the key of a limit or of a unique message.

    Raises:
        ValueError: If it is empty, longer than 200 characters, or not text that every store takes.
    """
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY or "\0" in key:
        raise ValueError(f"{name}={key!r} must be a text of 1 to {MAX_KEY} characters")
    try:
        key.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name}={key!r} is not valid Unicode") from None
    return key


def within_key(text: str) -> str:
    """Return a text as a key: one that is too long is cut, and ends with a digest of the whole."""
    if len(text) <= MAX_KEY:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    return f"{text[: MAX_KEY - 33]}:{digest}"


class Allowance(NamedTuple):
    """How a rate stands, in seconds since the epoch.

    Attributes:
        free_at: When the next call is evenly spaced from those before.
        tail_at: The moment that the last one in the waiting line was given.
    """

    free_at: float
    tail_at: float


def take_call(rate: Rate, stored: Allowance | None, now: float) -> tuple[Allowance, float]:
    """Decide whether a call may run now, by the generic cell rate algorithm (ITU-T I.371): bursts of a whole allowance pass.

    Those that may not are given moments one behind the other, so that a long line is not looked at again and again.

    Returns:
        How the rate stands now, and when to try again: 0 if the call may run.
    """
    free_at, tail_at = stored or Allowance(0.0, 0.0)
    if free_at > now + rate.seconds + CLOCK_ACCIDENT:
        free_at = tail_at = 0.0  # No call can have moved it so far.
    free_at = max(free_at, now)
    if free_at - now <= rate.seconds - rate.interval + 1e-6:
        return Allowance(free_at + rate.interval, tail_at), 0.0
    first = free_at - (rate.seconds - rate.interval)
    tail_at = max(first, tail_at + rate.interval)
    return Allowance(free_at, tail_at), tail_at
