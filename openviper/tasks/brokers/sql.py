"""The tables of the queue, and what a connection to them has to do."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from openviper.tasks.message import Message, State

MESSAGES = "openviper_task_message"
WORKERS = "openviper_task_worker"
RESULTS = "openviper_task_value"
SLOTS = "openviper_task_slot"
CHANNEL = "openviper_tasks"
"""The channel of PostgreSQL's LISTEN and NOTIFY."""
NOTIFY = f"NOTIFY {CHANNEL}"

COLUMNS = "id, message_id, queue_name, actor_name, payload, priority, due, attempts, sent_at"
INSERT_COLUMNS = (
    "id, message_id, queue_name, actor_name, payload, priority, state, due, attempts, sent_at"
)

# Types by vendor: a number of 64 bits, a moment, texts without and with a limit.
_TYPES = {
    "sqlite": {"big": "INTEGER", "real": "REAL", "text": "TEXT", "name": "TEXT", "small": "INTEGER", "tail": ""},
    "postgresql": {
        "big": "BIGINT", "real": "DOUBLE PRECISION", "text": "TEXT", "name": "VARCHAR(255)", "small": "INTEGER", "tail": "",
    },
    "mysql": {
        "big": "BIGINT", "real": "DOUBLE", "text": "LONGTEXT", "name": "VARCHAR(255)", "small": "INTEGER",
        "tail": " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
    },
}  # fmt: skip


def creation(vendor: str) -> list[str]:
    """Return the statements that create the tables where they do not exist."""
    types = _TYPES[vendor]
    big, real, text, name, small = (types[key] for key in ("big", "real", "text", "name", "small"))
    inner = (
        f", INDEX {MESSAGES}_ready (state, priority, id), INDEX {MESSAGES}_due (state, due)"
        if vendor == "mysql"
        else ""
    )
    statements = [
        f"CREATE TABLE IF NOT EXISTS {MESSAGES} (id {big} NOT NULL PRIMARY KEY, message_id {name} NOT NULL, "
        f"queue_name {name} NOT NULL, actor_name {name} NOT NULL, payload {text} NOT NULL, priority {small} NOT NULL, "
        f"state {small} NOT NULL, due {real} NOT NULL, attempts {small} NOT NULL, sent_at {real} NOT NULL, "
        f"worker {name}, error {text}, settled_at {real}{inner}){types['tail']}",
        f"CREATE TABLE IF NOT EXISTS {WORKERS} (worker {name} NOT NULL PRIMARY KEY, host {name} NOT NULL, "
        f"pid {big} NOT NULL, started_at {real} NOT NULL, seen_at {real} NOT NULL){types['tail']}",
        f"CREATE TABLE IF NOT EXISTS {RESULTS} (message_id {name} NOT NULL PRIMARY KEY, value {text}, error {text}, "
        f"stored_at {real} NOT NULL){types['tail']}",
        f"CREATE TABLE IF NOT EXISTS {SLOTS} (name {name} NOT NULL PRIMARY KEY, slot {big} NOT NULL){types['tail']}",
    ]
    if vendor != "mysql":
        # Small, because what is not ready or delayed is not in them; a claim reads the first entries of the first one.
        statements += [
            f"CREATE INDEX IF NOT EXISTS {MESSAGES}_ready ON {MESSAGES} (priority, id) WHERE state = {int(State.READY)}",
            f"CREATE INDEX IF NOT EXISTS {MESSAGES}_due ON {MESSAGES} (due) WHERE state = {int(State.DELAYED)}",
        ]
    return statements


def insert_sql(mark: str) -> str:
    """Return the INSERT of one message."""
    return f"INSERT INTO {MESSAGES} ({INSERT_COLUMNS}) VALUES ({', '.join([mark] * 10)})"


def to_message(row: Sequence[Any]) -> Message:
    """Return the message of a row of `COLUMNS`."""
    key, message_id, queue, actor, payload, priority, due, attempts, sent_at = row
    return Message(
        actor,
        queue,
        payload,
        priority=priority,
        due=due,
        message_id=message_id,
        attempts=attempts,
        sent_at=sent_at,
        key=key,
    )


class Store(Protocol):
    """A connection to the tables, used by one thread at a time. Placeholders are question marks everywhere.

    Every method raises `BrokerError` if the database does not do it; its attribute `busy` tells that another writer was in
    the way.
    """

    @property
    def is_lost(self) -> bool:
        """Whether the connection cannot be used any more."""
        ...

    def create_tables(self) -> None:
        """Create what does not exist."""
        ...

    def set_patience(self, wait: bool) -> None:
        """Wait for other writers, or give up at once; where there is only one at a time."""
        ...

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Store messages in one transaction and wake consumers."""
        ...

    def rows(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        """Run a read."""
        ...

    def change(self, sql: str, values: tuple[Any, ...]) -> int:
        """Run a write and return the number of rows."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Make the statements of a block one transaction for writing."""
        ...

    def claim(self, worker: str, queues: tuple[str, ...] | None, want: int) -> list[Any]:
        """Mark messages as the worker's and return their rows in order; inside a transaction."""
        ...

    def delete_claimed(self, worker: str, keys: Sequence[int]) -> None:
        """Delete messages that the worker has; inside a transaction."""
        ...

    def save_result(
        self, message_id: str, value: str | None, error: str | None, now: float
    ) -> None:
        """Store what became of a message."""
        ...

    def claim_slot(self, name: str, slot: int) -> bool:
        """Take a slot; true for the one that does; inside a transaction."""
        ...

    def listen(self) -> None:
        """Make `wait` see what others store from now on."""
        ...

    def notify(self) -> None:
        """Wake consumers."""
        ...

    def wait(self, wake: int, timeout: float, queues: tuple[str, ...] | None) -> None:
        """Wait until another process may have stored something in these queues, `wake` is readable, or time is up."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...

    def abandon(self) -> None:
        """Drop the connection in a forked child: it belongs to the parent."""
        ...
