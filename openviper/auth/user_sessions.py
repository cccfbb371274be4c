"""A user's own sessions: which there are, and how they end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from openviper.auth.audit import AuditEvent, record_event
from openviper.auth.credentials import credentials_fingerprint
from openviper.auth.devices import forget_devices
from openviper.auth.hooks import AuthHookContext, auth_hooks
from openviper.auth.models import StoredSession
from openviper.auth.session_login import logout, session_of
from openviper.auth.together import with_its_events
from openviper.auth.users import has_account_tables
from openviper.http.connection import Connection
from openviper.sessions.stores.configured import session_store


async def password_changed(user: Any, request: Connection | None = None) -> int:
    """End the sessions of a user whose password has changed.

    They end by themselves when they are used next, and remembered devices do; this ends them now, and runs the hooks
    `on_password_changed`. Call it after the user is saved.

    Args:
        user: The user, with the new password.
        request: The request in which the user has changed it: its session goes on, under a new key.

    Returns:
        How many sessions have ended.
    """
    keep: str | None = None
    store = session_store()
    if request is not None:
        session = session_of(request)
        store = session.store
        if session.user_id == str(user.pk):
            await session.renew_fingerprint(credentials_fingerprint(user))
            keep = session.id
    # Those in cookies end when they come back, with what they remember of the password before.
    async with with_its_events(StoredSession):
        ended = await store.delete_user_sessions(str(user.pk), keep) if store.can_list else 0
        await _record_ended(user.pk, ended, request, "password changed")
        if has_account_tables(user):
            await forget_devices(user)
    context = AuthHookContext(user, request, metadata={"ended_sessions": ended})
    await auth_hooks.run("on_password_changed", context)
    return ended


async def _record_ended(user: Any, ended: int, request: Connection | None, why: str) -> None:
    if ended:
        details = {"count": ended, "why": why}
        await record_event(AuditEvent.SESSION_ENDED, user, request, details=details)


class UserSession(NamedTuple):
    """One of a user's own sessions, for a page that lists them.

    Attributes:
        id: Names it, for `end_session`; opens nothing.
        address: Where the user logged in from.
        user_agent: The browser's name for itself.
        created_at: When the user logged in, in UTC.
        used_at: When it was last used, to within half of `SESSION_TIMEOUT`, in UTC.
        expires_at: When it ends unless it is used, in UTC.
        is_remembered: Whether it outlives the browser.
        is_current: Whether it is the one that asks.
    """

    id: str
    address: str
    user_agent: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    is_remembered: bool
    is_current: bool


async def list_sessions(request: Connection) -> list[UserSession]:
    """Return the sessions of the user who asks, the one used last first; nothing for nobody."""
    session = session_of(request)
    if session.user_id is None:
        return []
    return [
        UserSession(
            record.id,
            record.address,
            record.user_agent,
            _moment(record.created_at),
            _moment(record.used_at),
            _moment(record.expires_at),
            record.is_remembered,
            record.id == session.id,
        )
        for record in await session.store.sessions_of(session.user_id)
    ]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def end_session(request: Connection, session_id: str) -> bool:
    """End one of the sessions of the user who asks; one of somebody else is none of theirs.

    Returns:
        Whether there was such a session.
    """
    session = session_of(request)
    if session.user_id is None:
        return False
    if session.id == session_id:
        await logout(request)
        return True
    async with with_its_events(StoredSession):
        has_ended = await session.store.delete_by_id(session.user_id, session_id)
        await _record_ended(request.user, int(has_ended), request, "ended by the user")
    return has_ended


async def end_other_sessions(request: Connection) -> int:
    """End all sessions of the user who asks but this one; return how many that were."""
    session = session_of(request)
    if session.user_id is None:
        return 0
    async with with_its_events(StoredSession):
        ended = await session.store.delete_user_sessions(session.user_id, session.id)
        await _record_ended(request.user, ended, request, "ended by the user")
    return ended
