"""The tables of the queue, and what a connection to them has to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from openviper.tasks.message import Message, State, to_json
from openviper.tasks.message_options import read_options

MESSAGES = "openviper_task_message"
WORKERS = "openviper_task_worker"
RESULTS = "openviper_task_value"
SCHEDULES = "openviper_task_schedule"
UNIQUE = "openviper_task_unique"
GROUPS = "openviper_task_group"
RATES = "openviper_task_rate"
PERMITS = "openviper_task_permit"
PROGRESS = "openviper_task_progress"
CANCELS = "openviper_task_cancel"
COUNTS = "openviper_task_count"
MARK = "openviper_task_mark"
CHANNEL = "openviper_tasks"
"""The channel of PostgreSQL's LISTEN and NOTIFY."""
NOTIFY = f"NOTIFY {CHANNEL}"

COLUMNS = (
    "id, message_id, queue_name, actor_name, payload, priority, due, attempts, sent_at, deliveries, "
    "options, limit_key"
)
INSERT_COLUMNS = (
    "id, message_id, queue_name, actor_name, payload, priority, state, due, attempts, sent_at, "
    "deliveries, options"
)
FRESH_COLUMNS = "id, message_id, queue_name, actor_name, payload, priority, sent_at"
"""What differs between messages that may run at once and were never tried; see `insert_fresh_sql`."""
COPY = f"COPY {MESSAGES} ({INSERT_COLUMNS}) FROM STDIN"
"""PostgreSQL's way to store many rows."""
MANY = 50
"""Messages from which on it is worth its extra round trip."""
READY_AGAIN = f"CASE WHEN deliveries > 0 THEN {int(State.SUSPECT)} ELSE {int(State.READY)} END"
"""The state of a message that may run again."""

# Types by vendor: a number of 64 bits, a moment, texts without and with a limit.
_TYPES = {
    "sqlite": {"big": "INTEGER", "real": "REAL", "text": "TEXT", "name": "TEXT", "small": "INTEGER"},
    "postgresql": {
        "big": "BIGINT", "real": "DOUBLE PRECISION", "text": "TEXT", "name": "VARCHAR(255)", "small": "INTEGER",
    },
    "mysql": {
        "big": "BIGINT", "real": "DOUBLE", "text": "LONGTEXT", "name": "VARCHAR(255)", "small": "INTEGER",
    },
}  # fmt: skip


class Table(NamedTuple):
    """A table of the queue.

    Attributes:
        columns: Name, type as in `_TYPES`, and what follows it.
        key: The columns of the primary key.
    """

    name: str
    columns: tuple[tuple[str, str, str], ...]
    key: str


def _table(name: str, key: str, *columns: str) -> Table:
    parts = (column.split(" ", 2) for column in columns)
    return Table(name, tuple((part[0], part[1], " ".join(part[2:])) for part in parts), key)


