"""Storing new messages in a database: with their unique keys and their group, at once or with the caller's transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from openviper.tasks.brokers.base import NewGroup
from openviper.tasks.brokers.fresh import (
    Values,
    are_usual,
    inserts,
)
from openviper.tasks.brokers.tables import (
    COPY,
    GROUPS,
    MANY,
    MESSAGES,
    NEWEST,
    NOTIFY,
    UNIQUE,
    WORKERS,
    creation,
    full_row,
    insert_sql,
)
from openviper.tasks.message import Message, State, to_json
from openviper.tasks.message_ids import next_key

if TYPE_CHECKING:
    from openviper.db.connections.databases import Connection
    from openviper.tasks.brokers.tables import Store

READY, DELAYED = int(State.READY), int(State.DELAYED)
TRIES = 3
"""Tries to take a unique key of which the holder has gone when it is looked for."""
_UNIQUE_COLUMNS = "name, message_id, scope, until"
_GROUP_COLUMNS = "group_id, total, done, failed, callback, on_failure, stored_at"
_DROP_ENDED = f"DELETE FROM {UNIQUE} WHERE name = ? AND until > 0 AND until <= ?"


class Parcel(NamedTuple):
    """Messages that are sent together, and the group that they are."""

    messages: Sequence[Message]
    group: NewGroup | None = None

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to store but the messages."""
        if self.group is not None:
            return False
        for message in self.messages:
            if message.options is not None and "unique" in message.options:
                return False
        return True

    def rows_if_fresh(self) -> list[tuple[Any, ...]] | None:
        """Return what `rows_if_fresh` does of the messages; `None` if there is a group to store as well."""
        return None if self.group is not None else rows_if_fresh(self.messages)


def insert_row(message: Message, now: float) -> tuple[Any, ...]:
    """Return a message that has a key as the values of `INSERT_COLUMNS`."""
    return (
        message.key,
        message.message_id,
        message.queue_name,
        message.actor_name,
        message.payload,
        message.priority,
        DELAYED if message.due > now else READY,
        message.due,
        message.attempts,
        message.sent_at,
        message.deliveries,
        None if message.options is None else to_json(message.options),
    )


def values_if_fresh(message: Message) -> Values | None:
    """Do what `row_if_fresh` does, without the key."""
    is_fresh = not (message.due or message.attempts or message.deliveries)
    if message.options is not None or not is_fresh:
        return None
    return (
        message.message_id,
        message.queue_name,
        message.actor_name,
        message.payload,
        message.priority,
        message.sent_at,
    )


def row_if_fresh(message: Message) -> tuple[Any, ...] | None:
    """Return the values of `FRESH_COLUMNS` of a message that may run at once, was never tried, and has nothing to be looked at
    when it is stored; `None` for any other."""
    values = values_if_fresh(message)
    if values is None:
        return None
    if message.key is None:
        message.key = next_key()
    return (message.key, *values)


def rows_if_fresh(messages: Sequence[Message]) -> list[tuple[Any, ...]] | None:
    """Do what `row_if_fresh` does with many; `None` if one of them is another."""
    _give_keys(messages)
    rows = [row_if_fresh(message) for message in messages]
    return None if None in rows else cast("list[tuple[Any, ...]]", rows)


def insert_rows(messages: Sequence[Message], now: float) -> list[tuple[Any, ...]]:
    """Return messages as the values of `INSERT_COLUMNS`."""
    _give_keys(messages)
    return [insert_row(message, now) for message in messages]


def _give_keys(messages: Sequence[Message]) -> None:
    """Give a key to messages that have none, in their order."""
    for message, key in zip(messages, next_key.many(len(messages)), strict=True):
        if message.key is None:
            message.key = key


def _group_row(group: NewGroup, now: float) -> tuple[Any, ...]:
    return (group.group_id, group.total, 0, 0, group.then, group.on_failure, now)


def store_parcel(store: Store, parcel: Parcel) -> list[Message]:
    """Store messages in one transaction, and return those that were there already.

    Raises:
        BrokerError: If the database does not take them.
    """
    fresh = parcel.rows_if_fresh()
    if fresh is not None:
        store.insert_fresh(fresh)
        return []
    if parcel.is_plain:
        store.insert(insert_rows(parcel.messages, time.time()))
        return []
    return _store_others(store, parcel)


def _store_others(store: Store, parcel: Parcel) -> list[Message]:
    """Store messages with their group and their unique keys, and return those that were there already."""
    with store.transaction():
        duplicates = store_within(store, parcel)
    # Not before: until the end is known, each is told by its own id from one that an attempt before has stored.
    for message, holder in duplicates:
        message.message_id = holder or message.message_id
    return [message for message, _ in duplicates]


def store_within(store: Store, parcel: Parcel) -> list[tuple[Message, str]]:
    """Do what `store_parcel` does inside a transaction that is open; with each duplicate goes the id of the message that is there."""
    now = time.time()
    if parcel.group is not None:
        store.insert_new(GROUPS, _GROUP_COLUMNS, _group_row(parcel.group, now))
    duplicates, new = [], []
    for message in parcel.messages:
        holder = _holder_of_key(store, message, now)
        if holder is None:
            new.append(message)
        elif holder != message.message_id:
            duplicates.append((message, holder))
        # Else it is there: an attempt before has stored it, and its answer was lost.
    if new:
        store.insert(insert_rows(new, now))
    return duplicates


def _holder_of_key(store: Store, message: Message, now: float) -> str | None:
    """Take the message's unique key, if it has one; return the id of the message that has it already."""
    unique = message.option("unique")
    if unique is None:
        return None
    key, scope, until = unique
    store.change(_DROP_ENDED, (key, now))
    return _taken_by(store, (key, message.message_id, scope, until))


