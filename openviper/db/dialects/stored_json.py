"""What JSON may hold, so that every database can store it."""

from __future__ import annotations

from openviper.utils.importing import lazy_pattern

_NUL = lazy_pattern(r"(?<!\\)(?:\\\\)*\\u0000")
r"""The escape of a NUL character: ``\u0000`` behind a backslash that is escaped itself is another text."""


def check_stored(text: str) -> None:
    """Return if every database can store encoded JSON.

    Raises:
        ValueError: If a key or text in it has a NUL character, for which PostgreSQL has no place, or half of a surrogate
            pair, which has no encoding.
    """
    if "u0000" in text and _NUL.search(text):
        raise ValueError("the JSON has a NUL character")
    if not (text.isascii() or _has_encoding(text)):
        raise ValueError("the JSON has no UTF-8 form")


def may_be_key(key: str) -> bool:
    """Return whether stored JSON can have a key."""
    return "\0" not in key and (key.isascii() or _has_encoding(key))


def _has_encoding(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
