"""A worker at the database: claims, settlements, signs of life, and taking back what lost workers had."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from openviper.tasks.brokers.base import KEEP_DEAD
from openviper.tasks.brokers.sql import MESSAGES, RESULTS, WORKERS, to_message
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.identity import is_lost
from openviper.tasks.message import Finished, Message, Outcome, State

if TYPE_CHECKING:
    from openviper.tasks.brokers.sql import Store

logger = logging.getLogger("openviper.tasks.brokers")


class DatabaseConsumer:
    """One worker process at the database.

    Args:
        open_store: Opens a connection.
        lease: Seconds after which a worker that gives no sign of life is lost.
        worker_id: Names this one.
        queues: The queues to take from; all when `None`.
    """

    def __init__(
        self,
        open_store: Callable[[], Store],
        lease: float,
        worker_id: str,
        queues: Sequence[str] | None,
    ) -> None:
        self._open_store = open_store
        self._lease = lease
        self._store = open_store()
        self._worker = worker_id
        self._queues = None if queues is None else tuple(queues)
        self._next_due: float | None = None
        self._swept_at = 0.0
        self._register()

    def _register(self) -> None:
        host, pid, _, _ = self._worker.rsplit(":", 3)
        now = time.time()
        with self._reconnecting(), self._store.transaction():
            self._store.change(f"DELETE FROM {WORKERS} WHERE worker = ?", (self._worker,))
            self._store.change(
                f"INSERT INTO {WORKERS} (worker, host, pid, started_at, seen_at) VALUES (?, ?, ?, ?, ?)",
                (self._worker, host, int(pid), now, now),
            )
        self._store.listen()

    def _reconnecting(self) -> _Reconnecting:
        return _Reconnecting(self)

    def reconnect(self) -> None:
        """Replace a connection that was lost."""
        if self._store.is_lost:
            with suppress(BrokerError):
                self._store.close()
            self._store = self._open_store()
            self._store.listen()

    def exchange(self, finished: Sequence[Finished], want: int) -> list[Message]:
        """Settle what is finished and claim up to `want` messages, in one transaction."""
        now = time.time()
        with self._reconnecting(), self._store.transaction():
            if finished:
                self._settle(finished, now)
            if not want:
                return []
            if self._next_due is not None and self._next_due <= now:
                self._store.change(
                    f"UPDATE {MESSAGES} SET state = {int(State.READY)} WHERE state = {int(State.DELAYED)} AND due <= ?",
                    (now,),
                )
            rows = self._store.claim(self._worker, self._queues, want)
            if len(rows) < want:
                self._look_ahead()
        return [to_message(row) for row in rows]

    def _look_ahead(self) -> None:
        sql = f"SELECT min(due) FROM {MESSAGES} WHERE state = {int(State.DELAYED)}"
        due = self._store.rows(sql, ())[0][0]
        self._next_due = None if due is None else float(due)

    def _settle(self, finished: Sequence[Finished], now: float) -> None:
        done = [one.message.key for one in finished if one.outcome is Outcome.DONE]
        if done:
            self._store.delete_claimed(self._worker, done)
        for one in finished:
            if one.outcome is not Outcome.DONE:
                self._store.change(
                    f"UPDATE {MESSAGES} SET state = ?, due = ?, attempts = ?, error = ?, worker = NULL, settled_at = ? "
                    f"WHERE id = ? AND worker = ?",
                    (*self._changes(one), now, one.message.key, self._worker),
                )
                if one.outcome is Outcome.RETRY and (
                    self._next_due is None or one.due < self._next_due
                ):
                    self._next_due = one.due
            if one.result is not None or (one.error and one.outcome is not Outcome.RETRY):
                self._store.save_result(one.message.message_id, one.result, one.error or None, now)

    @staticmethod
    def _changes(one: Finished) -> tuple[int, float, int, str | None]:
        attempts = one.message.attempts
        if one.outcome is Outcome.RETRY:
            return int(State.DELAYED), one.due, attempts + 1, one.error
        if one.outcome is Outcome.DEAD:
            return int(State.DEAD), 0.0, attempts + 1, one.error
        return int(State.READY), 0.0, attempts, None

    def wait(self, wake: int, timeout: float) -> None:
        """Wait for another process's write, a delayed message that becomes due, or `wake`."""
        if self._next_due is not None:
            timeout = min(timeout, max(0.0, self._next_due - time.time()))
        with self._reconnecting():
            self._store.wait(wake, timeout, self._queues)

    def heartbeat(self) -> int:
        """Tell that this worker lives, and take the messages of lost ones back."""
        now = time.time()
        with self._reconnecting():
            with self._store.transaction():
                seen = self._store.change(
                    f"UPDATE {WORKERS} SET seen_at = ? WHERE worker = ?", (now, self._worker)
                )
            if (
                not seen
            ):  # Taken for lost, after a long pause; its messages have been given to others.
                self._register()
            lost = [
                row[0]
                for row in self._store.rows(f"SELECT worker, seen_at FROM {WORKERS}", ())
                if row[0] != self._worker and (row[1] < now - self._lease or is_lost(row[0]))
            ]
            count = sum(self._take_back(worker) for worker in lost)
            if now - self._swept_at > 60:
                self._swept_at = now
                self._sweep(now)
        if self._next_due is None:
            with self._reconnecting():
                self._look_ahead()
        return count

    def _take_back(self, worker: str) -> int:
        with self._store.transaction():
            self._store.change(f"DELETE FROM {WORKERS} WHERE worker = ?", (worker,))
            count = self._store.change(
                f"UPDATE {MESSAGES} SET state = {int(State.READY)}, worker = NULL "
                f"WHERE worker = ? AND state = {int(State.RUNNING)}",
                (worker,),
            )
        self._store.notify()
        return count

    def _sweep(self, now: float) -> None:
        """Drop what is older than people look at, and take back what no registered worker has."""
        known = f"(SELECT worker FROM {WORKERS})"
        with self._store.transaction():
            self._store.change(
                f"DELETE FROM {MESSAGES} WHERE state = {int(State.DEAD)} AND settled_at < ?",
                (now - KEEP_DEAD,),
            )
            self._store.change(f"DELETE FROM {RESULTS} WHERE stored_at < ?", (now - KEEP_DEAD,))
            self._store.change(
                f"UPDATE {MESSAGES} SET state = {int(State.READY)}, worker = NULL "
                f"WHERE state = {int(State.RUNNING)} AND worker NOT IN {known}",
                (),
            )

    def close(self) -> None:
        """Leave: what is still claimed goes back to its queue at once."""
        try:
            with self._reconnecting():
                self._take_back(self._worker)
        except BrokerError:
            logger.exception(
                "the worker could not take its leave; its messages go back when its lease runs out"
            )
        self._store.close()


class _Reconnecting:
    """Replaces the connection after the block when it turned out to be lost; the error goes on."""

    def __init__(self, consumer: DatabaseConsumer) -> None:
        self._consumer = consumer

    def __enter__(self) -> None:
        self._consumer.reconnect()

    def __exit__(self, *error: object) -> None:
        """Leave the rest to the next call."""
