"""Answers in the format that a client prefers (RFC 9110, 12.5.1)."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from openviper.exceptions import HTTPException
from openviper.http.accept import media_weight, parse_choices
from openviper.http.request import Request
from openviper.http.responses import HTMLResponse, JSONResponse, Response
from openviper.http.rows import CSV, JSON, NDJSON, CSVResponse, JSONRowsResponse, NDJSONResponse
from openviper.utils.datastructures import add_vary

Format: TypeAlias = Literal["json", "ndjson", "csv", "html"]

TYPES: dict[str, str] = {"json": JSON, "ndjson": NDJSON, "csv": CSV, "html": "text/html"}
"""The media type of each format."""


def preferred_type(request: Request, offers: Sequence[str]) -> str:
    """Return which of several media types a client wants most; of those it wants alike, the one offered first.

    A client that says nothing, or nothing that makes sense, gets the first.

    Args:
        request: The request.
        offers: Media types, such as ``text/html``.

    Raises:
        HTTPException: 406 if it wants none of them; the detail names them.
        TypeError: If what is offered is one text.
        ValueError: If nothing is offered.
    """
    _check_offers(offers)
    choices = parse_choices(",".join(request.headers.getlist("accept")))
    if not choices:
        return offers[0]
    weights = {offer: media_weight(choices, offer) for offer in offers}
    best = max(offers, key=lambda offer: weights[offer])  # Of several maxima the first.
    if weights[best] == 0:
        raise _refusal(offers)
    return best


def _check_offers(offers: Sequence[str]) -> None:
    if isinstance(offers, str):
        raise TypeError(f"media types are a list such as [{offers!r}], not a text")
    if not offers:
        raise ValueError("preferred_type() needs at least one media type to offer")


def _refusal(offers: Sequence[str]) -> HTTPException:
    message = "none of the formats that you accept is offered"
    detail: dict[str, str | int] = {"message": message, "offered": ", ".join(offers)}
    return HTTPException(406, detail, {"vary": "Accept"})


def answer_as(
    request: Request,
    data: Any,
    *,
    formats: Sequence[Format] = ("json", "csv"),
    template: str | None = None,
    context: Mapping[str, Any] | None = None,
    columns: Sequence[str] | None = None,
    filename: str | None = None,
    status_code: int = 200,
) -> Response:
    """Return data in that one of several formats that the client wants most, with ``Vary: Accept``.

    Args:
        request: The request.
        data: What is sent. For ``csv`` and ``ndjson`` an iterable of rows, also an asynchronous one, which is streamed.
        formats: What is offered, the one preferred first: ``json``, ``ndjson``, ``csv``, ``html``.
        template: The template for ``html``, which finds the data as ``data``.
        context: What else it finds.
        columns: The columns of ``csv``, see `CSVResponse`.
        filename: What a browser stores ``csv`` as.
        status_code: The status.

    Raises:
        HTTPException: 406 if the client wants none of them.
        TypeError: If the data has no form in the format, as an asynchronous iterable in a page.
        ValueError: If a format is unknown, or ``html`` is offered without a template.
    """
    types = [_type_of(name) for name in formats]
    if ("html" in formats) != (template is not None):
        raise ValueError("'html' among the formats and a template go together")
    chosen = preferred_type(request, types)
    if chosen == CSV:
        response: Response = CSVResponse(
            _rows(data), status_code, columns=columns, filename=filename
        )
    elif chosen == NDJSON:
        response = NDJSONResponse(_rows(data), status_code)
    elif chosen == JSON:
        response = _json(data, status_code)
    else:
        response = _page(data, template, context, status_code)
    add_vary(response.raw_headers, "Accept")
    return response


def _type_of(name: str) -> str:
    if name not in TYPES:
        raise ValueError(f"format {name!r} is none of {', '.join(map(repr, TYPES))}")
    return TYPES[name]


def _rows(data: Any) -> Iterable[Any] | AsyncIterable[Any]:
    """Return data as rows; one mapping is one row."""
    if isinstance(data, AsyncIterable):
        return data
    is_one = isinstance(data, (Mapping, str, bytes)) or not isinstance(data, Iterable)
    return [data] if is_one else data


def _json(data: Any, status_code: int) -> Response:
    is_streamed = isinstance(data, (AsyncIterable, Iterator))
    return JSONRowsResponse(data, status_code) if is_streamed else JSONResponse(data, status_code)


def _page(
    data: Any, template: str | None, context: Mapping[str, Any] | None, status_code: int
) -> Response:
    if isinstance(data, AsyncIterable):
        raise TypeError("a page cannot wait for an asynchronous iterable; give it a list")
    values = {**(context or {}), "data": data}
    return HTMLResponse(status_code=status_code, template=template, context=values)
