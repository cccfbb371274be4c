"""Requests and responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.http.asgi import ASGIApp, Message, Receive, Scope, Send
from openviper.http.body import BodyTimeoutError, ClientDisconnected
from openviper.http.conditions import check_conditions
from openviper.http.connection import Connection
from openviper.http.events import EventSourceResponse, ServerSentEvent, last_event_id
from openviper.http.files import FileResponse
from openviper.http.forms import Files, FormData
from openviper.http.inputs import Body, By, Cookie, File, FormInput, Header, Path, Provide, Query
from openviper.http.limits import BodyLimits
from openviper.http.redirects import RedirectRefusedError, RedirectResponse
from openviper.http.request import Request
from openviper.http.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
)
from openviper.http.streaming import StreamingResponse
from openviper.http.uploads import UploadFile, sanitize_filename
from openviper.http.views import View, action
from openviper.http.websockets import WebSocket, WebSocketDisconnected, WebSocketStateError
from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.http.negotiation import answer_as as answer_as
    from openviper.http.negotiation import preferred_type as preferred_type
    from openviper.http.page_cache import cache_page as cache_page
    from openviper.http.rows import CSVResponse as CSVResponse
    from openviper.http.rows import NDJSONResponse as NDJSONResponse

__all__ = [
    "Query",
    "Provide",
    "Path",
    "Header",
    "FormInput",
    "File",
    "Cookie",
    "By",
    "Body",
    "ASGIApp",
    "BodyLimits",
    "BodyTimeoutError",
    "CSVResponse",
    "ClientDisconnected",
    "Connection",
    "EventSourceResponse",
    "FileResponse",
    "Files",
    "FormData",
    "HTMLResponse",
    "JSONResponse",
    "Message",
    "NDJSONResponse",
    "PlainTextResponse",
    "Receive",
    "RedirectRefusedError",
    "RedirectResponse",
    "Request",
    "Response",
    "Scope",
    "Send",
    "ServerSentEvent",
    "StreamingResponse",
    "UploadFile",
    "View",
    "WebSocket",
    "WebSocketDisconnected",
    "WebSocketStateError",
    "action",
    "answer_as",
    "cache_page",
    "check_conditions",
    "last_event_id",
    "preferred_type",
    "sanitize_filename",
]
# Few applications use these, and all wait for what is imported here.
_, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.http.negotiation": ("answer_as", "preferred_type"),
        "openviper.http.page_cache": ("cache_page",),
        "openviper.http.rows": ("CSVResponse", "NDJSONResponse"),
    },
    eager=__all__,
)
