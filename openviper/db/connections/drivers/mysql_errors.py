"""The errors of MariaDB and MySQL: by number, what each means, and its text without values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from openviper.db.exceptions import OUT_OF_RANGE, DatabaseError, OperationalError
from openviper.exceptions import IntegrityError

if TYPE_CHECKING:
    import pymysql

INTEGRITY = {
    1022,
    1048,
    1062,
    1169,
    1216,
    1217,
    1364,
    1451,
    1452,
    1557,
    1586,
    1761,
    1762,
    3819,
    4025,
}
"""Numbers of the errors that mean a violated constraint; 3819 and 4025 are CHECK in MySQL and MariaDB."""
DEADLOCK = 1213
"""The one error that rolls back the whole transaction."""
RETRYABLE = {1205, DEADLOCK, 3572}
"""Lock wait timeout, deadlock, and a row that NOWAIT found locked."""
OPERATIONAL = {1146, 1040, 1053, 1317, 1792, 1836, 1927, 1969, 2006, 2013, 2055, 3024, *RETRYABLE}
_DUPLICATE = re.compile(r"Duplicate entry .* for key", re.DOTALL)
_COMPUTED = re.compile(r"^(\w+) value is out of range in .*", re.DOTALL)
"""The message for a result that is too large quotes the whole computation."""
_TRUNCATED = re.compile(r"(?<=value: ).*?(?= for column)", re.DOTALL)


def translate(error: pymysql.Error) -> Exception:
    """Return the public error for a driver's error; the text never holds values.

    The server quotes the value of a duplicate key, which is taken out of the driver's error too, as it becomes the cause
    and would be logged.
    """
    number, text = _details(error)
    if number:
        error.args = (number, text)
    if number in INTEGRITY:
        return IntegrityError(text)
    if _is_operational(error, number):
        text, undone = text or "the connection was lost", number == DEADLOCK
        return OperationalError(text, retryable=number in RETRYABLE, undone=undone)
    return DatabaseError(text)


def _details(error: pymysql.Error) -> tuple[int, str]:
    """Return the number of an error, 0 without one, and its text without values."""
    has_number = bool(error.args) and isinstance(error.args[0], int)
    text = str(error.args[1]) if len(error.args) > 1 else str(error)
    text = _DUPLICATE.sub("duplicate entry for key", text)
    text = _COMPUTED.sub(rf"{OUT_OF_RANGE}: \1", text)
    return error.args[0] if has_number else 0, _TRUNCATED.sub("...", text)


def _is_operational(error: pymysql.Error, number: int) -> bool:
    is_client_side = 2000 <= number < 3000 or type(error).__name__ == "InterfaceError"
    return is_client_side or number in OPERATIONAL
