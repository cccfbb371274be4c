"""The FROM clauses of one statement: the queried table, those joined to it, and those of subqueries on related rows."""

from __future__ import annotations

from itertools import count
from typing import Any

from openviper.db.dialects.base import Dialect
from openviper.db.fields.base import Field
from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.paths import Step, Steps

Numbers = count


class Tables:
    """Names columns and collects joins; each distinct path is joined once and shared by all that use it.

    A path is counted from the queried table, in a subquery on related rows as well: what begins with the subquery's own
    path belongs to it, all else to the query around.

    Args:
        meta: The queried model.
        dialect: Quotes.
        numbers: The numbers of the statement's aliases.
        alias: The quoted name of the first table in the statement.
        outer: The tables of the query in which this one stands, if it is a subquery.
    """

    def __init__(
        self,
        meta: ModelOptions,
        dialect: Dialect,
        numbers: Numbers[int],
        *,
        alias: str | None = None,
        outer: Tables | None = None,
    ) -> None:
        self.meta = meta
        self.dialect = dialect
        self.outer = outer
        self.link = ""
        self._numbers = numbers
        self._prefix: Steps = ()
        self._parent: Tables | None = None
        self._joins_many = False
        table = dialect.quote(meta.table_name)
        self._from = table if alias is None else f"{table} AS {alias}"
        self._aliases: dict[Steps, str] = {(): alias or table}
        self._keys: dict[Steps, str] = {}
        self._joins: list[str] = []

    @property
    def is_joined(self) -> bool:
        """Whether more than the one table takes part."""
        return bool(self._joins)

    def enter(self, steps: Steps, *, joins_many: bool = False) -> Tables:
        """Return the tables of a subquery on the rows to which a path leads; its `link` ties them to the row around.

        Args:
            steps: The path, whose last step leads to many rows.
            joins_many: Whether paths that go on to many rows are joined, so that each combination counts.
        """
        step = steps[-1]
        near = step.link_keys()[0] if step.is_linked else step.field
        table: ModelOptions = near.model._meta
        owner = self.column(steps[:-1], step.owner.pk)
        inner = Tables.__new__(Tables)
        inner.__dict__.update(self.__dict__)
        inner._prefix, inner._parent, inner._joins_many = steps, self, joins_many
        alias = self._next_alias()
        inner._from = f"{self.dialect.quote(table.table_name)} AS {alias}"
        inner._aliases, inner._keys, inner._joins = {}, {}, []
        inner.link = f"{alias}.{self.dialect.quote(near.column_name)} = {owner}"  # type: ignore[union-attr]  # a foreign key
        if step.is_linked:
            inner._keys[steps] = f"{alias}.{self.dialect.quote(step.link_keys()[1].column_name)}"
        else:
            inner._aliases[steps] = alias
        return inner

    def _next_alias(self) -> str:
        return self.dialect.quote(f"__{next(self._numbers)}")

    def column(self, steps: Steps, field: Field[Any]) -> str:
        """Return the qualified name of a column, joining the tables on the way to it."""
        if self._parent is not None and steps[: len(self._prefix)] != self._prefix:
            return self._parent.column(steps, field)
        if field.primary_key and steps:
            key = self._key(steps)
            if key is not None:
                return key
        return f"{self._alias(steps)}.{self.dialect.quote(field.column_name)}"

    def column_of_row(self, steps: Steps, field: Field[Any]) -> str:
        """Return the name of a column in the joined row itself, which is NULL if there is no such row."""
        return f"{self._alias(steps)}.{self.dialect.quote(field.column_name)}"

    def _key(self, steps: Steps) -> str | None:
        """Return the column that holds the key of the rows at the end of a path already, or `None`."""
        known = self._keys.get(steps)
        if known is None and not steps[-1].reverse and not steps[-1].is_linked:
            return self.column(steps[:-1], steps[-1].field)  # type: ignore[arg-type]  # a foreign key
        return known

    def _alias(self, steps: Steps) -> str:
        alias = self._aliases.get(steps)
        if alias is None:
            is_own = steps == self._prefix or not steps[-1].is_many
            assert is_own or self._joins_many, "a path to many rows needs a subquery"
            alias = self._aliases[steps] = self._join(steps)
        return alias

    def _join(self, steps: Steps) -> str:
        step = steps[-1]
        if step.is_linked and steps not in self._keys:
            self._join_link(steps)
        if step.is_linked or not step.reverse:
            key = self._key(steps)
            assert key is not None
            return self._joined(step.meta, step.meta.pk.column_name, key, step)
        owner = self.column(steps[:-1], step.owner.pk)
        return self._joined(step.meta, step.field.column_name, owner, step)  # type: ignore[union-attr]  # a foreign key

    def _join_link(self, steps: Steps) -> None:
        """Join the table between two models, which holds the keys of the far one."""
        step = steps[-1]
        near, far = step.link_keys()
        owner = self.column(steps[:-1], step.owner.pk)
        link = self._joined(near.model._meta, near.column_name, owner, step)
        self._keys[steps] = f"{link}.{self.dialect.quote(far.column_name)}"

    def _joined(self, meta: ModelOptions, column: str, other: str, step: Step) -> str:
        quote = self.dialect.quote
        alias = self._next_alias()
        # Outer joins keep rows whose key is NULL; they never multiply rows, as the joined column is unique.
        kind = "JOIN" if step.is_many else "LEFT JOIN"
        self._joins.append(
            f" {kind} {quote(meta.table_name)} AS {alias} ON {alias}.{quote(column)} = {other}"
        )
        return alias

    def from_clause(self) -> str:
        """Return `` FROM`` with all joins; to be called when every column has been named."""
        return f" FROM {self._from}{''.join(self._joins)}"
