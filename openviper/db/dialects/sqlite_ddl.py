"""Schema statements of SQLite.

SQLite can add, rename and, from 3.35 on, drop columns; every other change copies the table into a new one
(https://sqlite.org/lang_altertable.html, "Making Other Kinds Of Table Schema Changes"). Unique constraints are unique
indexes, so that they can come and go without a copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from sqlite3 import sqlite_version_info
from typing import TYPE_CHECKING, Any, ClassVar

from openviper.db.dialects.ddl import RowCheck, TableChange
from openviper.db.dialects.definitions import (
    Check,
    Definition,
    Index,
    LiveIndex,
    LiveTable,
    deferral,
    for_vendor,
    table_checks,
    table_indexes,
)
from openviper.db.dialects.identifiers import quote_identifier as q
from openviper.db.dialects.row_checks import row_checks
from openviper.db.dialects.server_ddl import formula, part_sql, where
from openviper.db.dialects.sql_text import (
    default_clause,
    mentions,
    normalise_expression,
    rename_identifiers,
    sql_literal,
)
from openviper.db.dialects.sqlite_introspection import (
    QUERIES,
    CreateStatement,
    column_type,
    is_same_type,
    read_tables,
)
from openviper.db.dialects.sqlite_rows import conversion, misfit

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column, Table

NEW_PREFIX = "_openviper_new_"


class SQLiteDDL:
    """Schema statements of SQLite.

    Args:
        version: The version of the SQLite library; that of this interpreter when not given.
    """

    vendor: ClassVar[str] = "sqlite"
    transactional: ClassVar[bool] = True
    compares_numbering: ClassVar[bool] = False
    before: Sequence[str] = ("PRAGMA foreign_keys=OFF",)
    after: Sequence[str] = ("PRAGMA foreign_keys=ON",)
    begin: str = "BEGIN IMMEDIATE"

    def __init__(self, version: tuple[int, int, int] | None = None) -> None:
        self.version = version or sqlite_version_info

    def introspection_queries(self) -> Sequence[str]:
        """Return the four reads that describe all tables."""
        return QUERIES

    def read_tables(
        self, results: Sequence[Sequence[Sequence[Any]]], tables: Iterable[str] | None
    ) -> dict[str, LiveTable]:
        """Return the live tables by name, only those of `tables` unless that is `None`."""
        return read_tables(results, tables)

    def same_type(self, wanted: Column, live_type: str) -> bool:
        """Return whether a live type stores exactly what the wanted column asks for."""
        return is_same_type(wanted, live_type)

    def adapted(self, table: Table) -> Table:
        """Return a wanted table as this database can have it."""
        return for_vendor(table, self.vendor)

    def foreign_key_query(self, table: str) -> str:
        """Return a read of the rows of a table that break a foreign key."""
        return f"PRAGMA foreign_key_check({q(table)})"

    # Creating

    def column(self, column: Column, *, with_default: bool = False) -> str:
        """Return the definition of a column."""
        name, sql_type = q(column["name"]), column_type(column)
        if column.get("primary_key") and column.get("autoincrement"):
            return f"{name} INTEGER PRIMARY KEY AUTOINCREMENT"
        parts = [name, sql_type, *_null_clause(column), *_value_clause(column, with_default)]
        return " ".join([*parts, *_reference_clause(column)])

    def _create(
        self,
        name: str,
        table: Table,
        checks: Iterable[Check],
        extra: Iterable[str] = (),
        suffix: str = "",
    ) -> str:
        # The key first, as a reader of the database expects it; the rest in the order of the file.
        ordered = sorted(table["columns"], key=lambda column: not column.get("primary_key"))
        items = [self.column(column) for column in ordered]
        # SQLite wants every column before the first constraint, so what is copied over comes sorted.
        items += extra
        items += map(_check, checks)
        body = ",\n  ".join(items)
        return f"CREATE TABLE {q(name)} (\n  {body}\n){suffix}"

    def create_table(self, name: str, table: Table) -> list[str]:
        """Return the statements that create a table with its indexes and constraints."""
        indexes = [self._index(name, index) for index in table_indexes(name, table)]
        return [self._create(name, table, table_checks(name, table)), *indexes]

    def drop_tables(self, names: Sequence[str], live: Mapping[str, LiveTable]) -> list[str]:
        """Return the statements that drop tables; foreign keys are not looked at meanwhile."""
        return [f"DROP TABLE {q(name)}" for name in names]

    def early(self, changes: Sequence[TableChange], live: Mapping[str, LiveTable]) -> list[str]:
        """Return nothing: foreign keys are part of their table, and not looked at during a step."""
        return []

    def late(self, changes: Sequence[TableChange], live: Mapping[str, LiveTable]) -> list[str]:
        """Return nothing, as a table may refer to one that does not exist yet."""
        return []

    def _index(self, table: str, index: Index) -> str:
        unique = "UNIQUE " if index.definition.unique else ""
        parts = ", ".join(part_sql(part, q) for part in index.definition.parts)
        return (
            f"CREATE {unique}INDEX {q(index.name)} ON {q(table)} ({parts}){where(index.definition)}"
        )

    # Altering

    def rebuilds(self, change: TableChange) -> bool:
        """Return whether the change copies the whole table."""
        if change.live is None:
            return False
        if change.altered or change.added_checks or change.dropped_checks:
            return True
        return (
            any(index.is_constraint for index in change.dropped_indexes)
            or any(map(_needs_copy, change.added))
            or not all(self._can_drop(change, name) for name in change.dropped)
        )

    def _can_drop(self, change: TableChange, name: str) -> bool:
        assert change.live is not None
        column = change.live.columns[name]
        is_plain = not (column.get("primary_key") or column.get("target_table"))
        if self.version < (3, 35, 0) or not is_plain or _is_mentioned(change.live, name):
            return False
        gone = {index.name for index in change.dropped_indexes}
        staying = [index for index in change.live.indexes if index.name not in gone]
        return not any(_may_use(index, name) for index in staying)

    def alter_table(self, change: TableChange) -> list[str]:
        """Return the statements that make a change of an existing table."""
        assert change.live is not None
        leaving = [*change.dropped_indexes, *(live for live, _ in change.index_renames)]
        if self.rebuilds(change):
            return [*_renaming(change), *self._rebuild(change, change.live, leaving)]
        return [*_renaming(change), *self._in_place(change, leaving)]

    def _in_place(self, change: TableChange, leaving: Sequence[LiveIndex]) -> Iterator[str]:
        alter = f"ALTER TABLE {q(change.table)}"
        yield from (f"DROP INDEX {q(live.name)}" for live in leaving)
        # ADD COLUMN with a default touches no row. The default stays: taking it away would mean a copy of the table.
        for column in change.ordered:
            yield f"{alter} ADD COLUMN {self.column(column, with_default=True)}"
        yield from (f"{alter} DROP COLUMN {q(name)}" for name in change.dropped)
        arriving = [*(wanted for _, wanted in change.index_renames), *change.added_indexes]
        yield from (self._index(change.table, index) for index in arriving)

    def _rebuild(
        self, change: TableChange, live: LiveTable, leaving: Sequence[LiveIndex]
    ) -> Iterator[str]:
        source: CreateStatement = live.source
        temporary = f"{NEW_PREFIX}{change.table}"
        checks = table_checks(change.table, change.wanted)
        checks += _foreign_checks(change, live, checks)
        kept = [
            rename_identifiers(text, dict(change.renames))
            for text in _kept_definitions(change, live)
        ]
        yield self._create(temporary, change.wanted, checks, kept, source.options)
        if any(column.get("autoincrement") for column in change.wanted["columns"]):
            # The counter goes on from where it was: the id of a deleted row is never given out again.
            yield (
                f"INSERT INTO sqlite_sequence (name, seq) SELECT '{temporary}', seq FROM sqlite_sequence "
                f"WHERE name = '{change.table}'"
            )
        yield _copy(change, live, temporary)
        yield f"DROP TABLE {q(change.table)}"
        # The old ALTER TABLE does not look into views, which name a table that is missing at this moment.
        yield "PRAGMA legacy_alter_table=ON"
        yield f"ALTER TABLE {q(temporary)} RENAME TO {q(change.table)}"
        yield "PRAGMA legacy_alter_table=OFF"
        for index in table_indexes(change.table, change.wanted):
            yield self._index(change.table, index)
        for sql in (*_kept_indexes(change, live, leaving), *source.triggers):
            yield _moved(sql, change)

    def row_checks(self, change: TableChange, live: Mapping[str, LiveTable]) -> list[RowCheck]:
        """Return what has to be looked at before the change."""
        return row_checks(change, q, misfit)


def _check(check: Check) -> str:
    name = f"CONSTRAINT {q(check.name)} " if check.name else ""
    return f"{name}{check.sql}"


def _null_clause(column: Column) -> Iterator[str]:
    if column.get("primary_key"):
        # Without NOT NULL, SQLite takes NULL in any key but an INTEGER one.
        yield "NOT NULL PRIMARY KEY"
    elif not column["nullable"]:
        yield "NOT NULL"


def _reference_clause(column: Column) -> Iterator[str]:
    target, action = column.get("target_table"), column.get("on_delete", "NO ACTION")
    if target is not None:
        yield f"REFERENCES {q(target)}"
        if action != "NO ACTION":
            yield f"ON DELETE {action}"
        if "deferrable" in column:
            yield deferral(column["deferrable"]).strip()


def _value_clause(column: Column, with_default: bool) -> Iterator[str]:
    """Yield what a column takes where an INSERT says nothing: its formula or a default.

    A default that the database keeps stands in parentheses, one that only fills the rows of a new column does not.
    """
    # ON DELETE SET DEFAULT is the one rule that reads a model's own default in the database.
    is_read = with_default or column.get("on_delete") == "SET DEFAULT"
    if "generated" in column:
        yield formula(column["generated"])
    elif "db_default" in column:
        yield f"DEFAULT {default_clause(str(column['db_default']))}"
    elif is_read and column["default"] is not None:
        yield f"DEFAULT {sql_literal(column['default'], column['type'])}"


def _renaming(change: TableChange) -> Iterator[str]:
    table = q(change.table)
    if change.renamed_from:
        yield f"ALTER TABLE {q(change.renamed_from)} RENAME TO {table}"
    for old, new in change.renames:
        yield f"ALTER TABLE {table} RENAME COLUMN {q(old)} TO {q(new)}"


def _needs_copy(column: Column) -> bool:
    """Return whether SQLite cannot add a column to a table that has rows."""
    if column.get("primary_key") or "db_default" in column:
        return True
    if "generated" in column:
        return bool(column["generated"]["stored"])
    return column["default"] is None and not column["nullable"]


def _is_mentioned(table: LiveTable, column: str) -> bool:
    """Return whether a check, a formula or perhaps a trigger of a table needs a column."""
    source: CreateStatement = table.source
    texts = [*source.formulas.values(), *(check.expression for check in table.checks)]
    return bool(source.triggers) or any(mentions(text, [column]) for text in texts)


def _may_use(index: LiveIndex, column: str) -> bool:
    """Return whether an index uses a column, as far as its definition can be read."""
    definition = index.definition
    if not definition.parts or column in definition.columns:
        return True
    return any(mentions(text, [column]) for text in definition.expressions)


# Copying a table


def _moved(sql: str, change: TableChange) -> str:
    names = dict(change.renames)
    if change.renamed_from:
        names[change.renamed_from] = change.table
    return rename_identifiers(sql, names)


def _kept_indexes(change: TableChange, live: LiveTable, leaving: Iterable[LiveIndex]) -> list[str]:
    """Return the statements of indexes that somebody else made, which stay."""
    wanted = table_indexes(change.table, change.wanted)
    gone = {index.name for index in leaving} | {index.name for index in wanted}
    made = {index.definition.key for index in wanted}
    others = [index for index in live.indexes if index.sql and index.name not in gone]
    return [index.sql for index in others if _stays(index, change, made)]


def _stays(index: LiveIndex, change: TableChange, made: set[Definition]) -> bool:
    is_made = index.definition.renamed(dict(change.renames)).key in made
    return not is_made and not mentions(index.sql, change.dropped)


def _foreign_checks(change: TableChange, live: LiveTable, wanted: Sequence[Check]) -> list[Check]:
    """Return the checks somebody else put on the table, which stay."""
    names = dict(change.renames)
    stated = {normalise_expression(check.expression) for check in wanted}
    moved = [
        check._replace(expression=rename_identifiers(check.expression, names))
        for check in live.checks
        if not _is_lost(check, change, wanted)
    ]
    return [check for check in moved if normalise_expression(check.expression) not in stated]


def _is_lost(check: Check, change: TableChange, wanted: Sequence[Check]) -> bool:
    """Return whether a live check goes: by itself, with a column, or because its name is taken."""
    if check in change.dropped_checks or check.column in (*change.kept, *change.dropped):
        return True
    is_replaced = bool(check.name) and check.name in {other.name for other in wanted}
    return is_replaced or mentions(check.expression, change.dropped)


def _kept_definitions(change: TableChange, live: LiveTable) -> Iterator[str]:
    """Yield the definitions of columns and constraints somebody else made, in their own words."""
    source: CreateStatement = live.source
    yield from (source.columns[name] for name in change.kept)
    for columns, text in source.foreign_keys:
        if _is_foreign(columns, change):
            yield text
    for index in live.indexes:
        if index.is_constraint and _is_surplus(index, change):
            moved = index.definition.renamed(dict(change.renames))
            yield f"UNIQUE ({', '.join(map(q, moved.columns))})"


def _is_foreign(columns: Sequence[str], change: TableChange) -> bool:
    """Return whether a foreign key behind the columns is somebody else's and can stay."""
    is_ours = len(columns) == 1 and columns[0] not in change.kept
    return not is_ours and set(columns).isdisjoint(change.dropped)


