"""What the type checker knows of caches."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_type

from openviper import OpenViper, Request
from openviper.cache import CachedFunction, InMemoryCache, cached, get_cache
from openviper.http import cache_page


@cached(ttl=60)
async def rate(currency: str, day: int = 0) -> Decimal:
    """Return a rate."""
    return Decimal(1)


@cached(ttl=60, key="total:{user_id}")
def total(user_id: int) -> int:
    """Return a total."""
    return user_id


async def a_cached_function_keeps_its_types() -> None:
    assert_type(await rate("USD"), Decimal)
    assert_type(await rate("USD", day=1), Decimal)
    assert_type(await total(7), int)
    assert_type(await rate.forget("USD"), bool)
    assert_type(rate.key_for("USD"), str)
    function: CachedFunction[[int], int] = total
    await function(1)
    await rate(7)  # type: ignore[arg-type]  # a currency is a text
    await rate("USD", other=1)  # type: ignore[call-arg]  # there is no such parameter


async def what_is_computed_is_what_comes_back() -> None:
    async def numbers() -> list[int]:
        return [1]

    cache = get_cache()
    assert_type(await cache.get_or_set("key", numbers), list[int])
    assert_type(await cache.get_or_set("key", lambda: "text"), str)
    assert_type(await cache.incr("hits"), int)
    assert_type(await cache.keys(), list[str])
    assert_type(InMemoryCache().at_version(2), InMemoryCache)
    InMemoryCache(max_entrys=5)  # type: ignore[call-arg]  # there is no such option


def a_handler_stays_what_it_is(app: OpenViper) -> None:
    @cache_page(60)
    async def handler(request: Request, slug: str) -> dict[str, str]:
        return {"slug": slug}

    app.get("/{slug}")(handler)
    handler(1, "x")  # type: ignore[arg-type,unused-coroutine]  # the request comes first
