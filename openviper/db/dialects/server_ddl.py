"""Schema statements that PostgreSQL and MariaDB have in common.

Foreign keys are added after all tables, so that tables may refer to each other in a circle, and dropped before all
changes where one stands in the way. Unique constraints are unique indexes, as on SQLite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from openviper.db.dialects.ddl import RowCheck, TableChange
from openviper.db.dialects.definitions import (
    Check,
    Definition,
    Index,
    LiveTable,
    Part,
    deferral,
    for_vendor,
    primary_key,
    table_checks,
    table_indexes,
)
from openviper.db.dialects.identifiers import shorten
from openviper.db.dialects.row_checks import row_checks
from openviper.db.dialects.sql_text import default_clause, sql_literal

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column, Generated, Table


class ForeignKeyName(NamedTuple):
    """A foreign key of one column in the database; `deferrable` is empty unless it can wait for the commit."""

    name: str
    column: str
    target: str
    on_delete: str
    deferrable: str = ""


class Target(NamedTuple):
    """What a foreign key refers to, and how."""

    table: str
    on_delete: str
    deferrable: str


class LiveSource(NamedTuple):
    """What else is known about a live table.

    Attributes:
        foreign_keys: By column.
        primary_key: The name of the constraint, empty without one.
    """

    foreign_keys: dict[str, ForeignKeyName]
    primary_key: str


def empty_tables(
    names: Iterable[Sequence[str]], tables: Iterable[str] | None
) -> dict[str, LiveTable]:
    """Return tables by name, only those of `tables` unless that is `None`, for a reader of the schema to fill in."""
    only = None if tables is None else set(tables)
    return {
        name: LiveTable(name, {}, [], [], LiveSource({}, ""))
        for (name,) in names
        if only is None or name in only
    }


def rows_of(tables: Mapping[str, LiveTable], rows: Iterable[Sequence[Any]]) -> list[Sequence[Any]]:
    """Return the rows that begin with the name of one of the tables."""
    return [row for row in rows if row[0] in tables]


class ServerDDL:
    """Schema statements of a database server; subclasses know its words."""

    vendor: ClassVar[str]
    transactional: ClassVar[bool]
    compares_numbering: ClassVar[bool] = True
    auto_clause: ClassVar[str]
    """What makes a primary key number itself."""

    def quote(self, name: str) -> str:
        """Quote an identifier."""
        raise NotImplementedError

    def type_name(self, column: Column) -> str:
        """Return the database's type for a column of a schema file."""
        raise NotImplementedError

    def literal(self, column: Column) -> str:
        """Return a column's default as SQL text."""
        return sql_literal(column["default"], column["type"])

    def adapted(self, table: Table) -> Table:
        """Return a wanted table as this database can have it."""
        return for_vendor(table, self.vendor)

    def foreign_key_query(self, table: str) -> str | None:
        """Return nothing: the server lets no row break a foreign key."""
        return None

    def rebuilds(self, change: TableChange) -> bool:
        """Return `False`: no change copies a table in a way that others have to know of."""
        return False

    # Creating

    def column(self, column: Column, *, with_default: bool = False) -> str:
        """Return the definition of a column."""
        parts = [self.quote(column["name"]), self.type_name(column)]
        if not column["nullable"] or column.get("primary_key"):
            parts.append("NOT NULL")
        if column.get("autoincrement"):
            parts.append(self.auto_clause)
        parts += self.value_clause(column, with_default=with_default)
        return " ".join(parts)

    def value_clause(self, column: Column, *, with_default: bool = False) -> Iterator[str]:
        """Yield what a column takes where an INSERT says nothing: its formula or a default."""
        default = self.default(column)
        fills_rows = with_default and column["default"] is not None
        if "generated" in column:
            yield formula(column["generated"])
        elif default or fills_rows:
            yield f"DEFAULT {default or self.literal(column)}"

    def default(self, column: Column) -> str:
        """Return the default that the database keeps, empty where it has none.

        ON DELETE SET DEFAULT is the one rule that reads a model's own default in the database.
        """
        if "db_default" in column:
            return default_clause(str(column["db_default"]))
        is_read = column.get("on_delete") == "SET DEFAULT"
        return self.literal(column) if is_read and column["default"] is not None else ""

    def create_table(self, name: str, table: Table) -> list[str]:
        """Return the statements that create a table with its indexes and checks; foreign keys come late."""
        ordered = sorted(table["columns"], key=lambda column: not column.get("primary_key"))
        items = [self.column(column) for column in ordered]
        keys = [self.quote(column["name"]) for column in ordered if column.get("primary_key")]
        if keys:
            items.append(f"PRIMARY KEY ({', '.join(keys)})")
        items += [self._check(check) for check in table_checks(name, table)]
        body = ",\n  ".join(items)
        indexes = [self.index(name, index) for index in table_indexes(name, table)]
        return [f"CREATE TABLE {self.quote(name)} (\n  {body}\n){self.table_options()}", *indexes]

    def table_options(self) -> str:
        """Return what stands behind the columns of a new table."""
        return ""

    def _check(self, check: Check) -> str:
        name = f"CONSTRAINT {self.quote(check.name)} " if check.name else ""
        return f"{name}{check.sql}"

    def index(self, table: str, index: Index) -> str:
        """Return the statement that creates an index, or the constraint where only that can wait for the commit."""
        definition = index.definition
        name, on = self.quote(index.name), self.quote(table)
        parts = ", ".join(part_sql(part, self.quote) for part in definition.parts)
        nulls = "" if definition.nulls_distinct else " NULLS NOT DISTINCT"
        body = f"({parts}){self._include(definition)}"
        if definition.deferrable:
            words = deferral(definition.deferrable)
            return f"ALTER TABLE {on} ADD CONSTRAINT {name} UNIQUE{nulls} {body}{words}"
        unique = "UNIQUE " if definition.unique else ""
        return f"CREATE {unique}INDEX {name} ON {on}{using(definition)} {body}{nulls}{where(definition)}"

    def _include(self, definition: Definition) -> str:
        carried = ", ".join(map(self.quote, definition.include))
        return f" INCLUDE ({carried})" if carried else ""

    # Foreign keys

    def early(self, changes: Sequence[TableChange], live: Mapping[str, LiveTable]) -> list[str]:
        """Return the statements that drop foreign keys standing in the way of the changes."""
        return [
            self.drop_foreign_key(table, key.name)
            for table, key in self._dropped_keys(changes, live)
        ]

    def drop_foreign_key(self, table: str, name: str) -> str:
        """Return the statement that drops a foreign key."""
        return f"ALTER TABLE {self.quote(table)} DROP CONSTRAINT {self.quote(name)}"

    @staticmethod
    def _dropped_keys(
        changes: Sequence[TableChange], live: Mapping[str, LiveTable]
    ) -> list[tuple[str, ForeignKeyName]]:
        found: dict[tuple[str, str], ForeignKeyName] = {}
        for change in changes:
            for table, key in _keys_in_the_way(change, live):
                found[table, key.name] = key
        return [(table, key) for (table, _), key in found.items()]

    def late(self, changes: Sequence[TableChange], live: Mapping[str, LiveTable]) -> list[str]:
        """Return the statements that add foreign keys once all tables and columns are there."""
        wanted = {change.table: change.wanted for change in changes}
        references = {**_new_references(changes), **self._restored(changes, live)}
        return [
            self._add_foreign_key(table, column, target, _key_of(target.table, wanted, live))
            for (table, column), target in references.items()
        ]

    def _restored(
        self, changes: Sequence[TableChange], live: Mapping[str, LiveTable]
    ) -> dict[tuple[str, str], Target]:
        """Return what refers to what again once the foreign keys in the way are gone, by table and column."""
        wanted = {change.table: change for change in changes}
        new_names = {
            change.live.name: change.table for change in changes if change.live is not None
        }
        restored = {}
        for live_name, key in self._dropped_keys(changes, live):
            name = new_names.get(live_name, live_name)
            # Where its own definition stays, only the type it points to has changed.
            kept = Target(new_names.get(key.target, key.target), key.on_delete, key.deferrable)
            same = (key.column, kept)
            column, target = _new_reference(wanted[name], key) if name in wanted else same
            if target is not None:
                restored[name, column] = target
        return restored

    def _add_foreign_key(self, table: str, column: str, target: Target, key: str) -> str:
        name = shorten(f"fk_{table}_{column}")
        return (
            f"ALTER TABLE {self.quote(table)} ADD CONSTRAINT {self.quote(name)} FOREIGN KEY ({self.quote(column)}) "
            f"REFERENCES {self.quote(target.table)} ({self.quote(key)}) ON DELETE {target.on_delete}"
            f"{deferral(target.deferrable)}"
        )

    # Changing

    def drop_tables(self, names: Sequence[str], live: Mapping[str, LiveTable]) -> list[str]:
        """Return the statement that drops tables, which may refer to each other."""
        return [f"DROP TABLE {', '.join(self.quote(name) for name in names)}"]

    def row_checks(self, change: TableChange, live: Mapping[str, LiveTable]) -> list[RowCheck]:
        """Return what has to be looked at before the change; the statements use the names of the live table."""
        return [*row_checks(change, self.quote, self.misfit), *self._orphan_checks(change, live)]

    def misfit(self, sql: str, old_type: str, column: Column) -> str:
        """Return the condition for values that a new type cannot hold; empty when it holds all."""
        raise NotImplementedError

    def same_type(self, wanted: Column, live_type: str) -> bool:
        """Return whether a live type stores exactly what the wanted column asks for."""
        raise NotImplementedError

    def _orphan_checks(
        self, change: TableChange, live: Mapping[str, LiveTable]
    ) -> Iterator[RowCheck]:
        if change.live is None:
            return
        for column in change.wanted["columns"]:
            target = column.get("target_table")
            is_other = target in live and target != change.table
            if target is not None and is_other and _is_new_reference(change, column):
                yield self._orphan_check(change, column, target, live)

    def _orphan_check(
        self, change: TableChange, column: Column, target: str, live: Mapping[str, LiveTable]
    ) -> RowCheck:
        table = self.quote(change.renamed_from or change.table)
        old = self.quote(change.live_name(column["name"]))
        # Compared as text, because the types may become the same only by this change.
        key = self.as_text(f"found.{self.quote(_key_of(target, {}, live))}")
        exists = f"SELECT 1 FROM {self.quote(target)} AS found WHERE {key} = {self.as_text(f'{table}.{old}')}"
        tail = f"FROM {table} WHERE {old} IS NOT NULL AND NOT EXISTS ({exists})"
        return RowCheck(
            f"rows of {change.table}.{column['name']} that refer to nothing in {target}",
            f"SELECT count(*) {tail}",
            f"SELECT * {tail} LIMIT 10",
        )

    def as_text(self, sql: str) -> str:
        """Return the expression as text."""
        return f"CAST({sql} AS text)"


