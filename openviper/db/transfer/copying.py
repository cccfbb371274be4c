"""Copying rows from one database into another: both proved first, everything or nothing, compared at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openviper.db.connection import connections
from openviper.db.connections.databases import Connection, Database
from openviper.db.dialects.base import Converter, Dialect
from openviper.db.dialects.definitions import LiveTable
from openviper.db.transfer.counters import raise_counter, read_counter, set_counter
from openviper.db.transfer.errors import RowError, TransferError
from openviper.db.transfer.inserting import Inserter
from openviper.db.transfer.proof import (
    left_behind,
    longest_packet,
    prove_schema,
    refuse_same,
    refuse_unsafe_tables,
)
from openviper.db.transfer.reading import (
    Batch,
    Checksum,
    TableReader,
    convert_column,
)
from openviper.db.transfer.sessions import snapshot
from openviper.db.transfer.tables import MADE_BY_MIGRATE, TransferTable
from openviper.db.transfer.target import Target, target_transaction
from openviper.db.transfer.values import writer_of

Observer = Callable[[str, str, int], None]
"""Told the step, the table, and the number of rows dealt with since the last time."""


@dataclass(frozen=True)
class CopiedTable:
    """What was copied of a table.

    Attributes:
        name: In the database.
        rows: How many.
        checksum: Of all values, the same for every vendor.
    """

    name: str
    rows: int
    checksum: str


@dataclass(frozen=True)
class Copy:
    """What is to be copied.

    Attributes:
        source: The alias of the database that the rows are in.
        target: The alias of the database that they go to.
        tables: Those that others refer to first.
        everything: Whether these are all tables of the project.
        replace: Whether rows of the target are deleted first.
    """

    source: str
    target: str
    tables: Sequence[TransferTable]
    everything: bool = True
    replace: bool = False


@dataclass(frozen=True)
class Proof:
    """What a look at both databases has found.

    Attributes:
        rows: The number of rows in the source by table.
        in_the_way: The number of rows in the target by table, those without any left out.
        remarks: What is not copied although it is there, one sentence each.
    """

    rows: Mapping[str, int]
    in_the_way: Mapping[str, int]
    remarks: Sequence[str]

    @property
    def total(self) -> int:
        """The number of all rows of the source."""
        return sum(self.rows.values())


async def prove_copy(copy: Copy, apps: Mapping[str, str], known: Sequence[TransferTable]) -> Proof:
    """Check that rows can be copied, and count those there are; nothing is changed.

    Args:
        copy: What is to be copied.
        apps: The directories of the installed apps by name.
        known: All tables of the project.

    Raises:
        TransferError: If the two are one database, or the schema of one is not up to date.
        DatabaseAliasNotFoundError: If there is no such database.
    """
    source, target = connections.get(copy.source), connections.get(copy.target)
    if source.alias == target.alias:
        await refuse_same(source, target)
    live = await prove_schema(source, copy.tables, apps)
    await prove_schema(target, copy.tables, apps)
    await refuse_same(source, target)
    async with snapshot(target) as connection:
        await refuse_unsafe_tables(connection, copy.tables)
        in_the_way = await _count(connection, copy.tables)
    async with snapshot(source) as connection:
        rows = await _count(connection, copy.tables)
    return Proof(rows, _occupied(in_the_way), _remarks(copy, live, known))


def _remarks(
    copy: Copy,
    live: Mapping[str, LiveTable],
    known: Sequence[TransferTable],
) -> list[str]:
    names = [table.name for table in known]
    return left_behind(copy.tables, names, live, everything=copy.everything)


async def _count(connection: Connection, tables: Sequence[TransferTable]) -> dict[str, int]:
    return {table.name: await TableReader(connection, table).count() for table in tables}


async def copy_data(copy: Copy, observe: Observer) -> list[CopiedTable]:
    """Copy rows; leave the target with all of them, or as it was.

    Keys and moments stay what they are. The rows of the source are those of one moment. At the end every table of the
    target is read back and compared, before anything is stored.

    Args:
        copy: What is to be copied; see `prove_copy`, which goes first.
        observe: Told of the progress.

    Raises:
        RowError: If a row cannot be read, is refused, or refers to one that does not exist.
        TransferError: If rows stand in the way, others hold the tables, or the target holds something else in the end.
    """
    source, target = connections.get(copy.source), connections.get(copy.target)
    async with snapshot(source) as reading:
        async with target_transaction(target, copy.tables) as filling:
            await filling.keep_others_out()
            await filling.defer_backward()
            await _make_room(filling, copy)
            copied, counters = await _fill(filling, reading, copy.tables, observe)
            await filling.settle(copy.tables)
            await _compare(filling, copied, copy.tables, observe)
            for table in copy.tables:
                await set_counter(filling.connection, table, counters[table.name])
        await _raise_counters(target, copy.tables, counters)
    return [CopiedTable(name, checksum.rows, checksum.text) for name, checksum in copied.items()]


async def rehearse(copy: Copy, observe: Observer) -> list[CopiedTable]:
    """Read and convert every row, as `copy_data` does, and write none.

    Raises:
        RowError: If a row cannot be read, or its values not be stored in the target.
    """
    source, target = connections.get(copy.source), connections.get(copy.target)
    async with target.connection() as connection:
        packet = await longest_packet(connection)
    async with snapshot(source) as reading:
        return [
            await _rehearsed(reading, RowWriter(table, target.dialect, packet), observe)
            for table in copy.tables
        ]


async def _rehearsed(reading: Connection, writing: RowWriter, observe: Observer) -> CopiedTable:
    """Read and convert the rows of one table."""
    table = writing.table
    checksum, reader = Checksum(), TableReader(reading, table)
    async for batch in reader.batches():
        checksum.add(reader.same_forms(batch))
        writing.rows(batch)
        observe("Reading", table.name, len(batch))
    return CopiedTable(table.name, checksum.rows, checksum.text)


async def _make_room(target: Target, copy: Copy) -> None:
    """Delete the rows that are in the way, if they may be.

    Raises:
        TransferError: If they may not.
    """
    counts = await _count(target.connection, copy.tables)
    occupied = _occupied(counts)
    if occupied and not copy.replace:
        name, rows = next(iter(occupied.items()))
        raise TransferError(
            f"table {name} of database {copy.target!r} has {rows} rows; --replace deletes them first"
        )
    if any(counts.values()):
        await target.clear()


def _occupied(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the tables that have rows, other than those that `migrate` has made."""
    return {name: count for name, count in counts.items() if count and name not in MADE_BY_MIGRATE}


