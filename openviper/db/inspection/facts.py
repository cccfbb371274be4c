"""What the schema sync does not ask a database for, since no model can state it: views, wide foreign keys, and the like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from openviper.db.connections.databases import Connection


class ForeignKeyFact(NamedTuple):
    """A foreign key as it is in the database.

    Attributes:
        columns: Its columns.
        target: The table it refers to.
        target_columns: What it refers to there; empty for the primary key.
        on_update: What happens when the key there changes.
    """

    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]
    on_update: str


@dataclass
class Facts:
    """What is known besides the tables.

    Attributes:
        views: Names of the views.
        foreign_keys: Those of each table.
        defaults: Plain defaults of SQLite by table and column, in its own words.
        json: Columns, as table and column, that a check of MariaDB makes JSON.
    """

    views: list[str] = field(default_factory=list)
    foreign_keys: dict[str, list[ForeignKeyFact]] = field(default_factory=dict)
    defaults: dict[tuple[str, str], str] = field(default_factory=dict)
    json: set[tuple[str, str]] = field(default_factory=set)


_VIEWS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name",
    "postgresql": "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = current_schema() AND c.relkind IN ('v', 'm') ORDER BY c.relname",
    "mysql": "SELECT table_name FROM information_schema.views WHERE table_schema = DATABASE() ORDER BY table_name",
}
_FOREIGN_KEYS = {
    "sqlite": """SELECT m.name, f.id, f."from", f."table", f."to", f.on_update
        FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table' ORDER BY m.name, f.id, f.seq""",
    "postgresql": """SELECT c.relname, k.conname, a.attname, t.relname, b.attname,
        CASE k.confupdtype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE'
        WHEN 'n' THEN 'SET NULL' ELSE 'SET DEFAULT' END
        FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_class t ON t.oid = k.confrelid
        CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY u(own, other, pos)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.own
        JOIN pg_catalog.pg_attribute b ON b.attrelid = t.oid AND b.attnum = u.other
        WHERE k.contype = 'f' AND n.nspname = current_schema() ORDER BY c.relname, k.conname, u.pos""",
    "mysql": """SELECT k.table_name, k.constraint_name, k.column_name, k.referenced_table_name, k.referenced_column_name,
        r.update_rule FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
        ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name
        AND r.table_name = k.table_name
        WHERE k.table_schema = DATABASE() AND k.referenced_table_name IS NOT NULL
        ORDER BY k.table_name, k.constraint_name, k.ordinal_position""",
}
_DEFAULTS = """SELECT m.name, x.name, x.dflt_value FROM sqlite_master m, pragma_table_xinfo(m.name) x
    WHERE m.type = 'table' AND x.dflt_value IS NOT NULL"""
_JSON = """SELECT t.table_name, c.constraint_name FROM information_schema.table_constraints t
    JOIN information_schema.check_constraints c ON c.constraint_schema = t.constraint_schema
    AND c.constraint_name = t.constraint_name AND c.table_name = t.table_name
    WHERE t.table_schema = DATABASE() AND t.constraint_type = 'CHECK'
    AND c.check_clause = concat('json_valid(`', c.constraint_name, '`)')"""


async def read_facts(connection: Connection) -> Facts:
    """Ask a database."""
    vendor = connection.vendor
    facts = Facts(views=[str(row[0]) for row in await connection.fetch_all(_VIEWS[vendor])])
    _add_foreign_keys(facts, await connection.fetch_all(_FOREIGN_KEYS[vendor]))
    if vendor in _MORE:
        query, add = _MORE[vendor]
        add(facts, await connection.fetch_all(query))
    return facts


def _add_defaults(facts: Facts, rows: Sequence[Sequence[str]]) -> None:
    facts.defaults = {(table, column): text for table, column, text in rows}


def _add_json(facts: Facts, rows: Sequence[Sequence[str]]) -> None:
    facts.json = {(table, column) for table, column in rows}


_MORE = {"sqlite": (_DEFAULTS, _add_defaults), "mysql": (_JSON, _add_json)}
"""What only one vendor is asked, and what takes the answer."""


def _add_foreign_keys(facts: Facts, rows: Sequence[Sequence[str | None]]) -> None:
    grouped: dict[tuple[str, object], list[Sequence[str | None]]] = {}
    for row in rows:
        grouped.setdefault((str(row[0]), row[1]), []).append(row)
    for (table, _), parts in grouped.items():
        fact = ForeignKeyFact(
            columns=tuple(str(part[2]) for part in parts),
            target=str(parts[0][3]),
            target_columns=tuple(str(part[4]) for part in parts if part[4] is not None),
            on_update=str(parts[0][5]).upper(),
        )
        facts.foreign_keys.setdefault(table, []).append(fact)
