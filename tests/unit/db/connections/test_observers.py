"""Watching the statements of a database: told before and after, and of what goes wrong."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Any

import pytest

from openviper.db.connection import atomic
from openviper.db.connections.databases import Database, connections
from openviper.db.connections.observers import (
    DatabaseBackend,
    DatabaseBackendRegistry,
    DatabaseExecution,
    database_backend_registry,
    watch_all_statements,
)
from openviper.db.exceptions import DatabaseBackendNotFoundError, DatabaseConfigurationError
from openviper.exceptions import IntegrityError


class Log(DatabaseExecution):
    """Keeps what it is told; may answer with a coroutine, or fail."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.fails_at = ""
        self.is_async = False

    def _take(self, event: str, *facts: Any) -> Any:
        async def later() -> None:
            self._note(event, *facts)

        return later() if self.is_async else self._note(event, *facts)

    def _note(self, event: str, *facts: Any) -> None:
        self.told.append((event, *facts))
        if event == self.fails_at:
            raise RuntimeError(f"{event} failed")

    def pre_execute(self, statement: str, parameters: Any) -> Any:
        return self._take("pre", statement, parameters)

    def post_execute(self, statement: str, parameters: Any, duration: float) -> Any:
        assert duration >= 0
        return self._take("post", statement, parameters)

    def on_error(self, statement: str, parameters: Any, error: BaseException) -> Any:
        return self._take("error", statement, type(error).__name__)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture(autouse=True)
async def database(log: Log) -> AsyncIterator[Database]:
    """A watched database in memory; what was told while its table was made is forgotten."""

    class Watching(DatabaseBackend):
        def create_execution(self) -> DatabaseExecution:
            return log

    database_backend_registry.register("watching", Watching)
    connections.configure({"default": {"URL": "sqlite:///:memory:", "BACKEND": "watching"}})
    found = connections.get("default")
    await found.pool().write("CREATE TABLE t (v TEXT UNIQUE)", (), single=False)
    log.told.clear()
    yield found
    await connections.disconnect_all()
    connections.reset()
    database_backend_registry.unregister("watching")


SELECT, INSERT = "SELECT v FROM t", "INSERT INTO t VALUES (?)"


@pytest.mark.parametrize("is_async", [False, True])
async def test_each_statement_is_told_before_and_after(
    database: Database, log: Log, is_async: bool
) -> None:
    log.is_async = is_async
    pool = database.pool()
    assert (await pool.write(INSERT, ("a",), single=True))[0] == 1
    assert await pool.read(SELECT, (), list) == [("a",)]
    assert log.told == [
        ("pre", INSERT, ("a",)), ("post", INSERT, ("a",)), ("pre", SELECT, ()), ("post", SELECT, ()),
    ]  # fmt: skip


async def test_a_transaction_is_told_with_its_beginning_and_end(log: Log) -> None:
    async with atomic() as connection:
        await connection.execute(INSERT, ("a",))
        await connection.execute_many(INSERT, [("b",), ("c",)])
        assert len(await connection.fetch_all(SELECT)) == 3
    begun = [statement for event, statement, *_ in log.told if event == "pre"]
    assert begun == ["BEGIN IMMEDIATE", INSERT, INSERT, SELECT, "COMMIT"]
    assert [entry for entry in log.told if entry[0] == "pre" and entry[1] == INSERT][1][2] is None


async def test_a_failure_is_told_and_still_the_callers(database: Database, log: Log) -> None:
    pool = database.pool()
    await pool.write(INSERT, ("a",), single=True)
    log.told.clear()
    with pytest.raises(IntegrityError):
        await pool.write(INSERT, ("a",), single=True)
    assert log.told == [("pre", INSERT, ("a",)), ("error", INSERT, "IntegrityError")]


async def test_an_exception_before_keeps_a_statement_from_being_sent(
    database: Database, log: Log
) -> None:
    log.fails_at = "pre"
    with pytest.raises(RuntimeError, match="pre failed"):
        await database.pool().write(INSERT, ("a",), single=True)
    log.fails_at = ""
    assert await database.pool().read(SELECT, (), list) == []


@pytest.mark.parametrize("is_async", [False, True])
async def test_an_exception_after_is_logged_and_changes_nothing(
    database: Database, log: Log, caplog: pytest.LogCaptureFixture, is_async: bool
) -> None:
    log.is_async, log.fails_at = is_async, "post"
    with caplog.at_level("ERROR", "openviper.db"):
        assert (await database.pool().write(INSERT, ("a",), single=True))[0] == 1
    assert "Log failed" in caplog.text and "post failed" in caplog.text
    log.fails_at = "error"
    with pytest.raises(IntegrityError):
        await database.pool().write(INSERT, ("a",), single=True)
    assert "error failed" in caplog.text


async def test_a_stream_has_run_when_its_last_row_was_taken_or_nobody_wants_more(
    database: Database, log: Log
) -> None:
    async with database.connection() as connection:
        await connection.execute_many(INSERT, [(str(number),) for number in range(10)])
    for wanted in (10, 1):
        log.told.clear()
        stream = database.pool().stream(SELECT, (), list, 1)
        async with aclosing(stream):
            for _ in range(wanted):
                assert [entry[0] for entry in log.told] in ([], ["pre"])
                await anext(stream)
        assert [entry[0] for entry in log.told] == ["pre", "post"]


