"""Looking at the rows of a table before a change that they might not survive; what is common to all databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from openviper.db.dialects.ddl import RowCheck, TableChange
from openviper.db.dialects.definitions import Definition, Part, fills_itself

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
        return [
            *self._added_columns(),
            *self._altered_columns(),
            *self._unique(),
            *self._constraints(),
            *self._lost_values(),
        ]

    def _lost_values(self) -> list[RowCheck]:
        change = self.change
        return [
            self._rows(
                f"rows that lose their value of {change.table}.{name}",
                f"{self.quote(change.live_name(name))} IS NOT NULL",
                fatal=False,
            )
            for name in (*change.dropped, *sorted(change.overwritten))
        ]

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
            if not fills_itself(column)
        ]

    def _altered_columns(self) -> Iterator[RowCheck]:
        change = self.change
        assert change.live is not None
        for column in change.wanted["columns"]:
            if column["name"] in change.altered and "generated" not in column:
                live = change.live.columns[change.live_name(column["name"])]
                yield from self._altered(column, live)

    def _altered(self, column: Column, live: Column) -> Iterator[RowCheck]:
        where = f"{self.change.table}.{column['name']}"
        sql = self.quote(live["name"])
        if live["nullable"] and not column["nullable"]:
            problem = f"rows with NULL in {where}, which becomes NOT NULL"
            yield self._rows(problem, f"{sql} IS NULL")
        if condition := self.misfit(sql, live["type"], column):
            problem = f"rows that do not fit {column['type']} in {where}"
            yield self._rows(problem, f"{sql} IS NOT NULL AND ({condition})")

    def _unique(self) -> list[RowCheck]:
        return [
            self._doubled(index.definition)
            for index in self.change.added_indexes
            if index.definition.unique and self._can_look(index.definition)
        ]

    def _can_look(self, definition: Definition) -> bool:
        """Return whether the live table has all that an index is over; else the index decides, before the commit."""
        new = {column["name"] for column in self.change.added} | self.change.remade
        if new & set(definition.columns):
            return False
        return not definition.expressions or not (new or self.change.renames)

    def _doubled(self, definition: Definition) -> RowCheck:
        terms = ", ".join(map(self._term, definition.parts))
        groups = (
            f"SELECT {terms}, count(*) AS copies FROM {self.table} WHERE {self._compared(definition)} "
            f"GROUP BY {terms} HAVING count(*) > 1"
        )
        shown = ", ".join(part.column or part.expression for part in definition.parts)
        return RowCheck(
            f"rows that are not unique in {self.change.table} ({shown})",
            f"SELECT coalesce(sum(copies), 0) FROM ({groups}) AS found",
            f"{groups} LIMIT {SAMPLE_SIZE}",
        )

    def _compared(self, definition: Definition) -> str:
        """Return the condition for the rows that a unique index compares with each other."""
        terms = map(self._term, definition.parts) if definition.nulls_distinct else ()
        conditions = [f"{term} IS NOT NULL" for term in terms]
        if definition.condition:
            conditions.append(f"({definition.condition})")
        return " AND ".join(conditions) or "1 = 1"

    def _term(self, part: Part) -> str:
        if part.expression:
            return f"({part.expression})"
        return self.quote(self.change.live_name(part.column))

    def _constraints(self) -> list[RowCheck]:
        change = self.change
        # With columns that are not there yet, the constraint itself decides, before the commit.
        checks = [] if change.added or change.renames or change.remade else change.added_checks
        return [
            self._rows(
                f"rows that break the check {check.name} of {change.table}",
                f"NOT ({check.expression})",
            )
            for check in checks
            if not check.is_exclusion
        ]
