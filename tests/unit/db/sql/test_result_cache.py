"""Kept results: how long, how many, and what a write takes away."""

from __future__ import annotations

import pytest

from openviper.db.sql.result_cache import QueryCache

ROWS = [(1,)]
NEVER = 3600.0


@pytest.fixture
def cache() -> QueryCache:
    return QueryCache()


def put(cache: QueryCache, key: str, *tables: str, ttl: float = NEVER, most: int = 10) -> None:
    cache.put((key,), tables, [(key,)], ttl, most, cache.version(tables))


def test_rows_are_kept_under_their_key_alone(cache: QueryCache) -> None:
    put(cache, "a", "posts")
    assert cache.get(("a",)) == [("a",)]
    assert cache.get(("b",)) is None and cache.get(("a", 1)) is None


def test_what_is_too_old_is_dropped(cache: QueryCache) -> None:
    put(cache, "a", "posts", ttl=0)
    assert len(cache) == 1
    assert cache.get(("a",)) is None and len(cache) == 0


def test_the_one_not_used_for_longest_goes(cache: QueryCache) -> None:
    for key in "abc":
        put(cache, key, "posts", most=3)
    cache.get(("a",))
    put(cache, "d", "posts", most=3)
    assert [key for key in "abcd" if cache.get((key,))] == ["a", "c", "d"]
    put(cache, "a", "posts", most=1)
    assert len(cache) == 1 and cache.get(("a",)) == [("a",)]


def test_a_size_of_nothing_keeps_nothing(cache: QueryCache) -> None:
    put(cache, "a", "posts", most=0)
    assert len(cache) == 0


@pytest.mark.parametrize(
    ("written", "left"),
    [("posts", ["c"]), ("users", ["a"]), ("other", ["a", "b", "c"]), (None, [])],
)
def test_a_write_drops_what_was_read_from_its_table(
    cache: QueryCache, written: str | None, left: list[str]
) -> None:
    put(cache, "a", "posts")
    put(cache, "b", "posts", "users")
    put(cache, "c", "users" if written == "posts" else "others")
    if written == "users":
        put(cache, "c", "users")
    cache.forget(written)
    assert [key for key in "abc" if cache.get((key,))] == left


@pytest.mark.parametrize(("between", "is_kept"), [("posts", False), (None, False), ("users", True)])
def test_a_write_between_read_and_keeping_counts(
    cache: QueryCache, between: str | None, is_kept: bool
) -> None:
    version = cache.version(["posts"])
    cache.forget(between)
    cache.put(("a",), ["posts"], ROWS, NEVER, 10, version)
    assert (cache.get(("a",)) == ROWS) is is_kept


def test_versions_tell_tables_apart(cache: QueryCache) -> None:
    before = cache.version(["a", "b"])
    assert before == cache.version(["a", "b"])
    cache.forget("a")
    after = cache.version(["a", "b"])
    assert after != before and cache.version(["b"]) == cache.version(["c"])
    cache.forget()
    assert cache.version(["c"]) != QueryCache().version(["c"])
