"""Schema statements that PostgreSQL and MariaDB have in common.

Foreign keys are added after all tables, so that tables may refer to each other in a circle, and dropped before all
changes where one stands in the way. Unique constraints are unique indexes, as on SQLite.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from openviper.db.dialects.ddl import (
    Check,
    Index,
    LiveTable,
    RowCheck,
    TableChange,
    primary_key,
    sql_literal,
    table_checks,
    table_indexes,
)
from openviper.db.dialects.identifiers import shorten

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column, Table


class ForeignKeyName(NamedTuple):
    """A foreign key of one column in the database."""

    name: str
    column: str
    target: str
    on_delete: str


class LiveSource(NamedTuple):
    """What else is known about a live table.

    Attributes:
        foreign_keys: By column.
        primary_key: The name of the constraint, empty without one.
    """

    foreign_keys: dict[str, ForeignKeyName]
    primary_key: str


class ServerDDL:
    """Schema statements of a database server; subclasses know its words."""

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
        return table

    def foreign_key_query(self, table: str) -> str | None:
        """Return nothing: the server lets no row break a foreign key."""
        return None

    def rebuilds(self, change: TableChange) -> bool:
        """Tell that no change copies a table in a way that others have to know of."""
        return False

    # Creating

    def column(self, column: Column, *, with_default: bool = False) -> str:
        """Return the definition of a column."""
        parts = [self.quote(column["name"]), self.type_name(column)]
        if not column["nullable"] or column.get("primary_key"):
            parts.append("NOT NULL")
        if column.get("autoincrement"):
            parts.append(self.auto_clause)
        # ON DELETE SET DEFAULT is the one rule that reads a default in the database.
        if column["default"] is not None and (
            with_default or column.get("on_delete") == "SET DEFAULT"
        ):
            parts.append(f"DEFAULT {self.literal(column)}")
        return " ".join(parts)

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
        return f"{name}CHECK ({check.expression})"

    def index(self, table: str, index: Index) -> str:
        """Return the statement that creates an index."""
        unique = "UNIQUE " if index.unique else ""
        where = f" WHERE {index.condition}" if index.condition else ""
        columns = ", ".join(self.quote(column) for column in index.columns)
        return f"CREATE {unique}INDEX {self.quote(index.name)} ON {self.quote(table)} ({columns}){where}"

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
            if change.live is None:
                continue
            keys: dict[str, ForeignKeyName] = change.live.source.foreign_keys
            leaving = set(change.dropped)
            leaving |= {
                change.live_name(name)
                for name, what in change.altered.items()
                if not _only_null(what)
            }
            found.update(
                {
                    (change.live.name, key.name): key
                    for key in keys.values()
                    if key.column in leaving
                }
            )
            if _retypes_key(change):
                for name, table in live.items():
                    referring: dict[str, ForeignKeyName] = table.source.foreign_keys
                    found.update(
                        {
                            (name, key.name): key
                            for key in referring.values()
                            if key.target == change.live.name
                        }
                    )
        return [(table, key) for (table, _), key in found.items()]

    def late(self, changes: Sequence[TableChange], live: Mapping[str, LiveTable]) -> list[str]:
        """Return the statements that add foreign keys once all tables and columns are there."""
        wanted = {change.table: change.wanted for change in changes}
        old_names = {
            change.live.name: change.table for change in changes if change.live is not None
        }
        columns: dict[tuple[str, str], tuple[str, str]] = {}
        for change in changes:
            for column in change.wanted["columns"]:
                is_new = change.live is None or column in change.added
                if "target_table" in column and (
                    is_new or not _only_null(change.altered.get(column["name"], []))
                ):
                    columns[change.table, column["name"]] = (
                        column["target_table"],
                        column.get("on_delete", "NO ACTION"),
                    )
        for table, key in self._dropped_keys(changes, live):
            name = old_names.get(table, table)
            if (
                name not in wanted
            ):  # Its own definition stays; only the type it points to has changed.
                columns[name, key.column] = old_names.get(key.target, key.target), key.on_delete
            else:
                column_name = _new_name(changes, name, key.column)
                for column in wanted[name]["columns"]:
                    if column["name"] == column_name and "target_table" in column:
                        columns[name, column_name] = (
                            column["target_table"],
                            column.get("on_delete", "NO ACTION"),
                        )
        return [
            self._add_foreign_key(table, column, target, action, _key_of(target, wanted, live))
            for (table, column), (target, action) in columns.items()
        ]

    def _add_foreign_key(self, table: str, column: str, target: str, action: str, key: str) -> str:
        name = shorten(f"fk_{table}_{column}")
        return (
            f"ALTER TABLE {self.quote(table)} ADD CONSTRAINT {self.quote(name)} FOREIGN KEY ({self.quote(column)}) "
            f"REFERENCES {self.quote(target)} ({self.quote(key)}) ON DELETE {action}"
        )

    # Changing

    def drop_tables(self, names: Sequence[str]) -> list[str]:
        """Return the statement that drops tables, which may refer to each other."""
        return [f"DROP TABLE {', '.join(self.quote(name) for name in names)}"]

    def row_checks(self, change: TableChange, live: Mapping[str, LiveTable]) -> list[RowCheck]:
        """Return what has to be looked at before the change; the statements use the names of the live table."""
        from openviper.db.dialects.row_checks import row_checks

        return [*row_checks(change, self.quote, self.misfit), *self._orphan_checks(change, live)]

    def misfit(self, sql: str, old_type: str, column: Column) -> str:
        """Return the condition for values that a new type cannot hold; empty when it holds all."""
        raise NotImplementedError

    def same_type(self, wanted: Column, live_type: str) -> bool:
        """Tell whether a live type stores exactly what the wanted column asks for."""
        raise NotImplementedError

    def _orphan_checks(self, change: TableChange, live: Mapping[str, LiveTable]) -> list[RowCheck]:
        if change.live is None:
            return []
        checks = []
        table = self.quote(change.renamed_from or change.table)
        for column in change.wanted["columns"]:
            target = column.get("target_table")
            what = change.altered.get(column["name"], [])
            if (
                target is None
                or target not in live
                or not any(text.startswith("foreign key") for text in what)
                or target == change.table
            ):
                continue
            old = self.quote(change.live_name(column["name"]))
            # Compared as text, because the types may become the same only by this change.
            key = self.as_text(f"found.{self.quote(_key_of(target, {}, live))}")
            exists = f"SELECT 1 FROM {self.quote(target)} AS found WHERE {key} = {self.as_text(f'{table}.{old}')}"
            where = f"{old} IS NOT NULL AND NOT EXISTS ({exists})"
            problem = f"rows of {change.table}.{column['name']} that refer to nothing in {target}"
            tail = f"FROM {table} WHERE {where}"
            checks.append(RowCheck(problem, f"SELECT count(*) {tail}", f"SELECT * {tail} LIMIT 10"))
        return checks

    def as_text(self, sql: str) -> str:
        """Return the expression as text."""
        return f"CAST({sql} AS text)"


def _only_null(what: Iterable[str]) -> bool:
    return all(text in ("NULL allowed", "NOT NULL") for text in what)


def _retypes_key(change: TableChange) -> bool:
    keys = {column["name"] for column in change.wanted["columns"] if column.get("primary_key")}
    return any(
        not _only_null(what) for name, what in change.altered.items() if name in keys
    ) or any("primary key" in what for texts in change.altered.values() for what in texts)


def _new_name(changes: Sequence[TableChange], table: str, column: str) -> str:
    for change in changes:
        if change.table == table:
            return dict(change.renames).get(column, column)
    return column


def _key_of(table: str, wanted: Mapping[str, Table], live: Mapping[str, LiveTable]) -> str:
    if table in wanted:
        return primary_key(wanted[table])
    if table in live:
        return next(
            (name for name, column in live[table].columns.items() if column.get("primary_key")),
            "id",
        )
    return "id"
