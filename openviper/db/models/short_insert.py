"""The short way of an INSERT, for the save that is nothing but its statement.

Most inserts are of an instance with good values, of a model without hooks, into a database that has not to be waited for.
They are done here in one call. Everything else, every refusal included, is left to `openviper.db.models.persistence`:
that takes 1.7 times as long for a row in a transaction on SQLite.
"""

from __future__ import annotations

from typing import Any

from openviper.db.connection import connections
from openviper.db.connections.databases import Block, blocks, current_block
from openviper.db.connections.drivers.base import LATER
from openviper.db.executor import choose_alias, insert_at_once, is_enforced
from openviper.db.fields.instance_state import ALIAS, ROW
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.rollback import keep_new
from openviper.db.models.lifecycle import is_only_its_statement
from openviper.db.sql.prepared import plan_for


def inserted_at_once(instance: Any, ignore_permissions: bool) -> bool:
    """Insert an instance if that takes nothing but the statement; return whether it was done.

    Raises:
        IntegrityError: If a constraint refuses it.
        TableNotFound: If the table does not exist.
    """
    meta = instance._meta
    if _is_decided_elsewhere(meta, ignore_permissions) or not is_only_its_statement(type(instance)):
        return False
    alias, block = _place(meta)
    database = connections.get(alias)
    plan = plan_for(meta, database.dialect)
    values = instance.__dict__
    row = None if plan.checked_row is None else plan.checked_row(values)
    if row is None:
        return False
    number = insert_at_once(meta, block, database, plan.insert_sql_without_key, row)
    if number is LATER:
        return False
    # In a transaction it becomes new again if that is rolled back.
    if block is not None and block.transactional:
        keep_new(block.undo, instance)
    place = plan.key_position
    values[plan.key_name] = number
    # Nearly always the key comes first, which takes a third of the time.
    values[ROW] = (*row[:place], number, *row[place:]) if place else (number, *row)
    if alias != meta.backend:
        values[ALIAS] = alias
    return True


def _place(meta: ModelOptions) -> tuple[str, Block | None]:
    """Return the alias for an operation that names none, where no routers decide, and the innermost block on it."""
    by_alias = blocks.get()
    if by_alias is None:
        return meta.backend, None
    block = by_alias.get(meta.backend)
    if block is not None and len(by_alias) == 1 and block.open and block.transactional:
        return meta.backend, block
    alias = choose_alias(meta, None)
    return alias, current_block(alias)


def _is_decided_elsewhere(meta: ModelOptions, ignore_permissions: bool) -> bool:
    """Return whether somebody has to be asked first, for permission or for the database, or it is not in a database."""
    if is_enforced(ignore_permissions) or meta.read_only or meta.virtual:
        return True
    return connections.has_routers or not connections.is_configured
