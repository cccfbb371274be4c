"""A dump as one long text that lies in its file, of which only the part being read is in memory."""

from __future__ import annotations

import contextlib
import mmap
import shutil
from collections.abc import Iterator, Sequence
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


def blank_out(dump: Path, spans: Sequence[tuple[int, int]]) -> None:
    """Put blanks in place of parts of a dump; lines stay lines, so that messages name the right ones."""
    with open(dump, "r+b") as file:
        for start, end in spans:
            file.seek(start)
            text = file.read(end - start)
            file.seek(start)
            file.write(bytes(byte if byte in b"\r\n" else 32 for byte in text))


def private_copy(dump: Path, work_dir: Path) -> Path:
    """Return a dump that we may change: itself where it lies in our directory, a copy otherwise."""
    if dump.is_relative_to(work_dir):
        return dump
    copy = work_dir / "prepared.sql"
    shutil.copyfile(dump, copy)
    copy.chmod(0o600)
    return copy
