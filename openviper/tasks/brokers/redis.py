"""Messages in Redis, through redis-py.

Each queue and priority is a stream with one consumer group; delayed messages are in a sorted set, dead ones in a hash. Every
change of more than one key is one script, which Redis runs as a whole, so a worker that is killed leaves no message between
two places. A claim is an entry pending for the worker; settling one that another worker has taken over does nothing.
"""

from __future__ import annotations

import json
import select
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from openviper.tasks.brokers.base import (
    KEEP_DEAD,
    MessageInfo,
    QueueInfo,
    StoredResult,
    WorkerInfo,
    info_row,
)
from openviper.tasks.brokers.redis_scripts import CLAIM_SLOT, ENQUEUE, PROMOTE, SETTLE, TAKE_BACK
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.identity import is_lost
from openviper.tasks.message import Finished, Message, Outcome

if TYPE_CHECKING:
    import redis

GROUP = "workers"
ACTIONS = {
    Outcome.DONE: "done",
    Outcome.RETRY: "retry",
    Outcome.DEAD: "dead",
    Outcome.RELEASED: "release",
}
PROMOTE_AT_ONCE = 500
"""Most delayed messages that become ready in one script."""


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


def encode(message: Message) -> str:
    """Return a message as JSON text."""
    return json.dumps(
        {
            "id": message.message_id,
            "actor": message.actor_name,
            "queue": message.queue_name,
            "payload": message.payload,
            "priority": message.priority,
            "attempts": message.attempts,
            "sent_at": message.sent_at,
            "due": message.due,
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )


def decode(text: str, key: Any = None) -> Message:
    """Return the message of a JSON text."""
    values = json.loads(text)
    return Message(
        values["actor"],
        values["queue"],
        values["payload"],
        priority=values["priority"],
        due=values["due"],
        message_id=values["id"],
        attempts=values["attempts"],
        sent_at=values["sent_at"],
        key=key,
    )


class RedisBroker:
    """A broker on a Redis server from version 6.2 on.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        lease: Seconds after which a worker that gives no sign of life is lost.
        prefix: Begins the name of every key.
    """

    name = "redis"

    def __init__(self, url: str, *, lease: float = 60.0, prefix: str = "openviper:") -> None:
        self._redis = import_driver()
        self._url = url
        self.lease = lease
        self.prefix = prefix
        self._connect()

    def _connect(self) -> None:
        self.client: redis.Redis = self._redis.Redis.from_url(
            self._url, decode_responses=True, socket_connect_timeout=5, health_check_interval=30
        )
        self._enqueue = self.client.register_script(ENQUEUE)
        self._claim_slot = self.client.register_script(CLAIM_SLOT)
        self._lock = threading.Lock()

    def key(self, name: str) -> str:
        """Return the name of a key."""
        return f"{self.prefix}{name}"

    def stream(self, message: Message) -> str:
        """Return the stream of a message's queue and priority."""
        return self.key(f"q:{message.priority}:{message.queue_name}")

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn the driver's errors into `BrokerError`, without the URL, which may hold a password."""
        try:
            yield
        except self._redis.RedisError as error:
            raise BrokerError(f"Redis does not answer: {error}") from error

    def enqueue(self, messages: Sequence[Message]) -> None:
        """Store messages, all or none of them."""
        now = time.time()
        arguments: list[Any] = [self.prefix]
        for message in messages:
            due = message.due if message.due > now else 0
            arguments += [self.stream(message), repr(due), encode(message)]
        with self.translated():
            self._enqueue(keys=[], args=arguments)

    def send(self, message: Message) -> None:
        """Store one message, after the commit of the transaction that is open."""
        from openviper.db.connections.databases import current_block

        block = current_block("default")
        if block is not None and block.transactional:
            block.callbacks.append(lambda: self.enqueue([message]))
        else:
            self.enqueue([message])

    def consumer(self, worker_id: str, queues: Sequence[str] | None) -> RedisConsumer:
        """Return a consumer with connections of its own."""
        with self.translated():
            return RedisConsumer(self, worker_id, queues)

    # Results and slots

    def result(self, message_id: str) -> StoredResult | None:
        """Return what is known of a message that is finished."""
        with self.translated():
            text: Any = self.client.get(self.key(f"result:{message_id}"))
        return None if text is None else StoredResult(*json.loads(text))

    def claim_slot(self, name: str, slot: int, message: Message | None = None) -> bool:
        """Take a slot of a periodic job, and store its message."""
        more = [] if message is None else [self.prefix, self.stream(message), encode(message)]
        with self.translated():
            return bool(self._claim_slot(keys=[self.key("slots")], args=[name, slot, *more]))

    def last_slot(self, name: str) -> int | None:
        """Return the last slot that was taken of a periodic job."""
        with self.translated():
            found: Any = self.client.hget(self.key("slots"), name)
        return None if found is None else int(found)

    # Looking and repairing

    def streams(self) -> list[str]:
        """Return every stream, lowest priority number first."""
        found: Any = self.client.smembers(self.key("queues"))
        return sorted(found, key=lambda name: (self.priority_of(name), name))

    def priority_of(self, stream: str) -> int:
        """Return the priority that a stream is for."""
        return int(stream[len(self.prefix) :].split(":", 2)[1])

    def queue_of(self, stream: str) -> str:
        """Return the queue that a stream belongs to."""
        return stream[len(self.prefix) :].split(":", 2)[2]

    def _everything(self) -> Iterator[tuple[MessageInfo, str, str]]:
        """Yield every message, with its stream and entry, or the hash or set it is in."""
        for stream in self.streams():
            pending = self._pending(stream)
            entries: Any = self.client.xrange(stream)
            for entry, fields in entries:
                state = "running" if entry in pending else "ready"
                yield (
                    info_row(state, decode(fields["m"]), pending.get(entry, ""), ""),
                    stream,
                    entry,
                )
        delayed: Any = self.client.zrange(self.key("delayed"), 0, -1)
        for member in delayed:
            yield info_row("delayed", decode(member.partition("\n")[2]), "", ""), "delayed", member
        dead: Any = self.client.hgetall(self.key("dead"))
        for message_id, text in dead.items():
            values = json.loads(text)
            yield (
                info_row("dead", decode(values["message"]), "", values["error"]),
                "dead",
                message_id,
            )

    def _pending(self, stream: str) -> dict[str, str]:
        try:
            found: Any = self.client.xpending_range(stream, GROUP, "-", "+", 100_000)
        except self._redis.ResponseError:  # No worker has been here yet.
            return {}
        return {one["message_id"]: one["consumer"] for one in found}

    def queues(self) -> list[QueueInfo]:
        """Return how each queue stands."""
        counts: dict[str, dict[str, int]] = {}
        oldest: dict[str, float] = {}
        with self.translated():
            for info, _, _ in self._everything():
                of = counts.setdefault(info.queue_name, {})
                of[info.state] = of.get(info.state, 0) + 1
                if info.state == "ready":
                    oldest[info.queue_name] = min(
                        info.sent_at, oldest.get(info.queue_name, info.sent_at)
                    )
        now = time.time()
        return [
            QueueInfo(
                name,
                of.get("ready", 0),
                of.get("running", 0),
                of.get("delayed", 0),
                of.get("dead", 0),
                max(0.0, now - oldest[name]) if name in oldest else None,
            )
            for name, of in sorted(counts.items())
        ]

    def messages(
        self, state: str | None = None, queue: str | None = None, limit: int = 100
    ) -> list[MessageInfo]:
        """Return stored messages, oldest first."""
        with self.translated():
            found = [
                info
                for info, _, _ in self._everything()
                if state in (None, info.state) and queue in (None, info.queue_name)
            ]
        return sorted(found, key=lambda info: info.sent_at)[:limit]

    def workers(self) -> list[WorkerInfo]:
        """Return the registered workers."""
        with self.translated():
            found: Any = self.client.hgetall(self.key("workers"))
        return [WorkerInfo(worker, *json.loads(text)) for worker, text in found.items()]

    def retry(self, message_ids: Sequence[str] | None = None) -> int:
        """Make dead or delayed messages ready again."""
        states = ("dead",) if message_ids is None else ("dead", "delayed")
        count = 0
        with self.translated():
            for info, place, entry in list(self._everything()):
                if info.state not in states or (
                    message_ids is not None and info.message_id not in message_ids
                ):
                    continue
                removed = self._remove(place, entry)
                if removed:
                    text = entry.partition("\n")[2] if place == "delayed" else removed
                    message = decode(text)
                    message.due, message.attempts = 0.0, 0
                    self.enqueue([message])
                    count += 1
        return count

    def _remove(self, place: str, entry: str) -> Any:
        """Remove a message that no worker has; return something true if it was there, for a dead one its text."""
        if place == "delayed":
            return self.client.zrem(self.key("delayed"), entry)
        if place == "dead":
            text: Any = self.client.hget(self.key("dead"), entry)
            gone = self.client.hdel(self.key("dead"), entry)
            return json.loads(text)["message"] if text is not None and gone else None
        return self.client.xdel(place, entry)

    def cancel(self, message_ids: Sequence[str]) -> int:
        """Remove messages that no worker has."""
        with self.translated():
            return sum(
                bool(self._remove(place, entry))
                for info, place, entry in list(self._everything())
                if info.message_id in message_ids and info.state != "running"
            )

    def purge(self, queue: str | None = None, state: str | None = None) -> int:
        """Remove all messages that no worker has, of one queue or state or of all."""
        with self.translated():
            return sum(
                bool(self._remove(place, entry))
                for info, place, entry in list(self._everything())
                if info.state != "running"
                and queue in (None, info.queue_name)
                and state in (None, info.state)
            )

    def flush(self, timeout: float = 10.0) -> None:
        """Do nothing: what is sent is stored."""

    def close(self) -> None:
        """Let go of the connections."""
        self.client.close()

    def forget(self) -> None:
        """Open connections of its own, as a forked child must."""
        self._connect()


class RedisConsumer:
    """One worker process at Redis."""

    def __init__(self, broker: RedisBroker, worker_id: str, queues: Sequence[str] | None) -> None:
        self._broker = broker
        self._client = broker.client
        self._worker = worker_id
        self._queues = None if queues is None else frozenset(queues)
        self._settle = self._client.register_script(SETTLE)
        self._promote = self._client.register_script(PROMOTE)
        self._take_back = self._client.register_script(TAKE_BACK)
        self._grouped: set[str] = set()
        self._streams: list[str] = []
        self._next_due: float | None = None
        self._swept_at = 0.0
        self._started_at = time.time()
        untyped: Any = self._client
        self._listener = untyped.pubsub(ignore_subscribe_messages=True)
        self._listener.subscribe(broker.key("wake"))
        self._register()
        self._look_at_streams()

    def _register(self) -> None:
        host, pid, _, _ = self._worker.rsplit(":", 3)
        values = json.dumps([host, int(pid), self._started_at, time.time()])
        self._client.hset(self._broker.key("workers"), self._worker, values)

    def _look_at_streams(self) -> None:
        """Take note of new queues and priorities."""
        found = [
            one
            for one in self._broker.streams()
            if self._queues is None or self._broker.queue_of(one) in self._queues
        ]
        for stream in found:
            if stream not in self._grouped:
                try:
                    self._client.xgroup_create(stream, GROUP, id="0", mkstream=True)
                except self._broker._redis.ResponseError as error:
                    if "BUSYGROUP" not in str(error):
                        raise
                self._grouped.add(stream)
        self._streams = found

    def exchange(self, finished: Sequence[Finished], want: int) -> list[Message]:
        """Settle what is finished and claim up to `want` messages."""
        with self._broker.translated():
            if finished:
                self._settle_all(finished)
            if not want:
                return []
            now = time.time()
            if self._next_due is not None and self._next_due <= now:
                self._promote(keys=[], args=[self._broker.prefix, repr(now), PROMOTE_AT_ONCE])
                self._look_at_streams()
            claimed = self._claim(want)
            if len(claimed) < want:
                first: Any = self._client.zrange(self._broker.key("delayed"), 0, 0, withscores=True)
                self._next_due = first[0][1] if first else None
            return claimed

    def _claim(self, want: int) -> list[Message]:
        claimed: list[Message] = []
        for stream in self._streams:
            if len(claimed) >= want:
                break
            try:
                found: Any = self._client.xreadgroup(
                    GROUP, self._worker, {stream: ">"}, count=want - len(claimed)
                )
            except self._broker._redis.ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                self._grouped.clear()  # Redis has lost its data.
                self._look_at_streams()
                continue
            for _, entries in found or ():
                claimed += [decode(fields["m"], (stream, entry)) for entry, fields in entries]
        return claimed

    def _settle_all(self, finished: Sequence[Finished]) -> None:
        arguments: list[Any] = [self._broker.prefix, GROUP, self._worker, KEEP_DEAD]
        for one in finished:
            message = one.message
            stream, entry = message.key
            text = ""
            if one.outcome in (Outcome.RETRY, Outcome.DEAD):
                message.attempts += 1
                message.due = one.due
                text = encode(message)
                if one.outcome is Outcome.DEAD:
                    text = json.dumps({"message": text, "error": one.error, "at": time.time()})
            result = ""
            if one.result is not None or (one.error and one.outcome is not Outcome.RETRY):
                result = json.dumps([one.result or "null", one.error])
            arguments += [
                ACTIONS[one.outcome],
                stream,
                entry,
                message.message_id,
                repr(one.due),
                text,
                result,
            ]
            if one.outcome is Outcome.RETRY and (
                self._next_due is None or one.due < self._next_due
            ):
                self._next_due = one.due
        self._settle(keys=[], args=arguments)

    def wait(self, wake: int, timeout: float) -> None:
        """Wait until somebody stores a message, a delayed one becomes due, or `wake` is readable."""
        if self._next_due is not None:
            timeout = min(timeout, max(0.0, self._next_due - time.time()))
        with self._broker.translated():
            connection: Any = self._listener.connection
            if connection is None or connection._sock is None:
                self._listener.subscribe(self._broker.key("wake"))
                connection = self._listener.connection
            poll = select.poll()
            poll.register(wake, select.POLLIN)
            poll.register(connection._sock, select.POLLIN)
            ready = poll.poll(timeout * 1000)
            if any(descriptor != wake for descriptor, _ in ready):
                self._hear()

    def _hear(self) -> None:
        while (told := self._listener.get_message(timeout=0)) is not None:
            if told.get("data") not in self._grouped:
                self._look_at_streams()

    def heartbeat(self) -> int:
        """Tell that this worker lives, and take the messages of lost ones back."""
        count = 0
        now = time.time()
        with self._broker.translated():
            self._client.ping()
            self._register()
            self._look_at_streams()
            for one in self._broker.workers():
                if one.worker_id != self._worker and (
                    one.seen_at < now - self._broker.lease or is_lost(one.worker_id)
                ):
                    count += self._take(one.worker_id)
            if now - self._swept_at > 60:
                self._swept_at = now
                self._sweep(now)
            first: Any = self._client.zrange(self._broker.key("delayed"), 0, 0, withscores=True)
            self._next_due = first[0][1] if first else None
        return count

    def _take(self, worker: str) -> int:
        streams = self._broker.streams()
        return int(self._take_back(keys=streams, args=[self._broker.prefix, GROUP, worker]) or 0)

    def _sweep(self, now: float) -> None:
        """Drop dead messages that are too old, and take back what no registered worker has."""
        dead: Any = self._client.hgetall(self._broker.key("dead"))
        for message_id, text in dead.items():
            if json.loads(text)["at"] < now - KEEP_DEAD:
                self._client.hdel(self._broker.key("dead"), message_id)
        known = {one.worker_id for one in self._broker.workers()}
        for stream in self._broker.streams():
            for worker in set(self._broker._pending(stream).values()) - known:
                self._take(worker)

    def close(self) -> None:
        """Leave: what is still claimed goes back to its queue at once."""
        try:
            with self._broker.translated():
                self._take(self._worker)
        finally:
            self._listener.close()
