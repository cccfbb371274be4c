"""The contract of making, finding and dropping a test database, whatever its vendor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import NamedTuple

from openviper.db.connections.databases import Connection, Database
from openviper.db.connections.drivers.base import Row
from openviper.db.connections.options import DatabaseOptions, read_databases
from openviper.testing.config import OpenViperTestingConfigError
from openviper.testing.databases.naming import Target

MARKER = "openviper_test_database"
"""The table by which a database is known to have been made for tests, so that it may be dropped."""


MARKS = f"SELECT fingerprint, is_clean FROM {MARKER}"


class Mark(NamedTuple):
    """What the marker table says.

    Attributes:
        fingerprint: Of what the database was made from; empty while it is being made.
        is_clean: Whether no test has left rows in it.
    """

    fingerprint: str
    is_clean: bool


class TestServer(ABC):
    """Where the test database of one alias lies. Used from one event loop, with no connection to the database open.

    Args:
        target: The database.
    """

    __test__ = False  # Not a test class, whatever its name says to pytest.

    def __init__(self, target: Target) -> None:
        self.target = target

    @abstractmethod
    async def lock(self) -> bool:
        """Take the database for this process, and return whether nobody else has it; released when the process ends."""

    @abstractmethod
    async def unlock(self) -> None:
        """Let others take the database."""

    @abstractmethod
    async def version(self) -> str:
        """Return the version of the database's software."""

    @abstractmethod
    async def exists(self) -> bool:
        """Return whether there is a database of this name."""

    @abstractmethod
    async def create(self) -> None:
        """Make an empty database; there is none."""

    @abstractmethod
    async def drop(self) -> None:
        """Drop the database, and whoever is connected to it; harmless when there is none."""

    @abstractmethod
    async def keep_pristine(self) -> bool:
        """Keep a copy of the database as it is now, and return whether there is a way to do so."""

    @abstractmethod
    async def restore(self) -> None:
        """Have the database as it was at `keep_pristine`, which returned `True`."""

    @abstractmethod
    async def discard_pristine(self) -> None:
        """Drop the copy, if there is one."""

    def options(self, url: str | None = None) -> DatabaseOptions:
        """Return the options of a connection to the database, or to another one."""
        alias = self.target.alias
        return read_databases({alias: {"OPTIONS": {"URL": url or self.target.url}}})[alias]

    async def mark(self) -> Mark | None:
        """Return what the database says about itself; `None` if it is not there or empty.

        Raises:
            OpenViperTestingConfigError: If it has tables and was not made for tests.
        """
        if not await self.exists():
            return None
        database = Database(self.options())
        try:
            async with database.connection() as connection:
                return await read_mark(connection, self.target)
        finally:
            await database.close()


async def read_mark(connection: Connection, target: Target) -> Mark | None:
    """Return what a database says about itself; see `TestServer.mark`."""
    names = await table_names(connection)
    rows = await connection.fetch_all(MARKS) if is_made_for_tests(names, target) else []
    return mark_of(names, rows)


def is_made_for_tests(tables: Collection[str], target: Target) -> bool:
    """Return whether a database was made for tests; one without any table is nobody's.

    Raises:
        OpenViperTestingConfigError: If it has tables and was not.
    """
    if tables and MARKER not in tables:
        raise OpenViperTestingConfigError(
            f"{target.parsed.redacted()!r} has tables and was not made by openviper.testing, so tests do not use it; drop "
            "it, or set database_url in [tool.openviper.testing]"
        )
    return bool(tables)


def mark_of(tables: Collection[str], rows: Sequence[Row]) -> Mark | None:
    """Return what a database says about itself, from its tables and the rows of `MARKS`."""
    if not tables:
        return None
    return Mark(str(rows[0][0]), rows[0][1] == 1) if rows else Mark("", False)


async def table_names(connection: Connection) -> set[str]:
    """Return the names of the tables that are not the server's."""
    rows = await connection.fetch_all(TABLES[connection.vendor])
    return {str(row[0]) for row in rows}


async def make_marker(connection: Connection) -> None:
    """Say of an empty database that it is for tests, and not ready yet."""
    await connection.execute(
        f"CREATE TABLE {MARKER} (fingerprint VARCHAR(80) NOT NULL, is_clean INTEGER NOT NULL)"
    )
    await connection.execute(f"INSERT INTO {MARKER} VALUES ('', 0)")


async def write_mark(connection: Connection, fingerprint: str) -> None:
    """Say of a database what it was made from, and that it is ready."""
    # The fingerprint is a hexadecimal number of our own.
    await connection.execute(f"UPDATE {MARKER} SET fingerprint = '{fingerprint}', is_clean = 1")


async def set_clean(connection: Connection, *, is_clean: bool) -> None:
    """Say of a database whether tests have left rows in it."""
    await connection.execute(f"UPDATE {MARKER} SET is_clean = {int(is_clean)}")


TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    "postgresql": "SELECT tablename FROM pg_catalog.pg_tables "
    "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    "mysql": "SELECT table_name FROM information_schema.tables "
    "WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'",
}
