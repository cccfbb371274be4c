"""Keys of any text and length, and the names under which stores hold them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import TypeVar

from openviper.cache.exceptions import CacheKeyError

MAX_PLAIN = 160
"""Longest key that a store is given as it is, in characters."""
HASHED = "#"
"""What the name of a key begins with that a store is given the SHA-256 of."""
# No blank, no control, nothing outside of ASCII: what every store takes for a name, and nobody for the end of a command.
_PLAIN = re.compile(rf"[!\"$-~][!-~]{{0,{MAX_PLAIN - 1}}}")
_PREFIX = re.compile(r"[A-Za-z0-9_.-]{0,64}")


def validate_cache_key(key: str) -> None:
    """Check that something can be a key: any text but an empty one.

    Raises:
        CacheKeyError: If it cannot; this is a `ValueError`.
    """
    if not isinstance(key, str):
        raise CacheKeyError(f"the key of an entry must be text, not {key!r}")
    if not key:
        raise CacheKeyError("the key of an entry must not be ''")


def key_text(key: str) -> str:
    """Return what stands for a key in the name of its entry: the key, or its hash where that is long or not plain ASCII.

    Raises:
        CacheKeyError: If it is not text, or empty.
    """
    if key.__class__ is str and _PLAIN.fullmatch(key):
        return key
    validate_cache_key(key)
    return HASHED + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


T = TypeVar("T", bound=Iterable[str])


def several_texts(what: str, texts: T) -> T:
    """Return texts, which are not one text, whose characters would be taken for them.

    Args:
        what: What they are, for the error.
        texts: Keys or tags.

    Raises:
        TypeError: If they are one text.
    """
    if isinstance(texts, str):
        raise TypeError(f"{what} must be several texts, such as [{texts!r}], not {texts!r}")
    return texts


def check_prefix(prefix: object) -> str:
    """Return the prefix of a cache's names.

    Raises:
        ValueError: If it is longer than 64 characters, or has others than letters, digits and ``_ . -``.
    """
    if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
        raise ValueError(f"key_prefix must be at most 64 letters, digits and '_.-', not {prefix!r}")
    return prefix
