"""Settlements at the database: what becomes of a message's row, and what goes with it in the same transaction."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from openviper.tasks.brokers.database_limits import free_permit
from openviper.tasks.brokers.storing import Parcel, store_within
from openviper.tasks.brokers.tables import (
    CANCELS,
    GROUPS,
    MESSAGES,
    READY_AGAIN,
    RESULTS,
    UNIQUE,
    options_text,
)
from openviper.tasks.exceptions import BadMessageError
from openviper.tasks.message import Finished, Outcome, State, describe_error, from_values

if TYPE_CHECKING:
    from openviper.tasks.brokers.tables import Store

logger = logging.getLogger("openviper.tasks.brokers")


def settle_done(store: Store, worker: str, keys: Sequence[int]) -> None:
    """Delete messages that have nothing else to settle."""
    store.delete_claimed(worker, keys)


def settle(store: Store, worker: str, end: Finished, now: float) -> None:
    """Settle one message with everything that goes with it; one that another worker has taken over is left alone."""
    if not _change_row(store, worker, end, now):
        return
    message = end.message
    if message.limit_key is not None:
        free_permit(store, message)
    for message_id in end.told_ids:
        _store_result(store, message_id, end, now)
    if end.is_end:
        _settle_end(store, end)


def _settle_end(store: Store, end: Finished) -> None:
    message = end.message
    if message.options is not None:
        _end_options(store, end)
    store.change(f"DELETE FROM {CANCELS} WHERE message_id = ?", (message.message_id,))


def _store_result(store: Store, message_id: str, end: Finished, now: float) -> None:
    store.change(f"DELETE FROM {RESULTS} WHERE message_id = ?", (message_id,))
    columns = "message_id, value, error, stored_at"
    store.insert_new(RESULTS, columns, (message_id, end.result, end.error or None, now))


def _change_row(store: Store, worker: str, end: Finished, now: float) -> int:
    message = end.message
    if end.outcome is Outcome.DONE:
        return store.change(
            f"DELETE FROM {MESSAGES} WHERE id = ? AND worker = ?", (message.key, worker)
        )
    if end.outcome is Outcome.RELEASED:
        return store.change(
            f"UPDATE {MESSAGES} SET state = {READY_AGAIN}, worker = NULL WHERE id = ? AND worker = ?",
            (message.key, worker),
        )
    message.set_option("since", None)
    state = State.DELAYED if end.outcome is Outcome.RETRY else State.DEAD
    return store.change(
        f"UPDATE {MESSAGES} SET state = ?, due = ?, attempts = ?, error = ?, options = ?, "
        "worker = NULL, limit_key = NULL, settled_at = ? WHERE id = ? AND worker = ?",
        (
            int(state),
            end.due,
            message.attempts + end.counts,
            end.error,
            options_text(message),
            now,
            message.key,
            worker,
        ),
    )


def _end_options(store: Store, end: Finished) -> None:
    message = end.message
    unique = message.option("unique")
    if unique is not None and unique[1] != "time":
        store.change(
            f"DELETE FROM {UNIQUE} WHERE name = ? AND message_id = ?",
            (unique[0], message.message_id),
        )
    if end.follow:
        store_within(store, Parcel(end.follow))
    group_id = message.option("group")
    if group_id is not None and not end.follow:
        count_in_group(store, group_id, has_failed=end.has_failed)


def count_in_group(store: Store, group_id: str, *, has_failed: bool) -> None:
    """Count the end of a member of a group, and send the group's callback after the last one."""
    column = "failed" if has_failed else "done"
    store.change(f"UPDATE {GROUPS} SET {column} = {column} + 1 WHERE group_id = ?", (group_id,))
    rows = store.rows(
        f"SELECT total, done, failed, callback, on_failure FROM {GROUPS} WHERE group_id = ?",
        (group_id,),
    )
    if rows:
        _send_callback(store, *rows[0])


def _send_callback(
    store: Store, total: int, done: int, failed: int, then: str | None, on_failure: str | None
) -> None:
    """Send what follows a group, if all its members have ended."""
    callback = on_failure if failed else then
    if done + failed == total and callback is not None:
        message = from_values(json.loads(callback))
        message.start_waiting(time.time())
        store_within(store, Parcel([message]))


def take_off_count(store: Store, group_id: str) -> None:
    """Count a dead member of a group no more: it is tried again."""
    store.change(
        f"UPDATE {GROUPS} SET failed = failed - 1 WHERE group_id = ? AND failed > 0", (group_id,)
    )


def bury_unreadable(store: Store, key: int, error: BadMessageError, now: float) -> None:
    """Make a row dead that cannot be read as a message."""
    logger.error("message %s cannot be read and is dead: %s", key, error)
    store.change(
        f"UPDATE {MESSAGES} SET state = {int(State.DEAD)}, worker = NULL, error = ?, settled_at = ? "
        "WHERE id = ?",
        (describe_error(error), now, key),
    )
