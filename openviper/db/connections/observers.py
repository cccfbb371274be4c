"""Watching the statements of a database: a class of the project's that ``DATABASES[alias]["BACKEND"]`` names.

A backend gives an *execution*, whose methods are called around every statement of the ORM, transactions included. Without one,
nothing stands between a query and its driver.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from time import perf_counter
from typing import Any, TypeVar

from openviper.db.connections.drivers.base import (
    DriverConnection,
    Parameters,
    Pool,
    Row,
    Waiting,
)
from openviper.db.connections.options import DatabaseOptions
from openviper.db.exceptions import DatabaseBackendNotFoundError, DatabaseConfigurationError
from openviper.utils.importing import import_string

T = TypeVar("T")
logger = logging.getLogger("openviper.db")

BUILT_IN = (
    None,
    "default",
    "sqlalchemy",
    "openviper.db.connections.observers.DefaultDatabaseBackend",
)
"""Names under which 0.1 knew the built-in backend."""


# Of a longer statement the log has the beginning, in characters: a list of a thousand values tells nothing.
MAX_SHOWN = 4000


class DatabaseExecution:
    """What is called around every statement; override what is of interest, plain or async.

    A method runs where the statement is awaited, in the task that wants it, and must send none to the same database itself.
    """

    def pre_execute(
        self, statement: str, parameters: Parameters | None
    ) -> Awaitable[object] | None:
        """Be told of a statement before it is sent; an exception keeps it from being sent.

        Args:
            statement: The SQL, with placeholders.
            parameters: Its values, which may be secrets; `None` where it is sent once per row of many.
        """

    def post_execute(
        self, statement: str, parameters: Parameters | None, duration: float
    ) -> Awaitable[object] | None:
        """Be told that a statement has run; an exception is logged.

        Args:
            statement: The SQL.
            parameters: Its values.
            duration: Seconds it took, waiting for a connection included.
        """

    def on_error(
        self, statement: str, parameters: Parameters | None, error: BaseException
    ) -> Awaitable[object] | None:
        """Be told that a statement has failed or was cancelled, which the caller is told too; an exception is logged.

        Args:
            statement: The SQL.
            parameters: Its values.
            error: What the caller will see.
        """


class SlowStatements(DatabaseExecution):
    """Logs the text of statements that take long, never their values; what `SLOW_QUERY` asks for.

    Args:
        alias: The database.
        seconds: What is long.
        inner: What else watches the statements.
    """

    def __init__(self, alias: str, seconds: float, inner: DatabaseExecution | None) -> None:
        self._alias = alias
        self._seconds = seconds
        self._inner = DatabaseExecution() if inner is None else inner

    def pre_execute(
        self, statement: str, parameters: Parameters | None
    ) -> Awaitable[object] | None:
        """Pass it on."""
        return self._inner.pre_execute(statement, parameters)

    def post_execute(
        self, statement: str, parameters: Parameters | None, duration: float
    ) -> Awaitable[object] | None:
        """Log it if it took long, and pass it on."""
        if duration > self._seconds:
            logger.warning(
                "a statement on %r took %.3f s: %s", self._alias, duration, statement[:MAX_SHOWN]
            )
        return self._inner.post_execute(statement, parameters, duration)

    def on_error(
        self, statement: str, parameters: Parameters | None, error: BaseException
    ) -> Awaitable[object] | None:
        """Pass it on."""
        return self._inner.on_error(statement, parameters, error)


class DatabaseBackend:
    """Names the execution of a database; made once per alias.

    Args:
        alias: The database.
        options: Its options.
    """

    def __init__(self, alias: str, options: DatabaseOptions) -> None:
        self.alias = alias
        self.options = options

    def create_execution(self) -> DatabaseExecution | None:
        """Return what watches the statements; nothing does by default."""
        return None


class DatabaseBackendRegistry:
    """Backends by the name that ``BACKEND`` gives."""

    def __init__(self) -> None:
        self._backends: dict[str, type[DatabaseBackend]] = {}

    def register(self, name: str, backend: type[DatabaseBackend]) -> None:
        """Add a backend; one of the same name is replaced."""
        self._backends[name] = backend

    def unregister(self, name: str) -> None:
        """Remove a backend."""
        self._backends.pop(name, None)

    def get(self, name: str) -> type[DatabaseBackend]:
        """Return the backend that was registered under a name, or that a dotted path leads to.

        Raises:
            DatabaseBackendNotFoundError: If there is none.
        """
        if name in self._backends:
            return self._backends[name]
        if "." not in name:
            known = ", ".join(sorted(self._backends)) or "none"
            raise DatabaseBackendNotFoundError(f"no database backend {name!r}; registered: {known}")
        return _imported(name)


def _imported(path: str) -> type[DatabaseBackend]:
    try:
        backend = import_string(path)
    except (ImportError, AttributeError) as error:
        raise DatabaseBackendNotFoundError(
            f"cannot import the database backend {path!r}: {error}"
        ) from error
    if not (isinstance(backend, type) and issubclass(backend, DatabaseBackend)):
        raise DatabaseBackendNotFoundError(f"{path!r} is not a subclass of DatabaseBackend")
    return backend


database_backend_registry = DatabaseBackendRegistry()
"""The backends of this process."""


_everywhere: DatabaseExecution | None = None


def watch_all_statements(execution: DatabaseExecution | None) -> None:
    """Have the statements of every database that names no backend of its own watched, from its next connection on.

    For debug mode; `None` ends it.
    """
    global _everywhere
    _everywhere = execution


def execution_for(alias: str, options: DatabaseOptions) -> DatabaseExecution | None:
    """Return what watches the statements of a database, or `None`.

    Raises:
        DatabaseBackendNotFoundError: If `BACKEND` names none.
        DatabaseConfigurationError: If the backend gives something else.
    """
    execution = _chosen(alias, options)
    if options.slow_query is None:
        return execution
    return SlowStatements(alias, options.slow_query, execution)


def _chosen(alias: str, options: DatabaseOptions) -> DatabaseExecution | None:
    if options.backend in BUILT_IN:
        return _everywhere
    assert options.backend is not None
    backend = database_backend_registry.get(options.backend)(alias, options)
    execution = backend.create_execution()
    if execution is not None and not isinstance(execution, DatabaseExecution):
        raise DatabaseConfigurationError(
            f"{options.backend}.create_execution() must return a DatabaseExecution, not {execution!r}"
        )
    return execution


class _Watch:
    """Calls an execution around one statement."""

    __slots__ = ("_execution", "_parameters", "_sql", "_started")

    def __init__(
        self, execution: DatabaseExecution, sql: str, parameters: Parameters | None
    ) -> None:
        self._execution = execution
        self._sql = sql
        self._parameters = parameters

    async def __aenter__(self) -> None:
        told = self._execution.pre_execute(self._sql, self._parameters)
        if told is not None:
            await told
        self._started = perf_counter()

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is None:
                told = self._execution.post_execute(
                    self._sql, self._parameters, perf_counter() - self._started
                )
            else:
                told = self._execution.on_error(self._sql, self._parameters, error)
            if told is not None:
                await told
        except Exception:  # The statement has run, or its own error is the one to see.
            logger.exception("%s failed", type(self._execution).__qualname__)


class _Watched(Waiting):
    """What a pool and a connection have in common."""

    def __init__(self, inner: Any, execution: DatabaseExecution) -> None:
        self._inner = inner
        self._execution = execution

    async def read(self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]) -> T:
        """Run a read."""
        async with _Watch(self._execution, sql, parameters):
            found: T = await self._inner.read(sql, parameters, convert)
        return found

    async def write(self, sql: str, parameters: Parameters, *, single: bool) -> tuple[int, Any]:
        """Run any other statement."""
        async with _Watch(self._execution, sql, parameters):
            done: tuple[int, Any] = await self._inner.write(sql, parameters, single=single)
        return done

    async def stream(
        self,
        sql: str,
        parameters: Parameters,
        convert: Callable[[list[Row]], list[T]],
        chunk_size: int,
    ) -> AsyncGenerator[list[T], None]:
        """Run a read and yield its rows in chunks; it has run when the last one was taken."""
        async with _Watch(self._execution, sql, parameters):
            async with aclosing(self._inner.stream(sql, parameters, convert, chunk_size)) as chunks:
                try:
                    async for chunk in chunks:
                        yield chunk
                except GeneratorExit:  # Whoever reads has had enough; that is no error.
                    return


class WatchedConnection(_Watched):
    """A connection whose statements an execution is told of."""

    @property
    def begin(self) -> str:
        """The statement that begins a transaction for writing."""
        return str(self._inner.begin)

    @property
    def begin_read_only(self) -> str:
        """The statement that begins a transaction for reading."""
        return str(self._inner.begin_read_only)

    @property
    def in_transaction(self) -> bool:
        """Whether the database has a transaction open on this connection."""
        return bool(self._inner.in_transaction)

    async def write_many(self, sql: str, rows: Iterable[Parameters]) -> int:
        """Run a write once per row of values."""
        async with _Watch(self._execution, sql, None):
            count: int = await self._inner.write_many(sql, rows)
        return count

    async def insert_many(self, sql: str, rows: Iterable[Parameters]) -> list[int]:
        """Insert rows whose keys the database makes, and return the keys."""
        async with _Watch(self._execution, sql, None):
            keys: list[int] = await self._inner.insert_many(sql, rows)
        return keys

    async def control(self, sql: str) -> None:
        """Begin or end a transaction or savepoint."""
        async with _Watch(self._execution, sql, ()):
            await self._inner.control(sql)


class WatchedPool(_Watched):
    """A pool whose statements an execution is told of."""

    def __init__(self, inner: Pool, execution: DatabaseExecution) -> None:
        super().__init__(inner, execution)
        self.inner = inner

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[DriverConnection]:
        """Take a connection that may write for the time of the block."""
        async with self.inner.hold() as connection:
            yield WatchedConnection(connection, self._execution)

    def committed(self) -> None:
        """Take note that a transaction on a held connection has committed."""
        self.inner.committed()

    async def close(self) -> None:
        """Close every connection once its present statement is done."""
        await self.inner.close()

    def close_now(self) -> None:
        """Close every connection without the event loop."""
        self.inner.close_now()

    def statistics(self) -> dict[str, Any]:
        """Return how many connections are open and free."""
        return self.inner.statistics()
