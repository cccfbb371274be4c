"""Schema statements of MariaDB and MySQL.

Each commits by itself, so a step is not one transaction; the columns of a table change in one ALTER TABLE.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from openviper.db.dialects.ddl import RowCheck, TableChange
from openviper.db.dialects.definitions import (
    Index,
    LiveTable,
    live_targets,
    table_indexes,
    targets_first,
)
from openviper.db.dialects.folding import MYSQL_COLLATION
from openviper.db.dialects.identifiers import quote_identifier
from openviper.db.dialects.mysql_introspection import PREFIX, QUERIES, read_tables
from openviper.db.dialects.server_ddl import ServerDDL, moves_key
from openviper.db.dialects.sql_text import sql_literal

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
_LONG = {"TEXT", "JSON", "BINARY"}
"""Types without a length."""
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
_NUMBERS = (*_RANGES, "DECIMAL", "DOUBLE", "FLOAT")
_UUID = "^[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}$"
_OLD_MARIADB = (
    "VERSION() LIKE '%MariaDB%' AND SUBSTRING_INDEX(VERSION(), '.', 1) * 1000"
    " + SUBSTRING_INDEX(SUBSTRING_INDEX(VERSION(), '.', 2), '.', -1) < 10008"
)
"""Whether the server is a MariaDB that takes DESC in an index and makes an ascending one."""


class MySQLDDL(ServerDDL):
    """Schema statements of MariaDB and MySQL."""

    vendor: ClassVar[str] = "mysql"
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
        """Return whether a live type stores exactly what the wanted column asks for."""
        live = live_type.upper()
        base = wanted["type"].upper().partition("(")[0]
        if base != "BOOLEAN":
            live = _WIDTH.sub(r"\1", live)
        if base in _SAME:
            return live in _SAME[base]
        return live == self.type_name(wanted)

    def column(self, column: Column, *, with_default: bool = False) -> str:
        """Return the definition of a column; texts are compared by their characters."""
        text = super().column(column, with_default=with_default)
        if column["type"].upper() == "JSON" and "generated" not in column:
            # What MariaDB makes of its type JSON, which MySQL does not know as LONGTEXT.
            text += f" CHECK (json_valid({self.quote(column['name'])}))"
        return text

    def literal(self, column: Column) -> str:
        """Return a column's default as SQL text; a backslash begins an escape here."""
        text = sql_literal(column["default"], column["type"]).replace("\\", "\\\\")
        return f"({text})" if _is_long(column["type"]) else text

    def misfit(self, sql: str, old_type: str, column: Column) -> str:
        """Return the condition for values that a new type cannot hold; empty when it holds all."""
        old, new = _WIDTH.sub(r"\1", old_type.upper()), self.type_name(column)
        conditions = list(_misfits(sql, old, new))
        if column["type"].upper() == "UUID" and old.partition("(")[0] != "CHAR":
            conditions.append(f"{sql} NOT REGEXP '{_UUID}'")
        return " OR ".join(conditions)

    # Creating

    def table_options(self) -> str:
        """Return engine and character set, which servers may have other defaults for."""
        return f" ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE={MYSQL_COLLATION}"

    def create_table(self, name: str, table: Table) -> list[str]:
        """Return the statement that creates a table with its indexes and checks; foreign keys come late."""
        statements = super().create_table(name, table)
        # One statement, so that a failure leaves no half of it.
        indexes = [self._index_item(name, table, index) for index in table_indexes(name, table)]
        head, options = statements[0].rsplit("\n)", 1)
        return [",\n  ".join([head, *indexes]) + "\n)" + options]

    def _index_item(self, name: str, table: Table, index: Index) -> str:
        long = {column["name"] for column in table["columns"] if _is_long(column["type"])}
        parts = []
        for part in index.definition.parts:
            length = f"({PREFIX})" if part.column in long else ""
            parts.append(f"{self.quote(part.column)}{length}{' DESC' if part.descending else ''}")
        unique = "UNIQUE " if index.definition.unique else ""
        return f"{unique}INDEX {self.quote(index.name)} ({', '.join(parts)})"

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
        adapted = super().adapted(table)
        return cast("Table", {**adapted, "columns": [*_adapted_columns(adapted)]})

    def drop_tables(self, names: Sequence[str], live: Mapping[str, LiveTable]) -> list[str]:
        """Return the statements that drop tables one by one, those that refer to others first; a circle is cut before."""
        targets = {name: live_targets(live[name]) - {name} for name in names if name in live}
        ordered = targets_first(targets)[::-1]
        statements = []
        for position, name in enumerate(ordered):
            for other in ordered[position + 1 :]:
                statements += self._cut(live[other], name)
            statements.append(f"DROP TABLE {self.quote(name)}")
        return statements

    def _cut(self, table: LiveTable, target: str) -> list[str]:
        return [
            f"ALTER TABLE {self.quote(table.name)} DROP FOREIGN KEY {self.quote(key.name)}"
            for key in table.source.foreign_keys.values()
            if key.target == target
        ]

    # Changing

    def alter_table(self, change: TableChange) -> list[str]:
        """Return the statements that make a change of an existing table, the columns in one."""
        clauses = [
            *(f"DROP CONSTRAINT {self.quote(check.name)}" for check in change.dropped_checks),
            ", ".join(self._clauses(change)),
            *self._dropped_defaults(change),
            *(f"ADD {self._check(check)}" for check in change.added_checks),
        ]
        return [*self._renaming(change), *self._altering(change.table, clauses)]

    def row_checks(self, change: TableChange, live: Mapping[str, LiveTable]) -> list[RowCheck]:
        """Return what has to be looked at before the change, the version of the server included."""
        checks = super().row_checks(change, live)
        return [*checks, *(_version_check(change, index) for index in _descending(change)[:1])]

    def _renaming(self, change: TableChange) -> Iterator[str]:
        if change.renamed_from:
            yield f"RENAME TABLE {self.quote(change.renamed_from)} TO {self.quote(change.table)}"

    def _altering(self, table: str, clauses: Iterable[str]) -> Iterator[str]:
        for clause in clauses:
            if clause:
                yield f"ALTER TABLE {self.quote(table)} {clause}"

    def _dropped_defaults(self, change: TableChange) -> list[str]:
        """Return what takes away the defaults that filled the rows of new columns."""
        return [
            f"ALTER COLUMN {self.quote(column['name'])} DROP DEFAULT"
            for column in change.added
            if column["default"] is not None and not self.default(column)
        ]

    def _clauses(self, change: TableChange) -> Iterator[str]:
        # An index that a foreign key made for itself has gone with it.
        own = [index for index in change.dropped_indexes if not index.is_constraint]
        yield from (f"DROP INDEX {self.quote(index.name)}" for index in own)
        yield from self._key_clauses_before(change)
        yield from self._column_clauses(change)
        yield from self._key_clauses_after(change)
        yield from self._index_clauses(change)

    def _index_clauses(self, change: TableChange) -> Iterator[str]:
        for live, wanted in change.index_renames:
            yield f"RENAME INDEX {self.quote(live.name)} TO {self.quote(wanted.name)}"
        for wanted in change.added_indexes:
            yield f"ADD {self._index_item(change.table, change.wanted, wanted)}"

    @staticmethod
    def _key_clauses_before(change: TableChange) -> Iterator[str]:
        assert change.live is not None
        if moves_key(change) and change.live.source.primary_key:
            yield "DROP PRIMARY KEY"

    def _key_clauses_after(self, change: TableChange) -> Iterator[str]:
        keys = [column for column in change.wanted["columns"] if column.get("primary_key")]
        is_new = any(column in change.added for column in keys)
        if keys and (is_new or moves_key(change)):
            names = ", ".join(self.quote(column["name"]) for column in keys)
            yield f"ADD PRIMARY KEY ({names})"

    def _column_clauses(self, change: TableChange) -> Iterator[str]:
        old_names = {new: old for old, new in change.renames}
        for column in change.wanted["columns"]:
            old = self.quote(old_names.get(column["name"], column["name"]))
            yield from self._column_clause(change, column, old)
        for name in change.dropped:
            yield f"DROP COLUMN {self.quote(name)}"

    def _column_clause(self, change: TableChange, column: Column, old: str) -> Iterator[str]:
        is_remade = column["name"] in change.remade
        if is_remade:
            yield f"DROP COLUMN {old}"
        if is_remade or column in change.added:
            yield f"ADD COLUMN {self.column(column, with_default=True)}"
        elif column["name"] in change.altered or old != self.quote(column["name"]):
            yield f"CHANGE COLUMN {old} {self.column(column)}"


