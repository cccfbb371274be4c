"""Reading a MariaDB or MySQL dump before the server does: what it would do outside of its target, and what it needs.

The text is followed token by token, as the client and the server read it: strings, names in backticks, comments, and the
comments that the server executes. Nearly all of a dump is `INSERT` with nothing but literals in it; one expression takes each
of those in one go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from openviper.backup.background import StopFlag
from openviper.backup.engines.dump_text import DumpText, open_text
from openviper.backup.engines.mariadb_rules import Rules
from openviper.backup.exceptions import BackupError

_LITERALS = re.compile(
    rb"""\s*(?:INSERT|REPLACE)[ ](?:IGNORE[ ])?INTO[ ]`(?:[^`]|``)++`[ ](?:\([`\w, ]++\)[ ])?VALUES\s*+
    (?:[0-9+.,()\s]++ | -(?!-) | '(?:[^'\\]++|\\.|'')*+' | NULL | (?<=\d)[eE](?=[-+\d]) | 0x[0-9A-Fa-f]++
    | [xXbB](?=') | _binary[ ]?(?=') )*+;[ ]*+(?=\r?\n|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_TOKEN = re.compile(
    rb"""(?P<space>\s++) | (?P<string>'(?:[^'\\]++|\\.|'')*+' | "(?:[^"\\]++|\\.|"")*+")
    | (?P<name>`(?:[^`]++|``)*+`) | (?P<comment>--(?=[\s\x00-\x1f]|\Z)[^\n]*+ | \#[^\n]*+ | /\*(?!M?!(?!999999)).*?\*/)
    | (?P<code>/\*M?!\d*+ | \*/) | (?P<word>[\w$@\x80-\xff]++) | (?P<open>['"`]|/\*) | (?P<symbol>.)""",
    re.VERBOSE | re.DOTALL,
)
_DELIMITER = re.compile(rb"[ \t]*+DELIMITER[ \t]++([^\s'\"`\\]++)[^\n]*+", re.IGNORECASE)
_BLANK = re.compile(rb"\s++")
_STOP_EVERY = 4096


class Token(NamedTuple):
    """A piece of SQL that counts.

    Attributes:
        kind: ``word`` (in upper case), ``name`` (it stood in backticks), ``string``, ``quoted`` (by double quotes: a string, or
            a name where the SQL mode says so), ``symbol``.
        text: The text; of names and strings without their quotes.
        start: Where it begins in the file.
        end: Where it ends.
    """

    kind: str
    text: bytes
    start: int
    end: int


@dataclass(slots=True)
class DumpFacts:
    """What a dump needs of the server that takes it.

    Attributes:
        longest_statement: In bytes.
        definers: The accounts that own views, routines, triggers and events, as ``user@host``.
        definer_spans: Where these clauses begin and end in the file.
        encoding_spans: Likewise for the statements with which the dump tools set the encoding of the source's own database
            while they make a trigger or a routine.
        named: The databases that its statements name, with the line where each is named first.
        changed: Likewise the databases that its views, routines, triggers and events would change.
    """

    longest_statement: int = 0
    definers: set[str] = field(default_factory=set)
    definer_spans: list[tuple[int, int]] = field(default_factory=list)
    encoding_spans: list[tuple[int, int]] = field(default_factory=list)
    named: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)


def scan_dump(dump: Path, *, trusted: bool, stop: StopFlag) -> DumpFacts:
    """Read a dump to its end.

    Args:
        dump: The SQL text.
        trusted: Whether statements are let through that only could reach outside the target.
        stop: Ends the work early when set.

    Raises:
        BackupError: If a statement would leave the target, or run or read something on this machine.
        Stopped: If `stop` was set meanwhile.
    """
    facts = DumpFacts()
    rules = Rules(dump.name, trusted)
    with open_text(dump) as text:
        for start, end, tokens in _Statements(text, dump.name, stop):
            facts.longest_statement = max(facts.longest_statement, end - start)
            if _sets_database_encoding(tokens):
                facts.encoding_spans.append((start, end))
            elif tokens:
                rules.look_at(tokens, partial(text.line_of, start))
                _note_definers(tokens, facts)
    facts.named, facts.changed = rules.named, rules.changed
    return facts


