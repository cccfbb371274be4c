"""Keeping keys out of what people read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

MASK = "***"
MIN_SECRET = 4
"""Shorter values are not looked for in texts: they would be found everywhere."""
_SECRET_NAME = re.compile(r"key|token|secret|password|authorization|cookie|proxy", re.IGNORECASE)
_NOT_SECRET = frozenset({"max_tokens", "first_token_timeout", "api_key_env"})


def is_secret_name(name: str) -> bool:
    """Return whether a value of this name is not to be shown."""
    return name not in _NOT_SECRET and _SECRET_NAME.search(name) is not None


def masked(value: object, name: str = "") -> object:
    """Return a copy in which every value with a secret's name is ``"***"``, however deep it lies."""
    if name and is_secret_name(name) and value not in (None, ""):
        return MASK
    if isinstance(value, Mapping):
        return {key: masked(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(inner) for inner in value]
    return value


def secrets_in(value: object, name: str = "") -> set[str]:
    """Return the texts that `masked` would hide."""
    if isinstance(value, Mapping):
        return set().union(*(secrets_in(inner, str(key)) for key, inner in value.items()))
    if isinstance(value, list | tuple):
        return set().union(*(secrets_in(inner, name) for inner in value))
    is_hidden = isinstance(value, str) and bool(name) and is_secret_name(name)
    return {str(value)} if is_hidden and len(str(value)) >= MIN_SECRET else set()


def without(text: str, secrets: Iterable[str]) -> str:
    """Return a text in which every secret is ``***``, the longest first."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


class ProviderConfig(dict[str, object]):
    """A configuration whose `repr` shows no keys."""

    def __repr__(self) -> str:
        return repr(masked(dict(self)))

    __str__ = __repr__
