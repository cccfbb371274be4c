"""Reading the schema of a PostgreSQL database: reads of the system catalogs, restricted to the current schema."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from openviper.db.dialects.definitions import Check, Definition, LiveIndex, LiveTable, Part
from openviper.db.dialects.server_ddl import ForeignKeyName, empty_tables, rows_of

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column

_OURS = "n.nspname = current_schema() AND c.relkind IN ('r', 'p')"
_FROM = "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
_DEFERRABLE = (
    "CASE WHEN k.condeferred THEN 'deferred' WHEN k.condeferrable THEN 'immediate' ELSE '' END"
)
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
        f.relname, k.confdeltype::text,
        CASE k.contype WHEN 'x' THEN pg_get_constraintdef(k.oid) ELSE pg_get_expr(k.conbin, k.conrelid) END,
        {_DEFERRABLE}
        {_FROM} JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid
        LEFT JOIN pg_catalog.pg_class f ON f.oid = k.confrelid WHERE {_OURS} ORDER BY c.relname, k.conname""",
    # An exclusion constraint is read as what it is, not as its index.
    f"""SELECT c.relname, i.relname, x.indisunique, k.oid IS NOT NULL,
        {_DEFERRABLE}, m.amname::text,
        x.indnkeyatts::int,
        ARRAY(SELECT coalesce(a.attname::text, '') FROM unnest(x.indkey::int2[]) WITH ORDINALITY u(num, pos)
              LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.num ORDER BY u.pos),
        ARRAY(SELECT pg_get_indexdef(i.oid, pos, true) FROM generate_series(1, x.indnkeyatts::int) pos ORDER BY pos),
        ARRAY(SELECT u.option::int FROM unnest(x.indoption::int2[]) WITH ORDINALITY u(option, pos) ORDER BY u.pos),
        ARRAY(SELECT CASE WHEN p.opcdefault THEN '' ELSE p.opcname::text END
              FROM unnest(x.indclass::oid[]) WITH ORDINALITY u(class, pos)
              JOIN pg_catalog.pg_opclass p ON p.oid = u.class ORDER BY u.pos),
        NOT coalesce((to_jsonb(x) ->> 'indnullsnotdistinct')::bool, false),
        pg_get_expr(x.indpred, x.indrelid), pg_get_indexdef(i.oid)
        {_FROM} JOIN pg_catalog.pg_index x ON x.indrelid = c.oid
        JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid JOIN pg_catalog.pg_am m ON m.oid = i.relam
        LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.oid AND k.contype IN ('u', 'x')
        WHERE {_OURS} AND NOT x.indisprimary AND k.contype IS DISTINCT FROM 'x' ORDER BY c.relname, i.relname""",
)
ACTIONS = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
_DESCENDING = 3
"""The options of a column that is sorted downwards, NULL first, as plain DESC means."""


def read_tables(
    results: Sequence[Sequence[Sequence[Any]]], tables: Iterable[str] | None
) -> dict[str, LiveTable]:
    """Return the live tables by name from the results of `QUERIES`, only those of `tables` unless that is `None`."""
    names, columns, constraints, indexes = results
    found = empty_tables(names, tables)
    for row in rows_of(found, columns):
        _read_column(found[row[0]], row)
    for row in rows_of(found, constraints):
        _read_constraint(found, row)
    for row in rows_of(found, indexes):
        found[row[0]].indexes.append(_read_index(row))
    return found


def _read_column(table: LiveTable, row: Sequence[Any]) -> None:
    _, name, live_type, not_null, identity, generated, default = row
    column: Column = {
        "name": name,
        "type": live_type.upper(),
        "nullable": not not_null,
        "default": None,
    }
    _read_value(column, identity, generated, default or "")
    table.columns[name] = column


def _read_value(column: Column, identity: str, generated: str, sql: str) -> None:
    """Take note of what a column gets where an INSERT says nothing."""
    if identity or sql.startswith("nextval("):
        column["autoincrement"] = True
    elif generated:
        column["generated"] = {"expression": sql, "stored": generated == "s"}
    elif sql:
        column["db_default"] = sql


def _read_constraint(found: dict[str, LiveTable], row: Sequence[Any]) -> None:
    table_name, name, kind, keys, target, action, expression, deferrable = row
    table = found[table_name]
    if kind == "p":
        found[table_name] = _with_key(table, name, keys)
    elif kind in ("c", "x"):
        table.checks.append(Check(name, expression))
    elif kind == "f" and len(keys) == 1:
        key = ForeignKeyName(name, keys[0], target, ACTIONS[action], deferrable)
        _read_foreign_key(table, key)


def _with_key(table: LiveTable, name: str, columns: Sequence[str]) -> LiveTable:
    for column in columns:
        table.columns[column]["primary_key"] = True
    return table._replace(source=table.source._replace(primary_key=name))


def _read_foreign_key(table: LiveTable, key: ForeignKeyName) -> None:
    table.source.foreign_keys[key.column] = key
    table.columns[key.column]["target_table"] = key.target
    table.columns[key.column]["on_delete"] = key.on_delete
    if key.deferrable:
        table.columns[key.column]["deferrable"] = key.deferrable


def _read_index(row: Sequence[Any]) -> LiveIndex:
    _, name, unique, is_constraint, deferrable, method, keys, columns, texts, *rest = row
    options, classes, nulls_distinct, predicate, sql = rest
    parts = tuple(map(_part, columns, texts, options, classes))
    is_odd = any(option not in (0, _DESCENDING) for option in options)
    definition = Definition(
        parts=() if is_odd else parts,
        unique=unique,
        condition=predicate,
        include=tuple(columns[keys:]),
        method="" if method == "btree" else method,
        deferrable=deferrable,
        nulls_distinct=nulls_distinct,
    )
    return LiveIndex(name, definition, is_constraint, sql)


def _part(column: str, text: str, option: int, operator_class: str) -> Part:
    return Part(column, "" if column else text, option == _DESCENDING, operator_class)
