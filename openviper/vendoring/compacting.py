"""Python files without their comments and the docstrings that nobody reads at run time, each line where it was.

Line numbers stay, so tracebacks name the lines of the source. Indentation becomes one space a level, and none in brackets;
operators stand without spaces. What stays:

- docstrings of classes with a base or a decorator, as descriptions of data, pages and errors are taken from them;
- docstrings of functions with a decorator that could read them, and of handlers, which are given a `request`;
- docstrings that the file itself asks for (`__doc__`);
- notices of copyright, and comments that type checkers read.

Nothing is taken from a file that would do something else afterwards: the syntax trees are compared.
"""

from __future__ import annotations

import ast
import io
import keyword
import tokenize
from collections.abc import Iterator, Sequence
from tokenize import TokenInfo

SILENT = frozenset(
    {
        *("abstractmethod", "cache", "cached_property", "classmethod", "contextmanager", "final"),
        *("asynccontextmanager", "lru_cache", "overload", "override", "property", "staticmethod"),
        *("setter", "getter", "deleter", "wraps", "runtime_checkable"),
    }
)
"""Decorators that do nothing with a docstring but hand it on."""
UNDESCRIBED = frozenset({"ABC", "Generic", "Protocol", "object"})
"""Bases that make no data of a class."""
HANDED = "request"
"""The parameter by which a function is known as a handler: its docstring describes an operation."""
READ_COMMENTS = ("# type:", "# mypy:", "#!")
"""What comments begin with that somebody reads at run time or in a check of types."""
NOTICES = ("copyright", "license", "licence", "spdx-", "coding:", "coding=")
"""Words, in small letters, by which a comment or a docstring is known as one that has to stay."""
_TOO_DEEP = (RecursionError, MemoryError)
"""What the parser raises for a file that is nested too deeply for it."""
_BODIES = ("body", "orelse", "finalbody")
_LEVELS = {tokenize.INDENT: 1, tokenize.DEDENT: -1}
_FORMATTED = {
    getattr(tokenize, f"{kind}STRING_{name}", -1): step
    for kind in "FT"
    for name, step in (("START", 1), ("END", -1))
}
"""From 3.12 on formatted strings come in pieces, and from 3.14 on template strings do."""

_OPERATORS = frozenset(
    "= == != < > <= >= -> := + - * ** / // % @ | & ^ << >> += -= *= /= //= %= @= |= &= ^= <<= >>= **=".split()
)
"""Beside them no space is needed; beside commas and colons neither, but there it helps to read."""
_WORDS = frozenset(keyword.kwlist) - {"None", "True", "False"}

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def compact(source: bytes) -> bytes:
    """Return a Python file in its compact form, or as it is where that would do something else.

    Equal files give equal bytes, and a compact one comes back as it is.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        text = io.TextIOWrapper(io.BytesIO(source), encoding).read()
        tree = ast.parse(text)
        compacted = _compacted(text, tree)
        is_same = shape_of(ast.parse(compacted)) == shape_of(tree)
    except (SyntaxError, ValueError, tokenize.TokenError, *_TOO_DEEP):
        return source
    return compacted.encode(encoding.removesuffix("-sig")) if is_same else source


def shape_of(tree: ast.Module) -> str:
    """Return what a file does, as text: its syntax tree without the texts that stand as statements."""
    for parent, name, body in list(_bodies(tree)):
        kept = [statement for statement in body if not _is_text(statement)]
        setattr(parent, name, kept or _filling(parent))
    return ast.dump(tree)


def _bodies(tree: ast.Module) -> Iterator[tuple[ast.AST, str, list[ast.stmt]]]:
    """Yield every list of statements, with what it belongs to."""
    for node in ast.walk(tree):
        for name in _BODIES:
            body = getattr(node, name, None)
            if body and isinstance(body, list):
                yield node, name, body


def _filling(parent: ast.AST) -> list[ast.stmt]:
    """Return what stands in a body that would be empty otherwise; a file may be empty."""
    return [] if isinstance(parent, ast.Module) else [ast.Pass()]


def _is_text(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _compacted(text: str, tree: ast.Module) -> str:
    lines = text.split("\n")
    layout = _Layout(text)
    written = [layout.line(number, line) for number, line in enumerate(lines, start=1)]
    for statement, filling in _unread(tree, lines):
        first, last = _range(statement)
        margin = " " * layout.margins.get(first, 0)
        written[first - 1] = f"{margin}pass" if filling else ""
        written[first:last] = [""] * (last - first)
    return "".join(f"{line}\n" for line in written).rstrip("\n") + "\n" * any(written)


def _range(statement: ast.stmt) -> tuple[int, int]:
    return statement.lineno, statement.end_lineno or statement.lineno


def _unread(tree: ast.Module, lines: Sequence[str]) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield each text that stands as a statement and is left out, and whether something has to stand in its place."""
    asked = set(_asked(tree))
    for parent, _, body in _bodies(tree):
        texts = [statement for statement in body if _is_text(statement)]
        # One that stands behind the first statement describes a name to readers of the source, and to nobody else.
        if texts[:1] == body[:1] and _is_read(parent, asked):
            del texts[0]
        texts = [text for text in texts if _may_go(text, lines)]
        for text in texts:
            yield text, text is body[0] and len(texts) == len(body) and bool(_filling(parent))


