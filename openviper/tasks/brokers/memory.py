"""Messages in the memory of one process, for tests and for trying things out."""

from __future__ import annotations

import heapq
import os
import select
import threading
import time
from collections.abc import Sequence
from itertools import count

from openviper.tasks.brokers.base import MessageInfo, QueueInfo, StoredResult, WorkerInfo, info_row
from openviper.tasks.message import Finished, Message, Outcome, State


class _Entry:
    """A message with what is known of it."""

    __slots__ = ("error", "message", "number", "state", "worker")

    def __init__(self, message: Message, number: int, state: State) -> None:
        self.message = message
        self.number = number
        self.state = state
        self.worker = ""
        self.error = ""

    def __lt__(self, other: _Entry) -> bool:
        return (self.message.priority, self.number) < (other.message.priority, other.number)


class MemoryBroker:
    """A broker whose messages end with the process."""

    name = "stub"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._entries: dict[int, _Entry] = {}
        self._results: dict[str, StoredResult] = {}
        self._slots: dict[str, int] = {}
        self._workers: dict[str, WorkerInfo] = {}
        self._wakers: list[int] = []

    def enqueue(self, messages: Sequence[Message]) -> None:
        """Store messages."""
        now = time.time()
        with self._lock:
            for message in messages:
                message.key = next(self._numbers)
                state = State.DELAYED if message.due > now else State.READY
                self._entries[message.key] = _Entry(message, message.key, state)
        self._wake()

    def send(self, message: Message) -> None:
        """Store one message, after the commit of the transaction that is open."""
        from openviper.db.connections.databases import current_block

        block = current_block("default")
        if block is not None and block.transactional:
            block.callbacks.append(lambda: self.enqueue([message]))
        else:
            self.enqueue([message])

    def _wake(self) -> None:
        for descriptor in list(self._wakers):
            try:
                os.write(descriptor, b"x")
            except BlockingIOError:
                continue

    def consumer(self, worker_id: str, queues: Sequence[str] | None) -> MemoryConsumer:
        """Return a consumer."""
        return MemoryConsumer(self, worker_id, queues)

    def result(self, message_id: str) -> StoredResult | None:
        """Return what is known of a message that is finished."""
        return self._results.get(message_id)

    def claim_slot(self, name: str, slot: int, message: Message | None = None) -> bool:
        """Take a slot of a periodic job, and store its message."""
        with self._lock:
            if self._slots.get(name, -1) >= slot:
                return False
            self._slots[name] = slot
        if message is not None:
            self.enqueue([message])
        return True

    def last_slot(self, name: str) -> int | None:
        """Return the last slot that was taken of a periodic job."""
        return self._slots.get(name)

    def queues(self) -> list[QueueInfo]:
        """Return how each queue stands."""
        now = time.time()
        with self._lock:
            entries = list(self._entries.values())
        found = []
        for name in sorted({entry.message.queue_name for entry in entries}):
            mine = [entry for entry in entries if entry.message.queue_name == name]
            counts = {state: sum(entry.state is state for entry in mine) for state in State}
            ages = [now - entry.message.sent_at for entry in mine if entry.state is State.READY]
            found.append(
                QueueInfo(
                    name,
                    counts[State.READY],
                    counts[State.RUNNING],
                    counts[State.DELAYED],
                    counts[State.DEAD],
                    max(ages) if ages else None,
                )
            )
        return found

    def _chosen(self, state: str | None, queue: str | None) -> list[_Entry]:
        wanted = None if state is None else State[state.upper()]
        return [
            entry
            for entry in self._entries.values()
            if (wanted is None or entry.state is wanted)
            and queue in (None, entry.message.queue_name)
        ]

    def messages(
        self, state: str | None = None, queue: str | None = None, limit: int = 100
    ) -> list[MessageInfo]:
        """Return stored messages, oldest first."""
        with self._lock:
            chosen = self._chosen(state, queue)[:limit]
            return [
                info_row(one.state.name.lower(), one.message, one.worker, one.error)
                for one in chosen
            ]

    def workers(self) -> list[WorkerInfo]:
        """Return the registered workers."""
        return list(self._workers.values())

    def retry(self, message_ids: Sequence[str] | None = None) -> int:
        """Make dead or delayed messages ready again."""
        with self._lock:
            chosen = [
                entry
                for entry in self._entries.values()
                if entry.state is State.DEAD
                and message_ids is None
                or message_ids is not None
                and entry.message.message_id in message_ids
                and entry.state in (State.DEAD, State.DELAYED)
            ]
            for entry in chosen:
                entry.state, entry.error = State.READY, ""
                entry.message.due, entry.message.attempts = 0.0, 0
        self._wake()
        return len(chosen)

    def _remove(self, chosen: list[_Entry]) -> int:
        free = [entry for entry in chosen if entry.state is not State.RUNNING]
        for entry in free:
            del self._entries[entry.number]
        return len(free)

    def cancel(self, message_ids: Sequence[str]) -> int:
        """Remove messages that no worker has."""
        with self._lock:
            return self._remove(
                [one for one in self._entries.values() if one.message.message_id in message_ids]
            )

    def purge(self, queue: str | None = None, state: str | None = None) -> int:
        """Remove all messages that no worker has, of one queue or state or of all."""
        with self._lock:
            return self._remove(self._chosen(state, queue))

    def flush(self, timeout: float = 10.0) -> None:
        """Do nothing: what is sent is stored."""

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()


