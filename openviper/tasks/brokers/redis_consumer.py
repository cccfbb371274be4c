"""A worker at Redis: claims, settlements, signs of life, and taking back what lost workers had."""

from __future__ import annotations

import json
import logging
import select
import time
from collections.abc import Collection, Sequence
from typing import Any

from openviper.tasks.brokers.base import (
    PARKED_SECONDS,
    CallCount,
    Progress,
    WorkerStatus,
)
from openviper.tasks.brokers.keeping import KEEP_FLOWS, KEEP_MINUTES, PRUNE_SECONDS, Ticker
from openviper.tasks.brokers.redis_messages import dead_text, decode, encode, end_text
from openviper.tasks.brokers.redis_scripts import ADMIT, BURY, PROMOTE, SETTLE, TAKE_BACK
from openviper.tasks.brokers.redis_server import GROUP, RedisServer
from openviper.tasks.exceptions import BadMessageError, BrokerError
from openviper.tasks.limits import Limit
from openviper.tasks.liveness import is_lost, is_silent, was_stopped_with_its_watcher
from openviper.tasks.message import (
    LOST_ERROR,
    LOST_LIMIT,
    Finished,
    Message,
    Outcome,
    describe_error,
)
from openviper.tasks.units import CLOCK_ACCIDENT

logger = logging.getLogger("openviper.tasks.brokers")
PROMOTE_AT_ONCE = 500
"""Most delayed messages that become ready in one script."""


