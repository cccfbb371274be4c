"""Looking at the rows of a table before a change that they might not survive; what is common to all databases."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from openviper.db.dialects.ddl import RowCheck, TableChange

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column

SAMPLE_SIZE = 10

Misfit = Callable[[str, str, "Column"], str]
"""Returns the condition for values that a new type cannot hold, from the quoted column, its live type and what is wanted;
empty when it holds all."""


def row_checks(change: TableChange, quote: Callable[[str], str], misfit: Misfit) -> list[RowCheck]:
    """Return the looks to take before a change, with the names of the live table.

    Args:
        change: The change.
        quote: Quotes an identifier.
        misfit: Knows the types of the database.
    """
    if change.live is None:
        return []
    return _Looks(change, quote, misfit).all()


class _Looks:
    """The looks at one table."""

    def __init__(self, change: TableChange, quote: Callable[[str], str], misfit: Misfit) -> None:
        self.change = change
        self.quote = quote
        self.misfit = misfit
        self.table = quote(change.renamed_from or change.table)

    def all(self) -> list[RowCheck]:
        """Return all looks."""
        change = self.change
        checks = [
            *self._added_columns(),
            *self._altered_columns(),
            *self._unique(),
            *self._constraints(),
        ]
        for name in change.dropped:
            where = f"{self.quote(name)} IS NOT NULL"
            checks.append(
                self._rows(
                    f"rows that lose their value of {change.table}.{name}", where, fatal=False
                )
            )
        return checks

    def _rows(self, problem: str, where: str, *, fatal: bool = True) -> RowCheck:
        tail = f"FROM {self.table} WHERE {where}"
        return RowCheck(
            problem, f"SELECT count(*) {tail}", f"SELECT * {tail} LIMIT {SAMPLE_SIZE}", fatal
        )

    def _added_columns(self) -> list[RowCheck]:
        return [
            self._rows(
                f"rows without a value for the new column {self.change.table}.{column['name']}, "
                "which is NOT NULL without a default",
                "1 = 1",
            )
            for column in self.change.added
            if not column["nullable"]
            and column["default"] is None
            and not column.get("autoincrement")
        ]

    def _altered_columns(self) -> list[RowCheck]:
        change = self.change
        assert change.live is not None
        checks = []
        for column in change.wanted["columns"]:
            name = column["name"]
            if not change.altered.get(name):
                continue
            old = change.live.columns[change.live_name(name)]
            sql = self.quote(change.live_name(name))
            if not column["nullable"] and old["nullable"]:
                problem = f"rows with NULL in {change.table}.{name}, which becomes NOT NULL"
                checks.append(self._rows(problem, f"{sql} IS NULL"))
            if condition := self.misfit(sql, old["type"], column):
                problem = f"rows that do not fit {column['type']} in {change.table}.{name}"
                checks.append(self._rows(problem, f"{sql} IS NOT NULL AND ({condition})"))
        return checks

    def _unique(self) -> list[RowCheck]:
        change = self.change
        added = {column["name"] for column in change.added}
        checks = []
        for index in change.added_indexes:
            # The condition may name a column by its new name; then the index itself decides, before the commit.
            if (
                not index.unique
                or added & set(index.columns)
                or (index.condition and (change.renames or added))
            ):
                continue
            names = [self.quote(change.live_name(name)) for name in index.columns]
            conditions = [f"{name} IS NOT NULL" for name in names]
            if index.condition:
                conditions.append(f"({index.condition})")
            columns = ", ".join(names)
            groups = (
                f"SELECT {columns}, count(*) AS copies FROM {self.table} WHERE {' AND '.join(conditions)} "
                f"GROUP BY {columns} HAVING count(*) > 1"
            )
            shown = ", ".join(index.columns)
            checks.append(
                RowCheck(
                    f"rows that are not unique in {change.table} ({shown})",
                    f"SELECT coalesce(sum(copies), 0) FROM ({groups}) AS found",
                    f"{groups} LIMIT {SAMPLE_SIZE}",
                )
            )
        return checks

    def _constraints(self) -> list[RowCheck]:
        change = self.change
        if change.added or change.renames:
            return []
        return [
            self._rows(
                f"rows that break the check {check.name} of {change.table}",
                f"NOT ({check.expression})",
            )
            for check in change.added_checks
        ]
