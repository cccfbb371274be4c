"""Which value of a result of psycopg cannot be read: one that PostgreSQL has and Python does not.

The whole result is with the client when its values are made, so such an error leaves the connection as it was.
"""

from __future__ import annotations

from typing import Any

from openviper.db.exceptions import DatabaseError


def unreadable(cursor: Any, error: Exception) -> DatabaseError:
    """Return the public error for a result whose values cannot be made; the message names the column.

    Args:
        cursor: psycopg's cursor with the result.
        error: What psycopg raised when it made the values.
    """
    column = _find_column(cursor)
    where = "the result" if column is None else f"column {column!r}"
    return DatabaseError(f"cannot read {where}: {error}")


def _find_column(cursor: Any) -> str | None:
    from psycopg.adapt import Transformer

    result = cursor.pgresult
    if result is None:
        return None
    transformer = Transformer(cursor)
    for column in range(result.nfields):
        loader = transformer.get_loader(result.ftype(column), result.fformat(column))
        values = (result.get_value(row, column) for row in range(result.ntuples))
        if any(_fails(loader, value) for value in values):
            return str(cursor.description[column].name)
    return None


def _fails(loader: Any, value: bytes | None) -> bool:
    if value is None:
        return False
    try:
        loader.load(value)
    except Exception:  # Whatever it is: the error of the whole result is told.
        return True
    return False
