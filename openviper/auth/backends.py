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
        for user in candidates:
            if await check_password(password, user.password or ""):
                await _record_login(model, user, password)
                return user
    if not candidates:
        await check_dummy_password(password)
    scope = getattr(request, "scope", None)
    logger.warning(
        "login failed for %r from %s: %s",
        username,
        client_address(scope) if scope is not None else UNKNOWN,
        "wrong_password" if candidates else "unknown_user",
    )
    return None


async def _find_candidates(model: type[Model], username: str) -> list[Any]:
    found: list[Any] = []
    if not username:
        return found
    for field, lookup in IDENTIFYING_FIELDS:
        if field not in model._fields:
            continue
        user: Any = await model.objects.filter(Q(**{lookup: username})).order_by("pk").first()
        if user is not None and getattr(user, "is_active", True) and user not in found:
            found.append(user)
    return found


async def _record_login(model: type[Model], user: Any, password: str) -> None:
    changes: dict[str, Any] = {}
    if "last_login" in model._fields:
        changes["last_login"] = datetime.datetime.now(datetime.UTC)
    if needs_rehash(user.password):
        changes["password"] = await make_password(password)
    if not changes:
        return
    # Only these columns: whatever else about the user another request changes meanwhile is not written back.
    await model.objects.filter(pk=user.pk).update(**changes)
    for name, value in changes.items():
        setattr(user, name, value)
