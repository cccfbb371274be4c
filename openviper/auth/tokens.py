"""What programs log in with: pairs of JSON Web Tokens, and tokens without content that the database knows."""

from __future__ import annotations

import hashlib
import logging
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from openviper.auth.audit import AuditEvent, record_event
from openviper.auth.authentications import may_go_on
from openviper.auth.credentials import credentials_fingerprint
from openviper.auth.jwt import create_access_token, create_refresh_token, decode_refresh_token
from openviper.auth.models import AuthToken, RevokedToken
from openviper.auth.together import with_its_events
from openviper.auth.token_blocklist import is_token_revoked, revoke_token
from openviper.auth.users import get_user_by_id
from openviper.conf import settings
from openviper.core.context import ignore_permissions
from openviper.db.fields.moments import in_utc
from openviper.exceptions import AuthenticationFailed

logger = logging.getLogger("openviper.auth")

TOKEN_BYTES = 20


class TokenPair(NamedTuple):
    """A token to send with requests, and one to get the next pair with."""

    access: str
    refresh: str


def issue_tokens(user: Any) -> TokenPair:
    """Return the tokens of a new login.

    Both end when the user changes the password, is switched off, or logs out with either.

    Args:
        user: The user, as `authenticate` has returned it.
    """
    return _pair(user, family=secrets.token_hex(16))


def _pair(user: Any, family: str) -> TokenPair:
    return TokenPair(
        create_access_token(user, family=family), create_refresh_token(user, family=family)
    )


async def refresh_tokens(refresh: str) -> TokenPair:
    """Return the next pair for a refresh token, which is used up by that.

    Who comes with a used one has either stolen it or been stolen from: the whole login ends, also for the other.

    Raises:
        TokenExpired: If it was valid once.
        AuthenticationFailed: If it is anything else, or the user has changed the password or is switched off.
    """
    claims = decode_refresh_token(refresh)
    family, user_id = claims["fam"], claims["sub"]
    # First the row, whose unique key decides between requests at the same time; then whether the login goes on.
    if not await revoke_token(claims["jti"], "refresh", user_id, _end(claims)):
        logger.warning("a refresh token of user %s was used twice; the login has ended", user_id)
        async with with_its_events(RevokedToken):
            await _end_login(family, user_id)
            await record_event(AuditEvent.TOKEN_REUSED, user_id)
        raise AuthenticationFailed
    user = await get_user_by_id(user_id)
    has_ended = await is_token_revoked(family)
    if has_ended or user is None or not may_go_on(user, claims.get("pwd", "")):
        raise AuthenticationFailed
    return _pair(user, family)


async def revoke_login(claims: dict[str, Any]) -> None:
    """Log out: end the login that a token comes from, with all of its tokens.

    Args:
        claims: Those of a token of ours, as `decode_access_token` or `decode_refresh_token` has returned them.
    """
    await _end_login(claims["fam"], claims["sub"])


async def _end_login(family: str, user_id: str) -> None:
    # As long as the youngest refresh token of the login may live.
    end = datetime.now(UTC) + settings.JWT_REFRESH_TOKEN_EXPIRE + _leeway()
    await revoke_token(family, "family", user_id, end)


def _end(claims: dict[str, Any]) -> datetime:
    """Return the moment from which on a token is refused as too old."""
    return datetime.fromtimestamp(claims["exp"], UTC) + _leeway()


def _leeway() -> timedelta:
    return timedelta(seconds=settings.JWT_LEEWAY_SECONDS + 1)


async def create_token(user_id: Any, expires_at: datetime | None = None) -> tuple[str, AuthToken]:
    """Make a token without content.

    Args:
        user_id: The user, whose token then ends with the password; or only the key of one.
        expires_at: When it ends; never by default.

    Returns:
        The token, which is shown this once, and its row, which holds the SHA-256 of it.
    """
    raw = secrets.token_hex(TOKEN_BYTES)
    row = AuthToken(
        key_hash=digest_of(raw),
        user_id=str(getattr(user_id, "pk", user_id)),
        fingerprint=credentials_fingerprint(user_id) if hasattr(user_id, "pk") else "",
        created_at=datetime.now(UTC),
        expires_at=expires_at,
    )
    async with with_its_events(AuthToken):
        with ignore_permissions():
            await row.save()
        details = {"number": row.pk, "until": expires_at and expires_at.isoformat()}
        await record_event(AuditEvent.TOKEN_CREATED, user_id, details=details)
    return raw, row


async def revoke_auth_token(raw: str) -> bool:
    """End a token that `create_token` has made, and return whether there was one."""
    with ignore_permissions():
        row = await AuthToken.objects.get_or_none(key_hash=digest_of(raw), is_active=True)
        if row is None:
            return False
        rows: Any = AuthToken.objects.filter(pk=row.pk, is_active=True)
        async with with_its_events(AuthToken):
            has_ended = bool(await rows.update(is_active=False))
            if has_ended:
                details = {"number": row.pk}
                await record_event(AuditEvent.TOKEN_REVOKED, row.user_id, details=details)
    return has_ended


async def find_token_user(raw: str) -> Any | None:
    """Return the active user whose token this is, if it is good still."""
    with ignore_permissions():
        row = await AuthToken.objects.get_or_none(key_hash=digest_of(raw), is_active=True)
    if row is None or is_past(row.expires_at):
        return None
    user = await get_user_by_id(row.user_id)
    if user is None or not getattr(user, "is_active", True):
        return None
    is_good = not row.fingerprint or may_go_on(user, row.fingerprint)
    return user if is_good else None


async def clear_expired_tokens() -> int:
    """Throw away tokens without content that have ended, and return their number."""
    with ignore_permissions():
        rows: Any = AuthToken.objects.filter(expires_at__lt=datetime.now(UTC))
        return int(await rows.delete())


def is_past(moment: datetime | None) -> bool:
    """Return whether a moment is there and over."""
    return moment is not None and in_utc(moment) <= datetime.now(UTC)


def digest_of(secret: str) -> str:
    """Return what is stored of a random secret; hexadecimal, 64 characters."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
