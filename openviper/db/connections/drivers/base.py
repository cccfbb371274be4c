"""The contract of a connection, whatever the database; drivers perform I/O and know no SQL of their own but transactions."""

from __future__ import annotations

import gc
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar

from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import asyncio
else:
    asyncio = lazy_module("asyncio")

T = TypeVar("T")
Row = tuple[Any, ...]
Parameters = Sequence[Any]


class Described:
    """What `DriverConnection.read` takes as `convert` to be told the names of the columns as well.

    Args:
        convert: Makes the result of the names and the rows.
    """

    __slots__ = ("convert", "names")

    def __init__(self, convert: Callable[[tuple[str, ...], list[Row]], Any]) -> None:
        self.convert = convert
        self.names: tuple[str, ...] = ()

    def __call__(self, rows: list[Row]) -> Any:
        """Return the result."""
        return self.convert(self.names, rows)

    def note(self, cursor: Any) -> None:
        """Take the names from a cursor that has run a read."""
        self.names = tuple([column[0] for column in cursor.description or ()])


def uncollected(convert: Callable[[list[Row]], T], rows: list[Row]) -> T:
    """Convert rows with the garbage collector off: all that is made is in use, and would be looked through again and again."""
    is_on = gc.isenabled()
    gc.disable()
    try:
        return convert(rows)
    finally:
        if is_on:
            gc.enable()


class Later(Enum):
    """What is returned in place of a result by what does not wait, where it would have to."""

    LATER = "later"


LATER: Final = Later.LATER
"""Nothing has been sent; the statement has to be awaited."""


class Waiting:
    """A connection or pool that waits for every statement."""

    def read_at_once(
        self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]
    ) -> T | Literal[Later.LATER]:
        """Return `LATER`."""
        return LATER

    def write_at_once(
        self, sql: str, parameters: Parameters
    ) -> tuple[int, Any] | Literal[Later.LATER]:
        """Return `LATER`."""
        return LATER


class Movable:
    """A connection whose statements take turns, and which one event loop after the other may use."""

    _lock: asyncio.Lock

    def move(self) -> None:
        """Be used on the running event loop from now on; nothing runs on the connection."""
        self._lock = asyncio.Lock()


class DriverConnection(Protocol):
    """One connection. Statements of several tasks take turns; cancelling a task leaves no statement running."""

    @property
    def begin(self) -> str:
        """The statement that begins a transaction for writing."""
        ...

    @property
    def begin_read_only(self) -> str:
        """The statement that begins a transaction for reading."""
        ...

    @property
    def in_transaction(self) -> bool:
        """Whether the database has a transaction open on this connection."""
        ...

    def read_at_once(
        self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]
    ) -> T | Literal[Later.LATER]:
        """Run a read as `read` does, if that needs no waiting; else return `LATER`."""
        ...

    def write_at_once(
        self, sql: str, parameters: Parameters
    ) -> tuple[int, Any] | Literal[Later.LATER]:
        """Run a write of one row at most as `write` does, if that needs no waiting; else return `LATER`."""
        ...

    async def read(self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]) -> T:
        """Run a read and return ``convert(rows)``.

        Raises:
            OperationalError: If the database cannot do it now, or a table is missing.
            DatabaseError: For everything else it does not like.
        """
        ...

    async def write(self, sql: str, parameters: Parameters, *, single: bool) -> tuple[int, Any]:
        """Run any other statement; in a transaction a failure undoes this statement only.

        Args:
            sql: One statement.
            parameters: Its values; without any, the text is sent as it is.
            single: Whether it touches one row at most.

        Returns:
            The number of rows written, and the key of the row inserted if the database made one.

        Raises:
            IntegrityError: If a constraint refuses it.
            OperationalError: If the database cannot do it now, or a table is missing.
        """
        ...

    async def write_many(self, sql: str, rows: Iterable[Parameters]) -> int:
        """Run a write once per row of values, all or nothing, and return the number of rows.

        `rows` may be read in another thread.
        """
        ...

    async def insert_many(self, sql: str, rows: Iterable[Parameters]) -> list[int]:
        """Insert rows whose keys the database makes, all or nothing, and return the keys in the order of the rows."""
        ...

    def stream(
        self,
        sql: str,
        parameters: Parameters,
        convert: Callable[[list[Row]], list[T]],
        chunk_size: int,
    ) -> AsyncGenerator[list[T], None]:
        """Run a read and yield its rows in chunks; memory holds one chunk at a time where the database can."""
        ...

    async def control(self, sql: str) -> None:
        """Begin or end a transaction or savepoint."""
        ...


class Pool(Protocol):
    """The connections of one database on one event loop."""

    def read_at_once(
        self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]
    ) -> T | Literal[Later.LATER]:
        """Run a read as `read` does, if that needs no waiting; else return `LATER`."""
        ...

    def write_at_once(
        self, sql: str, parameters: Parameters
    ) -> tuple[int, Any] | Literal[Later.LATER]:
        """Run a write of one row at most as `write` does, if that needs no waiting; else return `LATER`."""
        ...

    async def read(self, sql: str, parameters: Parameters, convert: Callable[[list[Row]], T]) -> T:
        """Run a read on any connection that is free."""
        ...

    async def write(self, sql: str, parameters: Parameters, *, single: bool) -> tuple[int, Any]:
        """Run one write, which commits by itself."""
        ...

    def hold(self) -> AbstractAsyncContextManager[DriverConnection]:
        """Take a connection that may write for the time of the block.

        Raises:
            PoolTimeoutError: If none becomes free in time.
        """
        ...

    def stream(
        self,
        sql: str,
        parameters: Parameters,
        convert: Callable[[list[Row]], list[T]],
        chunk_size: int,
    ) -> AsyncGenerator[list[T], None]:
        """Run a read on a connection of its own and yield its rows in chunks."""
        ...

    def committed(self) -> None:
        """Be told that a transaction on a held connection has committed."""
        ...

    async def close(self) -> None:
        """Close every connection once its present statement is done."""
        ...

    def close_now(self) -> None:
        """Close every connection without the event loop, which is closed already."""
        ...

    def statistics(self) -> dict[str, Any]:
        """Return how many connections are open and free."""
        ...


class StandIn(Pool, Protocol):
    """Takes the place of a pool in tests.

    Attributes:
        is_isolated: Whether a transaction is open around all that is sent, which undoes it.
    """

    is_isolated: bool