def _asked(tree: ast.Module) -> Iterator[str]:
    """Yield the names whose docstrings the file itself asks for; an empty text for its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "__doc__":
            yield ""
        elif isinstance(node, ast.Attribute) and node.attr == "__doc__":
            yield ast.unparse(node.value).rpartition(".")[2]


def _is_read(parent: ast.AST, asked: set[str]) -> bool:
    """Return whether somebody may read the docstring of a module, class or function at run time."""
    if isinstance(parent, ast.Module):
        return "" in asked
    if isinstance(parent, _Function):
        return parent.name in asked or _is_handler(parent) or not _is_silent(parent)
    return isinstance(parent, ast.ClassDef) and not (_has_no_base(parent) and _is_silent(parent))


def _is_handler(function: _Function) -> bool:
    parameters = function.args
    names = (*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs)
    return any(name.arg == HANDED for name in names)


def _has_no_base(cls: ast.ClassDef) -> bool:
    return all(_name(base) in UNDESCRIBED for base in cls.bases)


def _is_silent(decorated: _Function | ast.ClassDef) -> bool:
    """Return whether no decorator could read the docstring of a function or class."""
    return all(_name(decorator) in SILENT for decorator in decorated.decorator_list)


def _name(expression: ast.expr) -> str:
    """Return the last part of the name of what is called or subscripted."""
    while isinstance(expression, ast.Call | ast.Subscript):
        expression = expression.func if isinstance(expression, ast.Call) else expression.value
    return ast.unparse(expression).rpartition(".")[2]


def _may_go(statement: ast.stmt, lines: Sequence[str]) -> bool:
    """Return whether a text stands alone on its lines, and is not a notice."""
    first, last = _range(statement)
    before = lines[first - 1].encode()[: statement.col_offset]
    behind = lines[last - 1].encode()[statement.end_col_offset :]
    is_alone = not (before.strip() or behind.strip())
    return is_alone and not _is_notice("\n".join(lines[first - 1 : last]))


def _is_notice(text: str) -> bool:
    small = text.lower()
    return any(word in small for word in NOTICES)


class _Layout:
    """Where the lines of a file begin and end in its compact form.

    Args:
        text: The file.

    Attributes:
        margins: The spaces before the first token of each line that has one.
    """

    def __init__(self, text: str) -> None:
        self.margins: dict[int, int] = {}
        self._inside: set[int] = set()
        self._ends: dict[int, int] = {}
        self._level = 0
        self._begins = True
        self._open = [0]
        self._spaces: dict[int, list[tuple[int, int]]] = {}
        self._before: TokenInfo | None = None
        comments: list[TokenInfo] = []
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                comments.append(token)
            else:
                self._take(token)
        self._leave_out(comments)

    def line(self, number: int, line: str) -> str:
        """Return a line in its compact form."""
        end = self._ends.get(number)
        text = line if end is None else line[:end].rstrip()
        text = _without(text, self._spaces.get(number, ()))
        # What stands in a string is part of it.
        if number in self._inside:
            return text
        text = text.lstrip()
        return " " * self.margins.get(number, 0) + text if text else ""

    def _take(self, token: TokenInfo) -> None:
        self._level += _LEVELS.get(token.type, 0)
        self._take_space(token)
        if token.type in (*_LEVELS, tokenize.NL, tokenize.ENDMARKER):
            return
        if token.type == tokenize.NEWLINE:
            self._begins = True
            return
        self.margins.setdefault(token.start[0], self._level if self._begins else 0)
        self._begins = False
        self._take_string(token)

    def _take_space(self, token: TokenInfo) -> None:
        before, self._before = self._before, token
        if before is not None and len(self._open) == 1 and _needs_no_space(before, token):
            self._spaces.setdefault(token.start[0], []).append((before.end[1], token.start[1]))

    def _take_string(self, token: TokenInfo) -> None:
        step = _FORMATTED.get(token.type, 0)
        if step > 0:
            self._open.append(token.start[0])
        start = self._open.pop() if step < 0 else token.start[0]
        self._inside.update(range(start + 1, token.end[0] + 1))

    def _leave_out(self, comments: Sequence[TokenInfo]) -> None:
        for block in _blocks(comments):
            if _is_notice("\n".join(comment.string for comment in block)):
                continue
            for comment in block:
                if not comment.string.startswith(READ_COMMENTS):
                    self._ends[comment.start[0]] = comment.start[1]


def _without(text: str, spaces: Sequence[tuple[int, int]]) -> str:
    """Return a line without some of its spaces, each from one place to another."""
    starts = [0, *(behind for _, behind in spaces)]
    ends = [*(start for start, _ in spaces), len(text)]
    return "".join(text[start:end] for start, end in zip(starts, ends, strict=True))


def _needs_no_space(before: TokenInfo, token: TokenInfo) -> bool:
    """Return whether the space between two tokens may go: it is beside an operator, and beside no word of the language."""
    if before.end[0] != token.start[0] or before.type in (*_LEVELS, tokenize.NL, tokenize.NEWLINE):
        return False
    if before.string in (",", ":"):
        return False
    texts = {before.string, token.string}
    return bool(texts & _OPERATORS) and texts.isdisjoint(_WORDS)


def _blocks(comments: Sequence[TokenInfo]) -> Iterator[list[TokenInfo]]:
    """Yield comments that belong together, as they stand on lines of their own one below the other."""
    block: list[TokenInfo] = []
    for comment in comments:
        is_next = block and comment.start == (block[-1].start[0] + 1, block[-1].start[1])
        if block and not is_next:
            yield block
            block = []
        block.append(comment)
    if block:
        yield block
