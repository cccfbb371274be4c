"""Test databases on a server: PostgreSQL, and MariaDB or MySQL."""

from __future__ import annotations

import hashlib
from typing import Any

from openviper.db.connections.databases import Database
from openviper.db.connections.drivers.base import DriverConnection
from openviper.db.connections.drivers.mysql import MySQLConnection
from openviper.db.connections.drivers.postgresql import PostgreSQLConnection
from openviper.db.connections.options import DatabaseOptions
from openviper.db.connections.url import DatabaseURL
from openviper.db.exceptions import DatabaseError
from openviper.testing.config import OpenViperTestingConfigError
from openviper.testing.databases.base import TestServer
from openviper.testing.databases.naming import Target, with_name, with_suffix

RELATIONS = """SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
    ELSE 'TABLE' END, c.oid::regclass::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    ORDER BY c.relkind = 'S'"""
"""The tables, views and sequences that are not the server's, in quotes where need be."""


class _ServerDatabase(TestServer):
    """A database on a server, made through a connection to another database of that server."""

    maintenance: str
    """The database to connect to for what concerns databases."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.name = target.parsed.database
        self._connection: Any = None

    async def _server(self) -> DriverConnection:
        """Return the connection that holds the lock, opened if need be."""
        if self._connection is None:
            options = self.options(with_name(self.target.url, self.maintenance))
            connection = self._connect(options)
            await connection.open()
            self._connection = connection
        server: DriverConnection = self._connection
        return server

    def _connect(self, options: DatabaseOptions) -> Any:
        raise NotImplementedError

    def _quote(self, name: str) -> str:
        return Database(self.options()).dialect.quote(name)

    async def _execute(self, sql: str) -> None:
        await (await self._server()).write(sql, (), single=False)

    async def _value(self, sql: str, *parameters: object) -> Any:
        def first(rows: list[tuple[Any, ...]]) -> Any:
            return rows[0][0] if rows else None

        return await (await self._server()).read(sql, parameters, first)

    async def version(self) -> str:
        """Return the version of the server."""
        return str(await self._value("SELECT version()"))

    async def create(self) -> None:
        """Make an empty database.

        Raises:
            OpenViperTestingConfigError: If the account may not do that.
        """
        await self._create("")

    async def _create(self, how: str) -> None:
        try:
            await self._execute(f"CREATE DATABASE {self._quote(self.name)}{how}")
        except DatabaseError as error:
            raise self._refused(error) from error

    def _refused(self, error: DatabaseError) -> OpenViperTestingConfigError:
        """Return the error for an account that may not make or drop the database; it says what lets it."""
        return OpenViperTestingConfigError(
            f"cannot make the test database {self.target.parsed.redacted()!r}: {error}; {self._way_out}"
        )

    @property
    def _user(self) -> str:
        return self.target.parsed.username or ""

    @property
    def _way_out(self) -> str:
        raise NotImplementedError

    async def unlock(self) -> None:
        """Close the connection that holds the lock."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


