"""The values of rows that a file states: decoded, completed, made ready for the driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.fields.base import Field
from openviper.db.fields.moments import uses_time_zones
from openviper.db.transfer.errors import LineError
from openviper.db.transfer.lines import RowLine, decoder
from openviper.db.transfer.tables import TransferColumn, TransferTable
from openviper.db.transfer.values import base_of, misfit, reader_of, writer_of
from openviper.utils.identifiers import closest


class RowValues:
    """The values of the rows of one table.

    Args:
        table: The table.
        dialect: The target's.
    """

    def __init__(self, table: TransferTable, dialect: Dialect) -> None:
        self.table = table
        self._columns = {column.field.name: column for column in table.columns}
        self._decoders: dict[TransferColumn, Callable[[Any], Any]] = {
            column: decoder(column.type) for column in table.columns
        }
        self._writers: dict[TransferColumn, Converter | None] = {
            column: writer_of(column.field, dialect) for column in table.columns
        }
        self._read_key = reader_of(table.key.field, dialect, aware=uses_time_zones())

    def column(self, line: RowLine, name: str) -> TransferColumn:
        """Return the column of a field.

        Raises:
            LineError: If there is no such field.
        """
        column = self._columns.get(name)
        if column is None or column is self.table.key:
            names = [known for known in self._columns if known != self.table.key.field.name]
            match = closest(name, names)
            meant = f"; did you mean {match!r}?" if match else ""
            raise LineError(
                line.number, f"{line.model} has no field {name!r} that is stored{meant}"
            )
        return column

    def decoded(self, line: RowLine, column: TransferColumn, given: Any) -> Any:
        """Return a value as Python has it.

        Raises:
            LineError: If it is not one of the field.
        """
        if given is None:
            if not column.field.null:
                raise LineError(line.number, f"field {column.field.name!r} cannot be null")
            return None
        try:
            return self._fitting(column, self._decoders[column](given))
        except (ValueError, OverflowError) as error:
            raise LineError(line.number, f"field {column.field.name!r}: {error}") from error

    @staticmethod
    def _fitting(column: TransferColumn, value: Any) -> Any:
        problem = misfit(column.type, value)
        if problem is not None:
            raise ValueError(problem)
        return value

    def written(self, column: TransferColumn, value: Any) -> Any:
        """Return a value as the driver takes it.

        Raises:
            ValueError: If it cannot be stored.
        """
        write = self._writers[column]
        return value if value is None or write is None else write(value)

    def read_key(self, value: Any) -> Any:
        """Return a primary key that the driver gave as Python has it."""
        return value if self._read_key is None else self._read_key(value)

    def completed(
        self, line: RowLine, row: Mapping[TransferColumn, Any]
    ) -> dict[TransferColumn, Any]:
        """Return the values of a new row with those that the file does not state.

        Raises:
            LineError: If a value is missing that the model has no default for.
        """
        complete = {}
        for column in self.table.columns:
            if column in row:
                complete[column] = row[column]
            elif not self._is_made_by_database(column):
                complete[column] = self._default(line, column)
        return complete

    @staticmethod
    def _is_made_by_database(column: TransferColumn) -> bool:
        return bool(column.field.auto_increment) or column.field.asks_database

    def _default(self, line: RowLine, column: TransferColumn) -> Any:
        field = column.field
        if field.is_auto:
            return self._now(column)
        default = _default_of(field)
        if default is not None:
            return self._as_read(column, field.to_python(default))
        if not field.null:
            raise LineError(line.number, f"field {field.name!r} is missing")
        return None

    @staticmethod
    def _now(column: TransferColumn) -> Any:
        now = datetime.now(UTC) if uses_time_zones() else datetime.now(UTC).replace(tzinfo=None)
        by_type = {"DATE": now.date(), "TIME": now.time()}
        return by_type.get(base_of(column.type), now)

    @staticmethod
    def _as_read(column: TransferColumn, value: Any) -> Any:
        """Return a default in the form in which values are moved: JSON as text, a span of time as a number."""
        if base_of(column.type) == "JSON":
            import json  # Late: few models have a default that is JSON.

            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if column.type == "BIGINT" and hasattr(value, "total_seconds"):
            from openviper.db.fields.durations import microseconds  # Late: likewise.

            return microseconds(value)
        return value


def _default_of(field: Field[Any]) -> Any:
    default = field.get_default()
    return field.shared_default if default is None else default
