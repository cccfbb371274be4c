"""What the methods of a queryset take by position: conditions, columns and orders that are more than a name.

`Q`, `F` and the functions satisfy these protocols, and so may the typed columns of models and classes of a project.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from openviper.db.sql.expressions import Expression, OrderBy


@runtime_checkable
class Condition(Protocol):
    """What `filter` and `exclude` take by position, such as ``Post.title.startswith("A")``."""

    def as_condition(self) -> Condition:
        """Return the condition: a `Q`, or an expression whose value is a truth value."""
        ...


@runtime_checkable
class Selectable(Protocol):
    """What `values_list` and `annotate` take in place of a name, such as ``Post.author.name``."""

    def as_expression(self) -> Expression:
        """Return the value, for a column its `F`."""
        ...


@runtime_checkable
class Ordering(Protocol):
    """What `order_by` takes in place of a name, such as ``Post.rank.desc()``."""

    def as_order(self) -> OrderBy:
        """Return the value to order by, and in which direction."""
        ...
