"""Remembered devices: browsers that are not asked for the second factor again for some days.

The browser holds a random token in a cookie, signed; the database holds its SHA-256, so that each device can be listed and
forgotten. A cookie is of one user, and other people who log in with the same browser have their own. A device is forgotten with
the second factor, with a new password, and with the account.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from openviper.auth.audit import AuditEvent, record_event
from openviper.auth.client import UNKNOWN, client_address
from openviper.auth.credentials import credentials_fingerprint, has_same_credentials
from openviper.auth.models import RememberedDevice
from openviper.auth.together import with_its_events
from openviper.auth.tokens import digest_of
from openviper.conf import settings
from openviper.conf.signing import sign, unsign
from openviper.core.context import current_exchange, ignore_permissions
from openviper.http.answer import Answer
from openviper.http.connection import Connection
from openviper.http.cookies import build_cookie
from openviper.sessions.cookie import cookie_values, get_session_cookie_config
from openviper.sessions.session import keep_private, user_agent_of
from openviper.utils.datastructures import RawHeaders

PURPOSE = "remembered-device"
TOKEN_BYTES = 32
NAME_LENGTH = 12
MAX_ADDRESS = 45


def are_devices_remembered() -> bool:
    """Return whether the setting `TWO_FACTOR_DEVICE_DAYS` lets people have their devices remembered."""
    return settings.TWO_FACTOR_DEVICE_DAYS > 0


async def remember_device(request: Connection, user: Any) -> bool:
    """Have the browser of a request remembered for `TWO_FACTOR_DEVICE_DAYS`, once it has shown the second factor.

    Args:
        request: The request; its answer sends the cookie.
        user: The user who has logged in.

    Returns:
        Whether it is: not where the setting is 0, nor where no answer can send a cookie any more.
    """
    answer = current_exchange.get()
    if not are_devices_remembered() or not isinstance(answer, Answer) or answer.is_started:
        return False
    token, now = secrets.token_urlsafe(TOKEN_BYTES), datetime.now(UTC)
    life = timedelta(days=settings.TWO_FACTOR_DEVICE_DAYS)
    async with with_its_events(RememberedDevice):
        with ignore_permissions():
            await _of_request(request, user).delete()
            await RememberedDevice(
                user_id=str(user.pk),
                token_hash=digest_of(token),
                fingerprint=credentials_fingerprint(user),
                created_at=now,
                used_at=now,
                expires_at=now + life,
                address=_address(request),
                user_agent=user_agent_of(request.scope),
            ).save()
        await record_event(AuditEvent.DEVICE_REMEMBERED, user, request)
    config: Any = get_session_cookie_config(is_secure=request.is_secure())
    kept = {**config, "key": _cookie_name(user), "httponly": True}
    cookie = build_cookie(value=sign(PURPOSE, token.encode()), max_age=life, **kept)

    async def send(status: int, headers: RawHeaders) -> RawHeaders:
        if status < 500:
            headers = [*headers, (b"set-cookie", cookie.encode("ascii"))]
            keep_private(headers)
        return headers

    answer.before_start(send)
    return True


def _cookie_name(user: Any) -> str:
    """Return the name of a user's cookie: that of the session's, whose prefix browsers may know, and who it is for."""
    return (
        f"{settings.SESSION_COOKIE_NAME}_device_{digest_of(f'{PURPOSE} {user.pk}')[:NAME_LENGTH]}"
    )


def _address(request: Connection) -> str:
    address = client_address(request.scope)
    return "" if address == UNKNOWN else address[:MAX_ADDRESS]


def _of_request(request: Connection, user: Any) -> Any:
    """Return the query for the device of a user that a request comes from; whether it is good still is not asked."""
    given = cookie_values(request.scope["headers"], _cookie_name(user).encode())
    tokens = [token for token in (unsign(PURPOSE, value) for value in given) if token is not None]
    hashes = [digest_of(token.decode("ascii", "replace")) for token in tokens]
    return RememberedDevice.objects.filter(user_id=str(user.pk), token_hash__in=hashes)


async def is_device_remembered(request: Connection, user: Any) -> bool:
    """Return whether a request comes from a device that a user has had remembered; that it was used is noted.

    Args:
        request: The request.
        user: The user, who has shown the first factor.
    """
    if not are_devices_remembered():
        return False
    with ignore_permissions():
        devices = await _good(_of_request(request, user), user)
        for device in devices:
            own: Any = RememberedDevice.objects.filter(pk=device.pk)
            await own.update(used_at=datetime.now(UTC), address=_address(request))
    return bool(devices)


async def _good(rows: Any, user: Any) -> list[RememberedDevice]:
    """Return those devices whose time is not over, by the setting as it is now too, and whose user has the same password."""
    now = datetime.now(UTC)
    since = now - timedelta(days=settings.TWO_FACTOR_DEVICE_DAYS)
    found = await rows.filter(created_at__gt=since, expires_at__gt=now).order_by("-used_at", "-pk")
    return [row for row in found if has_same_credentials(user, row.fingerprint)]


async def list_devices(user: Any) -> list[RememberedDevice]:
    """Return the devices of a user that are remembered, the one used last first."""
    with ignore_permissions():
        return await _good(RememberedDevice.objects.filter(user_id=str(user.pk)), user)


async def current_device(request: Connection, user: Any) -> int | None:
    """Return the number of the device that a request comes from; `None` if it is not remembered."""
    with ignore_permissions():
        row = await _of_request(request, user).first()
    return None if row is None else row.pk


async def forget_device(user: Any, number: int) -> bool:
    """Forget one device of a user; one of somebody else is none of theirs.

    Args:
        user: The user.
        number: The primary key of the device.

    Returns:
        Whether there was such a device.
    """
    rows = RememberedDevice.objects.filter(user_id=str(user.pk), pk=number)
    return await _forget(user, rows) > 0


async def forget_devices(user: Any, keep: int | None = None) -> int:
    """Forget the devices of a user; each of them is asked for the second factor at its next login.

    Args:
        user: The user.
        keep: The primary key of one that stays.

    Returns:
        How many there were.
    """
    rows = RememberedDevice.objects.filter(user_id=str(user.pk))
    return await _forget(user, rows if keep is None else rows.exclude(pk=keep))


async def _forget(user: Any, rows: Any) -> int:
    async with with_its_events(RememberedDevice):
        with ignore_permissions():
            count = int(await rows.delete())
        if count:
            await record_event(AuditEvent.DEVICE_FORGOTTEN, user, details={"count": count})
    return count


async def clear_remembered_devices() -> int:
    """Throw away devices whose time is over; return how many that were."""
    with ignore_permissions():
        rows: Any = RememberedDevice.objects.filter(expires_at__lt=datetime.now(UTC))
        return int(await rows.delete())
