"""What of one live table differs from the wanted one: columns, indexes, checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from openviper.db.dialects.ddl import NEW_FORMULA, DDLDialect, TableChange
from openviper.db.dialects.definitions import (
    Check,
    Definition,
    Index,
    LiveIndex,
    LiveTable,
    table_checks,
    table_indexes,
)
from openviper.db.dialects.sql_text import mentions, normalise_expression, rename_identifiers

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column, Table

_CHECKED = {
    "": "after each statement",
    "immediate": "after each statement, or at the end if a transaction asks for it",
    "deferred": "at the end of the transaction",
}
"""When a foreign key is checked."""


def compare(
    change: TableChange, live: LiveTable, before: Table | None, dialect: DDLDialect
) -> None:
    """Fill in the change of an existing table; its column renames must be known already.

    Args:
        change: Takes what differs.
        live: The table in the database.
        before: What was last applied to it, if the bookkeeping knows; it says which of what nobody wants any more was
            made by OpenViper, and what an expression means that the server stores in words of its own.
        dialect: Knows which types are the same.
    """
    _Columns(change, live, before, dialect).compare()
    _Indexes(change, live, before).compare()
    _Checks(change, live, before).compare()


def _key_differences(column: Column, actual: Column) -> Iterable[str]:
    """Yield what is different about a foreign key that leads to the right table."""
    action = column.get("on_delete", "NO ACTION")
    if action != actual.get("on_delete", "NO ACTION"):
        yield f"on delete {action}"
    checked = column.get("deferrable", "")
    if checked != actual.get("deferrable", ""):
        yield f"checked {_CHECKED[checked]}"


class _Columns:
    def __init__(
        self, change: TableChange, live: LiveTable, before: Table | None, dialect: DDLDialect
    ) -> None:
        self.change = change
        self.dialect = dialect
        self.new_names = dict(change.renames)
        self.live = {self.new_names.get(name, name): one for name, one in live.columns.items()}
        self.applied = {column["name"]: column for column in (before or {"columns": []})["columns"]}

    def compare(self) -> None:
        """Fill in which columns are added, altered, dropped and kept."""
        for column in self.change.wanted["columns"]:
            self._compare(column, self.live.get(column["name"]))
        wanted = {column["name"] for column in self.change.wanted["columns"]}
        surplus = [name for name in self.live if name not in wanted]
        for name in surplus:
            going = self.change.dropped if name in self.applied else self.change.kept
            going.append(self.live[name]["name"])
        self._remake_dependents()

    def _remake_dependents(self) -> None:
        """Have generated columns made anew that are worked out from one whose type changes, as servers want it."""
        altered = self.change.altered
        retyped = {name for name, what in altered.items() if _is_retyped(what)}
        for column in self.change.wanted["columns"]:
            formula = column.get("generated")
            if formula is None or column["name"] not in self.live:
                continue
            if mentions(str(formula["expression"]), retyped):
                altered.setdefault(column["name"], []).append(NEW_FORMULA)

    def _compare(self, column: Column, actual: Column | None) -> None:
        if actual is None:
            self.change.added.append(column)
        elif differences := self._differences(column, actual):
            self.change.altered[column["name"]] = differences

    def _differences(self, column: Column, actual: Column) -> list[str]:
        return [
            *self._type_differences(column, actual),
            *self._key_differences(column, actual),
            *self._numbering_differences(column, actual),
            *self._foreign_key_differences(column, actual),
            *self._default_differences(column, actual),
            *self._formula_differences(column, actual),
        ]

    def _type_differences(self, column: Column, actual: Column) -> Iterable[str]:
        if not self.dialect.same_type(column, actual["type"]):
            yield f"type {actual['type']} -> {column['type']}"

    @staticmethod
    def _key_differences(column: Column, actual: Column) -> Iterable[str]:
        is_key = bool(column.get("primary_key"))
        if is_key != bool(actual.get("primary_key")):
            yield "primary key" if is_key else "no primary key"
        if not is_key and column["nullable"] != actual["nullable"]:
            yield "NULL allowed" if column["nullable"] else "NOT NULL"

    def _numbering_differences(self, column: Column, actual: Column) -> Iterable[str]:
        numbers = bool(column.get("autoincrement"))
        if self.dialect.compares_numbering and numbers != bool(actual.get("autoincrement")):
            yield "auto-increment" if numbers else "no auto-increment"

    def _foreign_key_differences(self, column: Column, actual: Column) -> Iterable[str]:
        change = self.change
        target, live_target = column.get("target_table"), actual.get("target_table")
        if change.renamed_from is not None and live_target == change.renamed_from:
            live_target = change.table
        if target != live_target:
            yield f"foreign key to {target}" if target else "no foreign key"
        elif target:
            yield from _key_differences(column, actual)

    def _default_differences(self, column: Column, actual: Column) -> Iterable[str]:
        """Compare the default that the database is to know; one that only filled rows once is nobody's."""
        wanted = column.get("db_default")
        live, applied = actual.get("db_default"), self._applied(actual).get("db_default")
        if wanted is None:
            if applied is not None and live is not None:
                yield "no database default"
        elif live is None or not _same(wanted, live, applied):
            yield f"database default {wanted}"

    def _formula_differences(self, column: Column, actual: Column) -> Iterable[str]:
        wanted, live = column.get("generated"), actual.get("generated")
        if wanted is None:
            yield from ["no formula"] if live is not None else []
        elif live is None or wanted["stored"] != live["stored"]:
            yield NEW_FORMULA
        elif not self._is_same_formula(wanted["expression"], live["expression"], actual):
            yield NEW_FORMULA

    def _is_same_formula(self, wanted: object, live: object, actual: Column) -> bool:
        applied = (self._applied(actual).get("generated") or {}).get("expression") or ""
        texts = (rename_identifiers(str(text), self.new_names) for text in (live, applied))
        return _same(wanted, *texts)

    def _applied(self, actual: Column) -> Mapping[str, Any]:
        return self.applied.get(actual["name"], {})


