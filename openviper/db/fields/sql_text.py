"""SQL that stands in the declaration of a model: defaults and formulas of the database, conditions of indexes.

What a declaration states is kept as it is given, a text, a value or an expression, and turned into SQL when the schema is
made: the text for each vendor, values written into it. The rooms above do that for expressions, which this one does not
know.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from openviper.db.fields.constraint_text import validate_sql_expression

VENDORS = ("sqlite", "postgresql", "mysql")
SQLText = str | dict[str, str]
"""A text that is the same everywhere, or one for each vendor that has it."""


class SQL:
    """SQL text in the declaration of a model.

    Args:
        text: What all databases understand.
        sqlite: The text for SQLite, if it needs its own; the others likewise.
        postgresql: The text for PostgreSQL.
        mysql: The text for MariaDB and MySQL.

    Raises:
        ValueError: If there is none, or one that is more than an expression.
    """

    def __init__(
        self,
        text: str | None = None,
        *,
        sqlite: str | None = None,
        postgresql: str | None = None,
        mysql: str | None = None,
    ) -> None:
        own = {"sqlite": sqlite, "postgresql": postgresql, "mysql": mysql}
        texts = {vendor: text if special is None else special for vendor, special in own.items()}
        self.by_vendor = {
            vendor: validate_sql_expression(given)
            for vendor, given in texts.items()
            if given is not None
        }
        if not self.by_vendor:
            raise ValueError("SQL() needs a text")

    def __repr__(self) -> str:
        return f"SQL({folded(self.by_vendor)!r})"


class ExpressionWriter(Protocol):
    """Turns an expression into SQL; the rooms above provide it."""

    def __call__(self, model: Any, expression: Any) -> SQLText:
        """Return the text of an expression or condition over the columns of a model, its values written into it.

        Raises:
            FieldError: If it names no field, or is more than an expression over the row itself.
        """
        ...


class LiteralWriter(Protocol):
    """Turns a value into SQL; the rooms above provide it."""

    def __call__(self, field: Any, value: Any) -> SQLText:
        """Return the literal of a value of a field.

        Raises:
            ValueError: If the field does not allow it.
        """
        ...


class Writers:
    """What turns the parts of declarations into SQL, once the rooms above are there."""

    expression: ClassVar[ExpressionWriter]
    literal: ClassVar[LiteralWriter]


def folded(by_vendor: dict[str, str]) -> SQLText:
    """Return one text if it is the same for every vendor, else the texts by vendor."""
    texts = set(by_vendor.values())
    is_one = len(texts) == 1 and len(by_vendor) == len(VENDORS)
    return texts.pop() if is_one else by_vendor


def is_expression(value: object) -> bool:
    """Return whether a value is something that the database works out."""
    return any(hasattr(type(value), name) for name in ("as_expression", "as_condition", "as_order"))


def sql_of(model: Any, given: Any) -> SQLText:
    """Return the SQL of a text, an expression or a condition in the declaration of a model.

    Raises:
        FieldError: If it names no field.
    """
    if isinstance(given, str):
        return given
    if isinstance(given, SQL):
        return folded(given.by_vendor)
    return Writers.expression(model, given)
