"""Declarations of models turned into SQL: values as literals of each vendor, expressions over the model's columns."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from openviper.db.dialects.base import Dialect
from openviper.db.dialects.lookup import dialect_for
from openviper.db.dialects.sql_text import quoted_text
from openviper.db.fields.sql_text import VENDORS, SQLText, Writers, folded
from openviper.exceptions import FieldError


def literal_of(field: Any, value: Any) -> SQLText:
    """Return the literal of a value of a field, for each vendor.

    Raises:
        ValueError: If the field does not allow the value.
    """
    field.validate(value)
    stored = field.to_db(value)
    return folded({vendor: _literal(field, stored, dialect_for(vendor)) for vendor in VENDORS})


def _literal(field: Any, stored: Any, dialect: Dialect) -> str:
    writer = field.writer(dialect)
    value = stored if writer is None else writer(stored)
    if isinstance(value, bool):
        return str(value).upper() if dialect.name == "postgresql" else str(int(value))
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return _bytes_literal(bytes(value), dialect)
    if isinstance(value, (list, dict)):
        raise ValueError(f"{field.name}: the default {value!r} has no literal; use SQL(...)")
    return _text_literal(str(value), dialect)


def _bytes_literal(value: bytes, dialect: Dialect) -> str:
    return f"'\\x{value.hex()}'" if dialect.name == "postgresql" else f"X'{value.hex()}'"


def _text_literal(text: str, dialect: Dialect) -> str:
    # MariaDB and MySQL take a backslash for the beginning of an escape.
    return quoted_text(text.replace("\\", "\\\\") if dialect.name == "mysql" else text)


def expression_text(model: Any, expression: Any) -> SQLText:
    """Return the SQL of an expression or condition over the columns of a model.

    Raises:
        FieldError: If it names no field, or is more than an expression over the row itself.
    """
    raise FieldError(
        f"{model.__name__}: {expression!r} cannot stand in a declaration yet; give SQL(...) or a text"
    )


Writers.literal = staticmethod(literal_of)
Writers.expression = staticmethod(expression_text)
