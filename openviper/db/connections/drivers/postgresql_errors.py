"""The errors of PostgreSQL: by the SQLSTATE, what each means (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.db.exceptions import OUT_OF_RANGE, DatabaseError, OperationalError
from openviper.exceptions import IntegrityError

if TYPE_CHECKING:
    import psycopg

UNDONE = "40"
"""The class of serialization failures and deadlocks."""
RETRYABLE = (UNDONE, "55P03")
"""What may succeed when tried again: these, and a lock that was not available."""
MISSING_TABLE = "42P01"
_TOO_LARGE = ("22003", "22008")
"""A number or a moment that its type does not hold."""


def translate(error: psycopg.Error) -> Exception:
    """Return the public error for a driver's error; the text never holds values.

    PostgreSQL names the values of a violated key in the detail of its message, which therefore is taken out of the
    driver's error too: it becomes the cause and would be logged.
    """
    code = error.sqlstate or ""
    primary = error.diag.message_primary
    if primary:
        error.args = (primary,)
    text = (primary or str(error)).strip()
    if code.startswith("23"):
        return IntegrityError(text)
    if _is_operational(error, code):
        return _operational(text, code)
    return DatabaseError(f"{OUT_OF_RANGE}: {text}" if code in _TOO_LARGE else text)


def _operational(text: str, code: str) -> OperationalError:
    retryable, undone = code.startswith(RETRYABLE), code.startswith(UNDONE)
    return OperationalError(text, retryable=retryable, undone=undone)


def _is_operational(error: psycopg.Error, code: str) -> bool:
    names = {cls.__name__ for cls in type(error).__mro__}
    return code == MISSING_TABLE or not names.isdisjoint({"OperationalError", "InterfaceError"})
