"""The outermost middleware: errors that escape everything else."""

from __future__ import annotations

import logging
from collections.abc import Awaitable

from openviper.http.asgi import RAISE_ERRORS, ASGIApp, Message, Receive, Scope, Send
from openviper.http.request import Request
from openviper.http.responses import HTMLResponse, PlainTextResponse, Response
from openviper.middleware.base import BaseMiddleware

logger = logging.getLogger("openviper.request")


class ServerErrorMiddleware(BaseMiddleware):
    """Answers with 500 when middleware or the sending of a response fails.

    If the answer has begun already, nothing more can be said; the error is logged and goes on to the server.

    Args:
        app: The application inside.
        debug: Show the debug page instead of a plain text.
    """

    def __init__(self, app: ASGIApp, *, debug: bool = False) -> None:
        super().__init__(app)
        self.debug = debug

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application inside."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        def watch(
            message: Message,
        ) -> Awaitable[None]:  # Plain, for it runs twice in every request.
            nonlocal started
            started = True
            return send(message)

        try:
            await self.app(scope, receive, watch)
        except Exception as error:
            logger.exception("%s %s failed outside its handler", scope["method"], scope["path"])
            if started or scope.get(RAISE_ERRORS):
                raise
            await self._response(Request(scope), error)(scope, receive, send)

    def _response(self, request: Request, error: Exception) -> Response:
        if not self.debug:
            return PlainTextResponse("Internal Server Error", 500)
        from openviper.http.debug_page import render_debug_page

        return HTMLResponse(
            render_debug_page(error, request),
            500,
            {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"},
        )
