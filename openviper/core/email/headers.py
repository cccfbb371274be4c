"""Header fields as bytes: what RFC 5322 lets stand as it is, and the rest as RFC 2047 or RFC 2231 encode it.

Written by hand because it is most of what building a message costs: the general machinery of the package `email` parses each
value first. What comes out is read back by that package in the tests, for thousands of random values.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from openviper.core.email.addresses import Mailbox

LINE = 76
"""Characters of a line that is folded; RFC 5322, 2.1.1 asks for at most 78."""
LONGEST = 998
"""Characters of a line (RFC 5322, 2.1.1); servers send longer ones back, or cut them."""
WORD_BYTES = 45
"""Bytes of UTF-8 in one encoded word: 60 characters of base64, with ``=?utf-8?b??=`` within the 75 of RFC 2047, 2."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,76}\Z")
"""The name of a header field, as long as a line should be at most."""
_ODD = re.compile(r"[^\x20-\x7e]|=\?|\?=")
_REMOVED = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_SPECIAL_IN_NAME = re.compile(r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~\- ]")
_PLAIN_PARAMETER = re.compile(r"[A-Za-z0-9 !#$&'()+,\-.=@\[\]^_`{}~]*\Z")
"""What every reader takes as it is between quotes; some strip angle brackets, or mistake a semicolon."""

STRUCTURAL = frozenset(
    "from to cc bcc sender reply-to subject date message-id mime-version return-path received".split()
)
"""Header fields that a message has from its own attributes; those beginning with ``content-`` and ``resent-`` belong here too."""


def clean_text(text: str) -> str:
    """Return the text of a header field: line breaks and control characters removed, tabs made spaces."""
    return _REMOVED.sub("", text).replace("\t", " ").encode("utf-8", "replace").decode().strip()


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return header fields of a user's own, checked.

    Raises:
        ValueError: If a name is not a token (RFC 5322, 2.2) or is set by the message itself, or a value has a line break.
        TypeError: If they are no mapping, or a value is neither a text nor a number.
    """
    if not isinstance(headers, Mapping):
        raise TypeError(f"headers are a mapping of names, not {type(headers).__name__}")
    checked: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in headers.items():
        lower = _checked_name(name)
        if lower in seen:
            raise ValueError(f"header {name!r} is given twice")
        seen.add(lower)
        checked[name] = _checked_value(name, value)
    return checked


def _checked_value(name: str, value: object) -> str:
    if isinstance(value, (int, float)):
        value = str(value)
    if not isinstance(value, str):
        raise TypeError(f"header {name!r} must be a text, not {type(value).__name__}")
    if _REMOVED.search(value):
        raise ValueError(f"header {name!r} holds a line break or another control character")
    return clean_text(value)


def _checked_name(name: object) -> str:
    """Return the name of a header field in lower case."""
    if not _TOKEN.match(str(name)):
        raise ValueError(f"header name {str(name)[:80]!r} is not a token of 76 characters at most")
    lower = str(name).lower()
    if lower in STRUCTURAL or lower.startswith(("content-", "resent-")):
        raise ValueError(f"header {name!r} is set by the message itself")
    return lower


def text_field(name: str, value: str) -> str:
    """Return a field of unstructured text, with its line end."""
    first = len(name) + 2
    if _ODD.search(value) or "  " in value:
        return f"{name}: {encoded_words(value, first)}\r\n"
    if first + len(value) <= LINE:
        return f"{name}: {value}\r\n"
    if len(max(value.split(" "), key=len)) > room_for_word(name):
        return f"{name}: {encoded_words(value, first)}\r\n"
    return f"{name}: {_folded(value, first)}\r\n"


def room_for_word(name: str) -> int:
    """Return the most characters of a word that can stand in a field of this name, a comma behind it, as no line break is allowed within."""
    return LONGEST - len(name) - len(": ,")


def _folded(value: str, used: int) -> str:
    """Break lines before spaces; unfolded again it is the very same text (RFC 5322, 2.2.3)."""
    lines, line = [], ""
    for word in value.split(" "):
        if line and used + len(line) + 1 + len(word) > LINE:
            lines.append(line)
            line, used = word, 1
        else:
            line = f"{line} {word}" if line else word
    lines.append(line)
    return "\r\n ".join(lines)


def encoded_words(value: str, used: int) -> str:
    """Return text as encoded words of base64, broken between characters; `used` characters are on the line already."""
    data = value.encode()
    words, start = [], 0
    room = max(9, min(WORD_BYTES, (LINE - used - 12) // 4 * 3))
    while start < len(data):
        end = _end_of_character(data, min(len(data), start + room))
        words.append(f"=?utf-8?b?{b2a_base64(data[start:end], newline=False).decode()}?=")
        start, room = end, WORD_BYTES
    return "\r\n ".join(words)


def _end_of_character(data: bytes, end: int) -> int:
    while end < len(data) and data[end] & 0xC0 == 0x80:  # Within a character.
        end -= 1
    return end


def address_field(name: str, mailboxes: Sequence[Mailbox]) -> str:
    """Return a field of addresses, one per line if they do not fit on one."""
    used = len(name) + 2
    texts = [address_text(mailbox, used) for mailbox in mailboxes]
    joined = ", ".join(texts)
    if used + len(joined) > LINE:
        joined = ",\r\n ".join(texts)
    return f"{name}: {joined}\r\n"


def address_text(mailbox: Mailbox, used: int) -> str:
    """Return one address of a field; non-ASCII local parts stand as they are, which RFC 6532 allows with SMTPUTF8."""
    name = mailbox.name
    if not name:
        return mailbox.address
    if _ODD.search(name) or len(name) > LINE - 2:
        return f"{encoded_words(name, used)} <{mailbox.address}>"
    if _SPECIAL_IN_NAME.search(name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        name = f'"{escaped}"'
    return f"{name} <{mailbox.address}>"


def parameter(name: str, value: str) -> str:
    """Return a parameter of a MIME header, with the ``;`` before it, on a line of its own (RFC 2231 where it has to be)."""
    if _PLAIN_PARAMETER.match(value) and len(value) + len(name) < LINE - 6:
        return f';\r\n {name}="{value}"'
    encoded = f"utf-8''{quote(value, safe='')}"
    if len(encoded) + len(name) < LINE - 4:
        return f";\r\n {name}*={encoded}"
    pieces = _encoded_pieces(value, LINE - len(name) - 8)
    return "".join(f";\r\n {name}*{number}*={piece}" for number, piece in enumerate(pieces))


def _encoded_pieces(value: str, room: int) -> list[str]:
    """Return a value in pieces (RFC 2231, 3), broken between characters: some readers decode each piece by itself."""
    pieces, piece = [], "utf-8''"
    for character in value:
        octets = quote(character, safe="")
        if len(piece) + len(octets) > room:
            pieces.append(piece)
            piece = ""
        piece += octets
    return [*pieces, piece]
