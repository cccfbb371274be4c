"""Messages in a database: a file of its own, or the project's.

The tables make themselves. A message is a row; its state, its priority and its key, which grows with time, decide who is
next. A claim marks rows with the worker's name; the worker's own row says that it lives. So a heartbeat is one small
write, however much is running, and the messages of a worker whose row has grown old, or whose process is gone, go back.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from openviper.db.connections.url import DatabaseURL
from openviper.tasks.brokers.base import MessageInfo, QueueInfo, StoredResult, WorkerInfo
from openviper.tasks.brokers.database_consumer import DatabaseConsumer
from openviper.tasks.brokers.sql import COLUMNS, MESSAGES, RESULTS, SLOTS, WORKERS
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.message import Message, State, next_key

if TYPE_CHECKING:
    from openviper.db.connections.databases import Connection
    from openviper.tasks.brokers.sql import Store

T = TypeVar("T")
logger = logging.getLogger("openviper.tasks.brokers")


def insert_row(message: Message) -> tuple[Any, ...]:
    """Return a message as the values of `INSERT_COLUMNS`."""
    if message.key is None:
        message.key = next_key()
    state = State.DELAYED if message.due > time.time() else State.READY
    return (
        message.key,
        message.message_id,
        message.queue_name,
        message.actor_name,
        message.payload,
        message.priority,
        int(state),
        message.due,
        message.attempts,
        message.sent_at,
    )


class DatabaseBroker:
    """A broker on SQLite, PostgreSQL or MariaDB.

    Args:
        url: The database.
        alias: The alias of the project's database that this is, if it is one: then messages are part of its transactions.
        lease: Seconds after which a worker that gives no sign of life is lost.
    """

    name = "database"

    def __init__(self, url: DatabaseURL, *, alias: str | None = None, lease: float = 60.0) -> None:
        self.url = url
        self.alias = alias
        self.lease = lease
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._ready = False
        self._sender = _Sender(self)

    def open_store(self) -> Store:
        """Return a new connection.

        Raises:
            BrokerError: If the database does not take it.
        """
        from openviper.tasks.brokers.stores import open_store

        return open_store(self.url)

    def with_store(self, work: Callable[[Store], T], *, wait: bool = True) -> T:
        """Run `work` with the shared connection; one that was lost is replaced, and the work done once more.

        Args:
            work: All of it in one transaction of its own making.
            wait: Wait for another writer, where the database has only one.

        Raises:
            BrokerError: If the database does not answer.
        """
        with self._lock:
            for attempt in (1, 2):
                if self._store is None:
                    self._store = self.open_store()
                try:
                    if not self._ready:
                        self._store.create_tables()
                        self._ready = True
                    self._store.set_patience(wait)
                    return work(self._store)
                except BrokerError:
                    lost = self._store.is_lost
                    if lost:
                        self._store.close()
                        self._store = None
                    if not lost or attempt == 2:
                        raise
        raise AssertionError("not reached")

    # Sending

    def enqueue(self, messages: Sequence[Message]) -> None:
        """Store messages, all or none of them."""
        self._insert(messages, wait=True)

    def _insert(self, messages: Sequence[Message], *, wait: bool) -> None:
        for attempt in (1, 2, 3):
            work = partial(_insert_rows, [insert_row(message) for message in messages])
            try:
                return self.with_store(work, wait=wait)
            except BrokerError as error:
                if not error.duplicate or attempt == 3:
                    raise
                # Another process made the same key in the same microsecond.
                for message in messages:
                    message.key = None

    def send(self, message: Message) -> None:
        """Store one message with the transaction that is open, or else at once; an event loop is not made to wait."""
        if self.alias is not None and self._join_transaction(message):
            return
        if not _in_event_loop():
            self.enqueue([message])
            return
        if self._sender.is_busy:  # What was sent before goes first.
            self._sender.add(message)
            return
        try:
            self._insert([message], wait=False)
        except BrokerError as error:
            if not error.busy:
                raise
            # Whoever holds the lock may be waiting for this very loop.
            self._sender.add(message)

    def _join_transaction(self, message: Message) -> bool:
        from openviper.db.connection import before_commit

        return before_commit(self._flush_rows, message, using=self.alias)

    async def _flush_rows(self, connection: Connection, messages: list[Any]) -> None:
        """Store messages as part of a transaction that is about to commit."""
        from openviper.tasks.brokers.sql import creation, insert_sql

        if not self._ready:
            if connection.vendor == "mysql":  # There, a CREATE TABLE would commit the transaction.
                self.with_store(lambda _store: None)
            else:
                for statement in creation(connection.vendor):
                    await connection.execute(statement)
        rows = [insert_row(message) for message in messages]
        sql = insert_sql(connection.dialect.placeholder)
        if len(rows) == 1:
            await connection.insert(sql, rows[0])
        else:
            await connection.execute_many(sql, rows)
        if connection.vendor == "postgresql":
            from openviper.tasks.brokers.sql import NOTIFY

            await connection.execute(NOTIFY)

    def flush(self, timeout: float = 10.0) -> None:
        """Wait until everything given to `send` is stored."""
        self._sender.flush(timeout)

    # Consuming

    def consumer(self, worker_id: str, queues: Sequence[str] | None) -> DatabaseConsumer:
        """Return a consumer with a connection of its own."""
        self.with_store(lambda _store: None)
        return DatabaseConsumer(self.open_store, self.lease, worker_id, queues)

    # Results and slots

    def result(self, message_id: str) -> StoredResult | None:
        """Return what is known of a message that is finished."""
        rows = self.with_store(
            lambda store: store.rows(
                f"SELECT value, error FROM {RESULTS} WHERE message_id = ?", (message_id,)
            )
        )
        return StoredResult(rows[0][0] or "null", rows[0][1] or "") if rows else None

    def claim_slot(self, name: str, slot: int, message: Message | None = None) -> bool:
        """Take a slot of a periodic job, and store its message in the same transaction."""
        rows = [] if message is None else [insert_row(message)]

        def work(store: Store) -> bool:
            with store.transaction():
                taken = store.claim_slot(name, slot)
                if taken and rows:
                    store.insert(rows)
                return taken

        return self.with_store(work)

    def last_slot(self, name: str) -> int | None:
        """Return the last slot that was taken of a periodic job."""
        rows = self.with_store(
            lambda store: store.rows(f"SELECT slot FROM {SLOTS} WHERE name = ?", (name,))
        )
        return int(rows[0][0]) if rows else None

    # Looking and repairing

    def queues(self) -> list[QueueInfo]:
        """Return how each queue stands."""
        sql = f"SELECT queue_name, state, count(*), min(sent_at) FROM {MESSAGES} GROUP BY queue_name, state"
        rows = self.with_store(lambda store: store.rows(sql, ()))
        found: dict[str, dict[int, tuple[int, float]]] = {}
        for name, state, count, oldest in rows:
            found.setdefault(name, {})[state] = (int(count), float(oldest))
        now = time.time()
        return [
            QueueInfo(
                name,
                _count(states, State.READY),
                _count(states, State.RUNNING),
                _count(states, State.DELAYED),
                _count(states, State.DEAD),
                max(0.0, now - states[State.READY][1]) if State.READY in states else None,
            )
            for name, states in sorted(found.items())
        ]

    def messages(
        self, state: str | None = None, queue: str | None = None, limit: int = 100
    ) -> list[MessageInfo]:
        """Return stored messages, oldest first."""
        where, values = _conditions(state, queue)
        sql = f"SELECT {COLUMNS}, state, worker, error FROM {MESSAGES}{where} ORDER BY id LIMIT ?"
        rows = self.with_store(lambda store: store.rows(sql, (*values, limit)))
        return [
            MessageInfo(
                row[1],
                row[3],
                row[2],
                State(row[-3]).name.lower(),
                row[5],
                row[6],
                row[7],
                row[8],
                row[-2] or "",
                row[-1] or "",
            )
            for row in rows
        ]

    def workers(self) -> list[WorkerInfo]:
        """Return the registered workers."""
        sql = f"SELECT worker, host, pid, started_at, seen_at FROM {WORKERS} ORDER BY started_at"
        return [WorkerInfo(*row) for row in self.with_store(lambda store: store.rows(sql, ()))]

    def retry(self, message_ids: Sequence[str] | None = None) -> int:
        """Make dead or delayed messages ready again."""
        change = (
            f"UPDATE {MESSAGES} SET state = {int(State.READY)}, due = 0, attempts = 0, error = NULL"
        )
        if message_ids is None:
            return self._change(f"{change} WHERE state = {int(State.DEAD)}", [()])
        states = f"({int(State.DEAD)}, {int(State.DELAYED)})"
        return self._change(
            f"{change} WHERE message_id = ? AND state IN {states}", [(one,) for one in message_ids]
        )

    def cancel(self, message_ids: Sequence[str]) -> int:
        """Remove messages that no worker has."""
        sql = f"DELETE FROM {MESSAGES} WHERE message_id = ? AND state <> {int(State.RUNNING)}"
        return self._change(sql, [(one,) for one in message_ids])

    def purge(self, queue: str | None = None, state: str | None = None) -> int:
        """Remove all messages that no worker has, of one queue or state or of all."""
        where, values = _conditions(state, queue)
        free = f"state <> {int(State.RUNNING)}"
        return self._change(
            f"DELETE FROM {MESSAGES}{where} {'AND' if where else 'WHERE'} {free}", [values]
        )

    def _change(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> int:
        def work(store: Store) -> int:
            with store.transaction():
                return sum(store.change(sql, row) for row in rows)

        count = self.with_store(work)
        self.with_store(lambda store: store.notify())
        return count

    def close(self) -> None:
        """Let go of the connection."""
        self.flush()
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def forget(self) -> None:
        """Drop the connection without closing it, as a forked child must."""
        self._lock = threading.Lock()
        if self._store is not None:
            self._store.abandon()
        self._store = None
        self._sender = _Sender(self)


def _insert_rows(rows: list[tuple[Any, ...]], store: Store) -> None:
    store.insert(rows)


def _count(states: dict[int, tuple[int, float]], state: State) -> int:
    return states[state][0] if state in states else 0


def _conditions(state: str | None, queue: str | None) -> tuple[str, tuple[Any, ...]]:
    conditions, values = [], []
    if state is not None:
        conditions.append("state = ?")
        values.append(int(State[state.upper()]))
    if queue is not None:
        conditions.append("queue_name = ?")
        values.append(queue)  # type: ignore[arg-type]  # numbers and texts are both bound
    return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), tuple(values)


def _in_event_loop() -> bool:
    import sys

    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None


class _Sender:
    """A thread that stores what could not be stored at once without making an event loop wait."""

    def __init__(self, broker: DatabaseBroker) -> None:
        self._broker = broker
        self._messages: list[Message] = []
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something waits to be stored."""
        return bool(self._messages)

    def add(self, message: Message) -> None:
        """Store a message as soon as the database takes it."""
        with self._condition:
            self._messages.append(message)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="openviper-tasks-sender", daemon=True
                )
                self._thread.start()
                atexit.register(self.flush)

    def _run(self) -> None:
        while True:
            with self._condition:
                messages = list(self._messages)
                if not messages:
                    self._thread = None
                    atexit.unregister(self.flush)
                    self._condition.notify_all()
                    return
            try:
                self._broker.enqueue(messages)
            except BrokerError:
                logger.exception("%d messages are not stored yet; trying again", len(messages))
                time.sleep(0.5)
                continue
            with self._condition:
                del self._messages[: len(messages)]

    def flush(self, timeout: float = 10.0) -> None:
        """Wait until everything is stored, for a while."""
        with self._condition:
            if not self._condition.wait_for(lambda: not self._messages, timeout):
                logger.error("%d messages could not be stored", len(self._messages))
