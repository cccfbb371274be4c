"""The contract of a broker: a store of messages that many processes share.

Everything here is synchronous: senders are plain functions, and a worker has a thread that does nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from openviper.db.dialects.folding import folded
from openviper.tasks.brokers.keeping import Pruned
from openviper.tasks.limits import Limit
from openviper.tasks.liveness import is_lost, is_silent
from openviper.tasks.message import Finished, Message, clean_text

PARKED_SECONDS = 300.0
"""Seconds after which a message that waits for a permit looks again by itself, should nobody have told it."""


class QueueInfo(NamedTuple):
    """How a queue stands.

    Attributes:
        oldest: Seconds that the oldest message that is ready has waited since it was due; `None` without one.
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
        stored_at: In seconds since the epoch.
    """

    value: str
    error: str
    stored_at: float = 0.0


class Progress(NamedTuple):
    """How far a task is.

    Attributes:
        share: From 0 to 1.
        noted_at: When it said so, in seconds since the epoch.
    """

    message_id: str
    share: float
    note: str
    noted_at: float


class GroupInfo(NamedTuple):
    """How a group of messages stands; `failed` are dead."""

    group_id: str
    total: int
    done: int
    failed: int


class WorkerInfo(NamedTuple):
    """A worker process that is registered.

    Attributes:
        started_at: In seconds since the epoch; `seen_at` and `settled_at`, of the last settlement or claim that the store
            took, likewise.
        queues: Those it takes from; `None` for all.
        is_busy: Whether it can take nothing at present because all its places are taken by calls within their time.
    """

    worker_id: str
    host: str
    pid: int
    started_at: float
    seen_at: float
    settled_at: float
    queues: tuple[str, ...] | None
    is_busy: bool

    def takes(self, queue: str) -> bool:
        """Return whether the worker takes from a queue."""
        return self.queues is None or queue in self.queues


class WorkerStatus(NamedTuple):
    """What a worker tells with each sign of life; see `WorkerInfo`."""

    settled_at: float
    is_busy: bool


class Slot(NamedTuple):
    """The last firing of a periodic job.

    Attributes:
        moment: In whole milliseconds since the epoch.
        schedule: The text of the schedule that it was a firing of.
    """

    moment: int
    schedule: str


class StoredSchedule(NamedTuple):
    """A periodic job in the store: one that was added at run time, or the pause of one in the code.

    Attributes:
        definition: JSON text of a job that was added; `None` for one that is in the code.
    """

    name: str
    definition: str | None
    is_paused: bool


class Filter(NamedTuple):
    """Which messages are meant; what is `None` does not matter.

    Attributes:
        error: A part of the text of the error, in whatever case.
        before: They were sent before this moment, in seconds since the epoch.
    """

    state: str | None = None
    queue: str | None = None
    actor: str | None = None
    error: str | None = None
    before: float | None = None

    def matches(self, info: MessageInfo) -> bool:
        """Return whether a message is meant."""
        names = (info.state, info.queue_name, info.actor_name)
        if not all(map(_is_wished, (self.state, self.queue, self.actor), names)):
            return False
        if self.before is not None and info.sent_at >= self.before:
            return False
        return self.fits_error(info.error)

    def fits_error(self, error: str) -> bool:
        """Return whether an error has the text that is asked for; decided here for every store, as they differ in what they take for lower case."""
        # The errors that are stored have been cleaned too.
        return self.error is None or folded(clean_text(self.error)) in folded(error)


def _is_wished(wish: str | None, value: str) -> bool:
    return wish is None or wish == value


EVERYTHING = Filter()


class CallCount(NamedTuple):
    """How often something became of an actor's calls.

    Attributes:
        minute: The minute it is of, in seconds since the epoch; 0 for all time.
        outcome: ``success``, ``failure``, ``dead``, ``skipped`` or ``cancelled``.
        seconds: How long the calls took together.
    """

    minute: int
    actor_name: str
    outcome: str
    calls: int
    seconds: float


class Consumer(Protocol):
    """One worker process at a broker; used by one thread only.

    Attributes:
        is_in_doubt: Whether the answer to an exchange was lost: then the store may hold claims that nobody knows of.
    """

    is_in_doubt: bool

    def exchange(self, finished: Sequence[Finished], want: int) -> list[Message]:
        """Settle what is finished and claim up to `want` messages, lowest priority number first, oldest first.

        A claimed message belongs to this worker until it is settled or the worker is lost. Settling one that another
        worker has taken over meanwhile does nothing. With a settlement go, in the same step, the end of a unique key, the
        count of a group and its callback, the permit of a limit, and the messages that follow. What cannot be read as a
        message becomes dead.

        Raises:
            BrokerError: If the store does not answer, or refuses; nothing is claimed, and what is finished has to be
                given again.
        """
        ...

    def give_back(self, known: Collection[Message]) -> int:
        """Give back what this worker has according to the store and does not know of, and be in no doubt any more.

        Raises:
            BrokerError: If the store does not answer.
        """
        ...

    def admit(self, message: Message, limit: Limit) -> bool:
        """Return whether a claimed message may run within a limit; if not, it is put off and no longer this worker's.

        Raises:
            BrokerError: If the store does not answer.
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

    def heartbeat(self, status: WorkerStatus) -> int:
        """Tell that this worker lives, take the messages of lost ones back, drop what is too old.

        A message whose worker died while the process that watches over it lives on may be the reason: it is counted, and
        runs from then on in a process of its own. After `LOST_LIMIT` deaths in which it was alone it is dead.

        Returns:
            How many messages went back to their queues.

        Raises:
            BrokerError: If the store does not answer.
        """
        ...

    def take_buried(self) -> list[Finished]:
        """Return the messages that signs of life have made dead since the last call: nobody else tells of their ends."""
        ...

    def has_suspects(self) -> bool:
        """Return whether messages wait that are to run in a process of their own."""
        ...

    def report(self, progress: Sequence[Progress], counts: Sequence[CallCount]) -> None:
        """Store how far tasks are, and add to the numbers of calls.

        Raises:
            BrokerError: If the store does not answer.
        """
        ...

    def cancelled(self) -> set[str]:
        """Return the ids of running messages that somebody wants cancelled."""
        ...

    def close(self) -> None:
        """Leave: what is still claimed goes back to its queue at once."""
        ...


