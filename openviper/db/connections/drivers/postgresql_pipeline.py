"""A write in a savepoint of its own as one round trip, through libpq's pipeline.

psycopg's own pipeline does the same for any statements and any number of them, with a cursor for each and a queue. For one
write and its savepoint that is more than half of the time, so the three statements are given to libpq here: psycopg adapts
the values, waits, cancels and makes errors as it does for its cursors. As there, a statement that comes again and again is
prepared, so that the server understands and plans it once.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from openviper.db.exceptions import DatabaseError

if TYPE_CHECKING:
    import psycopg
    from psycopg.abc import Transformer
    from psycopg.pq.abc import PGconn, PGresult

SAVEPOINT = b"SAVEPOINT openviper_write"
RELEASE = b"RELEASE SAVEPOINT openviper_write"
MAX_VALUES = 65_535
"""Most values that the protocol has room for in one statement."""
_ROWS = re.compile(r"(?i)\s*(?:INSERT|UPDATE|DELETE)\b")
_PERCENT = re.compile(r"(?s)%(.?)")


class Numbered(NamedTuple):
    """A statement as the server understands it.

    Attributes:
        sql: The text, with ``$1`` for the first value.
        values: How many values it takes.
    """

    sql: bytes
    values: int


@lru_cache(maxsize=1000)
def numbered(sql: str) -> Numbered | None:
    """Return a statement with numbered values; `None` if it is no write of rows or names its values otherwise."""
    marks = set(_PERCENT.findall(sql))
    if not (marks <= {"s", "%"} and _ROWS.match(sql)):
        return None
    count = 0

    def number(mark: re.Match[str]) -> str:
        nonlocal count
        if mark[1] == "%":
            return "%"
        count += 1
        return f"${count}"

    return Numbered(_PERCENT.sub(number, sql).encode(), count)


def as_pipeline(sql: str, parameters: Any) -> bytes | None:
    """Return the text for `write_in_savepoint`; `None` if psycopg's own pipeline has to take the statement."""
    if not isinstance(parameters, (list, tuple)):
        return None
    statement = numbered(sql)
    if statement is None or not parameters or len(parameters) > MAX_VALUES:
        return None
    return statement.sql if statement.values == len(parameters) else None


_Key = tuple[bytes, tuple[int, ...]]
"""A statement and the types of its values."""
_OUTDATED = ("26000", "0A000", "42")
"""A prepared statement that the server does not have any more, or that was prepared for other types than there are now."""


class Prepared:
    """The writes that a connection has prepared for its pipelines.

    Args:
        most: How many are kept; without room for one more, a statement is sent as it is.
    """

    __slots__ = ("_most", "_names", "_uses")

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: dict[_Key, bytes] = {}
        self._uses: dict[_Key, int] = {}

    def name_of(self, key: _Key) -> bytes | None:
        """Return the name of a statement that is prepared, or `None`."""
        return self._names.get(key)

    def new_name(self, key: _Key, threshold: int | None) -> bytes | None:
        """Count a use of a statement that is not prepared, and return the name to prepare it under if it is time."""
        if threshold is None or len(self._names) >= self._most:
            return None
        if len(self._uses) > 4 * self._most:
            self._uses.clear()
        self._uses[key] = self._uses.get(key, 0) + 1
        return b"openviper_%d" % len(self._names) if self._uses[key] > threshold else None

    def add(self, key: _Key, name: bytes) -> None:
        """Take note of a statement that the server has prepared."""
        self._names[key] = name
        self._uses.pop(key, None)

    def forget(self) -> None:
        """Take none for prepared any more, nor prepare any: their names may still be known to the server."""
        self._names.clear()
        self._most = 0

    def is_outdated(self, error: BaseException | None) -> bool:
        """Return whether an error, which has changed nothing, says that a prepared statement cannot be used."""
        return bool(self._names) and str(getattr(error, "sqlstate", "")).startswith(_OUTDATED)


