"""Running compiled statements: which database, whether it is allowed, and what a missing table means."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from openviper.conf import settings
from openviper.db.connection import (
    connections,
    on_commit,
    read_at_once,
    run_insert,
    run_insert_many,
    run_many,
    run_read,
    run_stream,
    run_write,
    write_at_once,
    write_at_once_in,
)
from openviper.db.connections.databases import Block, Database, blocks, current_block
from openviper.db.connections.drivers.base import LATER, Later
from openviper.db.exceptions import (
    DatabaseError,
    DatabaseReadOnlyError,
    DatabaseTransactionRoutingError,
    OperationalError,
)
from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.claims import claim_clause, is_claimed, is_duplicate
from openviper.db.sql.description import Description
from openviper.db.sql.nodes import Node
from openviper.db.sql.permissions import bypass_permissions as bypass_permissions
from openviper.db.sql.permissions import check_permission as check_permission
from openviper.db.sql.permissions import is_enforced as is_enforced
from openviper.db.sql.permissions import set_access_rule as set_access_rule
from openviper.db.sql.prepared import Plan, plan_for
from openviper.db.sql.result_cache import ForgetRows, query_cache
from openviper.db.sql.result_cache import invalidate_query_cache as invalidate_query_cache
from openviper.db.sql.rows.from_rows import Row
from openviper.db.sql.statements import models_read
from openviper.exceptions import IntegrityError, PermissionDenied, TableNotFound
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.db import routing
else:
    routing = lazy_module("openviper.db.routing")  # Few projects have routers.

T = TypeVar("T")


async def check_read(meta: ModelOptions, query: Description, nodes: Sequence[Node] = ()) -> None:
    """Return if the current user may read the model of a query and all that the statement reads.

    Args:
        meta: The model's options.
        query: What is asked for.
        nodes: What is read besides: columns, aggregates.

    Raises:
        Exception: The checker's own error if not.
    """
    if is_enforced(query.ignore_permissions):
        for model in dict.fromkeys((meta, *models_read(meta, query, nodes))):
            await check_permission(model, "read")


async def check_write(
    meta: ModelOptions, action: str, query: Description, nodes: Sequence[Node] = ()
) -> None:
    """Return if the current user may change the rows of a query, and read what decides about them.

    Args:
        meta: The model's options.
        action: ``update`` or ``delete``.
        query: Which rows.
        nodes: What they are set to.

    Raises:
        Exception: The checker's own error if not.
    """
    if is_enforced(query.ignore_permissions):
        await check_permission(meta, action)
        for model in models_read(meta, query, nodes):
            await check_permission(model, "read")


def may_read_at_once(query: Description) -> bool:
    """Return whether a read may go on because it asks for something and nobody decides; else `may_read` tells."""
    return not (query.is_none or is_enforced(query.ignore_permissions))


async def may_read(meta: ModelOptions, query: Description, nodes: Sequence[Node] = ()) -> bool:
    """Tell whether a read may go on; the arguments are those of `check_read`.

    Returns:
        False if the query asks for nothing, or if it is denied and the query wants nothing rather than an error.

    Raises:
        Exception: The checker's own error if it is denied.
    """
    if query.is_none:
        return False
    if not is_enforced(query.ignore_permissions):
        return True
    try:
        await check_read(meta, query, nodes)
    except PermissionDenied:
        if not query.if_permitted:
            raise
        return False
    return True


# Which database


def choose_alias(meta: ModelOptions, using: str | None) -> str:
    """Return the alias for an operation: the one asked for, that of the open transaction, or the model's.

    Raises:
        DatabaseTransactionRoutingError: If a transaction is open on other databases than the one asked for.
    """
    by_alias = blocks.get()
    if by_alias is None:
        return using or meta.backend
    # Nearly always there is one; what comes after it takes three times as long.
    if len(by_alias) == 1 and using is None:
        ((alias, block),) = by_alias.items()
        return alias if _is_in_transaction(block) else meta.backend
    transactions = [alias for alias, block in by_alias.items() if _is_in_transaction(block)]
    return _within(transactions, using) if transactions else using or meta.backend


def _is_in_transaction(block: Block) -> bool:
    return block.open and block.transactional


def _within(transactions: list[str], using: str | None) -> str:
    """Return the alias among those with an open transaction."""
    if using is not None and using not in transactions:
        raise DatabaseTransactionRoutingError(
            f"a transaction is open on {transactions[-1]!r}; a query inside it cannot use {using!r}"
        )
    return using or transactions[-1]


def _fixed_alias(meta: ModelOptions, using: str | None) -> str | None:
    """Return the alias that is beyond the routers' decision, or `None`."""
    alias = choose_alias(meta, using)
    if using is not None or alias != "default" or meta.backend != "default":
        return alias
    by_alias = blocks.get() or {}
    return alias if any(block.open and block.transactional for block in by_alias.values()) else None


