"""The cache in memory is bounded."""

from __future__ import annotations

import asyncio
import threading

from openviper.cache import InMemoryCache
from openviper.cache.backends.memory import ENTRY_BYTES


async def test_what_was_not_used_for_longest_goes_first() -> None:
    cache = InMemoryCache(max_entries=3)
    for key in "abc":
        await cache.set(key, key)
    await cache.get("a")
    await cache.set("d", "d")
    assert await cache.keys() == ["a", "c", "d"]


async def test_the_bytes_are_bounded() -> None:
    cache = InMemoryCache(max_bytes=10 * (ENTRY_BYTES + 1100))
    for number in range(100):
        await cache.set(f"key-{number}", "x" * 1000)
    assert 9 <= len(await cache.keys()) <= 10
    await cache.clear()
    assert cache._entries._bytes == 0


async def test_what_has_ended_makes_room_without_being_asked_for() -> None:
    cache = InMemoryCache()
    for number in range(300):
        await cache.set(f"old-{number}", number, ttl=0.001)
    await asyncio.sleep(0.01)
    for number in range(300):
        await cache.set(f"new-{number}", number)
    assert len(cache._entries._entries) <= 500


async def test_threads_may_use_it_at_once() -> None:
    cache = InMemoryCache(max_entries=50)

    async def work() -> None:
        for number in range(300):
            await cache.set(f"key-{number % 80}", number)
            await cache.incr("hits")
            await cache.get(f"key-{number % 80}")

    threads = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert await cache.get("hits") == 1200
