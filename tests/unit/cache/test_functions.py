"""`cached`: what functions return, for each list of arguments."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from uuid import UUID

import pytest

from openviper.cache import CacheKeyError, CacheValueError, InMemoryCache, cached, get_cache
from openviper.testing import override_openviper_settings as override


async def test_an_asynchronous_function_runs_once_per_arguments() -> None:
    calls: list[int] = []

    @cached(60, cache=InMemoryCache())
    async def price(item: int, currency: str = "EUR") -> list[object]:
        """Look a price up."""
        calls.append(item)
        return [item, currency]

    assert await price(1) == await price(1, "EUR") == await price(item=1) == [1, "EUR"]
    assert await price(1, "USD") == [1, "USD"]
    assert calls == [1, 1]
    assert price.__name__ == "price" and price.__doc__ == "Look a price up."
    assert "price" in repr(price)


async def test_a_plain_function_runs_in_a_thread_and_is_awaited() -> None:
    @cached(60, cache=InMemoryCache())
    def where() -> str:
        return threading.current_thread().name

    assert await where() != threading.current_thread().name
    assert await asyncio.gather(*[where() for _ in range(5)]) == [await where()] * 5


async def test_arguments_of_different_types_are_different_calls() -> None:
    @cached(60, cache=InMemoryCache())
    async def name(value: object) -> str:
        return repr(value)

    values: list[Any] = [1, "1", True, 1.0, None, "None", (1,), [1], {"a": 1}, b"1", UUID(int=1)]
    assert [await name(value) for value in values] == [repr(value) for value in values]


async def test_an_argument_that_cannot_be_a_key_is_refused() -> None:
    @cached(60, cache=InMemoryCache())
    async def name(value: object) -> int:
        return 1

    with pytest.raises(CacheKeyError, match="argument 'value' of .*name is a 'object'"):
        await name(object())
    with pytest.raises(TypeError, match="missing a required argument"):
        await name(other=1)  # type: ignore[call-arg]  # what is tried


class Shop:
    """Has methods that are cached."""

    cache = InMemoryCache()

    def __init__(self, number: int) -> None:
        self.number = number

    @cached(60, cache=cache)
    async def without_key(self) -> int:
        """Cannot be told apart from that of another shop."""
        return self.number

    @cached(60, key=lambda self, item: f"{self.number}:{item}", cache=cache)
    async def with_key(self, item: int) -> tuple[int, int]:
        """Return a pair."""
        return self.number, item


async def test_methods_need_a_key_of_their_own() -> None:
    with pytest.raises(CacheKeyError, match="argument 'self' of .* is a 'Shop'.*give cached"):
        await Shop(1).without_key()
    assert await Shop(1).with_key(2) == (1, 2)
    assert await Shop(2).with_key(2) == (2, 2)
    assert Shop.with_key.key_for(Shop(1), 2) == "1:2"


async def test_a_key_made_of_a_text_tells_arguments_apart() -> None:
    @cached(60, key="user:{user}:{item}", cache=InMemoryCache())
    async def pair(user: str, item: object, unused: object = None) -> list[object]:
        return [user, item]

    assert pair.key_for("a", "b") == "user:a:b"
    calls = [("a:b", "c"), ("a", "b:c"), ("1", 1), ("1", "1"), ("{item}", "x"), ("ü%", "/")]
    assert len({pair.key_for(*call) for call in calls}) == len(calls)
    assert [await pair(*call, object()) for call in calls] == [list(call) for call in calls]


@pytest.mark.parametrize("key", ["{nobody}", "{user.password}", "{user!r}", "{user:>9}", "{}"])
def test_a_key_names_parameters_and_nothing_else(key: str) -> None:
    with pytest.raises(ValueError, match="key"):

        @cached(60, key=key)
        async def name(user: str) -> int:
            return 1


async def test_errors_and_what_cannot_be_kept_reach_the_caller() -> None:
    calls: list[int] = []

    @cached(60, cache=InMemoryCache())
    async def fails() -> object:
        calls.append(1)
        if len(calls) == 1:
            raise LookupError("once")
        return object()

    with pytest.raises(LookupError, match="once"):
        await fails()
    with pytest.raises(CacheValueError, match="'object'"):
        await fails()


async def test_none_is_kept_and_results_can_be_forgotten() -> None:
    calls: list[int] = []

    @cached(60, tags=lambda number: [f"number-{number}"], cache=InMemoryCache())
    async def nothing(number: int) -> None:
        calls.append(number)

    await nothing(1)
    await nothing(1)
    await nothing(2)
    assert calls == [1, 2]
    assert await nothing.forget(1)
    assert not await nothing.forget(1)
    await nothing(1)
    await nothing.cache.invalidate_tags("number-2")
    await nothing(2)
    await nothing(1)
    assert calls == [1, 2, 1, 2]


async def test_the_cache_is_looked_up_by_its_alias_when_it_is_needed() -> None:
    @cached(cache="rates")
    async def rate() -> int:
        return 1

    with pytest.raises(ValueError, match="no alias 'rates'"):
        await rate()
    with override(CACHES={"rates": {"BACKEND": "memory", "OPTIONS": {"ttl": 5}}}):
        assert await rate() == 1
        assert await get_cache("rates").keys() == [rate.key_for()]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"ttl": -1},
            ValueError,
            "ttl must be a number of seconds from 0 on, or a timedelta, not -1",
        ),
        ({"ttl": "60"}, ValueError, "ttl must be .*, not '60'"),
        ({"key": 5}, TypeError, r"cached\(\): key must be a text or a function, not 5"),
        ({"tags": "prices"}, TypeError, r"tags must be several texts, such as \['prices'\]"),
        ({"cache": None}, TypeError, r"cached\(\): cache must be an alias or a cache, not None"),
        ({"cache": InMemoryCache}, TypeError, "cache must be an alias or a cache, not <class"),
    ],
)
def test_what_makes_no_sense_is_an_error_where_it_is_written(
    options: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        cached(**options)


def test_without_parentheses_it_is_an_error_where_it_is_written() -> None:
    decorate: Any = cached
    with pytest.raises(
        ValueError, match="ttl must be a number of seconds .*, not <built-in function len>"
    ):
        decorate(len)


@pytest.mark.parametrize("function", [None, 5, "name"])
def test_only_functions_are_decorated(function: Any) -> None:
    with pytest.raises(TypeError) as caught:
        cached(60)(function)
    assert str(caught.value) == f"cached() decorates a function, not {function!r}"


@pytest.mark.parametrize("key", [None, 5, b"key", ["a"]])
async def test_a_key_function_returns_text(key: Any) -> None:
    @cached(60, key=lambda: key, cache=InMemoryCache())
    async def price() -> int:
        return 1

    with pytest.raises(CacheKeyError) as caught:
        await price()
    assert str(caught.value).endswith(f"price must return text, not {key!r}")


async def test_a_tag_function_returns_several_texts() -> None:
    @cached(60, tags=lambda name: name, cache=InMemoryCache())
    async def price(name: str) -> int:
        return 1

    with pytest.raises(TypeError, match="tags of .*price must be several texts, not 'abc'"):
        await price("abc")


async def test_an_error_in_a_thread_reaches_the_caller_and_is_not_kept() -> None:
    calls: list[int] = []

    @cached(60, cache=InMemoryCache())
    def price() -> int:
        calls.append(1)
        if len(calls) == 1:
            raise LookupError("no such item")
        return len(calls)

    with pytest.raises(LookupError, match="no such item"):
        await price()
    assert [await price(), await price()] == [2, 2]


async def test_odd_text_makes_keys_of_its_own() -> None:
    texts = ["", "a", "\0", "\ud800", "\U0001f40d", "\u202ea", "a\n", "=1", "%3D1", "{a}"]

    @cached(60, key="page:{text}", cache=InMemoryCache())
    async def by_template(text: object) -> object:
        return text

    @cached(60, cache=InMemoryCache())
    async def by_arguments(text: object) -> object:
        return text

    for function in (by_template, by_arguments):
        assert [await function(text) for text in [*texts, 1]] == [*texts, 1]
        assert len({function.key_for(text) for text in [*texts, 1]}) == len(texts) + 1


async def test_defaults_and_keywords_make_one_key_and_variadic_ones_are_told_apart() -> None:
    @cached(60, cache=InMemoryCache())
    async def total(*numbers: int, scale: int = 1, **rest: int) -> int:
        return sum(numbers) * scale + sum(rest.values())

    assert total.key_for(1, 2) == total.key_for(1, 2, scale=1)
    keys = {
        total.key_for(),
        total.key_for(1),
        total.key_for(1, 2),
        total.key_for(1, 2, scale=2),
        total.key_for(1, 2, a=1),
        total.key_for(1, 2, b=1),
    }
    assert len(keys) == 6
    assert total.key_for(a=1, b=2) == total.key_for(b=2, a=1)
    assert await total(1, 2, scale=2, a=5) == 11
