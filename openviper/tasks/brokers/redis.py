"""Messages in Redis, through redis-py.

Each queue and priority is a stream with one consumer group; delayed messages are in a sorted set, dead ones in a hash. Every
change of more than one key is one script, which Redis runs as a whole, so a worker that is killed leaves no message between
two places. A claim is an entry pending for the worker; settling one that another worker has taken over does nothing.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from heapq import nsmallest
from typing import Any, NamedTuple

from openviper.db.connection import after_commit
from openviper.tasks.brokers.base import (
    EVERYTHING,
    CallCount,
    Filter,
    GroupInfo,
    MessageInfo,
    NewGroup,
    Progress,
    QueueInfo,
    Slot,
    StoredResult,
    StoredSchedule,
    info_row,
    waited_since,
)
from openviper.tasks.brokers.keeping import KEEP_FLOWS, KEEP_UNENDED, Pruned
from openviper.tasks.brokers.redis_call import QuickScript
from openviper.tasks.brokers.redis_consumer import RedisConsumer
from openviper.tasks.brokers.redis_messages import (
    UNREADABLE,
    callback_text,
    decode,
    decode_for_people,
    encode,
    glob,
    noted_error,
    result_text,
    unique_arguments,
)
from openviper.tasks.brokers.redis_scripts import (
    ENQUEUE,
    ENQUEUE_PLAIN,
    LOSE_MEMBER,
    MOVE,
    SWAP_SLOT,
    WAKE_NEXT,
)
from openviper.tasks.brokers.redis_server import RedisServer
from openviper.tasks.exceptions import BadMessageError
from openviper.tasks.message import Message, cancelled, is_storable, to_json


class _Stored(NamedTuple):
    """A message where it is.

    Attributes:
        place: Its stream, ``delayed`` or ``dead``.
        member: What it is known by there.
        text: The message.
        woken_for: The limit for a permit of which it was woken, if it was.
    """

    info: MessageInfo
    place: str
    member: str
    text: str
    woken_for: str | None = None


DEAD_AT_ONCE = 200
"""Dead messages that are read at once, of which each may have an error of some kilobytes."""
LOOKED_AT = 1000
"""Entries of a stream among which one is looked for that may have been stored a moment ago."""


class RedisBroker(RedisServer):
    """A broker on a Redis server from version 6.2 on.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        lease: Seconds after which a worker that gives no sign of life is lost.
        prefix: Begins the name of every key.
    """

    name = "redis"

    def connect(self) -> None:
        """Open connections."""
        super().connect()
        self._enqueue_plain = QuickScript(self.driver, self.client, ENQUEUE_PLAIN, self._is_stored)
        self._enqueue = self.client.register_script(ENQUEUE)
        self._move = self.client.register_script(MOVE)
        self._wake_next = self.client.register_script(WAKE_NEXT)
        self._lose_member = self.client.register_script(LOSE_MEMBER)
        self._swap_slot = self.client.register_script(SWAP_SLOT)

    # Sending

    def enqueue(self, messages: Sequence[Message], group: NewGroup | None = None) -> list[Message]:
        """Store messages, all or none of them."""
        if group is None and not any(map(_has_key, messages)):
            arguments: list[Any] = [self.names.prefix]
            for message in messages:
                arguments += self._place(message)
            with self.translated():
                self._enqueue_plain(arguments)
            return []
        return self._enqueue_with_keys(messages, group)

    def _is_stored(self, arguments: list[Any]) -> bool:
        """Return whether messages, of which all are stored or none, are there: the first of them is looked for."""
        if len(arguments) < 4:
            return True
        stream, due, text = arguments[1:4]
        if float(due):
            return self.client.zscore(self.names.key("delayed"), f"{stream}\n{text}") is not None
        newest: Any = self.client.xrevrange(stream, count=LOOKED_AT)
        return any(fields.get("m") == text for _, fields in newest)

    def _place(self, message: Message) -> list[str]:
        due = repr(message.due) if message.due > time.time() else "0"
        return [self.names.stream(message), due, encode(message)]

    def _enqueue_with_keys(
        self, messages: Sequence[Message], group: NewGroup | None
    ) -> list[Message]:
        new = group or NewGroup("", 0)
        callbacks = [callback_text(self.names, spec) for spec in (new.then, new.on_failure)]
        arguments: list[Any] = [
            *(self.names.prefix, repr(time.time()), new.group_id, KEEP_UNENDED, new.total),
            *callbacks,
        ]
        for message in messages:
            arguments += [*self._place(message), *unique_arguments(message)]
        with self.translated():
            holders: Any = self._enqueue(keys=[], args=arguments)
        duplicates = []
        for message, holder in zip(messages, holders, strict=True):
            if holder:
                message.message_id = holder
                duplicates.append(message)
        return duplicates

    def send(
        self, messages: Sequence[Message], group: NewGroup | None = None
    ) -> list[Message] | None:
        """Store messages, after the commit of the transaction that is open."""
        is_for_later = after_commit(lambda: self.enqueue(messages, group) and None)
        return None if is_for_later else self.enqueue(messages, group)

    def consumer(
        self, worker_id: str, queues: Sequence[str] | None, *, suspects: bool = False
    ) -> RedisConsumer:
        """Return a consumer with connections of its own."""
        with self.translated():
            return RedisConsumer(self, worker_id, queues, suspects=suspects)

    # What tasks have left

    def _get(self, name: str) -> Any:
        if not is_storable(name):
            return None
        with self.translated():
            text: Any = self.client.get(self.names.key(name))
        return None if text is None else _list(text)

    def result(self, message_id: str) -> StoredResult | None:
        """Return what is known of a message that is finished."""
        stored = self._get(f"result:{message_id}")
        return None if stored is None else StoredResult(*stored)

    def progress(self, message_id: str) -> Progress | None:
        """Return how far a message said it is."""
        stored = self._get(f"progress:{message_id}")
        return None if stored is None else Progress(*stored)

    def group(self, group_id: str) -> GroupInfo | None:
        """Return how a group stands."""
        if not is_storable(group_id):
            return None
        with self.translated():
            stored: Any = self.client.hgetall(self.names.key(f"group:{group_id}"))
        if not stored:
            return None
        return GroupInfo(group_id, *(int(stored[name]) for name in ("total", "done", "failed")))

    # Periodic jobs

    def slot(self, name: str) -> Slot | None:
        """Return the last firing of a periodic job."""
        with self.translated():
            text: Any = self.client.hget(self.names.key("slots"), name)
        return None if text is None else _slot(text)

    def swap_slot(
        self, name: str, before: Slot | None, after: Slot, message: Message | None = None
    ) -> bool:
        """Replace the last firing of a periodic job, and store its message."""
        arguments = [
            self.names.prefix,
            name,
            "" if before is None else to_json(before),
            to_json(after),
            repr(time.time()),
        ]
        if message is not None:
            arguments += [*self._place(message), *unique_arguments(message)]
        with self.translated():
            return bool(self._swap_slot(keys=[], args=arguments))

    def schedules(self) -> list[StoredSchedule]:
        """Return the periodic jobs that were added or paused at run time."""
        with self.translated():
            stored: Any = self.client.hgetall(self.names.key("schedules"))
        lists = {name: _list(stored[name]) for name in sorted(stored)}
        return [StoredSchedule(name, *values[:2]) for name, values in lists.items() if values]

    def save_schedule(self, schedule: StoredSchedule) -> None:
        """Add or replace a periodic job."""
        text = json.dumps([schedule.definition, schedule.is_paused])
        with self.translated():
            self.client.hset(self.names.key("schedules"), schedule.name, text)

    def remove_schedule(self, name: str) -> bool:
        """Remove a periodic job that was added."""
        with self.translated():
            self.client.hdel(self.names.key("slots"), name)
            return bool(self.client.hdel(self.names.key("schedules"), name))

    # Looking

    def _stored(self) -> Iterator[_Stored]:
        """Yield every message, with the place it is in."""
        for stream in self.streams():
            yield from self._stored_in(stream)
        delayed: Any = self.client.zrange(self.names.key("delayed"), 0, -1, withscores=True)
        for member, due in delayed:
            text = member.partition("\n")[2]
            message = decode_for_people(text, member)
            message.due = due
            yield _Stored(
                info_row("delayed", message, "", noted_error(text)), "delayed", member, text
            )
        seen: set[str] = set()
        for known_by, stored in self.client.hscan_iter(self.names.key("dead"), count=DEAD_AT_ONCE):
            if known_by in seen:  # A scan may give what is moved meanwhile again.
                continue
            seen.add(known_by)
            text, error = _read_dead(stored)
            message = decode_for_people(text, known_by)
            yield _Stored(info_row("dead", message, "", error), "dead", known_by, text)

    def _stored_in(self, stream: str) -> Iterator[_Stored]:
        pending = self.pending(stream)
        queue = self.names.queue_of(stream)
        entries: Any = self.client.xrange(stream)
        for entry, fields in entries:
            state = "running" if entry in pending else "ready"
            text = fields.get("m", "")
            message = decode_for_people(text, f"{stream}/{entry}", queue)
            info = info_row(state, message, pending.get(entry, ""), noted_error(text))
            yield _Stored(info, stream, entry, text, fields.get("l"))

    def queues(self) -> list[QueueInfo]:
        """Return how each queue stands."""
        with self.translated():
            # What is dead and forgotten may be much: its errors are not gathered.
            infos = [stored.info._replace(error="") for stored in self._stored()]
        counts = Counter((info.queue_name, info.state) for info in infos)
        now = time.time()
        since: dict[str, float] = {}
        for info in infos:
            if info.state == "ready" and info.actor_name != UNREADABLE:
                first = since.get(info.queue_name, now)
                since[info.queue_name] = min(first, waited_since(info))
        return [
            QueueInfo(
                name,
                counts[name, "ready"],
                counts[name, "running"],
                counts[name, "delayed"],
                counts[name, "dead"],
                now - since[name] if name in since else None,
            )
            for name in sorted({info.queue_name for info in infos})
        ]

    def messages(self, chosen: Filter = EVERYTHING, limit: int = 100) -> list[MessageInfo]:
        """Return stored messages, oldest first."""
        with self.translated():
            infos = (stored.info for stored in self._stored() if chosen.matches(stored.info))
            return nsmallest(limit, infos, key=lambda info: info.sent_at)

    def counts(self) -> list[CallCount]:
        """Return how often what became of calls."""
        with self.translated():
            calls: Any = self.client.hgetall(self.names.key("calls"))
            seconds: Any = self.client.hgetall(self.names.key("seconds"))
        counts = []
        for field, count in calls.items():
            with suppress(ValueError, TypeError):  # Nobody has counted like that.
                minute, actor, outcome = json.loads(field)
                took = float(seconds.get(field, 0))
                counts.append(CallCount(int(minute), str(actor), str(outcome), int(count), took))
        return sorted(counts)

    # Repairing

    def retry(self, chosen: Sequence[str] | Filter) -> int:
        """Make dead or delayed messages ready again."""
        count = 0
        with self.translated():
            for stored in [each for each in self._stored() if _may_retry(each.info, chosen)]:
                try:
                    message = decode(stored.text)
                except BadMessageError:
                    continue
                message.due, message.attempts, message.deliveries = time.time(), 0, 0
                stream, text = self.names.stream(message), encode(message)
                group_id = message.option("group") or ""
                moved: Any = self._move(
                    keys=[],
                    args=[
                        *(self.names.prefix, stored.place, stored.member, stream, text),
                        group_id,
                    ],
                )
                count += int(moved)
        return count

    def cancel(self, message_ids: Sequence[str]) -> int:
        """Remove messages that no worker has, and ask for the end of those that run."""
        with self.translated():
            wanted = set(message_ids)
            chosen = [each for each in self._stored() if _is_about(each, wanted)]
            for each in chosen:
                if each.info.state == "running":
                    self._ask_to_end(each.info.message_id)
            return self._remove(each for each in chosen if each.info.state != "running")

    def _ask_to_end(self, message_id: str) -> None:
        key = self.names.key("cancel")
        self.client.sadd(key, message_id)
        # One that ends meanwhile takes its own wish away no more.
        self.client.expire(key, KEEP_FLOWS)

    def purge(self, chosen: Filter = EVERYTHING) -> int:
        """Remove all messages that no worker has and that are meant."""
        with self.translated():
            return self._remove([each for each in self._stored() if _may_purge(each.info, chosen)])

    def _remove(self, chosen: Iterable[_Stored]) -> int:
        """Remove messages that no worker has, and let those behind them in a line have their turn; return how many were there."""
        removed = [stored for stored in chosen if self._remove_one(stored)]
        for stored in removed:  # Last: who was next in a line may have been removed as well.
            if stored.woken_for is not None:
                self._wake_next(keys=[], args=[self.names.prefix, stored.woken_for])
        return len(removed)

    def _remove_one(self, stored: _Stored) -> int:
        """Remove a message that no worker has, and its unique key; return 1 if it was there."""
        removers = {"delayed": self.client.zrem, "dead": self.client.hdel}
        remove = removers.get(stored.place)
        if remove is None:
            gone: Any = self.client.xdel(stored.place, stored.member)
        else:
            gone = remove(self.names.key(stored.place), stored.member)
        if gone:
            self._let_know(stored)
        return int(gone)

    def _let_know(self, stored: _Stored) -> None:
        """Let go of the unique key of a message that was removed, count it in its group, and tell its sender."""
        message = decode_for_people(stored.text, "")
        unique, group_id = message.option("unique"), message.option("group")
        if unique is not None and unique[1] != "time":
            self.free_unique(unique[0], stored.info.message_id)
        if stored.place == "dead":
            return
        if group_id is not None:
            self._lose_member(keys=[], args=[self.names.prefix, group_id, repr(time.time())])
        end = cancelled(message)
        keep = None if self.keep.results is None else round(1000 * self.keep.results)
        for told in end.told_ids if message.actor_name != UNREADABLE else ():
            self.client.set(self.names.key(f"result:{told}"), result_text(end), px=keep)

    def prune(self, results_before: float, dead_before: float) -> Pruned:
        """Remove results that were stored, and messages that have been dead, since before a moment."""
        with self.translated():
            return Pruned(self._prune_results(results_before), self.prune_dead(dead_before))

    def _prune_results(self, before: float) -> int:
        count = 0
        for key in self.client.scan_iter(f"{glob(self.names.prefix)}result:*", count=1000):
            stored: Any = self.client.get(key)
            if stored is not None and _stored_at(stored) < before:
                gone: Any = self.client.delete(key)
                count += int(gone)
        return count

    def flush(self, timeout: float = 10.0) -> None:
        """Do nothing: what is sent is stored."""

    def close(self) -> None:
        """Let go of the connections."""
        self._enqueue_plain.close()
        self.client.close()

    def forget(self) -> None:
        """Open connections of its own, as a forked child must."""
        self.connect()


def _list(text: str) -> list[Any] | None:
    """Return a list of at least two values as it is stored, or `None` for what is none."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, list) and len(values) > 1 else None


