"""The test databases as a test has them."""

from __future__ import annotations

import asyncio
import atexit
import dataclasses
from typing import Any

from openviper.conf import settings
from openviper.db.connection import connections
from openviper.testing.config import (
    ISOLATIONS,
    OpenViperTestConfig,
    OpenViperTestingConfigError,
)
from openviper.testing.databases.session import SessionDatabases

CANCEL_SECONDS = 10.0
"""Longest wait for the end of what a test has left running."""
_sessions: dict[bool, SessionDatabases] = {}
"""The databases of this process, those in memory by `True`."""


def session_databases(
    config: OpenViperTestConfig, *, in_memory: bool | None = None
) -> SessionDatabases:
    """Return the databases of this process, made if need be."""
    if in_memory is None:
        in_memory = config.database_isolation == "in_memory"
    session = _session_of(config, in_memory)
    session.prepare()
    return session


def _session_of(config: OpenViperTestConfig, in_memory: bool) -> SessionDatabases:
    session = _sessions.get(in_memory)
    if session is None or session.config != config:
        if session is not None:
            session.finish()
        session = _sessions[in_memory] = SessionDatabases(config, in_memory=in_memory)
    return session


def finish_databases() -> list[str]:
    """Drop the test databases of this process, and return the tables that no schema file describes."""
    tables = []
    for in_memory in list(_sessions):
        session = _sessions.pop(in_memory)
        tables += session.without_schema_file
        session.finish()
    return tables


def hide_configured_databases() -> None:
    """Have whoever asks for a configured database, outside of a test that has asked for test databases, get an error."""
    connections.hidden_because = "this test has not asked for a database, and those of the settings are not for tests: use the fixture db"


# For those without the pytest plug-in.
atexit.register(finish_databases)


class TestDatabase:
    """Stands in for every configured database, so that a test never touches the project's own.

    Args:
        config: How the project is tested; databases in memory when not given.
        isolation: What keeps tests apart, in place of what `config` says: ``transaction``, ``truncate``, ``recreate`` or
            ``in_memory``.

    Raises:
        OpenViperTestingConfigError: If there is no such isolation.
    """

    __test__ = False  # Not a test class, whatever its name says to pytest.

    def __init__(
        self, config: OpenViperTestConfig | None = None, isolation: str | None = None
    ) -> None:
        self.config = config or OpenViperTestConfig(database_isolation="in_memory")
        self.isolation = isolation or self.config.database_isolation
        if self.isolation not in ISOLATIONS:
            raise OpenViperTestingConfigError(
                f"isolation must be one of {', '.join(ISOLATIONS)}, not {self.isolation!r}"
            )
        self._session: SessionDatabases | None = None
        self._running: set[asyncio.Task[Any]] = set()
        """What was running when the test began."""

    @property
    def url(self) -> str:
        """The address of the test database of ``default``, without its password."""
        return self.urls["default"]

    @property
    def urls(self) -> dict[str, str]:
        """The addresses of the test databases by alias, without their passwords."""
        members = self._session.members if self._session is not None else {}
        return {alias: member.target.parsed.redacted() for alias, member in members.items()}

    async def setup(self) -> None:
        """Put test databases in place of the configured ones; they are made if they are not there yet.

        Raises:
            OpenViperTestingConfigError: If one may not be used for tests, or cannot be made.
            MigrationError: If the schema files cannot be applied.
        """
        settings.setup()
        global _present
        self._session = session_databases(self.config, in_memory=self.isolation == "in_memory")
        self._running = asyncio.all_tasks()
        await self._session.begin(self._way)
        _present = self

    @property
    def _way(self) -> str:
        return "recreate" if self.isolation == "in_memory" else self.isolation

    async def reset(self) -> None:
        """Undo everything and begin anew; what is running goes on."""
        running = self._running
        await self._end()
        await self.setup()
        self._running = running

    async def teardown(self) -> None:
        """Undo everything; the configured databases are back in place.

        Where the test commits, what it has left running is cancelled first: it would hold locks, and write after the end.

        Raises:
            IsolationLostError: If a statement has ended the transaction around the test.
        """
        if self._session is not None and self.isolation != "transaction":
            await _cancel(asyncio.all_tasks() - self._running)
        self._running = set()
        await self._end()

    async def migrate(self, *, drop_first: bool = False) -> None:
        """Undo everything and begin anew, with tables also where `migrate` in the configuration is off; what is running goes on.

        Args:
            drop_first: Make the databases anew, whatever was done to their tables.
        """
        running = self._running
        await self._end("recreate" if drop_first else self._way)
        self.config = dataclasses.replace(self.config, migrate=True)
        await self.setup()
        self._running = running

    async def _end(self, way: str = "") -> None:
        global _present
        session, self._session = self._session, None
        if session is not None:
            _present = None
            await session.end(way or self._way)


_present: TestDatabase | None = None
"""The databases of the test that runs."""


async def truncate_database() -> None:
    """Empty the databases of the present test: what it has written is undone, see `TestDatabase.reset`.

    Raises:
        OpenViperTestingConfigError: If it has asked for none.
    """
    await _of_this_test().reset()


async def migrate_database(drop_first: bool = False) -> None:
    """Make the tables in the databases of the present test; see `TestDatabase.migrate`.

    Args:
        drop_first: Make the databases anew, whatever the test has done to their tables.

    Raises:
        OpenViperTestingConfigError: If it has asked for none.
    """
    await _of_this_test().migrate(drop_first=drop_first)


def _of_this_test() -> TestDatabase:
    if _present is None:
        raise OpenViperTestingConfigError(
            "this test has no test databases: use the fixture db, or TestDatabase.setup()"
        )
    return _present


async def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait for their end; the present one is not among them."""
    others = tasks - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=CANCEL_SECONDS)


class SessionDatabase:
    """Test databases that a test empties itself, as often as it likes.

    Args:
        database: The databases, in which the test commits.
    """

    def __init__(self, database: TestDatabase) -> None:
        self._database = database
        self.isolation = database.isolation

    @property
    def url(self) -> str:
        """The address of the test database of ``default``, without its password."""
        return self._database.url

    async def reset(self) -> None:
        """Delete what was written since the start of the test or the last reset."""
        await self._database.reset()