class _Write(NamedTuple):
    """One write as libpq takes it.

    Attributes:
        sql: The text.
        values: Its values.
        types: Their types.
        formats: Their formats.
        name: The name under which it is prepared, or shall be; `None` if it is sent as it is.
        is_new: Whether it has to be prepared first.
    """

    sql: bytes
    values: Sequence[Any]
    types: tuple[int, ...]
    formats: Any
    name: bytes | None
    is_new: bool


async def write_in_savepoint(
    raw: psycopg.AsyncConnection[Any],
    transformer: Transformer,
    prepared: Prepared,
    sql: bytes,
    parameters: Sequence[Any],
) -> tuple[int, Any]:
    """Run a write between a savepoint and its release.

    Args:
        raw: The connection, in a transaction.
        transformer: What adapts values for it.
        prepared: The statements that it has prepared.
        sql: The statement, as `as_pipeline` returns it.
        parameters: Its values.

    Returns:
        The number of rows, and the first value of the first row if the statement returns any.

    Raises:
        psycopg.Error: If the server refuses the statement or cannot be reached.
        DatabaseError: If the returned value cannot be read.
    """
    from psycopg.adapt import PyFormat

    values = transformer.dump_sequence(parameters, [PyFormat.AUTO] * len(parameters))
    types = tuple(transformer.types or ())
    known = prepared.name_of((sql, types))
    name = known or prepared.new_name((sql, types), raw.prepare_threshold)
    write = _Write(sql, values, types, transformer.formats, name, name is not known)
    async with raw.lock:
        result = await raw.wait(_exchange(raw.pgconn, write, prepared))
    if not result.nfields:
        return -1 if result.command_tuples is None else result.command_tuples, None
    return result.ntuples, _first_value(result, transformer) if result.ntuples else None


def _exchange(pgconn: PGconn, write: _Write, prepared: Prepared) -> Generator[Any, Any, PGresult]:
    """Send the three statements and return the result of the write.

    Raises:
        psycopg.Error: What the server says of the first statement that failed.
    """
    from psycopg.generators import fetch_many, send
    from psycopg.pq import ExecStatus

    results: list[PGresult] = []
    try:
        pgconn.enter_pipeline_mode()
        pgconn.send_query_params(SAVEPOINT, None)
        _send(pgconn, write)
        pgconn.send_query_params(RELEASE, None)
        pgconn.pipeline_sync()
        yield from send(pgconn)
        # The savepoint, the write, the release and the end of the pipeline; before the write, that it is prepared.
        for _ in range(4 + write.is_new):
            results += yield from fetch_many(pgconn)
        pgconn.exit_pipeline_mode()
    except BaseException:
        # Refusals of the server are results. This is the end of the connection, or a pipeline that nobody can leave.
        pgconn.finish()
        if not any(result.status == ExecStatus.FATAL_ERROR for result in results):
            raise
    return _outcome(results, write, prepared)


def _outcome(results: Sequence[PGresult], write: _Write, prepared: Prepared) -> PGresult:
    """Return the result of the write, and take note of it if it has been prepared, whatever came of it then."""
    from psycopg.errors import error_from_result
    from psycopg.pq import ExecStatus

    if write.is_new and write.name and results[1:2]:
        if results[1].status == ExecStatus.COMMAND_OK:
            prepared.add((write.sql, write.types), write.name)
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result)
    return results[1 + write.is_new]


def _send(pgconn: PGconn, write: _Write) -> None:
    from psycopg.pq import Format

    if write.name is None:
        pgconn.send_query_params(write.sql, write.values, write.types, write.formats, Format.BINARY)
        return
    if write.is_new:
        pgconn.send_prepare(write.name, write.sql, write.types)
    pgconn.send_query_prepared(write.name, write.values, write.formats, Format.BINARY)


def _first_value(result: PGresult, transformer: Transformer) -> Any:
    from psycopg.pq import Format

    loader = transformer.get_loader(result.ftype(0), Format(result.fformat(0)))
    value = result.get_value(0, 0)
    try:
        return None if value is None else loader.load(value)
    except Exception as error:
        name = (result.fname(0) or b"").decode()
        raise DatabaseError(f"cannot read column {name!r}: {error}") from error