class RedisConsumer:
    """One worker process at Redis."""

    def __init__(
        self, broker: RedisServer, worker_id: str, queues: Sequence[str] | None, *, suspects: bool
    ) -> None:
        self._broker = broker
        self._names = broker.names
        self._client = broker.client
        self._worker = worker_id
        self._queues = None if queues is None else frozenset(queues)
        self._kind = "s" if suspects else "q"
        self._settle = self._client.register_script(SETTLE)
        self._promote = self._client.register_script(PROMOTE)
        self._take_back = self._client.register_script(TAKE_BACK)
        self._admit = self._client.register_script(ADMIT)
        self._bury = self._client.register_script(BURY)
        self.is_in_doubt = False
        self._buried: list[Finished] = []
        self._grouped: set[str] = set()
        self._streams: list[str] = []
        self._next_due: float | None = None
        self._sweep_time = Ticker(PRUNE_SECONDS)
        self._started_at = time.time()
        untyped: Any = self._client
        # What tells of the subscription is heard too: passed over, it would look as if there were nothing more to hear.
        self._listener = untyped.pubsub()
        self._listener.subscribe(self._names.key("wake"))
        self._register(WorkerStatus(self._started_at, False))
        self._look_at_streams()

    def _register(self, status: WorkerStatus) -> None:
        host, pid, _, _ = self._worker.rsplit(":", 3)
        queues = None if self._queues is None else sorted(self._queues)
        values = json.dumps(
            [host, int(pid), self._started_at, time.time(), *status[:1], queues, status.is_busy]
        )
        self._client.hset(self._names.key("workers"), self._worker, values)

    def _look_at_streams(self) -> None:
        """Take note of new queues and priorities."""
        streams = [stream for stream in self._broker.streams() if self._takes_from(stream)]
        for stream in streams:
            if stream not in self._grouped:
                self._make_group(stream)
        self._streams = streams

    def _takes_from(self, stream: str) -> bool:
        if self._names.kind_of(stream) != self._kind:
            return False
        return self._queues is None or self._names.queue_of(stream) in self._queues

    def _make_group(self, stream: str) -> None:
        try:
            self._client.xgroup_create(stream, GROUP, id="0", mkstream=True)
        except self._broker.driver.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        self._grouped.add(stream)

    # Claiming and settling

    def exchange(self, finished: Sequence[Finished], want: int) -> list[Message]:
        """Settle what is finished and claim up to `want` messages."""
        try:
            with self._broker.translated():
                return self._exchange(finished, want)
        except BrokerError:
            self.is_in_doubt = True
            raise

    def _exchange(self, finished: Sequence[Finished], want: int) -> list[Message]:
        if finished:
            self._settle_all(finished)
        if not want:
            return []
        self._promote_due()
        claimed = self._claim(want)
        if len(claimed) < want:
            self._look_ahead()
        return claimed

    def give_back(self, known: Collection[Message]) -> int:
        """Give back what this worker has according to Redis and does not know of."""
        keys = {message.key for message in known}
        with self._broker.translated():
            unknown = [place for place in self._pending() if place not in keys]
            for place in unknown:
                self._release(*place)
        self.is_in_doubt = False
        return len(unknown)

    def _pending(self) -> list[tuple[str, str]]:
        """Return stream and entry of what this worker has."""
        return [
            (stream, entry)
            for stream in self._streams
            for entry, worker in self._broker.pending(stream).items()
            if worker == self._worker
        ]

    def _release(self, stream: str, entry: str) -> None:
        found: Any = self._client.xrange(stream, entry, entry)
        for known_by, fields in found:
            message = self._message(stream, known_by, fields)
            if message is not None:
                self._settle_all([Finished(message, Outcome.RELEASED)])

    def _promote_due(self) -> None:
        now = time.time()
        if self._next_due is not None and self._next_due <= now:
            self._promote(keys=[], args=[self._names.prefix, repr(now), PROMOTE_AT_ONCE])
            self._look_at_streams()

    def _look_ahead(self) -> None:
        first: Any = self._client.zrange(self._names.key("delayed"), 0, 0, withscores=True)
        self._next_due = first[0][1] if first else None

    def _claim(self, want: int) -> list[Message]:
        claimed: list[Message] = []
        for stream in self._streams:
            if len(claimed) >= want:
                break
            for entry, fields in self._read(stream, want - len(claimed)):
                message = self._message(stream, entry, fields)
                if message is not None:
                    claimed.append(message)
        return claimed

    def _read(self, stream: str, want: int) -> list[Any]:
        try:
            answer: Any = self._client.xreadgroup(GROUP, self._worker, {stream: ">"}, count=want)
        except self._broker.driver.ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            self._grouped.clear()  # Redis has lost its data.
            self._look_at_streams()
            return []
        return [entry for _, entries in answer or () for entry in entries]

    def _message(self, stream: str, entry: str, fields: Any) -> Message | None:
        """Return the message of an entry; one that cannot be read becomes dead."""
        text = (fields or {}).get("m", "")
        try:
            message = decode(text, (stream, entry), (fields or {}).get("d"))
        except BadMessageError as error:
            logger.error("entry %s cannot be read and is dead: %s", entry, error)
            args = [
                self._names.prefix,
                GROUP,
                stream,
                entry,
                dead_text(text, describe_error(error)),
            ]
            self._bury(keys=[], args=args)
            return None
        message.limit_key = (fields or {}).get("l")
        unique = message.option("unique")
        if unique is not None and unique[1] == "queued":
            self._broker.free_unique(unique[0], message.message_id)
        return message

    def _settle_all(self, finished: Sequence[Finished]) -> None:
        plain: dict[str, list[str]] = {}
        ends: list[str] = []
        for end in finished:
            if _is_plain(end):
                stream, entry = end.message.key
                plain.setdefault(stream, []).append(entry)
                continue
            ends.append(end_text(self._names, end))
            if end.outcome is Outcome.RETRY:
                self._note_due(end.due)
        if plain:
            # What another worker has taken over has a new entry: the old one is gone, and nothing happens.
            pipeline: Any = self._client.pipeline(transaction=True)
            for stream, entries in plain.items():
                pipeline.xack(stream, GROUP, *entries)
                pipeline.xdel(stream, *entries)
            pipeline.execute()
        if ends:
            keep = round(1000 * (self._broker.keep.results or 0))
            now = repr(time.time())
            self._settle(keys=[], args=[self._names.prefix, GROUP, self._worker, keep, now, *ends])

    def _note_due(self, due: float) -> None:
        if self._next_due is None or due < self._next_due:
            self._next_due = due

    def admit(self, message: Message, limit: Limit) -> bool:
        """Return whether a claimed message may run within a limit; if not, it is put off."""
        stream, entry = message.key
        rate = limit.rate
        with self._broker.translated():
            answer: Any = self._admit(
                keys=[],
                args=[
                    *(self._names.prefix, GROUP, self._worker, stream, entry),
                    *(message.message_id, encode(message), repr(time.time()), limit.key),
                    limit.concurrency or 0,
                    *((0, 0) if rate is None else (repr(rate.interval), repr(rate.seconds))),
                    PARKED_SECONDS,
                    CLOCK_ACCIDENT,
                    message.limit_key or "",
                ],
            )
        again_at = float(answer)
        if again_at:
            self._note_due(again_at)
        elif limit.concurrency is not None:
            message.limit_key = limit.key
        return not again_at

    # Waiting

    def wait(self, wake: int, timeout: float) -> None:
        """Wait until somebody stores a message, a delayed one becomes due, or `wake` is readable."""
        if self._next_due is not None:
            timeout = min(timeout, max(0.0, self._next_due - time.time()))
        with self._broker.translated():
            poll = select.poll()
            poll.register(wake, select.POLLIN)
            poll.register(self._listening_socket(), select.POLLIN)
            ready = [descriptor for descriptor, _ in poll.poll(timeout * 1000)]
            if ready and ready != [wake]:
                self._hear()

    def _listening_socket(self) -> Any:
        connection: Any = self._listener.connection
        if connection is None or connection._sock is None:
            self._listener.subscribe(self._names.key("wake"))
        return self._listener.connection._sock

    def _hear(self) -> None:
        while (told := self._listener.get_message(timeout=0)) is not None:
            if told.get("data") not in self._grouped:
                self._look_at_streams()

    # Signs of life

    def heartbeat(self, status: WorkerStatus) -> int:
        """Tell that this worker lives, and take the messages of lost ones back."""
        now = time.time()
        with self._broker.translated():
            self._client.ping()
            self._register(status)
            lease = self._broker.lease
            lost = [
                worker.worker_id
                for worker in self._broker.workers()
                if worker.worker_id != self._worker
                and (is_silent(worker.seen_at, now, lease) or is_lost(worker.worker_id))
            ]
            count = sum(self._take(worker) for worker in lost)
            if self._sweep_time.is_due():
                self._sweep(now)
            self._look_at_streams()
            self._look_ahead()
        return count

    def _take(self, worker: str, *, is_leaving: bool = False) -> int:
        counts = not is_leaving and not was_stopped_with_its_watcher(worker)
        answer: Any = self._take_back(
            keys=self._broker.streams(),
            args=[self._names.prefix, GROUP, worker, self._worker, int(counts), LOST_LIMIT],
        )
        count, culprits = int(answer[0]), answer[1:]
        for place in range(0, len(culprits), 3):
            stream, entry, text = culprits[place : place + 3]
            message = self._message(stream, entry, {"m": text, "d": str(LOST_LIMIT)})
            if message is not None:
                logger.error("%r has taken its process with it and is dead", message)
                end = Finished(message, Outcome.DEAD, error=LOST_ERROR)
                self._settle_all([end])
                self._buried.append(end)
        return count

    def take_buried(self) -> list[Finished]:
        """Return the messages that signs of life have made dead since the last call."""
        buried, self._buried = self._buried, []
        return buried

    def has_suspects(self) -> bool:
        """Return whether messages wait that are to run in a process of their own."""
        with self._broker.translated():
            return any(
                self._broker.waiting_in(stream)
                for stream in self._broker.streams()
                if self._names.kind_of(stream) == "s"
            )

    def report(self, progress: Sequence[Progress], counts: Sequence[CallCount]) -> None:
        """Store how far tasks are, and add to the numbers of calls."""
        with self._broker.translated():
            pipeline: Any = self._client.pipeline(transaction=True)
            for item in progress:
                key = self._names.key(f"progress:{item.message_id}")
                pipeline.set(key, json.dumps(item), ex=KEEP_FLOWS)
            for count in counts:
                for minute in (0, count.minute):
                    field = json.dumps([minute, count.actor_name, count.outcome])
                    pipeline.hincrby(self._names.key("calls"), field, count.calls)
                    pipeline.hincrbyfloat(self._names.key("seconds"), field, count.seconds)
            pipeline.execute()

    def cancelled(self) -> set[str]:
        """Return the ids of running messages that somebody wants cancelled."""
        with self._broker.translated():
            ids: Any = self._client.smembers(self._names.key("cancel"))
        return set(ids)

    def _sweep(self, now: float) -> None:
        """Drop what is too old, and take back what no registered worker has."""
        self._broker.prune_dead(self._broker.keep.dead_before(now))
        known = {worker.worker_id for worker in self._broker.workers()}
        holders: set[str] = set()
        for stream in self._broker.streams():
            holders |= set(self._broker.pending(stream).values())
        for worker in holders - known:
            self._take(worker, is_leaving=True)
        self._sweep_counts(now)
        self._sweep_unique(now)

    def _sweep_counts(self, now: float) -> None:
        fields: Any = self._client.hkeys(self._names.key("calls"))
        old = [field for field in fields if 0 < _minute_of(field) < now - KEEP_MINUTES]
        if old:
            self._client.hdel(self._names.key("calls"), *old)
            self._client.hdel(self._names.key("seconds"), *old)

    def _sweep_unique(self, now: float) -> None:
        held: Any = self._client.hgetall(self._names.key("unique"))
        for key, text in held.items():
            if 0 < _end_of(text) < now:
                self._client.hdel(self._names.key("unique"), key)

    def close(self) -> None:
        """Leave: what is still claimed goes back to its queue at once."""
        try:
            with self._broker.translated():
                self._take(self._worker, is_leaving=True)
        finally:
            self._listener.close()


def _minute_of(field: str) -> float:
    """Return the minute that a number of calls is of; 0 for all time, and for what is no such number."""
    try:
        return float(json.loads(field)[0])
    except (ValueError, TypeError, LookupError):
        return 0.0


def _end_of(unique: str) -> float:
    """Return when a unique key ends; 0 if it does not by itself."""
    try:
        return float(unique.rpartition(" ")[2])
    except ValueError:
        return 0.0


def _is_plain(end: Finished) -> bool:
    """Return whether a settlement is no more than the deletion of an entry."""
    if end.outcome is not Outcome.DONE or end.keeps_result:
        return False
    return end.message.options is None and end.message.limit_key is None
