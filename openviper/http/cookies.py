"""Cookies (RFC 6265): read leniently, written strictly."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
# RFC 6265, 4.1.1: no controls, blanks, quotes, commas, semicolons or backslashes.
_VALUE = re.compile(r"[\x21\x23-\x2B\x2D-\x3A\x3C-\x5B\x5D-\x7E]*\Z")
SAME_SITE = ("lax", "strict", "none")


def parse_cookies(header: str) -> dict[str, str]:
    """Return the cookies of a ``Cookie`` header; one that makes no sense does not hide the others."""
    cookies: dict[str, str] = {}
    for part in header.split(";"):
        name, separator, value = part.strip().partition("=")
        name = name.strip()
        if not separator or not name:
            continue
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] == '"':
            value = value[1:-1]
        cookies.setdefault(name, value)
    return cookies


def build_cookie(
    key: str,
    value: str = "",
    *,
    max_age: int | None = None,
    expires: datetime | int | None = None,
    path: str | None = "/",
    domain: str | None = None,
    secure: bool = False,
    httponly: bool = False,
    samesite: str | None = "lax",
) -> str:
    """Return the value of a ``Set-Cookie`` header.

    Args:
        key: The cookie's name.
        value: Its value.
        max_age: Life in seconds.
        expires: End of life: an aware time, or seconds from now.
        path: Paths it is sent to.
        domain: Hosts it is sent to.
        secure: Send it over https only.
        httponly: Keep it from scripts.
        samesite: ``lax``, ``strict``, ``none`` (which needs `secure`) or `None`.

    Raises:
        ValueError: If a part could not be sent as it is, or would be rejected by browsers.
    """
    if not _TOKEN.match(key):
        raise ValueError(f"{key!r} is not a valid cookie name")
    if not _VALUE.match(value):
        raise ValueError(f"the value of cookie {key!r} holds characters that a cookie cannot have")
    for name, text in (("path", path), ("domain", domain)):
        if text is not None and (";" in text or not text.isprintable()):
            raise ValueError(f"{name} {text!r} of cookie {key!r} is not valid")
    parts = [f"{key}={value}"]
    if max_age is not None:
        parts.append(f"Max-Age={int(max_age)}")
    if expires is not None:
        moment = expires if isinstance(expires, datetime) else _from_now(expires)
        parts.append(f"Expires={format_datetime(moment.astimezone(UTC), usegmt=True)}")
    if domain:
        parts.append(f"Domain={domain}")
    if path:
        parts.append(f"Path={path}")
    if samesite is not None:
        parts.append(f"SameSite={_same_site(samesite, secure)}")
    if secure:
        parts.append("Secure")
    if httponly:
        parts.append("HttpOnly")
    return "; ".join(parts)


def _from_now(seconds: int) -> datetime:
    from datetime import timedelta

    return datetime.now(UTC) + timedelta(seconds=seconds)


def _same_site(value: str, secure: bool) -> str:
    lowered = value.lower()
    if lowered not in SAME_SITE:
        raise ValueError(f"samesite must be one of {', '.join(SAME_SITE)}, not {value!r}")
    if lowered == "none" and not secure:
        raise ValueError("samesite='none' needs secure=True, or browsers drop the cookie")
    return lowered.capitalize()