async def test_a_cancelled_statement_is_told_as_an_error(database: Database, log: Log) -> None:
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    reading = asyncio.ensure_future(database.pool().read(slow, (), list))
    while not log.told:
        await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert log.told == [("pre", slow, ()), ("error", slow, "CancelledError")]


async def test_numbers_of_connections_are_those_of_the_pool(database: Database) -> None:
    assert database.pool().statistics()["open"] == 1


# Naming a backend


class Silent(DatabaseBackend):
    """A backend that watches nothing."""


class Wrong(DatabaseBackend):
    """A backend that gives something else than an execution."""

    def create_execution(self) -> Any:
        return object()


def configured(name: str) -> Database:
    connections.configure({"default": {"URL": "sqlite:///:memory:", "BACKEND": name}})
    return connections.get("default")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("watchign", "no database backend 'watchign'; registered: watching"),
        ("nowhere.Backend", "cannot import the database backend 'nowhere.Backend'"),
        (f"{__name__}.Nothing", "cannot import the database backend"),
        (f"{__name__}.Log", "is not a subclass of DatabaseBackend"),
        (f"{__name__}.SELECT", "is not a subclass of DatabaseBackend"),
    ],
)
def test_a_backend_that_there_is_not_is_named(name: str, problem: str) -> None:
    with pytest.raises(DatabaseBackendNotFoundError, match=problem):
        configured(name)


def test_a_backend_that_gives_something_else_is_named() -> None:
    with pytest.raises(
        DatabaseConfigurationError, match="must return a DatabaseExecution, not <object"
    ):
        configured(f"{__name__}.Wrong")


async def test_a_backend_may_watch_nothing() -> None:
    assert await configured(f"{__name__}.Silent").pool().read("SELECT 1", (), list) == [(1,)]


def test_a_backend_of_the_same_name_takes_the_place_of_the_first() -> None:
    registry = DatabaseBackendRegistry()
    registry.register("a", Wrong)
    registry.register("a", Silent)
    assert registry.get("a") is Silent
    registry.unregister("a")
    registry.unregister("a")
    with pytest.raises(DatabaseBackendNotFoundError, match="registered: none"):
        registry.get("a")


# Everywhere


@pytest.fixture
def everywhere(log: Log) -> Iterator[Callable[[], list[str]]]:
    """Have the statements of all databases watched; returns what was told."""
    watch_all_statements(log)
    yield lambda: [entry[1] for entry in log.told if entry[0] == "pre"]
    watch_all_statements(None)


@pytest.mark.parametrize("options", [{}, {"BACKEND": "default"}])
async def test_databases_without_a_backend_of_their_own_are_watched_in_debug_mode(
    everywhere: Callable[[], list[str]], options: dict[str, str]
) -> None:
    connections.configure({"default": {"URL": "sqlite:///:memory:", **options}})
    await connections.get("default").pool().read("SELECT 1", (), list)
    assert everywhere() == ["SELECT 1"]


async def test_one_with_a_backend_is_watched_by_that_alone(
    everywhere: Callable[[], list[str]],
) -> None:
    await configured(f"{__name__}.Silent").pool().read("SELECT 1", (), list)
    assert everywhere() == []


SLEEPS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n WHERE ? = ?"


async def test_a_slow_statement_is_logged_without_its_values(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    connections.configure({"slow": {"URL": "sqlite:///:memory:", "SLOW_QUERY": 0.001}})
    pool = connections.get("slow").pool()
    with caplog.at_level("WARNING", "openviper.db"):
        await pool.read(SLEEPS, ("s3cret", "s3cret"), list)
    assert re.search(r"a statement on 'slow' took \d+\.\d+ s", caplog.text)
    assert SLEEPS in caplog.text
    assert "s3cret" not in caplog.text


async def test_what_is_fast_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    connections.configure({"slow": {"URL": "sqlite:///:memory:", "SLOW_QUERY": 1000}})
    with caplog.at_level("WARNING", "openviper.db"):
        assert await connections.get("slow").pool().read("SELECT 1", (), list) == [(1,)]
    assert caplog.text == ""


async def test_a_backend_of_ones_own_is_told_too(
    log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"URL": "sqlite:///:memory:", "SLOW_QUERY": 0, "BACKEND": "watching"}
    connections.configure({"slow": options})
    pool = connections.get("slow").pool()
    with caplog.at_level("WARNING", "openviper.db"):
        await pool.read("SELECT 1", (), list)
        with pytest.raises(Exception, match="nowhere"):
            await pool.read("SELECT * FROM nowhere", (), list)
    assert [entry[0] for entry in log.told] == ["pre", "post", "pre", "error"]
    assert caplog.text.count("SELECT 1") == 1


@pytest.mark.parametrize("seconds", [-1, "fast", float("nan"), True])
def test_a_threshold_that_is_none_is_refused(seconds: object) -> None:
    with pytest.raises(DatabaseConfigurationError, match="SLOW_QUERY"):
        connections.configure({"slow": {"URL": "sqlite:///:memory:", "SLOW_QUERY": seconds}})
