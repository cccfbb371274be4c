"""What people and the scheduler do at the database: look, repair, and keep the periodic jobs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from openviper.tasks.brokers.base import (
    CallCount,
    Filter,
    MessageInfo,
    QueueInfo,
    Slot,
    StoredSchedule,
    WorkerInfo,
    queue_names,
)
from openviper.tasks.brokers.claims import AT_ONCE, in_parts, marks
from openviper.tasks.brokers.database_limits import wake_next, woken_keys
from openviper.tasks.brokers.keeping import Pruned
from openviper.tasks.brokers.settling import count_in_group, take_off_count
from openviper.tasks.brokers.storing import Parcel, store_within
from openviper.tasks.brokers.sweeping import prune
from openviper.tasks.brokers.tables import (
    CANCELS,
    COLUMNS,
    COUNTS,
    MESSAGES,
    RESULTS,
    SCHEDULES,
    UNIQUE,
    WORKERS,
    to_message,
)
from openviper.tasks.exceptions import BadMessageError
from openviper.tasks.message import (
    CANCELLED_ERROR,
    Message,
    State,
    cancelled,
    is_storable,
)

if TYPE_CHECKING:
    from openviper.tasks.brokers.tables import Store

T = TypeVar("T")
READY, RUNNING, DELAYED, DEAD, SUSPECT, FRESH = map(int, State)
_STATES = {
    "ready": (READY, SUSPECT, FRESH),
    "running": (RUNNING,),
    "delayed": (DELAYED,),
    "dead": (DEAD,),
}
"""The states that people know, as they are stored."""
_NAMES = {number: name for name, numbers in _STATES.items() for number in numbers}


class Runs(Protocol):
    """Runs work with the shared connection."""

    def __call__(self, work: Callable[[Store], T]) -> T:
        """Run it."""
        ...


class Reads(Protocol):
    """Runs a read with the shared connection, if there are tables."""

    def __call__(self, work: Callable[[Store], T], empty: T) -> T:
        """Run it."""
        ...


class DatabaseAdmin:
    """The messages and jobs of a database, seen from outside.

    Args:
        run: Runs work with the broker's connection.
        read: Runs a read with it.
    """

    def __init__(self, run: Runs, read: Reads) -> None:
        self._run = run
        self._read = read

    def _rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        empty: list[Any] = []
        return self._read(lambda store: store.rows(sql, values), empty)

    # Periodic jobs

    def slot(self, name: str) -> Slot | None:
        """Return the last firing of a periodic job."""
        sql = f"SELECT moment, schedule FROM {SCHEDULES} WHERE name = ? AND moment IS NOT NULL"
        rows = self._rows(sql, (name,))
        return Slot(int(rows[0][0]), rows[0][1]) if rows else None

    def swap_slot(
        self, name: str, before: Slot | None, after: Slot, message: Message | None
    ) -> bool:
        """Replace the last firing of a periodic job, and store its message in the same transaction."""

        def work(store: Store) -> bool:
            with store.transaction():
                taken = _swap(store, name, before, after)
                if taken and message is not None:
                    store_within(store, Parcel([message]))
                return taken

        return self._run(work)

    def schedules(self) -> list[StoredSchedule]:
        """Return the periodic jobs that were added or paused at run time."""
        rows = self._rows(
            f"SELECT name, definition, paused FROM {SCHEDULES} WHERE stored = 1 ORDER BY name"
        )
        return [StoredSchedule(name, text, bool(paused)) for name, text, paused in rows]

    def save_schedule(self, schedule: StoredSchedule) -> None:
        """Add or replace a periodic job."""

        def work(store: Store) -> None:
            with store.transaction():
                store.insert_new(SCHEDULES, "name, paused, stored", (schedule.name, 0, 1))
                store.change(
                    f"UPDATE {SCHEDULES} SET definition = ?, paused = ?, stored = 1 WHERE name = ?",
                    (schedule.definition, int(schedule.is_paused), schedule.name),
                )

        self._run(work)

    def remove_schedule(self, name: str) -> bool:
        """Remove a periodic job that was added."""

        def work(store: Store) -> bool:
            with store.transaction():
                return bool(
                    store.change(f"DELETE FROM {SCHEDULES} WHERE name = ? AND stored = 1", (name,))
                )

        return self._run(work)

    # Looking

    def queues(self) -> list[QueueInfo]:
        """Return how each queue stands."""
        waited = "CASE WHEN due > 0 THEN due ELSE sent_at END"
        rows = self._rows(
            f"SELECT queue_name, state, count(*), min({waited}) FROM {MESSAGES} "
            "GROUP BY queue_name, state"
        )
        counts: dict[str, dict[str, int]] = {}
        since: dict[str, float] = {}
        for queue, state, count, first in rows:
            name = _NAMES[state]
            of_queue = counts.setdefault(queue, dict.fromkeys(_STATES, 0))
            of_queue[name] += int(count)
            if name == "ready":
                since[queue] = min(float(first), since.get(queue, float(first)))
        now = time.time()
        return [
            QueueInfo(
                queue,
                **of_queue,
                oldest=max(0.0, now - since[queue]) if queue in since else None,
            )
            for queue, of_queue in sorted(counts.items())
        ]

    def messages(self, chosen: Filter, limit: int) -> list[MessageInfo]:
        """Return stored messages, oldest first."""

        def look(store: Store) -> list[Any]:
            rows: list[Any] = []
            for where, values in _conditions(store, chosen, limit):
                rows += store.rows(
                    f"SELECT {COLUMNS}, state, worker, error FROM {MESSAGES}{where} "
                    "ORDER BY id LIMIT ?",
                    (*values, limit),
                )
            return rows[:limit]

        nothing: list[Any] = []
        rows = self._read(look, nothing)
        return [
            MessageInfo(
                message_id=row[1],
                actor_name=row[3],
                queue_name=row[2],
                state=_NAMES[row[-3]],
                priority=row[5],
                due=row[6],
                attempts=row[7],
                sent_at=row[8],
                worker=row[-2] or "",
                error=row[-1] or "",
            )
            for row in rows
        ]

    def workers(self) -> list[WorkerInfo]:
        """Return the registered workers."""
        rows = self._rows(
            "SELECT worker, host, pid, started_at, seen_at, settled_at, queues, busy "
            f"FROM {WORKERS} ORDER BY started_at"
        )
        workers = []
        for worker, host, pid, started_at, seen_at, settled_at, queues, busy in rows:
            names = queue_names(queues and json.loads(queues))
            workers.append(
                WorkerInfo(worker, host, pid, started_at, seen_at, settled_at, names, bool(busy))
            )
        return workers

    def counts(self) -> list[CallCount]:
        """Return how often what became of calls."""
        rows = self._rows(
            f"SELECT minute, actor_name, outcome, calls, seconds FROM {COUNTS} "
            "ORDER BY minute, actor_name, outcome"
        )
        return [CallCount(int(row[0]), row[1], row[2], int(row[3]), float(row[4])) for row in rows]

    # Repairing

    def retry(self, chosen: Sequence[str] | Filter) -> int:
        """Make dead or delayed messages ready again."""
        change = (
            f"UPDATE {MESSAGES} SET state = {READY}, due = ?, attempts = 0, deliveries = 0, "
            "error = NULL, limit_key = NULL"
        )
        now = time.time()

        def work(store: Store) -> int:
            with store.transaction():
                wanted = _to_retry(store, chosen)
                for where, values in wanted:
                    self._take_off_counts(store, where, values)
                return sum(
                    store.change(f"{change}{where}", (now, *values)) for where, values in wanted
                )

        count = self._run(work)
        self._run(lambda store: store.notify())
        return count

    @staticmethod
    def _take_off_counts(store: Store, where: str, values: tuple[Any, ...]) -> None:
        for _, group_id in _members(store, f"{where} AND state = {DEAD}", values):
            take_off_count(store, group_id)

    def cancel(self, message_ids: Sequence[str]) -> int:
        """Remove messages that no worker has, and ask for the end of those that run."""
        chosen = list(filter(is_storable, message_ids))
        now = time.time()

        def work(store: Store) -> int:
            with store.transaction():
                meant = [each for one in chosen for each in _meant(store, one)]
                for message_id, state in meant:
                    if state == RUNNING:
                        store.insert_new(CANCELS, "message_id, asked_at", (message_id, now))
                free = f" WHERE message_id = ? AND state <> {RUNNING}"
                return sum(_remove(store, free, (message_id,)) for message_id, _ in meant)

        return self._run(work)

    def purge(self, chosen: Filter) -> int:
        """Remove all messages that no worker has and that are meant."""

        def work(store: Store) -> int:
            with store.transaction():
                return sum(
                    _remove(store, f"{where} AND state <> {RUNNING}", values)
                    for where, values in _conditions(store, chosen)
                )

        return self._run(work)

    def prune(self, results_before: float, dead_before: float) -> Pruned:
        """Remove results that were stored, and messages that have been dead, since before a moment."""
        return self._run(lambda store: prune(store, results_before, dead_before))


def _swap(store: Store, name: str, before: Slot | None, after: Slot) -> bool:
    if before is not None:
        return bool(
            store.change(
                f"UPDATE {SCHEDULES} SET moment = ?, schedule = ? "
                "WHERE name = ? AND moment = ? AND schedule = ?",
                (*after, name, *before),
            )
        )
    if store.insert_new(SCHEDULES, "name, moment, schedule", (name, *after)):
        return True
    # It was added or paused at run time, and has never fired.
    return bool(
        store.change(
            f"UPDATE {SCHEDULES} SET moment = ?, schedule = ? WHERE name = ? AND moment IS NULL",
            (*after, name),
        )
    )


def _members(store: Store, where: str, values: tuple[Any, ...]) -> Iterator[tuple[int, str]]:
    """Yield key and group of the messages that are members of one."""
    for message in _bearing(store, "group", where, values):
        yield message.key, message.option("group")


def _bearing(store: Store, option: str, where: str, values: tuple[Any, ...]) -> Iterator[Message]:
    """Yield the messages that have an option."""
    rows = store.rows(
        f"SELECT {COLUMNS} FROM {MESSAGES}{where} AND options LIKE ?",
        (*values, f'%"{option}":%'),
    )
    for row in rows:
        with suppress(BadMessageError):
            message = to_message(row)
            if message.option(option) is not None:
                yield message


def _meant(store: Store, wanted: str) -> list[tuple[str, int]]:
    """Return id and state of the messages that an id means: its own, or else the one in whose chain it is to come."""
    sql = f"SELECT message_id, state FROM {MESSAGES} WHERE message_id = ?"
    rows = store.rows(sql, (wanted,))
    if not rows:
        before = [
            message.message_id
            for message in _bearing(store, "then", f" WHERE state <> {DEAD}", ())
            if message.is_about({wanted})
        ]
        rows = [row for message_id in before for row in store.rows(sql, (message_id,))]
    return [(row[0], row[1]) for row in rows]


def _remove(store: Store, where: str, values: tuple[Any, ...]) -> int:
    """Remove messages that no worker has, and let their senders, groups and unique keys know."""
    waiting = f"{where} AND state NOT IN ({RUNNING}, {DEAD})"
    _tell_senders(store, waiting, values)
    woken_for = woken_keys(store, waiting, values)
    # One by one: a worker may have claimed some of them in the meantime.
    sql = f"DELETE FROM {MESSAGES} WHERE id = ? AND state NOT IN ({RUNNING}, {DEAD})"
    members = list(_members(store, waiting, values))
    groups = [group_id for key, group_id in members if store.change(sql, (key,))]
    removed = len(groups) + store.change(f"DELETE FROM {MESSAGES}{where}", values)
    for group_id in groups:  # Last, so that what a group sends now is not removed with it.
        count_in_group(store, group_id, has_failed=True)
    for limit_key in woken_for:
        wake_next(store, limit_key)
    _free_unique(store, removed)
    return removed


def _tell_senders(store: Store, where: str, values: tuple[Any, ...]) -> None:
    """Keep for those who ask for results that messages were cancelled; for chains, that of the last message too."""
    now, columns = time.time(), "message_id, error, stored_at"
    ids = [row[0] for row in store.rows(f"SELECT message_id FROM {MESSAGES}{where}", values)]
    for part in in_parts(ids):  # They may have been dead before, and tried again by hand.
        store.change(f"DELETE FROM {RESULTS} WHERE message_id IN ({marks(part)})", tuple(part))
    store.change(
        f"INSERT INTO {RESULTS} ({columns}) "
        f"SELECT DISTINCT message_id, '{CANCELLED_ERROR}', {now!r} FROM {MESSAGES}{where}",
        values,
    )
    for message in _bearing(store, "then", where, values):
        for told in cancelled(message).told_ids[1:]:
            store.change(f"DELETE FROM {RESULTS} WHERE message_id = ?", (told,))
            store.insert_new(RESULTS, columns, (told, CANCELLED_ERROR, now))


def _free_unique(store: Store, removed: int) -> None:
    """Let go of the unique keys of messages that are not there any more."""
    if removed:
        store.change(
            f"DELETE FROM {UNIQUE} WHERE scope <> 'time' "
            f"AND message_id NOT IN (SELECT message_id FROM {MESSAGES})"
        )


_Condition = tuple[str, tuple[Any, ...]]
"""A WHERE, and its values."""


def _to_retry(store: Store, chosen: Sequence[str] | Filter) -> list[_Condition]:
    if not isinstance(chosen, Filter):
        where = f" WHERE message_id = ? AND state IN ({DEAD}, {DELAYED})"
        return [(where, (message_id,)) for message_id in filter(is_storable, chosen)]
    is_about_dead = chosen.state in (None, "dead")
    return _conditions(store, chosen._replace(state="dead")) if is_about_dead else []


def _conditions(store: Store, chosen: Filter, most: int | None = None) -> list[_Condition]:
    """Return conditions that together tell which messages are meant, in order; of those with an error the first `most`."""
    where, values = _condition(chosen)
    if chosen.error is None:
        return [(where, values)]
    keys = list(islice(_keys_by_error(store, chosen, where, values), most))
    return [(f"{where} AND id IN ({marks(part)})", (*values, *part)) for part in in_parts(keys)]


def _keys_by_error(
    store: Store, chosen: Filter, where: str, values: tuple[Any, ...]
) -> Iterator[int]:
    """Yield the keys of the messages whose errors fit, in order."""
    sql = f"SELECT id, error FROM {MESSAGES}{where} AND error IS NOT NULL AND id > ? ORDER BY id LIMIT {AT_ONCE}"
    last = -1
    while rows := store.rows(sql, (*values, last)):
        last = rows[-1][0]
        yield from (key for key, error in rows if chosen.fits_error(error))


def _condition(chosen: Filter) -> _Condition:
    conditions = ["1 = 1"]
    values: list[Any] = []
    if chosen.state is not None:
        numbers = ", ".join(str(number) for number in _STATES[chosen.state])
        conditions.append(f"state IN ({numbers})")
    for column, name in (("queue_name", chosen.queue), ("actor_name", chosen.actor)):
        if name is not None:
            conditions.append(f"{column} = ?")
            # No message has an empty name, and none has one that no store takes.
            values.append(name if is_storable(name) else "")
    if chosen.before is not None:
        conditions.append("sent_at < ?")
        values.append(chosen.before)
    return f" WHERE {' AND '.join(conditions)}", tuple(values)
