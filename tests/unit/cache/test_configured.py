"""`CACHES`: which cache an alias is, and what is wrong with an entry."""

from __future__ import annotations

from typing import Any, Unpack

import pytest

from openviper.cache import BaseCache, InMemoryCache, NullCache, close_caches, get_cache
from openviper.cache.options import CacheOptions
from openviper.exceptions import ImproperlyConfigured
from openviper.testing import override_openviper_settings as override


class OwnCache(NullCache):
    """A cache of a project."""

    def __init__(self, *, place: str = "here", **options: Unpack[CacheOptions]) -> None:
        super().__init__(**options)
        self.place = place


def test_an_alias_is_one_cache_until_its_entry_changes() -> None:
    first = get_cache()
    assert first is get_cache("default") and isinstance(first, InMemoryCache)
    assert first.alias == "default" and first.default_ttl == 300
    with override(CACHES={"default": {"BACKEND": "memory", "OPTIONS": {"ttl": 5}}}):
        assert get_cache() is not first and get_cache().default_ttl == 5
        assert get_cache() is get_cache()
    assert get_cache().default_ttl == 300


def test_without_default_that_one_is_in_memory() -> None:
    with override(CACHES={"other": {"BACKEND": "null"}}):
        assert isinstance(get_cache(), InMemoryCache)
        assert isinstance(get_cache("other"), NullCache)
        with pytest.raises(ValueError, match="no alias 'rates'; it has 'other'"):
            get_cache("rates")


def test_a_class_of_the_project_gets_its_options() -> None:
    path = f"{__name__}.OwnCache"
    entry = {"BACKEND": path, "OPTIONS": {"place": "there", "version": 3}}
    with override(CACHES={"own": entry}):
        cache = get_cache("own")
        assert isinstance(cache, OwnCache) and cache.place == "there"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (5, r"CACHES\['x'\] must be a mapping, not int"),
        ({}, "'memory', 'file', 'database', 'redis', 'null' or a dotted path, not None"),
        ({"BACKEND": "memcached"}, "'memcached' is none of"),
        ({"BACKEND": "no.such.Cache"}, "'no.such.Cache' is none of .* cannot be imported"),
        ({"BACKEND": "decimal.Decimal"}, "'decimal.Decimal' is not a BaseCache"),
        ({"BACKEND": "memory", "OPTION": {}}, "no key 'OPTION'; did you mean 'OPTIONS'"),
        ({"BACKEND": "memory", "OPTIONS": 5}, "must be a mapping, not int"),
        (
            {"BACKEND": "memory", "OPTIONS": {"url": "redis://:secret@x"}},
            r"CACHES\['x'\]\['OPTIONS'\] has no key 'url'",
        ),
        ({"BACKEND": "memory", "OPTIONS": {"max_entrys": 1}}, "did you mean 'max_entries'"),
        ({"BACKEND": "memory", "OPTIONS": {"max_entries": 0}}, "max_entries must be .* not 0"),
        ({"BACKEND": "memory", "OPTIONS": {"max_bytes": "1"}}, "max_bytes must be .* not '1'"),
        ({"BACKEND": "memory", "OPTIONS": {"ttl": -1}}, "ttl must be .* not -1"),
        ({"BACKEND": "memory", "OPTIONS": {"version": "2"}}, "version must be .* not '2'"),
        ({"BACKEND": "memory", "OPTIONS": {"key_prefix": "a b"}}, "key_prefix must be .* 'a b'"),
        ({"BACKEND": "memory", "OPTIONS": {"on_error": "log"}}, "on_error must be .* 'log'"),
        ({"BACKEND": "null", "OPTIONS": {"lock_wait": 0}}, "lock_wait must be .* not 0"),
        ({"BACKEND": "file", "OPTIONS": {"cache_dir": ""}}, "cache_dir must name a directory"),
        ({"BACKEND": "redis", "OPTIONS": {"url": "http://:secret@x"}}, "not an address of Redis"),
        (
            {"BACKEND": "redis", "OPTIONS": {"url": "redis://x", "host": "y"}},
            "as 'url' and in parts",
        ),
    ],
    ids=str,
)
def test_what_makes_no_cache_is_named(entry: Any, message: str) -> None:
    if isinstance(entry, dict) and entry.get("BACKEND") == "redis":
        pytest.importorskip("redis")
    with override(CACHES={"x": entry}), pytest.raises(ImproperlyConfigured, match=message) as told:
        get_cache("x")
    assert "secret" not in str(told.value)


async def test_closing_leaves_the_caches_usable() -> None:
    await get_cache().set("key", 1)
    await close_caches()
    assert await get_cache().get("key") == 1
    await get_cache().clear()


async def test_the_null_cache_keeps_nothing() -> None:
    cache: BaseCache = NullCache()
    await cache.set("key", 1, tags=["tag"])
    assert await cache.get("key") is None and not await cache.has_key("key")
    assert await cache.add("key", 1) and not await cache.touch("key")
    assert await cache.incr("hits") == 1 and await cache.incr("hits") == 1
    assert await cache.get_or_set("key", lambda: [2]) == [2]
    assert await cache.keys() == [] and await cache.delete("key") is False
    await cache.invalidate_tags("tag")
    await cache.clear()
    assert await cache.prune() == 0
