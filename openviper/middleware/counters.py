"""Counting requests in windows of time: in this process, in a database, or in Redis."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import logging
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Protocol

from openviper.conf import settings
from openviper.db.connections.databases import Connection, Database, connections
from openviper.db.exceptions import DatabaseError
from openviper.exceptions import (
    ImproperlyConfigured,
    IntegrityError,
    OpenViperException,
    ORMException,
)
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.db.query import races
else:
    races = lazy_module("openviper.db.query.races")  # Few servers count in a database.

logger = logging.getLogger("openviper.ratelimit")
MAX_KEYS = 100_000
"""Most keys that a process counts; beyond, those that have been silent longest are forgotten."""
TABLE = "openviper_rate_limits"
TIMEOUT = 2.0
"""Longest that a request waits for Redis, in seconds."""
PAUSE = 5.0
"""Seconds after an attempt that failed until what counts is asked again."""


class CounterUnavailableError(OpenViperException):
    """What counts requests cannot be reached, or cannot count now."""


class Counter(Protocol):
    """What counts requests."""

    async def hit(self, key: str, window: int, seconds: int) -> tuple[int, int]:
        """Count one request.

        Args:
            key: What is counted, of at most 64 characters.
            window: The number of the window of time.
            seconds: How long a window is.

        Returns:
            How many there were in this window, with this one, and in the one before.

        Raises:
            CounterUnavailableError: If it cannot count now; a limit counts in the process meanwhile.
        """
        ...


class MemoryCounter:
    """Counts in this process: with four workers a limit of 100 lets up to 400 through."""

    def __init__(self, max_keys: int = MAX_KEYS) -> None:
        self._max_keys = max_keys
        self._counts: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    async def hit(self, key: str, window: int, seconds: int) -> tuple[int, int]:
        """Count one request; see `Counter.hit`."""
        last, count, before = self._counts.get(key, (window, 0, 0))
        # A clock that is put back a little begins no window anew.
        window = last if window == last - 1 else window
        if last != window:
            before = count if last == window - 1 else 0
            count = 0
        self._counts[key] = (window, count + 1, before)
        self._counts.move_to_end(key)
        if len(self._counts) > self._max_keys:
            self._counts.popitem(last=False)
        return count + 1, before


class SteadyCounter:
    """Counts with another counter, and in this process while that cannot: a limit stays, and no request fails.

    The log has the beginning of an outage and its end, once each.

    Args:
        counter: The other one.
    """

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._spare = MemoryCounter()
        self._is_down = False
        self._next_try = 0.0

    async def hit(self, key: str, window: int, seconds: int) -> tuple[int, int]:
        """Count one request; see `Counter.hit`."""
        if self._is_down:
            if time.monotonic() < self._next_try:
                return await self._spare.hit(key, window, seconds)
            # This request finds out for all who come meanwhile.
            self._next_try = time.monotonic() + PAUSE
        try:
            counted = await self._counter.hit(key, window, seconds)
        except CounterUnavailableError as error:
            self._note(error)
            return await self._spare.hit(key, window, seconds)
        if self._is_down:
            self._is_down = False
            logger.warning("requests are counted by all processes together again")
        return counted

    def _note(self, error: CounterUnavailableError) -> None:
        self._next_try = time.monotonic() + PAUSE
        if not self._is_down:
            self._is_down = True
            logger.error("requests are counted by each process for itself meanwhile: %s", error)


class DatabaseCounter:
    """Counts in the default database, for all processes together; the table is made when it is first needed."""

    def __init__(self, alias: str = "default") -> None:
        self._alias = alias
        self._ready_for: Database | None = None
        self._cleaned = 0

    async def hit(self, key: str, window: int, seconds: int) -> tuple[int, int]:
        """Count one request, outside of any transaction of its own; see `Counter.hit`."""
        try:
            return await races.again_after_deadlock(
                self._alias, lambda: self._hit(key, window, seconds)
            )
        except (DatabaseError, ORMException) as error:
            raise CounterUnavailableError(str(error)) from error

    async def _hit(self, key: str, window: int, seconds: int) -> tuple[int, int]:
        database = connections.get(self._alias)
        mark = "?" if database.vendor == "sqlite" else "%s"
        async with database.connection() as connection:
            if self._ready_for is not database:
                await self._prepare(connection, database)
            if window != self._cleaned:
                self._cleaned = window
                await connection.execute(
                    f"DELETE FROM {TABLE} WHERE needed_until <= {mark}", (window * seconds,)
                )
            # The window after it still looks at it.
            counted = await connection.insert(
                _add_one(database.vendor, mark), (key, window, (window + 2) * seconds)
            )
            rows = await connection.fetch_all(
                f"SELECT window_number, hits FROM {TABLE} WHERE name = {mark} AND window_number >= {mark}",
                (key, window - 1),
            )
        hits = {int(row[0]): int(row[1]) for row in rows}
        # Read afterwards, the number has those in it that came meanwhile: of a hundred at once each would be the hundredth.
        own = hits.get(window, 1) if database.vendor == "sqlite" else int(counted)
        return own, hits.get(window - 1, 0)

    async def _prepare(self, connection: Connection, database: Database) -> None:
        create = (
            f"CREATE TABLE IF NOT EXISTS {TABLE} (name varchar(64) NOT NULL, window_number bigint NOT NULL, "
            "needed_until bigint NOT NULL, hits bigint NOT NULL, PRIMARY KEY (name, window_number))"
        )
        try:
            await connection.execute(create)
        except (IntegrityError, DatabaseError):
            # PostgreSQL lets two make the table at once, and tells one of them that it is there.
            await connection.execute(create)
        self._ready_for = database


def _add_one(vendor: str, mark: str) -> str:
    """Return the statement that counts one request and tells how many there are with it."""
    insert = f"INSERT INTO {TABLE} (name, window_number, needed_until, hits) VALUES ({mark}, {mark}, {mark}, "
    if vendor in ("mysql", "mariadb"):
        # What is put into LAST_INSERT_ID is what the statement tells.
        return f"{insert}LAST_INSERT_ID(1)) ON DUPLICATE KEY UPDATE hits = LAST_INSERT_ID(hits + 1)"
    update = f"{insert}1) ON CONFLICT (name, window_number) DO UPDATE SET hits = {TABLE}.hits + 1"
    return update if vendor == "sqlite" else f"{update} RETURNING hits"


class RedisCounter:
    """Counts in Redis, for all processes and machines together.

    Args:
        url: Address of the server; the setting `RATE_LIMIT_REDIS_URL` when not given.

    Raises:
        ImproperlyConfigured: If the package `redis` is not installed.
    """

    def __init__(self, url: str | None = None) -> None:
        try:
            module: Any = importlib.import_module("redis")
        except ImportError as error:
            raise ImproperlyConfigured(
                "RATE_LIMIT_BACKEND 'redis' needs the package 'redis'; run: pip install redis"
            ) from error
        self._errors: tuple[type[Exception], ...] = (OSError, TimeoutError, module.RedisError)
        retry: Any = importlib.import_module("redis.retry")
        backoff: Any = importlib.import_module("redis.backoff")
        self._client: Any = module.Redis.from_url(
            url or settings.RATE_LIMIT_REDIS_URL,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            # Once more where the server has closed an idle connection.
            retry=retry.Retry(backoff.NoBackoff(), 1, (module.ConnectionError,)),
        )

    async def hit(self, key: str, window: int, seconds: int) -> tuple[int, int]:
        """Count one request; see `Counter.hit`."""
        try:
            # Waiting for a thread counts: a server that hangs keeps them all.
            async with asyncio.timeout(TIMEOUT):
                return await asyncio.to_thread(self._hit, key, window, seconds)
        except self._errors as error:
            raise CounterUnavailableError(f"Redis: {type(error).__name__} {error}") from error

    def _hit(self, key: str, window: int, seconds: int) -> tuple[int, int]:
        current, before = (f"openviper:limit:{key}:{number}" for number in (window, window - 1))
        with self._client.pipeline() as pipeline:
            pipeline.incr(current)
            pipeline.expire(current, seconds * 2)
            pipeline.get(before)
            count, _, earlier = pipeline.execute()
        return int(count), int(earlier or 0)


def make_counter(backend: str) -> Counter:
    """Return the counter that `RATE_LIMIT_BACKEND` names."""
    if backend == "database":
        return DatabaseCounter()
    return RedisCounter() if backend == "redis" else MemoryCounter()


def hashed_key(*parts: str) -> str:
    """Return a key of fixed length for what is counted; addresses and tokens are not stored as they are."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
