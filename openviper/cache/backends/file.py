"""Entries as files, for several processes of one machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import islice
from typing import TypeVar, Unpack

from openviper.cache.backends.entry_files import EntryFiles
from openviper.cache.base import BaseCache
from openviper.cache.counting import counted
from openviper.cache.exceptions import CacheUnavailableError
from openviper.cache.lifetimes import NEVER
from openviper.cache.options import CacheOptions, positive
from openviper.project.directory import in_project

T = TypeVar("T")
AT_ONCE = 1000
"""Names that are yielded at a time."""


class FileCache(BaseCache):
    """Keeps each entry in a file of its own, which only this account can read. Files are read and written in threads.

    When there are too many, those go that would end first.

    Args:
        cache_dir: The directory; a relative one lies in the project.
        max_entries: Most entries.
        max_bytes: Most bytes that they take together; a value of more than half of that is refused. For a moment there may be a tenth more than allowed, per process.
        **options: See `BaseCache`.
    """

    def __init__(
        self,
        *,
        cache_dir: str = ".cache/openviper",
        max_entries: int = 10_000,
        max_bytes: int = 256 * 1024 * 1024,
        **options: Unpack[CacheOptions],
    ) -> None:
        super().__init__(**options)
        if not cache_dir:
            raise ValueError("cache_dir must name a directory, not ''")
        # A value that fills all the room would push everything else out, and then itself.
        self._max_value = min(self._max_value, positive("max_bytes", max_bytes) // 2)
        self._files = EntryFiles(
            in_project(cache_dir),
            positive("max_entries", max_entries),
            max_bytes,
            self._max_value,
        )

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except OSError as error:
            raise CacheUnavailableError(self.alias, str(error)) from error

    async def read_entries(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return contents; see `EntryStore.read_entries`."""

        def read() -> dict[str, bytes]:
            found = {name: self._files.read(name) for name in names}
            return {name: entry.content for name, entry in found.items() if entry is not None}

        return await self._run(read)

    async def write_entries(self, entries: Mapping[str, bytes], lifetime: float | None) -> None:
        """Write entries; see `EntryStore.write_entries`."""
        end = _end(lifetime)

        def write() -> None:
            for name, content in entries.items():
                self._files.write(name, content, end)

        await self._run(write)

    async def add_entry(self, name: str, content: bytes, lifetime: float | None) -> bool:
        """Write a new entry; see `EntryStore.add_entry`."""
        return await self._run(lambda: self._files.add(name, content, _end(lifetime)))

    async def replace_entry(
        self, name: str, old: bytes, new: bytes | None, lifetime: float | None
    ) -> bool:
        """Write an entry whose content is known; see `EntryStore.replace_entry`."""
        return await self._run(lambda: self._files.exchange(name, old, new, _end(lifetime)))

    async def remove_entries(self, names: Sequence[str]) -> int:
        """Remove entries; see `EntryStore.remove_entries`."""
        return await self._run(lambda: sum([self._files.remove(name) for name in names]))

    async def count_entry(self, name: str, delta: int) -> int | None:
        """Add to a number; see `EntryStore.count_entry`."""

        def count() -> int | None:
            while True:
                entry = self._files.read(name)
                if entry is None:
                    return None
                total = counted(entry.content, delta)
                if self._files.exchange(name, entry.content, b"%d" % total, entry.end):
                    return total

        return await self._run(count)

    async def extend_entry(self, name: str, lifetime: float | None) -> bool:
        """Give an entry another end; see `EntryStore.extend_entry`."""
        return await self._run(lambda: self._files.extend(name, _end(lifetime)))

    async def entry_names(self, start: str) -> AsyncIterator[list[str]]:
        """Yield names; see `EntryStore.entry_names`."""
        names = self._files.names(start)
        while some := await self._run(lambda: list(islice(names, AT_ONCE))):
            yield some

    async def remove_all(self, start: str) -> None:
        """Remove what begins with a text."""
        await self._run(lambda: [self._files.remove(name) for name in self._files.names(start)])

    async def prune(self) -> int:
        """Remove what has come to its end, and what is too much."""
        return await self._run(self._files.prune)


def _end(lifetime: float | None) -> float:
    return NEVER if lifetime is None else time.time() + lifetime
