"""One database connection per request, and what routers remember kept apart from other requests."""

from __future__ import annotations

from openviper.http.asgi import Receive, Scope, Send
from openviper.middleware.base import BaseMiddleware


class DatabaseMiddleware(BaseMiddleware):
    """Gives each HTTP request one connection per database server, taken at its first query and given back at its end.

    A WebSocket, which may live for hours, gets none of its own: each of its queries takes one for itself.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or serve a WebSocket."""
        from openviper.db.routing import reset_routing_context

        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        try:
            if scope["type"] == "websocket":
                await self.app(scope, receive, send)
                return
            from openviper.db.connections.deferred import lazy_connections

            async with lazy_connections():
                await self.app(scope, receive, send)
        finally:
            reset_routing_context()
