"""What a query asks for, as plain immutable data."""

from __future__ import annotations

from typing import Any

from openviper.db.sql.expressions import Condition, Expression


class Description:
    """What one query asks for.

    Attributes:
        where: Conditions that all have to hold.
        order: Names to order by, ``-`` before those that descend; `None` for the model's own order.
        limit: Most rows.
        offset: Rows to skip.
        distinct: Drop equal rows.
        only: Names of the fields to load; `None` for all.
        defer: Names of the fields not to load.
        prefetch: Relations to load by further queries, as the query room builds them.
        related: Paths over foreign keys to load as well.
        using: Alias of the database, if one was asked for.
        ignore_permissions: Whether permissions are not checked.
        annotations: Names and expressions of values to compute per row.
        lock: The words for locking the rows: ``()`` for none, else those of `Dialect.for_update`.
        if_permitted: Whether a denied read gives nothing instead of an error.
    """

    __slots__ = (
        "annotations",
        "defer",
        "distinct",
        "if_permitted",
        "ignore_permissions",
        "limit",
        "lock",
        "offset",
        "only",
        "order",
        "prefetch",
        "related",
        "using",
        "where",
    )

    def __init__(self) -> None:
        self.where: tuple[Condition, ...] = ()
        self.order: tuple[str, ...] | None = None
        self.limit: int | None = None
        self.offset = 0
        self.distinct = False
        self.only: tuple[str, ...] | None = None
        self.defer: tuple[str, ...] = ()
        self.related: tuple[str, ...] = ()
        self.prefetch: tuple[Any, ...] = ()
        self.using: str | None = None
        self.ignore_permissions = False
        self.annotations: tuple[tuple[str, Expression], ...] = ()
        self.lock: tuple[str, ...] = ()
        self.if_permitted = False

    def changed(self, **changes: Any) -> Description:
        """Return a copy with some attributes replaced."""
        made = Description.__new__(Description)
        made.where = self.where
        made.order = self.order
        made.limit = self.limit
        made.offset = self.offset
        made.distinct = self.distinct
        made.only = self.only
        made.defer = self.defer
        made.related = self.related
        made.prefetch = self.prefetch
        made.using = self.using
        made.ignore_permissions = self.ignore_permissions
        made.annotations = self.annotations
        made.lock = self.lock
        made.if_permitted = self.if_permitted
        for name, value in changes.items():
            setattr(made, name, value)
        return made

    @property
    def is_sliced(self) -> bool:
        """Whether only a part of the rows is asked for."""
        return self.limit is not None or self.offset > 0


EVERYTHING = Description()
"""All rows of a model; the start of every query."""
