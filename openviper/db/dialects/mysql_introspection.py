"""Reading the schema of a MariaDB or MySQL database from ``information_schema``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from openviper.db.dialects.ddl import Check, LiveIndex, LiveTable
from openviper.db.dialects.server_ddl import ForeignKeyName, LiveSource

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column

QUERIES = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'",
    """SELECT table_name, column_name, column_type, is_nullable, column_key, extra
       FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position""",
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
    only = None if tables is None else set(tables)
    found = {
        name: LiveTable(name, {}, [], [], LiveSource({}, ""))
        for (name,) in names
        if only is None or name in only
    }
    for table, name, live_type, nullable, key, extra in columns:
        if table in found:
            column: Column = {
                "name": name,
                "type": _text(live_type).upper(),
                "nullable": nullable == "YES",
                "default": None,
            }
            if key == "PRI":
                column["primary_key"] = True
                found[table] = found[table]._replace(
                    source=found[table].source._replace(primary_key="PRIMARY")
                )
            if "auto_increment" in extra.lower():
                column["autoincrement"] = True
            found[table].columns[name] = column
    _read_foreign_keys(found, foreign_keys)
    _read_indexes(found, indexes)
    for table, name, clause in checks:
        text = _text(clause)
        # The check that makes a JSON column belongs to its type. MariaDB lists checks by name only, so those of another
        # table with the same name come along; they name columns this table does not have.
        if table in found and not _JSON_CHECK.match(text):
            check = Check(name, text)
            if check not in found[table].checks:
                found[table].checks.append(check)
    return found


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _read_foreign_keys(found: dict[str, LiveTable], rows: Sequence[Sequence[Any]]) -> None:
    grouped: dict[tuple[str, str], list[Sequence[Any]]] = {}
    for row in rows:
        grouped.setdefault((row[0], row[1]), []).append(row)
    for (table, name), parts in grouped.items():
        if table in found and len(parts) == 1:
            _, _, column, target, rule = parts[0]
            found[table].source.foreign_keys[column] = ForeignKeyName(
                name, column, target, _rule(rule)
            )
            found[table].columns[column]["target_table"] = target
            found[table].columns[column]["on_delete"] = _rule(rule)


def _rule(rule: str) -> str:
    return rule.upper()


def _read_indexes(found: dict[str, LiveTable], rows: Sequence[Sequence[Any]]) -> None:
    grouped: dict[tuple[str, str], list[Sequence[Any]]] = {}
    for row in rows:
        if row[0] in found and row[1] != "PRIMARY":
            grouped.setdefault((row[0], row[1]), []).append(row)
    for (table, name), parts in grouped.items():
        plain = all(
            part[3] and part[4] in (None, PREFIX) and part[5] != "D" and part[6] == "BTREE"
            for part in parts
        )
        columns = tuple(part[3] for part in parts) if plain else ()
        # An index that a foreign key made for itself bears its name, and goes only with it.
        owned = name in {key.name for key in found[table].source.foreign_keys.values()}
        found[table].indexes.append(LiveIndex(name, columns, not parts[0][2], None, owned, ""))
