"""Messages in a database: a file of its own, or the project's.

The tables make themselves. A message is a row; its state, its priority and its key, which grows with time, decide who is
next. A claim marks rows with the worker's name; the worker's own row says that it lives. So a heartbeat is one small
write, however much is running, and the messages of a worker whose row has grown old, or whose process is gone, go back.

Reading makes no tables: a look at an empty store must not wait for a lock that the caller's own transaction holds.
"""

from __future__ import annotations

import threading
from asyncio import _get_running_loop
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from openviper.db.connection import after_commit, before_commit
from openviper.db.connections.databases import current_block
from openviper.db.connections.url import DatabaseURL
from openviper.tasks.brokers.base import (
    EVERYTHING,
    CallCount,
    Filter,
    GroupInfo,
    MessageInfo,
    NewGroup,
    Progress,
    QueueInfo,
    Slot,
    StoredResult,
    StoredSchedule,
    WorkerInfo,
)
from openviper.tasks.brokers.keeping import Keep, Pruned
from openviper.tasks.brokers.late_sender import LateSender
from openviper.tasks.brokers.storing import (
    Parcel,
    Sent,
    are_stored,
    row_if_fresh,
    store_in_transaction,
    store_parcel,
    values_if_fresh,
)
from openviper.tasks.brokers.tables import GROUPS, PROGRESS, RESULTS
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.message import Message, is_storable
from openviper.utils.importing import import_string

if TYPE_CHECKING:
    from openviper.db.connections.databases import Connection
    from openviper.tasks.brokers.database_admin import DatabaseAdmin
    from openviper.tasks.brokers.database_consumer import DatabaseConsumer
    from openviper.tasks.brokers.tables import Store

T = TypeVar("T")
_STORES = {
    "sqlite": "openviper.tasks.brokers.sqlite_store.SQLiteStore",
    "postgresql": "openviper.tasks.brokers.postgresql_store.PostgreSQLStore",
    "mysql": "openviper.tasks.brokers.mysql_store.MySQLStore",
}
"""Imported when needed: a project has one of them, and two have a driver behind them."""
TRIES = 6
"""How often a write is tried when another writer made the same key, or two waited for each other."""


def open_store(url: DatabaseURL) -> Store:
    """Return a new connection.

    Raises:
        BrokerError: If the database does not take it.
    """
    store: Store = import_string(_STORES[url.vendor])(url)
    return store


