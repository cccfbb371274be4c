"""The second factor: codes of an authenticator app, and recovery codes for who has lost it."""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, datetime
from typing import Any, NamedTuple

from openviper.auth.audit import AuditEvent, record_event
from openviper.auth.models import RecoveryCode, RememberedDevice, TOTPDevice
from openviper.auth.throttle import LoginThrottle
from openviper.auth.together import with_its_events
from openviper.auth.tokens import digest_of
from openviper.auth.totp import matching_step, new_secret, otpauth_address
from openviper.auth.users import has_account_tables
from openviper.conf import settings
from openviper.core.context import ignore_permissions
from openviper.db.connection import atomic
from openviper.exceptions import IntegrityError, Unauthorized

RECOVERY_CODES = 10
RECOVERY_BYTES = 10
"""Eighty bits: too many to be tried, so a plain SHA-256 keeps them."""
MAX_CODE = 64
"""Longest code that is looked at, in characters."""
THROTTLE = "second-factor"
_ALIKE = str.maketrans({"0": "o", "1": "l", "8": "b"})
"""Digits that base32 has not, by the letters they are mistaken for."""


class SecondFactorRequired(Unauthorized):
    """401: the password was right, and the user has a second factor, which was not shown."""

    def __init__(self) -> None:
        super().__init__(
            {"message": "A code of your second factor is needed.", "code": "second_factor_required"}
        )


class TwoFactorSetup(NamedTuple):
    """What an authenticator app needs to know.

    Attributes:
        secret: The secret in base32, to be typed.
        address: The same as an ``otpauth://`` address, for a QR code; see `openviper.utils.qr_code.qr_svg`.
    """

    secret: str
    address: str

    def __repr__(self) -> str:
        return "TwoFactorSetup('***')"


async def has_two_factor(user: Any) -> bool:
    """Return whether a user has a second factor, which is asked for at each login."""
    if not has_account_tables(user):
        return False
    with ignore_permissions():
        return bool(await _confirmed(user).exists())


def _confirmed(user: Any) -> Any:
    return TOTPDevice.objects.filter(user_id=str(user.pk), confirmed_at__isnull=False)


async def begin_two_factor(user: Any) -> TwoFactorSetup:
    """Begin to set a second factor up; it counts once `confirm_two_factor` has seen a code of it.

    Called again before that, it returns the same secret.

    Raises:
        ValueError: If the user has a second factor, which has to be ended first, or is not stored.
    """
    if user.pk is None:
        raise ValueError("a user that is not saved can have no second factor")
    with ignore_permissions():
        device = await _device_of(user) or await _new_device(user)
    if device.confirmed_at is not None:
        raise ValueError("the user has a second factor already; end it first")
    secret = device.get_sensitive("secret") or ""
    return TwoFactorSetup(
        secret, otpauth_address(secret, _account_name(user), settings.PROJECT_NAME)
    )


async def _device_of(user: Any) -> TOTPDevice | None:
    return await TOTPDevice.objects.get_or_none(user_id=str(user.pk))


async def _new_device(user: Any) -> TOTPDevice:
    device = TOTPDevice(user_id=str(user.pk), secret=new_secret(), created_at=datetime.now(UTC))
    try:
        async with atomic():
            await device.save()
    except IntegrityError:  # Another request was faster.
        return await TOTPDevice.objects.get(user_id=str(user.pk))
    return device


def _account_name(user: Any) -> str:
    return str(getattr(user, "email", None) or getattr(user, "username", None) or user.pk)


async def confirm_two_factor(user: Any, code: str) -> list[str] | None:
    """Have a second factor count from now on, if a code of it is right.

    Args:
        user: The user, for whom `begin_two_factor` was called.
        code: What the app shows.

    Returns:
        New recovery codes, to be shown this once; `None` if the code is wrong or there is nothing to confirm.
    """
    with ignore_permissions():
        device = await _device_of(user)
        if device is None or device.confirmed_at is not None:
            return None
        if not await _use_app_code(device, code):
            return None
        rows: Any = TOTPDevice.objects.filter(pk=device.pk, confirmed_at=None)
        async with with_its_events(TOTPDevice):
            if await rows.update(confirmed_at=datetime.now(UTC)) != 1:
                return None
            await record_event(AuditEvent.TWO_FACTOR_ON, user)
            return await new_recovery_codes(user)


