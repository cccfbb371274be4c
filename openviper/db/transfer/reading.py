"""Reading a table in batches, in the order of its key, from one unchanging view of the database.

Each batch is a statement of its own (``WHERE key > last ORDER BY key LIMIT n``), since MariaDB cannot stream inside a
transaction. Where values may be large, their sizes are asked for first, so that memory holds a bounded batch whatever
the rows are.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NoReturn

from openviper.db.connections.databases import Connection
from openviper.db.dialects.base import Converter, Dialect
from openviper.db.exceptions import DatabaseError, OperationalError
from openviper.db.fields.moments import uses_time_zones
from openviper.db.transfer.errors import RowError
from openviper.db.transfer.tables import TransferColumn, TransferTable
from openviper.db.transfer.values import base_of, is_read_as_text, reader_of, same_form_of

BATCH_ROWS = 1000
BATCH_BYTES = 4 * 1024 * 1024
"""Bytes of wide columns that a batch holds, unless a single row has more."""
Values = list[list[Any]]
"""Columns of values."""


class Checksum:
    """The number of rows, and a sum over them that is the same for every vendor and in any order of the rows."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, same_forms: Values) -> None:
        """Count rows in.

        Args:
            same_forms: Their columns, each value in its same form.
        """
        total = 0
        for row in zip(*same_forms, strict=True):
            digest = hashlib.blake2b(
                repr(row).encode("utf-8", "surrogatepass"), digest_size=16
            ).digest()
            total += int.from_bytes(digest)
            self.rows += 1
        self._sum = (self._sum + total) % 2**128

    @property
    def text(self) -> str:
        """The sum as 32 hexadecimal digits."""
        return f"{self._sum:032x}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Checksum) and (self.rows, self._sum) == (other.rows, other._sum)

    __hash__ = None  # type: ignore[assignment]  # It changes with every row.


class Batch:
    """Some rows of a table, column by column.

    Attributes:
        keys: The values of the key, as the driver gave them.
        values: The values as Python has them.
    """

    def __init__(self, keys: list[Any], values: Values) -> None:
        self.keys = keys
        self.values = values

    def __len__(self) -> int:
        return len(self.keys)


class TableReader:
    """Reads a table in batches.

    Args:
        connection: In a transaction, so that all batches are of one moment.
        table: The table.
    """

    def __init__(self, connection: Connection, table: TransferTable) -> None:
        self._connection = connection
        self.table = table
        dialect = connection.dialect
        self._dialect: Dialect = dialect
        aware = uses_time_zones()
        self._readers = [reader_of(column.field, dialect, aware=aware) for column in table.columns]
        self._forms = [same_form_of(column.type) for column in table.columns]
        self._key = table.columns.index(table.key)
        self._select = _select_values(dialect, table, table.columns)
        self._wide = [column for column in table.columns if column.is_wide]

    async def count(self) -> int:
        """Return the number of rows."""
        name = self._dialect.quote(self.table.name)
        rows = await self._connection.fetch_all(f"SELECT count(*) FROM {name}")
        return int(rows[0][0])

    async def batches(self) -> AsyncIterator[Batch]:
        """Yield the rows.

        Raises:
            RowError: If a value cannot be read, or is not of the column's type.
        """
        last: tuple[Any, ...] = ()
        while True:
            rows = await self._fetch(last)
            if not rows:
                return
            keys = [row[self._key] for row in rows]
            last = (keys[-1],)
            yield self._batch(keys, rows)

    def same_forms(self, batch: Batch) -> Values:
        """Return the values of a batch in their same forms.

        Raises:
            RowError: If a value is not of the column's type.
        """
        return [
            self._converted(column, form, values, batch.keys)
            for column, form, values in zip(
                self.table.columns, self._forms, batch.values, strict=True
            )
        ]

    def _batch(self, keys: list[Any], rows: Sequence[Sequence[Any]]) -> Batch:
        columns = zip(self.table.columns, self._readers, zip(*rows, strict=True), strict=True)
        return Batch(
            keys,
            [self._converted(column, reader, list(raw), keys) for column, reader, raw in columns],
        )

    def _converted(
        self, column: TransferColumn, convert: Converter | None, values: list[Any], keys: list[Any]
    ) -> list[Any]:
        return convert_column(self.table, column, convert, values, keys)

    # Fetching

    async def _fetch(self, last: tuple[Any, ...]) -> Sequence[Sequence[Any]]:
        try:
            rows = await self._rows_of_size(last) if self._wide else await self._next(last)
        except DatabaseError as error:
            await self._name_the_row(last, error)
        return rows

    async def _next(
        self, last: tuple[Any, ...], limit: int = BATCH_ROWS
    ) -> Sequence[Sequence[Any]]:
        return await self._connection.fetch_all(*self._page(self._select, last, limit))

    def _page(self, select: str, last: tuple[Any, ...], limit: int) -> tuple[str, tuple[Any, ...]]:
        key = self._dialect.quote(self.table.key.name)
        where = f" WHERE {key} > {self._dialect.placeholder}" if last else ""
        return f"{select}{where} ORDER BY {key} LIMIT {limit}", last

    async def _rows_of_size(self, last: tuple[Any, ...]) -> Sequence[Sequence[Any]]:
        """Return the rows behind a key that fit into a batch; at least one."""
        sizes = " + ".join(_size(self._dialect, column) for column in self._wide)
        select = _select(self._dialect, self.table, [self.table.key.name], sizes)
        found = await self._connection.fetch_all(*self._page(select, last, BATCH_ROWS))
        return await self._next(last, _fitting([int(size) for _, size in found])) if found else []

    async def _name_the_row(self, last: tuple[Any, ...], error: DatabaseError) -> NoReturn:
        """Look for the value of a batch that cannot be read.

        Raises:
            RowError: With the row and column.
            DatabaseError: If it is not a row's fault.
        """
        if isinstance(error, OperationalError) and error.retryable:
            raise error
        for key in await self._keys(last, error):
            for column in self.table.columns:
                await self._try(column, key[0])
        raise error

    async def _keys(self, last: tuple[Any, ...], failure: DatabaseError) -> Sequence[Sequence[Any]]:
        select = _select(self._dialect, self.table, [self.table.key.name])
        try:
            return await self._connection.fetch_all(*self._page(select, last, BATCH_ROWS))
        except DatabaseError:
            # PostgreSQL does not go on after an error of its own.
            raise failure from None

    async def _try(self, column: TransferColumn, key: Any) -> None:
        select = _select_values(self._dialect, self.table, [column])
        where = f" WHERE {self._dialect.quote(self.table.key.name)} = {self._dialect.placeholder}"
        try:
            await self._connection.fetch_all(select + where, (key,))
        except DatabaseError as error:
            raise RowError(self.table.name, key, _unreadable(error), column.name) from error


