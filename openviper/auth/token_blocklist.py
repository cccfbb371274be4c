"""Tokens that are over before their time: used up, logged out, or of a login that somebody else has used too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from openviper.auth.models import RevokedToken
from openviper.core.context import ignore_permissions

__all__ = ["clear_revoked_tokens", "is_token_revoked", "revoke_token"]


async def revoke_token(
    jti: str, token_type: str, user_id: object, expires_at: datetime | float
) -> bool:
    """Make a token worthless, for as long as it would have lived.

    Args:
        jti: The token's id, or that of a login (`fam`) to end all of its tokens.
        token_type: ``access``, ``refresh`` or ``family``.
        user_id: Whose it is, if that is known.
        expires_at: When it would have ended by itself; a time zone aware moment, or seconds since the epoch.

    Returns:
        Whether this call did it: of several at once, one.
    """
    moment = (
        expires_at if isinstance(expires_at, datetime) else datetime.fromtimestamp(expires_at, UTC)
    )
    row = {
        "token_type": token_type,
        "user_id": None if user_id is None else str(user_id),
        "expires_at": moment,
        "revoked_at": datetime.now(UTC),
    }
    with ignore_permissions():
        _, is_new = await RevokedToken.objects.get_or_create(jti=jti, defaults=row)
    return bool(is_new)


async def is_token_revoked(jti: str) -> bool:
    """Return whether a token is over before its time."""
    return await is_any_revoked([jti])


async def is_any_revoked(ids: Sequence[str]) -> bool:
    """Return whether one of several tokens or logins is over; one statement."""
    with ignore_permissions():
        return await RevokedToken.objects.filter(jti__in=sorted(set(ids))).exists()


async def clear_revoked_tokens() -> int:
    """Forget tokens that have ended by themselves meanwhile, and return their number."""
    with ignore_permissions():
        rows: Any = RevokedToken.objects.filter(expires_at__lt=datetime.now(UTC))
        return int(await rows.delete())
