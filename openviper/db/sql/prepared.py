"""What is worked out once per model and dialect: columns, conversions, builders, finished SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.fields.base import Field
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.moments import uses_time_zones
from openviper.db.sql.names import MAX_CACHED
from openviper.db.sql.rows.from_rows import Build, Row, make_builder
from openviper.db.sql.rows.to_rows import make_checked_row, make_extractor


class Plan:
    """The compiled side of one model on one dialect.

    Attributes:
        fields: The columns in order.
        written: The attributes of the columns that are written, which are all but generated ones.
        is_partly_written: Whether there are generated ones.
        key_name: The attribute of the primary key.
        key_position: Its place among those that are written.
        build: Turns rows of all columns into instances.
        take_key: Returns a key as the driver takes it, `None` as it is; a ``ValueError`` if the field cannot convert it.
        checked_row: Makes the row of an instance that is new, less its key, if that is all that has to be done for it.
        bulk_insert_sql: Inserts whole rows, many at a time.
        cache: Finished statements by their shape.
    """

    def __init__(self, meta: ModelOptions, dialect: Dialect) -> None:
        self.meta = meta
        self.dialect = dialect
        self.fields: list[Field[Any]] = list(meta.fields.values())
        self.attnames = tuple(field.attname for field in self.fields)
        # The setting is read only where it counts: commands on plain models need no settings.
        has_moments = "DATETIME" in {field.base_type for field in self.fields}
        self.aware = uses_time_zones() if has_moments else False
        self.readers = [field.reader(dialect, aware=self.aware) for field in self.fields]
        self.writers = [field.writer(dialect) for field in self.fields]
        self.writer_of = dict(zip(self.attnames, self.writers, strict=True))
        self.reader_of = dict(zip(self.attnames, self.readers, strict=True))
        self.auto_fields = meta.auto_fields
        self.pre_save_fields = meta.pre_save_fields
        self.written = tuple(field.attname for field in meta.written_fields)
        self.is_partly_written = len(self.written) < len(self.attnames)
        self.key_name = meta.pk.attname
        self.key_position = self.written.index(self.key_name)
        writers = [self.writer_of[attname] for attname in self.written]
        self.extract = make_extractor(
            meta.model_name, meta.written_fields, writers, self.key_position, aware=self.aware
        )
        self.checked_row = _checked_row(meta, writers, aware=self.aware)
        self.table = dialect.quote(meta.table_name)
        self.key = dialect.quote(meta.pk.column_name)
        self.build: Build = make_builder(meta.model, self.attnames, self.readers, None)
        self.cache: dict[Any, Any] = {}
        columns = list(map(self.column, self.fields))
        self.get_sql = f"SELECT {', '.join(columns)} FROM {self.table} WHERE {self.key} = {dialect.placeholder}"
        self.delete_sql = f"DELETE FROM {self.table} WHERE {self.key} = {dialect.placeholder}"
        self.insert_sql_with_key = self._insert_sql(self.written)
        others = tuple(name for name in self.written if name != meta.pk.attname)
        self.insert_sql_without_key = self._insert_sql(others) + dialect.returning_key(self.key)
        self.bulk_insert_sql = dialect.bulk_insert(
            self.table, [self.column(field) for field in meta.written_fields]
        )
        self.write_key: Converter | None = self.writer_of[meta.pk.attname]
        self.take_key = _key_taker(meta.pk, self.write_key)

    def column(self, field: Field[Any]) -> str:
        """Return the quoted name of a column."""
        return self.dialect.quote(field.column_name)

    def cached(self, shape: Any, make: Callable[[], Any]) -> Any:
        """Return the statement for a shape, made on first use."""
        found = self.cache.get(shape)
        if found is None:
            found = make()
            if len(self.cache) >= MAX_CACHED:
                self.cache.clear()
            self.cache[shape] = found
        return found

    def _insert_sql(self, attnames: tuple[str, ...]) -> str:
        if not attnames:
            return self.dialect.insert_nothing(self.table)
        columns = ", ".join(self.column(self.meta.names[attname]) for attname in attnames)
        marks = ", ".join([self.dialect.placeholder] * len(attnames))
        return f"INSERT INTO {self.table} ({columns}) VALUES ({marks})"

    def insert_sql(self, attnames: tuple[str, ...]) -> str:
        """Return the INSERT of these attributes; it returns the key when that is not among them."""
        sql: str = self.cached(("insert row", attnames), lambda: self._insert_sql(attnames))
        if self.meta.pk.attname in attnames:
            return sql
        return sql + self.dialect.returning_key(self.key)

    def made_sql(self, attnames: tuple[str, ...]) -> str:
        """Return the SELECT of what the database worked out for one row; the key is the parameter."""
        columns = ", ".join(self.column(self.meta.names[attname]) for attname in attnames)
        return f"SELECT {columns} FROM {self.table} WHERE {self.key} = {self.dialect.placeholder}"

    def update_sql(self, attnames: tuple[str, ...]) -> str:
        """Return the UPDATE of these attributes of one row; the key is the last parameter."""
        sql: str = self.cached(("update row", attnames), lambda: self._update_sql(attnames))
        return sql

    def _update_sql(self, attnames: tuple[str, ...]) -> str:
        mark = self.dialect.placeholder
        settings = ", ".join(
            f"{self.column(self.meta.names[attname])} = {mark}" for attname in attnames
        )
        return f"UPDATE {self.table} SET {settings} WHERE {self.key} = {mark}"

    def partial_builder(self, attnames: tuple[str, ...]) -> Build:
        """Return a builder for rows of some columns."""
        readers = [self.reader_of[attname] for attname in attnames]
        return make_builder(self.meta.model, attnames, readers, attnames)


def _key_taker(field: Field[Any], write: Converter | None) -> Converter:
    convert = field.value_converter()
    if write is None:
        return convert

    def take(value: Any) -> Any:
        converted = convert(value)
        return None if converted is None else write(converted)

    return take


def _checked_row(
    meta: ModelOptions, writers: list[Converter | None], *, aware: bool
) -> Callable[[dict[str, Any]], Row | None] | None:
    """Return `Plan.checked_row`, `None` unless the database makes the key of a new row and nobody anything else."""
    is_filled = meta.auto_fields or meta.pre_save_fields or meta.made_fields
    if is_filled or meta.single or meta.virtual or not meta.pk.auto_increment:
        return None
    return make_checked_row(meta, writers, aware=aware)


def plan_for(meta: ModelOptions, dialect: Dialect) -> Plan:
    """Return the plan of a model on a dialect, made on first use."""
    plan: Plan | None = meta.plans.get(dialect.name)
    if plan is None:
        plan = meta.plans[dialect.name] = Plan(meta, dialect)
    return plan