class DatabaseBroker:
    """A broker on SQLite, PostgreSQL or MariaDB.

    Args:
        url: The database.
        alias: The alias of the project's database that this is, if it is one: then messages are part of its transactions.
        lease: Seconds after which a worker that gives no sign of life is lost.
        keep: How long results and dead messages are kept.
    """

    name = "database"

    def __init__(
        self,
        url: DatabaseURL,
        *,
        alias: str | None = None,
        lease: float = 60.0,
        keep: Keep | None = None,
    ) -> None:
        self.url = url
        self.alias = alias
        self.lease = lease
        self.keep = keep or Keep()
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._ready = False
        self._sender = LateSender(self.store)
        self._flush_key = self._flush
        self._made_admin: DatabaseAdmin | None = None

    @property
    def _admin(self) -> DatabaseAdmin:
        if self._made_admin is None:
            # Late: who only sends has no need of it.
            from openviper.tasks.brokers.database_admin import DatabaseAdmin

            self._made_admin = DatabaseAdmin(self._change, self.read)
        return self._made_admin

    def open_store(self) -> Store:
        """Return a new connection.

        Raises:
            BrokerError: If the database does not take it.
        """
        return open_store(self.url)

    def with_store(
        self, work: Callable[[Store], T], *, wait: bool = True, create: bool = True
    ) -> T:
        """Run `work` with the shared connection; one that was lost is replaced, and the work done once more.

        Args:
            work: All of it in one transaction of its own making.
            wait: Wait for another writer, where the database has only one.
            create: Make the tables first, if they are not there.

        Raises:
            BrokerError: If the database does not answer.
        """
        with self._lock:
            attempt = 1
            while True:
                store = self._store or self._connect()
                try:
                    store.set_patience(wait)
                    if create:
                        self._prepare(store)
                    return work(store)
                except BrokerError as error:
                    if store.is_lost:
                        self._disconnect()
                    elif not error.busy or self.url.vendor == "sqlite":
                        raise
                    if attempt == TRIES:
                        raise
                    attempt += 1

    def _prepare(self, store: Store) -> None:
        if not self._ready:
            store.create_tables()
            self._ready = True

    def _change(self, work: Callable[[Store], T]) -> T:
        """Run what people ask for, which is no part of a transaction that may be open.

        Raises:
            BrokerError: If that transaction holds the only lock there is, or the database does not answer.
        """
        block = current_block(self.alias) if self.alias is not None else None
        is_locked = block is not None and block.transactional and not block.read_only
        if is_locked and self.url.vendor == "sqlite":
            raise BrokerError(
                "messages and schedules cannot be changed inside a transaction of their own SQLite file, which holds the "
                "lock of it; do so after the transaction, or in on_commit()",
                refused=True,
            )
        return self.with_store(work)

    def _connect(self) -> Store:
        self._store = self.open_store()
        return self._store

    def _disconnect(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def read(self, work: Callable[[Store], T], empty: T) -> T:
        """Run a read with the shared connection; where there are no tables yet, return `empty`.

        Raises:
            BrokerError: If the database does not answer.
        """

        def look(store: Store) -> T:
            if not self._ready:
                self._ready = store.has_tables()
            return work(store) if self._ready else empty

        return self.with_store(look, create=False)

    # Sending

    def enqueue(self, messages: Sequence[Message], group: NewGroup | None = None) -> list[Message]:
        """Store messages, all or none of them."""
        return self.store(Parcel(messages, group))

    def store(self, parcel: Parcel, *, wait: bool = True) -> list[Message]:
        """Store messages at once.

        Args:
            parcel: The messages, and their group.
            wait: Wait for another writer, where the database has only one.

        Raises:
            BrokerError: If the database does not take them.
        """
        attempt = 1
        while True:
            try:
                return self.with_store(lambda store: store_parcel(store, parcel), wait=wait)
            except BrokerError as error:
                if not error.duplicate or attempt == TRIES:
                    raise
            if self.with_store(lambda store: are_stored(store, parcel.messages)):
                return []  # By an attempt before, whose answer was lost with the connection.
            _make_keys_anew(parcel)
            attempt += 1

    def send(
        self, messages: Sequence[Message], group: NewGroup | None = None
    ) -> list[Message] | None:
        """Store messages with the transaction that is open, or in a database of its own after the commit, or else at once."""
        if self.alias is None:
            return self._send_behind(messages, group)
        gathered = before_commit(self._flush_key, self.alias)
        if gathered is None:
            return self._send_now(messages, group)
        if group is None and len(messages) == 1:
            # Just what is stored: a transaction may gather many, and the rest costs time and memory.
            gathered.append(values_if_fresh(messages[0]) or messages[0])
        else:
            gathered.append(Parcel(messages, group))
        return None

    def _send_behind(
        self, messages: Sequence[Message], group: NewGroup | None
    ) -> list[Message] | None:
        """Store messages after the transaction that is open in another database, if there is one."""
        is_for_later = after_commit(lambda: self._send_now(messages, group) and None)
        return None if is_for_later else self._send_now(messages, group)

    def _send_now(
        self, messages: Sequence[Message], group: NewGroup | None
    ) -> list[Message] | None:
        """Store messages at once; an event loop is not made to wait."""
        in_loop = _get_running_loop() is not None
        if in_loop and self._sender.is_busy:  # What was sent before goes first.
            self._sender.add(Parcel(messages, group))
            return None
        if group is None and len(messages) == 1 and self._store_usual(messages[0], not in_loop):
            return []
        parcel = Parcel(messages, group)
        try:
            return self.store(parcel, wait=not in_loop)
        except BrokerError as error:
            if not in_loop or not error.busy:
                raise
            # Whoever holds the lock may be waiting for this very loop.
            self._sender.add(parcel)
            return None

    def _store_usual(self, message: Message, wait: bool) -> bool:
        """Store a message that is fresh with the connection that is open, by the shortest way; return whether that was done.

        Raises:
            BrokerError: If the time to wait for another writer is over.
        """
        row = row_if_fresh(message)
        if row is None:
            return False
        with self._lock:
            store = self._store
            if store is None or not self._ready:
                return False
            try:
                store.insert_one(row, wait)
            except BrokerError as error:
                if error.busy and wait and store.vendor == "sqlite":
                    raise
                return False  # `store` knows what to do about it.
        return True

    async def _flush(
        self,
        connection: Connection,
        sent: list[Sent],
    ) -> None:
        """Store messages as part of a transaction that is about to commit."""
        if not self._ready and connection.vendor == "mysql":
            # There, a CREATE TABLE would commit the transaction.
            self.with_store(lambda _store: None)
        self._ready = await store_in_transaction(connection, sent, has_tables=self._ready)

    def flush(self, timeout: float = 10.0) -> None:
        """Wait until everything given to `send` is stored."""
        self._sender.flush(timeout)

    # Consuming

    def consumer(
        self, worker_id: str, queues: Sequence[str] | None, *, suspects: bool = False
    ) -> DatabaseConsumer:
        """Return a consumer with a connection of its own, which also makes the tables: a start waits for one connection."""
        # Late: who only sends has no need of it.
        from openviper.tasks.brokers.database_consumer import DatabaseConsumer

        return DatabaseConsumer(
            self._open_prepared, self.lease, worker_id, queues, suspects=suspects, keep=self.keep
        )

    def _open_prepared(self) -> Store:
        store = self.open_store()
        try:
            self._prepare(store)
        except BrokerError:
            store.close()
            raise
        return store

    # What tasks have left

    def _rows(self, sql: str, value: str) -> list[Any]:
        empty: list[Any] = []
        if not is_storable(value):
            return empty
        return self.read(lambda store: store.rows(sql, (value,)), empty)

    def result(self, message_id: str) -> StoredResult | None:
        """Return what is known of a message that is finished."""
        sql = f"SELECT value, error, stored_at FROM {RESULTS} WHERE message_id = ?"
        rows = self._rows(sql, message_id)
        return StoredResult(rows[0][0] or "null", rows[0][1] or "", rows[0][2]) if rows else None

    def progress(self, message_id: str) -> Progress | None:
        """Return how far a message said it is."""
        sql = f"SELECT message_id, share, note, noted_at FROM {PROGRESS} WHERE message_id = ?"
        rows = self._rows(sql, message_id)
        return Progress(*rows[0]) if rows else None

    def group(self, group_id: str) -> GroupInfo | None:
        """Return how a group stands."""
        sql = f"SELECT group_id, total, done, failed FROM {GROUPS} WHERE group_id = ?"
        rows = self._rows(sql, group_id)
        return GroupInfo(*rows[0]) if rows else None

    # Periodic jobs, looking and repairing: see `DatabaseAdmin`.

    def slot(self, name: str) -> Slot | None:
        """Return the last firing of a periodic job."""
        return self._admin.slot(name)

    def swap_slot(
        self, name: str, before: Slot | None, after: Slot, message: Message | None = None
    ) -> bool:
        """Replace the last firing of a periodic job, and store its message in the same transaction."""
        return self._admin.swap_slot(name, before, after, message)

    def schedules(self) -> list[StoredSchedule]:
        """Return the periodic jobs that were added or paused at run time."""
        return self._admin.schedules()

    def save_schedule(self, schedule: StoredSchedule) -> None:
        """Add or replace a periodic job."""
        self._admin.save_schedule(schedule)

    def remove_schedule(self, name: str) -> bool:
        """Remove a periodic job that was added."""
        return self._admin.remove_schedule(name)

    def queues(self) -> list[QueueInfo]:
        """Return how each queue stands."""
        return self._admin.queues()

    def messages(self, chosen: Filter = EVERYTHING, limit: int = 100) -> list[MessageInfo]:
        """Return stored messages, oldest first."""
        return self._admin.messages(chosen, limit)

    def workers(self) -> list[WorkerInfo]:
        """Return the registered workers."""
        return self._admin.workers()

    def counts(self) -> list[CallCount]:
        """Return how often what became of calls."""
        return self._admin.counts()

    def retry(self, chosen: Sequence[str] | Filter) -> int:
        """Make dead or delayed messages ready again."""
        return self._admin.retry(chosen)

    def cancel(self, message_ids: Sequence[str]) -> int:
        """Remove messages that no worker has, and ask for the end of those that run."""
        return self._admin.cancel(message_ids)

    def purge(self, chosen: Filter = EVERYTHING) -> int:
        """Remove all messages that no worker has and that are meant."""
        return self._admin.purge(chosen)

    def prune(self, results_before: float, dead_before: float) -> Pruned:
        """Remove results that were stored, and messages that have been dead, since before a moment."""
        return self._admin.prune(results_before, dead_before)

    def close(self) -> None:
        """Let go of the connection."""
        self.flush()
        with self._lock:
            self._disconnect()

    def forget(self) -> None:
        """Drop the connection without closing it, as a forked child must."""
        self._lock = threading.Lock()
        if self._store is not None:
            self._store.abandon()
        self._store = None
        self._sender = LateSender(self.store)


def _make_keys_anew(parcel: Parcel) -> None:
    """Let go of keys: another process made the same one in the same microsecond."""
    for message in parcel.messages:
        message.key = None