def alias_at_once(meta: ModelOptions, using: str | None) -> str | None:
    """Return the alias for an operation, `None` where routers decide: then `read_alias` or `write_alias` tells."""
    return None if connections.has_routers else choose_alias(meta, using)


async def read_alias(meta: ModelOptions, using: str | None, hint: str | None = None) -> str:
    """Return the alias for reading.

    Args:
        meta: The model's options.
        using: The alias asked for.
        hint: Where the instance at hand came from.

    Raises:
        DatabaseTransactionRoutingError: If a transaction is open on other databases than the one asked for.
        DatabaseRoutingError: If a router gives an answer that is no alias.
    """
    if not connections.has_routers:
        return choose_alias(meta, using or hint)
    return _fixed_alias(meta, using) or await routing.DefaultRouterResolver().resolve_read(
        meta.model, alias=hint
    )


async def write_alias(meta: ModelOptions, using: str | None, hint: str | None = None) -> str:
    """Return the alias for writing; the arguments are those of `read_alias`.

    An instance is written where it came from, unless that is a replica.
    """
    if not connections.has_routers or (
        hint is not None and not routing.DefaultRouterResolver().is_replica(hint)
    ):
        return choose_alias(meta, using or hint)
    return _fixed_alias(meta, using) or await routing.DefaultRouterResolver().resolve_write(
        meta.model, alias=hint
    )


def plan_on(meta: ModelOptions, alias: str) -> Plan:
    """Return a model's plan for the dialect of a database.

    Raises:
        DatabaseAliasNotFoundError: If there is no such database.
    """
    return plan_for(meta, connections.get(alias).dialect)


def check_not_read_only(meta: ModelOptions) -> None:
    """Check that the model may be written.

    Raises:
        DatabaseReadOnlyError: If its `Meta` says ``read_only``.
    """
    if meta.read_only:
        raise DatabaseReadOnlyError(f"model {meta.label!r} is read-only")


def check_in_transaction(alias: str, what: str) -> None:
    """Check that a transaction is open on a database.

    Raises:
        DatabaseTransactionRoutingError: If none is.
    """
    block = current_block(alias)
    if block is None or not block.transactional:
        raise DatabaseTransactionRoutingError(
            f"{what} needs a transaction; use it inside `async with atomic():`"
        )


# Statements


def _written(meta: ModelOptions, alias: str) -> None:
    """Take note of a write that has succeeded."""
    if connections.has_routers:
        routing.mark_write_used()
    if query_cache.in_use:
        _forget_cached(meta.table_name, alias)


def explain_missing(meta: ModelOptions, alias: str, error: OperationalError) -> None:
    """Raise `TableNotFound` if that is what a driver's error means.

    Raises:
        TableNotFound: If the table of the model, or one joined to it, does not exist.
    """
    table = connections.get(alias).dialect.missing_table(error)
    if table is not None:
        raise TableNotFound(meta.label, table) from error


