"""Patterns in conditions: regular expressions, and the wildcards of LIKE."""

from __future__ import annotations

import re

from openviper.exceptions import FieldError

MAX_PATTERN = 500
"""Most characters of a regular expression in a query."""
_CONTROL = re.compile("[\x00\r\n\x1a]")
# A quantified group whose content has a quantifier or an alternative of its own may take exponential time to fail.
_GROUP = re.compile(r"\((?:[^()\\]|\\.)*(?:[*+}]|\|)(?:[^()\\]|\\.)*\)[*+{]")


def escape_like(value: str) -> str:
    """Return a text with a backslash before what LIKE takes for wildcards; lookups do so themselves."""
    return re.sub(r"[\\%_]", r"\\\g<0>", value)


def validate_regex_pattern(pattern: object) -> str:
    """Return a regular expression that a database may be asked to match.

    Raises:
        FieldError: If it is no text, too long, cannot be compiled, has line ends or other control characters, or repeats
            what repeats itself, which can take for ever.
    """
    if not isinstance(pattern, str):
        raise FieldError(f"{pattern!r} is not a regular expression")
    if len(pattern) > MAX_PATTERN:
        raise FieldError(
            f"a regular expression of {len(pattern)} characters is longer than {MAX_PATTERN}"
        )
    if _CONTROL.search(pattern):
        raise FieldError(f"regular expression {pattern!r} has a control character")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise FieldError(f"{pattern!r} is not a regular expression: {error}") from None
    if _GROUP.search(pattern):
        raise FieldError(
            f"regular expression {pattern!r} repeats a group that repeats or has alternatives itself"
        )
    return pattern