async def _use_app_code(device: TOTPDevice, code: str) -> bool:
    """Return whether a code of the app is right; then neither it nor an earlier one is good again."""
    if len(code) > MAX_CODE:
        return False
    step = matching_step(device.get_sensitive("secret") or "", code, after=device.last_step)
    if step is None:
        return False
    # The row decides between two requests with one code.
    rows: Any = TOTPDevice.objects.filter(pk=device.pk, last_step__lt=step)
    return bool(await rows.update(last_step=step) == 1)


async def check_second_factor(user: Any, code: str, request: Any = None) -> bool:
    """Return whether a code of the user's app, or one of the recovery codes, is right; then it is used up.

    Wrong ones are counted, and further attempts have to wait as those of logins have.

    Args:
        user: The user.
        code: What was typed.
        request: The request that brought it; a script that has none is not limited.

    Raises:
        LoginThrottledError: If this attempt comes too early; it was not made.
    """
    scope = getattr(request, "scope", None)
    throttle = LoginThrottle(str(user.pk), scope, purpose=THROTTLE)
    await throttle.take()
    with ignore_permissions():
        device = await _confirmed(user).first()
        is_right = device is not None and await _use(device, code)
    if is_right:
        await throttle.forgive()
    else:
        await record_event(AuditEvent.TWO_FACTOR_FAILED, user, request)
    return is_right


async def _use(device: TOTPDevice, code: str) -> bool:
    if await _use_app_code(device, code):
        return True
    async with with_its_events(RecoveryCode):
        is_right = await _use_recovery_code(device.user_id, code)
        if is_right:
            await record_event(AuditEvent.RECOVERY_CODE_USED, device.user_id)
    return is_right


async def _use_recovery_code(user_id: str, code: str) -> bool:
    if len(code) > MAX_CODE:
        return False
    rows: Any = RecoveryCode.objects.filter(
        user_id=user_id, code_hash=_recovery_hash(user_id, code), used_at=None
    )
    return bool(await rows.update(used_at=datetime.now(UTC)) == 1)


def _recovery_hash(user_id: str, code: str) -> str:
    plain = "".join(filter(str.isalnum, code.lower())).translate(_ALIKE)
    return digest_of(f"recovery {user_id} {plain}")


async def new_recovery_codes(user: Any) -> list[str]:
    """Make new recovery codes in place of those before.

    Returns:
        The codes, which are shown this once: what is stored are their hashes.
    """
    user_id = str(user.pk)
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    now = datetime.now(UTC)
    rows = [
        RecoveryCode(user_id=user_id, code_hash=_recovery_hash(user_id, code), created_at=now)
        for code in codes
    ]
    with ignore_permissions():
        async with atomic():
            await RecoveryCode.objects.filter(user_id=user_id).delete()
            await RecoveryCode.objects.bulk_create(rows)
    return codes


def _new_code() -> str:
    text = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode("ascii").lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


async def count_recovery_codes(user: Any) -> int:
    """Return how many recovery codes of a user are left."""
    with ignore_permissions():
        return await RecoveryCode.objects.filter(user_id=str(user.pk), used_at=None).count()


async def end_two_factor(user: Any) -> bool:
    """End the second factor of a user, with recovery codes and remembered devices; return whether there was one."""
    user_id = str(user.pk)
    with ignore_permissions():
        async with atomic():
            await RecoveryCode.objects.filter(user_id=user_id).delete()
            await RememberedDevice.objects.filter(user_id=user_id).delete()
            had_one = bool(await _confirmed(user).exists())
            await TOTPDevice.objects.filter(user_id=user_id).delete()
            if had_one:
                await record_event(AuditEvent.TWO_FACTOR_OFF, user)
    return had_one
