"""Addresses in answers: of the pages around one, and of a row that was made."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from openviper.http.request import Request
from openviper.utils.datastructures import QueryParams

_PATH = "/:@!$&'()*+,;=~-._"


def page_address(request: Request, cursor: str | None) -> str | None:
    """Return the address of another page of a list, without scheme and host; `None` if there is none."""
    if cursor is None:
        return None
    query: QueryParams = request.query_params
    pairs = [(key, value) for key, value in query.multi_items() if key != "cursor"]
    text = urlencode([*pairs, ("cursor", cursor)], safe=",~", quote_via=quote)
    return f"{quote(request.path, safe=_PATH)}?{text}"


def link_header(following: str | None, before: str | None) -> dict[str, str]:
    """Return the header that names the pages around one (RFC 8288)."""
    links = [(following, "next"), (before, "prev")]
    told = [f'<{address}>; rel="{word}"' for address, word in links if address is not None]
    return {"link": ", ".join(told)} if told else {}


def row_address(request: Request, key: Any) -> str:
    """Return the address of a row of the collection that a request was sent to."""
    return f"{quote(request.path.rstrip('/'), safe=_PATH)}/{quote(str(key), safe='')}"
