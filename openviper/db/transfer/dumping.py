"""Writing rows as lines of JSON, in an order that is always the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from openviper.db.connection import connections
from openviper.db.connections.databases import Connection
from openviper.db.transfer.errors import RowError
from openviper.db.transfer.exact_json import quoted
from openviper.db.transfer.lines import HEADER, encoder
from openviper.db.transfer.naturals import NaturalKey, NaturalKeys, check_naturals, has_natural_key
from openviper.db.transfer.proof import refuse_missing_file
from openviper.db.transfer.reading import Batch, Progress, TableReader
from openviper.db.transfer.sessions import snapshot
from openviper.db.transfer.tables import MADE_BY_MIGRATE, TransferColumn, TransferTable

PASSWORD = "password"
Write = Callable[[str], object]


def is_secret(column: TransferColumn) -> bool:
    """Return whether a value is left out unless it is asked for."""
    return column.field.is_secret or column.field.name == PASSWORD


@dataclass(frozen=True)
class Dump:
    """What is to be written.

    Attributes:
        alias: The database.
        tables: Those that others refer to first.
        natural: Whether rows are called by their natural keys where they have some.
        with_secrets: Whether hashes of passwords and encrypted texts are written too.
    """

    alias: str
    tables: Sequence[TransferTable]
    natural: bool = False
    with_secrets: bool = False

    @property
    def left_out(self) -> list[str]:
        """The fields that are left out because they are secret."""
        if self.with_secrets:
            return []
        return [
            f"{table.label}.{column.field.name}"
            for table in self.tables
            for column in table.columns
            if is_secret(column)
        ]


@dataclass
class Dumped:
    """How many rows were written, by label of the model."""

    rows: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All rows."""
        return sum(self.rows.values())


async def count_dump(dump: Dump) -> int:
    """Return how many rows there are to be written.

    Raises:
        TransferError: If the file of an SQLite database does not exist.
    """
    database = connections.get(dump.alias)
    refuse_missing_file(database)
    async with snapshot(database) as connection:
        return sum([await TableReader(connection, table).count() for table in dump.tables])


async def dump_data(dump: Dump, write: Write, observe: Progress) -> Dumped:
    """Write rows, as they are at one moment, line by line.

    Args:
        dump: What is to be written.
        write: Takes a line, with its end.
        observe: Told of the progress.

    Raises:
        RowError: If a value cannot be read, or a row refers to one that does not exist.
        TransferError: If a natural key is wanted that no manager finds.
    """
    database = connections.get(dump.alias)
    refuse_missing_file(database)
    check_naturals(_called_naturally(dump))
    dumped = Dumped()
    write(f"{HEADER}\n")
    async with snapshot(database) as connection:
        for table in dump.tables:
            dumped.rows[table.label] = 0
            async for lines in _lines_of(connection, dump, table):
                write("".join(lines))
                dumped.rows[table.label] += len(lines)
                observe(table.name, len(lines))
    write(f'{{"end": true, "rows": {dumped.total}}}\n')
    return dumped


def _called_naturally(dump: Dump) -> list[Any]:
    return [table.model for table in dump.tables] if dump.natural else []


async def _lines_of(
    connection: Connection, dump: Dump, table: TransferTable
) -> AsyncIterator[list[str]]:
    writer = _TableLines(dump, table)
    async for batch in TableReader(connection, table).batches():
        yield await writer.lines(batch)


class _TableLines:
    """Makes lines of the rows of one table."""

    def __init__(self, dump: Dump, table: TransferTable) -> None:
        self._table = table
        self._naturals = {
            column.name: NaturalKeys(column.target_model, dump.alias)
            for column in table.references
            if _is_natural(dump, column)
        }
        left_out = [] if dump.with_secrets else list(filter(is_secret, table.columns))
        if _is_called_naturally(dump, table):
            left_out.append(table.key)
        self._columns = [
            (column, place) for place, column in enumerate(table.columns) if column not in left_out
        ]

    async def lines(self, batch: Batch) -> list[str]:
        """Return a line for each row of a batch."""
        columns = [await self._texts(column, batch, place) for column, place in self._columns]
        return [self._line(row) for row in zip(*columns, strict=True)]

    def _line(self, texts: Sequence[str]) -> str:
        key = ""
        members = []
        for (column, _), text in zip(self._columns, texts, strict=True):
            if column is self._table.key:
                key = f'"key": {text}, '
            else:
                members.append(f"{quoted(column.field.name)}: {text}")
        return (
            f'{{"model": {quoted(self._table.label)}, {key}"fields": {{{", ".join(members)}}}}}\n'
        )

    async def _texts(self, column: TransferColumn, batch: Batch, place: int) -> list[str]:
        values = batch.values[place]
        if column.name in self._naturals:
            names = await self._naturals[column.name].of(values)
            return [
                self._reference(column, key, value, name)
                for key, value, name in zip(batch.keys, values, names, strict=True)
            ]
        encode = encoder(column.type)
        return ["null" if value is None else encode(value) for value in values]

    def _reference(
        self, column: TransferColumn, key: Any, value: Any, name: NaturalKey | None
    ) -> str:
        if value is None:
            return "null"
        if name is None:
            raise RowError(
                self._table.name,
                key,
                f"refers to {value!r}, and table {column.target} has no such row",
                column.name,
            )
        import json  # Late: nearly all values are written without it.

        return json.dumps(name, ensure_ascii=False)


def _is_called_naturally(dump: Dump, table: TransferTable) -> bool:
    """Return whether the rows of a table are written without their primary key."""
    if table.name in MADE_BY_MIGRATE:
        return has_natural_key(table.model)
    is_pair = table.model._meta.join_of is not None
    return dump.natural and (is_pair or has_natural_key(table.model))


def _is_natural(dump: Dump, column: TransferColumn) -> bool:
    # Rows that `migrate` makes have other numbers in every database.
    is_wanted = dump.natural or column.target in MADE_BY_MIGRATE
    return is_wanted and has_natural_key(column.target_model)