def _is_surplus(index: LiveIndex, change: TableChange) -> bool:
    """Return whether a unique constraint is somebody else's and not part of the definition of a column that stays."""
    stated = {each.definition.key for each in table_indexes(change.table, change.wanted)}
    gone = {each.name for each in change.dropped_indexes}
    inline = len(index.columns) == 1 and index.columns[0] in change.kept
    if not index.columns or inline or index.name in gone:
        return False
    return index.definition.renamed(dict(change.renames)).key not in stated


def _copy(change: TableChange, live: LiveTable, temporary: str) -> str:
    source: CreateStatement = live.source
    pairs = {q(name): sql for name, sql in _copied(change, live)}
    pairs |= {q(name): q(name) for name in change.kept if name not in source.generated}
    order = " ORDER BY rowid" if "ROWID" not in source.options.upper() else ""
    return (
        f"INSERT INTO {q(temporary)} ({', '.join(pairs)}) SELECT {', '.join(pairs.values())} "
        f"FROM {q(change.table)}{order}"
    )


def _copied(change: TableChange, live: LiveTable) -> Iterator[tuple[str, str]]:
    """Yield the columns of the new table that get a value from the old one, each with its SQL."""
    for column in change.wanted["columns"]:
        name = column["name"]
        if "generated" in column:
            continue
        if column not in change.added:
            old_type = live.columns[change.live_name(name)]["type"]
            yield name, conversion(q(name), old_type, column)
        elif "db_default" not in column and column["default"] is not None:
            yield name, sql_literal(column["default"], column["type"])