def _taken_by(store: Store, values: tuple[Any, ...]) -> str | None:
    """Take a unique key, or return who has it; an empty text if others take it and let go of it all the time."""
    for _ in range(TRIES):
        if store.insert_new(UNIQUE, _UNIQUE_COLUMNS, values):
            return None
        rows = store.rows(f"SELECT message_id FROM {UNIQUE} WHERE name = ?", values[:1])
        if rows:
            return str(rows[0][0])
    return ""


def are_stored(store: Store, messages: Sequence[Message]) -> bool:
    """Return whether messages, which are stored together or not at all, are there, as far as no worker is through with them."""
    sql = f"SELECT 1 FROM {MESSAGES} WHERE id = ? AND message_id = ?"
    keyed = (message for message in messages if message.key is not None)
    return any(store.rows(sql, (message.key, message.message_id)) for message in keyed)


Sent = Values | Message | Parcel
"""What a transaction gathers."""


async def store_in_transaction(
    connection: Connection,
    sent: Sequence[Sent],
    *,
    has_tables: bool,
) -> bool:
    """Store messages with the transaction that is open on a connection of the project's.

    Args:
        connection: The connection.
        sent: The messages; of those that are fresh and alone, the values.
        has_tables: Whether the tables are known to be there; else they are made, in the same transaction.

    Returns:
        Whether the tables were there, so that they still are if the transaction fails.
    """
    if not has_tables and connection.vendor != "mysql":
        has_tables = not await _create_tables(connection)
    now = time.time()
    new: list[Values | Message] = []
    for item in sent:
        if isinstance(item, Parcel):
            new += await _unpack(connection, item, now)
        elif not isinstance(item, Message) or await _takes_unique(connection, item, now):
            new.append(item)
    await _insert(connection, new, now)
    if connection.vendor == "postgresql":
        await connection.execute(NOTIFY)
    return has_tables


async def _unpack(connection: Connection, parcel: Parcel, now: float) -> list[Values | Message]:
    """Return what is to be stored of messages that were sent together; their group is stored."""
    if parcel.group is not None:
        await _insert_new(connection, GROUPS, _GROUP_COLUMNS, _group_row(parcel.group, now))
    return [
        values_if_fresh(message) or message
        for message in parcel.messages
        if message.options is None or await _takes_unique(connection, message, now)
    ]


async def _insert(connection: Connection, new: Sequence[Values | Message], now: float) -> None:
    keys = next_key.many(len(new))
    if connection.vendor == "sqlite":
        fresh = [each for each in new if isinstance(each, tuple)]
        if fresh and len(fresh) == len(new) and are_usual(fresh):
            for statement, parts in inserts(keys[0], fresh):
                await _insert_rows(connection, statement, parts)
            return
    sql = insert_sql(connection.dialect.placeholder)
    rows = [_row(key, each, now) for key, each in zip(keys, new, strict=True)]
    if len(rows) >= MANY and connection.vendor == "postgresql":
        await connection.execute_many(COPY, rows)
    else:
        await _insert_rows(connection, sql, rows)


async def _insert_rows(connection: Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if len(rows) == 1:
        await connection.insert(sql, rows[0])
    elif rows:
        await connection.execute_many(sql, rows)


def _row(key: int, item: Values | Message, now: float) -> tuple[Any, ...]:
    """Return the values of `INSERT_COLUMNS`."""
    if isinstance(item, tuple):
        return full_row((key, *item))
    item.key = key
    return insert_row(item, now)


async def _create_tables(connection: Connection) -> bool:
    sql = (
        "SELECT 1 FROM sqlite_master WHERE name = ?"
        if connection.vendor == "sqlite"
        else "SELECT 1 FROM pg_class WHERE relname = %s AND pg_table_is_visible(oid)"
    )
    if await connection.fetch_one(sql, (NEWEST[connection.vendor],)) is not None:
        return False
    present = await _present_columns(connection)
    for statement in creation(connection.vendor, present):
        await connection.execute(statement)
    return True


async def _present_columns(connection: Connection) -> list[str]:
    """Return the columns that tables of an earlier version have, as `creation` wants them."""
    names = []
    for table in (MESSAGES, WORKERS):
        names += [f"{table}.{row[0]}" for row in await _columns_of(connection, table)]
    return names


async def _columns_of(connection: Connection, table: str) -> list[Any]:
    if connection.vendor == "sqlite":
        return await connection.fetch_all(f"SELECT name FROM pragma_table_info('{table}')")
    return await connection.fetch_all(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND table_name = %s",
        (table,),
    )


async def _takes_unique(connection: Connection, message: Message, now: float) -> bool:
    unique = message.option("unique")
    if unique is None:
        return True
    key, scope, until = unique
    mark = connection.dialect.placeholder
    await connection.execute(_DROP_ENDED.replace("?", mark), (key, now))
    return await _insert_new(
        connection, UNIQUE, _UNIQUE_COLUMNS, (key, message.message_id, scope, until)
    )


async def _insert_new(
    connection: Connection, table: str, columns: str, values: tuple[Any, ...]
) -> bool:
    marks = ", ".join([connection.dialect.placeholder] * len(values))
    verb, end = {
        "sqlite": ("INSERT OR IGNORE", ""),
        "mysql": ("INSERT IGNORE", ""),
        "postgresql": ("INSERT", " ON CONFLICT DO NOTHING"),
    }[connection.vendor]
    sql = f"{verb} INTO {table} ({columns}) VALUES ({marks}){end}"
    return bool(await connection.execute(sql, values))
