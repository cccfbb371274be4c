"""A write in a savepoint of its own as one round trip, through libpq's pipeline.

psycopg's own pipeline does the same for any statements and any number of them, with a cursor for each and a queue. For one
write and its savepoint that is more than half of the time, so the three statements are given to libpq here: psycopg adapts
the values, waits, cancels and makes errors as it does for its cursors.
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


async def write_in_savepoint(
    raw: psycopg.AsyncConnection[Any],
    transformer: Transformer,
    sql: bytes,
    parameters: Sequence[Any],
) -> tuple[int, Any]:
    """Run a write between a savepoint and its release.

    Args:
        raw: The connection, in a transaction.
        transformer: What adapts values for it.
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
    exchange = _exchange(raw.pgconn, sql, values, transformer)
    async with raw.lock:
        result = await raw.wait(exchange)
    if not result.nfields:
        return -1 if result.command_tuples is None else result.command_tuples, None
    return result.ntuples, _first_value(result, transformer) if result.ntuples else None


def _exchange(
    pgconn: PGconn, sql: bytes, values: Sequence[Any], transformer: Transformer
) -> Generator[Any, Any, PGresult]:
    """Send the three statements and return the result of the write.

    Raises:
        psycopg.Error: What the server says of the first statement that failed.
    """
    from psycopg.errors import error_from_result
    from psycopg.generators import fetch_many, send
    from psycopg.pq import ExecStatus, Format

    results: list[PGresult] = []
    try:
        pgconn.enter_pipeline_mode()
        pgconn.send_query_params(SAVEPOINT, None)
        pgconn.send_query_params(sql, values, transformer.types, transformer.formats, Format.BINARY)
        pgconn.send_query_params(RELEASE, None)
        pgconn.pipeline_sync()
        yield from send(pgconn)
        for _ in ("savepoint", "write", "release", "end of the pipeline"):
            results += yield from fetch_many(pgconn)
        pgconn.exit_pipeline_mode()
    except BaseException:
        # Refusals of the server are results. This is the end of the connection, or a pipeline that nobody can leave.
        pgconn.finish()
        if not any(result.status == ExecStatus.FATAL_ERROR for result in results):
            raise
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result)
    return results[1]


def _first_value(result: PGresult, transformer: Transformer) -> Any:
    from psycopg.pq import Format

    loader = transformer.get_loader(result.ftype(0), Format(result.fformat(0)))
    value = result.get_value(0, 0)
    try:
        return None if value is None else loader.load(value)
    except Exception as error:
        name = (result.fname(0) or b"").decode()
        raise DatabaseError(f"cannot read column {name!r}: {error}") from error
