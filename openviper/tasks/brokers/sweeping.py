"""At the database: what a lost worker had, and what is older than people look at."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from openviper.tasks.brokers.base import KEEP_DEAD, KEEP_MINUTES
from openviper.tasks.brokers.database_limits import free_permits
from openviper.tasks.brokers.settling import settle
from openviper.tasks.brokers.tables import (
    CANCELS,
    COLUMNS,
    COUNTS,
    GROUPS,
    MESSAGES,
    PERMITS,
    PROGRESS,
    READY_AGAIN,
    RESULTS,
    UNIQUE,
    WORKERS,
    to_message,
)
from openviper.tasks.exceptions import BadMessageError
from openviper.tasks.liveness import was_stopped_with_its_watcher
from openviper.tasks.message import LOST_ERROR, LOST_LIMIT, Finished, Outcome, State

if TYPE_CHECKING:
    from openviper.tasks.brokers.tables import Store

logger = logging.getLogger("openviper.tasks.brokers")
RUNNING, DEAD = int(State.RUNNING), int(State.DEAD)


def take_back(store: Store, worker: str, *, is_leaving: bool = False) -> int:
    """Give the messages of a worker back, and forget the worker.

    Args:
        store: The connection.
        worker: The worker.
        is_leaving: It leaves by itself, so that none of its messages can be the reason.

    Returns:
        How many messages it had.
    """
    counts = not is_leaving and not was_stopped_with_its_watcher(worker)
    with store.transaction():
        store.change(f"DELETE FROM {WORKERS} WHERE worker = ?", (worker,))
        free_permits(store, worker)
        if counts:
            _bury_those_that_did_it(store, worker)
        count = store.change(
            f"UPDATE {MESSAGES} SET state = {READY_AGAIN}, worker = NULL "
            f"WHERE worker = ? AND state = {RUNNING}",
            (worker,),
        )
    store.notify()
    return count


def _bury_those_that_did_it(store: Store, worker: str) -> None:
    """Count the death of the worker for each of its messages; one that has had too many is dead."""
    mine = f"worker = ? AND state = {RUNNING}"
    store.change(f"UPDATE {MESSAGES} SET deliveries = deliveries + 1 WHERE {mine}", (worker,))
    rows = store.rows(
        f"SELECT {COLUMNS} FROM {MESSAGES} WHERE {mine} AND deliveries >= {LOST_LIMIT}", (worker,)
    )
    for row in rows:
        try:
            message = to_message(row)
        except BadMessageError:
            continue  # Whoever claims it next makes it dead.
        logger.error("%r has taken its process with it %d times and is dead", message, row[-2])
        end = Finished(message, Outcome.DEAD, error=LOST_ERROR)
        settle(store, worker, end, time.time())


def sweep(store: Store, now: float) -> None:
    """Drop what is older than people look at, and take back what no registered worker has."""
    old = now - KEEP_DEAD
    workers = f"(SELECT worker FROM {WORKERS})"
    with store.transaction():
        store.change(f"DELETE FROM {MESSAGES} WHERE state = {DEAD} AND settled_at < ?", (old,))
        for table, column in (
            (RESULTS, "stored_at"),
            (GROUPS, "stored_at"),
            (PROGRESS, "noted_at"),
            (CANCELS, "asked_at"),
        ):
            store.change(f"DELETE FROM {table} WHERE {column} < ?", (old,))
        store.change(f"DELETE FROM {UNIQUE} WHERE until > 0 AND until < ?", (now,))
        store.change(f"DELETE FROM {COUNTS} WHERE minute > 0 AND minute < ?", (now - KEEP_MINUTES,))
        store.change(f"DELETE FROM {PERMITS} WHERE worker NOT IN {workers}")
        store.change(
            f"UPDATE {MESSAGES} SET state = {READY_AGAIN}, worker = NULL "
            f"WHERE state = {RUNNING} AND worker NOT IN {workers}"
        )
