"""The difference between wanted tables and the live database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from openviper.db.dialects.ddl import (
    DDLDialect,
    Index,
    LiveIndex,
    LiveTable,
    TableChange,
    normalise_expression,
    rename_identifiers,
    table_checks,
    table_indexes,
)
from openviper.exceptions import MigrationError

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import State, Table

Applied: TypeAlias = "Mapping[str, Table]"
"""The bookkeeping: what was last applied to each table."""


class Difference(NamedTuple):
    """What has to change, in the order in which it is carried out, and what is kept although nobody wants it."""

    changes: list[TableChange]
    warnings: list[str]


def diff_states(
    wanted: State, live: Mapping[str, LiveTable], applied: Applied, dialect: DDLDialect
) -> Difference:
    """Return the changes that make the live tables what is wanted.

    Args:
        wanted: The tables of the schema files.
        live: The tables of the database.
        applied: What the bookkeeping says; it only decides what may be dropped.
        dialect: Knows which types are the same.

    Raises:
        MigrationError: If a foreign key's target neither exists nor is wanted.
    """
    changes: list[TableChange] = []
    warnings: list[str] = []
    for name, table in wanted.items():
        change = diff_table(name, dialect.adapted(table), live, wanted, applied, dialect)
        if change:
            changes.append(change)
        if change.kept:
            kept = ", ".join(f"{name}.{column}" for column in change.kept)
            warnings.append(f"kept {kept}: in no schema file, and not created by OpenViper")
        for column in table["columns"]:
            target = column.get("target_table")
            if target and target not in wanted and target not in live:
                raise MigrationError(
                    f"{table['app']}.{table['model']}: column {name}.{column['name']} references table {target!r}, "
                    "which no schema file describes"
                )
    created = [change for change in changes if change.live is None]
    altered = sorted(
        (change for change in changes if change.live is not None), key=lambda change: change.table
    )
    return Difference(creation_order(created) + altered, warnings)


def creation_order(changes: Iterable[TableChange]) -> list[TableChange]:
    """Return tables to create with the targets of foreign keys first; members of a circle by name."""
    waiting = {change.table: change for change in sorted(changes, key=lambda change: change.table)}
    ordered: list[TableChange] = []
    while waiting:
        ready = [
            name
            for name, change in waiting.items()
            if not targets_of(change.wanted) & set(waiting) - {name}
        ]
        for name in ready or [next(iter(waiting))]:
            ordered.append(waiting.pop(name))
    return ordered


def targets_of(table: Table) -> set[str]:
    """Return the tables that a table's foreign keys refer to."""
    return {column["target_table"] for column in table["columns"] if "target_table" in column}


def diff_table(
    name: str,
    table: Table,
    live_tables: Mapping[str, LiveTable],
    wanted: Mapping[str, Table],
    applied: Applied,
    dialect: DDLDialect,
) -> TableChange:
    """Return the change of one table; it is false when there is nothing to do."""
    live = live_tables.get(name)
    live_name = name
    old_name = table.get("old_table_name")
    if live is None and old_name is not None and old_name in live_tables and old_name not in wanted:
        live, live_name = live_tables[old_name], old_name
    change = TableChange(name, table, live)
    if live is None:
        return change
    if live_name != name:
        change.renamed_from = live_name
    change.renames = find_renames(table, live)
    before = applied.get(live_name)
    _compare_columns(change, live, before, dialect)
    _compare_indexes(change, live, before, live_name)
    _compare_checks(change, live, before, live_name)
    return change


def find_renames(table: Table, live: LiveTable) -> list[tuple[str, str]]:
    """Return the column renames that the hints of the file ask for and that this database has not seen yet."""
    names = set(live.columns)
    pairs: list[tuple[str, str]] = []
    waiting = [column for column in table["columns"] if "old_name" in column]
    progress = True
    # One name may have to become free before another column can take it, so this goes on until nothing moves.
    while progress:
        progress = False
        for column in list(waiting):
            name = column["name"]
            if name in names:
                continue
            history = [column["old_name"], *column.get("older_names", ())]
            old = next((each for each in history if each in names and each in live.columns), None)
            if old is not None:
                pairs.append((old, name))
                names.remove(old)
                names.add(name)
                waiting.remove(column)
                progress = True
    return pairs


