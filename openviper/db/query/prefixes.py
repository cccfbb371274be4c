"""A query of one model seen from another that refers to it: every name gets the foreign key in front."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.relations import ForeignKey
from openviper.db.sql.aggregates import RelatedValue
from openviper.db.sql.conditions import Related
from openviper.db.sql.description import EVERYTHING, Description
from openviper.db.sql.lookups import Compare, InList
from openviper.db.sql.matching import ArrayHas, Match, RegexMatch
from openviper.db.sql.names import behind_step
from openviper.db.sql.nodes import Column, Node, Order
from openviper.db.sql.paths import Step
from openviper.db.sql.resolving import find_lookup
from openviper.db.sql.statements import check_related, order_of
from openviper.exceptions import FieldError

CARRIED = {
    "where",
    "order",
    "related",
    "using",
    "ignore_permissions",
    "prefetch",
    "limit",
    "offset",
}
"""What a query may ask for and still be put behind a key; the rest is about the columns and rows of its own table."""


def behind(meta: ModelOptions, key: ForeignKey[Any], query: Description) -> Description | None:
    """Return a query for the rows of a model that loads, through a key, the rows of another query as well.

    Args:
        meta: The model with the key.
        key: The foreign key to the model of `query`.
        query: What is asked for of that model.

    Returns:
        The query, or `None` if it cannot be written so.
    """
    for item in fields(Description):
        if item.name not in CARRIED and getattr(query, item.name) != getattr(EVERYTHING, item.name):
            return None
    step = Step(key, False, key.name)
    change = _mover(meta, step)
    related = (key.name, *(f"{key.name}__{name}" for name in query.related))
    try:
        where = tuple(node.changed(change) for node in query.where)
        order = tuple(
            Order(term.node.changed(change), term.descending, term.nulls_last, term.name)
            for term in order_of(key.remote_model._meta, query)
        )
        for name in related:
            check_related(meta, name)
    except FieldError:  # The path has become too long.
        return None
    return EVERYTHING.changed(
        where=where,
        order=order,
        related=related,
        using=query.using,
        limit=query.limit,
        offset=query.offset,
    )


def _mover(meta: ModelOptions, step: Step) -> Callable[[Node], Node | None]:
    """Return what puts a step in front of every path."""

    def change(node: Node) -> Node | None:
        move = _MOVES.get(type(node))
        return None if move is None else move(meta, step, node, change)

    return change


Change = Callable[[Node], Node | None]


def _moved_column(meta: ModelOptions, step: Step, node: Any, change: Change) -> Node:
    return behind_step(meta, step, node)


def _moved_lookup(meta: ModelOptions, step: Step, node: Any, change: Change) -> Node | None:
    if not node.lookup.is_plain:
        return None
    # The lookup of the longer name is kept with the model, so that the SQL is, too.
    made: Node = replace(node, lookup=find_lookup(meta, f"{step.name}__{node.lookup.key}"))
    return made


def _moved_related(meta: ModelOptions, step: Step, node: Any, change: Change) -> Node:
    inner = None if node.condition is None else node.condition.changed(change)
    return Related((step, *node.steps), inner, node.negated)


def _moved_value(meta: ModelOptions, step: Step, node: Any, change: Change) -> Node:
    return RelatedValue((step, *node.steps), node.node.changed(change))


_MOVES: dict[type[Node], Callable[[ModelOptions, Step, Any, Change], Node | None]] = {
    Column: _moved_column,
    Related: _moved_related,
    RelatedValue: _moved_value,
    **dict.fromkeys((Compare, Match, RegexMatch, ArrayHas, InList), _moved_lookup),
}
"""What is done with each class of nodes that holds a path."""
