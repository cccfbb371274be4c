"""How the results of PyMySQL are read: to their end, whatever is in them.

PyMySQL decodes a value as soon as its row arrives. An error at that point leaves the rest of the result in the socket, and
the next statement would read it as its own answer. So a decoder never raises: what Python has no value for becomes an
`Unreadable`, and the statement fails once all of its result is read. Any other error in the middle closes the connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from openviper.db.connections.drivers.base import Row
from openviper.db.exceptions import DatabaseError

if TYPE_CHECKING:
    import ssl

    from pymysql import Connection
    from pymysql.cursors import Cursor

END_OF_DAY = "24"
"""Where the times of a day end; MariaDB's TIME is a span that goes on to 838 hours, and below zero."""


@lru_cache
def unverified_context() -> ssl.SSLContext:
    """Return what encrypts a connection whose URL says nothing of TLS: it keeps listeners out, and verifies nobody."""
    import ssl  # Late: connections without TLS need none of it.

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Unreadable:
    """Stands in a row for a value that Python has none for.

    Args:
        text: The value as the server wrote it.
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Decoders:
    """What turns the texts of the protocol into values for one connection.

    Attributes:
        failed: Whether a value of the present result could not be read.
    """

    def __init__(self) -> None:
        self.failed = False

    def by_type(self) -> dict[int, Any]:
        """Return the decoders by the number of the type: moments by the quick parsers, times as times."""
        from pymysql.constants import FIELD_TYPE
        from pymysql.converters import conversions

        moment = self._noting(datetime.fromisoformat)
        return {
            **conversions,
            FIELD_TYPE.DATETIME: moment,
            FIELD_TYPE.TIMESTAMP: moment,
            FIELD_TYPE.DATE: self._noting(date.fromisoformat),
            FIELD_TYPE.TIME: self._noting(_read_time),
        }

    def _noting(self, read: Callable[[str], Any]) -> Callable[[str], Any]:
        def decode(text: str) -> Any:
            try:
                return read(text)
            except ValueError:
                self.failed = True
                return Unreadable(text)

        return decode


def check_readable(cursor: Cursor, rows: Sequence[Row]) -> None:
    """Check that every value of some rows of a result could be read.

    Raises:
        DatabaseError: If one could not; the message names its column and what is in it.
    """
    for row in rows:
        for column, value in zip(cursor.description or (), row, strict=True):
            if isinstance(value, Unreadable):
                raise DatabaseError(
                    f"column {column[0]!r} holds {value.text!r}, which is no date or time of Python's: dates are from "
                    "0001-01-01 to 9999-12-31, times from 00:00 to before 24:00"
                )


def _read_time(text: str) -> time:
    # Newer versions of Python take 24:00 for the beginning of the day.
    if text.startswith(END_OF_DAY):
        raise ValueError("not a time of a day")
    return time.fromisoformat(text)


@lru_cache
def connection_class() -> type[Connection[Cursor]]:
    """Return PyMySQL's connection, which closes itself when it fails in the middle of a result.

    It encrypts where the server offers to, as PyMySQL does, without reading the authorities of the system anew for each
    connection (35 ms of processor time) only to verify nothing.
    """
    from pymysql import Connection, Error
    from pymysql.err import DataError

    class ClosingConnection(Connection):  # type: ignore[type-arg]  # generic for type checkers only
        def _read_query_result(self, unbuffered: bool = False) -> Any:
            try:
                return super()._read_query_result(unbuffered)
            except (Error, OSError):
                # What the server says ends its answer, and a lost connection PyMySQL has closed.
                raise
            except BaseException as error:
                self._force_close()
                raise DataError(f"cannot read the result, connection closed: {error}") from error

        def _create_ssl_ctx(self, sslp: Any) -> ssl.SSLContext:
            if sslp == {}:
                return unverified_context()
            made: ssl.SSLContext = super()._create_ssl_ctx(sslp)  # type: ignore[misc]  # not in the stubs
            return made

    return ClosingConnection
