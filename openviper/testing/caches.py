"""The cache in tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from openviper.cache import BaseCache, get_cache
from openviper.conf import settings
from openviper.testing.settings import override_openviper_settings


class _Fresh(dict[str, Any]):
    """An entry of `CACHES` that is like no other, so that a cache is made from it."""

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None


@contextmanager
def cache_in_memory() -> Iterator[BaseCache]:
    """Have an empty default cache, in memory, inside the block."""
    settings.setup()
    fresh = _Fresh(BACKEND="memory")
    with override_openviper_settings(CACHES={**settings.CACHES, "default": fresh}):
        yield get_cache()


def setup_test_cache() -> tuple[BaseCache, Callable[[], None]]:
    """Have an empty default cache, in memory, and return it with what puts the one of before back in its place."""
    stack = ExitStack()
    return stack.enter_context(cache_in_memory()), stack.close


async def assert_cache_key(cache: BaseCache, key: str) -> None:
    """Check that a cache holds a key.

    Raises:
        AssertionError: If not.
    """
    if not await cache.has_key(key):
        raise AssertionError(f"the cache does not hold {key!r}")
