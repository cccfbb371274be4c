"""Pages of serialized rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from openviper.db.query.pages import Page


@dataclass(frozen=True, kw_only=True)
class PaginatedSerializer:
    """One page of rows; a handler may return it as it is.

    Attributes:
        count: How many rows there are on all pages.
        next: The address of the page behind; `None` on the last.
        previous: The address of the page before; `None` on the first, and where a cursor was given.
        next_cursor: What `paginate` takes as the cursor of the page behind.
        results: The rows, as they are sent.
    """

    count: int
    next: str | None
    previous: str | None
    next_cursor: str | None
    results: list[dict[str, Any]]


def page_links(base_url: str, page: Page[Any], cursor: str | None) -> tuple[str | None, str | None]:
    """Return the addresses of the pages behind and before one."""
    if cursor is not None:
        behind = page.next_cursor
        return _address(base_url, page, "cursor", behind), None
    return (
        _address(base_url, page, "page", page.next_page_number),
        _address(base_url, page, "page", page.previous_page_number),
    )


def _address(base_url: str, page: Page[Any], name: str, place: str | int | None) -> str | None:
    """Return an address with the place of a page in its query; `None` if there is no such page."""
    if place is None:
        return None
    parts = urlsplit(base_url)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in _OURS]
    query = urlencode([*kept, (name, place), ("page_size", page.page_size)])
    return urlunsplit(parts._replace(query=query))


_OURS = ("page", "page_size", "cursor")
