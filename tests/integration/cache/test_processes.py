"""Several processes with one cache."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.cache import BaseCache
from tests.integration.cache import stores

pytestmark = pytest.mark.one_version

LIMIT = 60
"""Seconds after which a process counts as stuck."""


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    """The address of a database of our own on each server."""
    with stores.servers() as urls:
        yield urls


@pytest.fixture(params=stores.SHARED)
async def shared(
    request: pytest.FixtureRequest, tmp_path: Path, urls: dict[str, str]
) -> AsyncIterator[tuple[BaseCache, dict[str, Any]]]:
    """Each cache that processes have in common, empty, with what makes it elsewhere."""
    async with stores.opened(request.param, tmp_path, urls, lock_lease=1.0) as opened:
        yield opened


async def outputs(recipe: dict[str, Any], work: str, count: int = 3) -> list[str]:
    """Return what several processes print that do the same at the same time."""
    processes = [await stores.process(recipe, work) for _ in range(count)]
    results = await asyncio.wait_for(
        asyncio.gather(*[process.communicate() for process in processes]), LIMIT
    )
    assert [process.returncode for process in processes] == [0] * count
    return [out.decode().strip() for out, _ in results]


async def test_processes_count_together(shared: tuple[BaseCache, dict[str, Any]]) -> None:
    cache, recipe = shared
    await outputs(recipe, "for _ in range(40): await cache.incr('hits')")
    assert await cache.get("hits") == 120


async def test_one_process_adds(shared: tuple[BaseCache, dict[str, Any]]) -> None:
    _, recipe = shared
    work = "print(sum([await cache.add(f'key-{n}', os.getpid()) for n in range(20)]))"
    assert sum(map(int, await outputs(recipe, work))) == 20


async def test_one_process_computes(shared: tuple[BaseCache, dict[str, Any]]) -> None:
    cache, recipe = shared
    work = """
async def compute():
    await cache.incr("computed")
    await asyncio.sleep(0.5)
    return os.getpid()
# All begin once all are there.
await cache.incr("ready")
while (await cache.get("ready")) < 3: await asyncio.sleep(0.01)
print(await cache.get_or_set("key", compute))
"""
    found = await outputs(recipe, work)
    assert len(set(found)) == 1 and found[0] == str(await cache.get("key"))
    assert await cache.get("computed") == 1


async def test_a_process_that_dies_while_computing_holds_nobody_up_for_long(
    shared: tuple[BaseCache, dict[str, Any]],
) -> None:
    cache, recipe = shared
    work = """
async def compute():
    print("computing", flush=True)
    await asyncio.sleep(600)
await cache.get_or_set("key", compute)
"""
    process = await stores.process(recipe, work)
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), LIMIT) == b"computing\n"
    waiting = asyncio.ensure_future(cache.get_or_set("key", lambda: "ours"))
    await asyncio.sleep(1.5)  # Longer than a lease: who lives keeps the others waiting.
    assert not waiting.done()
    process.kill()
    await process.communicate()
    begin = time.monotonic()
    assert await asyncio.wait_for(waiting, LIMIT) == "ours"
    assert time.monotonic() - begin < LIMIT / 2


async def test_another_process_sees_what_was_invalidated(
    shared: tuple[BaseCache, dict[str, Any]],
) -> None:
    cache, recipe = shared
    await cache.set("key", 1, tags=["tag"])
    work = "print(await cache.get('key')); await cache.invalidate_tags('tag')"
    assert await outputs(recipe, work, 1) == ["1"]
    assert not await cache.has_key("key")


async def test_an_error_elsewhere_lets_the_next_process_compute(
    shared: tuple[BaseCache, dict[str, Any]],
) -> None:
    cache, recipe = shared
    work = """
async def compute():
    print("computing", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    raise LookupError("no rate")
try:
    await cache.get_or_set("key", compute)
except LookupError as error:
    print(error)
"""
    process = await stores.process(recipe, work)
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), LIMIT) == b"computing\n"
    waiting = asyncio.ensure_future(cache.get_or_set("key", lambda: "ours"))
    out, _ = await asyncio.wait_for(process.communicate(b"\n"), LIMIT)
    assert out == b"no rate\n"
    assert await asyncio.wait_for(waiting, LIMIT) == "ours"
