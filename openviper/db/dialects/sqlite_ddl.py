"""Schema statements of SQLite.

SQLite can add, rename and, from 3.35 on, drop columns; every other change copies the table into a new one
(https://sqlite.org/lang_altertable.html, "Making Other Kinds Of Table Schema Changes"). Unique constraints are unique
indexes, so that they can come and go without a copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import sqlite_version_info
from typing import TYPE_CHECKING, Any, ClassVar

from openviper.db.dialects.ddl import (
    Check,
    Index,
    LiveIndex,
    LiveTable,
    RowCheck,
    TableChange,
    mentions,
    normalise_expression,
    rename_identifiers,
    sql_literal,
    table_checks,
    table_indexes,
)
from openviper.db.dialects.identifiers import quote_identifier as q
from openviper.db.dialects.sqlite_introspection import (
    QUERIES,
    CreateStatement,
    column_type,
    is_same_type,
    kind_of_type,
    read_tables,
)

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column, Table

NEW_PREFIX = "_openviper_new_"


class SQLiteDDL:
    """Schema statements of SQLite.

    Args:
        version: The version of the SQLite library; that of this interpreter when not given.
    """

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
        """Tell whether a live type stores exactly what the wanted column asks for."""
        return is_same_type(wanted, live_type)

    def adapted(self, table: Table) -> Table:
        """Return a wanted table as this database can have it."""
        return table

    def foreign_key_query(self, table: str) -> str:
        """Return a read of the rows of a table that break a foreign key."""
        return f"PRAGMA foreign_key_check({q(table)})"

    # Creating

    def column(self, column: Column, *, with_default: bool = False) -> str:
        """Return the definition of a column."""
        parts = [q(column["name"]), column_type(column)]
        if column.get("primary_key"):
            if column.get("autoincrement"):
                return f"{parts[0]} INTEGER PRIMARY KEY AUTOINCREMENT"
            # Without NOT NULL, SQLite takes NULL in any key but an INTEGER one.
            parts.append("NOT NULL PRIMARY KEY")
        elif not column["nullable"]:
            parts.append("NOT NULL")
        # ON DELETE SET DEFAULT is the one rule that reads a default in the database.
        if column["default"] is not None and (
            with_default or column.get("on_delete") == "SET DEFAULT"
        ):
            parts.append(f"DEFAULT {sql_literal(column['default'], column['type'])}")
        if target := column.get("target_table"):
            parts.append(f"REFERENCES {q(target)}")
            if (action := column.get("on_delete", "NO ACTION")) != "NO ACTION":
                parts.append(f"ON DELETE {action}")
        return " ".join(parts)

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
        items += [self._check(check) for check in checks]
        body = ",\n  ".join(items)
        return f"CREATE TABLE {q(name)} (\n  {body}\n){suffix}"

    @staticmethod
    def _check(check: Check) -> str:
        name = f"CONSTRAINT {q(check.name)} " if check.name else ""
        return f"{name}CHECK ({check.expression})"

    def create_table(self, name: str, table: Table) -> list[str]:
        """Return the statements that create a table with its indexes and constraints."""
        indexes = [self._index(name, index) for index in table_indexes(name, table)]
        return [self._create(name, table, table_checks(name, table)), *indexes]

    def drop_tables(self, names: Sequence[str]) -> list[str]:
        """Return the statements that drop tables; foreign keys are not looked at meanwhile."""
        return [f"DROP TABLE {q(name)}" for name in names]

    def early(self, changes: Sequence[TableChange], live: Mapping[str, LiveTable]) -> list[str]:
        """Return nothing: foreign keys are part of their table, and not looked at during a step."""
        return []

    def late(self, changes: Sequence[TableChange], live: Mapping[str, LiveTable]) -> list[str]:
        """Return nothing, as a table may refer to one that does not exist yet."""
        return []

    def _index(self, table: str, index: Index) -> str:
        unique = "UNIQUE " if index.unique else ""
        where = f" WHERE {index.condition}" if index.condition else ""
        columns = ", ".join(q(column) for column in index.columns)
        return f"CREATE {unique}INDEX {q(index.name)} ON {q(table)} ({columns}){where}"

    # Altering

    def rebuilds(self, change: TableChange) -> bool:
        """Tell whether the change copies the whole table."""
        if change.live is None:
            return False
        if change.altered or change.added_checks or change.dropped_checks:
            return True
        if any(index.is_constraint for index in change.dropped_indexes):
            return True
        if any(self._needs_copy(column) for column in change.added):
            return True
        return any(not self._can_drop(change, name) for name in change.dropped)

    @staticmethod
    def _needs_copy(column: Column) -> bool:
        return bool(column.get("primary_key")) or (
            not column["nullable"] and column["default"] is None
        )

    def _can_drop(self, change: TableChange, name: str) -> bool:
        assert change.live is not None
        column = change.live.columns[name]
        source: CreateStatement = change.live.source
        if self.version < (3, 35, 0) or column.get("primary_key") or column.get("target_table"):
            return False
        if source.triggers or any(
            mentions(check.expression, [name]) for check in change.live.checks
        ):
            return False
        leaving = {index.name for index in change.dropped_indexes}
        return not any(
            (name in index.columns or mentions(index.condition or "", [name]) or not index.columns)
            and index.name not in leaving
            for index in change.live.indexes
        )

    def alter_table(self, change: TableChange) -> list[str]:
        """Return the statements that carry out a change of an existing table."""
        assert change.live is not None
        table = q(change.table)
        statements = []
        if change.renamed_from:
            statements.append(f"ALTER TABLE {q(change.renamed_from)} RENAME TO {table}")
        statements += [
            f"ALTER TABLE {table} RENAME COLUMN {q(old)} TO {q(new)}" for old, new in change.renames
        ]
        leaving = [*change.dropped_indexes, *(live for live, _ in change.index_renames)]
        if self.rebuilds(change):
            return statements + self._rebuild(change, change.live, leaving)
        statements += [f"DROP INDEX {q(index.name)}" for index in leaving]
        # ADD COLUMN with a default touches no row. The default stays: taking it away would mean a copy of the table.
        statements += [
            f"ALTER TABLE {table} ADD COLUMN {self.column(column, with_default=True)}"
            for column in change.added
        ]
        statements += [f"ALTER TABLE {table} DROP COLUMN {q(name)}" for name in change.dropped]
        arriving = [*(index for _, index in change.index_renames), *change.added_indexes]
        return statements + [self._index(change.table, index) for index in arriving]

    def _rebuild(
        self, change: TableChange, live: LiveTable, leaving: Sequence[LiveIndex]
    ) -> list[str]:
        source: CreateStatement = live.source
        new_names = dict(change.renames)
        temporary = f"{NEW_PREFIX}{change.table}"
        wanted_checks = table_checks(change.table, change.wanted)
        statements = [
            self._create(
                temporary,
                change.wanted,
                [*wanted_checks, *self._foreign_checks(change, live, wanted_checks)],
                [
                    rename_identifiers(text, new_names)
                    for text in self._kept_definitions(change, live)
                ],
                source.options,
            )
        ]
        if any(column.get("autoincrement") for column in change.wanted["columns"]):
            # The counter goes on from where it was: the id of a deleted row is never given out again.
            statements.append(
                f"INSERT INTO sqlite_sequence (name, seq) SELECT '{temporary}', seq FROM sqlite_sequence "
                f"WHERE name = '{change.table}'"
            )
        statements.append(self._copy(change, live, temporary))
        statements.append(f"DROP TABLE {q(change.table)}")
        # The old ALTER TABLE does not look into views, which name a table that is missing at this moment.
        statements += [
            "PRAGMA legacy_alter_table=ON",
            f"ALTER TABLE {q(temporary)} RENAME TO {q(change.table)}",
            "PRAGMA legacy_alter_table=OFF",
        ]
        wanted = table_indexes(change.table, change.wanted)
        statements += [self._index(change.table, index) for index in wanted]
        made = {index.key for index in wanted}
        gone = {index.name for index in leaving}
        for index in live.indexes:
            renamed = index._replace(
                columns=tuple(new_names.get(name, name) for name in index.columns)
            )
            lost = mentions(index.sql, change.dropped)
            if (
                index.sql
                and not lost
                and index.name not in gone
                and (not index.columns or renamed.key not in made)
            ):
                statements.append(self._moved(index.sql, change))
        statements += [self._moved(sql, change) for sql in source.triggers]
        return statements

    @staticmethod
    def _moved(sql: str, change: TableChange) -> str:
        names = dict(change.renames)
        if change.renamed_from:
            names[change.renamed_from] = change.table
        return rename_identifiers(sql, names)

    @staticmethod
    def _foreign_checks(
        change: TableChange, live: LiveTable, wanted: Sequence[Check]
    ) -> list[Check]:
        """Return the checks somebody else put on the table, which stay."""
        names = dict(change.renames)
        gone = {check.expression for check in change.dropped_checks}
        stated = {normalise_expression(check.expression) for check in wanted}
        kept = []
        for check in live.checks:
            moved = check._replace(expression=rename_identifiers(check.expression, names))
            if (
                check.expression in gone
                or check.column in change.kept
                or check.column in change.dropped
            ):
                continue
            if normalise_expression(moved.expression) not in stated and not mentions(
                check.expression, change.dropped
            ):
                kept.append(moved)
        return kept

    @staticmethod
    def _kept_definitions(change: TableChange, live: LiveTable) -> list[str]:
        """Return the definitions of columns and constraints somebody else made, in their own words."""
        source: CreateStatement = live.source
        kept = [source.columns[name] for name in change.kept]
        for columns, text in source.foreign_keys:
            if (len(columns) > 1 or columns[0] in change.kept) and not set(columns) & set(
                change.dropped
            ):
                kept.append(text)
        gone = {index.name for index in change.dropped_indexes}
        names = dict(change.renames)
        stated = {index.key for index in table_indexes(change.table, change.wanted)}
        for index in live.indexes:
            moved = index._replace(columns=tuple(names.get(name, name) for name in index.columns))
            inline = len(index.columns) == 1 and index.columns[0] in change.kept
            surplus = index.name not in gone and moved.key not in stated and not inline
            if index.is_constraint and index.columns and surplus:
                kept.append(f"UNIQUE ({', '.join(q(name) for name in moved.columns)})")
        return kept

    def _copy(self, change: TableChange, live: LiveTable, temporary: str) -> str:
        added = {column["name"] for column in change.added}
        pairs = []
        for column in change.wanted["columns"]:
            name = column["name"]
            if name not in added:
                old_type = live.columns[change.live_name(name)]["type"]
                pairs.append((q(name), conversion(q(name), old_type, column)))
            elif column["default"] is not None:
                pairs.append((q(name), sql_literal(column["default"], column["type"])))
        source: CreateStatement = live.source
        pairs += [(q(name), q(name)) for name in change.kept if name not in source.generated]
        targets = ", ".join(target for target, _ in pairs)
        values = ", ".join(value for _, value in pairs)
        order = " ORDER BY rowid" if "ROWID" not in source.options.upper() else ""
        return (
            f"INSERT INTO {q(temporary)} ({targets}) SELECT {values} FROM {q(change.table)}{order}"
        )

    def row_checks(self, change: TableChange, live: Mapping[str, LiveTable]) -> list[RowCheck]:
        """Return what has to be looked at before the change."""
        from openviper.db.dialects.row_checks import row_checks
        from openviper.db.dialects.sqlite_rows import misfit

        return row_checks(change, q, misfit)


def conversion(sql: str, old_type: str, column: Column) -> str:
    """Return the expression that turns a value of the old type into one of the column's type."""
    old, new = kind_of_type(old_type), kind_of_type(column_type(column))
    if is_same_type(column, old_type) or old == new:
        return sql
    if new == "integer":
        return f"CAST({sql} AS INTEGER)"
    if new == "real":
        return f"CAST({sql} AS REAL)"
    if new == "text" and old in ("integer", "real", "numeric"):
        return f"CAST({sql} AS TEXT)"
    if new == "datetime" and old == "date":
        return f"{sql} || ' 00:00:00.000000'"
    if new == "date" and old == "datetime":
        return f"substr({sql}, 1, 10)"
    return sql
