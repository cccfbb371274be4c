"""Reading the schema of a MariaDB or MySQL database from ``information_schema``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from openviper.db.dialects.definitions import Check, Definition, LiveIndex, LiveTable, Part
from openviper.db.dialects.server_ddl import ForeignKeyName, empty_tables, rows_of

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column

QUERIES = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'",
    """SELECT table_name, column_name, column_type, is_nullable, column_key, extra, column_default,
       generation_expression FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position""",
    """SELECT k.table_name, k.constraint_name, k.column_name, k.referenced_table_name, r.delete_rule
       FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
       ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name
       AND r.table_name = k.table_name
       WHERE k.table_schema = DATABASE() AND k.referenced_table_name IS NOT NULL
       ORDER BY k.table_name, k.constraint_name, k.ordinal_position""",
    """SELECT table_name, index_name, non_unique, column_name, sub_part, collation, index_type
       FROM information_schema.statistics WHERE table_schema = DATABASE() ORDER BY table_name, index_name, seq_in_index""",
    """SELECT t.table_name, c.constraint_name, c.check_clause
       FROM information_schema.table_constraints t JOIN information_schema.check_constraints c
       ON c.constraint_schema = t.constraint_schema AND c.constraint_name = t.constraint_name
       WHERE t.table_schema = DATABASE() AND t.constraint_type = 'CHECK' ORDER BY t.table_name, c.constraint_name""",
)
PREFIX = 255
"""Characters of a long text that an index looks at."""
_JSON_CHECK = re.compile(r"\(*json_valid\(`?\w+`?\)\)*\Z", re.IGNORECASE)


def read_tables(
    results: Sequence[Sequence[Sequence[Any]]], tables: Iterable[str] | None
) -> dict[str, LiveTable]:
    """Return the live tables by name from the results of `QUERIES`, only those of `tables` unless that is `None`."""
    names, columns, foreign_keys, indexes, checks = results
    found = empty_tables(names, tables)
    for row in rows_of(found, columns):
        _read_column(found, row)
    _read_foreign_keys(found, foreign_keys)
    _read_indexes(found, indexes)
    for table, name, clause in rows_of(found, checks):
        _read_check(found[table], Check(name, _text(clause)))
    return found


def _read_column(found: dict[str, LiveTable], row: Sequence[Any]) -> None:
    table, name, live_type, nullable, key, extra, default, formula = row
    column: Column = {
        "name": name,
        "type": _text(live_type).upper(),
        "nullable": nullable == "YES",
        "default": None,
    }
    if key == "PRI":
        column["primary_key"] = True
        source = found[table].source._replace(primary_key="PRIMARY")
        found[table] = found[table]._replace(source=source)
    _read_value(
        column, extra.upper(), "NULL" if default is None else _text(default), _text(formula or "")
    )
    found[table].columns[name] = column


def _read_value(column: Column, words: str, default: str, formula: str) -> None:
    """Take note of what a column gets where an INSERT says nothing."""
    if "AUTO_INCREMENT" in words:
        column["autoincrement"] = True
    if formula:
        column["generated"] = {"expression": formula, "stored": _is_stored(words)}
    elif default != "NULL":
        column["db_default"] = default


def _is_stored(words: str) -> bool:
    return "STORED" in words or "PERSISTENT" in words


def _read_check(table: LiveTable, check: Check) -> None:
    # The check that makes a JSON column belongs to its type. MariaDB lists checks by name only, so those of another
    # table with the same name come along; they name columns this table does not have.
    if not _JSON_CHECK.match(check.expression) and check not in table.checks:
        table.checks.append(check)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _read_foreign_keys(found: dict[str, LiveTable], rows: Sequence[Sequence[Any]]) -> None:
    for (table, name), parts in _grouped(found, rows).items():
        if len(parts) > 1:
            continue
        _, _, column, target, rule = parts[0]
        key = ForeignKeyName(name, column, target, rule.upper())
        found[table].source.foreign_keys[column] = key
        found[table].columns[column]["target_table"] = target
        found[table].columns[column]["on_delete"] = key.on_delete


def _grouped(
    found: dict[str, LiveTable], rows: Sequence[Sequence[Any]]
) -> dict[tuple[str, str], list[Sequence[Any]]]:
    """Return the rows that begin with a table and a name by both, those of other tables left out."""
    grouped: dict[tuple[str, str], list[Sequence[Any]]] = {}
    for row in rows_of(found, rows):
        grouped.setdefault((row[0], row[1]), []).append(row)
    return grouped


def _read_indexes(found: dict[str, LiveTable], rows: Sequence[Sequence[Any]]) -> None:
    for (table, name), parts in _grouped(found, rows).items():
        if name == "PRIMARY":
            continue
        stated = all(map(_can_state, parts))
        sorted_by = tuple(Part(part[3], descending=part[5] == "D") for part in parts)
        definition = Definition(sorted_by if stated else (), not parts[0][2])
        # An index that a foreign key made for itself bears its name, and goes only with it.
        owned = name in {key.name for key in found[table].source.foreign_keys.values()}
        found[table].indexes.append(LiveIndex(name, definition, owned, ""))


def _can_state(row: Sequence[Any]) -> bool:
    _, _, _, column, prefix, _, kind = row
    return bool(column) and prefix in (None, PREFIX) and kind == "BTREE"
