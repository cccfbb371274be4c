"""From a WebSocket to its handler."""

from __future__ import annotations

import logging
from typing import Any

from openviper.core.context import Exchange, current_exchange, current_request
from openviper.exceptions import HTTPException
from openviper.http.asgi import HANDSHAKE_ANSWER, ROUTE, ASGIApp, Receive, Scope, Send
from openviper.http.connection import Connection
from openviper.http.errors import as_sentence, leaves_of
from openviper.http.responses import PlainTextResponse, Response
from openviper.http.websockets import (
    INTERNAL_ERROR,
    NORMAL,
    NOT_FOUND,
    POLICY,
    WebSocket,
    WebSocketDisconnected,
    origin_allowed,
)
from openviper.routing.paths import PathSecurityError, below_root
from openviper.routing.route import WEBSOCKET
from openviper.routing.router import Router
from openviper.utils.printable import printable

logger = logging.getLogger("openviper.request")


async def within_exchange(
    app: ASGIApp, router: Router, scope: Scope, receive: Receive, send: Send
) -> None:
    """Have an application serve a WebSocket as what is being answered meanwhile.

    Args:
        app: The application, with the middleware around it.
        router: Its router.
        scope: The ASGI scope.
        receive: Where messages of the client come from.
        send: Where messages to it go.
    """
    exchange = Exchange()
    exchange.router = router
    exchange.scope = scope
    exchange.request = Connection(scope)
    token = current_exchange.set(exchange)
    try:
        await app(scope, receive, send)
    finally:
        current_exchange.reset(token)
        exchange.is_over = True


async def serve_websocket(router: Router, scope: Scope, receive: Receive, send: Send) -> None:
    """Find the handler of a WebSocket and call it; close the connection when it returns or fails."""
    websocket = WebSocket(scope, receive, send)
    current_request.set(websocket)
    try:
        found = router.find_for(scope, WEBSOCKET, below_root(scope))
    except PathSecurityError:
        found = set()
    if not isinstance(found, tuple):
        await websocket.close(NOT_FOUND)
        return
    scope[ROUTE], scope["path_params"] = found
    if not origin_allowed(websocket):
        await websocket.close(POLICY, "this origin is not allowed")
        return
    await _call(found[0].endpoint, websocket, receive, send)


async def _call(handler: Any, websocket: WebSocket, receive: Receive, send: Send) -> None:
    try:
        await _converse(handler, websocket, receive, send)
    except Exception as error:
        await _end(websocket, error, send)


async def _end(websocket: WebSocket, error: Exception, send: Send) -> None:
    """Close a connection after an error, whether it came alone or from the tasks of a group."""
    # Of tasks that read and write beside each other, each is told that the client is gone.
    own = [leaf for leaf in leaves_of(error) if not isinstance(leaf, WebSocketDisconnected)]
    if not own:
        return
    told = [leaf for leaf in own if isinstance(leaf, HTTPException)]
    if len(told) == len(own):
        await _refuse(websocket, told[0], send)
        return
    logger.error("WebSocket %s failed", printable(websocket.path), exc_info=error)
    await _refuse(websocket, HTTPException(500), send, INTERNAL_ERROR)


async def _converse(handler: Any, websocket: WebSocket, receive: Receive, send: Send) -> None:
    """Let a handler talk, and close the connection when it is done."""
    result = handler(websocket)
    if hasattr(result, "__await__"):
        result = await result
    if isinstance(result, Response):  # A mounted application, which answers for itself.
        await result(websocket.scope, receive, send)
    else:
        await websocket.close(NORMAL)


async def _refuse(
    websocket: WebSocket, error: HTTPException, send: Send, code: int = POLICY
) -> None:
    """Refuse a connection with an answer of HTTP, where none has begun and the server can send one; else close it."""
    told = as_sentence(error.detail)
    extensions = websocket.scope.get("extensions") or {}
    if websocket.state_of_connection != "connecting" or HANDSHAKE_ANSWER not in extensions:
        await websocket.close(code, told if code == POLICY else "")
        return
    websocket.state_of_connection = "closed"
    response = PlainTextResponse(told, error.status_code, error.headers)
    start = {"status": error.status_code, "headers": response.raw_headers}
    await send({"type": f"{HANDSHAKE_ANSWER}.start", **start})
    await send({"type": f"{HANDSHAKE_ANSWER}.body", "body": response.body})
