"""A name for each request, to find it again in the logs of all who were part of it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable

from openviper.core.context import current_request_id
from openviper.http.answer import Answer, finishing
from openviper.http.asgi import STATE, ASGIApp, Message, Receive, Scope, Send
from openviper.middleware.base import BaseMiddleware
from openviper.utils.datastructures import RawHeaders

STATE_KEY = "request_id"
_VALID = re.compile(r"[A-Za-z0-9._-]{8,128}")


class RequestIDMiddleware(BaseMiddleware):
    """Gives each request an id, in ``request.state["request_id"]`` and in the answer.

    One that the client sends is taken over if it is harmless, as a proxy in front may have logged it.

    Args:
        app: The application inside.
        header: The header it is sent in.
    """

    is_guarded = False

    def __init__(self, app: ASGIApp, header: str = "x-request-id") -> None:
        super().__init__(app)
        self._header = header.lower().encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Name a request or a WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id = self._given(scope) or secrets.token_hex(16)
        scope.setdefault(STATE, {})[STATE_KEY] = request_id
        pair = (self._header, request_id.encode())

        def finish(_answer: Answer, headers: RawHeaders) -> RawHeaders:
            return _replaced(headers, pair)

        def accept(message: Message) -> Awaitable[None]:
            if message["type"] == "websocket.accept":
                message["headers"] = _replaced(message.get("headers"), pair)
            return inner(message)

        inner = send
        is_http = scope["type"] == "http"
        send = finishing(finish, scope, receive, send) if is_http else accept
        token = current_request_id.set(request_id)  # Every log line of the request bears it.
        try:
            await self.app(scope, receive, send)
        finally:
            current_request_id.reset(token)

    def _given(self, scope: Scope) -> str:
        for name, value in scope["headers"]:
            if name == self._header:
                text: str = value.decode("latin-1")
                return text if _VALID.fullmatch(text) else ""
        return ""


def _replaced(headers: RawHeaders | None, pair: tuple[bytes, bytes]) -> RawHeaders:
    """Return headers with this one in place of any of its name."""
    others = [header for header in headers or () if header[0] != pair[0]]
    return [*others, pair]
