"""From an exception to a response."""

from __future__ import annotations

import html
import logging

from openviper.exceptions import FieldError, HTTPException, QueryError, TableNotFound
from openviper.http.request import Request
from openviper.http.responses import HTMLResponse, JSONResponse, Response

logger = logging.getLogger("openviper.request")

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body><h1>{title}</h1><p>{detail}</p></body>
</html>
"""


def wants_html(request: Request) -> bool:
    """Tell whether the client asked for a page rather than for data."""
    return b"text/html" in (request.header(b"accept") or b"")


def error_response(request: Request, error: Exception, *, debug: bool) -> Response:
    """Return the response for an error that no handler of the application takes care of.

    Args:
        request: The request that failed.
        error: What was raised.
        debug: Show names of tables and fields, and for unexpected errors the debug page.
    """
    if isinstance(error, HTTPException):
        return _answer(request, error.status_code, {"detail": error.detail}, error.headers)
    if isinstance(error, TableNotFound):
        detail = str(error) if debug else "The database is not ready."
        return _answer(request, 503, {"error": "TableNotFound", "detail": detail})
    if isinstance(error, (FieldError, QueryError)):
        detail = str(error) if debug else "The query is not valid."
        return _answer(request, 400, {"error": type(error).__name__, "detail": detail})
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    if debug:
        from openviper.http.debug_page import render_debug_page

        policy = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return HTMLResponse(render_debug_page(error, request), 500, policy)
    return _answer(request, 500, {"detail": "Internal Server Error"})


def _answer(
    request: Request, status: int, content: dict[str, object], headers: dict[str, str] | None = None
) -> Response:
    if not wants_html(request):
        return JSONResponse(content, status, headers)
    title = f"{status} {HTTPException.default_detail(status)}"
    page = PAGE.format(title=html.escape(title), detail=html.escape(str(content["detail"])))
    return HTMLResponse(page, status, headers)
