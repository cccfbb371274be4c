"""What a failing tool says, cut down to its error lines: never the statement it failed in, never the data of rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

MESSAGE_LIMIT = 2000
"""The most characters of a tool's words in a message; the end is what is kept."""

# Clients that are fed statements, and repeat the one that failed.
_ECHOES = frozenset({"mariadb", "mysql", "psql"})
# `psql:file:12: ERROR:  ...`, `ERROR 1062 (23000) at line 3: ...`, `ORA-12541: ...`, `Msg 911, Level 16, ...`.
_ERROR_LINE = re.compile(
    r"(?:ERROR|FATAL|PANIC)(?::| \d+ \()|(?:ORA|UDE|UDI|EXP|IMP|LRM)-\d+:|Msg \d+,"
)
# A tool's own lines that quote a statement or a row.
_QUOTES_ROWS = re.compile(r": (?:DETAIL|CONTEXT|STATEMENT|QUERY):|(?:Query|Command) was:")
# Where the servers quote a value inside their error line: a duplicate key, a value that does not fit, a syntax error.
_VALUES = (
    re.compile(r"(\bentry )'.*'(?= for key )"),
    re.compile(r"(\bvalue:? )'.*'(?= for (?:column|function) )"),
    re.compile(r"(\bnear )'.*'(?= at line )"),
    re.compile(r"((?:\bentry|\bvalue:?|\bnear) )'.*(?:'|$)"),
    re.compile(r"((?:\bvalue|\bsyntax for [\w ]+:|\bliteral:?|out of range:) )\".*(?:\"|$)"),
    re.compile(r"((?:\bnear|\btoken) )\"[^\"]*(?:\"|$)"),
)


def error_lines(text: str, tool: str) -> str:
    """Return the error lines of a tool's standard error on one line; of a long text, its end.

    Args:
        text: What it wrote.
        tool: Its file name.
    """
    said = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    lines = _only_errors(said, tool)
    if not lines and tool not in _ECHOES:
        # An older tool warns of each option that it does not know, and those say nothing of the failure.
        lines = [line for line in said if not line.startswith("Warning: ")] or said
    joined = "; ".join(lines)
    return joined if len(joined) <= MESSAGE_LIMIT else f"... {joined[-MESSAGE_LIMIT:]}"


def _only_errors(said: Sequence[str], tool: str) -> list[str]:
    own = re.compile(rf"(?:\S*/)?{re.escape(tool)}(?:\.bin)?:")
    errors = [line for line in said if own.match(line) or _ERROR_LINE.match(line)]
    return [without_values(line) for line in errors if not _QUOTES_ROWS.search(line)]


def without_values(line: str) -> str:
    """Return an error line with ``***`` in place of the values that servers quote."""
    for pattern in _VALUES:
        line = pattern.sub(r"\1***", line)
    return line


def masked(text: str, secrets: Sequence[str]) -> str:
    """Return the text with ``***`` in place of every secret, percent-encoded ones too."""
    for secret in sorted(secrets, key=len, reverse=True):
        for form in (secret, quote(secret, safe="")):
            if form:
                text = text.replace(form, "***")
    return text
