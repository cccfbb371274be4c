"""Checking who somebody is."""

from __future__ import annotations

import datetime
import logging
from typing import Any

from openviper.auth.client import UNKNOWN, client_address
from openviper.auth.hashers import check_dummy_password, check_password, make_password, needs_rehash
from openviper.auth.users import get_user_model
from openviper.core.context import ignore_permissions
from openviper.db.models import Model, Q

logger = logging.getLogger("openviper.auth")

IDENTIFYING_FIELDS = (("username", "username"), ("name", "name"), ("email", "email__iexact"))
"""Fields that a login name may stand for, in the order in which they are tried, with their lookups."""


async def authenticate(username: str, password: str, request: Any = None) -> Any | None:
    """Return the active user with these credentials, or `None`.

    The name is taken for a username first and for an e-mail address second; the password decides between the two, so that
    nobody can lock another one out by choosing that one's address as a username.

    Args:
        username: A username or an e-mail address.
        password: The raw password.
        request: The request that brought them, for the log.
    """
    model = get_user_model()
    with ignore_permissions():
        candidates = await _find_candidates(model, username)
        user = await _first_with(password, candidates)
        if user is not None:
            await _record_login(model, user, password)
            return user
    if candidates:
        _report_failure(username, request, "wrong_password")
    else:
        await check_dummy_password(password)
        _report_failure(username, request, "unknown_user")
    return None


async def _first_with(password: str, candidates: list[Any]) -> Any | None:
    for user in candidates:
        if await check_password(password, user.password or ""):
            return user
    return None


def _report_failure(username: str, request: Any, reason: str) -> None:
    scope = getattr(request, "scope", None)
    address = client_address(scope) if scope is not None else UNKNOWN
    logger.warning("login failed for %r from %s: %s", username, address, reason)


async def _find_candidates(model: type[Model], username: str) -> list[Any]:
    """Return the active users that a login name may stand for, each once."""
    if not username:
        return []
    lookups = [lookup for field, lookup in IDENTIFYING_FIELDS if field in model._fields]
    users: list[Any] = []
    for lookup in lookups:
        user: Any = await model.objects.filter(Q(**{lookup: username})).order_by("pk").first()
        if _may_log_in(user) and user not in users:
            users.append(user)
    return users


def _may_log_in(user: Any) -> bool:
    return user is not None and getattr(user, "is_active", True)


async def _record_login(model: type[Model], user: Any, password: str) -> None:
    changes: dict[str, Any] = {}
    if "last_login" in model._fields:
        changes["last_login"] = datetime.datetime.now(datetime.UTC)
    if needs_rehash(user.password):
        changes["password"] = await make_password(password)
    if changes:
        await _change(model, user, changes)


async def _change(model: type[Model], user: Any, changes: dict[str, Any]) -> None:
    # Only these columns: whatever else about the user another request changes meanwhile is not written back.
    await model.objects.filter(pk=user.pk).update(**changes)
    for name, value in changes.items():
        setattr(user, name, value)
