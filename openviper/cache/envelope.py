"""What stands around the content of an entry that has tags, or whose name is only the hash of its key.

``e``, a line of JSON with the key (``k``) and the tokens of the tags (``t``), and the content. A tag has a random token in
the store; invalidating the tag gives it another one, and entries with the old one count as missing from then on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from openviper.cache.exceptions import CacheContentError

FIRST = ord("e")


class Envelope(NamedTuple):
    """The parts of an entry.

    Attributes:
        content: The value as `openviper.cache.values` writes it.
        tags: The tags with the tokens that they had when the value was computed.
        key: The key, if the entry's name does not show it.
    """

    content: bytes
    tags: Mapping[str, str] = {}
    key: str = ""

    def sealed(self) -> bytes:
        """Return the entry as the store holds it."""
        if not self.tags and not self.key:
            return self.content
        head = {"k": self.key, "t": dict(self.tags)}
        return b"e%s\n%s" % (json.dumps(head, separators=(",", ":")).encode("ascii"), self.content)


def opened(stored: bytes) -> Envelope:
    """Return the parts of what a store holds.

    Raises:
        CacheContentError: If it was not written by us.
    """
    if not stored or stored[0] != FIRST:
        return Envelope(stored)
    head, _, content = stored[1:].partition(b"\n")
    try:
        parts = json.loads(head)
        tags = {str(tag): str(token) for tag, token in parts["t"].items()}
        return Envelope(content, tags, str(parts["k"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CacheContentError(f"the head of an entry makes no sense: {error}") from None


def key_inside(stored: bytes) -> str:
    """Return the key that a stored entry names; empty if it names none."""
    try:
        return opened(stored).key
    except CacheContentError:
        return ""
