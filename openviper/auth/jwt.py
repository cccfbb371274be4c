"""JSON Web Tokens (RFC 7519) signed with HMAC (RFC 7518, section 3.2), on the standard library.

A token says whose it is (`sub`), what for (`type`: ``access`` or ``refresh``), until when (`exp`), which login it comes from
(`fam`), and, where it was made for a user and not for a bare key, which password that was (`pwd`).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import time
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, NoReturn

from openviper.auth.credentials import credentials_fingerprint
from openviper.auth.token_blocklist import is_any_revoked
from openviper.auth.token_keys import TokenKey, token_keys
from openviper.conf import settings
from openviper.exceptions import AuthenticationFailed, TokenExpired

__all__ = [
    "create_access_token",
    "create_refresh_token",
    "decode_access_token",
    "decode_access_token_checked",
    "decode_refresh_token",
    "decode_refresh_token_checked",
    "decode_token_unverified",
]

Claims = dict[str, Any]
Kind = Literal["access", "refresh"]

MAX_TOKEN = 8192
"""Longest token that is looked at, in characters."""
DIGESTS = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def create_access_token(
    user_id: Any,
    extra_claims: Mapping[str, Any] | None = None,
    expires_delta: timedelta | None = None,
    *,
    family: str | None = None,
) -> str:
    """Return a token to send with requests.

    Args:
        user_id: The user, whose tokens then end with the password; or only the key of one.
        extra_claims: What else it says, as JSON has it; the claims of our own win.
        expires_delta: Its life; `JWT_ACCESS_TOKEN_EXPIRE` by default.
        family: The login it comes from; it ends with that.

    Raises:
        TypeError: If the extra claims are no JSON.
        ImproperlyConfigured: If there is no key.
    """
    life = settings.JWT_ACCESS_TOKEN_EXPIRE if expires_delta is None else expires_delta
    return _encoded({**(extra_claims or {}), **_claims("access", user_id, life, family)})


def create_refresh_token(user_id: Any, *, family: str | None = None) -> str:
    """Return a token that is good for one new pair of tokens.

    Args:
        user_id: See `create_access_token`.
        family: The login it comes from; a new one by default.
    """
    return _encoded(_claims("refresh", user_id, settings.JWT_REFRESH_TOKEN_EXPIRE, family))


def _claims(kind: Kind, user: Any, life: timedelta, family: str | None) -> Claims:
    now = int(time.time())
    jti = str(uuid.uuid4())
    claims: Claims = {
        "sub": str(getattr(user, "pk", user)),
        "jti": jti,
        "iat": now,
        "exp": now + int(life.total_seconds()),
        "type": kind,
        "fam": family or jti,
    }
    if hasattr(user, "pk"):
        claims["pwd"] = credentials_fingerprint(user)
    if settings.JWT_ISSUER:
        claims["iss"] = settings.JWT_ISSUER
    if settings.JWT_AUDIENCE:
        claims["aud"] = settings.JWT_AUDIENCE
    return claims


def _encoded(claims: Claims) -> str:
    key = token_keys()[0]
    header = {"alg": settings.JWT_ALGORITHM, "typ": "JWT", "kid": key.kid}
    signed = f"{_part(header)}.{_part(claims)}"
    return f"{signed}.{_base64url(_signature(signed, key))}"


def _part(content: Claims) -> str:
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return _base64url(text.encode("ascii"))


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _signature(signed: str, key: TokenKey) -> bytes:
    return hmac.digest(key.secret, signed.encode("ascii"), DIGESTS[settings.JWT_ALGORITHM])


def decode_access_token(token: str) -> Claims:
    """Return the claims of an access token of ours.

    Whether it was revoked is not looked up; `decode_access_token_checked` does that.

    Raises:
        TokenExpired: If it was valid and is not any more.
        AuthenticationFailed: If it is anything else; why is not said.
    """
    return _decoded(token, "access")


def decode_refresh_token(token: str) -> Claims:
    """Return the claims of a refresh token of ours; see `decode_access_token`."""
    return _decoded(token, "refresh")


async def decode_access_token_checked(token: str) -> Claims:
    """Return the claims of an access token that nobody has revoked; see `decode_access_token`."""
    return await _checked(decode_access_token(token))


async def decode_refresh_token_checked(token: str) -> Claims:
    """Return the claims of a refresh token that nobody has revoked or used; see `decode_access_token`."""
    return await _checked(decode_refresh_token(token))


async def _checked(claims: Claims) -> Claims:
    if await is_any_revoked([claims["jti"], claims["fam"]]):
        _refuse()
    return claims


def decode_token_unverified(token: str) -> Claims:
    """Return what a text claims, whoever wrote it; empty if it is no token.

    For messages and logs: nothing may be decided by it.
    """
    parts = token.split(".") if len(token) <= MAX_TOKEN else []
    return (_json_object(parts[1]) if len(parts) == 3 else None) or {}


def _refuse() -> NoReturn:
    raise AuthenticationFailed()


def _decoded(token: str, kind: Kind) -> Claims:
    claims = _verified(token)
    if not _is_well_formed(claims) or claims["type"] != kind or not _is_for_us(claims):
        _refuse()
    now, leeway = time.time(), settings.JWT_LEEWAY_SECONDS
    if any(claims.get(name, 0) > now + leeway for name in ("iat", "nbf")):
        _refuse()
    if claims["exp"] <= now - leeway:
        raise TokenExpired
    return claims


def _verified(token: str) -> Claims:
    """Return the claims of a token with a signature of ours."""
    parts = token.split(".") if len(token) <= MAX_TOKEN else []
    if len(parts) != 3:
        _refuse()
    header, claims, signature = _json_object(parts[0]), _json_object(parts[1]), _bytes(parts[2])
    if header is None or claims is None or signature is None:
        _refuse()
    # What the token says of its algorithm decides nothing: there is one. `crit` names what we would have to know.
    if header.get("alg") != settings.JWT_ALGORITHM or "crit" in header:
        _refuse()
    signed = f"{parts[0]}.{parts[1]}"
    fits = [hmac.compare_digest(signature, _signature(signed, key)) for key in _named(header)]
    if not any(fits):
        _refuse()
    return claims


def _named(header: Claims) -> list[TokenKey]:
    """Return the key that a token names; all of ours if it names none."""
    if "kid" not in header:
        return token_keys()
    return [key for key in token_keys() if key.kid == header["kid"]]


def _bytes(part: str) -> bytes | None:
    """Return what base64url text stands for; `None` if it is none, or not the one way to write it."""
    if not _BASE64URL.fullmatch(part):
        return None
    try:
        content = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    return content if _base64url(content) == part else None


def _json_object(part: str) -> Claims | None:
    content = _bytes(part)
    if content is None:
        return None
    try:
        found = json.loads(
            content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _once(pairs: list[tuple[str, Any]]) -> Claims:
    """Return an object whose names come once: of two, readers differ on which one counts (RFC 8259, section 4)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _is_well_formed(claims: Claims) -> bool:
    texts = [claims.get(name) for name in ("sub", "jti", "fam", "type")]
    times = [claims.get(name, 0) for name in ("iat", "nbf")]
    return all(isinstance(text, str) and text for text in texts) and all(
        map(_is_time, [claims.get("exp"), *times])
    )


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_for_us(claims: Claims) -> bool:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    return claims.get("iss") == (settings.JWT_ISSUER or claims.get("iss")) and (
        not settings.JWT_AUDIENCE or settings.JWT_AUDIENCE in audiences
    )
