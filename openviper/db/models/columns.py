"""What fields need of the rooms above them: the parts of queries that columns become, and the SQL of declarations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openviper.db.fields.columns import Parts
from openviper.db.fields.sql_text import SQLText, Writers
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.db.models import sql_text
    from openviper.db.sql import compared, expressions
    from openviper.db.sql.expressions import F, OrderBy, Q
else:
    sql_text = lazy_module("openviper.db.models.sql_text")  # Only where schemas are made.
    compared = lazy_module("openviper.db.sql.compared")  # Where columns are computed with.
    expressions = lazy_module("openviper.db.sql.expressions")  # With the first query.


class ExpressionParts:
    """Makes conditions, values and orders of the classes that queries are written with."""

    def condition(self, lookup: str, value: object) -> Q:
        """Return the condition that a lookup such as ``title__startswith`` holds for a value."""
        return expressions.Q(**{lookup: value})

    def value(self, path: str) -> F:
        """Return the value of a column."""
        return expressions.F(path)

    def comparison(self, expression: Any, word: str, value: object) -> Q:
        """Return the condition that a lookup such as ``gt`` holds for a computed value and another."""
        return expressions.Q(compared.Compared(expression, word, value))

    def order(self, path: str, *, descending: bool, nulls_last: bool | None) -> OrderBy:
        """Return the order by a column."""
        return expressions.OrderBy(
            expressions.F(path), descending=descending, nulls_last=nulls_last
        )


def _literal(field: Any, value: Any) -> SQLText:
    return sql_text.literal_of(field, value)


def _expression(model: Any, expression: Any) -> SQLText:
    return sql_text.expression_text(model, expression)


Parts.provider = ExpressionParts()
Writers.literal = staticmethod(_literal)
Writers.expression = staticmethod(_expression)