def _compare_columns(
    change: TableChange, live: LiveTable, before: Table | None, dialect: DDLDialect
) -> None:
    present = {old: new for old, new in change.renames}
    by_name = {present.get(name, name): column for name, column in live.columns.items()}
    for column in change.wanted["columns"]:
        actual = by_name.get(column["name"])
        if actual is None:
            change.added.append(column)
            continue
        what = []
        if not dialect.same_type(column, actual["type"]):
            what.append(f"type {actual['type']} -> {column['type']}")
        is_key = bool(column.get("primary_key"))
        if is_key != bool(actual.get("primary_key")):
            what.append("primary key" if is_key else "no primary key")
        if not is_key and column["nullable"] != actual["nullable"]:
            what.append("NULL allowed" if column["nullable"] else "NOT NULL")
        if dialect.compares_numbering and bool(column.get("autoincrement")) != bool(
            actual.get("autoincrement")
        ):
            what.append("auto-increment" if column.get("autoincrement") else "no auto-increment")
        what += _foreign_key_differences(column, actual, change)
        if what:
            change.altered[column["name"]] = what
    wanted = {column["name"] for column in change.wanted["columns"]}
    ours = {column["name"] for column in before["columns"]} if before else set()
    for name in live.columns:
        if name not in wanted and name not in present:
            (change.dropped if name in ours else change.kept).append(name)


def _foreign_key_differences(
    column: Mapping[str, Any], actual: Mapping[str, Any], change: TableChange
) -> list[str]:
    target, live_target = column.get("target_table"), actual.get("target_table")
    if change.renamed_from is not None and live_target == change.renamed_from:
        live_target = change.table
    if target != live_target:
        return [f"foreign key to {target}" if target else "no foreign key"]
    action, live_action = column.get("on_delete", "NO ACTION"), actual.get("on_delete", "NO ACTION")
    return [f"on delete {action}"] if target and action != live_action else []


def _compare_indexes(
    change: TableChange, live: LiveTable, before: Table | None, live_name: str
) -> None:
    names = dict(change.renames)
    wanted = {index.key: index for index in table_indexes(change.table, change.wanted)}
    # Servers store a predicate in words of their own; what was applied under this name is what it means.
    applied = (
        {index.name: index.condition for index in table_indexes(live_name, before)}
        if before
        else {}
    )
    present: dict[Any, LiveIndex] = {}
    surplus: list[LiveIndex] = []
    for index in live.indexes:
        if not index.columns:
            continue
        condition = applied.get(index.name, index.condition) if index.condition else None
        condition = rename_identifiers(condition, names) if condition else None
        key = Index(
            index.name,
            tuple(names.get(name, name) for name in index.columns),
            index.unique,
            condition,
        ).key
        if key in wanted and key not in present:
            present[key] = index
            if not index.is_constraint and index.name != wanted[key].name:
                change.index_renames.append((index, wanted[key]))
        else:
            surplus.append(index)
    change.added_indexes = [index for key, index in wanted.items() if key not in present]
    ours = table_indexes(live_name, before) if before else []
    our_names, our_keys = {index.name for index in ours}, {index.key for index in ours}
    taken = {index.name for index in wanted.values()}
    dropped = set(change.dropped)
    for index in surplus:
        # An index that somebody else made stays, unless its name or one of its columns is needed otherwise.
        if (
            index.name in our_names
            or index.key in our_keys
            or index.name in taken
            or dropped & set(index.columns)
        ):
            change.dropped_indexes.append(index)


def _compare_checks(
    change: TableChange, live: LiveTable, before: Table | None, live_name: str
) -> None:
    names = dict(change.renames)
    wanted = {
        normalise_expression(check.expression): check
        for check in table_checks(change.table, change.wanted)
    }
    present = set()
    ours = table_checks(live_name, before) if before else []
    our_names = {check.name: _renamed(check.expression, names) for check in ours if check.name}
    our_texts = {normalise_expression(check.expression) for check in ours}
    for check in live.checks:
        text = _renamed(check.expression, names)
        if check.name in our_names and our_names[check.name] in wanted:
            # Servers store an expression in words of their own; what was applied under this name is what it means.
            text = our_names[check.name]
        if text in wanted:
            present.add(text)
        elif check.name in our_names or normalise_expression(check.expression) in our_texts:
            change.dropped_checks.append(check)
    change.added_checks = [check for text, check in wanted.items() if text not in present]


def _renamed(expression: str, names: Mapping[str, str]) -> str:
    return normalise_expression(rename_identifiers(expression, names))
