"""A query of one model seen from another that refers to it: every name gets the foreign key in front."""

from __future__ import annotations

from typing import Any

from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.relations import ForeignKey
from openviper.db.sql.description import EVERYTHING, Description
from openviper.db.sql.expressions import Combined, Condition, Expression, F, Q
from openviper.db.sql.lookups import resolve_path
from openviper.db.sql.selects import check_related
from openviper.db.sql.where import check_conditions
from openviper.exceptions import FieldError

CARRIED = {"where", "order", "related", "using", "ignore_permissions", "prefetch"}
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
    for name in Description.__slots__:
        if name not in CARRIED and getattr(query, name) != getattr(EVERYTHING, name):
            return None
    remote: ModelOptions = key.remote_model._meta
    order = remote.ordering if query.order is None else query.order
    turned = tuple(
        f"-{key.name}__{name[1:]}" if name.startswith("-") else f"{key.name}__{name}"
        for name in order
    )
    related = (key.name, *(f"{key.name}__{name}" for name in query.related))
    try:
        where = tuple(_behind(key.name, condition) for condition in query.where)
        check_conditions(meta, where)
        for name in turned:
            resolve_path(meta, name.removeprefix("-"))
        for name in related:
            check_related(meta, name)
    except FieldError:  # The path has become too long.
        return None
    return EVERYTHING.changed(where=where, order=turned, related=related, using=query.using)


def _behind(prefix: str, condition: Condition) -> Condition:
    if isinstance(condition, Q):
        children = tuple(_behind(prefix, child) for child in condition.children)
        return Q.combined(children, condition.connector, condition.negated)
    key, value = condition
    return f"{prefix}__{key}", _value_behind(prefix, value)


def _value_behind(prefix: str, value: Any) -> Any:
    if isinstance(value, F):
        return F(f"{prefix}__{value.name}")
    if isinstance(value, Combined):
        return Combined(
            _value_behind(prefix, value.left), value.operator, _value_behind(prefix, value.right)
        )
    if isinstance(value, Expression):
        raise FieldError(f"{value!r} cannot be put behind {prefix!r}")
    return value
