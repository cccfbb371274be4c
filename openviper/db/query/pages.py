"""Pages of a query, by number or by cursor."""

from __future__ import annotations

import base64
import json
from collections.abc import Container, Iterator
from typing import Any, Generic, TypeVar

from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.expressions import Condition, Q
from openviper.db.sql.lookups import resolve_path
from openviper.exceptions import FieldError, QueryError

M = TypeVar("M")

MAX_CURSOR = 10 * 1024
"""Most characters of a cursor that is looked at."""


class Page(Generic[M]):
    """Some of the instances of a query.

    Attributes:
        items: The instances of this page.
        total_count: How many there are on all pages.
        number: The page's number, from 1 on.
        page_size: Most instances of a page.
        next_cursor: What `paginate` takes for the page behind this one; `None` when this one is not full, or when the
            order is by a computed value that is neither a number nor a text.
    """

    __slots__ = ("items", "next_cursor", "number", "page_size", "total_count")

    def __init__(
        self,
        items: list[M],
        total_count: int,
        number: int,
        page_size: int,
        next_cursor: str | None = None,
    ) -> None:
        self.items = items
        self.total_count = total_count
        self.number = number
        self.page_size = page_size
        self.next_cursor = next_cursor

    def __repr__(self) -> str:
        return f"<Page {self.number} of {self.num_pages}>"

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[M]:
        return iter(self.items)

    @property
    def num_pages(self) -> int:
        """How many pages there are."""
        return -(-self.total_count // self.page_size)

    @property
    def has_next(self) -> bool:
        """Whether there may be a page behind this one."""
        return self.next_cursor is not None or self.number < self.num_pages

    @property
    def has_previous(self) -> bool:
        """Whether there is a page before this one."""
        return self.number > 1

    @property
    def next_page_number(self) -> int | None:
        """The number of the next page, or `None`."""
        return self.number + 1 if self.has_next else None

    @property
    def previous_page_number(self) -> int | None:
        """The number of the page before, or `None`."""
        return self.number - 1 if self.has_previous else None


def make_cursor(values: dict[str, Any]) -> str:
    """Return a place in an order, given by the values of its names, as text for a URL."""
    text = json.dumps(values, separators=(",", ":"), default=str)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def behind_cursor(
    meta: ModelOptions, order: tuple[str, ...], computed: Container[str], cursor: str
) -> Q:
    """Return the condition for the rows behind a cursor.

    Args:
        meta: The model.
        order: The names of the order, ``-`` before those that descend.
        computed: Those of them that are computed values.
        cursor: What `make_cursor` has made.

    Raises:
        QueryError: If it is not a cursor of this order.
    """
    values = _decode(cursor)
    names = [name.removeprefix("-") for name in order]
    if values is None or list(values) != names:
        raise QueryError("the cursor does not belong to this query")
    # Behind the last row is what is greater in the first name, or equal in it and greater in the second, and so on.
    alternatives: list[Condition] = []
    equal: list[Condition] = []
    for name, term in zip(names, order, strict=True):
        value = values[name] if name in computed else _converted(meta, name, values[name])
        behind = _behind(name, value, descending=term.startswith("-"))
        if behind is not None:
            alternatives.append(Q.combined((*equal, behind)))
        equal.append((name, value))
    return Q.combined(tuple(alternatives), "OR")


def _behind(name: str, value: Any, *, descending: bool) -> Condition | None:
    # NULL comes before every value, and after them in a descending order.
    if value is None:
        return None if descending else (f"{name}__isnull", False)
    if descending:
        return Q.combined(((f"{name}__lt", value), (f"{name}__isnull", True)), "OR")
    return (f"{name}__gt", value)


def _decode(cursor: str) -> dict[str, Any] | None:
    if len(cursor) > MAX_CURSOR:
        return None
    try:
        decoded = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) else None


def _converted(meta: ModelOptions, name: str, value: Any) -> Any:
    try:
        path = resolve_path(meta, name)
        return path.field.to_python(value)
    except (FieldError, ValueError, TypeError):
        raise QueryError("the cursor does not belong to this query") from None