TABLES = (
    _table(
        MESSAGES,
        "id",
        "id big NOT NULL",
        "message_id name NOT NULL",
        "queue_name name NOT NULL",
        "actor_name name NOT NULL",
        "payload text NOT NULL",
        "priority small NOT NULL",
        "state small NOT NULL",
        "due real NOT NULL",
        "attempts small NOT NULL",
        "sent_at real NOT NULL",
        "worker name",
        "error text",
        "settled_at real",
        "deliveries small NOT NULL DEFAULT 0",
        "options text",
        "limit_key name",
    ),
    _table(
        WORKERS,
        "worker",
        "worker name NOT NULL",
        "host name NOT NULL",
        "pid big NOT NULL",
        "started_at real NOT NULL",
        "seen_at real NOT NULL",
        "settled_at real NOT NULL DEFAULT 0",
        "queues text",
        "busy small NOT NULL DEFAULT 0",
    ),
    _table(
        RESULTS,
        "message_id",
        "message_id name NOT NULL",
        "value text",
        "error text",
        "stored_at real NOT NULL",
    ),
    _table(
        SCHEDULES,
        "name",
        "name name NOT NULL",
        "moment big",
        "schedule text",
        "definition text",
        "paused small NOT NULL DEFAULT 0",
        "stored small NOT NULL DEFAULT 0",
    ),
    _table(
        UNIQUE,
        "name",
        "name name NOT NULL",
        "message_id name NOT NULL",
        "scope name NOT NULL",
        "until real NOT NULL",
    ),
    _table(
        GROUPS,
        "group_id",
        "group_id name NOT NULL",
        "total small NOT NULL",
        "done small NOT NULL",
        "failed small NOT NULL",
        "callback text",
        "on_failure text",
        "stored_at real NOT NULL",
    ),
    _table(RATES, "name", "name name NOT NULL", "free_at real NOT NULL", "tail_at real NOT NULL"),
    _table(
        PERMITS,
        "message_id",
        "message_id name NOT NULL",
        "name name NOT NULL",
        "worker name NOT NULL",
    ),
    _table(
        PROGRESS,
        "message_id",
        "message_id name NOT NULL",
        "share real NOT NULL",
        "note text",
        "noted_at real NOT NULL",
    ),
    _table(CANCELS, "message_id", "message_id name NOT NULL", "asked_at real NOT NULL"),
    _table(
        COUNTS,
        "minute, actor_name, outcome",
        "minute big NOT NULL",
        "actor_name name NOT NULL",
        "outcome name NOT NULL",
        "calls big NOT NULL",
        "seconds real NOT NULL",
    ),
    # On SQLite alone; see `openviper.tasks.brokers.fresh`.
    _table(MARK, "id", "id big NOT NULL", "last big NOT NULL"),
)
NEWEST = {"sqlite": MARK, "postgresql": COUNTS, "mysql": COUNTS}
"""The table that is made last: where it is, everything is."""


def creation(vendor: str, present: Sequence[str] = (), tail: str = "") -> list[str]:
    """Return the statements that create the tables where they do not exist, with columns that came later.

    Args:
        vendor: Whose SQL.
        present: The columns that the table of messages and that of workers have already, as ``table.column``.
        tail: What follows the columns of a table.
    """
    types = _TYPES[vendor]
    statements = []
    for table in TABLES:
        if table.name == MARK and vendor != "sqlite":
            continue
        columns = [f"{name} {types[kind]} {rest}".rstrip() for name, kind, rest in table.columns]
        statements.append(_create_table(vendor, table, columns) + tail)
        statements += _additions(table.name, columns, present)
    return statements if vendor == "mysql" else [*statements, *_indexes()]


def _create_table(vendor: str, table: Table, columns: Sequence[str]) -> str:
    indexes = _MYSQL_INDEXES.get(table.name, "") if vendor == "mysql" else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {table.name} ({', '.join(columns)}, "
        f"PRIMARY KEY ({table.key}){indexes})"
    )


def _additions(table: str, columns: Sequence[str], present: Sequence[str]) -> Iterator[str]:
    """Yield the statements that add the columns which a table that is there does not have yet."""
    if not any(name.startswith(f"{table}.") for name in present):
        return
    for column in columns:
        name = column.partition(" ")[0]
        if f"{table}.{name}" not in present:
            yield f"ALTER TABLE {table} ADD COLUMN {column}"


_MYSQL_INDEXES = {
    MESSAGES: (
        f", INDEX {MESSAGES}_ready (state, priority, id), INDEX {MESSAGES}_due (state, due), "
        f"INDEX {MESSAGES}_mid (message_id)"
    ),
    RESULTS: f", INDEX {RESULTS}_age (stored_at)",
}
"""Indexes by table."""


def _indexes() -> list[str]:
    # Small, because what is not in the state is not in them; a claim reads the first entries of the first one.
    return [
        f"CREATE INDEX IF NOT EXISTS {RESULTS}_age ON {RESULTS} (stored_at)",
        f"CREATE INDEX IF NOT EXISTS {MESSAGES}_dead ON {MESSAGES} (settled_at) WHERE state = {int(State.DEAD)}",
        f"CREATE INDEX IF NOT EXISTS {MESSAGES}_ready ON {MESSAGES} (priority, id) WHERE state = {int(State.READY)}",
        f"CREATE INDEX IF NOT EXISTS {MESSAGES}_due ON {MESSAGES} (due) WHERE state = {int(State.DELAYED)}",
        f"CREATE INDEX IF NOT EXISTS {MESSAGES}_suspect ON {MESSAGES} (priority, id) WHERE state = {int(State.SUSPECT)}",
    ]


