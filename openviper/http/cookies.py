"""Cookies (RFC 6265): read leniently, written strictly."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from openviper.conf.rules import cookie_domain, cookie_path

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
# RFC 6265, 4.1.1: no controls, blanks, quotes, commas, semicolons or backslashes.
_VALUE = re.compile(r"[\x21\x23-\x2B\x2D-\x3A\x3C-\x5B\x5D-\x7E]*\Z")
# In quoted values other frameworks write a character as a backslash and its octal number, or itself.
_ESCAPE = re.compile(r"\\([0-3][0-7][0-7]|.)", re.DOTALL)
SAME_SITE = ("lax", "strict", "none")
MAX_COOKIES = 300
"""Most cookies of a request that are read; browsers send fewer for one host."""
MAX_LENGTH = 4096
"""Most characters of a name and its value together (RFC 6265bis, 5.6)."""


def parse_cookies(header: str) -> dict[str, str]:
    """Return the cookies of a ``Cookie`` header; one that makes no sense does not hide the others."""
    cookies: dict[str, str] = {}
    for part in header.split(";", MAX_COOKIES)[:MAX_COOKIES]:
        name, separator, value = part.partition("=")
        name = name.strip()
        if separator and name:
            cookies.setdefault(name, _unquoted(value.strip()))
    return cookies


def _unquoted(value: str) -> str:
    if len(value) < 2 or not (value.startswith('"') and value.endswith('"')):
        return value
    inner = value[1:-1]
    return _ESCAPE.sub(_unescaped, inner) if "\\" in inner else inner


def _unescaped(match: re.Match[str]) -> str:
    text = match.group(1)
    return chr(int(text, 8)) if len(text) == 3 else text


def build_cookie(
    key: str,
    value: str = "",
    *,
    max_age: int | timedelta | None = None,
    expires: datetime | int | None = None,
    path: str | None = "/",
    domain: str | None = None,
    secure: bool = False,
    httponly: bool = False,
    samesite: str | None = "lax",
    partitioned: bool = False,
) -> str:
    """Return the value of a ``Set-Cookie`` header.

    Args:
        key: The cookie's name; ``__Secure-`` and ``__Host-`` before it demand what browsers demand of them.
        value: Its value.
        max_age: Life, in seconds or as a `timedelta`.
        expires: End of life: an aware time, or seconds from now; below the year 10000.
        path: Paths it is sent to.
        domain: Hosts it is sent to.
        secure: Send it over https only.
        httponly: Keep it from scripts.
        samesite: ``lax``, ``strict``, ``none`` (which needs `secure`) or `None`.
        partitioned: Keep one for each page that embeds ours (CHIPS); needs `secure`.

    Raises:
        TypeError: If the name or the value is no text.
        ValueError: If a part could not be sent as it is, or would be rejected by browsers.
    """
    _check_parts(key, value, path, domain)
    _check_prefix(key, secure=secure, path=path, domain=domain)
    if partitioned and not secure:
        raise ValueError("partitioned=True needs secure=True, or browsers drop the cookie")
    attributes: dict[str, str | bool | None] = {
        "Max-Age": _seconds(max_age),
        "Expires": _moment(expires),
        "Domain": domain,
        "Path": path,
        "SameSite": None if samesite is None else _same_site(samesite, secure),
        "Secure": secure,
        "HttpOnly": httponly,
        "Partitioned": partitioned,
    }
    written = (_attribute(name, each) for name, each in attributes.items() if each)
    return "; ".join((f"{key}={value}", *written))


def _attribute(name: str, value: str | bool) -> str:
    return name if value is True else f"{name}={value}"


def needs_secure(key: str) -> bool:
    """Return whether browsers take a cookie of this name over https only."""
    return key.lower().startswith(("__secure-", "__host-"))


def _check_parts(key: str, value: str, path: str | None, domain: str | None) -> None:
    _check_texts(key, value)
    if not _TOKEN.match(key):
        raise ValueError(f"{key!r} is not a valid cookie name")
    if not _VALUE.match(value):
        raise ValueError(f"the value of cookie {key!r} holds characters that a cookie cannot have")
    _check_place(key, "path", path, cookie_path(path) if path else None)
    _check_place(key, "domain", domain, cookie_domain(domain))
    if len(key) + len(value) > MAX_LENGTH:
        raise ValueError(
            f"cookie {key!r} has {len(key) + len(value)} characters with its name, and browsers drop more than {MAX_LENGTH}"
        )


def _check_place(key: str, name: str, text: str | None, fault: str | None) -> None:
    if fault is not None:
        raise ValueError(f"{name} {text!r} of cookie {key!r} {fault}, or browsers pass over it")


def _check_texts(key: object, value: object) -> None:
    """Check that a name and a value are texts; the value, which may be secret, is not named."""
    if not isinstance(key, str) or not isinstance(value, str):
        kind = type(value).__name__
        raise TypeError(f"cookie {key!r} needs texts for its name and its value, not a {kind}")


def _check_prefix(key: str, *, secure: bool, path: str | None, domain: str | None) -> None:
    """Check what RFC 6265bis, 4.1.3, demands of names with a prefix; browsers compare it without case."""
    if needs_secure(key) and not secure:
        raise ValueError(f"cookie {key!r} needs secure=True, or browsers drop it")
    if key.lower().startswith("__host-") and (path != "/" or domain):
        raise ValueError(f"cookie {key!r} needs path='/' and no domain, or browsers drop it")


def _seconds(max_age: int | timedelta | None) -> str | None:
    if max_age is None:
        return None
    seconds = max_age.total_seconds() if isinstance(max_age, timedelta) else max_age
    try:
        return str(int(seconds))
    except (OverflowError, ValueError):
        raise ValueError(f"max_age of a cookie must be finite, not {max_age!r}") from None


def _moment(expires: datetime | int | None) -> str | None:
    if expires is None:
        return None
    if not isinstance(expires, datetime):
        try:
            expires = datetime.now(UTC) + timedelta(seconds=expires)
        except OverflowError:
            raise ValueError("a cookie that ends after the year 9999 cannot be written") from None
    if expires.tzinfo is None:
        raise ValueError(f"expires must be an aware time, not {expires!r}")
    return format_datetime(expires.astimezone(UTC), usegmt=True)


def _same_site(value: str, secure: bool) -> str:
    lowered = value.lower()
    if lowered not in SAME_SITE:
        raise ValueError(f"samesite must be one of {', '.join(SAME_SITE)}, not {value!r}")
    if lowered == "none" and not secure:
        raise ValueError("samesite='none' needs secure=True, or browsers drop the cookie")
    return lowered.capitalize()
