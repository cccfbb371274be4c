"""Forms of text that fields and validation ask for alike: addresses of mail and of pages, slugs."""

from __future__ import annotations

from urllib.parse import urlsplit

from openviper.utils.importing import lazy_pattern

_HOST_LABEL = lazy_pattern(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
_LOCAL_PART = lazy_pattern(r"[^\s@\"(),:;<>\[\\\]]+\Z")
_SLUG = lazy_pattern(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?\Z")


def is_email(text: str) -> bool:
    """Return whether a text has one ``@`` between a plain local part and host labels, and nothing that cannot be seen.

    A mark that turns the direction of text, or half a surrogate pair, would show another address or could not be sent.
    """
    local, _, host = text.partition("@")
    return (
        text.isprintable()
        and bool(_LOCAL_PART.match(local))
        and all(_HOST_LABEL.match(label) for label in host.split("."))
    )


def is_http_address(text: str) -> bool:
    """Return whether a text is an ``http`` or ``https`` address with a host.

    Browsers take a backslash for a slash, and so for the end of the host; other readers do not.
    """
    if not text.isprintable() or " " in text or "\\" in text:
        return False
    try:
        parts = urlsplit(text)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and has_port


def is_slug(text: str) -> bool:
    """Return whether a text is a short label of ASCII letters, digits, ``-`` and ``_``."""
    return bool(_SLUG.match(text))
