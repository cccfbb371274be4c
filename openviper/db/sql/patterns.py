"""Patterns in conditions: regular expressions, and the wildcards of LIKE."""

from __future__ import annotations

import re
from functools import lru_cache

from openviper.db.sql.pattern_words import IGNORES_CASE, portable_complaint
from openviper.exceptions import FieldError
from openviper.utils.linear_patterns import slowness

MAX_PATTERN = 500
"""Most characters of a regular expression in a query."""
_CONTROL = re.compile("[\x00\r\n\x1a]")


def escape_like(value: str) -> str:
    """Return a text with a backslash before what LIKE takes for wildcards; lookups do so themselves."""
    return re.sub(r"[\\%_]", r"\\\g<0>", value)


def validated_pattern(value: object) -> tuple[str, bool]:
    """Return a regular expression that a database may be asked to match, and whether it ignores case itself.

    Args:
        value: A text, which may begin with ``(?i)``, or a compiled pattern without other flags.

    Raises:
        FieldError: If it is none, or for a reason of `validate_regex_pattern`.
    """
    ignores_case = False
    if isinstance(value, re.Pattern):
        if value.flags & ~(re.IGNORECASE | re.UNICODE):
            raise FieldError(f"{value!r} has flags that not every database knows")
        ignores_case, value = bool(value.flags & re.IGNORECASE), value.pattern
    pattern = validate_regex_pattern(value)
    body = pattern.removeprefix(IGNORES_CASE)
    return body, ignores_case or body != pattern


def validate_regex_pattern(pattern: object) -> str:
    """Return a regular expression that a database may be asked to match.

    An accepted pattern is decided in time that grows with the length of the text and no faster: nothing repeats what repeats or
    has alternatives itself, of two repeats in a row the second cannot take what the first has taken, and no repeat takes again
    what it has taken from another beginning. All databases understand it alike.

    Raises:
        FieldError: If it is not a text, is too long, cannot be compiled, has control characters, has words that databases read
            differently, or may take longer.
    """
    if not isinstance(pattern, str):
        raise FieldError(f"{pattern!r} is not a regular expression")
    _check(pattern)
    return pattern


@lru_cache(maxsize=256)
def _check(pattern: str) -> None:
    if len(pattern) > MAX_PATTERN:
        raise FieldError(
            f"a regular expression of {len(pattern)} characters is longer than {MAX_PATTERN}"
        )
    if _CONTROL.search(pattern):
        raise FieldError(f"regular expression {pattern!r} has a control character")
    try:
        complaint = portable_complaint(pattern) or slowness(pattern)
    except ValueError as error:
        raise FieldError(f"{pattern!r} is not a regular expression: {error}") from None
    if complaint is not None:
        raise FieldError(f"regular expression {pattern!r} {complaint}")