def read_now_or_later(
    meta: ModelOptions,
    database: Database,
    sql: str,
    parameters: Sequence[Any],
    convert: Callable[[list[Row]], T],
) -> T | Literal[Later.LATER]:
    """Run a read as `read` does where that needs no waiting; else return `LATER`."""
    try:
        return read_at_once(database, sql, parameters, convert)
    except OperationalError as error:
        explain_missing(meta, database.alias, error)
        raise


async def read(
    meta: ModelOptions,
    alias: str,
    sql: str,
    parameters: Sequence[Any],
    convert: Callable[[list[Row]], T],
) -> T:
    """Run a read and return ``convert(rows)``.

    Raises:
        TableNotFound: If the table does not exist.
    """
    found = read_now_or_later(meta, connections.get(alias), sql, parameters, convert)
    if found is not LATER:
        return found
    return await read_later(meta, alias, sql, parameters, convert)


async def read_later(
    meta: ModelOptions,
    alias: str,
    sql: str,
    parameters: Sequence[Any],
    convert: Callable[[list[Row]], T],
) -> T:
    """Run a read as `read` does, for who knows that it has to wait."""
    try:
        return await run_read(alias, sql, parameters, convert)
    except OperationalError as error:
        other = await _replacement(meta, alias, error)
        if other is not None:
            return await read(meta, other, sql, parameters, convert)
        explain_missing(meta, alias, error)
        raise


async def _replacement(meta: ModelOptions, alias: str, error: OperationalError) -> str | None:
    """Return the database to read from instead of one that cannot be reached, or `None`."""
    if not (error.unreachable and connections.has_routers):
        return None
    routing.mark_down(alias)
    other = await routing.DefaultRouterResolver().resolve_read(meta.model)
    return None if other == alias else other


class Selected(Protocol):
    """A compiled SELECT."""

    @property
    def sql(self) -> str:
        """The statement."""
        ...

    @property
    def parameters(self) -> list[Any]:
        """Its values."""
        ...

    @property
    def convert(self) -> Callable[[list[Row]], Any]:
        """Makes the results of its rows."""
        ...


async def read_cached(meta: ModelOptions, alias: str, query: Description, select: Selected) -> Any:
    """Run a read whose rows may be kept for ``Meta.cache_ttl`` seconds, and return what it makes of them.

    In a transaction, whose own writes it has to see, the database is asked.
    """
    block = current_block(alias)
    if block is not None and block.transactional:
        return await read(meta, alias, select.sql, select.parameters, select.convert)
    key = (alias, select.sql, *map(repr, select.parameters))
    rows = None if query_cache.shared is not None else query_cache.get(key)
    if rows is None:
        rows = await _read_and_keep(meta, alias, query, select, key)
    return select.convert(list(rows))


async def _read_and_keep(
    meta: ModelOptions, alias: str, query: Description, select: Selected, key: tuple[str, ...]
) -> list[Row]:
    """Return the rows of a read, kept under a key unless they are too many; from the cache that processes share, if any."""
    tables = (meta.table_name, *(model.table_name for model in models_read(meta, query)))
    reading = partial(read, meta, alias, select.sql, select.parameters, list)
    if query_cache.shared is not None:
        return await query_cache.shared.rows(key, tables, meta.cache_ttl, reading)
    version = query_cache.version(tables)
    rows = await reading()
    if len(rows) <= settings.QUERY_CACHE_MAX_ENTRY_ROWS:
        query_cache.put(key, tables, rows, meta.cache_ttl, settings.QUERY_CACHE_MAX_SIZE, version)
    return rows


def _forget_cached(table: str, alias: str) -> None:
    """Drop what was read from a table that has been written, and do so again once others can see that."""
    forget = ForgetRows(table, alias)
    block = current_block(alias)
    if block is None or not block.transactional:
        forget()
        return
    query_cache.forget(table)
    if forget not in block.callbacks:
        on_commit(forget, using=alias)


