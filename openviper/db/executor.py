"""Running compiled statements: which database, whether it is allowed, and what a missing table means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from openviper.db.compiler.builders import Row
from openviper.db.compiler.description import Description
from openviper.db.compiler.plan import Plan, plan_for
from openviper.db.compiler.where import joined_models
from openviper.db.connection import connections, run_insert, run_many, run_read, run_write
from openviper.db.databases import blocks
from openviper.db.exceptions import DatabaseReadOnlyError, DatabaseTransactionRoutingError, OperationalError
from openviper.db.fields.options import ModelOptions
from openviper.db.permissions import bypass_permissions as bypass_permissions
from openviper.db.permissions import check_permission as check_permission
from openviper.db.permissions import is_enforced
from openviper.db.permissions import set_permission_checker as set_permission_checker
from openviper.exceptions import TableNotFound

T = TypeVar("T")


async def check_read(meta: ModelOptions, query: Description, names: Iterable[str] = ()) -> None:
    """Return if the current user may read the model of a query and all that it joins.

    Args:
        meta: The model's options.
        query: What is asked for.
        names: Paths that are read besides those of the query.

    Raises:
        Exception: The checker's own error if not.
    """
    if is_enforced(query.ignore_permissions):
        for one in (meta, *joined_models(meta, query, names)):
            await check_permission(one, "read")


# Which database


def choose_alias(meta: ModelOptions, using: str | None) -> str:
    """Return the alias for an operation: the one asked for, that of the open transaction, or the model's.

    Raises:
        DatabaseTransactionRoutingError: If a transaction is open on other databases than the one asked for.
    """
    by_alias = blocks.get()
    if by_alias is not None:
        transactions = [alias for alias, block in by_alias.items() if block.open and block.transactional]
        if transactions and using is not None and using not in transactions:
            raise DatabaseTransactionRoutingError(
                f"a transaction is open on {transactions[-1]!r}; a query inside it cannot use {using!r}"
            )
        if transactions and using is None:
            return transactions[-1]
    return using or meta.backend


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


# Statements


def explain_missing(meta: ModelOptions, alias: str, error: OperationalError) -> None:
    """Raise `TableNotFound` if that is what a driver's error means.

    Raises:
        TableNotFound: If the table of the model, or one joined to it, does not exist.
    """
    table = connections.get(alias).dialect.missing_table(error)
    if table is not None:
        raise TableNotFound(meta.label, table) from error


async def read(
    meta: ModelOptions, alias: str, sql: str, parameters: Sequence[Any], convert: Callable[[list[Row]], T]
) -> T:
    """Run a read and return ``convert(rows)``.

    Raises:
        TableNotFound: If the table does not exist.
    """
    try:
        return await run_read(alias, sql, parameters, convert)
    except OperationalError as error:
        explain_missing(meta, alias, error)
        raise


async def insert(meta: ModelOptions, alias: str, sql: str, parameters: Sequence[Any]) -> int | None:
    """Insert one row and return its row id.

    Raises:
        TableNotFound: If the table does not exist.
        IntegrityError: If a constraint refuses it.
    """
    try:
        return await run_insert(alias, sql, parameters)
    except OperationalError as error:
        explain_missing(meta, alias, error)
        raise


async def write(meta: ModelOptions, alias: str, sql: str, parameters: Sequence[Any], *, bulk: bool) -> int:
    """Run a write and return the number of rows it touched.

    Raises:
        TableNotFound: If the table does not exist.
        IntegrityError: If a constraint refuses it.
    """
    try:
        return await run_write(alias, sql, parameters, bulk=bulk)
    except OperationalError as error:
        explain_missing(meta, alias, error)
        raise


async def write_many(meta: ModelOptions, alias: str, sql: str, rows: Any) -> int:
    """Run a write once per row of values, all or nothing.

    Raises:
        TableNotFound: If the table does not exist.
        IntegrityError: If a constraint refuses a row.
    """
    try:
        return await run_many(alias, sql, rows)
    except OperationalError as error:
        explain_missing(meta, alias, error)
        raise
