"""Errors that escape a middleware become answers at the place where it stands, so that those around it see them."""

from __future__ import annotations

from openviper.http.asgi import ANSWER, RAISE_ERRORS, Answer, ASGIApp, Receive, Scope, Send
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
        answer: Answer | None = scope.get(ANSWER)
        if answer is None:
            answer = scope[ANSWER] = Answer(send)
            send = answer
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            response = await self.response_to(scope, receive, error)
            await response(scope, receive, send)

    async def response_to(self, scope: Scope, receive: Receive, error: Exception) -> Response:
        """Return the answer to an error; raise it where there can be none."""
        if scope[ANSWER].is_started or scope.get(RAISE_ERRORS):
            raise error
        return error_response(Request(scope, receive), error, debug=self.debug)
