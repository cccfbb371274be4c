"""What every cache offers, whatever keeps its entries."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self, TypeVar, Unpack, overload

from openviper.cache.backends.base import EntryStore
from openviper.cache.counting import check_delta, count_unless_void
from openviper.cache.envelope import Envelope, key_inside, opened
from openviper.cache.exceptions import (
    CacheContentError,
    CacheError,
    CacheUnavailableError,
    CacheValueError,
)
from openviper.cache.keys import HASHED, key_text, several_texts
from openviper.cache.lifetimes import TTL, lifetime_of
from openviper.cache.options import CacheOptions, Options, checked_version
from openviper.cache.stampede import Computations, compute_with_lock
from openviper.cache.tags import Tags
from openviper.cache.values import decode_value, encode_value

logger = logging.getLogger("openviper.cache")
T = TypeVar("T")

MAX_ATTEMPTS = 100
"""How often `update` is tried when others change the same entry at the same time."""
LOG_EVERY = 60.0
"""Seconds between two log lines about one outage."""


class BaseCache(EntryStore):
    """Values by key, each for a time. Any text is a key; `openviper.cache.values` says what can be a value.

    What is given back is a copy, equal to what was stored. A stored `None` is a value like any other.

    If the store does not answer, a look into the cache finds nothing and a value is not stored, with a line in the log;
    ``on_error="raise"`` makes an error of that. What has to be certain (`add`, `incr`, `update`, `delete`, `clear`,
    `invalidate_tags`, `keys`) raises `CacheUnavailableError` always.

    Args:
        ttl: Seconds that an entry lives if nothing else is said, or a timedelta; `None` for no end, 0 to keep nothing.
        key_prefix: What the names of all entries begin with. Caches with the same store, prefix and version are one.
        version: Entries of other versions are not seen.
        max_value_bytes: The largest value, in bytes; others are refused.
        on_error: ``"miss"`` or ``"raise"``.
        lock_lease: Seconds after which others compute what a process that has died was computing.
        lock_wait: Seconds that `get_or_set` waits for others before it computes the value too.

    Raises:
        ValueError: If an option makes no sense.
    """

    alias = ""
    """The alias in `CACHES`; empty for a cache that was made otherwise."""

    def __init__(self, **options: Unpack[CacheOptions]) -> None:
        settings = Options(**options)
        self._ttl = settings.ttl
        self._prefix = settings.key_prefix
        self._max_value = settings.max_value_bytes
        self._is_strict = settings.on_error == "raise"
        self._patience = settings.patience
        self._computations = Computations()
        self._set_version(settings.version)
        self._logged_at = -LOG_EVERY

    def _set_version(self, version: int) -> None:
        self._version = checked_version(version)
        self._start = f"{self._prefix}:{version}:"
        self._values = f"{self._start}v:"
        self._tags = Tags(self, f"{self._start}t:")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.alias or 'without alias'!r}>"  # An address may hold a password.

    @property
    def default_ttl(self) -> float | None:
        """Seconds that an entry lives if nothing else is said; `None` for no end."""
        return self._ttl

    # Views

    def at_version(self, version: int) -> Self:
        """Return this cache with the entries of another version.

        Raises:
            ValueError: If it is not a whole number from 0 on.
        """
        view = copy.copy(self)
        view._set_version(version)
        return view

    def strict(self) -> Self:
        """Return this cache with an error, `CacheUnavailableError`, whenever its store does not answer."""
        view = copy.copy(self)
        view._is_strict = True
        view._set_version(self._version)
        return view

    # Looking

    async def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or `default` if it is not there."""
        content = await self._find(self._values + key_text(key))
        return default if content is None else self._decoded(key, content, default)

    async def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """Return those of several values that are there, by key."""
        names = {self._values + key_text(key): key for key in several_texts("keys", keys)}
        if not names:
            return {}
        found = await self._current(await self._read(list(names)))
        decoded = {
            names[name]: self._decoded(names[name], content, MISSING)
            for name, content in found.items()
        }
        return {key: value for key, value in decoded.items() if value is not MISSING}

    async def has_key(self, key: str) -> bool:
        """Return whether there is a value; a stored `None` is one."""
        return await self._find(self._values + key_text(key)) is not None

    async def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that begin with a text, in order. Every entry of the cache is looked at.

        A number that `incr` has begun under a key that is no plain ASCII, or is longer than 160 characters, is not among them.

        Raises:
            CacheUnavailableError: If the store does not answer.
        """
        found: set[str] = set()
        async for names in self.entry_names(self._values):
            hashed = [name for name in names if name.startswith(self._values + HASHED)]
            found.update(name[len(self._values) :] for name in set(names).difference(hashed))
            for content in (await self.read_entries(hashed)).values():
                found.add(key_inside(content))
        return sorted(key for key in found if key and key.startswith(prefix))

    async def _read(self, names: Sequence[str]) -> dict[str, bytes]:
        try:
            return await self.read_entries(names)
        except CacheUnavailableError as error:
            self._note_outage(error)
            return {}

    async def _find(self, name: str) -> bytes | None:
        """Return the content of an entry if it is there and its tags are what they were."""
        try:
            content = await self.read_entry(name)
        except CacheUnavailableError as error:
            self._note_outage(error)
            return None
        if content is None or not content.startswith(b"e"):
            return content
        return (await self._current({name: content})).get(name)

    async def _current(self, stored: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the content of those entries that no tag has voided."""
        try:
            return await self._tags.current(stored)
        except CacheUnavailableError as error:  # What cannot be known to be valid is not.
            self._note_outage(error)
            return {}

    def _decoded(self, key: str, content: bytes, default: Any) -> Any:
        try:
            if len(content) > self._max_value:
                raise CacheContentError(f"it has {len(content)} bytes")
            return decode_value(content)
        except CacheContentError as error:
            # Of another version of the application, cut, or written by somebody else.
            logger.info("cache %r: the entry %.100r counts as missing: %s", self.alias, key, error)
            return default

    def _note_outage(self, error: CacheUnavailableError) -> None:
        if self._is_strict:
            raise error
        now = time.monotonic()
        if now - self._logged_at >= LOG_EVERY:
            self._logged_at = now
            logger.warning("%s; values are computed anew and not kept", error)

    # Storing

    async def set(self, key: str, value: Any, ttl: TTL = None, *, tags: Iterable[str] = ()) -> None:
        """Store a value, in place of the one that is there.

        Args:
            key: The key.
            value: The value.
            ttl: Seconds that it lives, or a timedelta; the cache's own when not given, 0 to not store it.
            tags: What `invalidate_tags` may name to have it gone.

        Raises:
            CacheValueError: If a cache cannot keep such a value.
        """
        await self.set_many({key: value}, ttl, tags=tags)

    async def set_many(
        self, values: Mapping[str, Any], ttl: TTL = None, *, tags: Iterable[str] = ()
    ) -> None:
        """Store several values; see `set`. If one cannot be kept, none is stored."""
        lifetime = lifetime_of(ttl, self._ttl)
        contents = {key: self._encoded(value) for key, value in values.items()}
        names = {key: self._values + key_text(key) for key in contents}
        try:
            if lifetime == 0:
                await self.remove_entries(list(names.values()))
                return
            tokens = await self._tags.tokens(tags)
            entries = {
                names[key]: self._sealed(names[key], key, content, tokens)
                for key, content in contents.items()
            }
            if entries:
                await self.write_entries(entries, lifetime)
        except CacheUnavailableError as error:
            self._note_outage(error)

    def _encoded(self, value: Any) -> bytes:
        content = encode_value(value)
        if len(content) > self._max_value:
            raise CacheValueError(
                f"a value of {len(content)} bytes is more than the {self._max_value} that "
                f"cache {self.alias!r} takes; see 'max_value_bytes' and 'max_bytes'"
            )
        return content

    def _sealed(self, name: str, key: str, content: bytes, tokens: Mapping[str, str]) -> bytes:
        inside = key if name.startswith(self._values + HASHED) else ""
        return Envelope(content, tokens, inside).sealed()

    async def add(self, key: str, value: Any, ttl: TTL = None, *, tags: Iterable[str] = ()) -> bool:
        """Store a value unless there is one; return whether it was stored. Of many who add at once, one is told so.

        Raises:
            CacheUnavailableError: If the store does not answer.
            CacheValueError: If a cache cannot keep such a value.
        """
        lifetime = lifetime_of(ttl, self._ttl)
        content, name = self._encoded(value), self._values + key_text(key)
        if lifetime == 0:
            return not await self.has_key(key)
        tokens = await self._tags.tokens(tags)
        sealed = self._sealed(name, key, content, tokens)
        if await self.add_entry(name, sealed, lifetime):
            return True
        # What lies there may be void, because a tag of it was invalidated.
        stored = await self.read_entry(name)
        if stored is None or (await self._tags.current({name: stored})):
            return False
        return await self.replace_entry(name, stored, sealed, lifetime)

    async def touch(self, key: str, ttl: TTL = None) -> bool:
        """Have a value live from now on for a time; return whether there is one.

        Args:
            key: The key.
            ttl: Seconds, or a timedelta; the cache's own when not given, 0 to remove it.
        """
        lifetime, name = lifetime_of(ttl, self._ttl), self._values + key_text(key)
        try:
            if lifetime == 0:
                return await self.remove_entries((name,)) > 0
            # What a tag has voided may still lie there.
            return await self._find(name) is not None and await self.extend_entry(name, lifetime)
        except CacheUnavailableError as error:
            self._note_outage(error)
            return False

    async def incr(self, key: str, delta: int = 1, ttl: TTL = None) -> int:
        """Add to a whole number and return the sum; what is not there counts from 0.

        The entry keeps its end. All processes that share the store count together.

        Args:
            key: The key.
            delta: What is added.
            ttl: How long a new entry lives; see `set`.

        Raises:
            CacheValueError: If the value is not a whole number, or the sum has more than 64 bits.
            CacheUnavailableError: If the store does not answer.
        """
        check_delta(delta)
        lifetime, name = lifetime_of(ttl, self._ttl), self._values + key_text(key)
        while True:
            total = await count_unless_void(self, self._tags, key, name, delta)
            if total is not None:
                return total
            if lifetime == 0 or await self.add_entry(name, b"%d" % delta, lifetime):
                return delta

    async def decr(self, key: str, delta: int = 1, ttl: TTL = None) -> int:
        """Subtract from a whole number and return the difference; see `incr`."""
        return await self.incr(key, -delta, ttl)

    async def update(
        self, key: str, change: Callable[[Any], Any], ttl: TTL = None, default: Any = None
    ) -> Any:
        """Change a value depending on what it is, so that no change of others is lost; return the new one.

        Args:
            key: The key.
            change: Takes the value and returns the new one; called again if another process was faster.
            ttl: How long it lives from now on; see `set`.
            default: What `change` is given if there is none. `MISSING` leaves it so, and `MISSING` is returned.

        Raises:
            CacheError: If others have changed it `MAX_ATTEMPTS` times meanwhile.
            CacheUnavailableError: If the store does not answer.
        """
        lifetime, name = lifetime_of(ttl, self._ttl), self._values + key_text(key)
        for _ in range(MAX_ATTEMPTS):
            stored = await self.read_entry(name)
            present, tags = await self._present(key, name, stored)
            before = default if present is MISSING else present
            if before is MISSING:
                return MISSING
            value = change(before)
            sealed = self._sealed(name, key, self._encoded(value), tags)
            if await self._put(name, stored, sealed, lifetime):
                return value
        raise CacheError(f"too many processes change the entry {key!r} at the same time")

    async def _present(
        self, key: str, name: str, stored: bytes | None
    ) -> tuple[Any, Mapping[str, str]]:
        """Return the value of an entry, `MISSING` if it is not there or void, and its tags with their tokens."""
        living = {} if stored is None else await self._tags.current({name: stored})
        if stored is None or not living:
            return MISSING, {}
        value = self._decoded(key, living[name], MISSING)
        return value, {} if value is MISSING else opened(stored).tags

    async def _put(self, name: str, old: bytes | None, new: bytes, lifetime: float | None) -> bool:
        if lifetime == 0:
            await self.remove_entries((name,))
            return True
        if old is None:
            return await self.add_entry(name, new, lifetime)
        return await self.replace_entry(name, old, new, lifetime)

    # Computing

    @overload
    async def get_or_set(
        self,
        key: str,
        compute: Callable[[], Awaitable[T]],
        ttl: TTL = ...,
        *,
        tags: Iterable[str] = ...,
    ) -> T: ...
    @overload
    async def get_or_set(
        self, key: str, compute: Callable[[], T], ttl: TTL = ..., *, tags: Iterable[str] = ...
    ) -> T: ...
    async def get_or_set(
        self,
        key: str,
        compute: Callable[[], Any],
        ttl: TTL = None,
        *,
        tags: Iterable[str] = (),
    ) -> Any:
        """Return a value; if it is not there, compute and store it.

        Of all who miss it at the same time, in this process or in others that share the store, one computes it and the
        others wait. An error of the computation is raised for all who wait for it in this process, and nothing is stored;
        another process then tries for itself.

        Args:
            key: The key.
            compute: A function, plain or asynchronous; a plain one runs on the event loop.
            ttl: How long it lives; see `set`.
            tags: See `set`.

        Raises:
            CacheValueError: If a cache cannot keep what was computed.
            CacheError: If `compute` asks for this very entry.
        """
        if not callable(compute):
            raise TypeError(f"get_or_set() takes a function that computes, not {compute!r}")
        lifetime, name = lifetime_of(ttl, self._ttl), self._values + key_text(key)
        content = await self._find(name)
        if content is not None:
            value = self._decoded(key, content, MISSING)
            if value is not MISSING:
                return value
        new = _New(key, name, compute, lifetime, tuple(several_texts("tags", tags)))
        content = await self._computations.join(
            name, lambda: self._compute_once(new), lambda: self._compute(new), self._patience.wait
        )
        return decode_value(content)

    async def _compute_once(self, new: _New) -> bytes:
        if not self.can_lock or new.lifetime == 0:
            return await self._compute(new)

        async def find() -> bytes | None:
            content = await self._find(new.name)
            # Content that cannot be read is no reason to wait for more of it.
            is_value = (
                content is not None and self._decoded(new.key, content, MISSING) is not MISSING
            )
            return content if is_value else None

        lock = f"{self._start}l:{key_text(new.key)}"
        return await compute_with_lock(self, lock, find, lambda: self._compute(new), self._patience)

    async def _compute(self, new: _New) -> bytes:
        tokens = await self._tokens_or_none(new.tags)
        value = new.compute()
        if isinstance(value, Awaitable):
            value = await value
        content = self._encoded(value)
        if tokens is not None and new.lifetime != 0:
            sealed = self._sealed(new.name, new.key, content, tokens)
            try:
                await self.write_entries({new.name: sealed}, new.lifetime)
            except CacheUnavailableError as error:
                self._note_outage(error)
        return content

    async def _tokens_or_none(self, tags: Sequence[str]) -> dict[str, str] | None:
        """Return the tokens of tags as they are before the computation: what is invalidated meanwhile voids its value."""
        try:
            return await self._tags.tokens(tags)
        except CacheUnavailableError as error:
            self._note_outage(error)
            return None

    async def take_tags(self, tags: Iterable[str]) -> Mapping[str, str]:
        """Return what to give `set` as `tags` for a value that is computed from now on.

        If one of the tags is invalidated meanwhile, the value is void when it is stored.
        """
        taken = tuple(several_texts("tags", tags))
        tokens = await self._tokens_or_none(taken)
        # No entry has an empty token: what is stored with it is void.
        return dict.fromkeys(taken, "") if tokens is None else tokens

    # Removing

    async def delete(self, key: str) -> bool:
        """Remove a value; return whether there was one.

        Raises:
            CacheUnavailableError: If the store does not answer.
        """
        return await self.remove_entries((self._values + key_text(key),)) > 0

    async def delete_many(self, keys: Iterable[str]) -> int:
        """Remove values; return how many there were. See `delete`."""
        names = [self._values + key_text(key) for key in several_texts("keys", keys)]
        return await self.remove_entries(names) if names else 0

    async def invalidate_tags(self, *tags: str) -> None:
        """Have every value gone that was stored with one of these tags.

        Raises:
            CacheUnavailableError: If the store does not answer.
        """
        await self._tags.invalidate(tags)

    async def clear(self) -> None:
        """Remove everything under this cache's prefix, of all versions.

        Raises:
            CacheUnavailableError: If the store does not answer.
        """
        await self.remove_all(f"{self._prefix}:")


class _New(NamedTuple):
    """A value that is to be computed and stored."""

    key: str
    name: str
    compute: Callable[[], Any]
    lifetime: float | None
    tags: tuple[str, ...]


class _Missing:
    """Stands for no value."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()
"""What `BaseCache.update` takes and returns for no value."""
