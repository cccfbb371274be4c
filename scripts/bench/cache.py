#!/usr/bin/env python3
"""Measure each cache against the bare store it stands on: a dict, a file, redis-py, sqlite3.

Every round reads and writes one value of 1 KB with both, in turns, in one process; the figures are microseconds per operation and
the ratio of the minima. The bare store gets the finished bytes: what a cache does beside is the key, the value as JSON, the end,
and for Redis and files the way through the event loop.

    python3 scripts/bench/cache.py                 5 rounds
    python3 scripts/bench/cache.py --rounds 9
    python3 scripts/bench/cache.py --redis URL     where Redis is; left out when it does not answer
"""

from __future__ import annotations

import sys
from pathlib import Path

# The checkout, and not this directory, whose `email.py` would hide the package.
sys.path[0] = str(Path(__file__).resolve().parents[2])

import argparse
import asyncio
import importlib
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Any

from openviper.cache import (  # noqa: E402
    BaseCache,
    DatabaseCache,
    FileCache,
    InMemoryCache,
    RedisCache,
)
from openviper.cache.models import CacheEntry  # noqa: E402
from openviper.conf import Settings, settings  # noqa: E402
from openviper.db.connection import connections  # noqa: E402
from openviper.db.schemas import create_tables  # noqa: E402

VALUE = {"id": 7, "title": "A title", "tags": ["a", "b", "c"], "text": "x" * 900}
CONTENT = json.dumps(VALUE).encode()
TIMES = {"memory": 5000, "file": 300, "database": 500, "redis": 500}
"""Operations of a round: half a second at most."""

Bare = tuple[Callable[[], Any], Callable[[], Any]]
"""Reads and writes the content."""


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure caches against their bare stores.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/0", help="address of Redis")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("argument --rounds: must be at least 1")
    settings.configure(Settings(INSTALLED_APPS=("openviper.cache",)))
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(measure_all(Path(name), options.rounds, options.redis))
    return 0


async def measure_all(directory: Path, rounds: int, redis_url: str) -> None:
    """Measure each cache that can be had."""
    print(f"{'':10}{'':7}{'bare us':>10}{'cache us':>10}{'ratio':>8}")
    await measure("memory", InMemoryCache(), bare_dict(), rounds)
    files = FileCache(cache_dir=str(directory / "cache"))
    await measure("file", files, bare_file(directory / "bare"), rounds)
    connections.configure({"default": {"URL": f"sqlite:///{directory / 'cache.db'}"}})
    await create_tables([CacheEntry])
    await measure("database", DatabaseCache(), bare_sqlite(directory / "bare.db"), rounds)
    await connections.disconnect_all()
    await measure_redis(redis_url, rounds)


async def measure_redis(url: str, rounds: int) -> None:
    """Measure Redis, if it answers."""
    prefix = f"bench-{os.getpid()}"
    try:
        redis: Any = importlib.import_module("redis")
        client = redis.Redis.from_url(url, socket_connect_timeout=2)
        client.ping()
    except Exception as error:
        print(f"redis: left out ({type(error).__name__})")
        return
    cache = RedisCache(url=url, key_prefix=prefix)
    key = f"{prefix}:bare"
    bare = (lambda: client.get(key), lambda: client.set(key, CONTENT, ex=300))
    try:
        await measure("redis", cache, bare, rounds)
    finally:
        await cache.clear()
        await cache.close()
        client.close()


def bare_dict() -> Bare:
    """Return what reads and writes a dict."""
    kept = {"key": (CONTENT, time.monotonic() + 300)}

    def write() -> None:
        kept["key"] = (CONTENT, time.monotonic() + 300)

    return lambda: kept.get("key"), write


def bare_file(path: Path) -> Bare:
    """Return what reads and writes a file, beside and renamed."""

    def write() -> None:
        path.with_suffix(".new").write_bytes(CONTENT)
        path.with_suffix(".new").replace(path)

    write()
    return path.read_bytes, write


def bare_sqlite(path: Path) -> Bare:
    """Return what reads and writes a row."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE TABLE t (name TEXT PRIMARY KEY, content BLOB, ends_at REAL)")
    upsert = (
        "INSERT INTO t VALUES ('key', ?, ?) ON CONFLICT (name) DO UPDATE "
        "SET content = EXCLUDED.content, ends_at = EXCLUDED.ends_at"
    )
    select = "SELECT content FROM t WHERE name = 'key' AND ends_at > ?"

    def write() -> None:
        connection.execute(upsert, (CONTENT, time.time() + 300))

    write()
    return lambda: connection.execute(select, (time.time(),)).fetchone(), write


async def measure(name: str, cache: BaseCache, bare: Bare, rounds: int) -> None:
    """Print what a read and a write take."""
    await cache.set("key", VALUE)
    reads: tuple[Callable[[], Any], Callable[[], Awaitable[Any]]]
    reads = bare[0], lambda: cache.get("key")
    writes = bare[1], lambda: cache.set("key", VALUE)
    for what, pair in (("get", reads), ("set", writes)):
        best = [float("inf")] * 2
        for _ in range(rounds):
            best[0] = min(best[0], per_operation(pair[0], TIMES[name]))
            best[1] = min(best[1], await per_await(pair[1], TIMES[name]))
        print(f"{name:10}{what:7}{best[0]:10.1f}{best[1]:10.1f}{best[1] / best[0]:8.1f}")


def per_operation(work: Callable[[], Any], times: int) -> float:
    """Return the microseconds that a call takes."""
    begin = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - begin) / times * 1e6


async def per_await(work: Callable[[], Awaitable[Any]], times: int) -> float:
    """Return the microseconds that an awaited call takes."""
    begin = time.perf_counter()
    for _ in range(times):
        await work()
    return (time.perf_counter() - begin) / times * 1e6


if __name__ == "__main__":
    sys.exit(main())
