"""A store of its own beside the project's database: what is sent in a transaction is sent after its commit, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openviper.db.connection import atomic, close_db, configure_db, get_connection
from openviper.tasks.brokers.base import Broker, NewGroup
from openviper.tasks.brokers.database import DatabaseBroker
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import Message, encode_arguments
from tests.integration.tasks.test_broker_contract import message
from tests.integration.tasks.test_broker_extras import members


class UndoneError(Exception):
    """Undoes a transaction."""


@pytest.fixture
async def project(tmp_path: Path) -> AsyncIterator[None]:
    """Have a database of the project that the messages are not in."""
    await configure_db(f"sqlite:///{tmp_path / 'project.db'}")
    async with get_connection() as connection:
        await connection.execute("CREATE TABLE thing (name TEXT)")
    yield
    await close_db()


@pytest.mark.usefixtures("project")
async def test_messages_are_sent_after_the_commit_or_not_at_all(broker: Broker) -> None:
    with pytest.raises(UndoneError):
        async with atomic():
            broker.send([message("undone")])
            broker.send(members("g", "undone"), NewGroup("g", 1))
            raise UndoneError
    assert broker.messages() == [] and broker.group("g") is None
    async with atomic() as connection:
        await connection.execute("INSERT INTO thing VALUES ('x')")
        assert broker.send([message("a")]) is None
        with pytest.raises(UndoneError):
            async with atomic():
                broker.send([message("undone")])
                raise UndoneError
        async with atomic():
            broker.send([message("b")])
        assert broker.messages() == []
    broker.flush()
    assert len(broker.messages()) == 2
    broker.send([message("c")])
    broker.flush()
    assert len(broker.messages()) == 3


async def test_odd_arguments_are_stored_with_the_transaction_of_the_project(
    broker: Broker, kind: str, tmp_path: Path, task_databases: dict[str, str]
) -> None:
    if not isinstance(broker, DatabaseBroker):
        return  # They are no part of a transaction.
    own_file = f"sqlite:///{tmp_path / 'tasks.db'}"
    await configure_db(own_file if kind == "sqlite" else task_databases[kind])
    broker.alias = "default"
    odd = Message("actor", "default", encode_arguments("actor", ("a\ud800b\0", 10**400), {}))
    try:
        async with atomic():
            assert broker.send([odd]) is None
        consumer = broker.consumer(new_worker_id(), None)
        (stored,) = consumer.exchange([], 10)
        consumer.close()
        assert stored.arguments() == (["a\ud800b\0", 10**400], {})
    finally:
        await close_db()
