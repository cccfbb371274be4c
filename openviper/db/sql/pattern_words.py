"""Regular expressions in the words of each database: what all of them can say, said so that it means the same.

Python's `re` (SQLite), PostgreSQL and PCRE2 (MariaDB) or ICU (MySQL) share most of their language. Where one word means
different things it is translated; what one of them does not know, or reads in another way, is refused. A dot and a
negated class are what Python says they are: a dot is no line break. A dollar sign is the end of the text, and nothing else.
"""

from __future__ import annotations

import re

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
_DIGIT = re.compile(r"\\(.)", re.DOTALL)
IGNORES_CASE = "(?i)"


def portable_complaint(pattern: str) -> str | None:
    """Return why not every database understands a pattern alike, or `None`."""
    body = pattern.removeprefix(IGNORES_CASE)
    return next(filter(None, map(_complaint, _TOKEN.finditer(body))), None)


def _complaint(token: re.Match[str]) -> str | None:
    kind, text = token.lastgroup, token[0]
    if kind == "group" and text not in ("(?:", "(?=", "(?!", "(?<"):
        return f"has {text!r}; of flags and extensions only (?:...) is known everywhere, and (?i) at the beginning"
    if kind == "open":
        return "has a '{' that begins no repeat such as {0,3}; a brace itself is written with a backslash"
    if kind == "twice":
        return (
            f"has {text!r}, which takes what it has taken for good; not every database knows that"
        )
    if kind == "set":
        return _set_complaint(text)
    if kind == "escape" and text[1].isalnum() and text[1] not in _ESCAPES:
        return f"has {text!r}, which not every database knows"
    return None


def _set_complaint(text: str) -> str | None:
    inside = text[1:-1]
    plain = _DIGIT.sub("", inside)
    if _NESTED.search(plain):
        return f"has {text!r}: a class in a class, or a sign that needs a backslash"
    unknown = [
        letter for letter in _DIGIT.findall(inside) if letter.isalnum() and letter not in "dwstnrf"
    ]
    return f"has '\\{unknown[0]}' in a class, which not every database knows" if unknown else None


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
            return _DIGIT.sub(lambda found: _in_set(found, _IN_SET[vendor]), text)
        return words.get(text, text) if token.lastgroup in ("escape", "other") else text

    return _TOKEN.sub(translated, pattern)


def _in_set(found: re.Match[str], digits: str) -> str:
    return digits if found[1] == "d" else found[0]
