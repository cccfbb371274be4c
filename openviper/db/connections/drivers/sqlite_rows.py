"""How the rows of SQLite are read and converted.

The module sqlite3 leaves a statement open when a row cannot be made, as with text that is no UTF-8, and an open statement
keeps its table from being dropped and the write-ahead log from being reset as long as somebody keeps the error.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from openviper.db.connections.drivers.base import Row, uncollected

T = TypeVar("T")

CHUNK = 500
"""Rows converted at a time in the thread."""


def all_of(cursor: sqlite3.Cursor) -> list[Row]:
    """Return all rows; an error in the middle closes the statement."""
    try:
        return cursor.fetchall()
    except BaseException:
        cursor.close()
        raise


def convert_all(cursor: sqlite3.Cursor, convert: Callable[[list[Row]], T]) -> T:
    """Return all rows converted; they come in chunks where the conversion goes row by row."""
    rows = cursor.fetchmany(CHUNK)
    if len(rows) < CHUNK or not getattr(convert, "is_rowwise", False):
        return convert(rows + cursor.fetchall())
    # Fetching lets other threads, and so the event loop, go on between rows; converting does not.
    found: Any = uncollected(convert, rows)
    while rows := cursor.fetchmany(CHUNK):
        found += uncollected(convert, rows)
    result: T = found
    return result
