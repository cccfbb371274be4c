"""Mail addresses: one mailbox per text, checked, and as the wire needs it.

Two shapes are taken, those that people write: ``ada@example.com`` and ``Ada Lovelace <ada@example.com>``. Everything else of
RFC 5322's grammar (lists, groups, comments, routes) is refused, so that no text can name more recipients than it seems to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

MAX_LOCAL = 64
MAX_ADDRESS = 254
"""Octets of a local part, and of an address within the angle brackets (RFC 5321, 4.5.3.1; RFC 3696, erratum 1690)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Line ends and separators beyond ASCII, and halves of characters, which no encoding takes.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f\x80-\x9f\u2028\u2029\ud800-\udfff]")
_SPACE = re.compile(r"\s")
_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
_DOT_ATOM = re.compile(rf"[{_ATEXT}\u00a1-\U0010ffff]+(?:\.[{_ATEXT}\u00a1-\U0010ffff]+)*\Z")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"\Z')
_MAILBOX = re.compile(r'(?P<name>"(?:[^"\\]|\\.)*"|[^<>",:;@()\[\]\\]*?)\s*<(?P<address>[^<>]*)>\Z')
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")


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
    return _parse(text.strip())


@lru_cache(maxsize=1024)
def _parse(text: str) -> Mailbox:
    if _FORBIDDEN.search(text):
        raise ValueError(f"mail address {text!r} holds a control character")
    match = _MAILBOX.match(text)
    name, address = (match["name"], match["address"]) if match else ("", text)
    if name.startswith('"'):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    local, at, domain = address.rpartition("@")
    if not at:
        raise ValueError(f"{text!r} is not a mail address: it has no '@'")
    if not (
        (_DOT_ATOM.match(local) and not _SPACE.search(local))
        or (_QUOTED.match(local) and local.isascii())
    ):
        raise ValueError(
            f"{text!r} is not one mail address; several are a list, and a name with a comma, dot or the like before "
            "the <address> goes in double quotes"
        )
    ascii_domain = to_ascii_domain(domain, text)
    if len(local.encode()) > MAX_LOCAL or len(f"{local}@{ascii_domain}".encode()) > MAX_ADDRESS:
        raise ValueError(f"mail address {text!r} is longer than RFC 5321 allows")
    return Mailbox(" ".join(name.split()), local, ascii_domain)


def to_ascii_domain(domain: str, shown: str) -> str:
    """Return a domain as DNS knows it.

    Args:
        domain: A name, or an address in square brackets.
        shown: What an error names.

    Raises:
        ValueError: If it is no domain.
    """
    if domain.startswith("[") and domain.endswith("]"):
        import ipaddress

        literal = domain[1:-1]
        try:
            if literal[:5].lower() == "ipv6:":
                ipaddress.IPv6Address(literal[5:])
            else:
                ipaddress.IPv4Address(literal)
        except ValueError:
            raise ValueError(f"mail address {shown!r} has no address in its brackets") from None
        return domain
    try:
        # The standard library's IDNA (RFC 3490); a trailing dot is no part of a mail domain.
        encoded = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        encoded = ""
    if not encoded or not all(_LABEL.match(label) for label in encoded.split(".")):
        raise ValueError(f"mail address {shown!r} has no valid domain")
    return encoded


def normalize_addresses(values: Iterable[str] | str | None) -> list[str]:
    """Return addresses stripped, checked and without exact duplicates, in order.

    Args:
        values: Texts of one mailbox each, one such text, or `None`.

    Raises:
        ValueError: If a text is not exactly one mailbox, or holds a control character.
    """
    if values is None:
        return []
    found: dict[str, None] = {}
    for value in [values] if isinstance(values, str) else values:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not a mail address")
        text = value.strip()
        if not text:
            continue
        if _CONTROL.search(text):
            raise ValueError(f"mail address {text!r} holds a control character")
        parse_mailbox(text)
        found[text] = None
    return list(found)
