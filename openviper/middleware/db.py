"""One database connection per request, and what routers remember kept apart from other requests."""

from __future__ import annotations

from openviper.db.connections.deferred import lazy_connections
from openviper.db.routing import reset_routing_context
from openviper.http.asgi import Message, Receive, Scope, Send
from openviper.middleware.base import BaseMiddleware


class DatabaseMiddleware(BaseMiddleware):
    """Gives each HTTP request one connection per database server, taken at its first query.

    It is given back when the answer begins: a stream, which may go on for hours, takes one for each of its statements, and
    keeps it only while a transaction is open. So does a WebSocket.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or serve a WebSocket."""
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        finally:
            reset_routing_context()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with lazy_connections() as taken:

                async def releasing(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        for connection in taken:
                            await connection.let_go()
                    await send(message)

                await self.app(scope, receive, releasing)
        finally:
            reset_routing_context()
