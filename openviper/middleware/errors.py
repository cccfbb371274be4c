"""Errors that escape a middleware become answers at the place where it stands, so that those around it see them."""

from __future__ import annotations

from openviper.core.context import current_exchange
from openviper.http.answer import answer_of
from openviper.http.asgi import RAISE_ERRORS, ASGIApp, Receive, Scope, Send
from openviper.http.errors import error_response
from openviper.http.request import Request
from openviper.http.responses import Response
from openviper.middleware.base import BaseMiddleware


class ServerErrorMiddleware(BaseMiddleware):
    """Answers for what the application inside raises, as far as no answer has begun.

    If one has, nothing more can be said: the error goes on to the server, which logs it and cuts the connection.

    Args:
        app: The application inside.
        debug: Show the debug page instead of a short answer.
    """

    def __init__(self, app: ASGIApp, *, debug: bool = False) -> None:
        super().__init__(app)
        self.debug = debug

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application inside."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = answer_of(scope, receive, send)
        if current_exchange.get() is not answer:
            send = answer
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            if answer.is_started:
                raise
            response = self.response_to(scope, receive, error)
            await response(scope, receive, send)

    def response_to(self, scope: Scope, receive: Receive, error: Exception) -> Response:
        """Return the answer to an error; raise it where the test client asks for that."""
        if scope.get(RAISE_ERRORS):
            raise error
        return error_response(Request(scope, receive), error, debug=self.debug)
