"""The statements of `DatabaseCache`, for each kind of database."""

from __future__ import annotations

from functools import lru_cache
from typing import Self

TABLE = "openviper_cache_entries"
_INTO = f"INTO {TABLE} (name, content, number, ends_at) VALUES"
_ROW = "(?, ?, ?, ?)"
_SET = "content = ?, number = ?, ends_at = ?"
_LIVING = "name = ? AND ends_at > ?"


class Statements:
    """The statements for one kind of database; their values stand in the order of the question marks.

    Args:
        vendor: ``sqlite``, ``postgresql``, ``mysql`` or ``mariadb``.
    """

    def __init__(self, vendor: str) -> None:
        self._mark = "?" if vendor == "sqlite" else "%s"
        self._replacing = _on_conflict(vendor)
        ignore = " IGNORE" if _is_mysql(vendor) else ""
        nothing = "" if _is_mysql(vendor) else " ON CONFLICT (name) DO NOTHING"
        self.insert = self._marked(f"INSERT{ignore} {_INTO} {_ROW}{nothing}")
        """Values: name, content, number, end."""
        self.revive = self._marked(f"UPDATE {TABLE} SET {_SET} WHERE name = ? AND ends_at <= ?")
        """Values: content, number, end, name, now."""
        self.count = self._marked(
            f"UPDATE {TABLE} SET number = number + ? WHERE {_LIVING} AND number BETWEEN ? AND ?"
        )
        """Values: what is added, name, now, the least and the largest number that it may be added to."""
        self.extend = self._marked(f"UPDATE {TABLE} SET ends_at = ? WHERE {_LIVING}")
        """Values: end, name, now."""
        self.remove_ended = self._marked(f"DELETE FROM {TABLE} WHERE ends_at <= ?")
        """Value: now."""
        self.count_all = f"SELECT COUNT(*) FROM {TABLE}"

    @classmethod
    @lru_cache(maxsize=8)
    def of(cls, vendor: str) -> Self:
        """Return the statements for a kind of database."""
        return cls(vendor)

    def _marked(self, sql: str) -> str:
        return sql.replace("?", self._mark)

    def upsert(self, count: int) -> str:
        """Return the writing of entries; values of each: name, content, number, end."""
        rows = ", ".join([_ROW] * count)
        return self._marked(f"INSERT {_INTO} {rows} {self._replacing}")

    def read(self, count: int) -> str:
        """Return the read of entries by their names; values: now, the names."""
        return self._marked(
            f"SELECT name, content, number FROM {TABLE} WHERE ends_at > ? AND name IN ({_marks(count)})"
        )

    def remove(self, count: int) -> str:
        """Return the removal of living entries by their names; values: now, the names."""
        return self._marked(f"DELETE FROM {TABLE} WHERE ends_at > ? AND name IN ({_marks(count)})")

    def replace_known(self, column: str) -> str:
        """Return the change of an entry whose content is known; values: content, number, end, name, now, what is known."""
        return self._marked(f"UPDATE {TABLE} SET {_SET} WHERE {_LIVING} AND {column} = ?")

    def remove_known(self, column: str) -> str:
        """Return the removal of an entry whose content is known; values: name, now, what is known."""
        return self._marked(f"DELETE FROM {TABLE} WHERE {_LIVING} AND {column} = ?")

    def names(self, start: str, limit: int) -> str:
        """Return the read of names that begin with a text; values: the text, now, the last name that was read."""
        return self._marked(
            f"SELECT name FROM {TABLE} WHERE {_begins(start)} AND ends_at > ? AND name > ? "
            f"ORDER BY name LIMIT {limit:d}"
        )

    def remove_all(self, start: str) -> str:
        """Return the removal of what begins with a text; value: the text."""
        return self._marked(f"DELETE FROM {TABLE} WHERE {_begins(start)}")

    def first_to_end(self, limit: int) -> str:
        """Return the read of the names of what ends first."""
        return f"SELECT name FROM {TABLE} ORDER BY ends_at, name LIMIT {limit:d}"


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _begins(start: str) -> str:
    # Not LIKE, for which a pattern has to be escaped and SQLite takes capitals for small letters.
    return f"SUBSTR(name, 1, {len(start):d}) = ?"


def _is_mysql(vendor: str) -> bool:
    return vendor in ("mysql", "mariadb")


def _on_conflict(vendor: str) -> str:
    columns = ("content", "number", "ends_at")
    if _is_mysql(vendor):
        changes = ", ".join(f"{column} = VALUES({column})" for column in columns)
        return f"ON DUPLICATE KEY UPDATE {changes}"
    changes = ", ".join(f"{column} = EXCLUDED.{column}" for column in columns)
    return f"ON CONFLICT (name) DO UPDATE SET {changes}"
