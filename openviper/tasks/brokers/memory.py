"""Messages in the memory of one process, for tests and for trying things out."""

from __future__ import annotations

import heapq
import json
import math
import os
import select
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import count

from openviper.db.connection import after_commit
from openviper.tasks.brokers.base import (
    EVERYTHING,
    PARKED_SECONDS,
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
    WorkerInfo,
    WorkerStatus,
    waited_since,
)
from openviper.tasks.brokers.keeping import PRUNE_SECONDS, Keep, Pruned, Ticker
from openviper.tasks.brokers.memory_entry import Entry
from openviper.tasks.brokers.memory_group import MemoryGroup
from openviper.tasks.limits import Allowance, Limit, take_call
from openviper.tasks.message import Finished, Message, Outcome, State, cancelled, from_values


class MemoryBroker:
    """A broker whose messages end with the process."""

    name = "stub"

    def __init__(self, keep: Keep | None = None) -> None:
        self.keep = keep or Keep()
        self.lock = threading.RLock()
        self._numbers = count(1)
        self.entries: dict[int, Entry] = {}
        self.unique: dict[str, tuple[str, str, float]] = {}
        """Key -> id, scope, and when it ends."""
        self.results: dict[str, StoredResult] = {}
        self.groups: dict[str, MemoryGroup] = {}
        self.allowances: dict[str, Allowance] = {}
        self.permits: dict[str, set[str]] = {}
        self.reported: dict[str, Progress] = {}
        self.to_cancel: set[str] = set()
        self.known_workers: dict[str, WorkerInfo] = {}
        self.wakers: list[int] = []
        self._totals: dict[tuple[int, str, str], tuple[int, float]] = {}
        self._slots: dict[str, Slot] = {}
        self._schedules: dict[str, StoredSchedule] = {}

    # Sending

    def enqueue(self, messages: Sequence[Message], group: NewGroup | None = None) -> list[Message]:
        """Store messages."""
        now = time.time()
        duplicates = []
        with self.lock:
            if group is not None:
                self.groups[group.group_id] = MemoryGroup(group)
            for message in messages:
                if not self._take_unique(message, now):
                    duplicates.append(message)
                    continue
                message.key = next(self._numbers)
                state = State.DELAYED if message.due > now else State.READY
                self.entries[message.key] = Entry(message, message.key, state)
        self.wake()
        return duplicates

    def _take_unique(self, message: Message, now: float) -> bool:
        """Take the message's unique key, if it has one; if another has it, give that one's id to the message."""
        unique = message.option("unique")
        if unique is None:
            return True
        key, scope, until = unique
        holder = self._holder(key, now)
        if holder is None:
            self.unique[key] = (message.message_id, scope, until)
            return True
        message.message_id = holder
        return False

    def _holder(self, key: str, now: float) -> str | None:
        present = self.unique.get(key)
        if present is None:
            return None
        message_id, _, until = present
        return message_id if not until or until > now else None

    def send(
        self, messages: Sequence[Message], group: NewGroup | None = None
    ) -> list[Message] | None:
        """Store messages, after the commit of the transaction that is open."""
        is_for_later = after_commit(lambda: self.enqueue(messages, group) and None)
        return None if is_for_later else self.enqueue(messages, group)

    def wake(self) -> None:
        """Wake the consumers."""
        for descriptor in list(self.wakers):
            try:
                os.write(descriptor, b"x")
            except BlockingIOError:
                continue

    def consumer(
        self, worker_id: str, queues: Sequence[str] | None, *, suspects: bool = False
    ) -> MemoryConsumer:
        """Return a consumer."""
        return MemoryConsumer(self, worker_id, queues, suspects=suspects)

    # Results, groups and schedules

    def result(self, message_id: str) -> StoredResult | None:
        """Return what is known of a message that is finished."""
        return self.results.get(message_id)

    def progress(self, message_id: str) -> Progress | None:
        """Return how far a message said it is."""
        return self.reported.get(message_id)

    def group(self, group_id: str) -> GroupInfo | None:
        """Return how a group stands."""
        group = self.groups.get(group_id)
        if group is None:
            return None
        return GroupInfo(group_id, group.new.total, group.done, group.failed)

    def slot(self, name: str) -> Slot | None:
        """Return the last firing of a periodic job."""
        return self._slots.get(name)

    def swap_slot(
        self, name: str, before: Slot | None, after: Slot, message: Message | None = None
    ) -> bool:
        """Replace the last firing of a periodic job, and store its message."""
        with self.lock:
            if self._slots.get(name) != before:
                return False
            self._slots[name] = after
            if message is not None:
                self.enqueue([message])
        return True

    def schedules(self) -> list[StoredSchedule]:
        """Return the periodic jobs that were added or paused at run time."""
        return [self._schedules[name] for name in sorted(self._schedules)]

    def save_schedule(self, schedule: StoredSchedule) -> None:
        """Add or replace a periodic job."""
        self._schedules[schedule.name] = schedule

    def remove_schedule(self, name: str) -> bool:
        """Remove a periodic job that was added."""
        with self.lock:
            self._slots.pop(name, None)
            return self._schedules.pop(name, None) is not None

    # Looking and repairing

    def queues(self) -> list[QueueInfo]:
        """Return how each queue stands."""
        now = time.time()
        with self.lock:
            infos = [entry.info() for entry in self.entries.values()]
        counts = Counter((info.queue_name, info.state) for info in infos)
        since: dict[str, float] = {}
        for info in infos:
            if info.state == "ready":
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
        with self.lock:
            infos = [entry.info() for entry in self.entries.values()]
        return [info for info in infos if chosen.matches(info)][:limit]

    def workers(self) -> list[WorkerInfo]:
        """Return the registered workers."""
        return list(self.known_workers.values())

    def counts(self) -> list[CallCount]:
        """Return how often what became of calls."""
        with self.lock:
            return [CallCount(*key, *value) for key, value in sorted(self._totals.items())]

    def add_counts(self, counts: Sequence[CallCount]) -> None:
        """Add to the numbers of calls, each for all time and for its minute."""
        with self.lock:
            for count in counts:
                for minute in (0, count.minute):
                    key = (minute, count.actor_name, count.outcome)
                    calls, seconds = self._totals.get(key, (0, 0.0))
                    self._totals[key] = (calls + count.calls, seconds + count.seconds)

    def retry(self, chosen: Sequence[str] | Filter) -> int:
        """Make dead or delayed messages ready again."""
        with self.lock:
            entries = [entry for entry in self.entries.values() if _may_retry(entry, chosen)]
            for entry in entries:
                message = entry.message
                group = self.groups.get(message.option("group") or "")
                if group is not None and entry.state is State.DEAD:
                    group.failed -= 1
                entry.state, entry.error = State.READY, ""
                message.due, message.attempts, message.deliveries = time.time(), 0, 0
        self.wake()
        return len(entries)

    def _remove(self, entries: Iterable[Entry]) -> int:
        free = [entry for entry in entries if entry.state is not State.RUNNING]
        for entry in free:
            self.forget(entry)
            if entry.state is not State.DEAD:
                self.count_in_group(cancelled(entry.message))
                self.tell(cancelled(entry.message))
        for entry in free:  # Last: who was next in a line may have been removed as well.
            self.wake_next(entry.message)
        return len(free)

    def wake_next(self, message: Message) -> None:
        """Make the next message ready that waits for the permit which a message has, or for which it was woken."""
        key, message.limit_key = message.limit_key, None
        waiting = [entry for entry in self.entries.values() if key and entry.is_parked(key)]
        if waiting:
            min(waiting).make_ready(key)
            self.wake()

    def tell(self, end: Finished) -> None:
        """Keep an end for those who ask for the result."""
        stored = StoredResult(end.result or "null", end.error, time.time())
        self.results.update(dict.fromkeys(end.told_ids, stored))

    def count_in_group(self, end: Finished) -> None:
        """Count the end of a member of a group, and send the group's callback after the last one."""
        group = self.groups.get(end.message.option("group") or "")
        callback = None if group is None else group.count(end)
        if callback is not None:
            message = from_values(json.loads(callback))
            message.start_waiting(time.time())
            self.enqueue([message])

    def forget(self, entry: Entry) -> None:
        """Remove a message, and its unique key unless that is for a time."""
        del self.entries[entry.number]
        self.free_unique(entry.message, ("queued", "running"))

    def free_unique(self, message: Message, scopes: tuple[str, ...]) -> None:
        """Let go of the message's unique key, if it is of one of these scopes."""
        unique = message.option("unique")
        if unique is None or unique[1] not in scopes:
            return
        present = self.unique.get(unique[0])
        if present is not None and present[0] == message.message_id:
            del self.unique[unique[0]]

    def cancel(self, message_ids: Sequence[str]) -> int:
        """Remove messages that no worker has, and ask for the end of those that run."""
        wanted = set(message_ids)
        with self.lock:
            entries = [entry for entry in self.entries.values() if entry.message.is_about(wanted)]
            self.to_cancel |= {
                entry.message.message_id for entry in entries if entry.state is State.RUNNING
            }
            return self._remove(entries)

    def purge(self, chosen: Filter = EVERYTHING) -> int:
        """Remove all messages that no worker has and that are meant."""
        with self.lock:
            return self._remove(
                [entry for entry in self.entries.values() if chosen.matches(entry.info())]
            )

    def prune(self, results_before: float, dead_before: float) -> Pruned:
        """Remove results that were stored, and messages that have been dead, since before a moment."""
        with self.lock:
            dead = [entry for entry in self.entries.values() if entry.died_before(dead_before)]
            old = [key for key, one in self.results.items() if one.stored_at < results_before]
            for key in old:
                del self.results[key]
            return Pruned(len(old), self._remove(dead))

    def flush(self, timeout: float = 10.0) -> None:
        """Do nothing: what is sent is stored."""

    def close(self) -> None:
        """Forget everything."""
        with self.lock:
            self.entries.clear()
            self.unique.clear()


