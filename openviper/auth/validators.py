"""What an e-mail address may look like, and when two are one."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from openviper.utils.importing import lazy_module, lazy_pattern

if TYPE_CHECKING:
    from openviper.core.email import domains
else:
    domains = lazy_module("openviper.core.email.domains")  # Few domains are not ASCII.

MAX_EMAIL_LENGTH = 254
MOST_LOOKED_AT = 1000
"""Characters of what may become an address by being normalised."""

_EMAIL = lazy_pattern(r"[^@\s\x00-\x1f\x7f]+@[^@\s.\x00-\x1f\x7f]+(\.[^@\s.\x00-\x1f\x7f]+)+\Z")


def email_problem(email: str) -> str | None:
    """Return what is wrong with an e-mail address, normalised as by `normalize_email`, or `None`."""
    if len(email) > MAX_EMAIL_LENGTH:
        return f"the e-mail address has {len(email)} characters, at most {MAX_EMAIL_LENGTH} are allowed"
    if not _EMAIL.match(email):
        return f"e-mail address {email!r} is not of the form name@example.com"
    if not email.rpartition("@")[
        2
    ].isascii():  # `normalize_email` could not tell what DNS calls it.
        return f"e-mail address {email!r} has a domain that is written in no certain way"
    if len(email_key(email)) > MAX_EMAIL_LENGTH:
        return f"e-mail address {email!r} is too long"
    return None


def normalize_email(email: str) -> str:
    """Return an address without blanks around it, its domain, which has no case, in lower case and as DNS has it (IDNA).

    What is no address, or much too long, comes back as it is; `email_problem` says so.
    """
    if len(email) > MOST_LOOKED_AT:
        return email
    name, at, domain = email.strip().rpartition("@")
    return f"{unicodedata.normalize('NFC', name)}{at}{_normal_domain(domain)}"


def _normal_domain(domain: str) -> str:
    if domain.isascii():
        return domain.lower()
    try:
        return domains.to_ascii(domain).lower()
    except ValueError:
        return domain


def email_key(email: str) -> str:
    """Return what is equal for addresses that are taken for one: those that differ in capitals only."""
    normal = unicodedata.normalize("NFKC", normalize_email(email).casefold())
    return unicodedata.normalize("NFKC", normal.casefold())