def _slot(text: str) -> Slot | None:
    """Return a slot, or `None` for what is none: the job begins anew."""
    try:
        moment, schedule = json.loads(text)
        return Slot(int(moment), str(schedule))
    except (ValueError, TypeError):
        return None


def _stored_at(result: str) -> float:
    """Return when a result was stored; what is none was stored at no time, and has an end of its own or is old."""
    values = _list(result)
    try:
        return 0.0 if values is None else float(values[2])
    except (ValueError, TypeError, IndexError):
        return 0.0


def _has_key(message: Message) -> bool:
    return message.options is not None and "unique" in message.options


def _may_purge(info: MessageInfo, chosen: Filter) -> bool:
    return info.state != "running" and chosen.matches(info)


def _may_retry(info: MessageInfo, chosen: Sequence[str] | Filter) -> bool:
    if isinstance(chosen, Filter):
        return info.state == "dead" and chosen.matches(info)
    return info.state in ("dead", "delayed") and info.message_id in chosen


def _is_about(stored: _Stored, ids: set[str]) -> bool:
    """Return whether a message has one of these ids, or is of a chain in which one with such an id follows."""
    if stored.info.message_id in ids:
        return True
    return '"then":' in stored.text and decode_for_people(stored.text, "").is_about(ids)


def _read_dead(text: str) -> tuple[str, str]:
    """Return message and error of a dead message."""
    try:
        stored = json.loads(text)
        return str(stored["message"]), str(stored["error"])
    except (ValueError, KeyError, TypeError):
        return "", "BadMessageError: what is stored is not a message"
