"""What a cache does whose store does not answer."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from openviper.cache import BaseCache, CacheUnavailableError, DatabaseCache, RedisCache
from openviper.db.connection import atomic, connections
from openviper.exceptions import ImproperlyConfigured
from openviper.sessions import CacheSessionStore, SessionRecord
from openviper.testing import override_openviper_settings as override
from tests.integration.cache import stores


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """Give the port of a server that takes connections and says nothing."""

    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(ignore, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.fixture(params=["redis", "database"])
async def dead(request: pytest.FixtureRequest) -> AsyncIterator[BaseCache]:
    """A cache whose server is not there."""
    if request.param == "redis":
        pytest.importorskip("redis")
        cache: BaseCache = RedisCache(port=closed_port())
        yield cache
        await cache.close()
        return
    url = f"postgresql://nobody@127.0.0.1:{closed_port()}/nothing"
    connections.configure({"default": {"URL": url, "OPTIONS": {}}})
    try:
        yield DatabaseCache()
    finally:
        await connections.disconnect_all()
        connections.reset()


async def test_looking_finds_nothing_and_storing_does_nothing(
    dead: BaseCache, caplog: pytest.LogCaptureFixture
) -> None:
    await dead.set("key", 1, tags=["tag"])
    await dead.set_many({"a": 1, "b": 2})
    assert await dead.get("key", "default") == "default"
    assert await dead.get_many(["a", "b"]) == {}
    assert not await dead.has_key("key") and not await dead.touch("key")
    # One line for an outage, not one for each request.
    warnings = [record for record in caplog.records if record.name == "openviper.cache"]
    assert len(warnings) == 1 and "is not available" in warnings[0].getMessage()


async def test_values_are_computed_and_each_caller_gets_one(dead: BaseCache) -> None:
    async def compute() -> list[int]:
        await asyncio.sleep(0.01)
        return [1]

    found = await asyncio.gather(*[dead.get_or_set("key", compute, tags=["t"]) for _ in range(5)])
    assert found == [[1]] * 5


async def test_what_has_to_be_certain_is_an_error(dead: BaseCache) -> None:
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: dead.add("key", 1),
        lambda: dead.incr("key"),
        lambda: dead.update("key", str),
        lambda: dead.delete("key"),
        lambda: dead.delete_many(["key"]),
        lambda: dead.invalidate_tags("tag"),
        lambda: dead.clear(),
        lambda: dead.keys(),
    ]
    for call in calls:
        with pytest.raises(CacheUnavailableError, match="is not available"):
            await call()


async def test_a_strict_cache_raises_always(dead: BaseCache) -> None:
    strict = dead.strict()
    for call in (strict.get("key"), strict.set("key", 1), strict.has_key("key")):
        with pytest.raises(CacheUnavailableError):
            await call
    assert await dead.get("key") is None


async def test_a_server_that_says_nothing_holds_each_process_up_once() -> None:
    pytest.importorskip("redis")
    async with silent_server() as port:
        cache = RedisCache(port=port, timeout=0.2)
        begin = time.monotonic()
        for _ in range(50):
            assert await cache.get("key") is None
        # Fifty times the timeout, and each attempt's retries, would be longer than this.
        assert time.monotonic() - begin < 8
        await cache.close()


async def test_no_password_is_told() -> None:
    pytest.importorskip("redis")
    cache = RedisCache(url=f"redis://:swordfish@127.0.0.1:{closed_port()}/0", on_error="raise")
    with pytest.raises(CacheUnavailableError) as told:
        await cache.get("key")
    assert "swordfish" not in f"{told.value} {cache!r} {told.value.reason}"
    await cache.close()


async def test_a_session_in_a_cache_that_does_not_answer_is_an_error() -> None:
    pytest.importorskip("redis")
    entry = {"BACKEND": "redis", "OPTIONS": {"port": closed_port()}}
    with override(CACHES={"down": entry}):
        store = CacheSessionStore("down")
        with pytest.raises(CacheUnavailableError):
            await store.create(SessionRecord(expires_at=time.time() + 60))
        with pytest.raises(CacheUnavailableError):
            await store.load("x" * 64)
        await store._cache.close()


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    """The address of a database of our own on each server."""
    with stores.servers() as urls:
        yield urls


@pytest.mark.parametrize("vendor", ["sqlite", *stores.SERVERS])
async def test_without_the_table_the_error_says_what_to_do(
    vendor: str, urls: dict[str, str], tmp_path: Path
) -> None:
    url = urls.get(vendor, f"sqlite:///{tmp_path / 'empty.db'}")
    connections.configure({"default": {"URL": url}})
    try:
        cache = DatabaseCache()
        with pytest.raises(ImproperlyConfigured, match=r"'openviper.cache' to INSTALLED_APPS"):
            await cache.get("key")
        async with atomic() as connection:
            with pytest.raises(ImproperlyConfigured, match="migrate"):
                await cache.set("key", 1)
            # The transaction around it goes on.
            assert await connection.fetch_one("SELECT 1") is not None
    finally:
        await connections.disconnect_all()
        connections.reset()
