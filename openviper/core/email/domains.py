"""Domains as DNS knows them: international names in their ASCII form.

The standard library knows IDNA 2003 only. It writes ``ss`` for ``ß`` and the like, which since IDNA 2008 (RFC 5894,
7.2) are names of their own, perhaps of somebody else. So labels with these four characters are encoded as they stand
or refused, and so is every label that today's Unicode would write in another way.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from functools import lru_cache

_DEVIATIONS = re.compile("([\u00df\u03c2])")
"""Sharp s and final sigma, which IDNA 2003 replaces."""
_DOTS = re.compile("[.\u3002\uff0e\uff61]")
"""What separates labels (RFC 3490, 3.1)."""
_REFUSED = re.compile("[\u200c\u200d\u1e9e]")
"""The two joiners, allowed in some contexts only (RFC 5892, appendix A), and the capital sharp s."""
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
LONGEST = 253
"""Characters of a domain in ASCII (RFC 1035, 2.3.4)."""


def is_domain(text: str) -> bool:
    """Return whether a text is a domain in ASCII."""
    return len(text) <= LONGEST and all(_LABEL.match(label) for label in text.split("."))


@lru_cache(maxsize=1024)
def to_ascii(domain: str) -> str:
    """Return a domain as DNS knows it.

    Raises:
        ValueError: If it is not a domain, or its ASCII form is in doubt; the text says why.
    """
    if len(domain) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters")
    encoded = domain
    if not domain.isascii():
        encoded = ".".join(_label(label) for label in _DOTS.split(domain))
    if not is_domain(encoded):
        raise ValueError("it is not a valid domain")
    return encoded


def _label(label: str) -> str:
    if label.isascii():
        return label
    doubtful = _REFUSED.search(label)
    if doubtful is not None:
        raise ValueError(
            f"the ASCII form of {doubtful.group()!r} depends on who is asked; write the name as xn--..."
        )
    mapped = "".join(map(_mapped, _DEVIATIONS.split(unicodedata.normalize("NFC", label))))
    return mapped if mapped.isascii() else _encoded(mapped)


def _encoded(label: str) -> str:
    # Letters that are younger than IDNA 2003 pass its tables unchanged.
    if label != unicodedata.normalize("NFKC", label) or label != label.lower():
        raise ValueError(f"the ASCII form of {label!r} is in doubt; write the name as xn--...")
    return f"xn--{label.encode('punycode').decode('ascii')}"


def _mapped(piece: str) -> str:
    from encodings.idna import nameprep  # Its tables take a while and few need them.

    if not piece or _DEVIATIONS.fullmatch(piece):
        return piece
    try:
        return nameprep(piece)
    except UnicodeError as error:
        raise ValueError(f"it is not a valid domain: {error}") from None


def check_address_literal(domain: str) -> str:
    """Return an address in square brackets as it stands (RFC 5321, 4.1.3).

    Raises:
        ValueError: If there is no IP address in its brackets.
    """
    literal = domain[1:-1]
    try:
        if literal[:5].lower() == "ipv6:":
            ipaddress.IPv6Address(literal[5:])
        else:
            ipaddress.IPv4Address(literal)
    except ValueError:
        raise ValueError(f"there is no address in the brackets of {domain!r}") from None
    return domain
