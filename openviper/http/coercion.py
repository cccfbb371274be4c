"""From what a handler returns to a response."""

from __future__ import annotations

from typing import Any

from openviper.http.responses import JSONResponse, PlainTextResponse, Response


def coerce_response(value: Any) -> Response:
    """Return the response for a handler's result.

    A response stays as it is; mappings and lists become JSON, text and bytes plain text, and anything else JSON if it has
    a form in JSON.

    Raises:
        TypeError: If it has none, or the handler returned nothing: a forgotten ``return`` is not an empty answer.
    """
    if isinstance(value, Response):
        return value
    if isinstance(value, (str, bytes)):
        return PlainTextResponse(value)
    if value is None:
        raise TypeError(_NOTHING)
    return JSONResponse(value)


_NOTHING = "the handler returned nothing; return Response(None, 204) where an empty answer is meant"
