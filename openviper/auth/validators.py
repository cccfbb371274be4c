"""What a username and an e-mail address may look like."""

from __future__ import annotations

import re

MAX_USERNAME_LENGTH = 150
MAX_EMAIL_LENGTH = 254

_USERNAME = re.compile(r"[\w.@+-]+\Z")
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s.\x00-\x1f\x7f]+(\.[^@\s.\x00-\x1f\x7f]+)+\Z")


def username_problem(username: str) -> str | None:
    """Return what is wrong with a username, or `None`."""
    if not username:
        return "the username must not be blank"
    if len(username) > MAX_USERNAME_LENGTH:
        return f"the username has {len(username)} characters, at most {MAX_USERNAME_LENGTH} are allowed"
    if not _USERNAME.match(username):
        return f"username {username!r} may hold only letters, digits and the characters @ . + - _"
    return None


def email_problem(email: str) -> str | None:
    """Return what is wrong with an e-mail address, or `None`."""
    if len(email) > MAX_EMAIL_LENGTH:
        return f"the e-mail address has {len(email)} characters, at most {MAX_EMAIL_LENGTH} are allowed"
    if not _EMAIL.match(email):
        return f"e-mail address {email!r} is not of the form name@example.com"
    return None


def normalize_email(email: str) -> str:
    """Return an address without blanks around it and with its domain, which has no case, in lower case."""
    name, at, domain = email.strip().rpartition("@")
    return f"{name}{at}{domain.lower()}"
