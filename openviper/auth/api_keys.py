"""API keys: ``<prefix>.<secret>``, for programs, with scopes and an end of their own."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from openviper.auth.audit import AuditEvent, record_event
from openviper.auth.models import APIKey
from openviper.auth.together import with_its_events
from openviper.auth.tokens import digest_of, is_past
from openviper.auth.users import get_user_by_id
from openviper.core.context import ignore_permissions
from openviper.db.fields.moments import in_utc
from openviper.db.models import Q

__all__ = ["FoundKey", "create_api_key", "find_api_key", "list_api_keys", "revoke_api_key"]

PREFIX_BYTES = 6
SECRET_BYTES = 32
MAX_KEY = 200
"""Longest key that is looked at, in characters."""
LAST_USE_EVERY = timedelta(minutes=1)
"""How exactly the last use is known: a key that is used all the time costs no statement each time."""
SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,100}")
"""RFC 6749, section 3.3: visible ASCII without quotes and backslashes."""
MAX_SCOPES = 1000
"""Longest list of scopes, in characters."""


class FoundKey(NamedTuple):
    """A key that is good, with its user."""

    key: APIKey
    user: Any

    @property
    def scopes(self) -> frozenset[str]:
        """What the key is for."""
        return frozenset(self.key.scopes.split())


async def create_api_key(
    user: Any,
    *,
    name: str = "",
    scopes: Iterable[str] = (),
    expires_at: datetime | None = None,
) -> tuple[str, APIKey]:
    """Make a key for a user.

    Args:
        user: Whose rights it has, at most.
        name: What it is for, for people.
        scopes: What it may be used for; see `openviper.auth.HasScope`.
        expires_at: When it ends; never by default.

    Returns:
        The key, which is shown this once, and its row, which holds the SHA-256 of the secret part.

    Raises:
        ValueError: If a scope is no word of visible ASCII characters, or they are too many, or the user is not stored.
    """
    if user.pk is None:
        raise ValueError("a user that is not saved can have no key")
    raw = secrets.token_urlsafe(SECRET_BYTES)
    row = APIKey(
        prefix=secrets.token_hex(PREFIX_BYTES),
        key_hash=digest_of(raw),
        name=name,
        user_id=str(user.pk),
        scopes=_joined(scopes),
        created_at=datetime.now(UTC),
        expires_at=expires_at,
    )
    async with with_its_events(APIKey):
        with ignore_permissions():
            await row.save()
        details = {"prefix": row.prefix, "scopes": row.scopes, "name": name}
        await record_event(AuditEvent.API_KEY_CREATED, user, details=details)
    return f"{row.prefix}.{raw}", row


def _joined(scopes: Iterable[str]) -> str:
    if isinstance(scopes, str):
        raise ValueError(f"scopes must be several words, not the text {scopes!r}")
    words = sorted(set(scopes))
    for word in words:
        if not SCOPE.fullmatch(word):
            raise ValueError(f"scope {word!r} is no word of visible ASCII characters")
    text = " ".join(words)
    if len(text) > MAX_SCOPES:
        raise ValueError(f"the scopes have {len(text)} characters, more than {MAX_SCOPES}")
    return text


async def find_api_key(raw: str) -> FoundKey | None:
    """Return the key that a request has brought, with its active user, if it is good; its use is noted."""
    prefix, dot, secret = raw.partition(".")
    if not dot or len(raw) > MAX_KEY or not raw.isascii():
        return None
    with ignore_permissions():
        row = await APIKey.objects.get_or_none(prefix=prefix)
    if row is None or not hmac.compare_digest(row.key_hash, digest_of(secret)):
        return None
    if row.revoked_at is not None or is_past(row.expires_at):
        return None
    user = await get_user_by_id(row.user_id)
    if user is None or not getattr(user, "is_active", True):
        return None
    await _note_use(row)
    return FoundKey(row, user)


async def _note_use(row: APIKey) -> None:
    now = datetime.now(UTC)
    if row.last_used_at is not None and in_utc(row.last_used_at) > now - LAST_USE_EVERY:
        return
    with ignore_permissions():
        rows: Any = APIKey.objects.filter(pk=row.pk)
        await rows.update(last_used_at=now)


async def revoke_api_key(prefix: str) -> bool:
    """End the key with a prefix, and return whether there was one that was good."""
    now = datetime.now(UTC)
    with ignore_permissions():
        rows: Any = APIKey.objects.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=now),
            prefix=prefix,
            revoked_at__isnull=True,
        )
        async with with_its_events(APIKey):
            row = await rows.first()
            if row is None or not await rows.update(revoked_at=now):
                return False
            await record_event(AuditEvent.API_KEY_REVOKED, row.user_id, details={"prefix": prefix})
    return True


async def list_api_keys(user: Any = None) -> list[APIKey]:
    """Return the keys of a user, or of all, the newest first."""
    rows = APIKey.objects.all()
    if user is not None:
        rows = rows.filter(user_id=str(user.pk))
    with ignore_permissions():
        return await rows.order_by("-created_at", "-pk")
