"""What to do about errors whose way out is known."""

from __future__ import annotations

import re

from openviper.exceptions import FieldError

_MIGRATE = "run `python viperctl.py makemigrations` and `python viperctl.py migrate`"
# The words of SQLite, PostgreSQL and MariaDB for a column that the models have and the database has not.
_MISSING_COLUMN = re.compile(
    r"no such column|has no column named|column .{1,200} does not exist|Unknown column", re.DOTALL
)
_MISSING_TABLE = re.compile(
    r"no such table|relation .{1,200} does not exist|Table .{1,200} doesn't exist", re.DOTALL
)
MAX_LOOKED_AT = 2000
"""How much of a message is searched, in characters."""


def message_of(error: BaseException) -> str:
    """Return what an error says; where its `__str__`, which is a project's own, fails, that it does."""
    try:
        return str(error)
    except Exception as failure:
        return f"(its __str__ raises {type(failure).__name__})"


def hint_for(error: BaseException) -> str:
    """Return what to do about an error; empty if that is not known."""
    if isinstance(error, FieldError):
        return ""
    text = message_of(error)[:MAX_LOOKED_AT]
    if _MISSING_COLUMN.search(text):
        return f"the database lacks a column that a model has; {_MIGRATE}"
    if _MISSING_TABLE.search(text):
        return f"the database lacks a table that a model has; {_MIGRATE}"
    return ""