def _is_retyped(what: Iterable[str]) -> bool:
    return any(text.startswith("type ") for text in what)


def _same(wanted: object, live: object, applied: object) -> bool:
    """Return whether SQL is in the database: in these words, or as it was applied, in whatever words it is stored."""
    texts = {normalise_expression(str(text)) for text in (live, applied) if text}
    return normalise_expression(str(wanted)) in texts


class _Indexes:
    def __init__(self, change: TableChange, live: LiveTable, before: Table | None) -> None:
        self.change = change
        self.live = live
        self.names = dict(change.renames)
        wanted = table_indexes(change.table, change.wanted)
        applied = [] if before is None else table_indexes(live.name, before)
        self.wanted = {index.definition.key: index for index in wanted}
        self.applied = {index.name: index.definition for index in applied}
        self.present: dict[Definition, LiveIndex] = {}
        self.surplus: list[LiveIndex] = []

    def compare(self) -> None:
        """Fill in which indexes are added, renamed and dropped."""
        change = self.change
        stated = [index for index in self.live.indexes if index.definition.parts]
        for index in stated:
            self._sort(index)
        new = self.wanted.keys() - self.present.keys()
        change.added_indexes = [index for key, index in self.wanted.items() if key in new]
        change.dropped_indexes = [index for index in self.surplus if self._goes(index)]
        self._remake(change.remade)

    def _sort(self, index: LiveIndex) -> None:
        key = self._meaning(index).renamed(self.names).key
        if key not in self.wanted or key in self.present:
            self.surplus.append(index)
            return
        self.present[key] = index
        wanted = self.wanted[key]
        if index.name != wanted.name and not index.is_constraint:
            self.change.index_renames.append((index, wanted))

    def _meaning(self, index: LiveIndex) -> Definition:
        """Return what the index was made as: servers store expressions in words of their own."""
        applied = self.applied.get(index.name)
        if applied is not None and applied.outline == index.definition.outline:
            return applied
        return index.definition

    def _goes(self, index: LiveIndex) -> bool:
        """Return whether a surplus index is dropped: somebody else's stays, unless it is in the way."""
        ours = {definition.key for definition in self.applied.values()}
        taken = {wanted.name for wanted in self.wanted.values()}
        return (
            index.name in self.applied
            or index.name in taken
            or index.definition.key in ours
            or not set(self.change.dropped).isdisjoint(index.columns)
        )

    def _remake(self, columns: set[str]) -> None:
        """Have the indexes that use a column made anew with it."""
        pairs = [(live, self.wanted[key]) for key, live in self.present.items()]
        remade = [pair for pair in pairs if uses(pair[1], columns)] if columns else []
        self.change.dropped_indexes += [live for live, _ in remade]
        self.change.added_indexes += [wanted for _, wanted in remade]
        renames = [pair for pair in self.change.index_renames if pair not in remade]
        self.change.index_renames = renames


def uses(index: Index | LiveIndex, columns: set[str]) -> bool:
    """Return whether an index cannot be without one of some columns."""
    definition = index.definition
    named = {*definition.columns, *definition.include}
    return bool(named & columns) or any(mentions(text, columns) for text in definition.expressions)


class _Checks:
    def __init__(self, change: TableChange, live: LiveTable, before: Table | None) -> None:
        self.change = change
        self.live = live
        self.names = dict(change.renames)
        wanted = table_checks(change.table, change.wanted)
        applied = [] if before is None else table_checks(live.name, before)
        self.wanted = {normalise_expression(check.expression): check for check in wanted}
        self.applied = {check.name: self._renamed(check) for check in applied}
        self.applied_texts = {normalise_expression(check.expression) for check in applied}

    def compare(self) -> None:
        """Fill in which checks are added and dropped."""
        meanings = [(check, self._meaning(check)) for check in self.live.checks]
        present = {text for check, text in meanings if self._is_present(check, text)}
        self.change.dropped_checks = [
            check
            for check, text in meanings
            if not self._is_present(check, text) and self._is_ours(check)
        ]
        new = self.wanted.keys() - present
        self.change.added_checks = [check for text, check in self.wanted.items() if text in new]

    def _is_present(self, check: Check, text: str) -> bool:
        return text in self.wanted and not self._is_remade(check)

    def _meaning(self, check: Check) -> str:
        """Return what the check was made as: servers store an expression in words of their own."""
        applied = self.applied.get(check.name) if check.name else None
        return applied if applied is not None and applied in self.wanted else self._renamed(check)

    def _is_ours(self, check: Check) -> bool:
        return (
            check.name in self.applied
            or normalise_expression(check.expression) in self.applied_texts
        )

    def _renamed(self, check: Check) -> str:
        return normalise_expression(rename_identifiers(check.expression, self.names))

    def _is_remade(self, check: Check) -> bool:
        return bool(self.change.remade) and mentions(check.expression, self.change.remade)
