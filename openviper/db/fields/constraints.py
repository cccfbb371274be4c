"""Indexes and constraints of `Meta`."""

from __future__ import annotations

import re
from collections.abc import Sequence

_FORBIDDEN = re.compile(
    r";|--|/\*|\*/|\b(?:ALTER|ATTACH|CREATE|DELETE|DETACH|DROP|EXEC|GRANT|INSERT|PRAGMA|REPLACE|REVOKE|SELECT|TRUNCATE"
    r"|UPDATE|VACUUM)\b",
    re.IGNORECASE,
)
_TEXT = re.compile(r"'(?:[^']|'')*'")


def validate_sql_expression(expression: str) -> str:
    """Return `expression` if it is a plain predicate.

    Raises:
        ValueError: If it is empty, or holds ``;``, a comment or a word of a statement outside of a text literal.
    """
    if not expression.strip():
        raise ValueError("an SQL predicate is empty")
    found = _FORBIDDEN.search(_TEXT.sub("''", expression))
    if found:
        raise ValueError(f"{found.group()!r} is not allowed in the SQL predicate {expression!r}")
    return expression


class Index:
    """An index over one or more fields.

    Args:
        fields: Names of the fields.
        name: Its name; ``idx_<table>_<columns>`` when not given.
        condition: An SQL predicate; only rows it holds for are in the index.
    """

    def __init__(
        self, fields: Sequence[str], name: str | None = None, condition: str | None = None
    ) -> None:
        self.fields = [fields] if isinstance(fields, str) else list(fields)
        self.name = name
        self.condition = None if condition is None else validate_sql_expression(condition)


class Constraint:
    """What the rows of a table must hold to.

    Args:
        name: The constraint's name in the database.
    """

    def __init__(self, *, name: str) -> None:
        self.name = name


class CheckConstraint(Constraint):
    """A predicate that every row fulfils.

    Args:
        name: The constraint's name in the database.
        check: The SQL predicate, over column names.
    """

    def __init__(self, *, name: str, check: str) -> None:
        super().__init__(name=name)
        self.check = validate_sql_expression(check)


class UniqueConstraint(Constraint):
    """Values that no two rows share.

    Args:
        fields: Names of the fields that are unique together.
        name: The constraint's name in the database.
        condition: An SQL predicate; only rows it holds for are compared.
    """

    def __init__(self, *, fields: Sequence[str], name: str, condition: str | None = None) -> None:
        super().__init__(name=name)
        self.fields = [fields] if isinstance(fields, str) else list(fields)
        self.condition = None if condition is None else validate_sql_expression(condition)
