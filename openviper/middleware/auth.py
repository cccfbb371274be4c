"""Finds out who sends each request."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping
from typing import Any

from openviper.auth.anonymous import AnonymousUser
from openviper.auth.authentications import BaseAuthentication, Identified
from openviper.conf import settings
from openviper.core.context import current_exchange, run_as
from openviper.exceptions import AuthenticationFailed, ImproperlyConfigured
from openviper.http.asgi import (
    AUTH,
    FORGERY_PROOF,
    KEPT_SESSION,
    USER,
    ASGIApp,
    Receive,
    Scope,
    Send,
)
from openviper.http.connection import Connection
from openviper.http.shortcut import Shortcut
from openviper.middleware.base import BaseMiddleware
from openviper.middleware.socket_watch import SocketWatch
from openviper.utils.importing import import_string

logger = logging.getLogger("openviper.auth")

NOBODY: Mapping[str, Any] = {"type": "none"}


class AuthenticationMiddleware(BaseMiddleware):
    """Sets `request.user`, `request.auth` and `current_user` for each request and WebSocket.

    The classes of `DEFAULT_AUTHENTICATION_CLASSES` are tried in order and the first that knows the credentials wins; who has
    none is an `AnonymousUser`. Whoever a middleware outside of this one has put into the scope as ``user`` stays. Stands
    inside of `SessionMiddleware`.

    Args:
        app: The application inside.

    Raises:
        ImproperlyConfigured: If one of the classes cannot be imported.
    """

    is_guarded = False

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._recheck_seconds = settings.WEBSOCKET_RECHECK_SECONDS
        self._ways = [_made(path) for path in settings.DEFAULT_AUTHENTICATION_CLASSES]

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a request or a WebSocket; plain, for most requests bring nothing that has to be looked up."""
        if scope["type"] not in ("http", "websocket"):
            return self.app(scope, receive, send)
        exchange = current_exchange.get()
        if scope.get(USER) is None:
            scope[USER], scope[AUTH] = AnonymousUser(), NOBODY
            for way in self._ways:
                if way.is_offered(scope):
                    return self._find_user(scope, receive, send)
        if exchange is None:
            return self._serve(scope, receive, send)
        exchange.user = scope[USER]
        return self.app(scope, receive, send)

    def request_shortcut(self) -> Shortcut | None:
        """Return what becomes of a request without credentials; `None` if a class does not say by which header they come."""
        headers = [_header_of(way) for way in self._ways]
        known = frozenset(header for header in headers if header is not None)
        if None in headers:
            return None
        return Shortcut(
            headers=known,
            present=frozenset({USER}),
            constants={AUTH: NOBODY},
            made=((USER, AnonymousUser, "user"),),
            needs=frozenset({KEPT_SESSION}),
        )

    async def _find_user(self, scope: Scope, receive: Receive, send: Send) -> None:
        for way in self._ways:
            if way.is_offered(scope) and await self._identify(way, scope):
                await self._serve_user(way, scope, receive, send)
                return
        await self._serve(scope, receive, send)

    async def _serve_user(
        self, way: BaseAuthentication, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve a user; a WebSocket only for as long as the user may go on."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
            return
        connection = Connection(scope)
        watch = SocketWatch(
            receive, send, lambda: way.is_still_good(connection), self._recheck_seconds
        )
        try:
            await self._serve(scope, watch.receive, watch.send)
        finally:
            watch.close()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = current_exchange.get()
        if exchange is not None:
            exchange.user = scope[USER]
            await self.app(scope, receive, send)
            return
        with run_as(scope[USER]):  # Outside of an application of ours.
            await self.app(scope, receive, send)

    async def _identify(self, way: BaseAuthentication, scope: Scope) -> bool:
        """Try one way; return whether it has found the user."""
        try:
            found = await way.authenticate(Connection(scope))
        except AuthenticationFailed as error:
            scope[AUTH] = {**NOBODY, "failed": str(error.detail)}
            return False
        if found is None:
            return False
        self._take(found, way, scope)
        return True

    @staticmethod
    def _take(found: Identified, way: BaseAuthentication, scope: Scope) -> None:
        scope[USER], scope[AUTH] = found
        scope[FORGERY_PROOF] = way.resists_forgery


def _header_of(way: BaseAuthentication) -> bytes | None:
    """Return the header without which a way is not offered, as far as its class says so itself and nobody has changed the way."""
    header = vars(type(way)).get("offered_in")
    if not isinstance(header, bytes) or "is_offered" in vars(way):
        return None
    return header.lower()


def _made(path: str) -> BaseAuthentication:
    try:
        found: Any = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(
            f"DEFAULT_AUTHENTICATION_CLASSES: {path!r} cannot be imported: {error}"
        ) from error
    way = found()
    if not isinstance(way, BaseAuthentication):
        raise ImproperlyConfigured(
            f"DEFAULT_AUTHENTICATION_CLASSES: {path!r} is not a BaseAuthentication"
        )
    return way
