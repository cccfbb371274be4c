"""Inserting rows, and saying which one the database refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from openviper.db.connections.databases import Connection
from openviper.db.dialects.identifiers import shorten
from openviper.db.exceptions import OperationalError
from openviper.db.transfer.errors import RowError
from openviper.db.transfer.tables import TransferColumn, TransferTable
from openviper.db.transfer.values import misfit

Row = tuple[Any, ...]


def blames_a_row(connection: Connection, error: Exception) -> bool:
    """Return whether an error is the fault of the row that was written, and the transaction goes on."""
    # A lost connection or a full disk has ended the transaction, or will come again.
    return not isinstance(error, OperationalError) and connection.in_transaction


class Inserter:
    """Inserts rows into some columns of a table.

    Args:
        connection: In a transaction.
        table: The table.
        columns: Those that get a value.
    """

    def __init__(
        self, connection: Connection, table: TransferTable, columns: Sequence[TransferColumn]
    ) -> None:
        quote = connection.dialect.quote
        self._connection = connection
        self._table = table
        self._columns = columns
        self._statement = connection.dialect.bulk_insert(
            quote(table.name), [quote(column.name) for column in columns]
        )

    async def insert(self, keys: Sequence[object], rows: list[Row]) -> None:
        """Insert rows.

        Args:
            keys: What the rows are called in messages.
            rows: The values, as the driver takes them.

        Raises:
            RowError: If the database refuses one.
        """
        error = await self._try(rows)
        if error is None:
            return
        refused = await self._first_refused(rows, error)
        if refused is None:
            return
        place, said = refused
        raise RowError(
            self._table.name,
            keys[place],
            f"refused by the database: {said}",
            self._to_blame(rows[place], str(said)),
        ) from said

    async def _try(self, rows: list[Row]) -> Exception | None:
        """Insert rows, all or none, and return what the database has against one of them."""
        try:
            await self._connection.execute_many(self._statement, rows)
        except Exception as error:
            if not blames_a_row(self._connection, error):
                raise
            return error
        return None

    async def _first_refused(
        self, rows: list[Row], error: Exception
    ) -> tuple[int, Exception] | None:
        """Look for the row that the database refuses, by halves; those before it are inserted."""
        if len(rows) == 1:
            return 0, error
        half = len(rows) // 2
        refused = await self._try(rows[:half])
        if refused is not None:
            return await self._first_refused(rows[:half], refused)
        return await self._first_of_rest(rows, half)

    async def _first_of_rest(self, rows: list[Row], half: int) -> tuple[int, Exception] | None:
        refused = await self._try(rows[half:])
        if refused is None:
            return None  # A second time it went well.
        found = await self._first_refused(rows[half:], refused)
        return None if found is None else (half + found[0], found[1])

    def _to_blame(self, row: Row, said: str) -> str | None:
        """Return the column whose value cannot be right, if there is one.

        Args:
            row: The row.
            said: What the database says of it, which may name a foreign key.
        """
        pairs = zip(self._columns, row, strict=True)
        return next(
            (column.name for column, value in pairs if self._is_wrong(column, value, said)), None
        )

    def _is_wrong(self, column: TransferColumn, value: object, said: str) -> bool:
        if value is None:
            return not column.field.null
        names_it = shorten(f"fk_{self._table.name}_{column.name}") in said
        return names_it or misfit(column.type, value) is not None
