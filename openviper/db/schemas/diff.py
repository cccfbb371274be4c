"""The difference between wanted tables and the live database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from openviper.db.dialects.ddl import DDLDialect, TableChange
from openviper.db.dialects.definitions import LiveTable, targets_first
from openviper.db.schemas.comparison import compare
from openviper.exceptions import MigrationError

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column, State, Table

Applied: TypeAlias = "Mapping[str, Table]"
"""The bookkeeping: what was last applied to each table."""


class Difference(NamedTuple):
    """What has to change, in the order in which it is made, and what is kept although nobody wants it."""

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
    check_targets(wanted, {*wanted, *live})
    compared = [
        diff_table(name, dialect.adapted(table), live, wanted, applied, dialect)
        for name, table in wanted.items()
    ]
    created = [change for change in compared if change.live is None]
    altered = [change for change in compared if change.live is not None and change]
    altered.sort(key=lambda change: change.table)
    warnings = [_kept(change) for change in compared if change.kept]
    return Difference(creation_order(created) + altered, warnings)


def _kept(change: TableChange) -> str:
    names = ", ".join(f"{change.table}.{column}" for column in change.kept)
    return f"kept {names}: in no schema file, and not created by OpenViper"


def check_targets(tables: Mapping[str, Table], known: set[str]) -> None:
    """Check that every foreign key of some tables refers to a known one.

    Raises:
        MigrationError: If one does not.
    """
    for name, table in tables.items():
        for column in table["columns"]:
            target = column.get("target_table")
            if target and target not in known:
                raise MigrationError(
                    f"{table['app']}.{table['model']}: column {name}.{column['name']} references table {target!r}, "
                    "which is neither there nor to be made"
                )


def creation_order(changes: Iterable[TableChange]) -> list[TableChange]:
    """Return tables to create with the targets of foreign keys first; members of a circle by name."""
    waiting = {change.table: change for change in sorted(changes, key=lambda change: change.table)}
    targets = {name: targets_of(change.wanted) - {name} for name, change in waiting.items()}
    return [waiting[name] for name in targets_first(targets)]


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
    live_name = _live_name(name, table, live_tables, wanted)
    live = live_tables.get(live_name)
    change = TableChange(name, table, live)
    if live is None:
        return change
    if live_name != name:
        change.renamed_from = live_name
    change.renames = find_renames(table, live)
    compare(change, live, _adapted(applied.get(live_name), dialect), dialect)
    return change


def _adapted(before: Table | None, dialect: DDLDialect) -> Table | None:
    return None if before is None else dialect.adapted(before)


def _live_name(
    name: str, table: Table, live: Mapping[str, LiveTable], wanted: Mapping[str, Table]
) -> str:
    """Return the name a table has in the database: its own, or the one it had before it was renamed."""
    old_name = table.get("old_table_name")
    if name in live or old_name is None:
        return name
    return old_name if old_name in live and old_name not in wanted else name


def find_renames(table: Table, live: LiveTable) -> list[tuple[str, str]]:
    """Return the column renames that the hints of the file ask for and that this database has not seen yet."""
    names = set(live.columns)
    pairs: list[tuple[str, str]] = []
    waiting = [column for column in table["columns"] if "old_name" in column]
    # One name may have to become free before another column can take it, so this goes on until nothing moves.
    while (move := _next_rename(waiting, names, live)) is not None:
        old, column = move
        pairs.append((old, column["name"]))
        names = names - {old} | {column["name"]}
        waiting.remove(column)
    return pairs


def _next_rename(
    waiting: Iterable[Column], names: set[str], live: LiveTable
) -> tuple[str, Column] | None:
    for column in waiting:
        old = _old_name(column, names, live)
        if old is not None:
            return old, column
    return None


def _old_name(column: Column, names: set[str], live: LiveTable) -> str | None:
    """Return the name under which the database knows a renamed column, if it has not got the new one yet."""
    if column["name"] in names:
        return None
    history = [column["old_name"], *column.get("older_names", ())]
    return next((name for name in history if name in names & live.columns.keys()), None)
