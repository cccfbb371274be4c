"""A worker at the database: claims, settlements, signs of life, and taking back what lost workers had."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from openviper.tasks.brokers.base import CallCount, Progress, WorkerStatus
from openviper.tasks.brokers.database_limits import admit, free_permits
from openviper.tasks.brokers.keeping import PRUNE_SECONDS, Keep, Ticker
from openviper.tasks.brokers.settling import bury_unreadable, settle, settle_done
from openviper.tasks.brokers.sweeping import sweep, take_back
from openviper.tasks.brokers.tables import (
    CANCELS,
    COUNTS,
    MESSAGES,
    PROGRESS,
    READY_AGAIN,
    UNIQUE,
    WORKERS,
    to_message,
)
from openviper.tasks.exceptions import BadMessageError, BrokerError
from openviper.tasks.limits import Limit
from openviper.tasks.liveness import is_lost, is_silent
from openviper.tasks.message import Finished, Message, Outcome, State

if TYPE_CHECKING:
    from openviper.tasks.brokers.tables import Store

logger = logging.getLogger("openviper.tasks.brokers")
DELAYED, SUSPECT = int(State.DELAYED), int(State.SUSPECT)
_MINE = f"worker = ? AND state = {int(State.RUNNING)}"
_RELEASE = f"UPDATE {MESSAGES} SET state = {READY_AGAIN}, worker = NULL WHERE id = ? AND worker = ?"


class DatabaseConsumer:
    """One worker process at the database.

    Args:
        open_store: Opens a connection.
        lease: Seconds after which a worker that gives no sign of life is lost.
        worker_id: Names this one.
        queues: The queues to take from; all when `None`.
        suspects: Take only what is to run in a process of its own.
        keep: How long results and dead messages are kept.
    """

    def __init__(
        self,
        open_store: Callable[[], Store],
        lease: float,
        worker_id: str,
        queues: Sequence[str] | None,
        *,
        suspects: bool,
        keep: Keep,
    ) -> None:
        self._open_store = open_store
        self._lease = lease
        self._store = open_store()
        self._worker = worker_id
        self._queues = None if queues is None else tuple(queues)
        self._suspects = suspects
        self._next_due: float | None = None
        self.is_in_doubt = False
        self._keep = keep
        self._buried: list[Finished] = []
        self._sweep_time = Ticker(PRUNE_SECONDS)
        # First: on PostgreSQL, what the worker writes needs no flush to disk from then on.
        self._store.listen()
        self._register()

    def _register(self) -> None:
        host, pid, _, _ = self._worker.rsplit(":", 3)
        now = time.time()
        queues = None if self._queues is None else json.dumps(self._queues)
        with self._connected().transaction():
            self._store.change(f"DELETE FROM {WORKERS} WHERE worker = ?", (self._worker,))
            self._store.change(
                f"INSERT INTO {WORKERS} (worker, host, pid, started_at, seen_at, settled_at, queues) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (self._worker, host, int(pid), now, now, now, queues),
            )

    def _connected(self) -> Store:
        """Return the connection; one that was lost is replaced."""
        if self._store.is_lost:
            with suppress(BrokerError):
                self._store.close()
            self._store = self._open_store()
            self._store.listen()
        return self._store

    # Claiming and settling

    def exchange(self, finished: Sequence[Finished], want: int) -> list[Message]:
        """Settle what is finished and claim up to `want` messages, in one transaction."""
        self._connected()
        try:
            return self._exchange(finished, want)
        except BrokerError:
            self.is_in_doubt = True
            raise

    def _exchange(self, finished: Sequence[Finished], want: int) -> list[Message]:
        now = time.time()
        with self._store.transaction():
            if finished:
                self._settle(finished, now)
            messages = self._claim(want, now) if want else []
        while want and not messages and self._store.has_more:
            with self._store.transaction():
                messages = self._claim(want, now)
        return messages

    def give_back(self, known: Collection[Message]) -> int:
        """Give back what this worker has according to the store and does not know of."""
        store = self._connected()
        rows = store.rows(f"SELECT id FROM {MESSAGES} WHERE {_MINE}", (self._worker,))
        unknown = {row[0] for row in rows} - {message.key for message in known}
        with store.transaction():
            for key in unknown:
                store.change(_RELEASE, (key, self._worker))
        self.is_in_doubt = False
        return len(unknown)

    def _settle(self, finished: Sequence[Finished], now: float) -> None:
        plain = [end.message.key for end in finished if _is_plain(end)]
        if plain:
            settle_done(self._store, self._worker, plain)
        # In one order of limits everywhere, so that nobody waits in a circle.
        for end in sorted(finished, key=lambda end: end.message.limit_key or ""):
            if not _is_plain(end):
                settle(self._store, self._worker, end, now)
            if end.outcome is Outcome.RETRY:
                self._note_due(end.due)

    def _claim(self, want: int, now: float) -> list[Message]:
        store = self._store
        if self._next_due is not None and self._next_due <= now:
            store.change(
                f"UPDATE {MESSAGES} SET state = {READY_AGAIN}, limit_key = NULL "
                f"WHERE state = {DELAYED} AND due <= ?",
                (now,),
            )
        rows = store.claim(self._worker, self._queues, want, suspects=self._suspects)
        if len(rows) < want:
            self._look_ahead()
        messages = []
        for row in rows:
            try:
                message = to_message(row)
            except BadMessageError as error:
                bury_unreadable(store, row[0], error, now)
                continue
            messages.append(message)
            if message.options is not None:
                self._begin(message)
        return messages

    def _begin(self, message: Message) -> None:
        """Let go of a unique key that is only for the time in the queue."""
        unique = message.option("unique")
        if unique is not None and unique[1] == "queued":
            self._store.change(
                f"DELETE FROM {UNIQUE} WHERE name = ? AND message_id = ?",
                (unique[0], message.message_id),
            )

    def _look_ahead(self) -> None:
        rows = self._store.rows(f"SELECT min(due) FROM {MESSAGES} WHERE state = {DELAYED}")
        due = rows[0][0]
        self._next_due = None if due is None else float(due)

    def _note_due(self, due: float) -> None:
        if self._next_due is None or due < self._next_due:
            self._next_due = due

    def admit(self, message: Message, limit: Limit) -> bool:
        """Return whether a claimed message may run within a limit; if not, it is put off."""
        store = self._connected()
        with store.transaction():
            again_at = admit(store, self._worker, message, limit)
        if again_at:
            self._note_due(again_at)
        return not again_at

    def wait(self, wake: int, timeout: float) -> None:
        """Wait for another process's write, a delayed message that becomes due, or `wake`."""
        if self._next_due is not None:
            timeout = min(timeout, max(0.0, self._next_due - time.time()))
        self._connected().wait(wake, timeout, self._queues)

    # Signs of life

    def heartbeat(self, status: WorkerStatus) -> int:
        """Tell that this worker lives, and take the messages of lost ones back."""
        now = time.time()
        store = self._connected()
        with store.transaction():
            seen = store.change(
                f"UPDATE {WORKERS} SET seen_at = ?, settled_at = ?, busy = ? WHERE worker = ?",
                (now, status.settled_at, int(status.is_busy), self._worker),
            )
        if not seen:  # Taken for lost, after a long pause; its messages have been given to others.
            self._register()
        count = sum(self._take_back(worker) for worker in self._lost(now))
        if self._sweep_time.is_due():
            sweep(store, now, self._keep)
        if self._next_due is None:
            self._look_ahead()
        return count

    def _take_back(self, worker: str) -> int:
        count, buried = take_back(self._store, worker)
        self._buried += buried
        return count

    def take_buried(self) -> list[Finished]:
        """Return the messages that signs of life have made dead since the last call."""
        buried, self._buried = self._buried, []
        return buried

    def _lost(self, now: float) -> list[str]:
        rows = self._store.rows(f"SELECT worker, seen_at FROM {WORKERS}")
        return [
            worker
            for worker, seen_at in rows
            if worker != self._worker and (is_silent(seen_at, now, self._lease) or is_lost(worker))
        ]

    def has_suspects(self) -> bool:
        """Return whether messages wait that are to run in a process of their own."""
        sql = f"SELECT 1 FROM {MESSAGES} WHERE state = {SUSPECT} LIMIT 1"
        return bool(self._connected().rows(sql))

    def report(self, progress: Sequence[Progress], counts: Sequence[CallCount]) -> None:
        """Store how far tasks are, and add to the numbers of calls."""
        store = self._connected()
        with store.transaction():
            for item in progress:
                store.change(f"DELETE FROM {PROGRESS} WHERE message_id = ?", (item.message_id,))
                store.insert_new(PROGRESS, "message_id, share, note, noted_at", tuple(item))
            for count in sorted(
                counts
            ):  # In one order everywhere, so that nobody waits in a circle.
                for minute in (0, count.minute):
                    _add_count(store, count._replace(minute=minute))

    def cancelled(self) -> set[str]:
        """Return the ids of running messages that somebody wants cancelled."""
        return {row[0] for row in self._connected().rows(f"SELECT message_id FROM {CANCELS}")}

    def close(self) -> None:
        """Leave: what is still claimed goes back to its queue at once."""
        try:
            store = self._connected()
            with store.transaction():
                free_permits(store, self._worker)
            take_back(store, self._worker, is_leaving=True)
        except BrokerError:
            logger.exception(
                "the worker could not take its leave; its messages go back when its lease runs out"
            )
        self._store.close()


def _is_plain(end: Finished) -> bool:
    """Return whether a settlement is no more than the deletion of a row."""
    if end.outcome is not Outcome.DONE or end.keeps_result:
        return False
    return end.message.options is None and end.message.limit_key is None


def _add_count(store: Store, count: CallCount) -> None:
    values: tuple[Any, ...] = (count.calls, count.seconds)
    key = (count.minute, count.actor_name, count.outcome)
    change = (
        f"UPDATE {COUNTS} SET calls = calls + ?, seconds = seconds + ? "
        "WHERE minute = ? AND actor_name = ? AND outcome = ?"
    )
    if store.change(change, (*values, *key)):
        return
    columns = "minute, actor_name, outcome, calls, seconds"
    if not store.insert_new(COUNTS, columns, (*key, *values)):
        store.change(change, (*values, *key))
