"""What every cache does with keys, tags, numbers and a store that does not answer, on the one in memory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from openviper.cache import BaseCache, CacheKeyError, CacheValueError, FileCache, InMemoryCache
from openviper.cache.base import MAX_ATTEMPTS, MISSING
from openviper.cache.envelope import Envelope, key_inside, opened
from openviper.cache.exceptions import CacheContentError, CacheError, CacheUnavailableError
from openviper.cache.keys import HASHED, check_prefix, key_text
from openviper.cache.lifetimes import LONGEST, lifetime_of
from openviper.cache.options import Options


class Failing(InMemoryCache):
    """A cache whose store answers only if it is told to."""

    is_down = False

    def _answer(self) -> None:
        if self.is_down:
            raise CacheUnavailableError(self.alias, "it is down")

    async def read_entry(self, name: str) -> bytes | None:
        """Read."""
        self._answer()
        return await super().read_entry(name)

    async def read_entries(self, names: Sequence[str]) -> dict[str, bytes]:
        """Read."""
        self._answer()
        return await super().read_entries(names)

    async def write_entries(self, entries: Mapping[str, bytes], lifetime: float | None) -> None:
        """Write."""
        self._answer()
        await super().write_entries(entries, lifetime)

    async def extend_entry(self, name: str, lifetime: float | None) -> bool:
        """Extend."""
        self._answer()
        return await super().extend_entry(name, lifetime)

    async def remove_entries(self, names: Sequence[str]) -> int:
        """Remove."""
        self._answer()
        return await super().remove_entries(names)


@pytest.fixture
def cache() -> InMemoryCache:
    """Return an empty cache."""
    return InMemoryCache()


# Several keys are several texts


@pytest.mark.parametrize("method", ["get_many", "delete_many"])
async def test_one_text_is_not_taken_for_a_list_of_keys(cache: BaseCache, method: str) -> None:
    await cache.set_many({"a": 1, "b": 2, "ab": 3})
    with pytest.raises(TypeError) as caught:
        await getattr(cache, method)("ab")
    assert str(caught.value) == "keys must be several texts, such as ['ab'], not 'ab'"
    assert await cache.keys() == ["a", "ab", "b"]


@pytest.mark.parametrize(
    "store",
    [
        lambda cache: cache.set("key", 1, tags="abc"),
        lambda cache: cache.set_many({"key": 1}, tags="abc"),
        lambda cache: cache.add("key", 1, tags="abc"),
        lambda cache: cache.get_or_set("key", lambda: 1, tags="abc"),
        lambda cache: cache.take_tags("abc"),
    ],
    ids=["set", "set_many", "add", "get_or_set", "take_tags"],
)
async def test_one_text_is_not_taken_for_a_list_of_tags(
    cache: BaseCache, store: Callable[[BaseCache], Any]
) -> None:
    with pytest.raises(TypeError) as caught:
        await store(cache)
    assert str(caught.value) == "tags must be several texts, such as ['abc'], not 'abc'"
    assert not await cache.has_key("key")


@pytest.mark.parametrize("tag", ["", 5, None, b"x", ("a",)])
async def test_a_tag_is_a_text(cache: BaseCache, tag: Any) -> None:
    for attempt in (cache.set("key", 1, tags=[tag]), cache.invalidate_tags(tag)):
        with pytest.raises(CacheKeyError):
            await attempt
    assert not await cache.has_key("key")


# Numbers


@pytest.mark.parametrize("delta", [1.5, 1.0, True, False, "1", None, 2**63, -(2**63), float("nan")])
async def test_what_is_added_is_a_whole_number(cache: BaseCache, delta: Any) -> None:
    await cache.set("hits", 1)
    with pytest.raises(CacheValueError) as caught:
        await cache.incr("hits", delta)
    assert str(caught.value) == f"delta must be a whole number of 64 bits, not {delta!r}"
    assert await cache.get("hits") == 1
    with pytest.raises(CacheValueError):
        await cache.incr("other", delta)
    assert not await cache.has_key("other")


async def test_the_largest_numbers_are_counted_with(cache: BaseCache) -> None:
    most = 2**63 - 1
    assert await cache.incr("up", most) == most
    assert await cache.decr("down", most) == -most
    for key, delta in (("up", 1), ("down", -1)):
        with pytest.raises(CacheValueError, match="^the sum has more than 64 bits$"):
            await cache.incr(key, delta)
    assert await cache.get("up") == most and await cache.get("down") == -most
    assert await cache.incr("up", -most) == 0


async def test_a_number_with_tags_cannot_be_counted_with_and_says_so(cache: BaseCache) -> None:
    await cache.set("hits", 5, tags=["page", "site"])
    with pytest.raises(CacheValueError) as caught:
        await cache.incr("hits")
    assert str(caught.value) == (
        "the entry 'hits' has tags ('page', 'site'), so it cannot be counted with"
    )
    assert await cache.get("hits") == 5


async def test_a_number_that_a_tag_has_voided_counts_from_zero(cache: BaseCache) -> None:
    await cache.set("hits", 5, tags=["page"])
    await cache.invalidate_tags("page")
    assert await cache.incr("hits", 2) == 2
    assert await cache.incr("hits", 2) == 4
    assert await cache.get("hits") == 4


@pytest.mark.parametrize("key", ["page views", "é", "x" * 200, "#x", "\0", "\ud800"])
async def test_counting_under_keys_of_any_text(cache: BaseCache, key: str) -> None:
    assert [await cache.incr(key), await cache.incr(key, 5), await cache.get(key)] == [1, 6, 6]
    await cache.set(key, 1)
    with pytest.raises(CacheValueError) as caught:
        await cache.incr(key)
    assert str(caught.value) == (
        f"the entry {key!r} was stored as a value; what is counted under a key that is long or not plain ASCII begins "
        "with incr()"
    )


@pytest.mark.parametrize("value", ["5", 1.5, True, None, [1], 2**70, b"5", ""])
async def test_other_values_are_not_counted_with(cache: BaseCache, value: Any) -> None:
    await cache.set("key", value)
    with pytest.raises(
        CacheValueError, match="^the entry holds a value that is not a whole number"
    ):
        await cache.incr("key")
    assert await cache.get("key") == value


async def test_counting_keeps_the_end_of_the_entry(cache: InMemoryCache) -> None:
    await cache.set("hits", 1, ttl=50)
    ends = [entry.end for entry in cache._entries._entries.values()]
    await cache.incr("hits", ttl=5000)
    assert [entry.end for entry in cache._entries._entries.values()] == ends


async def test_counting_with_a_ttl_of_zero_begins_nothing(cache: BaseCache) -> None:
    assert await cache.incr("hits", 3, ttl=0) == 3
    assert not await cache.has_key("hits")


# What tags have voided


async def test_what_a_tag_has_voided_is_not_there_for_anything(cache: BaseCache) -> None:
    await cache.set("key", "old", tags=["t"])
    await cache.invalidate_tags("t")
    assert await cache.get("key") is None
    assert await cache.get_many(["key"]) == {}
    assert not await cache.has_key("key")
    assert not await cache.touch("key", 100)
    assert await cache.update("key", lambda old: [old], default="none") == ["none"]
    assert await cache.get("key") == ["none"]


async def test_add_takes_the_place_of_what_a_tag_has_voided(cache: BaseCache) -> None:
    await cache.set("key", "old", tags=["t"])
    assert not await cache.add("key", "new")
    await cache.invalidate_tags("t", "other")
    assert await cache.add("key", "new", tags=["t"])
    assert not await cache.add("key", "newer")
    assert await cache.get("key") == "new"


async def test_update_keeps_the_tags(cache: BaseCache) -> None:
    await cache.set("key", 1, tags=["t"])
    assert await cache.update("key", lambda value: value + 1) == 2
    await cache.invalidate_tags("t")
    assert not await cache.has_key("key")


async def test_one_voided_tag_of_several_is_enough(cache: BaseCache) -> None:
    for number in range(3):
        await cache.set(f"key-{number}", number, tags=["all", f"t{number}"])
    await cache.invalidate_tags("t1")
    assert await cache.get_many(["key-0", "key-1", "key-2"]) == {"key-0": 0, "key-2": 2}
    await cache.invalidate_tags("all")
    assert await cache.get_many(["key-0", "key-1", "key-2"]) == {}


# Updates


async def test_update_leaves_what_is_there_when_the_change_fails(cache: BaseCache) -> None:
    await cache.set("key", 1)
    with pytest.raises(ZeroDivisionError):
        await cache.update("key", lambda value: value / 0)
    with pytest.raises(CacheValueError, match="'object'"):
        await cache.update("key", lambda value: object())
    assert await cache.get("key") == 1


async def test_update_of_nothing_may_leave_it_so(cache: BaseCache) -> None:
    def never(value: Any) -> Any:
        raise AssertionError(value)

    assert await cache.update("key", never, default=MISSING) is MISSING
    assert repr(MISSING) == "MISSING"
    assert not await cache.has_key("key")


async def test_update_with_a_ttl_of_zero_removes(cache: BaseCache) -> None:
    await cache.set("key", 1)
    assert await cache.update("key", lambda value: value + 1, ttl=0) == 2
    assert not await cache.has_key("key")


async def test_update_gives_up_when_others_are_always_faster() -> None:
    calls: list[int] = []

    class Contended(InMemoryCache):
        """A cache in which somebody else is always faster."""

        async def replace_entry(
            self, name: str, old: bytes, new: bytes | None, lifetime: float | None
        ) -> bool:
            """Fail."""
            return False

    cache = Contended()
    await cache.set("key", 1)

    def change(value: int) -> int:
        calls.append(1)
        return value

    with pytest.raises(CacheError, match="^too many processes change the entry 'key' at the same"):
        await cache.update("key", change)
    assert len(calls) == MAX_ATTEMPTS


# Sizes


@pytest.mark.parametrize("kind", [InMemoryCache, FileCache])
async def test_a_value_that_would_push_everything_else_out_is_refused(
    kind: Any, tmp_path: Any
) -> None:
    options = {"cache_dir": str(tmp_path / "cache")} if kind is FileCache else {}
    cache = kind(max_bytes=4000, **options)
    await cache.set("small", 1)
    with pytest.raises(CacheValueError) as caught:
        await cache.set("large", "x" * 3000)
    assert str(caught.value) == (
        "a value of 3001 bytes is more than the 2000 that cache '' takes; see 'max_value_bytes' and 'max_bytes'"
    )
    assert await cache.get("small") == 1


async def test_of_several_values_none_is_stored_if_one_is_too_large(cache: BaseCache) -> None:
    small = InMemoryCache(max_value_bytes=10)
    with pytest.raises(CacheValueError, match="a value of 12 bytes is more than the 10"):
        await small.set_many({"a": 1, "b": "x" * 11, "c": 3})
    assert await small.keys() == []


async def test_what_another_version_of_the_settings_has_stored_larger_is_missing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache = InMemoryCache()
    await cache.set("key", "x" * 100)
    cache._max_value = 50
    with caplog.at_level(logging.INFO, "openviper.cache"):
        assert await cache.get("key", "default") == "default"
        assert await cache.get_many(["key"]) == {}
    assert "the entry 'key' counts as missing: it has 101 bytes" in caplog.text


# Outages


async def test_an_outage_is_logged_once_and_nothing_is_found(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache = Failing()
    await cache.set("key", 1)
    cache.is_down = True
    with caplog.at_level(logging.WARNING, "openviper.cache"):
        assert await cache.get("key", "default") == "default"
        assert await cache.get_many(["key"]) == {}
        assert not await cache.has_key("key")
        assert not await cache.touch("key")
        await cache.set("key", 2)
        assert await cache.get_or_set("key", lambda: 3) == 3
        assert await cache.get_or_set("key", lambda: 3, tags=["t"]) == 3
    assert len(caplog.records) == 1
    assert "it is down; values are computed anew and not kept" in caplog.text
    cache.is_down = False
    assert await cache.get("key") == 1


@pytest.mark.parametrize(
    "work",
    [
        lambda cache: cache.get("key"),
        lambda cache: cache.get_many(["key"]),
        lambda cache: cache.has_key("key"),
        lambda cache: cache.touch("key"),
        lambda cache: cache.touch("key", 0),
        lambda cache: cache.set("key", 1),
        lambda cache: cache.set("key", 1, 0),
        lambda cache: cache.get_or_set("key", lambda: 1),
        lambda cache: cache.take_tags(["t"]),
        lambda cache: cache.delete("key"),
    ],
)
async def test_a_strict_cache_makes_an_error_of_an_outage(work: Callable[[BaseCache], Any]) -> None:
    cache = Failing()
    cache.is_down = True
    for strict in (cache.strict(), Failing(on_error="raise")):
        strict.is_down = True
        with pytest.raises(CacheUnavailableError, match="it is down"):
            await work(strict)
    assert await cache.get("key") is None  # The view has not changed the cache.


async def test_what_was_computed_while_the_store_was_down_is_void_when_it_is_stored() -> None:
    cache = Failing()
    cache.is_down = True
    taken = await cache.take_tags(["t"])
    cache.is_down = False
    await cache.set("key", 1, tags=taken)
    assert not await cache.has_key("key")


async def test_what_is_invalidated_between_taking_tags_and_storing_is_void(
    cache: BaseCache,
) -> None:
    taken = await cache.take_tags(["t"])
    await cache.set("early", 1, tags=taken)
    await cache.invalidate_tags("t")
    await cache.set("late", 1, tags=taken)
    assert await cache.keys() == ["early", "late"]
    assert await cache.get_many(["early", "late"]) == {}


# Views


async def test_versions_and_strict_views_share_the_store(cache: BaseCache) -> None:
    await cache.set("key", 1)
    other = cache.at_version(2)
    assert await other.get("key") is None
    await other.set("key", 2)
    assert (await cache.get("key"), await other.strict().get("key")) == (1, 2)
    assert await cache.at_version(2).keys() == ["key"]
    await other.clear()
    assert await cache.keys() == []


@pytest.mark.parametrize("version", [-1, True, "1", 1.0, None])
def test_a_version_is_a_whole_number(cache: BaseCache, version: Any) -> None:
    for make in (cache.at_version, lambda each: InMemoryCache(version=each)):
        with pytest.raises(ValueError) as caught:
            make(version)
        assert str(caught.value) == f"version must be a whole number from 0 on, not {version!r}"


def test_no_address_is_shown(cache: BaseCache) -> None:
    assert repr(cache) == "<InMemoryCache 'without alias'>"
    cache.alias = "rates"
    assert repr(cache.at_version(3)) == "<InMemoryCache 'rates'>"


# Computing once


async def test_of_many_tasks_one_computes_and_an_error_is_told_to_all(cache: BaseCache) -> None:
    calls: list[int] = []
    gate = asyncio.Event()

    async def compute() -> int:
        calls.append(1)
        await gate.wait()
        if len(calls) == 1:
            raise LookupError("first")
        return 7

    first = [asyncio.ensure_future(cache.get_or_set("key", compute)) for _ in range(5)]
    await asyncio.sleep(0)
    gate.set()
    outcomes = await asyncio.gather(*first, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["first"] * 5 and len(calls) == 1
    assert await asyncio.gather(*[cache.get_or_set("key", compute) for _ in range(5)]) == [7] * 5
    assert len(calls) == 2


async def test_the_last_who_leaves_cancels_the_computation(cache: InMemoryCache) -> None:
    begun, seen = asyncio.Event(), []

    async def compute() -> int:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        return 1

    tasks = [asyncio.ensure_future(cache.get_or_set("key", compute)) for _ in range(2)]
    await begun.wait()
    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    assert seen == []
    tasks[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    await asyncio.sleep(0)
    assert seen == ["cancelled"]
    assert cache._computations._running == {} and cache._computations._callers == {}
    assert await cache.get_or_set("key", lambda: 2) == 2


async def test_the_timeout_of_a_computation_is_not_taken_for_that_of_waiting() -> None:
    cache = InMemoryCache()

    async def compute() -> int:
        raise TimeoutError("the price service did not answer")

    tasks = [asyncio.ensure_future(cache.get_or_set("key", compute)) for _ in range(2)]
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["the price service did not answer"] * 2


async def test_a_computation_that_asks_for_itself_by_way_of_another_is_an_error(
    cache: BaseCache,
) -> None:
    async def outer() -> Any:
        return await cache.get_or_set("b", inner)

    async def inner() -> Any:
        return await cache.get_or_set("a", outer)

    with pytest.raises(CacheError, match="asks for this very value"):
        await cache.get_or_set("a", outer)
    assert await cache.get_or_set("a", lambda: 1) == 1


async def test_another_cache_may_be_asked_for_the_same_key_meanwhile(cache: BaseCache) -> None:
    other = InMemoryCache()

    async def compute() -> Any:
        return [await other.get_or_set("key", lambda: 1)]

    assert await cache.get_or_set("key", compute) == [1]


@pytest.mark.parametrize("compute", [None, 5, "name"])
async def test_what_computes_is_a_function(cache: BaseCache, compute: Any) -> None:
    with pytest.raises(TypeError) as caught:
        await cache.get_or_set("key", compute)
    assert str(caught.value) == f"get_or_set() takes a function that computes, not {compute!r}"


async def test_a_ttl_of_zero_computes_each_time(cache: BaseCache) -> None:
    calls: list[int] = []

    async def compute() -> int:
        calls.append(1)
        return len(calls)

    assert [await cache.get_or_set("key", compute, ttl=0) for _ in range(3)] == [1, 2, 3]
    assert len(calls) == 3 and await cache.keys() == []


# Parts


@pytest.mark.parametrize(
    ("ttl", "default", "expected"),
    [
        (None, 300.0, 300.0),
        (None, None, None),
        (0, 300.0, 0.0),
        (5, 300.0, 5.0),
        (0.5, None, 0.5),
        (timedelta(minutes=1), None, 60.0),
        (timedelta(0), 300.0, 0.0),
        (float("inf"), 300.0, None),
        (LONGEST, 300.0, None),
        (LONGEST - 1, 300.0, LONGEST - 1),
        (timedelta.max, 300.0, None),
        (10**400, 300.0, None),
    ],
)
def test_how_long_an_entry_lives(ttl: Any, default: float | None, expected: float | None) -> None:
    assert lifetime_of(ttl, default) == expected


@pytest.mark.parametrize("ttl", [-1, -0.001, float("nan"), True, "5", b"", timedelta(-1), [5], 1j])
def test_a_lifetime_that_makes_no_sense_is_named(ttl: Any) -> None:
    with pytest.raises(ValueError) as caught:
        lifetime_of(ttl, None)
    assert str(caught.value) == (
        f"ttl must be a number of seconds from 0 on, or a timedelta, not {ttl!r}"
    )


@pytest.mark.parametrize("key", ["a", "A:b", "x" * 160, "~", "'", "%20", "a#b"])
def test_plain_keys_are_names_as_they_are(key: str) -> None:
    assert key_text(key) == key


@pytest.mark.parametrize(
    "key", [" ", "a b", "é", "#a", "x" * 161, "\n", "a\n", "\0", "\ud800", "\x7f", "\u202e"]
)
def test_other_keys_are_hashed_each_to_a_name_of_its_own(key: str) -> None:
    name = key_text(key)
    assert name.startswith(HASHED) and len(name) == 65 and name.isascii()
    assert name == key_text(key) and name != key_text(key + "x") and name != key_text(f"{key} ")


@pytest.mark.parametrize("prefix", ["", "a", "A_b.c-d", "x" * 64])
def test_prefixes(prefix: str) -> None:
    assert check_prefix(prefix) == prefix


@pytest.mark.parametrize("prefix", ["x" * 65, "a b", "a:b", "é", "a\n", None, 5, b"a"])
def test_a_prefix_that_a_store_could_misread_is_named(prefix: Any) -> None:
    with pytest.raises(ValueError) as caught:
        check_prefix(prefix)
    assert str(caught.value).endswith(f"letters, digits and '_.-', not {prefix!r}")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("max_value_bytes", 0),
        ("max_value_bytes", -1),
        ("max_value_bytes", True),
        ("lock_lease", "5"),
        ("lock_wait", float("inf")),
        ("lock_wait", float("nan")),
        ("lock_wait", None),
    ],
)
def test_an_option_that_makes_no_sense_is_named(option: str, value: Any) -> None:
    options: dict[str, Any] = {option: value}
    with pytest.raises(ValueError) as caught:
        Options(**options)
    assert str(caught.value) == f"{option} must be a number above 0, not {value!r}"


def test_an_option_that_no_cache_has_is_named() -> None:
    options: dict[str, Any] = {"timeout": 5}
    with pytest.raises(TypeError, match="^unexpected option 'timeout'$"):
        InMemoryCache(**options)


@pytest.mark.parametrize(
    "envelope",
    [
        Envelope(b"s1"),
        Envelope(b""),
        Envelope(b"s1\ns2", {"t": "sabc"}),
        Envelope(b"5", {}, "k\ney"),
        Envelope(b"j{}", {"é\n": "s1", "\ud800": "s2"}, "\ud800"),
    ],
)
def test_envelopes_are_opened_as_they_were_sealed(envelope: Envelope) -> None:
    assert opened(envelope.sealed()) == envelope
    assert key_inside(envelope.sealed()) == envelope.key


@pytest.mark.parametrize(
    "stored",
    [
        b"e",
        b"e\n",
        b"e{}\nx",
        b"e[]\nx",
        b'e{"k":"a"}\nx',
        b'e{"t":[1],"k":"a"}\nx',
        b"e\xff\nx",
        b"enope",
        b"e" + b"[" * 100_000,
    ],
)
def test_an_envelope_of_somebody_else_is_an_error_of_the_content(stored: bytes) -> None:
    with pytest.raises(CacheContentError, match="^the head of an entry makes no sense: "):
        opened(stored)
    assert key_inside(stored) == ""


@pytest.mark.parametrize("stored", [b"e", b"enope\nx", b"", b"?", b"j{", b"s\xff"])
async def test_what_somebody_else_has_written_counts_as_missing(
    cache: InMemoryCache, stored: bytes
) -> None:
    await cache.write_entries({"openviper:1:v:key": stored}, None)
    assert await cache.get("key", "default") == "default"
    assert await cache.get_many(["key"]) == {}
    assert await cache.update("key", lambda value: [value], default="none") == ["none"]
    assert await cache.get("key") == ["none"]
