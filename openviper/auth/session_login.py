"""Logging users in and out."""

from __future__ import annotations

import time
from typing import Any

from openviper.auth.audit import AuditEvent, record_event
from openviper.auth.backends import authenticate, note_last_login
from openviper.auth.credentials import credentials_fingerprint
from openviper.auth.hooks import AuthHookContext, auth_hooks
from openviper.auth.models import AnonymousUser, StoredSession
from openviper.auth.together import with_its_events
from openviper.auth.two_factor import SecondFactorRequired, has_two_factor
from openviper.conf import settings
from openviper.core.context import current_exchange, current_user
from openviper.exceptions import ImproperlyConfigured
from openviper.http.asgi import AUTH, FORGERY_PROOF, KEPT_SESSION, USER
from openviper.http.connection import Connection
from openviper.http.responses import Response
from openviper.sessions.middleware import KeptSession, kept_session, present_session
from openviper.sessions.session import Session
from openviper.sessions.stores.base import BaseSessionStore
from openviper.sessions.stores.configured import session_store


async def login(
    request: Connection,
    user: Any,
    response: Response | None = None,
    *,
    remember: bool = False,
    second_factor_shown: bool = False,
) -> str:
    """Log a user in: the session becomes the user's, under a new key.

    What the session held while it was nobody's comes along; what it held for another user does not. The hooks `before_login`
    and `on_login` run, and the login is recorded, with `last_login` of the user.

    Args:
        request: The request; `request.user` and `current_user` are the user from now on.
        user: The user, as `authenticate` has returned it.
        response: An answer to put the cookie on; without one, the answer that is sent gets it.
        remember: Whether the session outlives the browser; see `SESSION_REMEMBER_TIMEOUT`.
        second_factor_shown: Whether the user has shown the second factor, or need not; see
            `openviper.auth.login_steps`, which asks for it.

    Returns:
        The key of the session.

    Raises:
        ValueError: If the user is not stored.
        SecondFactorRequired: If the user has a second factor, and has not shown it.
        AuthHookReject: If a hook refuses the user.
        ImproperlyConfigured: If `MIDDLEWARE` has no `SessionMiddleware`.
    """
    if user.pk is None:
        raise ValueError("a user that is not saved cannot log in")
    if not second_factor_shown and await has_two_factor(user):
        raise SecondFactorRequired
    session = session_of(request)
    context = AuthHookContext(user, request, "session", metadata={"remember": remember})
    await auth_hooks.run("before_login", context)
    async with with_its_events(StoredSession, type(user)):
        key = await session.log_in(str(user.pk), credentials_fingerprint(user), remember=remember)
        await note_last_login(user)
        await record_event(AuditEvent.LOGGED_IN, user, request, details={"by": "session"})
    _become(request, user, {"type": "session"})
    _hand_over_cookie(session, response)
    await auth_hooks.run("on_login", context)
    return key


async def logout(request: Connection, response: Response | None = None) -> None:
    """End the session, whoever's it is; harmless when nobody has logged in.

    Args:
        request: The request; its user is an `AnonymousUser` from now on, and its session a new one.
        response: As for `login`.
    """
    session = session_of(request)
    user = request.user
    is_of_user = session.is_of_user and getattr(user, "is_authenticated", False)
    async with with_its_events(StoredSession):
        await session.end()
        if is_of_user:
            await record_event(AuditEvent.LOGGED_OUT, user, request, details={"by": "session"})
    _become(request, AnonymousUser(), {"type": "none"})
    _hand_over_cookie(session, response)
    if is_of_user:
        await auth_hooks.run("on_logout", AuthHookContext(user, request, "session"))


def session_of(request: Connection) -> Session:
    """Return the session that `SessionMiddleware` keeps for a request.

    Raises:
        ImproperlyConfigured: If there is none.
    """
    kept = kept_session(request.scope)
    if kept is None:
        raise ImproperlyConfigured(
            "logging in needs a session: put openviper.sessions.middleware.SessionMiddleware into MIDDLEWARE"
        )
    return kept.open(request.scope)


def _become(request: Connection, user: Any, auth: dict[str, Any]) -> None:
    request.scope[USER], request.scope[AUTH] = user, auth
    request.scope[FORGERY_PROOF] = False
    exchange = current_exchange.get()
    if exchange is not None:
        exchange.user = user
    else:
        current_user.set(user)


def _hand_over_cookie(session: Session, response: Response | None) -> None:
    cookie = session.take_cookie() if response is not None else None
    if response is not None and cookie is not None:
        response.raw_headers.append((b"set-cookie", cookie))


class SessionManager:
    """Logs in and out with a store of its own.

    Args:
        store: Where the sessions are kept; the setting `SESSION_STORE` when not given.
    """

    def __init__(self, store: BaseSessionStore | None = None) -> None:
        self.store = session_store() if store is None else store

    async def login(self, request: Connection, user: Any) -> str:
        """Log a user in; see `login`."""
        self._prepare(request)
        return await login(request, user)

    async def logout(self, request: Connection, response: Response | None = None) -> None:
        """End the session; see `logout`."""
        self._prepare(request)
        await logout(request, response)

    def _prepare(self, request: Connection) -> None:
        kept = kept_session(request.scope)
        is_ours = kept is not None and (kept.store or session_store()) is self.store
        if not is_ours:
            kept = request.scope[KEPT_SESSION] = KeptSession()
            kept.store = self.store


async def reauthenticate(request: Connection, password: str) -> bool:
    """Have the user of the session prove again who it is, with the password.

    If it is right, the session gets a new key and counts as fresh for `require_recent_login`. Attempts are limited as logins
    are.

    Args:
        request: The request.
        password: The raw password.

    Returns:
        Whether it was right; never for nobody.

    Raises:
        LoginThrottledError: If this attempt comes too early.
    """
    user = request.user
    if not getattr(user, "is_authenticated", False):
        return False
    name = str(getattr(user, "username", None) or getattr(user, "email", ""))
    if await authenticate(name, password, request) != user:
        await record_event(AuditEvent.REAUTHENTICATION_FAILED, user, request)
        return False
    async with with_its_events(StoredSession):
        await session_of(request).confirm()
        await record_event(AuditEvent.REAUTHENTICATED, user, request)
    return True


def has_logged_in_recently(request: Connection, seconds: float | None = None) -> bool:
    """Return whether the user has proved who it is a short while ago.

    Args:
        request: The request.
        seconds: What counts as short; the setting `RECENT_LOGIN_SECONDS` when not given.
    """
    limit = settings.RECENT_LOGIN_SECONDS if seconds is None else seconds
    session = present_session(request.scope)
    if session is None or session.user_id is None:
        return False
    return time.time() - session.authenticated_at <= limit
