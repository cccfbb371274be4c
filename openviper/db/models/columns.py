"""The parts of queries that columns are made into; see `openviper.db.fields.columns`."""

from __future__ import annotations

from openviper.db.fields.columns import Parts
from openviper.db.sql.expressions import F, OrderBy, Q


class ExpressionParts:
    """Makes conditions, values and orders of the classes that queries are written with."""

    def condition(self, lookup: str, value: object) -> Q:
        """Return the condition that a lookup such as ``title__startswith`` holds for a value."""
        return Q(**{lookup: value})

    def value(self, path: str) -> F:
        """Return the value of a column."""
        return F(path)

    def order(self, path: str, *, descending: bool, nulls_last: bool | None) -> OrderBy:
        """Return the order by a column."""
        return OrderBy(F(path), descending=descending, nulls_last=nulls_last)


Parts.provider = ExpressionParts()
