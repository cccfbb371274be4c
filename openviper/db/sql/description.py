"""What a query asks for, as plain immutable data."""

from __future__ import annotations

from typing import Any, NoReturn

from openviper.db.sql.nodes import Node, Order


class Description:
    """What one query asks for; every name in it is resolved.

    An object keeps what differs from the defaults, which stand in the class: each method of a queryset makes a copy.

    Attributes:
        where: Conditions that all have to hold.
        order: What to order by; `None` for the model's own order.
        limit: Most rows.
        offset: Rows to skip.
        distinct: Drop equal rows.
        only: Names of the fields to load; `None` for all.
        defer: Names of the fields not to load.
        prefetch: Relations to load by further queries, as the query room builds them.
        related: Paths over foreign keys to load as well.
        using: Alias of the database, if one was asked for.
        ignore_permissions: Whether permissions are not checked.
        annotations: Names and nodes of values to compute per row.
        hidden: Names of those among them that are no part of the result.
        lock: The words for locking the rows: ``()`` for none, else those of `Dialect.for_update`.
        if_permitted: Whether a denied read gives nothing instead of an error.
        is_none: Whether nothing is asked for, so that the database need not be.
    """

    where: tuple[Node, ...] = ()
    order: tuple[Order, ...] | None = None
    limit: int | None = None
    offset: int = 0
    distinct: bool = False
    only: tuple[str, ...] | None = None
    defer: tuple[str, ...] = ()
    prefetch: tuple[Any, ...] = ()
    related: tuple[str, ...] = ()
    using: str | None = None
    ignore_permissions: bool = False
    annotations: tuple[tuple[str, Node], ...] = ()
    hidden: frozenset[str] = frozenset()
    lock: tuple[str, ...] = ()
    if_permitted: bool = False
    is_none: bool = False

    def changed(self, **changes: Any) -> Description:
        """Return a copy with some attributes replaced."""
        return self.with_changes(changes)

    def with_changes(self, changes: dict[str, Any]) -> Description:
        """Return a copy with some attributes replaced, by name."""
        # A tenth of the time of `dataclasses.replace`; each method of a queryset makes a copy.
        copy = _new(Description)
        _set_wishes(copy, self.__dict__ | changes)
        return copy

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{name} of a query's description cannot be changed; use changed()")

    @property
    def shown(self) -> tuple[tuple[str, Node], ...]:
        """The annotations that are part of the result."""
        if not self.hidden:
            return self.annotations
        return tuple([item for item in self.annotations if item[0] not in self.hidden])

    @property
    def is_sliced(self) -> bool:
        """Whether only a part of the rows is asked for."""
        return self.limit is not None or self.offset > 0


_new = object.__new__
_set_wishes = Description.__dict__["__dict__"].__set__
WISHES = tuple(Description.__annotations__)
"""The names of its attributes."""
EVERYTHING = Description()
"""All rows of a model; the start of every query."""
