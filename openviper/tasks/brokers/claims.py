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
RUNNING, SUSPECT = int(State.RUNNING), int(State.SUSPECT)
AT_ONCE = 500
"""Most rows that one statement names: SQLite before 3.32 takes 999 values (https://sqlite.org/limits.html)."""
PRIORITY = COLUMNS.split(", ").index("priority")
_QUALIFIED = ", ".join(f"m.{name}" for name in COLUMNS.split(", "))


def waiting_state(suspects: bool) -> int:
    """Return the state of the messages that are claimed."""
    return SUSPECT if suspects else int(State.READY)


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


def in_order(row: Sequence[Any]) -> tuple[int, int]:
    """Return what decides who is next."""
    return row[PRIORITY], row[0]


def rows_in_state(store: Store, queues: tuple[str, ...] | None, want: int, state: int) -> list[Any]:
    """Return the first messages of a state on SQLite, where the transaction is the only writer."""
    return store.rows(_select(queues, state, ""), (*(queues or ()), want))


def take_rows(store: Store, worker: str, rows: Sequence[Sequence[Any]]) -> None:
    """Mark messages as the worker's on SQLite."""
    for keys in in_parts([row[0] for row in rows]):
        store.change(
            f"UPDATE {MESSAGES} SET state = {RUNNING}, worker = ? WHERE id IN ({marks(keys)})",
            (worker, *keys),
        )


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
    return sorted(rows, key=in_order)


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
