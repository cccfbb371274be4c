"""What the methods of a queryset take by position: conditions, columns and orders that are more than a name.

`Q`, `F` and the functions satisfy these protocols, and so may the typed columns of models and classes of a project.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeGuard

from openviper.db.sql.nodes import Node, Scope


class Resolvable(Protocol):
    """An expression: it becomes a node once the names it uses can be looked up."""

    def resolve(self, scope: Scope) -> Node:
        """Return the node of the expression.

        Raises:
            FieldError: If a name is unknown, or an operand is of the wrong type.
        """
        ...


class OrderTerm(Protocol):
    """An expression and the direction to order by it in."""

    @property
    def expression(self) -> Resolvable:
        """The value."""
        ...

    @property
    def descending(self) -> bool:
        """Whether the greatest comes first."""
        ...

    @property
    def nulls_last(self) -> bool | None:
        """Whether rows without a value come behind all others; `None` for before them, and behind when descending."""
        ...


class Condition(Protocol):
    """What `filter` and `exclude` take by position, such as ``Post.title.startswith("A")``."""

    def as_condition(self) -> Condition:
        """Return the condition: a `Q`, or an expression whose value is a truth value."""
        ...


class Selectable(Protocol):
    """What `values_list` and `annotate` take in place of a name, such as ``Post.author.name``."""

    def as_expression(self) -> Resolvable:
        """Return the value, for a column its `F`."""
        ...


class Ordering(Protocol):
    """What `order_by` takes in place of a name, such as ``Post.rank.desc()``."""

    def as_order(self) -> OrderTerm:
        """Return the value to order by, and in which direction."""
        ...


# `isinstance` with a protocol takes 20 times as long as these, and each value of a filter is looked at.


def is_condition(value: object) -> TypeGuard[Condition]:
    """Return whether a value is a condition."""
    return hasattr(type(value), "as_condition")


def is_selectable(value: object) -> TypeGuard[Selectable]:
    """Return whether a value is computed by the database."""
    return hasattr(type(value), "as_expression")


def is_ordering(value: object) -> TypeGuard[Ordering]:
    """Return whether a value can be ordered by."""
    return hasattr(type(value), "as_order")


def is_query(value: object) -> bool:
    """Return whether a value is a queryset."""
    return hasattr(type(value), "as_subquery_of")


def kept(lookups: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return lookups with the items of iterators in place of these, which could be read once only."""
    if not any(hasattr(value.__class__, "__next__") for value in lookups.values()):
        return lookups
    return {
        key: list(value) if hasattr(value.__class__, "__next__") else value
        for key, value in lookups.items()
    }
