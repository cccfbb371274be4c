"""Finds out who sends each request."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from openviper.auth.authentications import BaseAuthentication, Identified
from openviper.auth.models import AnonymousUser
from openviper.conf import settings
from openviper.core.context import current_user
from openviper.exceptions import AuthenticationFailed, ImproperlyConfigured
from openviper.http.asgi import AUTH, FORGERY_PROOF, USER, ASGIApp, Receive, Scope, Send
from openviper.http.connection import Connection
from openviper.middleware.base import BaseMiddleware
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

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app)
        self._ways = [_made(path) for path in settings.DEFAULT_AUTHENTICATION_CLASSES]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or a WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        if scope.get(USER) is None:
            await self._find_user(scope)
        token = current_user.set(scope[USER])
        try:
            await self.app(scope, receive, send)
        finally:
            current_user.reset(token)

    async def _find_user(self, scope: Scope) -> None:
        scope[USER], scope[AUTH] = AnonymousUser(), NOBODY
        for way in self._ways:
            if way.is_offered(scope) and await self._identify(way, scope):
                return

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
