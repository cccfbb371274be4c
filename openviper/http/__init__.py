"""Requests and responses."""

from __future__ import annotations

from openviper.http.asgi import ASGIApp, Message, Receive, Scope, Send
from openviper.http.body import BodyTimeoutError, ClientDisconnected
from openviper.http.conditions import check_conditions
from openviper.http.connection import Connection
from openviper.http.events import EventSourceResponse, ServerSentEvent
from openviper.http.files import FileResponse
from openviper.http.forms import Files, FormData
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

__all__ = [
    "ASGIApp",
    "BodyLimits",
    "BodyTimeoutError",
    "ClientDisconnected",
    "Connection",
    "EventSourceResponse",
    "FileResponse",
    "Files",
    "FormData",
    "HTMLResponse",
    "JSONResponse",
    "Message",
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
    "check_conditions",
    "sanitize_filename",
]
