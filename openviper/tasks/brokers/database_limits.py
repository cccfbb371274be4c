"""Limits at the database: permits of calls that run, and how each rate stands."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from openviper.tasks.brokers.base import PARKED_SECONDS
from openviper.tasks.brokers.tables import MESSAGES, PERMITS, RATES, READY_AGAIN, options_text
from openviper.tasks.limits import Allowance, Limit, take_call
from openviper.tasks.message import Message, State

if TYPE_CHECKING:
    from openviper.tasks.brokers.tables import Store

DELAYED = int(State.DELAYED)


def admit(store: Store, worker: str, message: Message, limit: Limit) -> float:
    """Take a permit for a claimed message, or put it off; inside a transaction.

    Returns:
        0 if it may run; else when it is looked at again, in seconds since the epoch; by somebody else if it is not this worker's
        any more.
    """
    now = time.time()
    sql = f"SELECT 1 FROM {MESSAGES} WHERE id = ? AND worker = ?"
    if not store.rows(sql, (message.key, worker)):
        return now
    allowance = _lock(store, limit.key)
    woken_for = message.limit_key
    if _is_full(store, limit, message):
        again_at, waits_for = now + PARKED_SECONDS, limit.key
    else:
        again_at, waits_for = _take_call(store, limit, allowance, now), None
    if again_at:
        _put_off(store, worker, message, again_at, waits_for)
    elif limit.concurrency is not None:
        columns = "message_id, name, worker"
        store.insert_new(PERMITS, columns, (message.message_id, limit.key, worker))
        message.limit_key = limit.key
    if woken_for is not None and woken_for != (waits_for if again_at else limit.key):
        wake_next(store, woken_for)
    return again_at


def _is_full(store: Store, limit: Limit, message: Message) -> bool:
    """Return whether other messages have all the permits there are."""
    if limit.concurrency is None:
        return False
    # Not its own: it may have one from a try before, whose answer was lost.
    sql = f"SELECT count(*) FROM {PERMITS} WHERE name = ? AND message_id <> ?"
    rows = store.rows(sql, (limit.key, message.message_id))
    return int(rows[0][0]) >= limit.concurrency


def _take_call(store: Store, limit: Limit, allowance: Allowance, now: float) -> float:
    """Take one of the calls that a rate allows; return when to try again, or 0 if one was taken or there is no rate."""
    if limit.rate is None:
        return 0.0
    allowance, again_at = take_call(limit.rate, allowance, now)
    sql = f"UPDATE {RATES} SET free_at = ?, tail_at = ? WHERE name = ?"
    store.change(sql, (*allowance, limit.key))
    return again_at


def _lock(store: Store, key: str) -> Allowance:
    """Make everybody else with this key wait until the transaction ends, and return how the rate stands."""
    store.insert_new(RATES, "name, free_at, tail_at", (key, 0.0, 0.0))
    _hold(store, key)
    rows = store.rows(f"SELECT free_at, tail_at FROM {RATES} WHERE name = ?", (key,))
    return Allowance(float(rows[0][0]), float(rows[0][1]))


def _hold(store: Store, key: str) -> None:
    store.change(f"UPDATE {RATES} SET free_at = free_at WHERE name = ?", (key,))


def _put_off(
    store: Store, worker: str, message: Message, due: float, waits_for: str | None
) -> None:
    message.put_off(due)
    store.change(
        f"UPDATE {MESSAGES} SET state = {DELAYED}, worker = NULL, due = ?, limit_key = ?, options = ? "
        "WHERE id = ? AND worker = ?",
        (due, waits_for, options_text(message), message.key, worker),
    )


def free_permit(store: Store, message: Message) -> None:
    """Give a permit back, and make the next message that waits for it ready; inside a transaction."""
    store.change(f"DELETE FROM {PERMITS} WHERE message_id = ?", (message.message_id,))
    if message.limit_key is not None:
        wake_next(store, message.limit_key)


def free_permits(store: Store, worker: str) -> None:
    """Give all permits of a worker back; inside a transaction."""
    keys = [row[0] for row in store.rows(f"SELECT name FROM {PERMITS} WHERE worker = ?", (worker,))]
    if keys:
        store.change(f"DELETE FROM {PERMITS} WHERE worker = ?", (worker,))
    for key in sorted(keys):
        wake_next(store, key)


def woken_keys(store: Store, where: str, values: tuple[Any, ...]) -> list[str]:
    """Return for which limits those of some messages were woken that no worker has yet, each as often as there are some."""
    sql = (
        f"SELECT limit_key FROM {MESSAGES}{where} AND state <> {DELAYED} AND limit_key IS NOT NULL"
    )
    return sorted(row[0] for row in store.rows(sql, values))


def wake_next(store: Store, key: str) -> None:
    """Make the next message ready that waits for a permit of a limit; inside a transaction."""
    # Whoever takes a permit, or wakes somebody, at the same time: one after the other, so that neither misses what the other does.
    _hold(store, key)
    rows = store.rows(
        f"SELECT id FROM {MESSAGES} WHERE state = {DELAYED} AND limit_key = ? "
        "ORDER BY priority, id LIMIT 1",
        (key,),
    )
    if rows:
        store.change(
            f"UPDATE {MESSAGES} SET state = {READY_AGAIN}, due = 0 "
            f"WHERE id = ? AND state = {DELAYED}",
            (rows[0][0],),
        )
        store.notify()
