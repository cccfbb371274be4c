"""What every cache promises, tried with each kind of store."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from datetime import time as clock_time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from openviper.cache import MISSING, BaseCache, CacheError, CacheKeyError, CacheValueError
from openviper.cache.backends.database import DatabaseCache
from openviper.db.connection import atomic
from tests.integration.cache import stores

SHORT = 0.05
"""Seconds that an entry lives whose end is waited for."""


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    """The address of a database of our own on each server."""
    with stores.servers() as urls:
        yield urls


@pytest.fixture(params=stores.STORES)
async def cache(
    request: pytest.FixtureRequest, tmp_path: Path, urls: dict[str, str]
) -> AsyncIterator[BaseCache]:
    """Each kind of cache, empty."""
    async with stores.opened(request.param, tmp_path, urls) as (cache, _):
        yield cache


async def gone(cache: BaseCache, key: str) -> None:
    """Wait until an entry has come to its end."""
    limit = time.monotonic() + 60
    while await cache.has_key(key):
        assert time.monotonic() < limit, "the entry does not end"
        await asyncio.sleep(SHORT / 5)


VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    2**63 - 1,
    2**64,
    -(2**100),
    0.1,
    -0.0,
    math.inf,
    "",
    "text",
    "42",
    "ünï \U0001f600 \u202e \0 \n",
    "half \ud800",
    b"",
    b"\0\xff",
    [],
    [1, [2, [3]]],
    {},
    {"a": {"b": [None]}},
    {1: "a", (1, 2): "b", None: "c", "$": "d"},
    {"$": "datetime", "v": "forged"},
    (1, ("a",)),
    {1, 2},
    frozenset({"a"}),
    Decimal("1.10"),
    Decimal("1E+30"),
    UUID(int=5),
    date(2024, 2, 29),
    clock_time(1, 2, 3, 4),
    datetime(2024, 1, 2, 3, 4, 5, 6),
    datetime(2024, 1, 2, tzinfo=UTC),
    datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=-5, minutes=-30))),
    timedelta(days=-1, microseconds=1),
]


async def test_values_come_back_as_they_were(cache: BaseCache) -> None:
    for value in VALUES:
        await cache.set("key", value)
        found = await cache.get("key", "missing")
        assert found == value and type(found) is type(value)
        assert repr(found) == repr(value) or isinstance(value, (set, frozenset, datetime))


async def test_what_is_given_back_is_a_copy(cache: BaseCache) -> None:
    value = {"a": [1]}
    await cache.set("key", value)
    value["a"].append(2)
    first = await cache.get("key")
    first["a"].append(3)
    assert await cache.get("key") == {"a": [1]}


KEYS = [
    "a",
    "A",
    " ",
    "a b",
    "a\r\nFLUSHALL\r\n",
    "../../etc/passwd",
    "/etc/passwd",
    "*",
    "a*",
    "?[x]",
    "%s%(a)s",
    "' OR 1=1 --",
    "#hash",
    "é",
    "e\u0301",
    "\0",
    "\ud800",
    "\U0001f600",
    "x" * 160,
    "x" * 161,
    "x" * 100_000,
    "a:b",
    "v:a",
    "{a}",
]


async def test_every_text_is_a_key_of_its_own(cache: BaseCache) -> None:
    for place, key in enumerate(KEYS):
        await cache.set(key, place)
    assert [await cache.get(key) for key in KEYS] == list(range(len(KEYS)))
    assert await cache.get_many([*KEYS, "other"]) == {key: i for i, key in enumerate(KEYS)}
    assert await cache.keys() == sorted(KEYS)
    assert await cache.keys("a") == sorted(key for key in KEYS if key.startswith("a"))
    assert await cache.delete_many(["a", "x" * 161, "other"]) == 2
    assert await cache.get("A") == 1


async def test_what_is_no_text_is_no_key(cache: BaseCache) -> None:
    keys: list[Any] = ["", b"a", 1, None]
    for key in keys:
        with pytest.raises(CacheKeyError, match="the key of an entry must"):
            await cache.get(key)
        with pytest.raises(ValueError, match="the key of an entry must"):
            await cache.set(key, 1)


async def test_none_is_a_value_like_any_other(cache: BaseCache) -> None:
    await cache.set("key", None)
    assert await cache.get("key", "default") is None
    assert await cache.has_key("key")
    assert not await cache.has_key("other")
    assert await cache.get("other", "default") == "default"


async def test_an_entry_ends(cache: BaseCache) -> None:
    await cache.set("short", 1, ttl=SHORT)
    await cache.set("long", 1, ttl=timedelta(hours=1))
    await cache.set("endless", 1, ttl=math.inf)
    await gone(cache, "short")
    assert await cache.get_many(["short", "long", "endless"]) == {"long": 1, "endless": 1}
    assert await cache.keys() == ["endless", "long"]
    assert await cache.add("short", 2)
    assert await cache.get("short") == 2


async def test_a_ttl_of_zero_stores_nothing(cache: BaseCache) -> None:
    await cache.set("key", 1)
    await cache.set("key", 2, ttl=0)
    assert not await cache.has_key("key")
    assert await cache.add("key", 1, ttl=0)
    assert await cache.incr("key", ttl=0) == 1
    assert await cache.get_or_set("key", lambda: 3, ttl=0) == 3
    assert not await cache.has_key("key")


async def test_a_ttl_that_makes_no_sense_is_refused(cache: BaseCache) -> None:
    lives: list[Any] = [-1, math.nan, "60", True, timedelta(seconds=-1)]
    for ttl in lives:
        with pytest.raises(ValueError, match="ttl must be"):
            await cache.set("key", 1, ttl=ttl)


async def test_add_stores_where_nothing_is(cache: BaseCache) -> None:
    assert await cache.add("key", 1)
    assert not await cache.add("key", 2)
    assert await cache.get("key") == 1


async def test_of_many_who_add_at_once_one_succeeds(cache: BaseCache) -> None:
    added = await asyncio.gather(*[cache.add("key", number) for number in range(10)])
    assert added.count(True) == 1
    assert await cache.get("key") == added.index(True)


async def test_delete_tells_whether_something_was_there(cache: BaseCache) -> None:
    await cache.set("key", 1)
    assert await cache.delete("key")
    assert not await cache.delete("key")
    await cache.set("short", 1, ttl=SHORT)
    await gone(cache, "short")
    assert not await cache.delete("short")


async def test_touch_gives_another_end(cache: BaseCache) -> None:
    await cache.set("key", "value", ttl=60)
    assert await cache.touch("key", SHORT)
    await gone(cache, "key")
    assert not await cache.touch("key")
    await cache.set("key", "value", ttl=SHORT)
    if await cache.touch("key", math.inf):
        await asyncio.sleep(SHORT * 2)
        assert await cache.get("key") == "value"
    else:  # A busy server took longer than the short time, and the entry is gone.
        await cache.set("key", "value")
    assert await cache.touch("key", 0)
    assert not await cache.has_key("key")


async def test_counting(cache: BaseCache) -> None:
    assert await cache.incr("hits") == 1
    assert await cache.incr("hits", 10) == 11
    assert await cache.decr("hits", 12) == -1
    assert await cache.get("hits") == -1
    await cache.set("hits", 5, ttl=SHORT)
    await cache.incr("hits", ttl=SHORT)
    await gone(cache, "hits")  # Counting does not make it live longer.
    assert await cache.incr("hits", ttl=SHORT) == 1
    await gone(cache, "hits")


async def test_counts_at_once_are_all_counted(cache: BaseCache) -> None:
    totals = await asyncio.gather(*[cache.incr("hits") for _ in range(30)])
    assert sorted(totals) == list(range(1, 31))
    assert await cache.get("hits") == 30


async def test_only_whole_numbers_are_counted_with(cache: BaseCache) -> None:
    values: list[Any] = ["42", True, 1.5, None, [1], 2**64]
    for value in values:
        await cache.set("key", value)
        with pytest.raises(CacheValueError, match="not a whole number"):
            await cache.incr("key")
        assert await cache.get("key") == value


async def test_a_count_has_64_bits(cache: BaseCache) -> None:
    await cache.set("key", 2**63 - 1)
    with pytest.raises(CacheValueError, match="64 bits"):
        await cache.incr("key")
    assert await cache.get("key") == 2**63 - 1
    assert await cache.incr("key", -(2**63 - 1)) == 0
    with pytest.raises(CacheValueError, match="64 bits"):
        await cache.incr("key", 2**63)


async def test_set_many_stores_all_or_none(cache: BaseCache) -> None:
    await cache.set_many({"a": 1, "b": [2], "c d": None})
    assert await cache.get_many(["a", "b", "c d", "e"]) == {"a": 1, "b": [2], "c d": None}
    with pytest.raises(CacheValueError, match="'object'"):
        await cache.set_many({"x": 1, "y": object()})
    assert not await cache.has_key("x")
    await cache.set_many({})
    assert await cache.get_many([]) == {} and await cache.delete_many([]) == 0


async def test_many_entries_at_once(cache: BaseCache) -> None:
    values = {f"key-{number}": number for number in range(1200)}
    await cache.set_many(values)
    assert await cache.get_many(values) == values
    assert len(await cache.keys("key-")) == 1200
    assert await cache.delete_many(values) == 1200


async def test_a_value_that_is_too_large_is_refused(cache: BaseCache) -> None:
    cache._max_value = 1000
    with pytest.raises(CacheValueError, match=r"1001 bytes is more than the 1000"):
        await cache.set("key", "x" * 1000)
    await cache.set("key", "x" * 999)
    cache._max_value = 100
    assert await cache.get("key", "missing") == "missing"


async def test_clear_removes_all_of_this_cache(cache: BaseCache) -> None:
    await cache.set_many({"a": 1, "ü": 2}, tags=["t"])
    await cache.at_version(2).set("a", 3)
    await cache.clear()
    assert await cache.keys() == []
    assert not await cache.at_version(2).has_key("a")
    await cache.set("a", 1)
    assert await cache.get("a") == 1


async def test_versions_do_not_see_each_other(cache: BaseCache) -> None:
    await cache.set("key", 1)
    other = cache.at_version(2)
    assert not await other.has_key("key")
    await other.set("key", 2)
    assert await cache.get("key") == 1 and await other.get("key") == 2
    assert await other.keys() == ["key"]


async def test_tags_void_what_bears_them(cache: BaseCache) -> None:
    await cache.set("a", 1, tags=["odd", "é \0"])
    await cache.set("b", 2, tags=["even"])
    await cache.set("c", 3)
    await cache.invalidate_tags("odd", "never used")
    assert await cache.get_many(["a", "b", "c"]) == {"b": 2, "c": 3}
    assert not await cache.has_key("a")
    assert await cache.add("a", 5, tags=["odd"])
    assert await cache.get("a") == 5
    await cache.invalidate_tags("é \0")
    assert await cache.get("a") == 5
    await cache.invalidate_tags("even", "odd")
    assert await cache.get_many(["a", "b"]) == {}


async def test_a_tag_that_the_store_has_lost_voids_too(cache: BaseCache) -> None:
    await cache.set("key", 1, tags=["tag"])
    await cache.remove_all(f"{cache._start}t:")
    assert not await cache.has_key("key")
    await cache.set("other", 1, tags=["tag"])
    assert not await cache.has_key("key")


async def test_tags_are_several_texts(cache: BaseCache) -> None:
    with pytest.raises(TypeError, match=r"such as \['tag'\], not 'tag'"):
        await cache.set("key", 1, tags="tag")


async def test_what_is_invalidated_while_it_is_computed_is_void(cache: BaseCache) -> None:
    async def compute() -> str:
        await cache.invalidate_tags("rows")
        return "read before the change"

    await cache.get_or_set("key", compute, tags=["rows"])
    assert not await cache.has_key("key")


async def test_update_loses_no_change_of_others(cache: BaseCache) -> None:
    async def append(number: int) -> None:
        await cache.update("list", lambda found: [*found, number], default=[])

    await asyncio.gather(*map(append, range(8)))
    assert sorted(await cache.get("list")) == list(range(8))
    assert await cache.update("other", lambda found: found, default=MISSING) is MISSING
    await cache.set("key", [1], tags=["tag"])
    assert await cache.update("key", lambda found: [*found, 2]) == [1, 2]
    await cache.invalidate_tags("tag")
    assert await cache.update("key", lambda found: found, default="none") == "none"


async def test_get_or_set_computes_once_for_all_who_wait(cache: BaseCache) -> None:
    calls: list[int] = []

    async def compute() -> dict[str, int]:
        calls.append(1)
        await asyncio.sleep(0.05)
        return {"n": len(calls)}

    found = await asyncio.gather(*[cache.get_or_set("key", compute) for _ in range(10)])
    assert found == [{"n": 1}] * 10
    assert found[0] is not found[1]
    assert await cache.get_or_set("key", compute) == {"n": 1}
    assert await cache.get_or_set("plain", lambda: 5) == 5
    assert await cache.get("plain") == 5


async def test_the_error_of_a_computation_reaches_all_who_wait(cache: BaseCache) -> None:
    async def compute() -> int:
        await asyncio.sleep(0.02)
        raise LookupError("no such rate")

    results = await asyncio.gather(
        *[cache.get_or_set("key", compute) for _ in range(3)], return_exceptions=True
    )
    assert [str(result) for result in results] == ["no such rate"] * 3
    # Nothing is left that the next one would wait for.
    assert await asyncio.wait_for(cache.get_or_set("key", lambda: 1), 60) == 1


async def test_a_value_that_cannot_be_kept_is_an_error_of_get_or_set(cache: BaseCache) -> None:
    with pytest.raises(CacheValueError, match="cannot keep a 'object'"):
        await cache.get_or_set("key", object)
    with pytest.raises(TypeError, match="takes a function"):
        await cache.get_or_set("key", 5)  # type: ignore[call-overload]  # what is tried


async def test_a_caller_that_gives_up_does_not_stop_the_others(cache: BaseCache) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def compute() -> int:
        started.set()
        await go_on.wait()
        return 1

    first = asyncio.ensure_future(cache.get_or_set("key", compute))
    second = asyncio.ensure_future(cache.get_or_set("key", compute))
    await started.wait()
    first.cancel()
    await asyncio.wait([first])
    go_on.set()
    assert await second == 1 and first.cancelled()


async def test_a_computation_that_nobody_wants_any_more_is_cancelled(cache: BaseCache) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def compute() -> int:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return 1

    only = asyncio.ensure_future(cache.get_or_set("key", compute))
    await started.wait()
    only.cancel()
    await asyncio.wait_for(cancelled.wait(), 60)
    assert await cache.get_or_set("key", lambda: 2) == 2


async def test_who_waits_too_long_computes_too(cache: BaseCache) -> None:
    cache._patience = cache._patience._replace(wait=SHORT)
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> str:
        started.set()
        await go_on.wait()
        return "slow"

    first = asyncio.ensure_future(cache.get_or_set("key", slow))
    await started.wait()
    assert await asyncio.wait_for(cache.get_or_set("key", lambda: "own"), 60) == "own"
    go_on.set()
    assert await first == "slow"


async def test_a_computation_that_is_cancelled_by_itself_is_an_error(cache: BaseCache) -> None:
    async def compute() -> None:
        raise asyncio.CancelledError

    with pytest.raises(CacheError, match="was cancelled"):
        await cache.get_or_set("key", compute)
    assert await cache.get_or_set("key", lambda: 1) == 1


async def test_a_computation_that_asks_for_itself_is_an_error(cache: BaseCache) -> None:
    async def compute() -> Any:
        return await cache.get_or_set("key", compute)

    with pytest.raises(CacheError, match="asks for this very value"):
        await asyncio.wait_for(cache.get_or_set("key", compute), 60)


async def test_content_of_others_counts_as_missing(cache: BaseCache) -> None:
    name = f"{cache._start}v:key"
    for content in (b"", b"x", b"j{", b'j{"$":"os.system","v":"id"}', b"e{}\nx", b"e", b"s\xff"):
        await cache.write_entries({name: content}, 60)
        assert await cache.get("key", "missing") == "missing"
        assert await cache.get_many(["key"]) == {}
        assert await cache.get_or_set("key", lambda: 1) == 1


async def test_prune_leaves_what_lives(cache: BaseCache) -> None:
    await cache.set_many({"a": 1, "b": 2}, ttl=SHORT)
    await cache.set("c", 3)
    await gone(cache, "a")
    await gone(cache, "b")
    assert await cache.prune() in ((2, 0) if not isinstance(cache, DatabaseCache) else (2,))
    assert await cache.prune() == 0
    assert await cache.keys() == ["c"]


async def test_in_a_transaction_the_rows_belong_to_it(cache: BaseCache) -> None:
    if not isinstance(cache, DatabaseCache):
        pytest.skip("another vendor: not a database")
    await cache.set("before", 1)
    with pytest.raises(LookupError):
        async with atomic():
            await cache.set("key", 1)
            assert await cache.get("key") == 1
            assert await cache.get_or_set("computed", lambda: 2) == 2
            assert await cache.incr("before") == 2
            assert not await cache.add("key", 2)
            raise LookupError
    assert await cache.get_many(["key", "computed", "before"]) == {"before": 1}
