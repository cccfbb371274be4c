"""The broker on a database: how many connections it opens, and what it does with a message that is alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.db.connections.url import DatabaseURL
from openviper.tasks.brokers import database
from openviper.tasks.brokers.database import DatabaseBroker
from openviper.tasks.brokers.sqlite_store import SQLiteStore
from openviper.tasks.brokers.storing import row_if_fresh, rows_if_fresh
from openviper.tasks.brokers.tables import FRESH_COLUMNS, Store
from openviper.tasks.exceptions import BrokerError
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import Message


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Store]:
    """Return the list of the connections that are opened."""
    stores: list[Store] = []

    def open_store(url: DatabaseURL) -> Store:
        stores.append(SQLiteStore(url))
        return stores[-1]

    monkeypatch.setattr(database, "open_store", open_store)
    return stores


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[DatabaseBroker]:
    """Return a broker on a file that is not there yet."""
    made = DatabaseBroker(DatabaseURL.parse(f"sqlite:///{tmp_path / 'tasks.db'}"))
    yield made
    made.close()


def test_a_consumer_makes_the_tables_with_its_own_connection(
    broker: DatabaseBroker, opened: list[Store]
) -> None:
    consumer = broker.consumer(new_worker_id(), None)
    assert len(opened) == 1
    broker.send([Message("shop.work", "default", "{}")])
    assert [message.actor_name for message in consumer.exchange([], 1)] == ["shop.work"]
    consumer.close()


def test_a_consumer_whose_tables_cannot_be_made_leaves_no_connection_open(
    broker: DatabaseBroker, opened: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[SQLiteStore] = []

    def refuse(_store: SQLiteStore) -> None:
        raise BrokerError("the disk is full")

    def close(store: SQLiteStore) -> None:
        closed.append(store)

    monkeypatch.setattr(SQLiteStore, "create_tables", refuse)
    monkeypatch.setattr(SQLiteStore, "close", close)
    with pytest.raises(BrokerError, match="the disk is full"):
        broker.consumer(new_worker_id(), None)
    assert closed == opened
    monkeypatch.undo()
    closed[0].close()


def test_a_message_is_stored_with_the_patience_of_its_sender(
    broker: DatabaseBroker, opened: list[Store], tmp_path: Path
) -> None:
    broker.send([Message("shop.work", "default", "{}")])
    (store,) = opened
    assert store.rows("PRAGMA busy_timeout") == [(30_000,)]
    for wait, timeout in ((False, 0), (True, 30_000)):
        row = row_if_fresh(Message("shop.work", "default", "{}"))
        assert row is not None
        store.insert_one(row, wait)
        assert store.rows("PRAGMA busy_timeout") == [(timeout,)]
    assert sum(queue.ready for queue in broker.queues()) == 3


@pytest.mark.parametrize(
    "changes", [{"due": 2e9}, {"attempts": 1}, {"deliveries": 2}, {"options": {"expires": 2e9}}]
)
def test_only_what_is_fresh_goes_the_short_way(changes: dict[str, object]) -> None:
    fresh = Message("shop.work", "default", "{}")
    row = row_if_fresh(fresh)
    assert row == tuple(getattr(fresh, _attribute(name)) for name in FRESH_COLUMNS.split(", "))
    other = Message("shop.work", "default", "{}")
    for name, value in changes.items():
        setattr(other, name, value)
    assert row_if_fresh(other) is None
    assert rows_if_fresh([fresh, other]) is None
    assert rows_if_fresh([fresh]) == [row]


def _attribute(column: str) -> str:
    return "key" if column == "id" else column
