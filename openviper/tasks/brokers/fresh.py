"""The short way of a message through an SQLite file: one page is written for it, not two.

A message that may run at once, was never tried and has the usual priority is stored in the state `FRESH`, which stands in no
index. What finds it is its place: no process but the one that writes gives it its key, which is above every other and above
the *mark*, up to which claims have looked. A claim reads on from there, and moves the mark. What it passes by, because this
worker does not take from its queue, becomes ready as on the other databases: in the index.

That an INSERT reads what it has to be above while it holds the file's only lock for writing (https://sqlite.org/isolation.html)
is what makes this sound, and why it is not done elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from openviper.tasks.brokers.claims import RUNNING, in_order, rows_in_state, take_rows
from openviper.tasks.brokers.tables import COLUMNS, FRESH_COLUMNS, MARK, MESSAGES
from openviper.tasks.message import State

if TYPE_CHECKING:
    from openviper.tasks.brokers.tables import Store

READY, FRESH = int(State.READY), int(State.FRESH)
QUEUE = COLUMNS.split(", ").index("queue_name")
PASS_BY = 1000
"""Most messages of other queues that one claim puts into the index: others want to write too."""
_HIGHEST = f"ifnull((SELECT last FROM {MARK}), 0), ifnull((SELECT max(id) FROM {MESSAGES}), 0)"
_MARK = f"SELECT last FROM {MARK}"
_AHEAD = f"FROM {MESSAGES} WHERE id > ? AND state = {FRESH} ORDER BY id LIMIT ?"
AT_ONCE = 100
"""Rows of one INSERT: what Python does for a statement takes longer than what SQLite does for a row."""

Values = tuple[str, str, str, str, int, float]
"""Those of `FRESH_COLUMNS` but the key."""


def _insert(key: str, state: int, rows: int = 1) -> str:
    row = f"({key}, ?, ?, ?, ?, ?, ?, {state}, 0, 0, 0)"
    return (
        f"INSERT INTO {MESSAGES} ({FRESH_COLUMNS}, state, due, attempts, deliveries) "
        f"VALUES {', '.join([row] * rows)}"
    )


INSERT_ALONE = _insert(f"1 + max(? - 1, {_HIGHEST})", FRESH)
"""Stores a message with a key that it brings, or the next one that may be had."""
INSERT_READY = _insert("?", READY)
# Where the key is NULL, SQLite takes the one after the highest (https://sqlite.org/autoinc.html).
_INSERT_NEXT = _insert("NULL", FRESH)
_INSERT_NEXT_MANY = _insert("NULL", FRESH, AT_ONCE)


def inserts(key: int, new: Sequence[Values]) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """Yield the INSERTs of fresh messages of one transaction, each with the values to run it with; `key` is for the first one."""
    yield INSERT_ALONE, [(key, *new[0])]
    behind = len(new) - (len(new) - 1) % AT_ONCE
    if behind > 1:
        parts = (new[start : start + AT_ONCE] for start in range(1, behind, AT_ONCE))
        yield _INSERT_NEXT_MANY, [tuple(chain.from_iterable(part)) for part in parts]
    if behind < len(new):
        yield _INSERT_NEXT, list(new[behind:])


def are_usual(new: Sequence[Values]) -> bool:
    """Return whether all messages have the usual priority."""
    return not any(values[4] for values in new)


def claim_usual(
    store: Store, worker: str, queues: tuple[str, ...] | None, want: int
) -> tuple[list[Any], bool]:
    """Claim messages that are ready or fresh, in the transaction that is open.

    Args:
        store: The connection.
        worker: Who claims.
        queues: The queues to take from; all when `None`.
        want: Most messages.

    Returns:
        The rows of the messages in their order, and whether there may be more behind fresh ones of other queues.
    """
    ahead = _Ahead(store, worker)
    fresh = ahead.rows(queues, want)
    ready = rows_in_state(store, queues, want, READY)
    if not ready:
        ahead.take(fresh, is_all=len(fresh) < want)
        return fresh, ahead.has_more
    chosen = sorted([*ready, *fresh], key=in_order)[:want]
    keys = {row[0] for row in fresh}
    taken = [row for row in chosen if row[0] in keys]
    take_rows(store, worker, [row for row in chosen if row[0] not in keys])
    ahead.take(taken, is_all=len(taken) == len(fresh) < want)
    return chosen, ahead.has_more


class _Ahead:
    """The fresh messages: what stands behind the mark."""

    def __init__(self, store: Store, worker: str) -> None:
        self._store = store
        self._worker = worker
        self.has_more = False
        found = store.rows(_MARK)
        self._mark: int = found[0][0] if found else 0

    def rows(self, queues: tuple[str, ...] | None, want: int) -> list[Any]:
        """Return the first of them; none if they are not all of these queues, and then they are in the index."""
        rows = self._store.rows(f"SELECT {COLUMNS} {_AHEAD}", (self._mark, want))
        if queues is None or {row[QUEUE] for row in rows} <= set(queues):
            return rows
        ids = self._store.rows(f"SELECT id {_AHEAD}", (self._mark, PASS_BY))
        self._change(ids[-1][0], f"state = {READY}")
        self.has_more = len(ids) == PASS_BY
        return []

    def take(self, rows: Sequence[Any], *, is_all: bool) -> None:
        """Mark the first of them as the worker's; where they are all, the mark goes to the end of the table."""
        if rows:
            self._change(rows[-1][0], f"state = {RUNNING}, worker = ?", self._worker)
        if is_all and not self.has_more:
            # Others may stand there, delayed ones in great number: nobody is to step over them again.
            self._move(self._store.rows(f"SELECT max({_HIGHEST})")[0][0])

    def _change(self, last: int, what: str, *values: str) -> None:
        self._store.change(
            f"UPDATE {MESSAGES} SET {what} WHERE id > ? AND id <= ? AND state = {FRESH}",
            (*values, self._mark, last),
        )
        self._move(last)

    def _move(self, mark: int) -> None:
        if mark != self._mark:
            self._store.change(f"INSERT OR REPLACE INTO {MARK} (id, last) VALUES (1, ?)", (mark,))
            self._mark = mark
