"""Declarations of models turned into SQL: values as literals of each vendor, expressions over the model's columns."""

from __future__ import annotations

from typing import Any

from openviper.db.dialects.base import Dialect
from openviper.db.dialects.inline import inline, literal
from openviper.db.dialects.lookup import dialect_for
from openviper.db.fields.model_options import ModelOptions
from openviper.db.fields.moments import uses_time_zones
from openviper.db.fields.sql_text import VENDORS, SQLText, folded
from openviper.db.sql.nodes import Binding, Node, Writer
from openviper.db.sql.resolving import QueryScope
from openviper.exceptions import FieldError


def literal_of(field: Any, value: Any) -> SQLText:
    """Return the literal of a value of a field, for each vendor.

    Raises:
        ValueError: If the field does not allow the value, or it has no literal.
    """
    field.validate(value)
    stored = field.to_db(value)
    return folded({vendor: _literal(field, stored, dialect_for(vendor)) for vendor in VENDORS})


def _literal(field: Any, stored: Any, dialect: Dialect) -> str:
    writer = field.writer(dialect)
    return literal(stored if writer is None else writer(stored), dialect.name)


def expression_text(model: Any, expression: Any) -> SQLText:
    """Return the SQL of an expression or condition over the columns of a model.

    Raises:
        FieldError: If it names no field, or needs more than the row itself.
        ValueError: If a value in it has no literal.
    """
    meta: ModelOptions = model._meta
    node, direction = _resolved(meta, expression)
    texts = {
        vendor: _written(meta, node, dialect_for(vendor), expression) + direction
        for vendor in VENDORS
    }
    return folded(texts)


def _resolved(meta: ModelOptions, expression: Any) -> tuple[Node, str]:
    """Return the node of an expression, and the direction if it is one by which an index is ordered."""
    scope = QueryScope(meta)
    if hasattr(expression, "as_expression"):
        return scope.operand(expression), ""
    if hasattr(expression, "as_condition"):
        return scope.condition(expression), ""
    order = expression.as_order()
    return scope.operand(order.expression), " DESC" if order.descending else ""


def _written(meta: ModelOptions, node: Node, dialect: Dialect, expression: Any) -> str:
    binding = Binding(dialect, traced=True)
    binding.strict = True
    node.bind(binding)
    writer = Writer(dialect, meta, binding.slots or {}, aware=uses_time_zones())
    text, order = writer.finished(node.sql(writer))
    _check_alone(meta, writer, expression)
    # Values are not in the text yet, so the table's name can stand for nothing else.
    text = text.replace(f"{dialect.quote(meta.table_name)}.", "")
    values = [binding.parameters[place] for place in order]
    return inline(text, values, dialect.name)


def _check_alone(meta: ModelOptions, writer: Writer, expression: Any) -> None:
    if writer.tables.is_joined or writer.has_subqueries:
        raise FieldError(
            f"{meta.model_name}: {expression!r} needs more than the row itself, which no schema can state"
        )
