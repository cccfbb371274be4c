"""Checking who somebody is."""

from __future__ import annotations

import datetime
import logging
from functools import lru_cache
from typing import Any, Protocol

from openviper.auth.audit import AuditEvent, record_event
from openviper.auth.client import UNKNOWN, client_address
from openviper.auth.credentials import credentials_fingerprint
from openviper.auth.equal_work import find_match
from openviper.auth.hashers import make_password, needs_rehash
from openviper.auth.hooks import AuthHookContext, auth_hooks
from openviper.auth.models import AuthToken, RememberedDevice
from openviper.auth.throttle import LoginThrottle
from openviper.auth.user_queries import identified_by
from openviper.auth.users import get_user_model, has_account_tables
from openviper.conf import settings
from openviper.core.context import ignore_permissions
from openviper.db.models import Model
from openviper.exceptions import ImproperlyConfigured, OpenViperException
from openviper.sessions.stores.configured import session_store
from openviper.utils.importing import import_string

logger = logging.getLogger("openviper.auth")

IDENTIFYING_FIELDS = ("username", "name", "email")
"""Fields that a login name may stand for, in the order in which they are tried."""

LONGEST_NAME = 1000
"""Characters of a name that somebody is looked up by."""


class LoginRefusedError(OpenViperException):
    """A backend knows the name and refuses it, or the password; nobody but the log is told.

    Attributes:
        reason: Why, for the log.
        user: Whose name it is, if there is such a user.
    """

    def __init__(self, reason: str, user: Any = None) -> None:
        self.reason = reason
        self.user = user
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
    name, or from one address, the next ones have to wait, longer each time. Nobody is logged in by this, and `last_login`
    stays as it is: the second factor may be asked for still.

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
    user, refusal = await _ask_backends(request, username, password)
    if user is None:
        await _note_failure(username, request, refusal)
        return None
    await throttle.forgive()
    return user


async def _ask_backends(
    request: Any, username: str, password: str
) -> tuple[Any | None, LoginRefusedError]:
    """Return the user that a backend lets in, or else why the last one did not."""
    refusal = LoginRefusedError("unknown_user")
    for backend in _backends(settings.AUTH_BACKENDS):
        try:
            user = await backend.authenticate(request, username, password)
        except LoginRefusedError as error:
            refusal = error
            continue
        if user is not None:
            return user, refusal
    return None, refusal


async def _note_failure(username: str, request: Any, refusal: LoginRefusedError) -> None:
    scope = getattr(request, "scope", None)
    address = UNKNOWN if scope is None else client_address(scope)
    logger.warning("login failed for %r from %s: %s", username[:200], address, refusal.reason)
    await record_event(
        AuditEvent.LOGIN_FAILED,
        refusal.user,
        None if scope is None else request,
        username="" if refusal.user is not None else username,
        details={"reason": refusal.reason},
    )
    context = AuthHookContext(
        refusal.user,
        request,
        credentials={"username": username},
        metadata={"reason": refusal.reason},
    )
    await auth_hooks.run("on_login_failed", context)


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
                raise _refusal(candidates)
            user = candidates[place]
            await _upgrade_hash(user, password)
        return user


def _refusal(candidates: list[Any]) -> LoginRefusedError:
    if not candidates:
        return LoginRefusedError("unknown_user")
    return LoginRefusedError("wrong_password", candidates[0])


async def _find_candidates(model: type[Model], username: str) -> list[Any]:
    """Return the active users that a login name may stand for, each once; two at most."""
    if not _can_be_a_name(username):
        return []
    fields = [field for field in IDENTIFYING_FIELDS if field in model._fields]
    users: list[Any] = []
    for field in (fields[0], fields[-1]) if len(fields) > 1 else fields:
        user = await _find_by(model, field, username)
        if _may_log_in(user) and user not in users:
            users.append(user)
    return users


async def _find_by(model: type[Any], field: str, name: str) -> Any | None:
    """Return the user with a name; of two that differ in capitals, from before that was refused, the one that is meant."""
    users = await model.objects.filter(identified_by(model, field, name)).order_by("pk").limit(2)
    exact = [user for user in users if getattr(user, field) == name]
    return next(iter([*exact, *users]), None)


def _can_be_a_name(username: str) -> bool:
    """Return whether a database can be asked for a name."""
    if not username or len(username) > LONGEST_NAME or "\0" in username:
        return False
    return not any("\ud800" <= char <= "\udfff" for char in username)


def _may_log_in(user: Any) -> bool:
    return user is not None and getattr(user, "is_active", True)


async def _upgrade_hash(user: Any, password: str) -> None:
    """Store the password as new ones are stored, if it was not yet; what was given out for it goes on."""
    if not needs_rehash(user.password):
        return
    before = credentials_fingerprint(user)
    await _change(user, {"password": await make_password(password)})
    now, owner = credentials_fingerprint(user), str(user.pk)
    await session_store().move_fingerprint(owner, before, now)
    if has_account_tables(user):
        for model in (AuthToken, RememberedDevice):
            rows: Any = model.objects.filter(user_id=owner, fingerprint=before)
            await rows.update(fingerprint=now)


async def note_last_login(user: Any) -> None:
    """Store that a user has logged in now, with all that was asked for; nothing where the model has no `last_login`."""
    if "last_login" in getattr(user, "_fields", ()):
        with ignore_permissions():
            await _change(user, {"last_login": datetime.datetime.now(datetime.UTC)})


async def _change(user: Any, changes: dict[str, Any]) -> None:
    # Only these columns: whatever else about the user another request changes meanwhile is not written back.
    manager: Any = type(user).objects
    await manager.filter(pk=user.pk).update(**changes)
    for name, value in changes.items():
        setattr(user, name, value)
