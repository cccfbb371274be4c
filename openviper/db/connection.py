"""Transactions, and the one door through which every query reaches a driver.

See `openviper.db.connections.databases` for what a block is and which tasks belong to it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from openviper.db.connections.databases import (
    Block,
    Callback,
    Connection,
    ConnectionManager,
    Database,
    Flush,
    blocks,
    connections,
    current_block,
    entered,
)
from openviper.db.connections.drivers.base import (
    DriverConnection,
    Later,
    Parameters,
    Row,
)
from openviper.db.connections.undo import hand_over, restore_all
from openviper.db.exceptions import (
    DatabaseConfigurationError,
    DatabaseReadOnlyError,
    OperationalError,
)
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = lazy_module("asyncio")

__all__ = [
    "Connection",
    "ConnectionManager",
    "Database",
    "atomic",
    "before_commit",
    "close_db",
    "configure_db",
    "connections",
    "get_connection",
    "get_engine",
    "on_commit",
    "read_at_once",
    "request_connection",
    "reset_engine",
    "run_insert",
    "run_insert_many",
    "run_many",
    "run_read",
    "run_stream",
    "run_write",
    "transaction",
    "write_at_once",
    "write_at_once_in",
]

T = TypeVar("T")
logger = logging.getLogger("openviper.db")


# Queries: what the ORM's executor calls


def read_at_once(
    database: Database, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]
) -> T | Literal[Later.LATER]:
    """Run a read as `run_read` does where that needs no waiting, without the cost of it; else return `LATER`."""
    if blocks.get() is not None:
        block = current_block(database.alias)
        if block is not None:
            block.check_alive()
            return block.connection.read_at_once(sql, parameters, convert)
    return database.pool().read_at_once(sql, parameters, convert)


def write_at_once(
    alias: str, sql: str, parameters: Parameters
) -> tuple[int, Any] | Literal[Later.LATER]:
    """Run a write of one row at most where that needs no waiting; else return `LATER`.

    Returns:
        The number of rows, and the key of an inserted one if the database made it.
    """
    block = None if blocks.get() is None else current_block(alias)
    return write_at_once_in(block, connections.get(alias), sql, parameters)


def write_at_once_in(
    block: Block | None, database: Database, sql: str, parameters: Parameters
) -> tuple[int, Any] | Literal[Later.LATER]:
    """Run a write as `write_at_once` does, for who knows the innermost block on the database already."""
    if block is not None:
        connection = block.connection
        if block.read_only or (block.transactional and not connection.in_transaction):
            _check_writable(block)
        return connection.write_at_once(sql, parameters)
    if database.is_read_only:
        raise DatabaseReadOnlyError(f"database {database.alias!r} is read-only")
    return database.pool().write_at_once(sql, parameters)


async def run_read(
    alias: str, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]
) -> T:
    """Run a read and return ``convert(rows)``, computed where the rows are fetched."""
    if blocks.get() is not None:
        block = current_block(alias)
        if block is not None:
            block.check_alive()
            return await block.connection.read(sql, parameters, convert)
    return await connections.get(alias).pool().read(sql, parameters, convert)


async def run_stream(
    alias: str,
    sql: str,
    parameters: Parameters,
    convert: Callable[[list[Row]], list[T]],
    chunk_size: int,
) -> AsyncGenerator[list[T], None]:
    """Run a read and yield ``convert(rows)`` for chunks of rows.

    In a transaction it sees what that has written; otherwise it has a connection of its own, and shows the rows as they
    were when it began.

    Raises:
        OperationalError: If the transaction that it was begun in has ended before all rows were read.
    """
    block = current_block(alias)
    if block is not None and not block.transactional:
        block = None
    if block is not None:
        block.check_alive()
        chunks = block.connection.stream(sql, parameters, convert, chunk_size)
    else:
        chunks = connections.get(alias).pool().stream(sql, parameters, convert, chunk_size)
    async with aclosing(chunks):
        async for chunk in chunks:
            yield chunk
            # The connection may be somebody else's by now.
            if block is not None and not block.open:
                raise OperationalError(
                    "the transaction or savepoint that this iterator was begun in has ended; "
                    "read all of its rows within the block"
                )


async def _run(alias: str, sql: str, parameters: Parameters, *, single: bool) -> tuple[int, Any]:
    if blocks.get() is not None:
        block = current_block(alias)
        if block is not None:
            _check_writable(block)
            return await block.connection.write(sql, parameters, single=single)
    database = connections.get(alias)
    if database.is_read_only:
        raise DatabaseReadOnlyError(f"database {alias!r} is read-only")
    return await database.pool().write(sql, parameters, single=single)


async def run_insert(alias: str, sql: str, parameters: Parameters) -> Any:
    """Insert one row and return its key if the database made it."""
    return (await _run(alias, sql, parameters, single=True))[1]


async def run_write(alias: str, sql: str, parameters: Parameters, *, bulk: bool = False) -> int:
    """Run a write and return the number of rows it touched.

    Args:
        alias: The database.
        sql: One statement.
        parameters: Its values.
        bulk: Whether it may touch more than one row, and so has to run in the thread.
    """
    return (await _run(alias, sql, parameters, single=not bulk))[0]


@asynccontextmanager
async def _writer(alias: str) -> AsyncIterator[DriverConnection]:
    """Have the block's connection, or one of the pool that is told of the commit."""
    block = current_block(alias)
    if block is not None:
        _check_writable(block)
        yield block.connection
        return
    database = connections.get(alias)
    if database.is_read_only:
        raise DatabaseReadOnlyError(f"database {alias!r} is read-only")
    pool = database.pool()
    async with pool.hold() as driver:
        yield driver
    pool.committed()


