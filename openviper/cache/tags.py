"""Tags: what a group of entries bears, so that all of it can be invalidated at once."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress

from openviper.cache.backends.base import EntryStore
from openviper.cache.envelope import Envelope, opened
from openviper.cache.exceptions import CacheContentError
from openviper.cache.keys import key_text, several_texts

TAG_LIFETIME = 30 * 86400.0
"""Seconds for which a token stays; entries with a tag live no longer than that."""


class Tags:
    """The tokens of tags in a store.

    A token that is gone, because a store has thrown it out, voids the entries that have it: nothing invalid comes back.

    Args:
        store: The store.
        start: What the names of tokens begin with.
    """

    def __init__(self, store: EntryStore, start: str) -> None:
        self._store = store
        self._start = start

    async def tokens(self, tags: Iterable[str]) -> dict[str, str]:
        """Return the tokens of tags, made where there are none.

        What `BaseCache.take_tags` has returned is returned as it is.

        Raises:
            CacheKeyError: If a tag is not text, or empty.
        """
        if isinstance(tags, Mapping):
            return dict(tags)
        names = self._names(tags)
        if not names:
            return {}
        found = await self._store.read_entries(list(names.values()))
        return {
            tag: (found.get(name) or await self._make(name)).decode("ascii", "replace")
            for tag, name in names.items()
        }

    def _names(self, tags: Iterable[str]) -> dict[str, str]:
        return {tag: self._start + key_text(tag) for tag in several_texts("tags", tags)}

    async def _make(self, name: str) -> bytes:
        token = _new_token()
        if await self._store.add_entry(name, token, TAG_LIFETIME):
            return token
        # Another was faster; if that token is gone again already, ours is one that nobody has, which is void.
        return (await self._store.read_entries((name,))).get(name, token)

    async def invalidate(self, tags: Iterable[str]) -> None:
        """Give tags new tokens."""
        names = self._names(tags)
        if names:
            entries = {name: _new_token() for name in names.values()}
            await self._store.write_entries(entries, TAG_LIFETIME)

    async def current(self, stored: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the content of those entries whose tags still have the tokens that they bear.

        Raises:
            CacheUnavailableError: If the store does not answer; it is not asked where no entry has tags.
        """
        envelopes = _opened(stored)
        tags = {tag for envelope in envelopes.values() for tag in envelope.tags}
        needed = sorted(self._start + key_text(tag) for tag in tags)
        tokens = await self._store.read_entries(needed) if needed else {}
        return {
            name: envelope.content
            for name, envelope in envelopes.items()
            if self._is_current(envelope, tokens)
        }

    def _is_current(self, envelope: Envelope, tokens: Mapping[str, bytes]) -> bool:
        return all(
            tokens.get(self._start + key_text(tag)) == token.encode("ascii", "replace")
            for tag, token in envelope.tags.items()
        )


def _opened(stored: Mapping[str, bytes]) -> dict[str, Envelope]:
    """Return the parts of those entries that were written by us."""
    envelopes: dict[str, Envelope] = {}
    for name, content in stored.items():
        with suppress(CacheContentError):
            envelopes[name] = opened(content)
    return envelopes


def _new_token() -> bytes:
    return b"s" + secrets.token_hex(8).encode()
