"""Gives each request its session."""

from __future__ import annotations

import logging
from collections.abc import Awaitable

from openviper.conf import settings
from openviper.core.context import current_exchange
from openviper.http.answer import Answer
from openviper.http.asgi import PERSONAL, SESSION, ASGIApp, Receive, Scope, Send
from openviper.sessions.cookie import cookie_values
from openviper.sessions.session import Session
from openviper.sessions.stores.base import BaseSessionStore
from openviper.sessions.stores.configured import session_store

logger = logging.getLogger("openviper.sessions")


class SessionMiddleware:
    """Puts a session into the scope of each request and WebSocket, read from the store if the browser sends a key.

    Who sends none, and asks for nothing personal, costs nothing: no row, no cookie, no ``Vary``.

    Args:
        app: The application inside.
        store: Where sessions are kept; the setting `SESSION_STORE` when not given.
    """

    is_guarded = False

    def __init__(self, app: ASGIApp, store: BaseSessionStore | None = None) -> None:
        self.app = app
        self.store = session_store() if store is None else store
        self._cookie = settings.SESSION_COOKIE_NAME.encode()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a request or a WebSocket; plain, for most requests need nothing to be waited for."""
        if scope["type"] not in ("http", "websocket"):
            return self.app(scope, receive, send)
        exchange = current_exchange.get()
        answer = exchange if isinstance(exchange, Answer) else None
        if answer is None and scope["type"] == "http":  # Outside of an application of ours.
            send = answer = Answer(scope, receive, send)
        session = scope[SESSION] = Session(self.store, scope, answer)
        scope[PERSONAL] = session.note
        if exchange is not None:
            exchange.note_personal = session.note
        keys = cookie_values(scope["headers"], self._cookie)
        if not keys:
            return self.app(scope, receive, send)
        return self._serve(session, keys, scope, receive, send)

    async def _serve(
        self, session: Session, keys: list[str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        if len(keys) == 1:
            await session.load(keys[0])
        else:
            # A sub-domain can set a cookie of this name too. Which of them is ours cannot be told, so none is believed.
            logger.warning("%d session cookies in one request; none is believed", len(keys))
        await self.app(scope, receive, send)
        # What was changed after the answer had begun, or in a WebSocket.
        if session.is_modified:
            await session.save()
