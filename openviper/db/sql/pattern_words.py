"""Regular expressions in the words of each database: what all of them can say, said so that it means the same.

Python's `re` (SQLite), PostgreSQL and PCRE2 (MariaDB) or ICU (MySQL) share most of their language. Where one word means
different things it is translated; what one of them does not know, or reads in another way, is refused. A dot and a
negated class are what Python says they are: a dot is no line break. A dollar sign is the end of the text, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(
    r"""(?xs) (?P<escape> \\ . )
    | (?P<group> \( \? .? )
    | (?P<set> \[ \^? \]? (?: \\ . | [^\]\\] )* \] )
    | (?P<open> \{ (?! \d+ (?: , \d* )? \} ) )
    | (?P<twice> [*+?}] \+ )
    | (?P<other> . )"""
)
_ESCAPES = frozenset("dDwWsSbBAZtnrf")
"""Letters that mean the same behind a backslash, or are translated."""
_NESTED = re.compile(r"\[|--|&&|\|\||~~")
"""What some databases, or a later Python, take for a class in a class."""
_WORDS: dict[str, dict[str, str]] = {
    "sqlite": {"$": r"\Z", r"\d": "[0-9]", r"\D": "[^0-9]"},
    "postgresql": {".": r"[^\n]", "$": r"\Z", r"\b": r"\y", r"\B": r"\Y"},
    "mysql": {"$": r"\z", r"\Z": r"\z", r"\d": "[0-9]", r"\D": "[^0-9]"},
}
_IN_SET = {"sqlite": "0-9", "mysql": "0-9"}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_GROUPS = frozenset({"(?:", "(?=", "(?!", "(?<"})
"""Groups that all databases know; those that look around are refused for their time."""
_IN_SETS = frozenset("dwstnrf")
IGNORES_CASE = "(?i)"


def portable_complaint(pattern: str) -> str | None:
    """Return why not every database understands a pattern alike, or `None`."""
    body = pattern.removeprefix(IGNORES_CASE)
    return next(filter(None, map(_complaint, _TOKEN.finditer(body))), None)


def _complaint(token: re.Match[str]) -> str | None:
    judge = _JUDGES.get(str(token.lastgroup))
    return None if judge is None else judge(token[0])


def _group_complaint(text: str) -> str | None:
    if text in _GROUPS:
        return None
    return f"has {text!r}; of flags and extensions only (?:...) is known everywhere, and (?i) at the beginning"


def _escape_complaint(text: str) -> str | None:
    is_known = not text[1].isalnum() or text[1] in _ESCAPES
    return None if is_known else f"has {text!r}, which not every database knows"


def _brace_complaint(_text: str) -> str:
    return (
        "has a '{' that begins no repeat such as {0,3}; a brace itself is written with a backslash"
    )


def _possessive_complaint(text: str) -> str:
    return f"has {text!r}, which takes what it has taken for good; not every database knows that"


def _set_complaint(text: str) -> str | None:
    inside = text[1:-1]
    if _NESTED.search(_ESCAPED.sub("", inside)):
        return f"has {text!r}: a class in a class, or a sign that needs a backslash"
    unknown = [letter for letter in _ESCAPED.findall(inside) if letter.isalnum()]
    unknown = [letter for letter in unknown if letter not in _IN_SETS]
    return f"has '\\{unknown[0]}' in a class, which not every database knows" if unknown else None


_JUDGES: dict[str, Callable[[str], str | None]] = {
    "group": _group_complaint,
    "escape": _escape_complaint,
    "open": _brace_complaint,
    "twice": _possessive_complaint,
    "set": _set_complaint,
}
"""What looks at each kind of token."""


def in_words_of(vendor: str, pattern: str) -> str:
    """Return a pattern as a database is to be asked for it.

    Args:
        vendor: ``sqlite``, ``postgresql`` or ``mysql``.
        pattern: One that all databases understand.
    """
    words = _WORDS[vendor]

    def translated(token: re.Match[str]) -> str:
        text = token[0]
        if token.lastgroup == "set" and vendor in _IN_SET:
            return _ESCAPED.sub(lambda found: _in_set(found, _IN_SET[vendor]), text)
        return words.get(text, text) if token.lastgroup in ("escape", "other") else text

    return _TOKEN.sub(translated, pattern)


def _in_set(found: re.Match[str], digits: str) -> str:
    return digits if found[1] == "d" else found[0]
