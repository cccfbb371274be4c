"""Requests and responses."""

from __future__ import annotations

from openviper.http.files import FileResponse
from openviper.http.redirects import RedirectResponse
from openviper.http.request import Request
from openviper.http.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)

__all__ = [
    "FileResponse",
    "HTMLResponse",
    "JSONResponse",
    "PlainTextResponse",
    "RedirectResponse",
    "Request",
    "Response",
    "StreamingResponse",
]
