"""Rows of texts as a terminal shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a line for each row, its cells below one another and two spaces apart.

    Args:
        rows: All of the same number of cells.

    Raises:
        ValueError: If one has more or fewer cells.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(map(str.ljust, row, widths)).rstrip()
