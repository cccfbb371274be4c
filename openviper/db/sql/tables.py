"""The tables of one statement: the queried one, and those joined to it."""

from __future__ import annotations

from typing import Any

from openviper.db.dialects.base import Dialect
from openviper.db.fields.base import Field
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.relations import ForeignKey

Hops = tuple[ForeignKey[Any], ...]


class Source:
    """Names columns and collects joins; each distinct path is joined once and shared by all that use it."""

    def __init__(self, meta: ModelOptions, dialect: Dialect) -> None:
        self.meta = meta
        self.dialect = dialect
        self.aliases: dict[Hops, str] = {(): dialect.quote(meta.table_name)}
        self._joins: list[str] = []

    @property
    def is_joined(self) -> bool:
        """Whether more than the one table takes part."""
        return bool(self._joins)

    def column(self, hops: Hops, field: Field[Any]) -> str:
        """Return the qualified name of a column, joining the tables on the way to it."""
        return f"{self._alias(hops)}.{self.dialect.quote(field.column_name)}"

    def _alias(self, hops: Hops) -> str:
        alias = self.aliases.get(hops)
        if alias is None:
            referring = self.column(hops[:-1], hops[-1])
            remote: ModelOptions = hops[-1].remote_model._meta
            alias = self.dialect.quote(f"__{len(self.aliases)}")
            self.aliases[hops] = alias
            # Outer joins keep rows whose key is NULL; they never multiply rows, as the target is a primary key.
            self._joins.append(
                f" LEFT JOIN {self.dialect.quote(remote.table_name)} AS {alias}"
                f" ON {alias}.{self.dialect.quote(remote.pk.column_name)} = {referring}"
            )
        return alias

    def from_clause(self) -> str:
        """Return `` FROM`` with all joins; to be called when every column has been named."""
        return f" FROM {self.aliases[()]}{''.join(self._joins)}"