def _unreadable(error: DatabaseError) -> str:
    # The message of SQLite goes on with the text.
    if "Could not decode to UTF-8" in str(error):
        return "holds a text that is not UTF-8"
    return f"cannot be read: {error}"


def _fitting(sizes: Sequence[int]) -> int:
    """Return how many of the first rows have no more bytes than a batch; at least one."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if total > BATCH_BYTES:
            return max(1, count)
    return len(sizes)


def _select_values(
    dialect: Dialect, table: TransferTable, columns: Sequence[TransferColumn]
) -> str:
    values = ", ".join(_value(dialect, column) for column in columns)
    return f"SELECT {values} FROM {dialect.quote(table.name)}"


def _value(dialect: Dialect, column: TransferColumn) -> str:
    name = dialect.quote(column.name)
    return f"CAST({name} AS CHAR)" if is_read_as_text(base_of(column.type), dialect) else name


def _select(
    dialect: Dialect, table: TransferTable, columns: Sequence[str], expression: str = ""
) -> str:
    parts = [*map(dialect.quote, columns), *([expression] if expression else [])]
    return f"SELECT {', '.join(parts)} FROM {dialect.quote(table.name)}"


def _size(dialect: Dialect, column: TransferColumn) -> str:
    """Return the expression for the bytes of a value."""
    name = dialect.quote(column.name)
    if dialect.name == "sqlite":
        return f"coalesce(length(CAST({name} AS BLOB)), 0)"
    if dialect.name == "mysql":
        return f"coalesce(length({name}), 0)"
    is_plain = not column.type.endswith("[]") and base_of(column.type) != "JSON"
    return f"coalesce(octet_length({name if is_plain else f'{name}::text'}), 0)"


def convert_column(
    table: TransferTable,
    column: TransferColumn,
    convert: Converter | None,
    values: list[Any],
    keys: Sequence[Any],
) -> list[Any]:
    """Return converted values; NULL stays NULL.

    Args:
        table: The table.
        column: The column.
        convert: The conversion; `None` if nothing has to be done.
        values: The values.
        keys: Those of the key, for the message.

    Raises:
        RowError: If a value cannot be converted.
    """
    if convert is None:
        return values
    try:
        return [None if value is None else convert(value) for value in values]
    except (ValueError, TypeError, ArithmeticError, AttributeError, UnicodeError):
        return _converted_one_by_one(table, column, convert, values, keys)


def _converted_one_by_one(
    table: TransferTable,
    column: TransferColumn,
    convert: Converter,
    values: list[Any],
    keys: Sequence[Any],
) -> list[Any]:
    """Convert values like `convert_column`, and say which one cannot be."""
    converted = []
    for key, value in zip(keys, values, strict=True):
        try:
            converted.append(None if value is None else convert(value))
        except (ValueError, TypeError, ArithmeticError, AttributeError, UnicodeError) as error:
            raise RowError(table.name, key, _reason(error), column.name) from error
    return converted


def _reason(error: Exception) -> str:
    # The texts of other errors are those of Python's internals.
    return str(error) if isinstance(error, ValueError) else "holds a value of another type"


Progress = Callable[[str, int], None]
"""Told the table and the number of rows that have been dealt with since the last time."""
