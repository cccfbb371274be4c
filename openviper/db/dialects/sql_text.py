"""SQL text as schema sync handles it: split into words, compared, renamed, and values written into it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

# A word is of letters, digits, "$", "." and "_", and of all beyond ASCII: told by what is not in it, a range up to U+10FFFF takes 2 ms to compile.
_TOKEN = r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
      | (?P<string>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\])
      | (?P<word>[^\x00-#%-\-/:-@\[-^`{-\x7f]+)
      | (?P<other><=|>=|<>|!=|==|\|\||.)"""
_SYNONYMS = {"==": "=", "!=": "<>"}


@cache
def _token_pattern() -> re.Pattern[str]:
    # With the first text: most processes that import this split none.
    return re.compile(_TOKEN, re.VERBOSE | re.DOTALL)


def tokens(sql: str) -> list[tuple[str, str, int]]:
    """Split SQL text into (kind, text, position); kinds are space, string, quoted, word and other."""
    return [
        (match.lastgroup or "other", match.group(), match.start())
        for match in _token_pattern().finditer(sql)
    ]


def unquote(token: str) -> str:
    """Return an identifier without its quotation marks."""
    if token[:1] == "[":
        return token[1:-1]
    if token[:1] in ('"', "`"):
        return token[1:-1].replace(token[0] * 2, token[0])
    return token


def normalise_expression(sql: str) -> str:
    """Return an expression for comparison.

    Comments, spaces, letter case, the quotation marks of names and outer parentheses do not count.
    """
    parts = [_normal(kind, text) for kind, text, _ in tokens(sql) if kind != "space"]
    while _is_enclosed(parts):
        parts = parts[1:-1]
    return " ".join(parts)


def _normal(kind: str, text: str) -> str:
    if kind in ("word", "quoted"):
        return unquote(text).lower()
    return _SYNONYMS.get(text, text)


def _is_enclosed(parts: Sequence[str]) -> bool:
    """Return whether the first parenthesis closes at the very end."""
    return len(parts) > 1 and parts[0] == "(" and _closing(parts) == len(parts) - 1


def _closing(parts: Sequence[str]) -> int:
    depth = 0
    for number, part in enumerate(parts):
        depth += (part == "(") - (part == ")")
        if not depth:
            return number
    return -1


def rename_identifiers(sql: str, names: Mapping[str, str]) -> str:
    """Return SQL text with identifiers replaced, strings and comments untouched."""
    if not names:
        return sql
    parts = []
    for kind, text, _ in tokens(sql):
        new = names.get(unquote(text)) if kind in ("word", "quoted") else None
        parts.append(text if new is None else '"' + new.replace('"', '""') + '"')
    return "".join(parts)


def mentions(sql: str, names: Iterable[str]) -> bool:
    """Return whether SQL text names one of the identifiers, in any letter case."""
    wanted = {name.lower() for name in names}
    return any(
        kind in ("word", "quoted") and unquote(text).lower() in wanted
        for kind, text, _ in tokens(sql)
    )


def sql_literal(value: Any, neutral_type: str) -> str:
    """Return a default of a schema file as SQL text, without the boolean words, which differ."""
    base = neutral_type.partition("(")[0].upper()
    if value is None:
        return "NULL"
    if base == "JSON" or isinstance(value, (dict, list)):
        return quoted_text(json.dumps(value))
    return f"X'{value}'" if base == "BINARY" else _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return repr(value) if isinstance(value, (int, float)) else quoted_text(str(value))


def quoted_text(text: str) -> str:
    """Return a text literal of standard SQL."""
    return "'" + text.replace("'", "''") + "'"


def default_clause(sql: str) -> str:
    """Return a default of the database as it stands behind DEFAULT, where an expression needs parentheses.

    They also tell it from one that only filled the rows of an added column, see `openviper.db.dialects.sqlite_ddl`.
    """
    return f"({sql})"
