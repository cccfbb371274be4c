"""The keys that tokens are signed with: the present one, and those that were it before."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NamedTuple

from openviper.conf import settings
from openviper.conf.signing import derived_keys

PURPOSE = "jwt"


class TokenKey(NamedTuple):
    """A key and its name, which a token bears as `kid` and which tells nothing about it."""

    kid: str
    secret: bytes


def token_keys() -> list[TokenKey]:
    """Return the keys, the one to sign with first.

    Those are `JWT_SECRET_KEY` and `JWT_SECRET_KEY_FALLBACKS`; without them, keys made from `SECRET_KEY` and
    `SECRET_KEY_FALLBACKS`.

    Raises:
        ImproperlyConfigured: If there is none.
    """
    if not settings.JWT_SECRET_KEY:
        return [_named(secret) for secret in derived_keys(PURPOSE)]
    fallbacks = [text for text in settings.JWT_SECRET_KEY_FALLBACKS if text]
    return [_named(text.encode()) for text in (settings.JWT_SECRET_KEY, *fallbacks)]


@lru_cache(maxsize=64)
def _named(secret: bytes) -> TokenKey:
    return TokenKey(hashlib.sha256(b"openviper kid\0" + secret).hexdigest()[:16], secret)
