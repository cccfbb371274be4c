"""The default cache of a test."""

from __future__ import annotations

from openviper.cache import get_cache
from openviper.testing import InMemoryCache, setup_test_cache


async def test_a_cache_of_its_own_is_put_in_place_and_taken_away() -> None:
    first, restore = setup_test_cache()
    assert get_cache() is first and isinstance(first, InMemoryCache)
    await first.set("a", 1)
    restore()
    assert get_cache() is not first
