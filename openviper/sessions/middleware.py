"""Gives each request its session."""

from __future__ import annotations

import logging
from collections.abc import Awaitable

from openviper.conf import settings
from openviper.core.context import Exchange, current_exchange
from openviper.http.answer import Answer, begun
from openviper.http.asgi import KEPT_SESSION, SESSION, ASGIApp, Receive, Scope, Send
from openviper.http.shortcut import Shortcut
from openviper.sessions.cookie import cookie_values
from openviper.sessions.session import Session
from openviper.sessions.stores.base import BaseSessionStore
from openviper.sessions.stores.configured import check_session_store, session_store

logger = logging.getLogger("openviper.sessions")


class KeptSession:
    """The session of one request, made when it is first asked for; see `openviper.http.sessions.KeptSession`.

    It has no `__init__`, as that would be the dearest thing that most requests pay for here.

    Attributes:
        store: Where it is kept; the setting `SESSION_STORE` when `None`.
        session: The session, once somebody has asked for it.
    """

    store: BaseSessionStore | None = None
    session: Session | None = None

    def open(self, scope: Scope) -> Session:
        """Return the session."""
        if self.session is None:
            exchange = current_exchange.get()
            answer = exchange if isinstance(exchange, Answer) else None
            store = session_store() if self.store is None else self.store
            self.session = scope[SESSION] = Session(store, scope, answer)
        return self.session

    def note(self, scope: Scope) -> None:
        """Note that the answer depends on who asks."""
        self.open(scope).note()

    async def save_late_changes(self) -> None:
        """Store what was changed after the answer had begun, or in a WebSocket."""
        if self.session is not None and self.session.is_modified:
            await self.session.save()


def kept_session(scope: Scope) -> KeptSession | None:
    """Return what keeps the session of a request; `None` where no `SessionMiddleware` stands."""
    kept = scope.get(KEPT_SESSION)
    return kept if isinstance(kept, KeptSession) else None


def present_session(scope: Scope) -> Session | None:
    """Return the session of a request as far as there is one already; asking does not count as using it."""
    kept: KeptSession | None = scope.get(KEPT_SESSION)  # Asked for each request: no further call.
    return None if kept is None else kept.session


class SessionMiddleware:
    """Keeps a session for each request and WebSocket, read from the store if the browser sends a key.

    Who sends none, and asks for nothing personal, costs nothing: no row, no cookie, no ``Vary``.

    Args:
        app: The application inside.
        store: Where sessions are kept; the setting `SESSION_STORE` when not given.
    """

    is_guarded = False

    def __init__(self, app: ASGIApp, store: BaseSessionStore | None = None) -> None:
        self.app = app
        self.store = store
        if store is None:
            check_session_store()
        self._cookie = settings.SESSION_COOKIE_NAME.encode()
        self._start = self._cookie + b"="

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a request or a WebSocket; plain, for most requests need nothing to be waited for."""
        if scope["type"] not in ("http", "websocket"):
            return self.app(scope, receive, send)
        kept = scope[KEPT_SESSION] = KeptSession()
        if self.store is not None:
            kept.store = self.store
        exchange = current_exchange.get()
        if exchange is None:
            return self._serve_alone(kept, scope, receive, send)
        exchange.watcher = kept
        for name, value in scope["headers"]:
            if name == b"cookie" and self._start in value:
                return self._serve(kept, scope, receive, send)
        return self.app(scope, receive, send)

    def request_shortcut(self) -> Shortcut | None:
        """Return what becomes of a request without a cookie."""
        if self.store is not None:
            return None
        made = (KEPT_SESSION, KeptSession, "watcher")
        return Shortcut(headers=frozenset({b"cookie"}), made=(made,))

    async def _serve_alone(
        self, kept: KeptSession, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve outside of an application of ours, where nobody follows the answer yet."""
        exchange = Exchange()
        if scope["type"] == "http":
            exchange = send = begun(scope, receive, send)
        exchange.scope = scope
        exchange.watcher = kept
        token = current_exchange.set(exchange)
        try:
            await self._serve(kept, scope, receive, send)
        finally:
            current_exchange.reset(token)

    async def _serve(self, kept: KeptSession, scope: Scope, receive: Receive, send: Send) -> None:
        keys = cookie_values(scope["headers"], self._cookie)
        if len(keys) == 1:
            await kept.open(scope).load(keys[0])
        elif keys:
            # A sub-domain can set a cookie of this name too. Which of them is ours cannot be told, so none is believed.
            logger.warning("%d session cookies in one request; none is believed", len(keys))
        await self.app(scope, receive, send)
        await kept.save_late_changes()
