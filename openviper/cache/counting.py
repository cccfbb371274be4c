"""Adding to numbers that entries hold."""

from __future__ import annotations

from collections.abc import Iterable

from openviper.cache.backends.base import EntryStore
from openviper.cache.envelope import opened
from openviper.cache.exceptions import CacheValueError
from openviper.cache.tags import Tags
from openviper.cache.values import DIGITS, MAX_NUMBER


def counted(content: bytes, delta: int) -> int:
    """Return the number that an entry holds plus another.

    Raises:
        CacheValueError: If it holds something else, or the sum has more than 64 bits.
    """
    if content[:1] and content[0] in DIGITS:
        return checked_sum(int(content) + delta)
    raise not_a_number()


def checked_sum(total: int) -> int:
    """Return a sum.

    Raises:
        CacheValueError: If it has more than 64 bits.
    """
    if abs(total) > MAX_NUMBER:
        raise CacheValueError("the sum has more than 64 bits")
    return total


def not_a_number() -> CacheValueError:
    """Return the error for an entry that cannot be counted with."""
    return CacheValueError("the entry holds a value that is not a whole number")


def check_delta(delta: object) -> None:
    """Check what is to be added.

    Raises:
        CacheValueError: If it is not a whole number of 64 bits: a store would cut ``1.5``.
    """
    if isinstance(delta, bool) or not isinstance(delta, int) or abs(delta) > MAX_NUMBER:
        raise CacheValueError(f"delta must be a whole number of 64 bits, not {delta!r}")


async def count_unless_void(
    store: EntryStore, tags: Tags, key: str, name: str, delta: int
) -> int | None:
    """Add to the number of an entry, and return the sum; `None` if there is none, or none any more as a tag has voided it.

    Raises:
        CacheValueError: If it holds something else, or has tags.
    """
    try:
        return await store.count_entry(name, delta)
    except CacheValueError:
        stored = await store.read_entry(name)
        if stored is None or stored[:1] != b"e":
            raise
        if await tags.current({name: stored}):
            raise _sealed_number(key, opened(stored).tags) from None
        await store.replace_entry(name, stored, None, None)
        return None


def _sealed_number(key: str, tags: Iterable[str]) -> CacheValueError:
    """Return the error for a number that stands in its entry with tags, or with its key, so that no store counts with it."""
    names = ", ".join(map(repr, tags))
    if names:
        return CacheValueError(
            f"the entry {key!r} has tags ({names}), so it cannot be counted with"
        )
    return CacheValueError(
        f"the entry {key!r} was stored as a value; what is counted under a key that is long or not plain ASCII begins with incr()"
    )
