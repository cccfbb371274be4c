"""Entries in Redis, through the asynchronous client of redis-py."""

from __future__ import annotations

import asyncio
import importlib
import math
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, Unpack
from weakref import WeakKeyDictionary

from openviper.cache.base import BaseCache
from openviper.cache.counting import not_a_number
from openviper.cache.exceptions import CacheUnavailableError, CacheValueError
from openviper.cache.options import CacheOptions, positive
from openviper.exceptions import ImproperlyConfigured

T = TypeVar("T")
PAUSE = 1.0
"""Seconds after a failed attempt to connect for which the server counts as down: each request would wait anew else."""
AT_ONCE = 500
"""Names that one step of a scan looks at."""

REPLACE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == 'remove' then redis.call('DEL', KEYS[1])
elseif ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1
"""
COUNT = """
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
return redis.call('INCRBY', KEYS[1], ARGV[1])
"""
_GLOB = re.compile(r"([\\*?\[\]])")


class RedisCache(BaseCache):
    """Keeps entries in Redis, or in what speaks like it, for all processes and machines together.

    Redis forgets what has ended, and bounds itself (``maxmemory`` and ``maxmemory-policy``).

    Args:
        url: Address of the server, such as ``redis://:password@cache.internal:6379/0``; may be given in parts instead.
        host: The server.
        port: Its port.
        db: The number of the database.
        username: Whom to log in as.
        password: The password.
        timeout: Seconds after which a server that does not answer counts as down.
        max_connections: Most connections of an event loop; further calls wait for one.
        **options: See `BaseCache`.

    Raises:
        ImproperlyConfigured: If the package `redis` is not installed.
        ValueError: If there is an address and a part of one, or the address makes no sense.
    """

    def __init__(
        self,
        *,
        url: str = "",
        host: str = "127.0.0.1",
        port: int = 6379,
        db: int = 0,
        username: str | None = None,
        password: str | None = None,
        timeout: float = 2.0,
        max_connections: int = 50,
        **options: Unpack[CacheOptions],
    ) -> None:
        super().__init__(**options)
        is_in_parts = (host, port, db, username, password) != ("127.0.0.1", 6379, 0, None, None)
        if url and is_in_parts:
            raise ValueError("the address is given as 'url' and in parts; give one of them")
        try:
            self._module: Any = importlib.import_module("redis.asyncio")
        except ImportError as error:
            raise ImproperlyConfigured(
                "RedisCache needs the package 'redis'; run: pip install redis"
            ) from error
        self._address: dict[str, Any] = {
            "host": host, "port": port, "db": db, "username": username, "password": password
        }  # fmt: skip
        self._url = url
        self._timeout = positive("timeout", timeout)
        self._max_connections = positive("max_connections", max_connections)
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()
        self._down_until = 0.0
        self._make_pool()  # So that a bad address is an error now.

    def _make_pool(self) -> Any:
        options = {
            # Once more where the server has closed an idle connection; a request does not wait for longer than that.
            "retry": self._retry(),
            "max_connections": self._max_connections,
            "timeout": self._timeout,
            "socket_timeout": self._timeout,
            "socket_connect_timeout": self._timeout,
        }
        pool = self._module.BlockingConnectionPool
        if not self._url:
            return pool(**self._address, **options)
        try:
            return pool.from_url(self._url, **options)
        except ValueError as error:  # Its message may hold parts of the address.
            raise ValueError("the option 'url' of a cache is not an address of Redis") from error

    def _retry(self) -> Any:
        retry: Any = importlib.import_module("redis.asyncio.retry")
        backoff: Any = importlib.import_module("redis.backoff")
        errors = (self._module.ConnectionError,)
        return retry.Retry(backoff.NoBackoff(), 1, supported_errors=errors)

    def _client(self) -> Any:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._module.Redis.from_pool(self._make_pool())
            self._clients[loop] = client
        return client

    async def _run(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Return what work with the client gives.

        Raises:
            CacheUnavailableError: If the server does not answer, or answers that it cannot.
        """
        if time.monotonic() < self._down_until:
            raise CacheUnavailableError(self.alias, "the server did not answer a moment ago")
        try:
            return await work(self._client())
        except self._outages as error:
            self._down_until = time.monotonic() + PAUSE
            raise CacheUnavailableError(self.alias, _told(error)) from error
        except self._module.RedisError as error:
            raise CacheUnavailableError(self.alias, _told(error)) from error

    @property
    def _outages(self) -> tuple[type[Exception], ...]:
        return (OSError, TimeoutError, self._module.ConnectionError, self._module.TimeoutError)

    async def read_entry(self, name: str) -> bytes | None:
        """Return content; see `EntryStore.read_entry`."""
        content: bytes | None = await self._run(lambda client: client.get(name))
        return content

    async def read_entries(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return contents; see `EntryStore.read_entries`."""
        if not names:
            return {}
        contents = await self._run(lambda client: client.mget(names))
        return {
            name: content
            for name, content in zip(names, contents, strict=True)
            if content is not None
        }

    async def write_entries(self, entries: Mapping[str, bytes], lifetime: float | None) -> None:
        """Write entries; see `EntryStore.write_entries`."""
        until = _milliseconds(lifetime)
        if len(entries) == 1:
            [(name, content)] = entries.items()
            await self._run(lambda client: client.set(name, content, px=until))
            return

        async def write(client: Any) -> None:
            async with client.pipeline(transaction=False) as pipeline:
                for name, content in entries.items():
                    pipeline.set(name, content, px=until)
                await pipeline.execute()

        await self._run(write)

    async def add_entry(self, name: str, content: bytes, lifetime: float | None) -> bool:
        """Write a new entry; see `EntryStore.add_entry`."""
        until = _milliseconds(lifetime)
        return bool(await self._run(lambda client: client.set(name, content, px=until, nx=True)))

    async def replace_entry(
        self, name: str, old: bytes, new: bytes | None, lifetime: float | None
    ) -> bool:
        """Write an entry whose content is known; see `EntryStore.replace_entry`."""
        until = "remove" if new is None else str(_milliseconds(lifetime) or "")
        arguments = (REPLACE, 1, name, old, new or b"", until)
        return bool(await self._run(lambda client: client.eval(*arguments)))

    async def remove_entries(self, names: Sequence[str]) -> int:
        """Remove entries; see `EntryStore.remove_entries`."""
        return int(await self._run(lambda client: client.unlink(*names))) if names else 0

    async def count_entry(self, name: str, delta: int) -> int | None:
        """Add to a number; see `EntryStore.count_entry`."""

        async def count(client: Any) -> Any:
            try:
                return await client.eval(COUNT, 1, name, delta)
            except self._module.ResponseError as error:
                raise _count_error(str(error)) or error from None

        total = await self._run(count)
        return None if total is None else int(total)

    async def extend_entry(self, name: str, lifetime: float | None) -> bool:
        """Give an entry another end; see `EntryStore.extend_entry`."""
        until = _milliseconds(lifetime)
        if until is not None:
            return bool(await self._run(lambda client: client.pexpire(name, until)))

        async def persist(client: Any) -> bool:
            await client.persist(name)
            return bool(await client.exists(name))

        return await self._run(persist)

    async def entry_names(self, start: str) -> AsyncIterator[list[str]]:
        """Yield names; see `EntryStore.entry_names`."""
        pattern = _GLOB.sub(r"\\\1", start) + "*"
        seen: set[bytes] = set()
        cursor: int | None = None
        while cursor != 0:
            scan = partial(_scan, cursor or 0, pattern)
            cursor, found = await self._run(scan)
            # A scan may give a name twice while the table of names grows.
            new = set(found) - seen
            seen |= new
            yield [name.decode("ascii", "replace") for name in new]

    async def remove_all(self, start: str) -> None:
        """Remove what begins with a text."""
        async for names in self.entry_names(start):
            await self.remove_entries(names)

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose(close_connection_pool=True)


def _scan(place: int, pattern: str, client: Any) -> Awaitable[tuple[int, list[bytes]]]:
    step: Awaitable[tuple[int, list[bytes]]] = client.scan(place, match=pattern, count=AT_ONCE)
    return step


def _milliseconds(lifetime: float | None) -> int | None:
    return None if lifetime is None else max(1, math.ceil(lifetime * 1000))


def _count_error(message: str) -> CacheValueError | None:
    if "overflow" in message:
        return CacheValueError("the sum has more than 64 bits")
    return not_a_number() if "not an integer" in message else None


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
