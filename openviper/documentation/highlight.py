"""Colouring code on the pages, by the standard library's own tokenizer for Python."""

from __future__ import annotations

import io
import keyword
import re
import tokenize
from collections.abc import Iterator
from html import escape

_SHELL = frozenset({"sh", "bash", "console"})
# Tokens that have a class of their own in the style sheet.
_CLASSES = {tokenize.STRING: "string", tokenize.COMMENT: "comment", tokenize.NUMBER: "number"}
# 3.12 reads f-strings in pieces; earlier versions know no such tokens.
for _name in ("FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END"):
    if hasattr(tokenize, _name):
        _CLASSES[getattr(tokenize, _name)] = "string"


def highlight(code: str, language: str) -> str:
    """Return code as HTML in which comments, strings, numbers and keywords are marked.

    What is no Python, or no language that is known, comes back escaped and unmarked.
    """
    if language == "pycon":
        return "".join(_console_line(line, ">>> ", "... ") for line in code.splitlines(True))
    if language == "python":
        return _python(code)
    if language in _SHELL:
        return "".join(_shell_line(line, language) for line in code.splitlines(True))
    return escape(code)


def _console_line(line: str, *prompts: str) -> str:
    for prompt in prompts:
        if line.startswith(prompt):
            return f'<span class="prompt">{escape(prompt)}</span>{_python(line[len(prompt) :])}'
    return escape(line)


def _shell_line(line: str, language: str) -> str:
    if language == "console":
        if not line.startswith("$ "):
            return f'<span class="output">{escape(line)}</span>'
        return f'<span class="prompt">$ </span>{escape(line[2:])}'
    command, mark, comment = line.partition(" # ")
    if line.startswith("#"):
        return _marked("comment", line)
    return escape(command) + (_marked("comment", mark + comment) if mark else "")


def _python(code: str) -> str:
    lines = code.splitlines(True)
    parts: list[str] = []
    line, column = 1, 0
    for kind, (start_line, start), (end_line, end) in _tokens(code):
        if (start_line, start) < (line, column):
            continue
        parts.append(escape(_between(lines, line, column, start_line, start)))
        parts.append(_marked(kind, _between(lines, start_line, start, end_line, end)))
        line, column = end_line, end
    parts.append(escape(_between(lines, line, column, len(lines) + 1, 0)))
    return "".join(parts)


def _tokens(code: str) -> Iterator[tuple[str, tuple[int, int], tuple[int, int]]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if kind := _kind(token):
                yield kind, token.start, token.end
    except (tokenize.TokenError, SyntaxError):
        # A piece of a program: what was read so far is marked.
        return


def _kind(token: tokenize.TokenInfo) -> str:
    if token.type == tokenize.NAME and keyword.iskeyword(token.string):
        return "keyword"
    return _CLASSES.get(token.type, "")


def _between(lines: list[str], line: int, column: int, end_line: int, end: int) -> str:
    if line == end_line:
        return lines[line - 1][column:end] if line <= len(lines) else ""
    pieces = [lines[line - 1][column:], *lines[line : end_line - 1]] if line <= len(lines) else []
    if end_line <= len(lines):
        pieces.append(lines[end_line - 1][:end])
    return "".join(pieces)


def _marked(kind: str, text: str) -> str:
    # A mark never runs over a line, so that lines can be cut apart.
    return "\n".join(
        f'<span class="{kind}">{escape(piece)}</span>' if piece else ""
        for piece in text.split("\n")
    )


def is_typed_by_hand(language: str) -> bool:
    """Tell whether a block is a console in which prompts stand before what is typed."""
    return language in {"console", "pycon"}


def typed_part(code: str, language: str) -> str:
    """Return what one would type: of a console without prompts and answers, otherwise the code itself."""
    if not is_typed_by_hand(language):
        return code
    prompts = ("$ ",) if language == "console" else (">>> ", "... ")
    lines = re.split(r"(?<=\n)", code)
    typed = [line[len(prompts[0]) :] for line in lines if line.startswith(prompts)]
    return "".join(typed)
