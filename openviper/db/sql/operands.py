"""What the methods of a queryset take by position: conditions, columns and orders that are more than a name.

`Q`, `F` and the functions satisfy these protocols, and so may the typed columns of models and classes of a project.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeGuard

if TYPE_CHECKING:
    from openviper.db.sql.expressions import Expression, OrderBy


class Condition(Protocol):
    """What `filter` and `exclude` take by position, such as ``Post.title.startswith("A")``."""

    def as_condition(self) -> Condition:
        """Return the condition: a `Q`, or an expression whose value is a truth value."""
        ...


class Selectable(Protocol):
    """What `values_list` and `annotate` take in place of a name, such as ``Post.author.name``."""

    def as_expression(self) -> Expression:
        """Return the value, for a column its `F`."""
        ...


class Ordering(Protocol):
    """What `order_by` takes in place of a name, such as ``Post.rank.desc()``."""

    def as_order(self) -> OrderBy:
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
