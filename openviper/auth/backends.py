"""Checking who somebody is."""

from __future__ import annotations

import datetime
import logging
from functools import lru_cache
from typing import Any, Protocol

from openviper.auth.client import UNKNOWN, client_address
from openviper.auth.credentials import credentials_fingerprint
from openviper.auth.equal_work import find_match
from openviper.auth.hashers import make_password, needs_rehash
from openviper.auth.throttle import LoginThrottle
from openviper.auth.users import get_user_model
from openviper.conf import settings
from openviper.core.context import ignore_permissions
from openviper.db.models import Model, Q
from openviper.exceptions import ImproperlyConfigured, OpenViperException
from openviper.sessions.stores.configured import session_store
from openviper.utils.importing import import_string

logger = logging.getLogger("openviper.auth")

IDENTIFYING_FIELDS = (("username", "username"), ("name", "name"), ("email", "email__iexact"))
"""Fields that a login name may stand for, in the order in which they are tried, with their lookups."""


class LoginRefusedError(OpenViperException):
    """A backend knows the name and refuses it, or the password; nobody but the log is told.

    Attributes:
        reason: Why, for the log.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class AuthBackend(Protocol):
    """What checks a name and a password: the user model, a directory (LDAP), another service.

    It is named in `AUTH_BACKENDS` and made without arguments. Whoever it lets in is a row of `USER_MODEL`; one that knows
    accounts from elsewhere makes the row. Beware of answering faster for names that it does not know.
    """

    async def authenticate(self, request: Any, username: str, password: str) -> Any | None:
        """Return the active user with these credentials; `None` if the next backend is to be asked.

        Raises:
            LoginRefusedError: To tell the log why; the next backend is asked then too.
        """
        ...


async def authenticate(username: str, password: str, request: Any = None) -> Any | None:
    """Return the active user with these credentials, or `None`.

    The backends of `AUTH_BACKENDS` are asked in order. With a request, attempts are limited: after some failures for one
    name, or from one address, the next ones have to wait, longer each time.

    Args:
        username: A username or an e-mail address.
        password: The raw password.
        request: The request that brought them; a script that has none is not limited.

    Raises:
        LoginThrottledError: If this attempt comes too early; it was not made.
        PasswordQueueFullError: If too many passwords wait to be checked.
    """
    scope = getattr(request, "scope", None)
    throttle = LoginThrottle(username, scope)
    await throttle.take()
    user, reason = await _ask_backends(request, username, password)
    if user is None:
        address = UNKNOWN if scope is None else client_address(scope)
        logger.warning("login failed for %r from %s: %s", username, address, reason)
        return None
    await throttle.forgive()
    await _record_login(user)
    return user


async def _ask_backends(request: Any, username: str, password: str) -> tuple[Any | None, str]:
    """Return the user that a backend lets in, or else why the last one did not."""
    reason = "unknown_user"
    for backend in _backends(settings.AUTH_BACKENDS):
        try:
            user = await backend.authenticate(request, username, password)
        except LoginRefusedError as error:
            reason = error.reason
            continue
        if user is not None:
            return user, ""
    return None, reason


@lru_cache(maxsize=8)
def _backends(paths: tuple[str, ...]) -> list[AuthBackend]:
    backends: list[AuthBackend] = []
    for path in paths:
        try:
            backends.append(import_string(path)())
        except ImportError as error:
            raise ImproperlyConfigured(
                f"AUTH_BACKENDS: {path!r} cannot be imported: {error}"
            ) from error
    return backends


class ModelBackend:
    """Checks the password that the user model stores.

    The name is taken for a username first and for an e-mail address second; the password decides between the two, so that
    nobody can lock another one out by choosing that one's address as a username. Every attempt that fails costs the same
    work; see `openviper.auth.equal_work`.
    """

    async def authenticate(self, request: Any, username: str, password: str) -> Any | None:
        """Return the active user with these credentials; see `AuthBackend.authenticate`."""
        model = get_user_model()
        with ignore_permissions():
            candidates = await _find_candidates(model, username)
            place = await find_match(password, [user.password for user in candidates])
            if place is None:
                raise LoginRefusedError("wrong_password" if candidates else "unknown_user")
            user = candidates[place]
            await _upgrade_hash(user, password)
        return user


async def _find_candidates(model: type[Model], username: str) -> list[Any]:
    """Return the active users that a login name may stand for, each once; two at most."""
    if not username:
        return []
    lookups = [lookup for field, lookup in IDENTIFYING_FIELDS if field in model._fields]
    users: list[Any] = []
    for lookup in (lookups[0], lookups[-1]) if len(lookups) > 1 else lookups:
        user: Any = await model.objects.filter(Q(**{lookup: username})).order_by("pk").first()
        if _may_log_in(user) and user not in users:
            users.append(user)
    return users


def _may_log_in(user: Any) -> bool:
    return user is not None and getattr(user, "is_active", True)


async def _upgrade_hash(user: Any, password: str) -> None:
    """Store the password as new ones are stored, if it was not yet; the user's sessions go on."""
    if not needs_rehash(user.password):
        return
    before = credentials_fingerprint(user)
    await _change(user, {"password": await make_password(password)})
    await session_store().move_fingerprint(str(user.pk), before, credentials_fingerprint(user))


async def _record_login(user: Any) -> None:
    if "last_login" in getattr(user, "_fields", ()):
        with ignore_permissions():
            await _change(user, {"last_login": datetime.datetime.now(datetime.UTC)})


async def _change(user: Any, changes: dict[str, Any]) -> None:
    # Only these columns: whatever else about the user another request changes meanwhile is not written back.
    manager: Any = type(user).objects
    await manager.filter(pk=user.pk).update(**changes)
    for name, value in changes.items():
        setattr(user, name, value)
