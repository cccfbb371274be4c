"""What SQL in the declaration of a model may hold."""

from __future__ import annotations

import re

from openviper.utils.importing import lazy_pattern

_FORBIDDEN = lazy_pattern(
    r";|--|/\*|\*/|\b(?:ALTER|ATTACH|CREATE|DELETE|DETACH|DROP|EXEC|GRANT|INSERT|PRAGMA|REPLACE|REVOKE|SELECT|TRUNCATE"
    r"|UPDATE|VACUUM)\b",
    re.IGNORECASE,
)
_TEXT = lazy_pattern(r"'(?:[^']|'')*'")


def validate_sql_expression(expression: str) -> str:
    """Return `expression` if it is a plain predicate.

    Raises:
        ValueError: If it is empty, or holds ``;``, a comment or a word of a statement outside of a text literal.
    """
    if not expression.strip():
        raise ValueError("an SQL predicate is empty")
    forbidden = _FORBIDDEN.search(_TEXT.sub("''", expression))
    if forbidden:
        raise ValueError(
            f"{forbidden.group()!r} is not allowed in the SQL predicate {expression!r}"
        )
    return expression
