"""Ways to tell who sends a request; `DEFAULT_AUTHENTICATION_CLASSES` names those that are tried, in order."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

from openviper.auth.credentials import has_same_credentials
from openviper.auth.users import get_user_by_id
from openviper.conf import settings
from openviper.http.asgi import KEPT_SESSION, Scope
from openviper.http.connection import Connection
from openviper.sessions.middleware import present_session

logger = logging.getLogger("openviper.auth")

Identified: TypeAlias = "tuple[Any, Mapping[str, Any]]"
"""A user, and what is known of the credentials: at least their ``type``."""


class BaseAuthentication:
    """One way to tell who sends a request."""

    resists_forgery: ClassVar[bool] = True
    """Whether no other site can make a browser send these credentials; so forms sent with them need no token."""

    offered_in: ClassVar[bytes | None] = None
    """The header, in small letters, without which `is_offered` says no: requests without it are answered in less time. A class
    says so for itself; one derived from it that does not is asked for every request."""

    @classmethod
    def security_scheme(cls) -> tuple[str, dict[str, Any]] | None:
        """Return a name and how the document of an API describes such credentials; `None` where it does not."""
        return None

    def is_offered(self, scope: Scope) -> bool:
        """Return whether a request has such credentials at all; asked for each one, so it waits for nothing."""
        return True

    async def authenticate(self, request: Connection) -> Identified | None:
        """Return the user with what is known of the credentials, or `None` if they are not of this kind.

        Raises:
            AuthenticationFailed: If they are, and are not valid. The request goes on as nobody's; where it needs a user, it
                is told why it has none.
        """
        raise NotImplementedError

    async def is_still_good(self, request: Connection) -> bool:
        """Return whether the credentials of a WebSocket that `authenticate` has accepted are good still."""
        return True


class SessionAuthentication(BaseAuthentication):
    """The user who has logged in, as the session remembers.

    A session whose user is gone, inactive, or has another password now, ends.
    """

    resists_forgery: ClassVar[bool] = False
    offered_in: ClassVar[bytes | None] = b"cookie"

    @classmethod
    def security_scheme(cls) -> tuple[str, dict[str, Any]]:
        """Return the cookie of the session (OpenAPI 3.1, 4.8.27)."""
        return "session", {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}

    def is_offered(self, scope: Scope) -> bool:
        """Return whether there is a session of a user."""
        kept = scope.get(KEPT_SESSION)
        if kept is None or kept.session is None:
            return False
        is_of_user: bool = kept.session.is_of_user
        return is_of_user

    async def authenticate(self, request: Connection) -> Identified | None:
        """Return the session's user; see `BaseAuthentication.authenticate`."""
        session = present_session(request.scope)
        if session is None or session.record is None:
            return None
        user = await get_user_by_id(session.record.user_id)
        if user is not None and may_go_on(user, session.record.fingerprint):
            return user, {"type": "session"}
        logger.info("a session ends: user %s has changed", session.record.user_id)
        await session.end()
        return None

    async def is_still_good(self, request: Connection) -> bool:
        """Return whether the session has not ended meanwhile, nor its user changed."""
        session = present_session(request.scope)
        if session is None or session.key is None:
            return False
        record = await session.store.load(session.key)
        user = None if record is None else await get_user_by_id(record.user_id)
        return record is not None and user is not None and may_go_on(user, record.fingerprint)


def may_go_on(user: Any, fingerprint: str) -> bool:
    """Return whether a session, or a token, that a user was given for a password is good still."""
    return getattr(user, "is_active", True) and has_same_credentials(user, fingerprint)
