"""Header fields with a structure: addresses, identifiers, the fields of mailing lists.

A reader takes these apart, so encoding one whole, as a text is, would hide its addresses. Only the words between the
angle brackets' contents are encoded; what cannot stand in such a field is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from openviper.core.email.addresses import parse_mailbox
from openviper.core.email.headers import (
    LINE,
    address_field,
    encoded_words,
    room_for_word,
    text_field,
)

_ADDRESSES = frozenset(
    "disposition-notification-to return-receipt-to x-confirm-reading-to errors-to mail-followup-to mail-reply-to "
    "apparently-to x-original-to delivered-to x-original-from approved".split()
)
"""Fields of mailboxes, separated by commas (RFC 8098, 2.1 and by custom)."""
_LISTS = frozenset(
    "list-id list-help list-unsubscribe list-subscribe list-post list-owner list-archive archived-at".split()
)
"""Fields of texts and ``<addresses>`` (RFC 2369, RFC 2919, RFC 5064)."""
_IDENTIFIERS = frozenset("in-reply-to references supersedes original-message-id".split())
"""Fields of message identifiers (RFC 5322, 3.6.4)."""
_TOKENS = frozenset(
    "auto-submitted precedence importance priority x-priority x-msmail-priority sensitivity expires expiry-date "
    "list-unsubscribe-post dkim-signature authentication-results original-encoded-information-types arc-seal "
    "arc-message-signature arc-authentication-results received-spf autocrypt feedback-id thread-index tls-required "
    "require-recipient-valid-since message-context".split()
)
"""Fields of words that programs compare; nothing in them can be encoded."""
FOLD = "\r\n "
_ANGLED = re.compile(r"(<[^<>]*>)")
_INSIDE = re.compile(r"<[!-;=?-~]+>\Z")
_IDENTIFIER = re.compile(r"<[!-;=?-~]+>\Z")
_BRACKET = re.compile("[<>]")
_ADDRESS_TARGET = re.compile(r"[!-;=?-~]+\Z")


def header_field(name: str, value: str) -> str:
    """Return a field of a user's own with its line end, written as its name asks for.

    Raises:
        ValueError: If the value cannot stand in a field of this name.
    """
    lower = name.lower()
    for names, write in _WRITERS:
        if lower in names:
            return write(name, value)
    return text_field(name, value)


def _addresses(name: str, value: str) -> str:
    try:
        mailboxes = [parse_mailbox(part) for part in split_addresses(value)]
    except ValueError as error:
        raise ValueError(f"header {name!r}: {error}") from None
    return address_field(name, mailboxes)


def split_addresses(value: str) -> list[str]:
    """Return the parts of a list of addresses, cut at its commas but not at those in double quotes."""
    parts, start, quoted, escaped = [], 0, False, False
    for place, character in enumerate(value):
        if character == '"' and not escaped:
            quoted = not quoted
        elif character == "," and not quoted:
            parts.append(value[start:place])
            start = place + 1
        escaped = character == "\\" and not escaped
    return [*parts, value[start:]]


def _list(name: str, value: str) -> str:
    pieces: list[str] = []
    for piece in _ANGLED.split(value):
        pieces += _list_pieces(name, piece.strip())
    return f"{name}: {_joined(pieces, len(name) + 2)}\r\n"


def _list_pieces(name: str, text: str) -> list[str]:
    """Return the pieces of a list's field: an ``<address>`` as it is, words between two of them, encoded if need be."""
    if text.startswith("<"):
        _check_angled(name, text)
        return [text]
    if text.isascii() and not _BRACKET.search(text):
        return _plain_words(name, text)
    return [encoded_words(text, len(name) + 2)]


def _plain_words(name: str, text: str) -> list[str]:
    words, most = text.split(), room_for_word(name)
    for word in words:
        if len(word) > most:
            raise ValueError(
                f"header {name!r} has a word of {len(word)} characters; {most} fit on a line"
            )
    return words


def _check_angled(name: str, text: str) -> None:
    if not _INSIDE.match(text):
        raise ValueError(
            f"header {name!r} has {text[:80]!r}, which is not an address in ASCII without spaces"
        )
    most = room_for_word(name)
    if len(text) > most:
        raise ValueError(
            f"header {name!r} has an address of {len(text)} characters; {most} fit on a line"
        )


def _identifiers(name: str, value: str) -> str:
    words, most = value.split(), room_for_word(name)
    for word in words:
        if not _IDENTIFIER.match(word) or len(word) > most:
            raise ValueError(
                f"header {name!r} has {word[:80]!r}, which is not a message identifier"
            )
    return f"{name}: {_joined(words, len(name) + 2)}\r\n"


def _tokens(name: str, value: str) -> str:
    if not value.isascii():
        raise ValueError(f"header {name!r} takes ASCII only, not {value!r}")
    return f"{name}: {_joined(_plain_words(name, value), len(name) + 2)}\r\n"


def _joined(pieces: list[str], used: int) -> str:
    """Return pieces with a space between them, or a line break where the line is full; commas stay where they are."""
    written, room = "", LINE - used
    for piece in pieces:
        separator = _separator(piece, room) if written else ""
        if separator == FOLD:
            room = LINE
        written += separator + piece
        room -= len(separator) + len(piece)
    return written


def _separator(piece: str, room: int) -> str:
    if piece == ",":
        return ""
    return " " if len(piece) + 1 <= room else FOLD


_WRITERS: tuple[tuple[frozenset[str], Callable[[str, str], str]], ...] = (
    (_ADDRESSES, _addresses),
    (_LISTS, _list),
    (_IDENTIFIERS, _identifiers),
    (_TOKENS, _tokens),
)


ONE_CLICK = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
"""What tells a reader that a POST is enough (RFC 8058, 3.1)."""


def list_unsubscribe(
    *, url: str | None = None, mailto: str | None = None, one_click: bool = True
) -> dict[str, str]:
    """Return the header fields that let a reader leave a list: RFC 2369, and RFC 8058 for one click.

    Args:
        url: An address that takes a POST (one click) or shows a page; ``https`` for one click.
        mailto: A mail address, perhaps with ``?subject=...``.
        one_click: Whether a POST to `url` alone is enough; without a `url` it has no meaning.

    Raises:
        ValueError: If neither is given, or one cannot stand in such a field.
    """
    targets = [] if url is None else [_target(url, _SCHEMES[one_click])]
    if mailto is not None:
        targets.append(_target(_with_mailto(mailto), ("mailto:",)))
    if not targets:
        raise ValueError("an address to unsubscribe at needs a url or a mailto")
    fields = {"List-Unsubscribe": ", ".join(targets)}
    has_one_click = one_click and url is not None
    return {**fields, **ONE_CLICK} if has_one_click else fields


_SCHEMES = {True: ("https://",), False: ("https://", "http://")}
"""What an address may begin with, with one click and without."""


def _with_mailto(text: str) -> str:
    return text if text.lower().startswith("mailto:") else f"mailto:{text}"


def _target(text: str, schemes: tuple[str, ...]) -> str:
    fits = _ADDRESS_TARGET.match(text) and len(text) + 2 <= room_for_word("List-Unsubscribe")
    if not text.lower().startswith(schemes) or not fits:
        raise ValueError(
            f"{text!r} is not an address to unsubscribe at; it must begin with {' or '.join(schemes)} and fit on a line"
        )
    return f"<{text}>"
