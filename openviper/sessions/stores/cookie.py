"""Sessions in signed cookies: nothing is kept on the server.

Everybody who holds the cookie can read it, and nobody can change it. What has no place on the server cannot be ended there: a
copy of the cookie works until it expires or the user's credentials change, sessions cannot be listed, and of two requests at
the same time the one answered last wins.
"""

from __future__ import annotations

import dataclasses
import secrets
from typing import ClassVar

from openviper.conf.signing import sign, unsign
from openviper.sessions.exceptions import SessionTooLargeError
from openviper.sessions.record import Changes, SessionRecord, decode_data, encode_data
from openviper.sessions.stores.base import BaseSessionStore
from openviper.utils.clock import now

PURPOSE = "session-cookie"
MAX_COOKIE = 3800
"""Bytes of a value; browsers take 4096 with its name and attributes (RFC 6265, 6.1)."""


class CookieSessionStore(BaseSessionStore):
    """Keeps each session in its cookie."""

    can_list: ClassVar[bool] = False

    async def create(self, record: SessionRecord) -> str:
        """Return the cookie of a new session."""
        record.id = secrets.token_hex(16)
        return _signed(record)

    async def load(self, key: str) -> SessionRecord | None:
        """Return the session in a cookie; see `BaseSessionStore.load`."""
        content = unsign(PURPOSE, key)
        if content is None:
            return None
        record = _record(content)
        return record if record is not None and record.is_alive(now()) else None

    async def save(self, key: str, changes: Changes, base: SessionRecord) -> str | None:
        """Return the cookie with the changes."""
        return _signed(changes.applied_to(base))

    async def delete(self, key: str) -> bool:
        """Do nothing: the browser is told to forget the cookie."""
        return True


def _record(content: bytes) -> SessionRecord | None:
    try:
        return SessionRecord(**decode_data(content.decode()))
    except (TypeError, UnicodeDecodeError):  # Of a version with other fields.
        return None


def _signed(record: SessionRecord) -> str:
    """Return a session as a cookie.

    Raises:
        SessionTooLargeError: If it does not fit.
    """
    encode_data(record.data)  # Names the key of what cannot be kept.
    key = sign(PURPOSE, encode_data(dataclasses.asdict(record)).encode())
    if len(key) > MAX_COOKIE:
        raise SessionTooLargeError(len(key), MAX_COOKIE)
    return key