def formula(generated: Generated) -> str:
    """Return what makes a column a generated one."""
    kept = "STORED" if generated["stored"] else "VIRTUAL"
    return f"GENERATED ALWAYS AS ({generated['expression']}) {kept}"


def part_sql(part: Part, quote: Callable[[str], str]) -> str:
    """Return one part of an index as SQL."""
    sql = quote(part.column) if part.column else f"({part.expression})"
    operator_class = f" {part.operator_class}" if part.operator_class else ""
    return f"{sql}{operator_class}{' DESC' if part.descending else ''}"


def using(definition: Definition) -> str:
    """Return the words for the method of an index."""
    return f" USING {definition.method}" if definition.method else ""


def where(definition: Definition) -> str:
    """Return the clause of a partial index."""
    return f" WHERE {definition.condition}" if definition.condition else ""


_HARMLESS = ("NULL allowed", "NOT NULL", "database default", "no database default")


def _keeps_key(what: Iterable[str]) -> bool:
    """Return whether changes of a column let its foreign keys stand: they touch only NULL and the default."""
    return all(text.startswith(_HARMLESS) for text in what)


def _is_new_reference(change: TableChange, column: Column) -> bool:
    what = change.altered.get(column["name"], [])
    return any(text.startswith("foreign key") for text in what)


