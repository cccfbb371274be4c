"""Fernet tokens: short values encrypted and authenticated (https://github.com/fernet/spec/blob/master/Spec.md).

A token is ``0x80``, the time in seconds as 64 bits, 16 random bytes, the value in AES-128-CBC and an HMAC-SHA256 of all
that, in URL-safe base64. Other implementations read what is written here, and the other way round.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
import time
from functools import lru_cache

from openviper.utils.aes import BLOCK, decrypt_cbc, encrypt_cbc

VERSION = b"\x80"
_DIGEST = hashlib.sha256().digest_size
_HEAD = 1 + 8 + BLOCK


class InvalidToken(ValueError):
    """A text is no token, was changed, or was made with another key."""


@lru_cache(maxsize=8)
def derive_key(secret: str) -> bytes:
    """Return the 32 bytes of a Fernet key for a secret text: its SHA-256, as OpenViper 0.1 had it."""
    return hashlib.sha256(secret.encode()).digest()


def encrypt(key: bytes, data: bytes) -> str:
    """Return a token.

    Args:
        key: 32 bytes; the first half signs, the second half encrypts.
        data: What is encrypted.
    """
    return make_token(key, data, moment=int(time.time()), start=secrets.token_bytes(BLOCK))


def make_token(key: bytes, data: bytes, *, moment: int, start: bytes) -> str:
    """Return the token of a moment, in seconds since 1970, and an initialisation vector, never to be used twice."""
    signed = VERSION + struct.pack(">Q", moment) + start + encrypt_cbc(key[16:], start, data)
    return base64.urlsafe_b64encode(signed + hmac.digest(key[:16], signed, "sha256")).decode()


def decrypt(key: bytes, token: str) -> bytes:
    """Return what is in a token of any age.

    Raises:
        InvalidToken: If it is none, was changed, or was made with another key.
    """
    signed = _signed_part(key, token)
    try:
        return decrypt_cbc(key[16:], signed[_HEAD - BLOCK : _HEAD], signed[_HEAD:])
    except ValueError as error:
        raise InvalidToken(f"the token cannot be decrypted: {error}") from None


def is_made_with(key: bytes, token: str) -> bool:
    """Return whether a text is a token, made with this key and not changed; nothing is decrypted for it."""
    try:
        _signed_part(key, token)
    except InvalidToken:
        return False
    return True


def _signed_part(key: bytes, token: str) -> bytes:
    """Return what is signed in a token, once the signature fits."""
    try:
        data = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidToken("the token is not base64") from None
    if len(data) < _HEAD + BLOCK + _DIGEST or data[:1] != VERSION:
        raise InvalidToken("the text is not a token")
    signed, digest = data[:-_DIGEST], data[-_DIGEST:]
    if not hmac.compare_digest(hmac.digest(key[:16], signed, "sha256"), digest):
        raise InvalidToken("the token was changed or made with another key")
    return signed


def token_length(size: int) -> int:
    """Return the characters of a token of `size` bytes."""
    total = _HEAD + (size // BLOCK + 1) * BLOCK + _DIGEST
    return (total + 2) // 3 * 4
