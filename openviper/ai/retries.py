"""When a request is sent again, and after how long."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from openviper.ai.http.errors import TransportError

RETRIED_STATUSES = frozenset({408, 429, 502, 503, 504})
"""Answers that say the request was not worked on."""
MAX_RETRY_AFTER = 3600.0
"""A server that asks for a longer wait is not waited for."""


class RetryBudget:
    """Keeps retries a small part of all requests, so that a server in trouble is not asked ever more.

    Args:
        most: Retries that may follow each other when nothing succeeds.
        share: Retries that each request earns.
    """

    def __init__(self, most: float = 10.0, share: float = 0.1) -> None:
        self._most = most
        self._share = share
        self._left = most
        self._lock = threading.Lock()

    def earn(self) -> None:
        """Note a new request."""
        with self._lock:
            self._left = min(self._most, self._left + self._share)

    def spend(self) -> bool:
        """Take one retry, and return whether there was one."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed.

    Attributes:
        error: What is raised if there is no other attempt.
        is_safe: Whether the request can be sent again without being worked on twice.
        retry_after: Seconds that the server asks to wait; `None` if it does not.
    """

    error: Exception
    is_safe: bool
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and after how long.

    Attributes:
        most: Attempts after the first one.
        delay: Seconds before the second attempt, doubled for each further one, and varied by chance.
        longest: Longest wait of that kind, in seconds.
        budget: What all requests share.
    """

    most: int = 2
    delay: float = 0.5
    longest: float = 8.0
    budget: RetryBudget = field(default_factory=RetryBudget)

    def wait_before(self, attempt: int, failure: Failure, left: float) -> float | None:
        """Return the seconds to wait before another attempt, or `None` if there is to be none.

        Args:
            attempt: How many there were.
            failure: The last one.
            left: Seconds that are left in all.
        """
        if attempt > self.most or not failure.is_safe:
            return None
        # Somewhere between half of it and all, so that many clients do not come back at once.
        backoff = min(self.longest, self.delay * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0)
        wait = max(backoff, failure.retry_after or 0.0)
        if wait >= left:
            return None
        return wait if self.budget.spend() else None


def failure_of(error: TransportError, mapped: Exception) -> Failure:
    """Return the failure of a request without an answer."""
    return Failure(mapped, error.is_safe_to_repeat)


def read_retry_after(value: str | None) -> float | None:
    """Return the seconds of a ``Retry-After`` field: a number or a date (RFC 9110, 10.2.3).

    `None` for what is neither, and no less than 0.
    """
    if value is None or len(value) > 100:
        return None
    text = value.strip()
    seconds = float(text) if text.isascii() and text.isdecimal() else _seconds_until(text)
    return None if seconds is None else min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _seconds_until(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (TypeError, ValueError, OverflowError):
        return None
