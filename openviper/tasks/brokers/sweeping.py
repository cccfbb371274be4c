"""At the database: what a lost worker had, and what is older than people look at."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from openviper.tasks.brokers.claims import AT_ONCE, marks
from openviper.tasks.brokers.database_limits import free_permits
from openviper.tasks.brokers.keeping import KEEP_FLOWS, KEEP_MINUTES, KEEP_UNENDED, Keep, Pruned
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
_REGISTERED = f"(SELECT worker FROM {WORKERS})"
_ORPHANED = f"state = {RUNNING} AND worker NOT IN {_REGISTERED}"


def take_back(store: Store, worker: str, *, is_leaving: bool = False) -> tuple[int, list[Finished]]:
    """Give the messages of a worker back, and forget the worker.

    Args:
        store: The connection.
        worker: The worker.
        is_leaving: It leaves by itself, so that none of its messages can be the reason.

    Returns:
        How many messages it had that wait again, and those that are dead.
    """
    buried: list[Finished] = []
    counts = not is_leaving and not was_stopped_with_its_watcher(worker)
    with store.transaction():
        store.change(f"DELETE FROM {WORKERS} WHERE worker = ?", (worker,))
        free_permits(store, worker)
        if counts:
            buried = _bury_those_that_did_it(store, worker)
        count = store.change(
            f"UPDATE {MESSAGES} SET state = {READY_AGAIN}, worker = NULL "
            f"WHERE worker = ? AND state = {RUNNING}",
            (worker,),
        )
    store.notify()
    return count, buried


def _bury_those_that_did_it(store: Store, worker: str) -> list[Finished]:
    """Count the death of the worker for each of its messages; one that has had too many is dead, and returned."""
    buried = []
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
        logger.error(
            "%r has taken its process with it %d times and is dead", message, message.deliveries
        )
        end = Finished(message, Outcome.DEAD, error=LOST_ERROR)
        settle(store, worker, end, time.time())
        buried.append(end)
    return buried


def sweep(store: Store, now: float, keep: Keep) -> None:
    """Drop what is older than people look at, and take back what no registered worker has."""
    prune(store, keep.results_before(now), keep.dead_before(now))
    with store.transaction():
        store.change(
            f"DELETE FROM {GROUPS} WHERE stored_at < ? "
            "AND (done + failed >= total OR stored_at < ?)",
            (now - KEEP_FLOWS, now - KEEP_UNENDED),
        )
        store.change(f"DELETE FROM {PROGRESS} WHERE noted_at < ?", (now - KEEP_FLOWS,))
        store.change(f"DELETE FROM {CANCELS} WHERE asked_at < ?", (now - KEEP_FLOWS,))
        store.change(f"DELETE FROM {UNIQUE} WHERE until > 0 AND until < ?", (now,))
        store.change(f"DELETE FROM {COUNTS} WHERE minute > 0 AND minute < ?", (now - KEEP_MINUTES,))
        store.change(f"DELETE FROM {PERMITS} WHERE worker NOT IN {_REGISTERED}")
    # A look at all messages, so that nobody has to wait for it, and seldom anything to change.
    if store.rows(f"SELECT 1 FROM {MESSAGES} WHERE {_ORPHANED} LIMIT 1"):
        store.change(
            f"UPDATE {MESSAGES} SET state = {READY_AGAIN}, worker = NULL WHERE {_ORPHANED}"
        )


def prune(store: Store, results_before: float, dead_before: float) -> Pruned:
    """Remove results that were stored, and messages that have been dead, since before a moment; a part at a time."""
    return Pruned(
        _delete_in_parts(store, RESULTS, "message_id", "stored_at < ?", results_before),
        _delete_in_parts(store, MESSAGES, "id", f"state = {DEAD} AND settled_at < ?", dead_before),
    )


def _delete_in_parts(store: Store, table: str, key: str, condition: str, moment: float) -> int:
    """Delete rows, no more at a time than others can wait for, and return how many they were."""
    count = 0
    select = f"SELECT {key} FROM {table} WHERE {condition} LIMIT {AT_ONCE}"
    while keys := [row[0] for row in store.rows(select, (moment,))]:
        sql = f"DELETE FROM {table} WHERE {key} IN ({marks(keys)}) AND {condition}"
        count += store.change(sql, (*keys, moment))
    return count