async def run_many(alias: str, sql: str, rows: Iterable[Parameters]) -> int:
    """Run a write once per row of values, all or nothing, and return the number of rows it touched."""
    async with _writer(alias) as driver:
        return await driver.write_many(sql, rows)


async def run_insert_many(alias: str, sql: str, rows: Iterable[Parameters]) -> list[int]:
    """Insert rows whose keys the database makes, all or nothing, and return the keys in the order of the rows."""
    async with _writer(alias) as driver:
        return await driver.insert_many(sql, rows)


def _check_writable(block: Block) -> None:
    if block.transactional and not block.connection.in_transaction:
        raise block.lost()
    if block.read_only:
        raise DatabaseReadOnlyError("this transaction is read-only")


# Transactions


def atomic(using: str | None = None) -> AbstractAsyncContextManager[Connection]:
    """Run a block of code in a transaction, or in a savepoint inside one.

    Leaving the block commits; any exception, cancellation included, rolls back and goes on.

    Args:
        using: The alias of the database; ``default`` when not given.
    """
    return transaction(using)


@asynccontextmanager
async def transaction(
    using: str | None = None, read_only: bool = False
) -> AsyncIterator[Connection]:
    """Run a block of code in a transaction, or in a savepoint inside one.

    Args:
        using: The alias of the database; ``default`` when not given.
        read_only: Refuse writes inside the block.

    Raises:
        DatabaseReadOnlyError: If the database is read-only and `read_only` is not set.
        PoolTimeoutError: If the connection does not become free in time.
    """
    database = connections.get(using)
    if database.is_read_only and not read_only:
        raise DatabaseReadOnlyError(f"database {database.alias!r} is read-only")
    outer = current_block(database.alias)
    if outer is not None:
        async with outer.lock:
            nested = outer.connection.in_transaction
            block = Block(
                outer.connection,
                outer=outer,
                transactional=True,
                read_only=read_only or outer.read_only,
            )
            async with _transaction_on(database, block, nested) as connection:
                yield connection
        if nested:
            _hand_over(block, outer)
        else:
            await _run_callbacks(block.callbacks)
        return
    pool = database.pool()
    async with pool.hold() as driver:
        block = Block(driver, transactional=True, read_only=read_only)
        async with _transaction_on(database, block, False) as connection:
            yield connection
    pool.committed()
    await _run_callbacks(
        block.callbacks
    )  # Not before the connection is free: they may use the database.


def _hand_over(block: Block, outer: Block) -> None:
    """Have what a savepoint gathered done with the transaction around it."""
    outer.callbacks.extend(block.callbacks)
    for flush, items in block.flushes.items():
        outer.flushes.setdefault(flush, []).extend(items)


@asynccontextmanager
async def _transaction_on(
    database: Database, block: Block, nested: bool
) -> AsyncIterator[Connection]:
    driver = block.connection
    point = _savepoint(block) if nested else ""
    begun = False
    try:
        cancelled = await _begin(block, point)
        begun = True
        _raise(cancelled)
        async with entered(database.alias, block):
            yield Connection(database, driver, block)
        if not driver.in_transaction:
            raise block.lost()
        if not nested:
            for flush, items in block.flushes.items():
                await flush(Connection(database, driver), items)
        cancelled = await _finish(driver, f"RELEASE SAVEPOINT {point}" if nested else "COMMIT")
        begun = False  # A savepoint that was released is not there any more, whatever comes now.
        _keep_changes(block, nested)
        _raise(cancelled)
    except BaseException:
        if not block.is_stored:
            restore_all(block.undo)
        await _undo(driver, point, begun)
        raise


def _keep_changes(block: Block, nested: bool) -> None:
    """Have instances keep what they are now; behind a savepoint, unless what is around it is rolled back."""
    if nested and block.outer is not None:
        hand_over(block.undo, block.outer.undo)
    block.undo.clear()


