"""One making of a page for all who ask for it at once, in one process; what is made is found in the cache, or made by each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LONGEST_WAIT = 30.0
"""Seconds after which somebody who waits for another's page has one made too."""
MOST_REMEMBERED = 1024
"""Most addresses of which is remembered that nobody needs to wait for their pages."""


class Making:
    """One making of a page.

    Attributes:
        is_kept: Whether others can have what was made; `None` while that is not known, and after an error.
    """

    def __init__(self) -> None:
        self.is_kept: bool | None = None
        self.is_over = asyncio.Event()


class PageMakers:
    """Who is making which pages of one handler."""

    def __init__(self) -> None:
        self._underway: dict[Any, Making] = {}
        self._not_kept: dict[str, None] = {}

    async def wait(self, address: str) -> bool:
        """Wait while another request has a page made; return whether there was one.

        Nobody waits for pages that were not kept the last time, which are one person's, or for no one else.

        Args:
            address: What it is kept by.
        """
        making = self._underway.get(self._place(address))
        if making is None or address in self._not_kept:
            return False
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                await making.is_over.wait()
        except TimeoutError:
            return False
        return True

    @contextmanager
    def making(self, address: str) -> Iterator[Making]:
        """Have others wait for the page that is made within the ``with`` statement, whatever comes of it."""
        making, place = Making(), self._place(address)
        # Who has waited in vain makes its own, beside others who have.
        is_first = self._underway.setdefault(place, making) is making
        try:
            yield making
        finally:
            if making.is_kept is not None:
                self._remember(address, is_kept=making.is_kept)
            if is_first:
                del self._underway[place]
            making.is_over.set()

    def _remember(self, address: str, *, is_kept: bool) -> None:
        if is_kept:
            self._not_kept.pop(address, None)
            return
        self._not_kept[address] = None
        if len(self._not_kept) > MOST_REMEMBERED:
            # The oldest one; another thread may have been faster.
            self._not_kept.pop(next(iter(self._not_kept.copy()), ""), None)

    @staticmethod
    def _place(address: str) -> tuple[asyncio.AbstractEventLoop, str]:
        # What one loop waits for is not set by another.
        return asyncio.get_running_loop(), address