def _keys_in_the_way(
    change: TableChange, live: Mapping[str, LiveTable]
) -> Iterator[tuple[str, ForeignKeyName]]:
    """Yield the foreign keys that a change cannot be made with, each with its table."""
    if change.live is None:
        return
    for key in _leaving_keys(change):
        yield change.live.name, key
    if _retypes_key(change):
        yield from _keys_to(change.live.name, live)


def _leaving_keys(change: TableChange) -> list[ForeignKeyName]:
    """Return the foreign keys of a table whose columns go or change."""
    assert change.live is not None
    changed = [name for name, what in change.altered.items() if not _keeps_key(what)]
    leaving = {*change.dropped, *(change.live_name(name) for name in changed)}
    keys: dict[str, ForeignKeyName] = change.live.source.foreign_keys
    return [key for key in keys.values() if key.column in leaving]


def _keys_to(target: str, live: Mapping[str, LiveTable]) -> Iterator[tuple[str, ForeignKeyName]]:
    """Yield the foreign keys that refer to a table, each with its own table."""
    for name, table in live.items():
        keys: dict[str, ForeignKeyName] = table.source.foreign_keys
        yield from ((name, key) for key in keys.values() if key.target == target)


def _retypes_key(change: TableChange) -> bool:
    keys = {column["name"] for column in change.wanted["columns"] if column.get("primary_key")}
    retyped = any(not _keeps_key(change.altered.get(name, [])) for name in keys)
    return retyped or moves_key(change)