def _descending(change: TableChange) -> list[Index]:
    """Return the indexes to make that sort downwards."""
    new = (
        table_indexes(change.table, change.wanted) if change.live is None else change.added_indexes
    )
    return [index for index in new if any(part.descending for part in index.definition.parts)]


def _version_check(change: TableChange, index: Index) -> RowCheck:
    problem = f"index {index.name} of {change.table} is descending, which MariaDB knows from 10.8 on; servers"
    return RowCheck(problem, f"SELECT {_OLD_MARIADB}", "SELECT VERSION()")


def _is_long(neutral_type: str) -> bool:
    """Return whether a type has no length, so that an index needs one and a default is an expression."""
    return neutral_type.endswith("[]") or neutral_type.upper().partition("(")[0] in _LONG


def _adapted_columns(table: Table) -> Iterator[Column]:
    for column in table["columns"]:
        if table["single"]:
            yield {**column, "autoincrement": False}
        elif "generated" in column:
            yield {**column, "nullable": True}  # NOT NULL is not part of such a definition.
        else:
            yield column


def _misfits(sql: str, old_type: str, new_type: str) -> Iterator[str]:
    """Yield conditions for values that a type of the database cannot hold."""
    old, new = old_type.partition("(")[0], new_type.partition("(")[0]
    if new == "VARCHAR":
        yield from _too_long(sql, old_type, new_type)
    elif new in _RANGES:
        yield from _not_whole(sql, old, _RANGES[new])
    elif new == "DECIMAL" and old in _NUMBERS:
        yield from _not_decimal(sql, new_type)


def _too_long(sql: str, old_type: str, new_type: str) -> Iterator[str]:
    limit, before = _ARGUMENTS.search(new_type), _ARGUMENTS.search(old_type)
    if limit is None:
        return
    is_shorter = before is None or int(before[1]) > int(limit[1])
    if is_shorter or not old_type.startswith("VARCHAR"):
        yield f"char_length({sql}) > {limit[1]}"


def _not_whole(sql: str, old: str, limit: int) -> Iterator[str]:
    if old not in _NUMBERS:
        yield f"{sql} NOT REGEXP '^[-+]?[0-9]+$'"
        return
    if _RANGES.get(old, limit + 1) > limit:
        yield f"{sql} >= {limit} OR {sql} < {-limit}"
    if old not in _RANGES:
        yield f"{sql} <> truncate({sql}, 0)"


def _not_decimal(sql: str, new_type: str) -> Iterator[str]:
    limit = _ARGUMENTS.search(new_type)
    if limit is not None:
        digits, places = int(limit[1]), int(limit[2] or 0)
        yield f"abs({sql}) >= 1e{digits - places} OR round({sql}, {places}) <> {sql}"
