"""The keys of sessions: what the browser holds, and what is stored in place of it."""

from __future__ import annotations

import hashlib
import re
import secrets

KEY_BYTES = 48
_KEY = re.compile(r"[A-Za-z0-9_-]{32,128}")


def new_key() -> str:
    """Return a key that nobody can guess: 64 characters from 384 random bits."""
    return secrets.token_urlsafe(KEY_BYTES)


def is_key(text: str) -> bool:
    """Return whether a text has the form of a key, so that it is worth a look into the store."""
    return _KEY.fullmatch(text) is not None


def stored_key(key: str) -> str:
    """Return what stands for a key in a store: who reads the store cannot use what is found there."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