def _may_retry(entry: Entry, chosen: Sequence[str] | Filter) -> bool:
    if isinstance(chosen, Filter):
        return entry.state is State.DEAD and chosen.matches(entry.info())
    return entry.state in (State.DEAD, State.DELAYED) and entry.message.message_id in chosen


class MemoryConsumer:
    """A worker at the messages of its own process."""

    def __init__(
        self, broker: MemoryBroker, worker_id: str, queues: Sequence[str] | None, *, suspects: bool
    ) -> None:
        self._broker = broker
        self._worker = worker_id
        self._prune_time = Ticker(PRUNE_SECONDS)
        self._queues = None if queues is None else frozenset(queues)
        self._takes = State.SUSPECT if suspects else State.READY
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        os.set_blocking(self._read, False)
        broker.wakers.append(self._write)
        host, pid, _, _ = worker_id.rsplit(":", 3)
        now = time.time()
        broker.known_workers[worker_id] = WorkerInfo(
            worker_id,
            host,
            int(pid),
            now,
            now,
            now,
            None if queues is None else tuple(queues),
            False,
        )

    def exchange(self, finished: Sequence[Finished], want: int) -> list[Message]:
        """Settle what is finished and claim up to `want` messages."""
        with self._broker.lock:
            for end in finished:
                self._settle(end)
            ready = [entry for entry in self._broker.entries.values() if self._is_mine(entry)]
            claimed = heapq.nsmallest(want, ready)
            for entry in claimed:
                entry.state, entry.worker = State.RUNNING, self._worker
                self._broker.free_unique(entry.message, ("queued",))
            return [entry.message for entry in claimed]

    def _is_mine(self, entry: Entry) -> bool:
        if entry.state is State.DELAYED and entry.message.due <= time.time():
            entry.make_ready()
        if entry.state is not self._takes:
            return False
        return self._queues is None or entry.message.queue_name in self._queues

    def _settle(self, end: Finished) -> None:
        broker, message = self._broker, end.message
        entry = broker.entries.get(message.key)
        if entry is None or entry.worker != self._worker:
            return
        entry.worker = ""
        self._free_permit(message)
        if end.outcome is Outcome.DONE:
            broker.forget(entry)
        elif end.outcome is Outcome.RELEASED:
            entry.make_ready()
        else:
            entry.state = State.DELAYED if end.outcome is Outcome.RETRY else State.DEAD
            entry.error = end.error
            entry.settled_at = time.time()
            message.set_option("since", None)
            message.due = end.due
            message.attempts += end.counts
        broker.tell(end)
        if end.is_end:
            broker.free_unique(message, ("queued", "running"))
            broker.to_cancel.discard(message.message_id)
            broker.count_in_group(end)
            broker.enqueue(end.follow)

    # Limits

    def admit(self, message: Message, limit: Limit) -> bool:
        """Return whether a claimed message may run within a limit; if not, it is put off."""
        with self._broker.lock:
            entry = self._broker.entries.get(message.key)
            if entry is None or entry.worker != self._worker:
                return False
            holders = self._broker.permits.setdefault(limit.key, set())
            others = len(holders - {message.message_id})
            if message.limit_key not in (None, limit.key):
                self._broker.wake_next(message)
            if limit.concurrency is not None and others >= limit.concurrency:
                message.limit_key = None
                self._put_off(entry, time.time() + PARKED_SECONDS)
                entry.waits_for = limit.key
                return False
            if limit.rate is not None:
                allowances = self._broker.allowances
                stands = take_call(limit.rate, allowances.get(limit.key), time.time())
                allowances[limit.key], again_at = stands
                if again_at:
                    self._put_off(entry, again_at)
                    self._broker.wake_next(message)
                    return False
            if limit.concurrency is not None:
                holders.add(message.message_id)
                message.limit_key = limit.key
            return True

    @staticmethod
    def _put_off(entry: Entry, due: float) -> None:
        entry.state, entry.worker = State.DELAYED, ""
        entry.message.put_off(due)

    def _free_permit(self, message: Message) -> None:
        if message.limit_key is not None:
            self._broker.permits.get(message.limit_key, set()).discard(message.message_id)
            self._broker.wake_next(message)

    # Waiting and signs of life

    def wait(self, wake: int, timeout: float) -> None:
        """Wait for a message, one that becomes due, or `wake`."""
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        poll.register(self._read, select.POLLIN)
        left = min(timeout, self._until_due())
        if any(descriptor == self._read for descriptor, _ in poll.poll(left * 1000)):
            os.read(self._read, 4096)

    def _until_due(self) -> float:
        """Return the seconds until a delayed message becomes due."""
        with self._broker.lock:
            entries = list(self._broker.entries.values())
        dues = [entry.message.due for entry in entries if entry.state is State.DELAYED]
        return max(0.0, min(dues, default=math.inf) - time.time())

    def heartbeat(self, status: WorkerStatus) -> int:
        """Tell that this worker lives; others share its fate."""
        known = self._broker.known_workers.get(self._worker)
        if known is not None:
            self._broker.known_workers[self._worker] = known._replace(
                seen_at=time.time(), settled_at=status.settled_at, is_busy=status.is_busy
            )
        if self._prune_time.is_due():
            now, keep = time.time(), self._broker.keep
            self._broker.prune(keep.results_before(now), keep.dead_before(now))
        return 0

    is_in_doubt = False

    def give_back(self, known: Collection[Message]) -> int:
        """Return 0: no answer is lost within a process."""
        return 0

    def take_buried(self) -> list[Finished]:
        """Return none, for the same reason as `has_suspects`."""
        return []

    def has_suspects(self) -> bool:
        """Return `False`: a process cannot outlive its own death."""
        return False

    def report(self, progress: Sequence[Progress], counts: Sequence[CallCount]) -> None:
        """Store how far tasks are, and add to the numbers of calls."""
        self._broker.reported.update({item.message_id: item for item in progress})
        self._broker.add_counts(counts)

    def cancelled(self) -> set[str]:
        """Return the ids of running messages that somebody wants cancelled."""
        return set(self._broker.to_cancel)

    def close(self) -> None:
        """Leave: what is still claimed goes back."""
        with self._broker.lock:
            for entry in self._broker.entries.values():
                if entry.worker == self._worker:
                    self._free_permit(entry.message)
                    entry.make_ready()
            self._broker.known_workers.pop(self._worker, None)
        self._broker.wakers.remove(self._write)
        os.close(self._read)
        os.close(self._write)
