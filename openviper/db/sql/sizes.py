"""How large a statement may become.

Expressions and queries share parts, while the text of a statement repeats them: what stands twice in a value, which stands
twice in the next, doubles with each level. So everything that is written is counted before it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from openviper.exceptions import QueryError

MAX_PARTS = 20_000
"""Most parts of one computed value, each as often as the text has it."""
MAX_LEVELS = 100
"""Most levels of a computed value; SQLite's parser has room for 100 parentheses."""
MAX_COLUMNS = 200_000
"""How often one statement may name a column."""
MAX_QUERIES = 1000
"""Most queries within one statement."""


class Whole(Protocol):
    """What consists of parts, some of them perhaps in several places."""

    def parts(self) -> Iterator[Whole]:
        """Yield the parts."""
        ...


def check_number(what: str, number: int, most: int) -> None:
    """Return if there are not too many of something.

    Raises:
        QueryError: If there are.
    """
    if number > most:
        raise QueryError(
            f"a query of more than {most} {what}; what is used twice in a part that is used twice doubles with each level"
        )


def check_size(name: str, node: Whole) -> None:
    """Return if a computed value is not too large to be written; the time is in proportion to its different parts.

    Args:
        name: Its name, for the message.
        node: The value.

    Raises:
        QueryError: If it is.
    """
    parts, levels = _measured(node, {})
    if parts > MAX_PARTS:
        raise QueryError(
            f"{name}=... would be written as {parts} parts, which are more than {MAX_PARTS}; "
            "a value that is used twice in each of several steps doubles with each"
        )
    if levels > MAX_LEVELS:
        raise QueryError(f"{name}=...: computed values are nested more than {MAX_LEVELS} deep")


def _measured(node: Whole, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Return the number of parts of a node and of their levels."""
    found = known.get(id(node))
    if found is None:
        inner = [_measured(part, known) for part in node.parts()]
        number = 1 + sum([parts for parts, _ in inner])
        found = known[id(node)] = (number, 1 + max([levels for _, levels in inner], default=0))
    return found
