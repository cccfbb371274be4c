"""Reading a PostgreSQL dump before `psql` does: what it would do outside of its database, and what it needs.

`psql` takes a backslash for a command of its own wherever it stands outside of quotes, comments and COPY data, and such a command
can run a program. Newer versions can be told to take none from a file (``\\restrict``; see `restriction`), which is the only
protection that does not depend on our reading the text exactly as `psql` does; this scan comes on top of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple, NoReturn

from openviper.backup.background import StopFlag
from openviper.backup.engines.dump_text import WINDOW, DumpText, open_text
from openviper.backup.engines.foreign import refusal
from openviper.backup.engines.postgres_rules import Rules
from openviper.backup.exceptions import BackupError

# The first minor release of each version that knows `\restrict` (CVE-2025-8714).
_RESTRICT_SINCE = {13: 22, 14: 19, 15: 14, 16: 10, 17: 6}
_FENCE = re.compile(rb"\\(?:un)?restrict [A-Za-z0-9]+[ \t]*(?=\r?\n|\Z)")
_NAME = rb'(?:[a-z_\x80-\xff][\w$\x80-\xff]*+|"(?:[^"\n]|"")++")'
# The one form in which `pg_dump` writes it, alone on its line; the data begins in the next.
_COPY = re.compile(
    rb"COPY (?:%b\.)?%b (?:\((?:[^()\"'\n]|\"(?:[^\"\n]|\"\")++\")*+\) )?FROM stdin;(?=\r?\n)"
    % (_NAME, _NAME),
    re.IGNORECASE,
)
_COPY_END = re.compile(rb"\n\\\.\r?(?=\n)")
_COPY_END_OF_FILE = re.compile(rb"\n\\\.\r?(?=\n|\Z)")
_TOKEN = re.compile(
    rb"""(?P<space>\s++) | (?P<comment>--[^\r\n]*+) | (?P<nested>/\*)
    | (?P<string>[eE]'(?:[^'\\]++|\\.|'')*+'(?:\s*+'(?:[^'\\]++|\\.|'')*+')*+ | '(?:[^']++|'')*+')
    | (?P<name>"(?:[^"]++|"")*+") | (?P<dollar>\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*+)?\$)
    | (?P<word>[A-Za-z_\x80-\xff][\w$\x80-\xff]*+) | (?P<number>\d[\d.]*+) | (?P<command>\\)
    | (?P<open>['"]) | (?P<symbol>.)""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(rb"/\*|\*/")
_STOP_EVERY = 4096


class Token(NamedTuple):
    """A piece of SQL that counts.

    Attributes:
        kind: ``word`` (in upper case), ``name`` (it stood in quotes), ``string``, ``number``, ``symbol``.
        text: The text; of names and strings with their quotes.
    """

    kind: str
    text: bytes


@dataclass(slots=True)
class DumpFacts:
    """What a dump needs of its target, and what is taken out of it. Spans are where something begins and ends in the file.

    Attributes:
        blanks: Spans of what would end our own transaction or `psql`'s restriction, or drop an extension.
        extensions: The names of the extensions it makes.
        extension_comments: Spans of the comments on extensions, by their names.
        public_comments: Spans of the comments on the schema ``public``.
    """

    blanks: list[tuple[int, int]] = field(default_factory=list)
    extensions: set[str] = field(default_factory=set)
    extension_comments: list[tuple[str, int, int]] = field(default_factory=list)
    public_comments: list[tuple[int, int]] = field(default_factory=list)


def restriction(version: str) -> bool:
    """Return whether a version of `psql`, such as ``psql (PostgreSQL) 15.20``, can be told to take no commands."""
    match = re.search(r"(\d+)\.(\d+)", version)
    if match is None:
        return False
    major, minor = int(match[1]), int(match[2])
    return major > max(_RESTRICT_SINCE) or minor >= _RESTRICT_SINCE.get(major, 1 << 30)


def scan_dump(dump: Path, *, trusted: bool, stop: StopFlag) -> DumpFacts:
    """Read a dump to its end.

    Args:
        dump: The SQL text; not empty.
        trusted: Whether statements are let through that only could reach outside the database.
        stop: Ends the work early when set.

    Raises:
        BackupError: If it holds a command of `psql`, or a statement that leaves the database.
        Stopped: If `stop` was set meanwhile.
    """
    facts = DumpFacts()
    rules = Rules(dump.name, trusted)
    with open_text(dump) as text:
        reader = _Statements(text, dump.name, facts, stop)
        for start, end, tokens in reader:
            rules.look_at(tokens, partial(text.line_of, start))
            _note(tokens, (start, end), facts)
    return facts


class _Statements:
    """The statements of a text, one after the other; the data of a COPY is gone over."""

    def __init__(self, text: DumpText, name: str, facts: DumpFacts, stop: StopFlag) -> None:
        self._dump = text
        self._text = text.text
        self._name = name
        self._facts = facts
        self._stop = stop
        self._position = 0

    def __iter__(self) -> Iterator[tuple[int, int, list[Token]]]:
        while True:
            start, tokens = self._read_statement()
            if not tokens:
                return
            if tokens[0].text == b"COPY":
                self._skip_data(start)
                continue
            yield start, self._position, tokens
            self._dump.forget(start)

    def _read_statement(self) -> tuple[int, list[Token]]:
        """Read up to the semicolon that ends a statement as `psql` sees it; nothing at the end of the text."""
        tokens: list[Token] = []
        start = depth = begun = 0
        while self._position < len(self._text):
            token = self._next(started=bool(tokens))
            if token is None:
                continue
            if not tokens:
                if token.text == b";":
                    continue
                start = self._token_start
            tokens.append(token)
            if len(tokens) % _STOP_EVERY == 1:
                self._stop.check()
            depth += (token.text == b"(") - (token.text == b")")
            begun += _begins(tokens, begun)
            if token.text == b";" and depth <= 0 and begun <= 0:
                break
        return start, tokens

    def _next(self, *, started: bool) -> Token | None:
        """Read one token; `None` for what does not count."""
        match = _TOKEN.match(self._text, self._position)
        assert match is not None  # `symbol` takes anything
        self._token_start, self._position = match.start(), match.end()
        kind, text = match.lastgroup or "", match.group()
        if kind in ("space", "comment"):
            return None
        if kind == "nested":
            self._skip_comment()
            return None
        if kind == "dollar":
            end = self._text.find(text, self._position)
            if end < 0:
                self._cut_off()
            self._position = end + len(text)
            return Token("string", b"$$")
        if kind == "command":
            self._fence(started)
            return None
        if kind == "open":
            self._cut_off()
        return Token(kind, text.upper() if kind == "word" else text)

    def _skip_comment(self) -> None:
        depth = 1
        while depth:
            edge = _COMMENT_EDGE.search(self._text, self._position)
            if edge is None:
                self._cut_off()
            self._position = edge.end()
            depth += 1 if edge.group() == b"/*" else -1

    def _fence(self, started: bool) -> None:
        at = self._token_start
        fence = _FENCE.match(self._text, at)
        line_begins = at == 0 or self._text[at - 1] in b"\r\n"
        if fence is None or started or not line_begins:
            raise refusal(
                self._name,
                self._dump.line_of(at),
                "a command of psql",
                "it could run a program",
            )
        # Ours is put around the whole text, and these would end or contradict it.
        self._facts.blanks.append(fence.span())
        self._position = fence.end()

    def _skip_data(self, start: int) -> None:
        copy = _COPY.match(self._text, start)
        line_begins = start == 0 or self._text[start - 1] in b"\r\n"
        if copy is None or copy.end() != self._position or not line_begins:
            raise refusal(
                self._name,
                self._dump.line_of(start),
                "a COPY that is not as pg_dump writes it",
                "it could read or write a file, or run a program",
            )
        position = self._text.find(b"\n", self._position)
        end = None
        while end is None:
            if position >= len(self._text):
                self._cut_off()
            self._stop.check()
            self._dump.forget(position)
            after = position + WINDOW
            # The sign may lie on the border of two windows.
            if after + 4 < len(self._text):
                end = _COPY_END.search(self._text, position, after + 4)
            else:
                end = _COPY_END_OF_FILE.search(self._text, position)
            position = after
        self._position = end.end()

    def _cut_off(self) -> NoReturn:
        line = self._dump.line_of(self._token_start)
        raise BackupError(
            f"the SQL text {self._name!r} is cut off: what begins in line {line} has no end"
        )


def _begins(tokens: list[Token], begun: int) -> int:
    """Return by how much a word changes the depth of a function's body of statements (``BEGIN ATOMIC``)."""
    last = tokens[-1]
    if last.kind != "word" or not _is_routine(tokens):
        return 0
    if last.text == b"BEGIN" or (last.text == b"CASE" and begun):
        return 1
    return -1 if last.text == b"END" and begun else 0


def _is_routine(tokens: list[Token]) -> bool:
    beginning = [token.text for token in tokens[:4]]
    if beginning[1:3] == [b"OR", b"REPLACE"]:
        del beginning[1:3]
    return beginning[:1] == [b"CREATE"] and beginning[1:2] in ([b"FUNCTION"], [b"PROCEDURE"])


_ENDS = {
    (b"BEGIN",), (b"BEGIN", b"TRANSACTION"), (b"BEGIN", b"WORK"), (b"START", b"TRANSACTION"),
    (b"COMMIT",), (b"COMMIT", b"TRANSACTION"), (b"COMMIT", b"WORK"), (b"END",), (b"END", b"TRANSACTION"),
}  # fmt: skip


_PUBLIC_COMMENTS = [
    (b"COMMENT", b"ON", b"SCHEMA", b"PUBLIC"),
    (b"COMMENT", b"ON", b"SCHEMA", b'"public"'),
]


def _note(tokens: list[Token], span: tuple[int, int], facts: DumpFacts) -> None:
    """Note what is taken out of the dump, and what it asks of the target."""
    texts = tuple(token.text for token in tokens if token.text != b";")
    if texts in _ENDS or texts[:2] == (b"DROP", b"EXTENSION"):
        # All of the dump is one transaction; what belongs to an extension stays where it is.
        facts.blanks.append(span)
    elif texts[:2] == (b"CREATE", b"EXTENSION"):
        facts.extensions.add(_extension(texts))
    elif texts[:3] == (b"COMMENT", b"ON", b"EXTENSION"):
        facts.extension_comments.append((_plain_name(texts[3]), *span))
    elif texts[:4] in _PUBLIC_COMMENTS:
        facts.public_comments.append(span)


def _extension(texts: tuple[bytes, ...]) -> str:
    """Return the name of what a `CREATE EXTENSION` makes."""
    at = 5 if texts[2:5] == (b"IF", b"NOT", b"EXISTS") else 2
    return _plain_name(texts[at])


def _plain_name(text: bytes) -> str:
    name = text.decode("utf-8", "replace")
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
