"""What a store of entries promises; `openviper.cache.base` makes a cache of it."""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import ClassVar


class EntryStore(abc.ABC):
    """A place for entries: short names with bytes, each with an end or without one.

    Names have at most 255 characters of plain ASCII without blanks. A *lifetime* is seconds from now, more than 0, or `None`
    for no end. What has come to its end is not there, for any operation. Content that is a whole number, as
    `openviper.cache.values` writes it, can be counted with. Each operation on one entry is atomic, also against other
    processes if `is_shared`.

    Every operation may raise `CacheUnavailableError`.
    """

    is_shared: ClassVar[bool] = True
    """Whether other processes see the same entries."""

    @property
    def can_lock(self) -> bool:
        """Whether an entry that is added now is seen by other processes at once."""
        return self.is_shared

    @abc.abstractmethod
    async def read_entries(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return the content of those entries that are there, by name."""

    async def read_entry(self, name: str) -> bytes | None:
        """Return the content of an entry, or `None` if it is not there."""
        return (await self.read_entries((name,))).get(name)

    @abc.abstractmethod
    async def write_entries(self, entries: Mapping[str, bytes], lifetime: float | None) -> None:
        """Write entries, in place of those that are there."""

    @abc.abstractmethod
    async def add_entry(self, name: str, content: bytes, lifetime: float | None) -> bool:
        """Write an entry unless it is there; return whether it was written."""

    @abc.abstractmethod
    async def replace_entry(
        self, name: str, old: bytes, new: bytes | None, lifetime: float | None
    ) -> bool:
        """Write or remove an entry if its content is still the one given; return whether it was.

        Args:
            name: The entry.
            old: What it has to hold.
            new: What it is to hold; `None` removes it.
            lifetime: How long it lives from now on.
        """

    @abc.abstractmethod
    async def remove_entries(self, names: Sequence[str]) -> int:
        """Remove entries; return how many were there."""

    @abc.abstractmethod
    async def count_entry(self, name: str, delta: int) -> int | None:
        """Add to the number that an entry holds, which keeps its end.

        Returns:
            The sum; `None` if there is no such entry.

        Raises:
            CacheValueError: If it holds something else, or the sum has more than 64 bits; nothing is changed.
        """

    @abc.abstractmethod
    async def extend_entry(self, name: str, lifetime: float | None) -> bool:
        """Give an entry another end; return whether it was there."""

    @abc.abstractmethod
    def entry_names(self, start: str) -> AsyncIterator[list[str]]:
        """Yield the names that begin with a text, some at a time; none twice, and in no order."""

    @abc.abstractmethod
    async def remove_all(self, start: str) -> None:
        """Remove every entry whose name begins with a text."""

    async def prune(self) -> int:
        """Remove what has come to its end and still takes room, and what is too much; return how many entries that were."""
        return 0

    async def close(self) -> None:
        """Let go of connections of the running event loop; the next operation makes new ones."""
        return
