"""Mail addresses: one mailbox per text, checked, and as the wire needs it.

Two shapes are taken, those that people write: ``ada@example.com`` and ``Ada Lovelace <ada@example.com>``. Everything else of
RFC 5322's grammar (lists, groups, comments, routes) is refused, so that no text can name more recipients than it seems to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from openviper.core.email.domains import check_address_literal, to_ascii

MAX_LOCAL = 64
MAX_ADDRESS = 254
"""Octets of a local part, and of an address within the angle brackets (RFC 5321, 4.5.3.1; RFC 3696, erratum 1690)."""
MAX_TEXT = 1000
"""Characters of an address with its name."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Line ends and separators beyond ASCII, and halves of characters, which no encoding takes.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f\x80-\x9f\u2028\u2029\ud800-\udfff]")
_SPACE = re.compile(r"\s")
# What RFC 5322 calls atext, and all beyond U+00A0: told by what is not in it, since Python takes 4 ms to compile the range up to U+10FFFF.
_ATEXT = r'[^\x00-\x20"(),.:;<>@\[\\\]\x7f-\xa0]+'
_DOT_ATOM = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*\Z")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"\Z')
_PLAIN_NAME = re.compile(r'[^<>",:;@()\[\]\\]*\Z')


class Mailbox(NamedTuple):
    """One address.

    Attributes:
        name: The display name, without quotes; may be empty.
        local: What stands before the ``@``, as it was written.
        domain: What stands behind it, as ASCII (RFC 5890: A-labels).
    """

    name: str
    local: str
    domain: str

    @property
    def address(self) -> str:
        """The bare address, for the envelope."""
        return f"{self.local}@{self.domain}"

    @property
    def identity(self) -> tuple[str, str]:
        """What two texts of one address have in common: capitals of a domain mean nothing (RFC 5321, 2.4)."""
        return self.local, self.domain.lower()

    @property
    def needs_smtputf8(self) -> bool:
        """Whether only a server with SMTPUTF8 (RFC 6531) can take it: domains have an ASCII form, local parts have none."""
        return not self.local.isascii()


def parse_mailbox(text: str) -> Mailbox:
    """Return the mailbox that a text is.

    Raises:
        ValueError: If it is not exactly one.
    """
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not a mail address")
    if len(text) > MAX_TEXT:
        raise ValueError(f"mail address {text[:40]!r}... is longer than {MAX_TEXT} characters")
    return _parse(text.strip())


@lru_cache(maxsize=1024)
def _parse(text: str) -> Mailbox:
    if _FORBIDDEN.search(text):
        raise ValueError(f"mail address {text!r} holds a control character")
    name, address = _split(text)
    local, at, domain = address.rpartition("@")
    if not at or not _is_local_part(local):
        raise ValueError(_why_not(local, at, text))
    mailbox = Mailbox(" ".join(name.split()), local, to_ascii_domain(domain, text))
    _check_length(mailbox, text)
    return mailbox


def _check_length(mailbox: Mailbox, text: str) -> None:
    if len(mailbox.local.encode()) > MAX_LOCAL or len(mailbox.address.encode()) > MAX_ADDRESS:
        raise ValueError(f"mail address {text!r} is longer than RFC 5321 allows")


def _split(text: str) -> tuple[str, str]:
    """Return the name, without quotes, and the address of a text; the whole text as an address if it has no name.

    Cut at the brackets and not found by one expression, which would take the square of the length for some texts.
    """
    start = text.rfind("<")
    if start < 0 or not text.endswith(">"):
        return "", text
    name, address = text[:start].rstrip(), text[start + 1 : -1]
    if _QUOTED.match(name):
        return re.sub(r"\\(.)", r"\1", name[1:-1]), address
    return (name, address) if _PLAIN_NAME.match(name) else ("", text)


def _is_local_part(local: str) -> bool:
    if _QUOTED.match(local):
        return local.isascii()
    return _DOT_ATOM.match(local) is not None and not _SPACE.search(local)


def _why_not(local: str, at: str, text: str) -> str:
    if not at:
        return f"{text!r} is not a mail address: it has no '@'"
    if local and _DOT_ATOM.match(local.replace(".", "") or "."):
        return (
            f"{text!r} is not a mail address: dots at the ends of {local!r} or side by side need quotes, as in "
            f"'\"{local}\"@...'"
        )
    return (
        f"{text!r} is not one mail address; several are a list, and a name with a comma, dot or the like before "
        "the <address> goes in double quotes"
    )


def to_ascii_domain(domain: str, shown: str) -> str:
    """Return the domain of an address as DNS knows it.

    Args:
        domain: A name, or an address in square brackets.
        shown: What an error names.

    Raises:
        ValueError: If it is not a domain.
    """
    is_literal = domain.startswith("[") and domain.endswith("]")
    try:
        return check_address_literal(domain) if is_literal else to_ascii(domain)
    except ValueError as error:
        raise ValueError(f"mail address {shown!r} has no valid domain: {error}") from None


def normalize_addresses(
    values: Iterable[str] | str | None, *, named: str = "recipients"
) -> list[str]:
    """Return addresses stripped and checked, each once, in order; with a name if it was given with one anywhere.

    Args:
        values: Texts of one mailbox each, one such text, or `None`.
        named: What the caller knows them by, for messages.

    Raises:
        ValueError: If a text is not exactly one mailbox, or holds a control character.
        TypeError: If they are neither a text nor a list of texts.
    """
    texts = [_checked(value) for value in _given(values, named)]
    addresses = [text for text in texts if text]
    return addresses if len(addresses) < 2 else _each_once(addresses)


def _given(values: Iterable[str] | str | None, named: str) -> Iterable[str]:
    """Return what is given as several texts.

    Raises:
        TypeError: If it is something else; the values of a mapping, names perhaps, would be lost.
    """
    if values is None:
        return ()
    if isinstance(values, str):
        return (values,)
    if isinstance(values, (bytes, bytearray, Mapping)) or not isinstance(values, Iterable):
        raise TypeError(
            f"{named} must be an address or a list of them, not {type(values).__name__}"
        )
    return values


def _each_once(texts: list[str]) -> list[str]:
    """Return the text of each mailbox once: the first with a name, or else the first."""
    kept: dict[tuple[str, str], str] = {}
    named: set[tuple[str, str]] = set()
    for text in texts:
        mailbox = parse_mailbox(text)
        key = mailbox.identity
        kept.setdefault(key, text)
        if mailbox.name and key not in named:
            named.add(key)
            kept[key] = text
    return list(kept.values())


def _checked(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a mail address")
    text = value.strip()
    if _CONTROL.search(text):
        raise ValueError(f"mail address {text!r} holds a control character")
    if text:
        parse_mailbox(text)
    return text