async def _fill(
    target: Target,
    reading: Connection,
    tables: Sequence[TransferTable],
    observe: Observer,
) -> tuple[dict[str, Checksum], dict[str, int]]:
    """Copy the rows of all tables, and return the checksum and the counter of each."""
    packet = await longest_packet(target.connection)
    checksums, counters = {}, {}
    for table in tables:
        writing = RowWriter(table, target.dialect, packet)
        checksums[table.name] = checksum = Checksum()
        reader = TableReader(reading, table)
        inserter = Inserter(target.connection, table, table.columns)
        async for batch in reader.batches():
            checksum.add(reader.same_forms(batch))
            await inserter.insert(batch.keys, writing.rows(batch))
            observe("Copying", table.name, len(batch))
        counters[table.name] = await read_counter(reading, table)
    return checksums, counters


async def _compare(
    target: Target,
    copied: Mapping[str, Checksum],
    tables: Sequence[TransferTable],
    observe: Observer,
) -> None:
    """Read everything back.

    Raises:
        TransferError: If a table holds other rows than were copied.
    """
    for table in tables:
        reader = TableReader(target.connection, table)
        checksum = Checksum()
        async for batch in reader.batches():
            checksum.add(reader.same_forms(batch))
            observe("Comparing", table.name, len(batch))
        if checksum != copied[table.name]:
            raise TransferError(_difference(table, copied[table.name], checksum))


def _difference(table: TransferTable, copied: Checksum, found: Checksum) -> str:
    if copied.rows != found.rows:
        return f"table {table.name} has {found.rows} rows in the target and not {copied.rows}; nothing was stored"
    return (
        f"table {table.name} has other values in the target than in the source, which a trigger or a column "
        "of another type may have done; nothing was stored"
    )


async def _raise_counters(
    target: Database, tables: Sequence[TransferTable], counters: Mapping[str, int]
) -> None:
    async with target.connection() as connection:
        for table in tables:
            await raise_counter(connection, table, counters[table.name])


class RowWriter:
    """Turns batches into rows for the driver of a target.

    Args:
        table: The table.
        dialect: The target's.
        packet: The most bytes that a statement may have; `None` without a limit.
    """

    def __init__(self, table: TransferTable, dialect: Dialect, packet: int | None) -> None:
        self.table = table
        self._writers: list[Converter | None] = [
            writer_of(column.field, dialect) for column in table.columns
        ]
        self._packet = packet

    def rows(self, batch: Batch) -> list[tuple[Any, ...]]:
        """Return the rows of a batch.

        Raises:
            RowError: If a value cannot be stored in the target.
        """
        written = []
        for column, write, values in zip(
            self.table.columns, self._writers, batch.values, strict=True
        ):
            if self._packet is not None and column.is_wide:
                self._refuse_long(column.name, values, batch.keys, self._packet)
            written.append(convert_column(self.table, column, write, values, batch.keys))
        return list(zip(*written, strict=True))

    def _refuse_long(
        self, column: str, values: Sequence[Any], keys: Sequence[Any], packet: int
    ) -> None:
        """Check that values fit into a statement.

        Raises:
            RowError: If one does not.
        """
        for key, value in zip(keys, values, strict=True):
            size = sent_bytes(value) if isinstance(value, (str, bytes)) else 0
            if size + MARGIN > packet:
                raise RowError(
                    self.table.name,
                    key,
                    f"needs {size} bytes in a statement, and the server takes {packet}; raise max_allowed_packet",
                    column,
                )


MARGIN = 65_536
"""Bytes of a statement for everything but its longest value."""
_ESCAPED = ("\x00", "\n", "\r", "\x1a", '"', "'", "\\")


def sent_bytes(value: str | bytes) -> int:
    """Return how many bytes a value takes in a statement to MariaDB, where some characters are sent as two."""
    if isinstance(value, bytes):
        return len(value) + sum(value.count(letter.encode()) for letter in _ESCAPED)
    return len(value.encode("utf-8", "surrogatepass")) + sum(map(value.count, _ESCAPED))
