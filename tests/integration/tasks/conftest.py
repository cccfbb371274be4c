"""A broker of every kind, empty at the beginning of each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from openviper.db.connections.url import DatabaseURL
from openviper.tasks import broker as process_broker
from openviper.tasks.brokers.base import Broker
from openviper.tasks.brokers.database import DatabaseBroker
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.brokers.redis import RedisBroker
from openviper.tasks.brokers.tables import TABLES
from openviper.tasks.conf import resolve_tasks_config
from tests.servers import REDIS, fresh_database, redis_prefix, run_on_server

KINDS = ("memory", "sqlite", "postgresql", "mysql", "redis")
LEASE = 60.0
TABLE_NAMES = [table.name for table in TABLES]

Reopen = Callable[[], Broker]


def empty_tables(kind: str, url: str) -> None:
    """Delete the messages on a server; tables are dropped only if there are not all, since MariaDB takes long for it."""
    database = url.rpartition("/")[2]
    schema = "current_schema()" if kind == "postgresql" else "database()"
    rows = run_on_server(
        kind,
        f"SELECT table_name FROM information_schema.tables WHERE table_schema = {schema}",
        database=database,
    )
    if {name for (name,) in rows} >= set(TABLE_NAMES):
        run_on_server(kind, *(f"DELETE FROM {name}" for name in TABLE_NAMES), database=database)
    else:
        drop_tables(kind, url)


def drop_tables(kind: str, url: str) -> None:
    """Leave nothing of a store on a server."""
    statements = (f"DROP TABLE IF EXISTS {name}" for name in TABLE_NAMES)
    run_on_server(kind, *statements, database=url.rpartition("/")[2])


@pytest.fixture(scope="session")
def task_databases() -> Iterator[dict[str, str]]:
    """Keep one database per server for all tests of the session."""
    managers: list[AbstractContextManager[str]] = []
    urls: dict[str, str] = _Urls(managers)
    try:
        yield urls
    finally:
        for manager in managers:
            manager.__exit__(None, None, None)


class _Urls(dict[str, str]):
    def __init__(self, managers: list[AbstractContextManager[str]]) -> None:
        super().__init__()
        self._managers = managers

    def __missing__(self, vendor: str) -> str:
        manager = fresh_database(vendor)
        self[vendor] = manager.__enter__()
        self._managers.append(manager)
        return self[vendor]


@pytest.fixture(
    params=[
        pytest.param(kind, marks=[pytest.mark.one_version] if kind == "mysql" else [])
        for kind in KINDS
    ]
)
def kind(request: pytest.FixtureRequest) -> str:
    """Return the kind of broker."""
    return str(request.param)


@pytest.fixture
def reopen(kind: str, tmp_path: Path, task_databases: dict[str, str]) -> Iterator[Reopen]:
    """Return a function that opens the same store again, as another process would."""
    opened: list[Broker] = []

    def remember(broker: Broker) -> Broker:
        opened.append(broker)
        return broker

    if kind == "memory":
        one = MemoryBroker()
        yield lambda: one
    elif kind == "redis":
        with redis_prefix() as prefix:
            yield lambda: remember(RedisBroker(REDIS, lease=LEASE, prefix=prefix))
            for broker in opened:
                broker.close()
        return
    else:
        url = f"sqlite:///{tmp_path / 'tasks.db'}" if kind == "sqlite" else task_databases[kind]
        if kind != "sqlite":
            empty_tables(kind, url)
        yield lambda: remember(DatabaseBroker(DatabaseURL.parse(url), lease=LEASE))
    for broker in opened:
        broker.close()


@pytest.fixture
def no_tables(kind: str, reopen: Reopen, task_databases: dict[str, str]) -> None:
    """Have a store without tables."""
    if kind in ("postgresql", "mysql"):
        drop_tables(kind, task_databases[kind])


@pytest.fixture
def broker(reopen: Reopen) -> Broker:
    """Return an empty broker."""
    return reopen()


@pytest.fixture
def configured(broker: Broker) -> Iterator[Broker]:
    """Make it the broker of the process, with the default configuration and results switched on."""
    process_broker.reset_broker()
    process_broker._config = resolve_tasks_config({"backend_url": "on"})
    process_broker.set_broker(broker)
    yield broker
    process_broker.set_broker(None)
    process_broker.reset_broker()
