"""From what a handler returns to a response."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from openviper.http.body import ClientDisconnected
from openviper.http.request import Request
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


async def respond(handler: Callable[[Request], Any], request: Request) -> Response:
    """Call a function of the request, plain or async, and return its result as a response."""
    result = handler(request)
    if hasattr(result, "__await__"):
        result = await result
    return coerce_response(result)


def while_connected(handler: Callable[[Request], Any]) -> Callable[[Request], Any]:
    """Return a handler that is cancelled when the client goes away before it has answered."""

    async def connected(request: Request) -> Response:
        # What the client still sends must be there for the handler before its leaving can be seen.
        await request.read_ahead()
        handling = asyncio.ensure_future(respond(handler, request))
        leaving = asyncio.ensure_future(request.left())
        try:
            await asyncio.wait((handling, leaving), return_when=asyncio.FIRST_COMPLETED)
            if handling.done():
                return handling.result()
        finally:
            handling.cancel()
            leaving.cancel()
            await asyncio.gather(handling, leaving, return_exceptions=True)
        raise ClientDisconnected

    return connected


_NOTHING = "the handler returned nothing; return Response(None, 204) where an empty answer is meant"
