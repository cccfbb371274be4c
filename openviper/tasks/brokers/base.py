"""The contract of a broker: a store of messages that many processes share.

Everything here is synchronous: senders are plain functions, and a worker has a thread that does nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from openviper.tasks.identity import is_lost
from openviper.tasks.message import Finished, Message

KEEP_DEAD = 7 * 86400
"""Seconds that dead messages and results stay."""


class QueueInfo(NamedTuple):
    """How a queue stands.

    Attributes:
        oldest: Age of the oldest message that is ready, in seconds; `None` without one.
    """

    name: str
    ready: int
    running: int
    delayed: int
    dead: int
    oldest: float | None


class MessageInfo(NamedTuple):
    """A stored message, for people.

    Attributes:
        due: In seconds since the epoch; 0 for at once. `sent_at` likewise.
        worker: The worker that has it, empty unless it is running.
    """

    message_id: str
    actor_name: str
    queue_name: str
    state: str
    priority: int
    due: float
    attempts: int
    sent_at: float
    worker: str
    error: str


class StoredResult(NamedTuple):
    """What a message returned, or why it failed for good.

    Attributes:
        value: JSON text.
        error: ``Type: text``, empty after a success.
    """

    value: str
    error: str


class WorkerInfo(NamedTuple):
    """A worker process that is registered.

    Attributes:
        started_at: In seconds since the epoch; `seen_at` likewise.
    """

    worker_id: str
    host: str
    pid: int
    started_at: float
    seen_at: float


class Consumer(Protocol):
    """One worker process at a broker; used by one thread only."""

    def exchange(self, finished: Sequence[Finished], want: int) -> list[Message]:
        """Settle what is finished and claim up to `want` messages, lowest priority number first, oldest first.

        A claimed message belongs to this worker until it is settled or the worker is lost. Settling one that another
        worker has taken over meanwhile does nothing.

        Raises:
            BrokerError: If the store does not answer; nothing is claimed, and what is finished has to be given again.
        """
        ...

    def wait(self, wake: int, timeout: float) -> None:
        """Wait until there may be something to claim, the file descriptor `wake` is readable, or time is up.

        Args:
            wake: Readable when the worker has something to settle.
            timeout: Longest wait, in seconds.

        Raises:
            BrokerError: If the store does not answer.
        """
        ...

    def heartbeat(self) -> int:
        """Tell that this worker lives, take the messages of lost ones back, drop what is too old.

        Returns:
            How many messages went back to their queues.

        Raises:
            BrokerError: If the store does not answer.
        """
        ...

    def close(self) -> None:
        """Leave: what is still claimed goes back to its queue at once."""
        ...


class Broker(Protocol):
    """A store of messages; its methods may be called from any thread."""

    name: str

    def enqueue(self, messages: Sequence[Message]) -> None:
        """Store messages, all or none of them; they are durable when this returns.

        Raises:
            BrokerError: If the store does not answer.
        """
        ...

    def send(self, message: Message) -> None:
        """Store one message as the caller's circumstances ask for: with its transaction, and without blocking an event loop.

        Raises:
            BrokerError: If the store does not answer.
        """
        ...

    def consumer(self, worker_id: str, queues: Sequence[str] | None) -> Consumer:
        """Return a consumer.

        Args:
            worker_id: Names the worker; starts with what `openviper.tasks.identity` tells of the host.
            queues: The queues to take from; all when `None`.
        """
        ...

    def result(self, message_id: str) -> StoredResult | None:
        """Return what is known of a message that is finished, or `None`."""
        ...

    def claim_slot(self, name: str, slot: int, message: Message | None = None) -> bool:
        """Take a slot of a periodic job: true for exactly one caller per slot, and for no slot before the last one taken.

        Args:
            name: The job.
            slot: The number of the firing.
            message: Stored if the slot is taken; both happen or neither, wherever the process is killed.

        Raises:
            BrokerError: If the store does not answer.
        """
        ...

    def last_slot(self, name: str) -> int | None:
        """Return the last slot that was taken of a periodic job."""
        ...

    def queues(self) -> list[QueueInfo]:
        """Return how each queue stands."""
        ...

    def messages(
        self, state: str | None = None, queue: str | None = None, limit: int = 100
    ) -> list[MessageInfo]:
        """Return stored messages, oldest first.

        Args:
            state: ``ready``, ``running``, ``delayed`` or ``dead``; all when `None`.
            queue: One queue; all when `None`.
            limit: Most messages.
        """
        ...

    def workers(self) -> list[WorkerInfo]:
        """Return the registered workers."""
        ...

    def retry(self, message_ids: Sequence[str] | None = None) -> int:
        """Make dead or delayed messages ready again, with all their attempts; `None` means every dead one."""
        ...

    def cancel(self, message_ids: Sequence[str]) -> int:
        """Remove messages that no worker has."""
        ...

    def purge(self, queue: str | None = None, state: str | None = None) -> int:
        """Remove all messages that no worker has, of one queue or state or of all."""
        ...

    def flush(self, timeout: float = 10.0) -> None:
        """Wait until everything given to `send` is stored.

        Args:
            timeout: Longest wait, in seconds.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def split_error(error: str) -> tuple[str, str]:
    """Return the type and the text of an error as `Finished.error` holds it."""
    name, _, text = error.partition(": ")
    return name, text


def info_row(state: str, message: Message, worker: str, error: str) -> MessageInfo:
    """Return a message for people."""
    return MessageInfo(
        message.message_id,
        message.actor_name,
        message.queue_name,
        state,
        message.priority,
        message.due,
        message.attempts,
        message.sent_at,
        worker,
        error,
    )


Row = tuple[Any, ...]


def live_workers(broker: Broker, lease: float) -> list[WorkerInfo]:
    """Return the workers that have given a sign of life within the lease and, on this host, still run.

    Args:
        broker: Where they are registered.
        lease: Seconds after which a worker is taken for lost.

    Raises:
        BrokerError: If the store does not answer.
    """
    now = time.time()
    return [
        worker
        for worker in broker.workers()
        if now - worker.seen_at <= lease and not is_lost(worker.worker_id)
    ]
