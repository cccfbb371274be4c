"""What differs by vendor when rows are moved into a database, in one class each; they write statements and run none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from openviper.db.dialects.base import Dialect
from openviper.db.dialects.definitions import LiveTable
from openviper.db.transfer.sessions import LOCK_WAIT

Keys = Sequence[tuple[str, str]]
"""Foreign keys, as table and column."""


class Vendor(Protocol):
    """The statements of one vendor."""

    def begin(self) -> list[str]:
        """Return what begins the transaction."""
        ...

    def lock(self, tables: Sequence[str]) -> list[str]:
        """Return what keeps other writers out of tables until the end of the transaction."""
        ...

    def clear(self, tables: Sequence[str], circles: Keys, *, all_at_once: bool) -> list[str]:
        """Return what deletes the rows of tables.

        Args:
            tables: Those that refer to others first.
            circles: Foreign keys that stand in the way of this order, and may be NULL.
            all_at_once: Whether no other table refers to them.
        """
        ...

    def defer(self, keys: Keys, live: Mapping[str, LiveTable]) -> list[str]:
        """Return what lets foreign keys refer to rows that come later."""
        ...

    def settle(self, keys: Keys, live: Mapping[str, LiveTable]) -> list[str]:
        """Return what ends `defer`, once all rows are there."""
        ...

    def after(self) -> list[str]:
        """Return what gives the connection its settings back, whatever has happened."""
        ...


class _SQLite:
    def __init__(self, dialect: Dialect) -> None:
        self.quote = dialect.quote

    def begin(self) -> list[str]:
        # Foreign keys are checked at the commit; ends with it.
        return ["BEGIN IMMEDIATE", "PRAGMA defer_foreign_keys = ON"]

    def lock(self, tables: Sequence[str]) -> list[str]:
        return []  # There is one writer.

    def clear(self, tables: Sequence[str], circles: Keys, *, all_at_once: bool) -> list[str]:
        # RESTRICT does not wait for the commit, so circles are cut first.
        return [
            *_cuts(self.quote, circles),
            *(f"DELETE FROM {self.quote(name)}" for name in tables),
        ]

    def defer(self, keys: Keys, live: Mapping[str, LiveTable]) -> list[str]:
        return []

    def settle(self, keys: Keys, live: Mapping[str, LiveTable]) -> list[str]:
        return []

    def after(self) -> list[str]:
        return []


class _PostgreSQL:
    def __init__(self, dialect: Dialect) -> None:
        self.quote = dialect.quote

    def begin(self) -> list[str]:
        return ["BEGIN", f"SET LOCAL lock_timeout = '{LOCK_WAIT}s'"]

    def lock(self, tables: Sequence[str]) -> list[str]:
        return [f"LOCK TABLE {', '.join(map(self.quote, tables))} IN SHARE ROW EXCLUSIVE MODE"]

    def clear(self, tables: Sequence[str], circles: Keys, *, all_at_once: bool) -> list[str]:
        if all_at_once:
            return [f"TRUNCATE {', '.join(map(self.quote, tables))}"]
        return [
            *_cuts(self.quote, circles),
            *(f"DELETE FROM {self.quote(name)}" for name in tables),
        ]

    def defer(self, keys: Keys, live: Mapping[str, LiveTable]) -> list[str]:
        return self._alter(keys, live, "DEFERRABLE INITIALLY DEFERRED")

    def settle(self, keys: Keys, live: Mapping[str, LiveTable]) -> list[str]:
        alterations = self._alter(keys, live, "NOT DEFERRABLE")
        return ["SET CONSTRAINTS ALL IMMEDIATE", *alterations] if alterations else []

    def _alter(self, keys: Keys, live: Mapping[str, LiveTable], words: str) -> list[str]:
        return [
            f"ALTER TABLE {self.quote(table)} ALTER CONSTRAINT {self.quote(live[table].source.foreign_keys[column].name)} {words}"
            for table, column in keys
            if column in live[table].source.foreign_keys
        ]

    def after(self) -> list[str]:
        return []


class _MySQL:
    def __init__(self, dialect: Dialect) -> None:
        self.quote = dialect.quote

    def begin(self) -> list[str]:
        # InnoDB checks foreign keys row by row and cannot wait; they are looked at by `orphan` before the commit.
        return [
            "SET SESSION foreign_key_checks = 0",
            f"SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT}",
            f"SET SESSION lock_wait_timeout = {LOCK_WAIT}",
            "START TRANSACTION",
        ]

    def lock(self, tables: Sequence[str]) -> list[str]:
        return []  # LOCK TABLES would end the transaction; what others write meanwhile, the checksums show.

    def clear(self, tables: Sequence[str], circles: Keys, *, all_at_once: bool) -> list[str]:
        return [f"DELETE FROM {self.quote(name)}" for name in tables]

    def defer(self, keys: Keys, live: Mapping[str, LiveTable]) -> list[str]:
        return []

    def settle(self, keys: Keys, live: Mapping[str, LiveTable]) -> list[str]:
        return []

    def after(self) -> list[str]:
        return [
            "SET SESSION foreign_key_checks = 1",
            "SET SESSION innodb_lock_wait_timeout = DEFAULT",
            "SET SESSION lock_wait_timeout = DEFAULT",
        ]


def _cuts(quote: Callable[[str], str], circles: Keys) -> list[str]:
    return [f"UPDATE {quote(table)} SET {quote(column)} = NULL" for table, column in circles]


def vendor_of(dialect: Dialect) -> Vendor:
    """Return the statements of a dialect's vendor."""
    if dialect.name == "postgresql":
        return _PostgreSQL(dialect)
    return _MySQL(dialect) if dialect.name == "mysql" else _SQLite(dialect)