class PostgreSQLServer(_ServerDatabase):
    """A database of PostgreSQL, locked by an advisory lock of the server; copies are made by the server itself."""

    maintenance = "postgres"

    def _connect(self, options: DatabaseOptions) -> Any:
        return PostgreSQLConnection(options)

    async def lock(self) -> bool:
        """Take an advisory lock whose number is made from the name."""
        number = int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:8], signed=True)
        return bool(await self._value(f"SELECT pg_try_advisory_lock({number})"))

    async def exists(self) -> bool:
        """Return whether there is a database of this name."""
        return await self._has(self.name)

    async def _has(self, name: str) -> bool:
        return bool(await self._value("SELECT 1 FROM pg_database WHERE datname = %s", name))

    @property
    def _way_out(self) -> str:
        user, name = self._quote(self._user), self._quote(self.name)
        return (
            f"let the account make databases with ALTER ROLE {user} CREATEDB, or make this one for it once with CREATE DATABASE "
            f"{name} OWNER {user}: tests then empty it"
        )

    async def _may_create(self) -> bool:
        """Return whether the account may make databases; where not, one that is there is emptied, and stays."""
        asked = "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
        return bool(await self._value(asked))

    async def drop(self) -> None:
        """Drop the database and end the sessions in it; empty it where it could not be made again."""
        if await self._may_create():
            await self._drop(self.name)
        elif await self.exists():
            await self._empty()

    async def _empty(self) -> None:
        database = Database(self.options())
        try:
            async with database.connection() as connection:
                # What depends on one of them goes with it, and so may be gone when its turn comes.
                for kind, name in await connection.fetch_all(RELATIONS):
                    await connection.execute(f"DROP {kind} IF EXISTS {name} CASCADE")
        finally:
            await database.close()

    async def create(self) -> None:
        """Make an empty database, or take the one that was emptied; see `drop`."""
        if await self._may_create() or not await self.exists():
            await self._create("")

    async def _drop(self, name: str) -> None:
        if await self._has(name):
            await self._value(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s",
                name,
            )
            await self._execute(f"DROP DATABASE IF EXISTS {self._quote(name)}")

    @property
    def _pristine(self) -> str:
        return DatabaseURL.parse(with_suffix(self.target.url, "_pristine")).database

    async def keep_pristine(self) -> bool:
        """Copy the database on the server, if the account may make databases."""
        if not await self._may_create():
            return False
        await self._drop(self._pristine)
        name = self._quote(self._pristine)
        await self._execute(f"CREATE DATABASE {name} TEMPLATE {self._quote(self.name)}")
        return True

    async def restore(self) -> None:
        """Drop the database and have the server copy the other one."""
        await self._replace_by(self._pristine)

    async def _replace_by(self, original: str) -> None:
        await self.drop()
        await self._create(f" TEMPLATE {self._quote(original)}")

    async def copy_of(self, original: PostgreSQLServer) -> None:
        """Make the database anew, as a copy of another one."""
        await self._replace_by(original.name)

    async def drop_unless_used(self) -> None:
        """Drop the database that others are copies of, unless there are any."""
        base = self.name.removesuffix("_shared")
        pattern = f"{base}_gw%".replace("_", "\\_")
        if not await self._value("SELECT 1 FROM pg_database WHERE datname LIKE %s", pattern):
            await self.drop()

    async def discard_pristine(self) -> None:
        """Drop the copy."""
        await self._drop(self._pristine)


class MySQLServer(_ServerDatabase):
    """A database of MariaDB or MySQL, locked by a named lock of the server. The server has no way to copy a database."""

    maintenance = "information_schema"

    def _connect(self, options: DatabaseOptions) -> Any:
        return MySQLConnection(options)

    async def lock(self) -> bool:
        """Take a named lock; names of locks have 64 characters at most."""
        name = f"openviper.test.{hashlib.sha256(self.name.encode()).hexdigest()[:40]}"
        return bool(await self._value("SELECT GET_LOCK(%s, 0)", name))

    async def exists(self) -> bool:
        """Return whether there is a database of this name."""
        found = "SELECT 1 FROM information_schema.schemata WHERE schema_name = %s"
        return bool(await self._value(found, self.name))

    async def drop(self) -> None:
        """Drop the database.

        Raises:
            OpenViperTestingConfigError: If the account may not do that.
        """
        try:
            await self._execute(f"DROP DATABASE IF EXISTS {self._quote(self.name)}")
        except DatabaseError as error:
            raise self._refused(error) from error

    @property
    def _way_out(self) -> str:
        names = self._quote(self.name.replace("_", "\\_") + "%")
        user = self._user.replace("'", "''")
        return f"let the account have test databases with GRANT ALL ON {names}.* TO '{user}'@'%', where % is the host it comes from"

    async def create(self) -> None:
        """Make an empty database in the character set that `migrate` makes tables in."""
        await self._create(" CHARACTER SET utf8mb4")

    async def keep_pristine(self) -> bool:
        """Return `False`."""
        return False

    async def restore(self) -> None:
        """Raise an error: there is no copy."""
        raise NotImplementedError("MariaDB copies no databases")

    async def discard_pristine(self) -> None:
        """Do nothing: there is no copy."""