class MemoryConsumer:
    """A worker at the messages of its own process."""

    def __init__(self, broker: MemoryBroker, worker_id: str, queues: Sequence[str] | None) -> None:
        self._broker = broker
        self._worker = worker_id
        self._queues = None if queues is None else frozenset(queues)
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        os.set_blocking(self._read, False)
        broker._wakers.append(self._write)
        host, pid, _, _ = worker_id.rsplit(":", 3)
        now = time.time()
        broker._workers[worker_id] = WorkerInfo(worker_id, host, int(pid), now, now)

    def exchange(self, finished: Sequence[Finished], want: int) -> list[Message]:
        """Settle what is finished and claim up to `want` messages."""
        with self._broker._lock:
            for one in finished:
                self._settle(one)
            now = time.time()
            ready = []
            for entry in self._broker._entries.values():
                if entry.state is State.DELAYED and entry.message.due <= now:
                    entry.state = State.READY
                if entry.state is State.READY and (
                    self._queues is None or entry.message.queue_name in self._queues
                ):
                    ready.append(entry)
            claimed = heapq.nsmallest(want, ready)
            for entry in claimed:
                entry.state, entry.worker = State.RUNNING, self._worker
            return [entry.message for entry in claimed]

    def _settle(self, one: Finished) -> None:
        entry = self._broker._entries.get(one.message.key)
        if entry is None or entry.worker != self._worker:
            return
        entry.worker = ""
        if one.outcome is Outcome.DONE:
            del self._broker._entries[one.message.key]
        elif one.outcome is Outcome.RELEASED:
            entry.state = State.READY
        else:
            entry.state = State.DELAYED if one.outcome is Outcome.RETRY else State.DEAD
            entry.error = one.error
            entry.message.due = one.due
            entry.message.attempts += 1
        if one.result is not None or one.error and one.outcome is not Outcome.RETRY:
            self._broker._results[one.message.message_id] = StoredResult(
                one.result or "null", one.error
            )

    def wait(self, wake: int, timeout: float) -> None:
        """Wait for a message, one that becomes due, or `wake`."""
        with self._broker._lock:
            dues = [
                one.message.due
                for one in self._broker._entries.values()
                if one.state is State.DELAYED
            ]
        if dues:
            timeout = min(timeout, max(0.0, min(dues) - time.time()))
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        poll.register(self._read, select.POLLIN)
        if any(descriptor == self._read for descriptor, _ in poll.poll(timeout * 1000)):
            os.read(self._read, 4096)

    def heartbeat(self) -> int:
        """Tell that this worker lives; others share its fate."""
        known = self._broker._workers.get(self._worker)
        if known is not None:
            self._broker._workers[self._worker] = known._replace(seen_at=time.time())
        return 0

    def close(self) -> None:
        """Leave: what is still claimed goes back."""
        with self._broker._lock:
            for entry in self._broker._entries.values():
                if entry.worker == self._worker:
                    entry.state, entry.worker = State.READY, ""
            self._broker._workers.pop(self._worker, None)
        self._broker._wakers.remove(self._write)
        os.close(self._read)
        os.close(self._write)
