"""What can go wrong with a cache.

CacheError
├── CacheKeyError          something that cannot be a key; also a ValueError
├── CacheValueError        a value that a cache cannot keep; also a TypeError
├── CacheContentError      content that no cache of ours has written; never leaves this package
└── CacheUnavailableError  the store does not answer; also a ConnectionError
"""

from __future__ import annotations

from openviper.exceptions import OpenViperException


class CacheError(OpenViperException):
    """Base of the errors of caches."""


class CacheKeyError(CacheError, ValueError):
    """Something cannot be the key of an entry."""


class CacheValueError(CacheError, TypeError):
    """A value cannot be kept: it has no form in the cache, is too large, or is not what an operation needs."""


class CacheContentError(CacheError, ValueError):
    """What a store has given back was not written by a cache of ours, or was cut."""


class CacheUnavailableError(CacheError, ConnectionError):
    """The store of a cache does not answer.

    Attributes:
        alias: The alias of the cache; empty for one that is not configured in `CACHES`.
        reason: What the store or its driver says.
    """

    def __init__(self, alias: str, reason: str) -> None:
        self.alias, self.reason = alias, reason
        super().__init__(f"cache {alias or 'without alias'!r} is not available: {reason}")
