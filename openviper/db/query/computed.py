"""Instances with expressions among their values, such as ``post.views = F("views") + 1``: stored, then read back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from openviper.db.connection import transaction
from openviper.db.executor import check_write, write
from openviper.db.fields.rollback import keep_for_rollback
from openviper.db.query.made_values import load_values
from openviper.db.query.stored import mark_updated, stored_key, stored_value
from openviper.db.sql import operands
from openviper.db.sql.conditions import Comparison
from openviper.db.sql.description import EVERYTHING, Description
from openviper.db.sql.names import column_at
from openviper.db.sql.nodes import Node
from openviper.db.sql.prepared import Plan
from openviper.db.sql.writes import Stored, assigned_nodes, update_rows
from openviper.exceptions import QueryError


def expressions_of(instance: Any, attnames: Iterable[str]) -> dict[str, Any]:
    """Return the attributes among some whose values the database has to compute."""
    values = instance.__dict__
    return {
        attname: values[attname]
        for attname in attnames
        if operands.is_selectable(values.get(attname))
    }


async def update_computed(
    plan: Plan, alias: str, instance: Any, attnames: Iterable[str], *, ignore: bool = True
) -> int:
    """Write attributes of a stored instance, some of which are expressions, and read the values of these back.

    Args:
        plan: The model's plan.
        alias: The database.
        instance: The instance.
        attnames: What to write.
        ignore: Whether permissions have been looked at already.

    Returns:
        The number of rows, 0 if the row is gone.

    Raises:
        FieldError: If an expression names what is no field of the model, or is of another type than its field.
        QueryError: If the instance is not stored.
    """
    if instance._row is None:
        raise QueryError(f"{instance!r} has expressions among its values and is not stored")
    expressions = expressions_of(instance, attnames)
    nodes: list[tuple[str, Node]] = [*assigned_nodes(plan, EVERYTHING, expressions)]
    plain = {
        attname: stored_value(plan, instance, attname)
        for attname in attnames
        if attname not in expressions
    }
    query = _row_of(plan, instance, ignore=ignore)
    await check_write(plan.meta, "update", query, [node for _, node in nodes])
    nodes += [(attname, Stored(value)) for attname, value in plain.items()]
    keep_for_rollback(alias, (instance,), expressions)
    async with transaction(alias):
        statement = update_rows(plan, query, nodes)
        count = await write(plan.meta, alias, statement.sql, statement.parameters, bulk=False)
        if count:
            mark_updated(plan, instance, plain)
            await load_values(plan, alias, instance, tuple(expressions))
    return count


def _row_of(plan: Plan, instance: Any, *, ignore: bool) -> Description:
    """Return the query for the row of an instance."""
    meta = plan.meta
    key = Stored(stored_key(plan, instance))
    condition = Comparison(column_at(meta, (), meta.pk), "=", key)
    return EVERYTHING.changed(where=(condition,), order=(), ignore_permissions=ignore)
