"""Schema statements of MariaDB and MySQL.

Each commits by itself, so a step is not one transaction; the columns of a table change in one ALTER TABLE.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from openviper.db.dialects.ddl import Index, LiveTable, TableChange, sql_literal, table_indexes
from openviper.db.dialects.identifiers import quote_identifier
from openviper.db.dialects.mysql_introspection import PREFIX, QUERIES, read_tables
from openviper.db.dialects.server_ddl import ServerDDL
from openviper.exceptions import MigrationError

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column, Table

_TYPES = {
    "INTEGER": "INT",
    "REAL": "DOUBLE",
    "FLOAT": "DOUBLE",
    "NUMERIC": "DECIMAL",
    "TEXT": "LONGTEXT",
    "STRING": "VARCHAR",
    "BOOLEAN": "TINYINT(1)",
    "DATETIME": "DATETIME(6)",
    "TIME": "TIME(6)",
    "UUID": "CHAR(36)",
    "JSON": "LONGTEXT",
    "BINARY": "LONGBLOB",
}
_NO_DEFAULT = {"TEXT", "JSON", "BINARY"}
"""Types whose default MySQL wants as an expression."""
_SAME = {
    "TEXT": {"LONGTEXT", "MEDIUMTEXT", "TEXT"},
    "JSON": {"LONGTEXT", "JSON"},
    "BINARY": {"LONGBLOB", "MEDIUMBLOB", "BLOB"},
    "UUID": {"CHAR(36)", "CHAR(32)", "UUID"},
    "REAL": {"DOUBLE", "FLOAT"},
    "FLOAT": {"DOUBLE", "FLOAT"},
    "DATETIME": {"DATETIME(6)"},
}
_WIDTH = re.compile(r"\b(TINYINT|SMALLINT|MEDIUMINT|INT|BIGINT)\(\d+\)")
_ARGUMENTS = re.compile(r"\((\d+)(?:,(\d+))?\)")
_RANGES = {"TINYINT": 2**7, "SMALLINT": 2**15, "INT": 2**31, "BIGINT": 2**63}
COLLATION = "utf8mb4_bin"
"""Texts are equal when their characters are, as in the other databases."""


class MySQLDDL(ServerDDL):
    """Schema statements of MariaDB and MySQL."""

    transactional: ClassVar[bool] = False
    auto_clause: ClassVar[str] = "AUTO_INCREMENT"
    # A busy table makes `migrate` fail cleanly instead of waiting for a day.
    before: Sequence[str] = ("SET SESSION lock_wait_timeout = 30",)
    after: Sequence[str] = ("SET SESSION lock_wait_timeout = DEFAULT",)
    begin: str = ""

    def quote(self, name: str) -> str:
        """Quote an identifier with backticks."""
        return quote_identifier(name, "mysql")

    def introspection_queries(self) -> Sequence[str]:
        """Return the reads that describe all tables."""
        return QUERIES

    def read_tables(
        self, results: Sequence[Sequence[Sequence[Any]]], tables: Iterable[str] | None
    ) -> dict[str, LiveTable]:
        """Return the live tables by name, only those of `tables` unless that is `None`."""
        return read_tables(results, tables)

    def as_text(self, sql: str) -> str:
        """Return the expression as text."""
        return f"CAST({sql} AS CHAR)"

    # Types

    def type_name(self, column: Column) -> str:
        """Return the type for a column of a schema file."""
        neutral = column["type"].upper().replace(" ", "")
        if neutral.endswith("[]"):
            return "LONGTEXT"
        base, bracket, rest = neutral.partition("(")
        return f"{_TYPES.get(base, base)}{bracket}{rest}"

    def same_type(self, wanted: Column, live_type: str) -> bool:
        """Tell whether a live type stores exactly what the wanted column asks for."""
        live = live_type.upper()
        base = wanted["type"].upper().partition("(")[0]
        if base != "BOOLEAN":
            live = _WIDTH.sub(r"\1", live)
        if base in _SAME:
            return live in _SAME[base]
        return live == self.type_name(wanted)

    def column(self, column: Column, *, with_default: bool = False) -> str:
        """Return the definition of a column; texts are compared by their characters."""
        if column.get("on_delete") == "SET DEFAULT":
            raise MigrationError(
                f"column {column['name']!r}: MariaDB and MySQL know no ON DELETE SET DEFAULT"
            )
        text = super().column(column, with_default=with_default)
        if column["type"].upper() == "JSON":
            # What MariaDB makes of its type JSON, which MySQL does not know as LONGTEXT.
            text += f" CHECK (json_valid({self.quote(column['name'])}))"
        return text

    def literal(self, column: Column) -> str:
        """Return a column's default as SQL text; a backslash begins an escape here."""
        text = sql_literal(column["default"], column["type"]).replace("\\", "\\\\")
        plain = column["type"].upper().partition("(")[0] not in _NO_DEFAULT and not column[
            "type"
        ].endswith("[]")
        return text if plain else f"({text})"

    def misfit(self, sql: str, old_type: str, column: Column) -> str:
        """Return the condition for values that a new type cannot hold; empty when it holds all."""
        old_text, new_text = _WIDTH.sub(r"\1", old_type.upper()), self.type_name(column)
        old, new = old_text.partition("(")[0], new_text.partition("(")[0]
        length, before = _ARGUMENTS.search(new_text), _ARGUMENTS.search(old_text)
        numbers = (*_RANGES, "DECIMAL", "DOUBLE", "FLOAT")
        conditions = []
        if column["type"].upper() == "UUID" and old != new:
            conditions.append(
                f"{sql} NOT REGEXP '^[0-9a-fA-F]{{8}}(-?[0-9a-fA-F]{{4}}){{3}}-?[0-9a-fA-F]{{12}}$'"
            )
        if new == "VARCHAR" and length:
            if old != new or before is None or int(before[1]) > int(length[1]):
                conditions.append(f"char_length({sql}) > {length[1]}")
        elif new in _RANGES and old in numbers:
            limit = _RANGES[new]
            if old not in _RANGES or _RANGES[old] > limit:
                conditions.append(f"{sql} >= {limit} OR {sql} < {-limit}")
            if old not in _RANGES:
                conditions.append(f"{sql} <> truncate({sql}, 0)")
        elif new in _RANGES:
            conditions.append(f"{sql} NOT REGEXP '^[-+]?[0-9]+$'")
        elif new == "DECIMAL" and length and old in numbers:
            digits, places = int(length[1]), int(length[2] or 0)
            conditions.append(
                f"abs({sql}) >= 1e{digits - places} OR round({sql}, {places}) <> {sql}"
            )
        return " OR ".join(conditions)

    # Creating

    def table_options(self) -> str:
        """Return engine and character set, which servers may have other defaults for."""
        return f" ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE={COLLATION}"

    def index(self, table: str, index: Index) -> str:
        """Return the statement that creates an index.

        Raises:
            MigrationError: If it is a partial one.
        """
        if index.condition:
            raise MigrationError(
                f"index {index.name!r} of {table!r} has a condition; MariaDB and MySQL know no partial indexes"
            )
        return super().index(table, index)

    def create_table(self, name: str, table: Table) -> list[str]:
        """Return the statement that creates a table with its indexes and checks; foreign keys come late."""
        statements = super().create_table(name, table)
        # One statement, so that a failure leaves no half of it.
        indexes = [self._index_item(name, table, index) for index in table_indexes(name, table)]
        head, options = statements[0].rsplit("\n)", 1)
        return [",\n  ".join([head, *indexes]) + "\n)" + options]

    def _index_item(self, name: str, table: Table, index: Index) -> str:
        self.index(name, index)  # Refuses a partial one.
        long = {
            column["name"]
            for column in table["columns"]
            if self.type_name(column) in ("LONGTEXT", "LONGBLOB")
        }
        if index.unique and long & set(index.columns):
            raise MigrationError(
                f"unique index {index.name!r} of {name!r}: MariaDB and MySQL can only compare texts of limited length; "
                "give the field a max_length"
            )
        columns = ", ".join(
            f"{self.quote(column)}({PREFIX})" if column in long else self.quote(column)
            for column in index.columns
        )
        return f"{'UNIQUE ' if index.unique else ''}INDEX {self.quote(index.name)} ({columns})"

    def early(self, changes: Sequence[TableChange], live: Mapping[str, LiveTable]) -> list[str]:
        """Return the statements that drop foreign keys standing in the way, and the indexes made for them."""
        statements = []
        for table, key in self._dropped_keys(changes, live):
            name = self.quote(key.name)
            made = any(index.name == key.name for index in live[table].indexes)
            index = f", DROP INDEX {name}" if made else ""
            statements.append(f"ALTER TABLE {self.quote(table)} DROP FOREIGN KEY {name}{index}")
        return statements

    def adapted(self, table: Table) -> Table:
        """Return a wanted table as this database can have it.

        A CHECK cannot look at a column that numbers itself, so the key of a one-row table, which is always 1, does not.
        """
        if not table["single"]:
            return table
        columns = [{**column, "autoincrement": False} for column in table["columns"]]
        return cast("Table", {**table, "columns": columns})

    # Changing

    def alter_table(self, change: TableChange) -> list[str]:
        """Return the statements that carry out a change of an existing table, the columns in one."""
        assert change.live is not None
        table = self.quote(change.table)
        statements = []
        if change.renamed_from:
            statements.append(f"RENAME TABLE {self.quote(change.renamed_from)} TO {table}")
        statements += [
            f"ALTER TABLE {table} DROP CONSTRAINT {self.quote(check.name)}"
            for check in change.dropped_checks
        ]
        clauses = self._clauses(change)
        if clauses:
            statements.append(f"ALTER TABLE {table} {', '.join(clauses)}")
        statements += [
            f"ALTER TABLE {table} ALTER COLUMN {self.quote(column['name'])} DROP DEFAULT"
            for column in change.added
            if column["default"] is not None
        ]
        statements += [
            f"ALTER TABLE {table} ADD {self._check(check)}" for check in change.added_checks
        ]
        return statements

    def _clauses(self, change: TableChange) -> list[str]:
        assert change.live is not None
        q = self.quote
        # An index that a foreign key made for itself has gone with it.
        clauses = [
            f"DROP INDEX {q(index.name)}"
            for index in change.dropped_indexes
            if not index.is_constraint
        ]
        old_names = {new: old for old, new in change.renames}
        moves_key = any("primary key" in text for what in change.altered.values() for text in what)
        if moves_key and change.live.source.primary_key:
            clauses.append("DROP PRIMARY KEY")
        for column in change.wanted["columns"]:
            name = column["name"]
            if column in change.added:
                clauses.append(f"ADD COLUMN {self.column(column, with_default=True)}")
            elif name in change.altered or name in old_names:
                clauses.append(
                    f"CHANGE COLUMN {q(old_names.get(name, name))} {self.column(column)}"
                )
        clauses += [f"DROP COLUMN {q(name)}" for name in change.dropped]
        keys = [column["name"] for column in change.wanted["columns"] if column.get("primary_key")]
        if keys and (moves_key or any(column.get("primary_key") for column in change.added)):
            clauses.append(f"ADD PRIMARY KEY ({', '.join(q(name) for name in keys)})")
        clauses += [
            f"RENAME INDEX {q(live.name)} TO {q(index.name)}"
            for live, index in change.index_renames
        ]
        clauses += [
            f"ADD {self._index_item(change.table, change.wanted, index)}"
            for index in change.added_indexes
        ]
        return clauses
