"""A Redis server as broker and workers see it: connections, names, streams and who reads them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from openviper.tasks.brokers.base import WorkerInfo, queue_names
from openviper.tasks.brokers.keeping import Keep
from openviper.tasks.brokers.redis_messages import Names
from openviper.tasks.exceptions import BrokerError

if TYPE_CHECKING:
    import redis

GROUP = "workers"
"""The consumer group of every stream."""


def import_driver() -> Any:
    """Return the redis package.

    Raises:
        ModuleNotFoundError: If it is not installed.
    """
    try:
        import redis
    except ImportError as error:
        raise ModuleNotFoundError(
            f"the broker 'redis' needs the package redis: pip install 'openviper[redis]' ({error})"
        ) from error
    return redis


class RedisServer:
    """Connections to a server.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        lease: Seconds after which a worker that gives no sign of life is lost.
        prefix: Begins the name of every key.
        keep: How long results and dead messages are kept.
    """

    def __init__(
        self,
        url: str,
        *,
        lease: float = 60.0,
        prefix: str = "openviper:",
        keep: Keep | None = None,
    ) -> None:
        self.driver = import_driver()
        self._url = url
        self.lease = lease
        self.keep = keep or Keep()
        self.names = Names(prefix)
        self.connect()

    def connect(self) -> None:
        """Open connections."""
        self.client: redis.Redis = self.driver.Redis.from_url(
            self._url, decode_responses=True, socket_connect_timeout=5, health_check_interval=30
        )

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn the driver's errors into `BrokerError`, without the URL, which may hold a password."""
        try:
            yield
        except self.driver.ResponseError as error:
            # BUSY: another script is running; LOADING: it reads its data after a start.
            busy = str(error).startswith(("BUSY", "LOADING", "TRYAGAIN"))
            # OOM, READONLY, MISCONF and the like tell of the server, and may be over in a moment.
            refused = not busy and str(error).startswith(("ERR", "string"))
            raise BrokerError(
                f"Redis does not answer: {error}", busy=busy, refused=refused
            ) from error
        except UnicodeEncodeError as error:
            raise BrokerError(f"Redis does not take it: {error}", refused=True) from error
        except self.driver.RedisError as error:
            raise BrokerError(f"Redis does not answer: {error}") from error

    def streams(self) -> list[str]:
        """Return every stream, lowest priority number first."""
        streams: Any = self.client.smembers(self.names.key("queues"))
        known = filter(self.names.is_stream, streams)
        return sorted(known, key=lambda name: (self.names.priority_of(name), name))

    def pending(self, stream: str) -> dict[str, str]:
        """Return the worker of each entry of a stream that has one."""
        try:
            entries: Any = self.client.xpending_range(stream, GROUP, "-", "+", 100_000)
        except self.driver.ResponseError:  # No worker has been here yet.
            return {}
        return {entry["message_id"]: entry["consumer"] for entry in entries}

    def waiting_in(self, stream: str) -> int:
        """Return how many entries of a stream no worker has."""
        length: Any = self.client.xlen(stream)
        return int(length) - len(self.pending(stream)) if length else 0

    def workers(self) -> list[WorkerInfo]:
        """Return the registered workers."""
        with self.translated():
            stored: Any = self.client.hgetall(self.names.key("workers"))
        workers = []
        for worker, text in stored.items():
            with suppress(ValueError, TypeError):  # Nobody has registered like that.
                workers.append(_worker_info(worker, text))
        return workers

    def prune_dead(self, before: float) -> int:
        """Remove messages that have been dead since before a moment, and return how many they were."""
        count = 0
        for known_by, text in self.client.hscan_iter(self.names.key("dead"), count=1000):
            if _died_at(text) < before:
                gone: Any = self.client.hdel(self.names.key("dead"), known_by)
                count += int(gone)
        return count

    def free_unique(self, key: str, message_id: str) -> None:
        """Let go of a unique key, if it is the message's."""
        held: Any = self.client.hget(self.names.key("unique"), key)
        if held is not None and held.startswith(f"{message_id} "):
            self.client.hdel(self.names.key("unique"), key)


def _worker_info(worker: str, text: str) -> WorkerInfo:
    """Return a worker as it has registered.

    Raises:
        ValueError: If that is not what the text says. TypeError likewise.
    """
    host, pid, started_at, seen_at, settled_at, queues, is_busy = json.loads(text)
    moments = (float(started_at), float(seen_at), float(settled_at))
    return WorkerInfo(worker, str(host), int(pid), *moments, queue_names(queues), bool(is_busy))


def _died_at(text: str) -> float:
    """Return since when a message is dead; what does not tell stays."""
    try:
        return float(json.loads(text)["at"])
    except (ValueError, KeyError, TypeError):
        return math.inf
