"""The SQL that claims messages, for each database; inside a transaction of the caller's.

Who is next is decided by priority, and then by the key, which grows with time. A claim marks rows with the worker's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from openviper.tasks.brokers.tables import COLUMNS, MESSAGES
from openviper.tasks.message import State

if TYPE_CHECKING:
    from openviper.tasks.brokers.tables import Store

K = TypeVar("K")
RUNNING = int(State.RUNNING)
AT_ONCE = 500
"""Most rows that one statement names: SQLite before 3.32 takes 999 values (https://sqlite.org/limits.html)."""
_QUALIFIED = ", ".join(f"m.{name}" for name in COLUMNS.split(", "))


def waiting_state(suspects: bool) -> int:
    """Return the state of the messages that are claimed."""
    return int(State.SUSPECT if suspects else State.READY)


def _in_queues(queues: tuple[str, ...] | None) -> str:
    return "" if queues is None else f" AND queue_name IN ({', '.join('?' * len(queues))})"


def _select(queues: tuple[str, ...] | None, state: int, lock: str) -> str:
    return (
        f"SELECT {COLUMNS} FROM {MESSAGES} WHERE state = {state}{_in_queues(queues)} "
        f"ORDER BY priority, id LIMIT ? {lock}"
    )


def marks(values: Sequence[object]) -> str:
    """Return a placeholder for each value."""
    return ", ".join("?" * len(values))


def in_parts(keys: Sequence[K]) -> Iterator[Sequence[K]]:
    """Yield the keys in parts that one statement of SQLite can name."""
    for start in range(0, len(keys), AT_ONCE):
        yield keys[start : start + AT_ONCE]


def claim_on_sqlite(
    store: Store, worker: str, queues: tuple[str, ...] | None, want: int, state: int
) -> list[Any]:
    """Claim on SQLite, where the transaction is the only writer."""
    rows = store.rows(_select(queues, state, ""), (*(queues or ()), want))
    for keys in in_parts([row[0] for row in rows]):
        store.change(
            f"UPDATE {MESSAGES} SET state = {RUNNING}, worker = ? WHERE id IN ({marks(keys)})",
            (worker, *keys),
        )
    return rows


def claim_on_postgresql(
    store: Store, worker: str, queues: tuple[str, ...] | None, want: int, state: int
) -> list[Any]:
    """Claim on PostgreSQL, in one statement that passes by what others are about to claim."""
    chosen = "" if queues is None else " AND queue_name = ANY(?)"
    rows = store.rows(
        f"WITH chosen AS (SELECT id FROM {MESSAGES} WHERE state = {state}{chosen} "
        f"ORDER BY priority, id LIMIT ? FOR UPDATE SKIP LOCKED) "
        f"UPDATE {MESSAGES} m SET state = {RUNNING}, worker = ? FROM chosen "
        f"WHERE m.id = chosen.id RETURNING {_QUALIFIED}",
        (*(() if queues is None else (list(queues),)), want, worker),
    )
    return sorted(rows, key=lambda row: (row[5], row[0]))


def claim_on_mysql(
    store: Store, worker: str, queues: tuple[str, ...] | None, want: int, state: int, *, lock: str
) -> list[Any]:
    """Claim on MariaDB and MySQL, in two statements; `lock` passes by what others are about to claim, where it can."""
    rows = store.rows(_select(queues, state, lock), (*(queues or ()), want))
    if rows:
        keys = [row[0] for row in rows]
        store.change(
            f"UPDATE {MESSAGES} SET state = {RUNNING}, worker = ? WHERE id IN ({marks(keys)})",
            (worker, *keys),
        )
    return rows
