"""A dump as one long text that lies in its file, of which only the part being read is in memory."""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Iterator
from pathlib import Path

WINDOW = 8 << 20
"""How many bytes that have been read stay in memory."""


class DumpText:
    """The text of a dump.

    Args:
        text: The mapped file.

    Attributes:
        text: The mapped file, for expressions to be matched against.
    """

    def __init__(self, text: mmap.mmap) -> None:
        self.text = text
        self._forgotten = 0

    def forget(self, position: int) -> None:
        """Let go of what lies before a position; it is read again from the file should somebody look."""
        if position - self._forgotten < WINDOW or not hasattr(mmap, "MADV_DONTNEED"):
            return
        end = position - position % mmap.PAGESIZE
        self.text.madvise(mmap.MADV_DONTNEED, self._forgotten, end - self._forgotten)
        self._forgotten = end

    def line_of(self, position: int) -> int:
        """Return the number of the line of a position, from 1 on."""
        lines = 1
        for start in range(0, position, WINDOW):
            lines += self.text[start : min(start + WINDOW, position)].count(b"\n")
        return lines


@contextlib.contextmanager
def open_text(dump: Path) -> Iterator[DumpText]:
    """Open a dump that is not empty."""
    with open(dump, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        yield DumpText(text)
