"""Names of tables, columns and constraints: checked, quoted, kept within length."""

from __future__ import annotations

import re

MAX_LENGTH = 63
"""PostgreSQL's limit in bytes, the smallest of the three databases (MariaDB allows 64 characters)."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def validate_identifier(name: str, description: str = "identifier") -> str:
    """Return `name` if it is a plain SQL identifier.

    Raises:
        ValueError: If it is not of the form ``[A-Za-z_][A-Za-z0-9_]*``.
    """
    if not _IDENTIFIER.match(name):
        raise ValueError(f"{name!r} is not a valid {description}")
    return name


def quote_identifier(name: str, dialect: str = "sqlite") -> str:
    """Quote a name for a dialect: backticks for ``mysql``, double quotes elsewhere; inner quotes are doubled."""
    mark = "`" if dialect == "mysql" else '"'
    return f"{mark}{name.replace(mark, mark * 2)}{mark}"


def shorten(name: str) -> str:
    """Return `name`, or its beginning and 8 hex digits of a hash when it is longer than databases allow."""
    if len(name.encode()) <= MAX_LENGTH:
        return name
    import hashlib  # Here, because most runs have no name that long, and it loads a cryptographic library.

    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name.encode()[: MAX_LENGTH - 9].decode(errors='ignore')}_{digest}"
