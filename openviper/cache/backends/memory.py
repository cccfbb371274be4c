"""Entries in this process, bounded in number and bytes; those that were not used for longest go first."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from threading import Lock
from typing import ClassVar, NamedTuple, Unpack

from openviper.cache.base import BaseCache
from openviper.cache.counting import counted
from openviper.cache.lifetimes import NEVER
from openviper.cache.options import CacheOptions, positive

ENTRY_BYTES = 250
"""What an entry takes beside its name and its content, in bytes."""


FIRST_SWEEP = 100
"""Writes after which what has ended is first looked for."""


clock = time.monotonic
"""What lifetimes are measured with, which no change of the machine's time moves; tests put another one in its place."""


class _Entry(NamedTuple):
    content: bytes
    end: float


class InMemoryCache(BaseCache):
    """Keeps entries in this process: other workers have their own, and they are gone when it ends.

    Args:
        max_entries: Most entries.
        max_bytes: Most bytes that they take together; a value of more than half of that is refused.
        **options: See `BaseCache`.
    """

    is_shared: ClassVar[bool] = False

    def __init__(
        self,
        *,
        max_entries: int = 10_000,
        max_bytes: int = 64 * 1024 * 1024,
        **options: Unpack[CacheOptions],
    ) -> None:
        super().__init__(**options)
        self._entries = _Entries(
            positive("max_entries", max_entries), positive("max_bytes", max_bytes)
        )
        # A value that fills all the room would push everything else out, and then itself.
        self._max_value = min(self._max_value, max_bytes // 2)

    async def read_entry(self, name: str) -> bytes | None:
        """Return content; see `EntryStore.read_entry`."""
        return self._entries.read_one(name)

    async def read_entries(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return contents; see `EntryStore.read_entries`."""
        return self._entries.read(names)

    async def write_entries(self, entries: Mapping[str, bytes], lifetime: float | None) -> None:
        """Write entries; see `EntryStore.write_entries`."""
        self._entries.write(entries, _end(lifetime))

    async def add_entry(self, name: str, content: bytes, lifetime: float | None) -> bool:
        """Write a new entry; see `EntryStore.add_entry`."""
        return self._entries.add(name, content, _end(lifetime))

    async def replace_entry(
        self, name: str, old: bytes, new: bytes | None, lifetime: float | None
    ) -> bool:
        """Write an entry whose content is known; see `EntryStore.replace_entry`."""
        return self._entries.replace(name, old, new, _end(lifetime))

    async def remove_entries(self, names: Sequence[str]) -> int:
        """Remove entries; see `EntryStore.remove_entries`."""
        return self._entries.remove(names)

    async def count_entry(self, name: str, delta: int) -> int | None:
        """Add to a number; see `EntryStore.count_entry`."""
        return self._entries.count(name, delta)

    async def extend_entry(self, name: str, lifetime: float | None) -> bool:
        """Give an entry another end; see `EntryStore.extend_entry`."""
        return self._entries.extend(name, _end(lifetime))

    async def entry_names(self, start: str) -> AsyncIterator[list[str]]:
        """Yield names; see `EntryStore.entry_names`."""
        yield self._entries.names(start)

    async def remove_all(self, start: str) -> None:
        """Remove what begins with a text."""
        self._entries.remove(self._entries.names(start))

    async def prune(self) -> int:
        """Remove what has come to its end."""
        return self._entries.sweep()


def _end(lifetime: float | None) -> float:
    return NEVER if lifetime is None else clock() + lifetime


class _Entries:
    """The entries, the one that was used last at the end; safe among threads."""

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self._max_entries, self._max_bytes = max_entries, max_bytes
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = 0
        self._writes, self._until_sweep = 0, FIRST_SWEEP
        self._lock = Lock()

    def _living(self, name: str) -> _Entry | None:
        entry = self._entries.get(name)
        if entry is None:
            return None
        if entry.end <= clock():
            self._drop(name)
            return None
        self._entries.move_to_end(name)
        return entry

    def _drop(self, name: str) -> None:
        self._bytes -= _size(name, self._entries.pop(name).content)

    def _put(self, name: str, entry: _Entry) -> None:
        if name in self._entries:
            self._drop(name)
        self._entries[name] = entry
        self._bytes += _size(name, entry.content)
        self._writes += 1
        # Once for as many writes as the last sweep has left entries: so a write pays for a look at one or two.
        if self._writes > self._until_sweep:
            self._sweep()
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def read(self, names: Sequence[str]) -> dict[str, bytes]:
        with self._lock:
            found = {name: self._living(name) for name in names}
        return {name: entry.content for name, entry in found.items() if entry is not None}

    def read_one(self, name: str) -> bytes | None:
        with self._lock:
            entry = self._living(name)
        return None if entry is None else entry.content

    def write(self, entries: Mapping[str, bytes], end: float) -> None:
        with self._lock:
            for name, content in entries.items():
                self._put(name, _Entry(content, end))

    def add(self, name: str, content: bytes, end: float) -> bool:
        with self._lock:
            if self._living(name) is not None:
                return False
            self._put(name, _Entry(content, end))
            return True

    def replace(self, name: str, old: bytes, new: bytes | None, end: float) -> bool:
        with self._lock:
            entry = self._living(name)
            if entry is None or entry.content != old:
                return False
            if new is None:
                self._drop(name)
            else:
                self._put(name, _Entry(new, end))
            return True

    def remove(self, names: Sequence[str]) -> int:
        with self._lock:
            present = [name for name in dict.fromkeys(names) if self._living(name) is not None]
            for name in present:
                self._drop(name)
            return len(present)

    def count(self, name: str, delta: int) -> int | None:
        with self._lock:
            entry = self._living(name)
            if entry is None:
                return None
            total = counted(entry.content, delta)
            self._put(name, _Entry(b"%d" % total, entry.end))
            return total

    def extend(self, name: str, end: float) -> bool:
        with self._lock:
            entry = self._living(name)
            if entry is None:
                return False
            self._put(name, _Entry(entry.content, end))
            return True

    def names(self, start: str) -> list[str]:
        with self._lock:
            now = clock()
            return [
                name
                for name, entry in self._entries.items()
                if entry.end > now and name.startswith(start)
            ]

    def sweep(self) -> int:
        with self._lock:
            return self._sweep()

    def _sweep(self) -> int:
        self._writes = 0
        now = clock()
        ended = [name for name, entry in self._entries.items() if entry.end <= now]
        for name in ended:
            self._drop(name)
        self._until_sweep = max(FIRST_SWEEP, len(self._entries))
        return len(ended)


def _size(name: str, content: bytes) -> int:
    return len(name) + len(content) + ENTRY_BYTES