async def stream(
    meta: ModelOptions,
    alias: str,
    sql: str,
    parameters: Sequence[Any],
    convert: Callable[[list[Row]], list[T]],
    chunk_size: int,
) -> AsyncGenerator[list[T], None]:
    """Run a read and yield ``convert(rows)`` for chunks of rows.

    Raises:
        TableNotFound: If the table does not exist.
    """
    try:
        async with aclosing(run_stream(alias, sql, parameters, convert, chunk_size)) as chunks:
            async for chunk in chunks:
                yield chunk
    except OperationalError as error:
        explain_missing(meta, alias, error)
        raise


def insert_at_once(
    meta: ModelOptions, block: Block | None, database: Database, sql: str, parameters: Sequence[Any]
) -> Any | Literal[Later.LATER]:
    """Insert one row as `insert` does where that needs no waiting; else return `LATER`; `block` is the innermost one."""
    try:
        written = write_at_once_in(block, database, sql, parameters)
    except OperationalError as error:
        explain_missing(meta, database.alias, error)
        raise
    if written is LATER:
        return LATER
    if connections.has_routers or query_cache.in_use:
        _written(meta, database.alias)
    return written[1]


async def insert(meta: ModelOptions, alias: str, sql: str, parameters: Sequence[Any]) -> Any:
    """Insert one row and return its key if the database made it.

    Raises:
        TableNotFound: If the table does not exist.
        IntegrityError: If a constraint refuses it.
    """
    block = current_block(alias)
    key = insert_at_once(meta, block, connections.get(alias), sql, parameters)
    if key is not LATER:
        return key
    run = partial(_claim, meta) if is_claimed(meta) else run_insert
    try:
        key = await run(alias, sql, parameters)
    except OperationalError as error:
        explain_missing(meta, alias, error)
        raise
    _written(meta, alias)
    return key


async def _claim(meta: ModelOptions, alias: str, sql: str, parameters: Sequence[Any]) -> Any:
    """Insert a row, or lock the one that is there already."""
    clause = claim_clause(meta, connections.get(alias).dialect)
    try:
        return await run_insert(alias, sql + clause, parameters)
    except DatabaseError as error:
        if clause and is_duplicate(error):
            raise IntegrityError("duplicate entry for a unique key") from error
        raise


async def write(
    meta: ModelOptions, alias: str, sql: str, parameters: Sequence[Any], *, bulk: bool
) -> int:
    """Run a write and return the number of rows it touched.

    Raises:
        TableNotFound: If the table does not exist.
        IntegrityError: If a constraint refuses it.
    """
    try:
        written = LATER if bulk else write_at_once(alias, sql, parameters)
        if written is LATER:
            count = await run_write(alias, sql, parameters, bulk=bulk)
        else:
            count = written[0]
    except OperationalError as error:
        explain_missing(meta, alias, error)
        raise
    _written(meta, alias)
    return count


async def write_many(meta: ModelOptions, alias: str, sql: str, rows: Any) -> int:
    """Run a write once per row of values, all or nothing.

    Raises:
        TableNotFound: If the table does not exist.
        IntegrityError: If a constraint refuses a row.
    """
    try:
        result = await run_many(alias, sql, rows)
    except OperationalError as error:
        explain_missing(meta, alias, error)
        raise
    _written(meta, alias)
    return result


async def insert_many(meta: ModelOptions, alias: str, sql: str, rows: Any) -> list[int]:
    """Insert rows whose keys the database makes, all or nothing, and return the keys in the order of the rows.

    Raises:
        TableNotFound: If the table does not exist.
        IntegrityError: If a constraint refuses a row.
    """
    try:
        result = await run_insert_many(alias, sql, rows)
    except OperationalError as error:
        explain_missing(meta, alias, error)
        raise
    _written(meta, alias)
    return result


async def preload_table_schemas() -> None:
    """Do nothing: there is nothing to learn from the database before the first query."""