class Broker(Protocol):
    """A store of messages; its methods may be called from any thread."""

    name: str

    def enqueue(self, messages: Sequence[Message], group: NewGroup | None = None) -> list[Message]:
        """Store messages, all or none of them; they are durable when this returns.

        Args:
            messages: Messages.
            group: The group they belong to, stored with them.

        Returns:
            Those that were not stored because one with their unique key is there already.

        Raises:
            BrokerError: If the store does not answer.
        """
        ...

    def send(
        self, messages: Sequence[Message], group: NewGroup | None = None
    ) -> list[Message] | None:
        """Store messages as the caller's circumstances ask for: with its transaction, and without blocking an event loop.

        Returns:
            Like `enqueue`; `None` where that is decided later.

        Raises:
            BrokerError: If the store does not answer.
        """
        ...

    def consumer(
        self, worker_id: str, queues: Sequence[str] | None, *, suspects: bool = False
    ) -> Consumer:
        """Return a consumer.

        Args:
            worker_id: Names the worker; starts with what `openviper.tasks.liveness` tells of the host.
            queues: The queues to take from; all when `None`.
            suspects: Take only what is to run in a process of its own.
        """
        ...

    def result(self, message_id: str) -> StoredResult | None:
        """Return what is known of a message that is finished, or `None`."""
        ...

    def progress(self, message_id: str) -> Progress | None:
        """Return how far a message said it is, or `None`."""
        ...

    def group(self, group_id: str) -> GroupInfo | None:
        """Return how a group stands, or `None` if it is not known."""
        ...

    def slot(self, name: str) -> Slot | None:
        """Return the last firing of a periodic job."""
        ...

    def swap_slot(
        self, name: str, before: Slot | None, after: Slot, message: Message | None = None
    ) -> bool:
        """Replace the last firing of a periodic job if it still is the one given: true for one caller.

        Args:
            name: The job.
            before: What `slot` said.
            after: The new one.
            message: Stored in the same step, unless one with its unique key is there already.

        Raises:
            BrokerError: If the store does not answer.
        """
        ...

    def schedules(self) -> list[StoredSchedule]:
        """Return the periodic jobs that were added or paused at run time, by name."""
        ...

    def save_schedule(self, schedule: StoredSchedule) -> None:
        """Add or replace a periodic job; its last firing stays."""
        ...

    def remove_schedule(self, name: str) -> bool:
        """Remove a periodic job that was added, its last firing too; return whether it was there."""
        ...

    def queues(self) -> list[QueueInfo]:
        """Return how each queue stands."""
        ...

    def messages(self, chosen: Filter = EVERYTHING, limit: int = 100) -> list[MessageInfo]:
        """Return stored messages, oldest first.

        Args:
            chosen: Which.
            limit: Most messages.
        """
        ...

    def workers(self) -> list[WorkerInfo]:
        """Return the registered workers."""
        ...

    def counts(self) -> list[CallCount]:
        """Return how often what became of calls: for all time, and for each minute of the last two hours."""
        ...

    def retry(self, chosen: Sequence[str] | Filter) -> int:
        """Make dead or delayed messages ready again, with all their attempts: those of ids, or the dead ones of a filter."""
        ...

    def cancel(self, message_ids: Sequence[str]) -> int:
        """Remove messages that no worker has, and ask for the end of those that run; return the number removed."""
        ...

    def purge(self, chosen: Filter = EVERYTHING) -> int:
        """Remove all messages that no worker has and that are meant."""
        ...

    def prune(self, results_before: float, dead_before: float) -> Pruned:
        """Remove results that were stored, and messages that have been dead, since before a moment.

        Args:
            results_before: In seconds since the epoch.
            dead_before: Likewise.
        """
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


class NewGroup(NamedTuple):
    """A group that is sent.

    Attributes:
        total: How many messages it has.
        then: Sent when all of them have succeeded; a message as `to_values` gives it, as JSON text.
        on_failure: Sent when all have ended and at least one of them is dead; likewise.
    """

    group_id: str
    total: int
    then: str | None = None
    on_failure: str | None = None


# What all brokers do alike


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


def queue_names(stored: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the queues that a worker takes from, of what is stored of them."""
    return None if stored is None else tuple(stored)


def waited_since(message: Message | MessageInfo) -> float:
    """Return when a message could have run first, in seconds since the epoch."""
    return message.due or message.sent_at


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
        if not is_silent(worker.seen_at, now, lease) and not is_lost(worker.worker_id)
    ]
