"""What a test asks of the database: how many statements, and how the database answers them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple, Protocol

from openviper.db.connection import atomic, connections
from openviper.db.connections.drivers.base import Parameters
from openviper.db.connections.observers import DatabaseExecution

_CONTROL = re.compile(r"\s*(?:BEGIN|COMMIT|ROLLBACK|RELEASE|SAVEPOINT|START)\b", re.IGNORECASE)
_SCAN = re.compile(
    r"Seq Scan on \"?(?P<postgresql>\w+)|SCAN (?:TABLE )?(?P<sqlite>\w+)\b(?!.* USING)|^\d+ \S+ (?P<mysql>\S+) ALL\b"
)
"""How a database says that it reads all rows of a table."""


REPEATED = (
    "\n  (the same statement again and again: is a select_related or prefetch_related missing?)"
)


class Query(NamedTuple):
    """A statement that was sent."""

    sql: str
    alias: str


class QueryLog(DatabaseExecution):
    """Keeps the statements of a database, without those that begin and end transactions.

    Args:
        alias: The database.
        queries: Where they are kept.
    """

    def __init__(self, alias: str, queries: list[Query]) -> None:
        self._alias = alias
        self._queries = queries

    def pre_execute(self, statement: str, parameters: Parameters | None) -> None:
        """Keep a statement."""
        if not _CONTROL.match(statement):
            self._queries.append(Query(statement, self._alias))


@contextmanager
def captured_queries(using: str | Iterable[str] | None = None) -> Iterator[list[Query]]:
    """Yield the list of the statements that are sent inside the block.

    Args:
        using: The aliases to look at; all databases when not given.
    """
    aliases = [using] if isinstance(using, str) else list(using or connections.aliases)
    queries: list[Query] = []
    with ExitStack() as stack:
        for alias in aliases:
            stack.enter_context(connections.get(alias).watched(QueryLog(alias, queries)))
        yield queries


@contextmanager
def assert_queries(
    count: int | None = None,
    *,
    at_most: int | None = None,
    using: str | Iterable[str] | None = None,
) -> Iterator[list[Query]]:
    """Check how many statements the block sends; what begins and ends transactions does not count.

    Args:
        count: So many, neither more nor less.
        at_most: Or so many, or fewer.
        using: The aliases to look at; all databases when not given.

    Raises:
        AssertionError: If it sends another number; the statements are shown.
        TypeError: If neither number is given, or both, or one is no whole number.
        ValueError: If it is less than 0.
    """
    if (count is None) == (at_most is None):
        raise TypeError("give the number of statements, or at_most")
    _check_number(count if at_most is None else at_most)
    with captured_queries(using) as queries:
        yield queries
    sent = len(queries)
    if count is not None and sent != count:
        raise AssertionError(f"{_statements(sent)} sent, not {count}:{shown(queries)}")
    if at_most is not None and sent > at_most:
        raise AssertionError(f"{_statements(sent)} sent, more than {at_most}:{shown(queries)}")


def _check_number(number: object) -> None:
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"the number of statements is {number!r}, not a whole number")
    if number < 0:
        raise ValueError(f"the number of statements is {number}")


def _statements(count: int) -> str:
    return "1 statement was" if count == 1 else f"{count} statements were"


def shown(queries: Iterable[Query]) -> str:
    """Return statements for people, one per line; of those that are the same, one with its number."""
    counted = Counter(queries)
    lines = [f"\n  {query.sql}{_times(count)}" for query, count in counted.items()]
    repeated = max(counted.values(), default=0) > 1
    return "".join(lines) + (REPEATED if repeated else "")


def _times(count: int) -> str:
    return f"    ({count} times)" if count > 1 else ""


class Explainable(Protocol):
    """A query that the database can tell its plan of."""

    async def explain(self, *, analyze: bool = False) -> str:
        """Return the plan, one step per line."""
        ...


async def assert_query_plan(
    query: Explainable,
    *,
    uses: str | None = None,
    scans: Iterable[str] = (),
    using: str = "default",
) -> str:
    """Check how the database means to answer a query, and return the plan.

    Args:
        query: A queryset.
        uses: What the plan has to name, such as an index.
        scans: The tables that may be read from end to end; no other may.
        using: The alias that the query goes to.

    Raises:
        AssertionError: If the plan does not name `uses`, or another table is read from end to end; the plan is shown.
    """
    plan = await _plan(query, using)
    if uses is not None and uses not in plan:
        raise AssertionError(f"the plan does not use {uses!r}:\n{plan}")
    if uses is None:
        read = _scanned(plan) - set(scans)
        if read:
            raise AssertionError(f"all rows of {', '.join(sorted(read))} are read:\n{plan}")
    return plan


async def _plan(query: Explainable, alias: str) -> str:
    if connections.get(alias).vendor != "postgresql":
        return await query.explain()
    async with atomic(alias) as connection:
        # A table of few rows is read from end to end whatever indexes there are; tests have few rows.
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = await query.explain()
        await connection.execute("SET LOCAL enable_seqscan = on")
    return plan


def _scanned(plan: str) -> set[str]:
    """Return the tables that a plan reads from end to end."""
    found: set[str] = set()
    for line in plan.splitlines():
        match = _SCAN.search(line)
        if match is not None:
            found.update(name for name in match.groups() if name is not None)
    return found
