"""Reading the schema of a PostgreSQL database: five reads of the system catalogs, restricted to the current schema."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from openviper.db.dialects.ddl import Check, LiveIndex, LiveTable
from openviper.db.dialects.server_ddl import ForeignKeyName, LiveSource

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column

_OURS = "n.nspname = current_schema() AND c.relkind IN ('r', 'p')"
_FROM = "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
QUERIES = (
    f"SELECT c.relname {_FROM} WHERE {_OURS}",
    f"""SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text,
        a.attgenerated::text, pg_get_expr(d.adbin, d.adrelid)
        {_FROM} JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
        LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE {_OURS} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum""",
    f"""SELECT c.relname, k.conname, k.contype::text,
        ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(num, pos)
              JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.num ORDER BY u.pos),
        f.relname, k.confdeltype::text, pg_get_expr(k.conbin, k.conrelid)
        {_FROM} JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid
        LEFT JOIN pg_catalog.pg_class f ON f.oid = k.confrelid WHERE {_OURS} ORDER BY c.relname, k.conname""",
    f"""SELECT c.relname, i.relname, x.indisunique, x.indisprimary,
        EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k WHERE k.conindid = i.oid AND k.contype IN ('u', 'x')),
        x.indexprs IS NULL AND m.amname = 'btree' AND x.indnkeyatts = x.indnatts
        AND NOT EXISTS (SELECT 1 FROM unnest(x.indoption::int2[]) o(option) WHERE o.option <> 0)
        AND NOT EXISTS (SELECT 1 FROM unnest(x.indclass::oid[]) u(class) JOIN pg_catalog.pg_opclass p
                        ON p.oid = u.class WHERE NOT p.opcdefault),
        ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY u(num, pos)
              JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.num ORDER BY u.pos),
        pg_get_expr(x.indpred, x.indrelid), pg_get_indexdef(i.oid)
        {_FROM} JOIN pg_catalog.pg_index x ON x.indrelid = c.oid
        JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid JOIN pg_catalog.pg_am m ON m.oid = i.relam
        WHERE {_OURS} ORDER BY c.relname, i.relname""",
)
ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}


def read_tables(
    results: Sequence[Sequence[Sequence[Any]]], tables: Iterable[str] | None
) -> dict[str, LiveTable]:
    """Return the live tables by name from the results of `QUERIES`, only those of `tables` unless that is `None`."""
    names, columns, constraints, indexes = results
    only = None if tables is None else set(tables)
    found = {
        name: LiveTable(name, {}, [], [], LiveSource({}, ""))
        for (name,) in names
        if only is None or name in only
    }
    for table, name, live_type, not_null, identity, _generated, default in columns:
        if table in found:
            column: Column = {
                "name": name,
                "type": live_type.upper(),
                "nullable": not not_null,
                "default": None,
            }
            if identity or (default or "").startswith("nextval("):
                column["autoincrement"] = True
            found[table].columns[name] = column
    for table, name, kind, keys, target, action, expression in constraints:
        if table in found:
            _read_constraint(found, found[table], (name, kind, keys, target, action, expression))
    for table, name, unique, primary, constraint, plain, keys, predicate, definition in indexes:
        if table in found and not primary:
            found[table].indexes.append(
                LiveIndex(
                    name, tuple(keys) if plain else (), unique, predicate, constraint, definition
                )
            )
    return found


def _read_constraint(
    found: dict[str, LiveTable], table: LiveTable, row: tuple[str, str, list[str], str, str, str]
) -> None:
    name, kind, keys, target, action, expression = row
    if kind == "p":
        for key in keys:
            table.columns[key]["primary_key"] = True
        found[table.name] = table._replace(source=table.source._replace(primary_key=name))
    elif kind == "c":
        table.checks.append(Check(name, expression, None))
    elif kind == "f" and len(keys) == 1:
        rule = ACTIONS[action]
        table.source.foreign_keys[keys[0]] = ForeignKeyName(name, keys[0], target, rule)
        table.columns[keys[0]]["target_table"] = target
        table.columns[keys[0]]["on_delete"] = rule
