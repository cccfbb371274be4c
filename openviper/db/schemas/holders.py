"""Waiting for tables that others hold: not for ever, and then it is said who they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from openviper.db.connections.databases import Connection
from openviper.db.connections.drivers.base import Row
from openviper.db.dialects.ddl import DDLDialect
from openviper.db.exceptions import DatabaseError, OperationalError
from openviper.exceptions import MigrationError

# Who holds locks on what is not the system's, those longest in their transaction first.
_POSTGRESQL = (
    "SELECT DISTINCT a.pid, a.usename, coalesce(a.state, '-'), "
    "coalesce(extract(epoch FROM now() - a.xact_start)::int, 0) FROM pg_catalog.pg_locks l "
    "JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid JOIN pg_catalog.pg_database b ON b.oid = l.database "
    "WHERE b.datname = current_database() AND l.locktype = 'relation' AND l.granted AND l.relation >= 16384 "
    "AND l.pid <> pg_backend_pid() ORDER BY 4 DESC, 1 LIMIT 5"
)
# Who has something open in the database, those in a transaction first; without the right to see transactions, by time.
_MYSQL = (
    "SELECT p.id, p.user, p.command, p.time FROM information_schema.processlist p "
    "{0}WHERE p.db = DATABASE() AND p.id <> CONNECTION_ID() ORDER BY {1}p.time DESC, p.id LIMIT 5"
)
_QUERIES = {
    "postgresql": (_POSTGRESQL,),
    "mysql": (
        _MYSQL.format(
            "LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id ",
            "t.trx_id IS NULL, ",
        ),
        _MYSQL.format("", ""),
    ),
}
"""Reads of the sessions that may be in the way; the next one is for those who may not run the one before."""


@asynccontextmanager
async def limited_waits(connection: Connection, dialect: DDLDialect) -> AsyncIterator[None]:
    """Look at tables in the block; who holds one for longer than the dialect's limit for locks is named.

    SQLite waits for `BUSY_TIMEOUT` seconds, as ever.

    Raises:
        MigrationError: If somebody does.
    """
    if connection.vendor == "sqlite":
        yield
        return
    for statement in dialect.before:
        await connection.execute(statement)
    try:
        yield
    except OperationalError as error:
        if not is_lock(error):
            raise
        raise MigrationError(
            f"cannot look at the tables: {error}{await in_the_way(connection)}"
        ) from error
    finally:
        for statement in dialect.after:
            await connection.execute(statement)


def is_lock(error: BaseException | None) -> bool:
    """Return whether an error of a database may be due to others."""
    return isinstance(error, OperationalError) and error.retryable and not error.unreachable


async def in_the_way(connection: Connection) -> str:
    """Return an addition to a message, which names the sessions that hold tables; empty where none can be seen."""
    sessions = await _sessions(connection)
    if not sessions:
        return ""
    told = [
        f"{number} (user {user}, {state}, {seconds} s)" for number, user, state, seconds in sessions
    ]
    return f"; in the way may be the server's sessions {', '.join(told)}"


async def _sessions(connection: Connection) -> list[Row]:
    for query in _QUERIES.get(connection.vendor, ()):
        try:
            return await connection.fetch_all(query)
        except DatabaseError:
            continue
    return []
