"""A cache that keeps nothing, for tests and for finding out whether a fault lies in what is cached."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import ClassVar

from openviper.cache.base import BaseCache


class NullCache(BaseCache):
    """Takes every value and keeps none."""

    is_shared: ClassVar[bool] = False

    async def read_entries(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return nothing."""
        return {}

    async def write_entries(self, entries: Mapping[str, bytes], lifetime: float | None) -> None:
        """Do nothing."""

    async def add_entry(self, name: str, content: bytes, lifetime: float | None) -> bool:
        """Return that it was written, as it would be where nothing is."""
        return True

    async def replace_entry(
        self, name: str, old: bytes, new: bytes | None, lifetime: float | None
    ) -> bool:
        """Return that there is no such entry."""
        return False

    async def remove_entries(self, names: Sequence[str]) -> int:
        """Return that there were none."""
        return 0

    async def count_entry(self, name: str, delta: int) -> int | None:
        """Return that there is none."""
        return None

    async def extend_entry(self, name: str, lifetime: float | None) -> bool:
        """Return that there is none."""
        return False

    async def entry_names(self, start: str) -> AsyncIterator[list[str]]:
        """Yield nothing."""
        yield []

    async def remove_all(self, start: str) -> None:
        """Do nothing."""
