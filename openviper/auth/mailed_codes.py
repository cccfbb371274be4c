"""Logging in with a code that is sent by mail, in the browser that has asked for it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from openviper.auth.models import MailedCode
from openviper.auth.session_login import session_of
from openviper.auth.tokens import digest_of, is_past
from openviper.auth.users import get_user_by_id
from openviper.conf import settings
from openviper.conf.signing import fingerprint, fits_fingerprint
from openviper.core.context import ignore_permissions
from openviper.http.connection import Connection
from openviper.http.sessions import SessionKey

HANDLE = SessionKey[str]("openviper.mailed_code")
DIGITS = 8
MAX_ATTEMPTS = 5
MAX_CODE = 64
"""Longest code that is looked at, in characters."""
PURPOSE = "mailed-code"


async def make_mailed_code(request: Connection, user: Any | None) -> str:
    """Make a code with which the session of a request can be logged in; another one before it ends.

    Args:
        request: The request.
        user: Who will be logged in; `None` for nobody, which costs the same and leads nowhere.

    Returns:
        The code: eight digits, good once within `MAILED_CODE_SECONDS`.

    Raises:
        ImproperlyConfigured: If `MIDDLEWARE` has no `SessionMiddleware`.
    """
    handle = secrets.token_urlsafe(32)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    end = timedelta(seconds=settings.MAILED_CODE_SECONDS)
    session = session_of(request)
    with ignore_permissions():
        await _drop(session.get(HANDLE))
        await MailedCode(
            handle_hash=digest_of(handle),
            user_id="" if user is None else str(user.pk),
            code_hash=fingerprint(PURPOSE, handle, code),
            expires_at=datetime.now(UTC) + end,
        ).save()
    session[HANDLE] = handle
    return code


async def _drop(handle: str | None) -> None:
    if handle is not None:
        await MailedCode.objects.filter(handle_hash=digest_of(handle)).delete()


async def use_mailed_code(request: Connection, code: str) -> Any | None:
    """Return the user for whom a code was sent to the browser of a request; then the code is used up.

    Five wrong ones end it.
    """
    session = session_of(request)
    handle = session.get(HANDLE)
    row = None if handle is None else await _take(handle, code)
    if row is None:
        return None
    del session[HANDLE]
    user = await get_user_by_id(row.user_id)
    is_active = getattr(user, "is_active", True)
    return user if is_active else None


async def _take(handle: str, code: str) -> MailedCode | None:
    """Return the row of a code that is right, and delete it; `None` for a wrong one."""
    with ignore_permissions():
        row = await MailedCode.objects.get_or_none(handle_hash=digest_of(handle))
        if row is None or not await _may_try(row):
            return None
        if not _fits(row, handle, code):
            return None
        # The row decides between two requests with one code.
        is_first = await MailedCode.objects.filter(pk=row.pk).delete() == 1
    return row if is_first else None


async def _may_try(row: MailedCode) -> bool:
    """Count an attempt, before it is made; return whether it may be."""
    if row.attempts >= MAX_ATTEMPTS or is_past(row.expires_at):
        return False
    rows: Any = MailedCode.objects.filter(pk=row.pk, attempts=row.attempts)
    return bool(await rows.update(attempts=row.attempts + 1) == 1)


def _fits(row: MailedCode, handle: str, code: str) -> bool:
    plain = "".join(code.split())
    is_right = len(code) <= MAX_CODE and fits_fingerprint(row.code_hash, PURPOSE, handle, plain)
    return is_right and bool(row.user_id)


async def clear_mailed_codes() -> int:
    """Throw away codes that have ended; return how many that were."""
    with ignore_permissions():
        return await MailedCode.objects.filter(expires_at__lt=datetime.now(UTC)).delete()
