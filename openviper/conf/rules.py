"""Rules for the value of one setting: each takes it and returns what is wrong with it, or `None`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from openviper.conf.declaration import Check
from openviper.utils.importing import lazy_pattern

LOG_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG", "NOTSET")


def more_than(bound: float) -> Check:
    """Return the rule that a number is above `bound`."""

    def check(value: float) -> str | None:
        return None if value > bound else f"must be more than {bound}"

    return check


def at_least(least: int) -> Check:
    """Return the rule that a number is not below `least`; `None`, where it is allowed, passes."""

    def check(value: float | None) -> str | None:
        return f"must be at least {least}" if value is not None and value < least else None

    return check


def between(least: int, most: int) -> Check:
    """Return the rule that a number is not below `least` nor above `most`."""

    def check(value: float) -> str | None:
        return None if least <= value <= most else f"must be from {least} to {most}"

    return check


def log_level(value: str) -> str | None:
    """Demand the name of a level, in any case."""
    if value.upper() in LOG_LEVELS:
        return None
    return f"must be one of {', '.join(LOG_LEVELS)}"


def time_zone(value: str) -> str | None:
    """Demand the name of a time zone that this machine knows."""
    if value == "UTC":
        return None  # Known everywhere, and asked at each start.
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(value)
    except (LookupError, OSError, ValueError):  # Unknown, a folder, or a path that leads outside.
        return "must be a known time zone such as 'UTC' or 'Europe/Vienna'"
    return None


def sha256_digits(value: str) -> str | None:
    """Demand the 64 hexadecimal digits of a SHA-256, or an empty text."""
    is_sum = len(value) == 64 and set(value.lower()) <= set("0123456789abcdef")
    return None if is_sum or not value else "must be the 64 hexadecimal digits of a SHA-256"


def positive_time(value: timedelta) -> str | None:
    """Demand a duration of at least a second."""
    return None if value >= timedelta(seconds=1) else "must be at least a second"


SESSION_STORES = ("database", "cookie", "redis", "cache", "memory")


def session_store(value: str) -> str | None:
    """Demand the word for a store, or a dotted path."""
    if value in SESSION_STORES or "." in value:
        return None
    return f"must be one of {', '.join(SESSION_STORES)}, or the dotted path of a store"


_ORIGIN = lazy_pattern(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/?\Z")


def origin(value: str) -> str | None:
    """Demand a scheme and a host, and nothing behind; the empty text passes."""
    if not value or _ORIGIN.match(value):
        return None
    return "must be an address without a path, such as 'https://www.example.org'"


_ORIGIN_PATTERN = lazy_pattern(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/?\Z"
)
_ORIGIN_FORMS = "'https://www.example.org', 'https://*.example.org' for its sub-domains"
_WORDS = ("*", "null")


def origin_pattern(value: str) -> str | None:
    """Demand an origin, with a star for sub-domains or alone for all; ``null`` is that of pages without one."""
    if value in _WORDS or _ORIGIN_PATTERN.match(value):
        return None
    return f"must be like {_ORIGIN_FORMS}, or '*'"


def origins(value: Sequence[str]) -> str | None:
    """Demand origins as browsers name them: a scheme and a host, in ASCII and without a path."""
    if all(origin_pattern(origin) is None for origin in value):
        return None
    return f"must hold origins: {_ORIGIN_FORMS}, or '*'"


def trusted_origins(value: Sequence[str]) -> str | None:
    """Demand origins, but not all of them."""
    if all(map(_ORIGIN_PATTERN.match, value)):
        return None
    return f"must hold origins: {_ORIGIN_FORMS}"


_METHOD = lazy_pattern(r"\*|[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def methods(value: Sequence[str]) -> str | None:
    """Demand words that can be methods, or names of headers (RFC 9110, 5.6.2)."""
    if all(map(_METHOD.fullmatch, value)):
        return None
    return "must hold words of letters, digits and '-', or '*'"


def header_words(*words: str) -> Check:
    """Return the rule that the value of a header is one of some words, or several between commas; none passes.

    Browsers pass over a word that they do not know, and with it the protection.
    """

    def check(value: str | None) -> str | None:
        given = [part.partition(";")[0].strip().lower() for part in (value or "").split(",")]
        if not value or (set(given) <= set(words) and header_value(value) is None):
            return None
        return f"must be one of {', '.join(words)}"

    return check


def header_value(value: str | None) -> str | None:
    """Demand what can be the value of a header."""
    if value is None or (value.isascii() and value.replace("\t", " ").isprintable()):
        return None
    return "must be printable ASCII, on one line"


_ALLOWED = r'(?:\*|self|src|"[^"\\\\]*")'
_FEATURE = rf"[a-z][a-z0-9-]*=(?:{_ALLOWED}|\((?: *{_ALLOWED})* *\))(?:; *[a-z-]+=(?:[a-z0-9-]+|\"[^\"]*\"))*"
_FEATURES = lazy_pattern(rf" *{_FEATURE}(?: *, *{_FEATURE})* *")


def permissions_policy(value: str | None) -> str | None:
    """Demand features with their origins (W3C Permissions Policy, 5.2); of a list with a fault browsers read nothing."""
    if not value or _FEATURES.fullmatch(value):
        return header_value(value)
    return "must be features with their origins, such as 'camera=(), geolocation=(self)'"


def proxies(value: Sequence[str]) -> str | None:
    """Demand addresses and networks, and the word for Unix sockets."""
    from ipaddress import ip_network

    for entry in value:
        try:
            if entry != "unix":
                ip_network(entry, strict=False)
        except ValueError:
            return f"must hold addresses, networks such as '10.0.0.0/8', and 'unix', not {entry!r}"
    return None


_HOST = r"(?:\.?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])"
_HOSTS = lazy_pattern(rf"\*|{_HOST}\Z")
_REDIRECT_HOSTS = lazy_pattern(rf"\*|{_HOST}(?::[0-9]{{1,5}})?\Z")
_HOST_FORMS = "'www.example.org', '.example.org' for its sub-domains too, or '*'"


def hosts(value: Sequence[str]) -> str | None:
    """Demand names of hosts as requests name them: in ASCII, without scheme, port and dot at the end."""
    if all(map(_HOSTS.fullmatch, value)):
        return None
    return f"must hold host names without scheme and port: {_HOST_FORMS}"


def redirect_hosts(value: Sequence[str]) -> str | None:
    """Demand names of hosts, with or without a port."""
    if all(map(_REDIRECT_HOSTS.fullmatch, value)):
        return None
    return f"must hold host names without scheme: {_HOST_FORMS}"


_LANGUAGE = lazy_pattern(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*\Z")
_LANGUAGE_FORM = "as browsers send them, such as 'en', 'pt-br' or 'zh-hans'"


def language(value: str) -> str | None:
    """Demand a language tag (RFC 5646, 2.1)."""
    return None if _LANGUAGE.match(value) else f"must be a language tag {_LANGUAGE_FORM}"


def languages(value: Sequence[str]) -> str | None:
    """Demand language tags, each once."""
    if not all(map(_LANGUAGE.match, value)):
        return f"must hold language tags {_LANGUAGE_FORM}"
    twice = len({tag.lower() for tag in value}) < len(value)
    return "must hold each language once, whatever its capitals" if twice else None


_TOKEN = lazy_pattern(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def cookie_name(value: str) -> str | None:
    """Demand what can be the name of a cookie (RFC 6265, 4.1.1)."""
    if _TOKEN.fullmatch(value):
        return None
    return "must be the name of a cookie, of letters, digits and '-_.' for example"


def cookie_path(value: str) -> str | None:
    """Demand a path that a cookie can be sent to."""
    is_sendable = value.isascii() and value.isprintable() and ";" not in value
    return (
        None if is_sendable and value.startswith("/") else "must be a path such as '/' or '/shop'"
    )


def cookie_domain(value: str | None) -> str | None:
    """Demand the name of a host; `None` and the empty text pass."""
    if not value or re.fullmatch(_HOST, value):
        return None
    return "must be a host such as 'example.org'"


def address_below(value: str) -> str | None:
    """Demand what addresses of files can begin with: a path from the root on, or another server."""
    if value.startswith(("/", "http://", "https://")) and not re.search(r"[\s?#]", value):
        return None
    return "must be a path such as '/files/', or an address such as 'https://files.example.org/'"
