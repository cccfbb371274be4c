"""A query of one model seen from another that refers to it: every name gets the foreign key in front."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.relations import ForeignKey
from openviper.db.sql.aggregates import RelatedValue
from openviper.db.sql.conditions import Related
from openviper.db.sql.description import EVERYTHING, WISHES, Description
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
    if not _can_be_carried(query):
        return None
    step = Step(key, False, key.name)
    change = _Mover(meta, step)
    try:
        where = tuple(node.changed(change) for node in query.where)
        order = tuple(_moved(term, change) for term in order_of(key.remote_model._meta, query))
        related = _related_behind(meta, key, query)
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


def _related_behind(
    meta: ModelOptions, key: ForeignKey[Any], query: Description
) -> tuple[str, ...]:
    """Return what to load as well: the key's own instance, and what a query loads behind it."""
    names = (key.name, *(f"{key.name}__{name}" for name in query.related))
    for name in names:
        check_related(meta, name)
    return names


def _moved(term: Order, change: _Mover) -> Order:
    return Order(term.node.changed(change), term.descending, term.nulls_last, term.name)


def _can_be_carried(query: Description) -> bool:
    """Return whether a query asks for nothing that is about the columns and rows of its own table."""
    others = set(WISHES) - CARRIED
    return all(getattr(query, name) == getattr(EVERYTHING, name) for name in others)


class _Mover:
    """Puts a step in front of every path of a node.

    Args:
        meta: The model that the step leads from.
        step: The step.
    """

    def __init__(self, meta: ModelOptions, step: Step) -> None:
        self.meta = meta
        self.step = step
        self._moves: dict[type[Node], Callable[[Any], Node | None]] = {
            Column: self._column,
            Related: self._related,
            RelatedValue: self._value,
            **dict.fromkeys((Compare, Match, RegexMatch, ArrayHas, InList), self._lookup),
        }

    def __call__(self, node: Node) -> Node | None:
        """Return the moved node, or `None` for one that holds no path itself."""
        move = self._moves.get(type(node))
        return None if move is None else move(node)

    def _column(self, node: Column) -> Node:
        return behind_step(self.meta, self.step, node)

    def _lookup(self, node: Any) -> Node | None:
        if not node.lookup.is_plain:
            return None
        # The lookup of the longer name is kept with the model, so that the SQL is, too.
        key = f"{self.step.name}__{node.lookup.key}"
        _, values = node.__match_args__
        made: Node = type(node)(find_lookup(self.meta, key), getattr(node, values))
        return made

    def _related(self, node: Related) -> Node:
        inner = None if node.condition is None else node.condition.changed(self)
        return Related((self.step, *node.steps), inner, node.negated)

    def _value(self, node: RelatedValue) -> Node:
        moved: Any = node.node.changed(self)
        return RelatedValue((self.step, *node.steps), moved)