async def _begin(block: Block, point: str) -> asyncio.CancelledError | None:
    driver = block.connection
    if point:
        # A savepoint is made or not, whatever is cancelled: what has not been made cannot be gone back to.
        return await _finish(driver, f"SAVEPOINT {point}")
    await driver.control(driver.begin_read_only if block.read_only else driver.begin)
    return None


async def _undo(driver: DriverConnection, point: str, begun: bool) -> None:
    """Go back to a savepoint if it has begun, or to before the transaction."""
    if not driver.in_transaction:
        return
    if not point:
        await _finish(driver, "ROLLBACK")
    elif begun:
        await _finish(driver, f"ROLLBACK TO SAVEPOINT {point}")
        await _finish(driver, f"RELEASE SAVEPOINT {point}")


def _raise(cancelled: asyncio.CancelledError | None) -> None:
    if cancelled is not None:
        raise cancelled


def _savepoint(block: Block) -> str:
    """Return a name that no outer block has: MariaDB forgets a savepoint when another one takes its name."""
    return f"openviper_{sum(1 for _ in block.chain()) - 1}"


async def _finish(driver: DriverConnection, sql: str) -> asyncio.CancelledError | None:
    """End a transaction or begin a savepoint to the end, and return the cancellation that arrived meanwhile.

    Whoever called has to raise it once it has taken note of what has been done.
    """
    task = asyncio.ensure_future(driver.control(sql))
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:  # Reported below, from the task itself.
            break
    task.result()
    return cancelled


async def _run_callbacks(callbacks: list[Callback]) -> None:
    """Call all of them: what is committed is to be followed by each, whatever becomes of another. Then raise the first failure."""
    ends = [await _end_of(callback) for callback in callbacks]
    # What ends the task or the program comes before what has only failed.
    failures = sorted(filter(None, ends), key=lambda failure: isinstance(failure, Exception))
    for failure in failures[1:]:
        logger.error("a further function behind a commit failed", exc_info=failure)
    if failures:
        raise failures[0]


async def _end_of(callback: Callback) -> BaseException | None:
    """Call a function and return what it raises; a cancellation too: the others have to be told all the same."""
    try:
        result = callback()
        if isinstance(result, Awaitable):
            await result
    except BaseException as error:
        return error
    return None


_background: set[asyncio.Future[object]] = set()


def on_commit(callback: Callback, using: str | None = None) -> None:
    """Call a function, plain or async, after the outermost transaction of this task has committed.

    It is dropped when the block it was registered in, or one around it, rolls back. Outside a transaction it is called
    at once. One that raises keeps no other from being called; the first error leaves the block when all have been.
    """
    if after_commit(callback, using):
        return
    result = callback()
    if isinstance(result, Awaitable):
        future = asyncio.ensure_future(result)
        _background.add(future)
        future.add_done_callback(_background.discard)


def after_commit(callback: Callback, using: str | None = None) -> bool:
    """Have a function called after the outermost transaction of this task has committed, if there is one.

    Returns:
        Whether there is one; otherwise nothing was done.
    """
    block = current_block(using or "default")
    if block is None or not block.transactional:
        return False
    block.callbacks.append(callback)
    return True


def before_commit(flush: Flush, using: str | None = None) -> list[Any] | None:
    """Return what has been gathered to be written with the transaction of this task, as the last thing in it; add to it.

    Args:
        flush: Called once before the outermost commit, with the connection and all items gathered for it. Its writes are
            part of the transaction; its failure undoes all.
        using: The alias of the database.

    Returns:
        The list of items. Each is dropped when the block it was added in, or one around it, rolls back. `None` if there is
        no transaction that may write.
    """
    block = current_block(using or "default")
    if block is None or not block.transactional or block.read_only:
        return None
    return block.flushes.setdefault(flush, [])


# Short ways


def request_connection(using: str | None = None) -> AbstractAsyncContextManager[Connection]:
    """Pin one connection for the block; every statement outside a transaction commits by itself."""
    return connections.get(using).connection()


def get_connection(using: str | None = None) -> AbstractAsyncContextManager[Connection]:
    """Return the pinned connection, or one for the time of the block, as an async context manager."""
    return connections.get(using).connection()


def get_engine(using: str | None = None) -> Database:
    """Return the database of an alias."""
    return connections.get(using)


async def configure_db(database_url: str, echo: bool = False) -> None:
    """Make `database_url` the ``default`` database; the connections of the old one are closed first.

    Raises:
        DatabaseConfigurationError: If the URL cannot work.
    """
    await connections.disconnect_all()
    if not isinstance(database_url, str):
        raise DatabaseConfigurationError("database_url must be a string")
    connections.setup_alias("default", {"URL": database_url, "ECHO": echo})


async def close_db() -> None:
    """Close the connections of every database on this event loop."""
    await connections.disconnect_all()


def reset_engine() -> None:
    """Forget all databases and close what no running loop uses, for the end of a test."""
    connections.reset()
