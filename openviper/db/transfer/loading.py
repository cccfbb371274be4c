"""Storing the rows of a file: all of them or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openviper.db.connection import connections
from openviper.db.transfer.counters import read_counter, set_counter
from openviper.db.transfer.errors import LineError, RowError, TransferError
from openviper.db.transfer.inserting import Inserter, blames_a_row
from openviper.db.transfer.lines import RowLine
from openviper.db.transfer.naturals import NaturalFinder, has_natural_key, natural_key
from openviper.db.transfer.proof import prove_schema, refuse_unsafe_tables
from openviper.db.transfer.reading import BATCH_BYTES, Progress
from openviper.db.transfer.row_values import RowValues
from openviper.db.transfer.tables import MADE_BY_MIGRATE, TransferColumn, TransferTable
from openviper.db.transfer.target import Target, target_transaction
from openviper.utils.identifiers import closest

BATCH_ROWS = 500


@dataclass(frozen=True)
class Load:
    """How a file is loaded.

    Attributes:
        alias: The database.
        tables: All tables of the project.
        update: Whether a row that is there already gets the values of the file; otherwise it is an error.
        store: Whether the rows are kept in the end; otherwise everything is tried and taken back.
    """

    alias: str
    tables: Sequence[TransferTable]
    update: bool = False
    store: bool = True


@dataclass
class Loaded:
    """How many rows were inserted and updated."""

    inserted: int = 0
    updated: int = 0


class _Rehearsed(Exception):  # noqa: N818 - not an error: it takes everything back.
    """Everything has been tried."""


class _Unresolved(Exception):  # noqa: N818 - not an error: the row may come later.
    """A row refers by natural key to one that is not there yet."""

    def __init__(self, column: TransferColumn, parts: Sequence[Any]) -> None:
        self.column = column
        self.parts = parts


async def load_data(
    load: Load, lines: Iterable[RowLine], apps: Mapping[str, str], observe: Progress
) -> Loaded:
    """Store the rows of a file in one transaction.

    Args:
        load: How.
        lines: The rows; see `openviper.db.transfer.lines.read_lines`.
        apps: The directories of the installed apps by name.
        observe: Told of the progress.

    Raises:
        LineError: If a line names a model or field that does not exist, a value is not one of its field, a row exists
            already, refers to one that does not, or is refused by the database.
        TransferError: If the schema of the database is not up to date.
    """
    database = connections.get(load.alias)
    await prove_schema(database, load.tables, apps)
    loaded = Loaded()
    try:
        async with target_transaction(database, load.tables) as target:
            await refuse_unsafe_tables(target.connection, load.tables)
            loading = _Loading(target, load, loaded, observe)
            await loading.run(lines)
            if not load.store:
                raise _Rehearsed
    except _Rehearsed:
        pass
    return loaded


class _Loading:
    """A file on its way into a database."""

    def __init__(self, target: Target, load: Load, loaded: Loaded, observe: Progress) -> None:
        self._target = target
        self._loaded = loaded
        self._observe = observe
        self._update = load.update
        self._tables = {table.label: table for table in load.tables}
        self._values: dict[str, RowValues] = {}
        self._finders: dict[str, NaturalFinder] = {}
        self._waiting: list[RowLine] = []
        self._late: list[tuple[RowLine, TransferColumn]] = []
        self._batch: list[tuple[RowLine, dict[TransferColumn, Any]]] = []
        self._bytes = 0

    async def run(self, lines: Iterable[RowLine]) -> None:
        """Store all rows."""
        for line in lines:
            await self._take(line)
        await self._flush()
        await self._take_the_waiting()
        tables = [self._tables[label] for label in self._values]
        await self._target.settle(tables)
        for table in tables:
            used = await read_counter(self._target.connection, table)
            await set_counter(self._target.connection, table, used)

    # Rows that refer by natural key to rows which come later

    async def _take_the_waiting(self) -> None:
        """Store the rows that waited for others, as long as some can be; then cut the circles they are in."""
        before = 0
        while len(self._waiting) != before:
            before = len(self._waiting)
            await self._take_again(cut=False)
        await self._take_again(cut=True)
        for line, column in self._late:
            await self._refer_late(line, column)

    async def _take_again(self, *, cut: bool) -> None:
        waiting, self._waiting = self._waiting, []
        for line in waiting:
            await self._take(line, cut=cut)
        await self._flush()

    async def _refer_late(self, line: RowLine, column: TransferColumn) -> None:
        """Store a reference that was left NULL so far."""
        values = self._values_of(line)
        parts = line.fields[column.field.name]
        value = await self._found(line, column, parts)
        if value is None:
            raise LineError(line.number, _no_such_row(column, parts))
        key = await self._key_of(line, values)
        if key is None:
            raise LineError(
                line.number,
                f"{line.model} has no natural key, so the row is not found again to refer to {parts!r}",
            )
        await self._update_row(line, values.table, key, {column: value})

    # One row

    async def _take(self, line: RowLine, *, cut: bool = False) -> None:
        """Store a row, together with others."""
        values = self._values_of(line)
        await self._begin(values.table)
        try:
            row = await self._decoded(line, values, cut=cut)
        except _Unresolved:
            self._waiting.append(line)
            return
        if not self._goes_with_batch(line, row):
            await self._flush()
        self._batch.append((line, row))
        self._bytes += line.size

    def _goes_with_batch(self, line: RowLine, row: Mapping[TransferColumn, Any]) -> bool:
        """Return whether a row can be stored together with those that were gathered."""
        if not self._batch:
            return True
        is_full = len(self._batch) >= BATCH_ROWS or self._bytes >= BATCH_BYTES
        first, its_row = self._batch[0]
        return not is_full and first.model == line.model and its_row.keys() == row.keys()

    def _values_of(self, line: RowLine) -> RowValues:
        values = self._values.get(line.model)
        if values is None:
            table = self._tables.get(line.model)
            if table is None:
                raise LineError(
                    line.number,
                    f"no model is called {line.model!r}{_meant(line.model, self._tables)}",
                )
            values = RowValues(table, self._target.dialect)
        return values

    async def _begin(self, table: TransferTable) -> None:
        """Make ready for the first row of a table."""
        if table.label in self._values:
            return
        await self._flush()
        known = {self._tables[label].name for label in self._values}
        ahead = [column for column in table.references if column.target not in known]
        await self._target.defer([(table.name, column.name) for column in ahead])
        self._values[table.label] = RowValues(table, self._target.dialect)

    async def _decoded(
        self, line: RowLine, values: RowValues, *, cut: bool
    ) -> dict[TransferColumn, Any]:
        """Return the values that a line states, as Python has them, references as keys.

        Raises:
            _Unresolved: If a row that is referred to by natural key is not there, and references are not cut.
        """
        key = values.table.key
        row = {} if line.key is None else {key: values.decoded(line, key, line.key)}
        for name, given in line.fields.items():
            column = values.column(line, name)
            is_natural = column.target_model is not None and isinstance(given, list)
            row[column] = (
                await self._referred(line, column, given, cut=cut)
                if is_natural
                else values.decoded(line, column, given)
            )
        return row

    async def _referred(
        self, line: RowLine, column: TransferColumn, parts: Sequence[Any], *, cut: bool
    ) -> Any:
        key = await self._found(line, column, parts)
        if key is not None:
            return key
        if not cut:
            raise _Unresolved(column, parts)
        if not column.field.null:
            raise LineError(line.number, _no_such_row(column, parts))
        self._late.append((line, column))
        return None

    async def _found(self, line: RowLine, column: TransferColumn, parts: Sequence[Any]) -> Any:
        """Return the key of the row with a natural key, `None` if there is none."""
        if any(one.model == column.target_model._meta.label for one, _ in self._batch):
            await self._flush()  # It may be among those that are not stored yet.
        try:
            return await self._finder(column.target_model).find(parts)
        except TransferError as error:
            raise LineError(line.number, f"field {column.field.name!r}: {error}") from error

    def _finder(self, model: Any) -> NaturalFinder:
        label = model._meta.label
        if label not in self._finders:
            self._finders[label] = NaturalFinder(model)
        return self._finders[label]

    # Storing

    async def _flush(self) -> None:
        """Store the rows that were gathered, all of one model and with the same fields."""
        batch, self._batch, self._bytes = self._batch, [], 0
        if not batch:
            return
        values = self._values_of(batch[0][0])
        existing = await self._existing(batch, values)
        new = []
        for line, row in batch:
            key = existing.get(line.number)
            if key is None:
                new.append((line, row))
                continue
            if values.table.name in MADE_BY_MIGRATE:
                continue  # What it says, the row says by being there.
            if not self._update:
                raise LineError(
                    line.number,
                    f"{line.model} {key!r} exists already; --update gives it these values",
                )
            await self._update_row(line, values.table, key, row)
            self._loaded.updated += 1
        if new:
            await self._insert(values, new)
        self._loaded.inserted += len(new)
        self._observe(values.table.name, len(batch))

    async def _existing(
        self, batch: Sequence[tuple[RowLine, dict[TransferColumn, Any]]], values: RowValues
    ) -> dict[int, Any]:
        """Return the keys of those rows of a batch that exist, by line."""
        key = values.table.key
        by_key = {line.number: row[key] for line, row in batch if key in row}
        there = await self._those_there(values, list(by_key.values()))
        found = {number: value for number, value in by_key.items() if value in there}
        for line, row in batch:
            if key not in row:
                same = await self._same_row(line, row, values)
                found.update({} if same is None else {line.number: same})
        return found

    async def _those_there(self, values: RowValues, keys: Sequence[Any]) -> set[Any]:
        if not keys:
            return set()
        quote, mark = self._target.dialect.quote, self._target.dialect.placeholder
        name = quote(values.table.key.name)
        rows = await self._target.connection.fetch_all(
            f"SELECT {name} FROM {quote(values.table.name)} WHERE {name} IN ({', '.join([mark] * len(keys))})",
            [values.written(values.table.key, key) for key in keys],
        )
        return {values.read_key(row[0]) for row in rows}

    async def _same_row(
        self, line: RowLine, row: Mapping[TransferColumn, Any], values: RowValues
    ) -> Any:
        """Return the key of the row that a line without a key means, `None` if there is none."""
        model = values.table.model
        if model._meta.join_of is not None:
            return await self._same_pair(row, values)
        if not has_natural_key(model):
            return None
        instance = _instance(model, row)
        try:
            return await self._finder(model).find(await natural_key(instance))
        except TransferError as error:
            raise LineError(line.number, str(error)) from error

    async def _same_pair(self, row: Mapping[TransferColumn, Any], values: RowValues) -> Any:
        quote, mark = self._target.dialect.quote, self._target.dialect.placeholder
        pair = [column for column in row if column.target_model is not None]
        where = " AND ".join(f"{quote(column.name)} = {mark}" for column in pair)
        rows = await self._target.connection.fetch_all(
            f"SELECT {quote(values.table.key.name)} FROM {quote(values.table.name)} WHERE {where}",
            [values.written(column, row[column]) for column in pair],
        )
        return values.read_key(rows[0][0]) if rows else None

    async def _key_of(self, line: RowLine, values: RowValues) -> Any:
        """Return the key of a row that has been stored."""
        if line.key is not None:
            return values.decoded(line, values.table.key, line.key)
        row = {
            column: value
            for column, value in (await self._decoded(line, values, cut=True)).items()
            if value is not None
        }
        return await self._same_row(line, row, values)

    async def _insert(
        self, values: RowValues, batch: Sequence[tuple[RowLine, dict[TransferColumn, Any]]]
    ) -> None:
        complete = [(line, values.completed(line, row)) for line, row in batch]
        columns = list(complete[0][1])
        rows = [self._row(line, values, columns, row) for line, row in complete]
        try:
            await Inserter(self._target.connection, values.table, columns).insert(
                [line.number for line, _ in batch], rows
            )
        except RowError as error:
            number = error.key
            assert isinstance(number, int)  # Given above in the place of a key.
            raise LineError(number, error.reason) from error

    def _row(
        self,
        line: RowLine,
        values: RowValues,
        columns: Sequence[TransferColumn],
        row: Mapping[TransferColumn, Any],
    ) -> tuple[Any, ...]:
        return tuple(self._written(line, values, column, row[column]) for column in columns)

    async def _update_row(
        self, line: RowLine, table: TransferTable, key: Any, row: Mapping[TransferColumn, Any]
    ) -> None:
        """Give a row the values that a line states."""
        values = self._values_of(line)
        columns = [column for column in row if column is not table.key]
        if not columns:
            return
        written = [self._written(line, values, column, row[column]) for column in columns]
        try:
            await self._target.connection.execute(
                self._update_statement(table, columns), [*written, values.written(table.key, key)]
            )
        except Exception as error:
            if not blames_a_row(self._target.connection, error):
                raise
            raise LineError(line.number, f"refused by the database: {error}") from error

    def _update_statement(self, table: TransferTable, columns: Sequence[TransferColumn]) -> str:
        quote, mark = self._target.dialect.quote, self._target.dialect.placeholder
        settings = ", ".join(f"{quote(column.name)} = {mark}" for column in columns)
        return f"UPDATE {quote(table.name)} SET {settings} WHERE {quote(table.key.name)} = {mark}"

    def _written(self, line: RowLine, values: RowValues, column: TransferColumn, value: Any) -> Any:
        try:
            return values.written(column, value)
        except ValueError as error:
            raise LineError(line.number, f"field {column.field.name!r}: {error}") from error


def _instance(model: Any, row: Mapping[TransferColumn, Any]) -> Any:
    """Return an instance with the values of a row, to ask for its natural key."""
    return model(**{column.field.attname: value for column, value in row.items()})


def _no_such_row(column: TransferColumn, parts: Sequence[Any]) -> str:
    label = column.target_model._meta.label
    return f"field {column.field.name!r}: no {label} has the natural key {[str(part) for part in parts]!r}"


def _meant(name: str, known: Iterable[str]) -> str:
    match = closest(name, list(known))
    return f"; did you mean {match!r}?" if match else ""
