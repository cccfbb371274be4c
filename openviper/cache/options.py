"""The options that every cache has."""

from __future__ import annotations

from typing import Literal, TypedDict, TypeVar, Unpack

from openviper.cache.keys import check_prefix
from openviper.cache.lifetimes import TTL, lifetime_of
from openviper.cache.stampede import Patience

DEFAULT_TTL = 300.0
MAX_VALUE_BYTES = 8 * 1024 * 1024


class CacheOptions(TypedDict, total=False):
    """The options that every cache has; see `BaseCache`."""

    ttl: TTL
    key_prefix: str
    version: int
    max_value_bytes: int
    on_error: Literal["miss", "raise"]
    lock_lease: float
    lock_wait: float


def checked_version(version: object) -> int:
    """Return the version of a cache's entries.

    Raises:
        ValueError: If it is not a whole number from 0 on.
    """
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise ValueError(f"version must be a whole number from 0 on, not {version!r}")
    return version


class Options:
    """The options of a cache, checked."""

    def __init__(self, **given: Unpack[CacheOptions]) -> None:
        unknown = set(given) - set(CacheOptions.__annotations__)
        if unknown:
            raise TypeError(f"unexpected option {sorted(unknown)[0]!r}")
        self.ttl = lifetime_of(given.get("ttl", DEFAULT_TTL), None)
        self.key_prefix = check_prefix(given.get("key_prefix", "openviper"))
        self.version = given.get("version", 1)
        self.max_value_bytes = positive(
            "max_value_bytes", given.get("max_value_bytes", MAX_VALUE_BYTES)
        )
        self.on_error = given.get("on_error", "miss")
        if self.on_error not in ("miss", "raise"):
            raise ValueError(f"on_error must be 'miss' or 'raise', not {self.on_error!r}")
        lease = given.get("lock_lease", 5.0)
        wait = given.get("lock_wait", 30.0)
        self.patience = Patience(positive("lock_lease", lease), positive("lock_wait", wait))


N = TypeVar("N", int, float)


def positive(name: str, value: N) -> N:
    """Return an option that has to be a number above 0.

    Raises:
        ValueError: If it is not.
    """
    given: object = value
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if not is_number or not 0 < value < float("inf"):
        raise ValueError(f"{name} must be a number above 0, not {value!r}")
    return value
