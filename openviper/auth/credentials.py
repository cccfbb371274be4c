"""What a session, or a token, remembers of the credentials it was given for."""

from __future__ import annotations

from typing import Any

from openviper.conf.signing import fingerprint, fits_fingerprint

PURPOSE = "credentials"


def credentials_fingerprint(user: Any) -> str:
    """Return what stands for a user's password: another one, when it changes, and no way back to the hash."""
    return fingerprint(PURPOSE, str(user.pk), _hash(user))


def has_same_credentials(user: Any, given: str) -> bool:
    """Return whether a user's password is still the one that a fingerprint was made for."""
    return fits_fingerprint(given, PURPOSE, str(user.pk), _hash(user))


def _hash(user: Any) -> str:
    return str(getattr(user, "password", None) or "")
