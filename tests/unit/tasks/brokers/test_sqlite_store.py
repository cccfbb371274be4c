"""Waiting for the writes of others at an SQLite file."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.db.connections.url import DatabaseURL
from openviper.tasks.brokers.sqlite_store import SQLiteStore, abandoned


class EarlyTeller:
    """Tells of a write, as the system does, before readers can see it; the write follows once that was heard."""

    def __init__(self, path: Path) -> None:
        self.descriptor, self._write = os.pipe()
        self._path = path
        self._heard = threading.Event()
        self._is_told = False

    def tell(self) -> None:
        """Tell of a write, and write once somebody has looked for it."""
        self._is_told = True
        os.write(self._write, b"x")
        assert self._heard.wait(60)
        with sqlite3.connect(self._path) as other:
            other.execute("CREATE TABLE later (id INTEGER)")
        other.close()

    def clear(self) -> bool:
        """Take note of what was told."""
        if not self._is_told or self._heard.is_set():
            return False
        os.read(self.descriptor, 1)
        self._heard.set()
        return True

    def close(self) -> None:
        """Close both ends."""
        os.close(self.descriptor)
        os.close(self._write)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """Return a connection that has seen all there is."""
    made = SQLiteStore(DatabaseURL.parse(f"sqlite:///{tmp_path / 'tasks.db'}"))
    made.create_tables()
    made._has_changed()
    yield made
    made.close()


@pytest.fixture
def wake() -> Iterator[int]:
    """Return a descriptor that nobody makes readable."""
    read, write = os.pipe()
    yield read
    os.close(read)
    os.close(write)


def test_a_write_that_is_seen_later_than_it_was_told_of_ends_the_wait(
    store: SQLiteStore, wake: int, tmp_path: Path
) -> None:
    teller = EarlyTeller(tmp_path / "tasks.db")
    store._watch = teller  # type: ignore[assignment]  # All that is asked of a FileWatch.
    thread = threading.Thread(target=teller.tell)
    thread.start()
    # It would last for two minutes if what was told were forgotten after one look.
    waiting = threading.Thread(target=store.wait, args=(wake, 120, None), daemon=True)
    waiting.start()
    thread.join(60)
    waiting.join(60)
    assert not waiting.is_alive()
    assert store.rows("SELECT * FROM later") == []


def test_a_wait_for_nothing_ends_when_its_time_is_over(store: SQLiteStore, wake: int) -> None:
    store.listen()
    store.wait(wake, 0.01, None)
    assert not store._has_changed()


def test_more_rows_are_deleted_than_one_statement_can_name(store: SQLiteStore) -> None:
    rows = [(n, str(n), "q", "a", "{}", 0, 0, 0.0, 0, 0.0, 0, None) for n in range(1, 1203)]
    store.insert(rows)
    with store.transaction():
        claimed = store.claim("w", ("q",), 1201, suspects=False)
    assert [row[0] for row in claimed] == list(range(1, 1202))
    store.delete_claimed("someone else", [row[0] for row in claimed])
    store.delete_claimed("w", [row[0] for row in claimed])
    assert store.rows("SELECT id, state FROM openviper_task_message") == [(1202, 0)]


def test_what_a_fork_leaves_of_the_parent_is_kept_with_its_cursor(store: SQLiteStore) -> None:
    store.abandon()
    assert [abandoned.pop(), abandoned.pop()] == [store._writer, store.raw]
