"""Locking rows before what belongs to them is edited."""

from __future__ import annotations

from typing import Any

from openviper.db.connections.databases import current_block
from openviper.db.executor import plan_on, read
from openviper.db.fields.model_options import ModelOptions
from openviper.db.query.stored import key_value

BATCH = 1000
"""Most keys in one statement."""


def holds_locks(alias: str) -> bool:
    """Return whether this task is in a transaction on a database, and so may hold locks there."""
    block = current_block(alias)
    return block is not None and block.transactional


async def lock_rows(meta: ModelOptions, alias: str, keys: list[Any]) -> None:
    """Lock the rows of some keys, in the order of the keys, until the transaction ends.

    Two tasks that do so first of all wait for each other instead of meeting in the middle, where MariaDB's locks on
    gaps between rows can only end in a deadlock. On SQLite nothing is to be done: there is one writer at a time.
    """
    plan = plan_on(meta, alias)
    if not plan.dialect.features.supports_select_for_update:
        return
    for start in range(0, len(keys), BATCH):
        batch = [key_value(plan, key) for key in keys[start : start + BATCH]]
        marks = ", ".join([plan.dialect.placeholder] * len(batch))
        sql = f"SELECT {plan.key} FROM {plan.table} WHERE {plan.key} IN ({marks}) ORDER BY {plan.key} FOR UPDATE"
        await read(meta, alias, sql, batch, list)
