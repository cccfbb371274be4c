"""Signatures made with `SECRET_KEY`, for what browsers keep for us: each purpose has a key of its own."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import TYPE_CHECKING

from openviper.conf.lazy import settings
from openviper.exceptions import ImproperlyConfigured
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import hmac
else:
    hmac = lazy_module("hmac")  # Models import this, and few commands sign anything.

MAX_SIGNED = 16_384
"""Longest signed text that is looked at, in characters."""


def derived_keys(purpose: str) -> list[bytes]:
    """Return the keys for a purpose, the one to sign with first; what another purpose has signed fits none of them.

    Args:
        purpose: A name, such as ``session-cookie``.

    Raises:
        ImproperlyConfigured: If `SECRET_KEY` is empty: anybody could make such signatures.
    """
    if not settings.SECRET_KEY:
        raise ImproperlyConfigured("SECRET_KEY is empty, so nothing can be signed; set it")
    secrets = [settings.SECRET_KEY, *filter(None, settings.SECRET_KEY_FALLBACKS)]
    return [_derived(secret, purpose) for secret in secrets]


@lru_cache(maxsize=64)
def _derived(secret: str, purpose: str) -> bytes:
    return hmac.digest(secret.encode(), f"openviper.{purpose}".encode(), "sha256")


def fingerprint(purpose: str, *parts: str) -> str:
    """Return a short text that stands for others and tells nothing about them; hexadecimal, 64 characters.

    Args:
        purpose: See `derived_keys`.
        parts: The texts; where one ends and the next begins makes a difference.
    """
    return _mac(derived_keys(purpose)[0], parts)


def fits_fingerprint(given: str, purpose: str, *parts: str) -> bool:
    """Return whether a text is the fingerprint of others, in time that does not depend on how much of it fits."""
    expected = [_mac(key, parts) for key in derived_keys(purpose)]
    return any(
        [hmac.compare_digest(given.encode("utf-8", "replace"), mac.encode()) for mac in expected]
    )


def _mac(key: bytes, parts: tuple[str, ...]) -> str:
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    message = b"".join(b"%d:%s" % (len(part), part) for part in encoded)
    return hmac.digest(key, message, "sha256").hex()


def sign(purpose: str, content: bytes) -> str:
    """Return content with its signature, as text that fits into a cookie or an address."""
    text = base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
    return f"{text}.{fingerprint(purpose, text)}"


def unsign(purpose: str, signed: str) -> bytes | None:
    """Return the content of what `sign` has made for the same purpose; `None` for anything else."""
    text, dot, signature = signed.rpartition(".")
    is_bounded = bool(dot) and len(signed) <= MAX_SIGNED and text.isascii()
    if not is_bounded or not fits_fingerprint(signature, purpose, text):
        return None
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
