"""The errors of SQLite, and what each means."""

from __future__ import annotations

import sqlite3

from openviper.db.exceptions import OUT_OF_RANGE, DatabaseError, OperationalError
from openviper.exceptions import IntegrityError, QueryError

_OVERFLOW = "integer overflow"
"""What SQLite says of a sum or an absolute value that is too large."""
_NO_TOTAL = "user-defined aggregate's 'finalize' method raised error"
"""What SQLite says of a sum of ours that is too large."""
_REFUSED = "user-defined function raised exception"
"""What SQLite says when a Python function raises, such as those that look at what a column can hold."""
_TOO_DEEP = ("parser stack overflow", "Expression tree is too large")
"""How SQLite says that a statement is nested deeper than it was compiled for (https://sqlite.org/limits.html)."""


_OF_THE_FILE = frozenset(
    {
        *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM),
        *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB),
    }
)
"""Codes of what is wrong with the file or its disk, of which SQLite says everything but the name."""


def translate(error: sqlite3.Error, sql: str = "", path: str = "") -> Exception:
    """Return the public error for a driver's error; the text never holds bound values.

    Args:
        error: What the driver raised.
        sql: The statement.
        path: The database, named where its file is at fault.
    """
    if isinstance(error, sqlite3.IntegrityError):
        return IntegrityError(str(error))
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _OF_THE_FILE:
        kind = OperationalError if isinstance(error, sqlite3.OperationalError) else DatabaseError
        return kind(f"database file {path!r}: {error}")
    if isinstance(error, sqlite3.OperationalError):
        if str(error) == _REFUSED:
            return DatabaseError(
                "a function refused a value: it is out of the range of its column, or the function is the project's own"
            )
        if str(error) in (_OVERFLOW, _NO_TOTAL):
            return DatabaseError(f"{OUT_OF_RANGE}: {_OVERFLOW}")
        if str(error).startswith(_TOO_DEEP):
            return QueryError(f"the query is nested deeper than SQLite can read: {error}")
        busy = code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        return OperationalError(str(error), retryable=busy)
    return DatabaseError(f"{error} in {sql!r}" if sql else str(error))