def insert_sql(mark: str) -> str:
    """Return the INSERT of one message."""
    return f"INSERT INTO {MESSAGES} ({INSERT_COLUMNS}) VALUES ({', '.join([mark] * 12)})"


def insert_fresh_sql(mark: str) -> str:
    """Return the INSERT of a message that may run at once and was never tried: the usual one, with fewer values to hand over.

    SQLite has a shorter way; see `openviper.tasks.brokers.fresh`.
    """
    return (
        f"INSERT INTO {MESSAGES} ({FRESH_COLUMNS}, state, due, attempts, deliveries) "
        f"VALUES ({', '.join([mark] * 7)}, {int(State.READY)}, 0, 0, 0)"
    )


def full_row(fresh: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the values of `INSERT_COLUMNS` for those of `FRESH_COLUMNS`."""
    *first, sent_at = fresh
    return (*first, int(State.READY), 0.0, 0, sent_at, 0, None)


def what_it_does(refused: bool) -> str:
    """Return what a database does that raises an error, for people."""
    return "does not take what it is given" if refused else "does not answer"


def options_text(message: Message) -> str | None:
    """Return the options of a message as they are stored."""
    return None if message.options is None else to_json(message.options)


def to_message(row: Sequence[Any]) -> Message:
    """Return the message of a row of `COLUMNS`.

    Raises:
        BadMessageError: If the row does not describe one.
    """
    (
        key,
        message_id,
        queue,
        actor,
        payload,
        priority,
        due,
        attempts,
        sent_at,
        lost,
        options,
        limit,
    ) = row
    message = Message(
        actor,
        queue,
        payload,
        priority=priority,
        due=due,
        message_id=message_id,
        attempts=attempts,
        sent_at=sent_at,
        deliveries=lost,
        options=None if options is None else read_options(options),
        key=key,
    )
    message.limit_key = limit
    return message


class Store(Protocol):
    """A connection to the tables, used by one thread at a time. Placeholders are question marks everywhere.

    Every method raises `BrokerError` if the database does not do it; its attribute `busy` tells that another writer was in
    the way, `refused` that the database took offence at what it was given.
    """

    @property
    def vendor(self) -> str:
        """Return the name of the database's SQL."""
        ...

    @property
    def is_lost(self) -> bool:
        """Whether the connection cannot be used any more."""
        ...

    @property
    def has_more(self) -> bool:
        """Whether the last claim has left messages unlooked at, so as not to hold up others for long."""
        ...

    def has_tables(self) -> bool:
        """Return whether all tables are there."""
        ...

    def create_tables(self) -> None:
        """Create what does not exist."""
        ...

    def set_patience(self, wait: bool) -> None:
        """Wait for other writers, or give up at once; where there is only one at a time."""
        ...

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Store messages in one transaction, the one that is open if there is one, and wake consumers."""
        ...

    def insert_one(self, row: tuple[Any, ...], wait: bool) -> None:
        """Do what `set_patience` and then `insert_fresh` do, with one row: what sending is made of."""
        ...

    def insert_fresh(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Do what `insert` does with rows of the values of `FRESH_COLUMNS`, while no transaction is open."""
        ...

    def insert_new(self, table: str, columns: str, values: tuple[Any, ...]) -> bool:
        """Insert a row unless one with its primary key is there; return whether it was inserted."""
        ...

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """Run a read."""
        ...

    def change(self, sql: str, values: tuple[Any, ...] = ()) -> int:
        """Run a write and return the number of rows that it met."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Make the statements inside a `with` one transaction for writing."""
        ...

    def claim(
        self, worker: str, queues: tuple[str, ...] | None, want: int, *, suspects: bool
    ) -> list[Any]:
        """Mark messages as the worker's and return their rows in order; inside a transaction."""
        ...

    def delete_claimed(self, worker: str, keys: Sequence[int]) -> None:
        """Delete messages that the worker has; inside a transaction."""
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