def moves_key(change: TableChange) -> bool:
    """Return whether an existing column becomes the primary key, or is it no more."""
    return any("primary key" in text for what in change.altered.values() for text in what)


def _new_references(changes: Sequence[TableChange]) -> dict[tuple[str, str], Target]:
    """Return what new and changed foreign key columns refer to, by table and column."""
    return {
        (change.table, column["name"]): _target(column)
        for change in changes
        for column in _referring(change)
    }


def _referring(change: TableChange) -> list[Column]:
    """Return the columns of a change that get a foreign key."""
    columns = [column for column in change.wanted["columns"] if "target_table" in column]
    if change.live is None:
        return columns
    return [column for column in columns if column in change.added or _gets_key(change, column)]


def _gets_key(change: TableChange, column: Column) -> bool:
    return not _keeps_key(change.altered.get(column["name"], []))


def _target(column: Column) -> Target:
    action = column.get("on_delete", "NO ACTION")
    return Target(column["target_table"], action, column.get("deferrable", ""))


def _new_reference(change: TableChange, key: ForeignKeyName) -> tuple[str, Target | None]:
    """Return the new name of a live column, and what it refers to, `None` for nothing any more."""
    name = _new_name(change, key.column)
    for column in change.wanted["columns"]:
        if column["name"] == name and "target_table" in column:
            return name, _target(column)
    return name, None


def _new_name(change: TableChange, column: str) -> str:
    return dict(change.renames).get(column, column)


def _key_of(table: str, wanted: Mapping[str, Table], live: Mapping[str, LiveTable]) -> str:
    if table in wanted:
        return primary_key(wanted[table])
    columns = live[table].columns if table in live else {}
    return next((name for name, column in columns.items() if column.get("primary_key")), "id")