class _Statements:
    """The statements of a text, one after the other: where each begins and ends, and its tokens.

    A statement that is an `INSERT` of nothing but literals comes without tokens.
    """

    def __init__(self, text: DumpText, name: str, stop: StopFlag) -> None:
        self._dump = text
        self._text = text.text
        self._name = name
        self._stop = stop
        self._delimiter = b";"
        self._position = 0

    def __iter__(self) -> Iterator[tuple[int, int, list[Token]]]:
        number = 0
        while self._skip_to_statement():
            number += 1
            if number % 64 == 0:
                self._stop.check()
            start = self._position
            self._dump.forget(start)
            literals = _LITERALS.match(self._text, start) if self._delimiter == b";" else None
            if literals is not None:
                self._position = literals.end()
                yield start, self._position, []
            else:
                tokens = self._read_statement()
                yield start, self._position, tokens

    def _skip_to_statement(self) -> bool:
        """Go over blanks and the client's DELIMITER; return whether anything is left."""
        while True:
            blank = _BLANK.match(self._text, self._position)
            if blank is not None:
                self._position = blank.end()
            delimiter = _DELIMITER.match(self._text, self._position)
            if delimiter is None:
                return self._position < len(self._text)
            self._delimiter = delimiter[1]
            self._position = delimiter.end()

    def _read_statement(self) -> list[Token]:
        tokens: list[Token] = []
        while self._position < len(self._text):
            if self._is_delimiter():
                self._position += len(self._delimiter)
                break
            match = _TOKEN.match(self._text, self._position)
            assert match is not None  # `symbol` takes anything
            self._position = match.end()
            token = self._token(match)
            if token is not None:
                tokens.append(token)
                if len(tokens) % _STOP_EVERY == 0:
                    self._stop.check()
        return tokens

    def _is_delimiter(self) -> bool:
        end = self._position + len(self._delimiter)
        return self._text[self._position : end].upper() == self._delimiter.upper()

    def _token(self, match: re.Match[bytes]) -> Token | None:
        kind = match.lastgroup or ""
        text = match.group()
        if kind == "open":
            line = self._dump.line_of(match.start())
            raise BackupError(
                f"the SQL text {self._name!r} is cut off: a quote or comment of line {line} has no end"
            )
        if kind in ("space", "comment", "code"):
            return None
        if kind in ("string", "name"):
            quote = text[:1]
            text = text[1:-1].replace(quote * 2, quote)
            kind = "quoted" if quote == b'"' else kind
        elif kind == "word":
            # The delimiter may follow a word without a blank, as in `END;;` or `END$$`.
            inside = text.upper().find(self._delimiter.upper())
            if inside > 0:
                self._position = match.start() + inside
                text = text[:inside]
            text = text.upper()
        return Token(kind, text, match.start(), self._position)


def _sets_database_encoding(tokens: list[Token]) -> bool:
    words = [token.text for token in tokens if token.kind == "word"]
    return words in (
        [b"ALTER", b"DATABASE", b"CHARACTER", b"SET", *words[4:5], b"COLLATE", *words[6:7]],
        [b"ALTER", b"DATABASE", b"COLLATE", *words[3:4]],
    )


def _note_definers(tokens: list[Token], facts: DumpFacts) -> None:
    texts = [token.text for token in tokens]
    for at, token in enumerate(tokens[:-2]):
        is_clause = token.kind == "word" and texts[at : at + 2] == [b"DEFINER", b"="]
        if is_clause and not texts[at + 2].startswith(b"CURRENT_"):
            _note_definer(tokens, at, facts)


def _note_definer(tokens: list[Token], at: int, facts: DumpFacts) -> None:
    # `a`@`b` are three tokens; an unquoted a@b is one.
    end = at + 5 if [token.text for token in tokens[at + 3 : at + 4]] == [b"@"] else at + 3
    account = b"".join(token.text for token in tokens[at + 2 : end])
    facts.definers.add(account.decode("utf-8", "replace"))
    facts.definer_spans.append((tokens[at].start, tokens[end - 1].end))
