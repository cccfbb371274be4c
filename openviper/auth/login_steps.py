"""Logging in in two steps: the password first, and then the second factor of who has one.

Between them the session is nobody's. It holds for a few minutes that somebody has shown the password of an account.
"""

from __future__ import annotations

import time
from typing import Any

from openviper.auth import devices
from openviper.auth.authentications import may_go_on
from openviper.auth.credentials import credentials_fingerprint
from openviper.auth.session_login import login, session_of
from openviper.auth.two_factor import check_second_factor, has_two_factor
from openviper.auth.users import get_user_by_id
from openviper.http.connection import Connection
from openviper.http.sessions import SessionKey

PENDING = SessionKey[dict[str, Any]]("openviper.pending_login")
PENDING_SECONDS = 300
"""How long the first step is good for."""


async def begin_login(request: Connection, user: Any, *, remember: bool = False) -> bool:
    """Log a user in who has shown the password; one with a second factor only after `finish_login`.

    Who comes with a device that was remembered is in at once; see `openviper.auth.devices`.

    Args:
        request: The request.
        user: The user, as `authenticate` has returned it.
        remember: As for `login`.

    Returns:
        Whether the user is logged in.

    Raises:
        ImproperlyConfigured: If `MIDDLEWARE` has no `SessionMiddleware`.
    """
    if not await has_two_factor(user) or await devices.is_device_remembered(request, user):
        await login(request, user, remember=remember, second_factor_shown=True)
        return True
    session = session_of(request)
    is_new = session.key is None
    session[PENDING] = {
        "user": str(user.pk),
        "fingerprint": credentials_fingerprint(user),
        "until": time.time() + PENDING_SECONDS,
        "remember": remember,
    }
    await session.save()
    if not is_new:
        # Whoever has planted the key of this session must not be at the second step now.
        await session.rotate()
    return False


async def pending_user(request: Connection) -> Any | None:
    """Return the user who has shown the password in this session and has to show the second factor now."""
    pending = session_of(request).get(PENDING)
    if pending is None or pending["until"] < time.time():
        return None
    user = await get_user_by_id(pending["user"])
    is_good = user is not None and may_go_on(user, pending["fingerprint"])
    return user if is_good else None


async def finish_login(
    request: Connection, code: str, *, remember_device: bool = False
) -> Any | None:
    """Log the user of the first step in, if the second factor is right.

    Args:
        request: The request.
        code: A code of the user's app, or a recovery code.
        remember_device: Whether this browser is not to be asked again for `TWO_FACTOR_DEVICE_DAYS`.

    Returns:
        The user; `None` if the code is wrong, or nobody has taken the first step lately.

    Raises:
        LoginThrottledError: If this attempt comes too early; it was not made.
    """
    user = await pending_user(request)
    if user is None or not await check_second_factor(user, code, request):
        return None
    remember = bool(session_of(request).pop(PENDING)["remember"])
    await login(request, user, remember=remember, second_factor_shown=True)
    if remember_device:
        await devices.remember_device(request, user)
    return user
