"""What stands in the way of moving rows."""

from __future__ import annotations

from openviper.db.exceptions import DatabaseError

LONGEST = 80
"""Characters of a key or value that a message shows."""


class TransferError(DatabaseError):
    """Rows cannot be moved; the target is as it was."""


class RowError(TransferError):
    """A row cannot be moved.

    Args:
        table: The table.
        key: The value of its primary key.
        reason: What is wrong, as the rest of a sentence that begins with the row or the column.
        column: The column, if the reason is a value.
    """

    def __init__(self, table: str, key: object, reason: str, column: str | None = None) -> None:
        self.table = table
        self.key = key
        self.column = column
        self.reason = reason
        where = "" if column is None else f", column {column}"
        super().__init__(f"table {table}, key {shown(key)}{where}: {reason}")


def shown(value: object) -> str:
    """Return a value as a message shows it: in one line, and cut where it is long."""
    text = str(value) if isinstance(value, int) else repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


class LineError(TransferError):
    """A line of a file cannot be loaded.

    Args:
        number: The line, from 1 on.
        reason: What is wrong with it.
    """

    def __init__(self, number: int, reason: str) -> None:
        self.number = number
        super().__init__(f"line {number}: {reason}")
