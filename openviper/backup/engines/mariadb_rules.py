"""What a statement of a MariaDB or MySQL dump may do: everything inside its target, nothing outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn, Protocol

from openviper.backup.engines.foreign import refusal

_BEGINNINGS = frozenset(
    b"ALTER ANALYZE BEGIN CALL COMMIT CREATE DELETE DO DROP INSERT LOCK OPTIMIZE RENAME REPLACE ROLLBACK SAVEPOINT "
    b"SELECT SET SHOW START TRUNCATE UNLOCK UPDATE WITH".split()
)
"""What statements of a dump may begin with; everything else leaves the target, or has no business in a dump."""
_OBJECTS = frozenset(
    b"EVENT FULLTEXT FUNCTION INDEX PACKAGE PROCEDURE SEQUENCE SPATIAL TABLE TRIGGER UNIQUE VIEW".split()
)
_OUTSIDE_OBJECTS = frozenset(
    b"DATABASE LOGFILE RESOURCE ROLE SCHEMA SERVER TABLESPACE UNDO USER".split()
)
_DEFINITIONS = frozenset(b"ALTER CREATE DROP RENAME".split())
_PROGRAMS = frozenset(b"EVENT FUNCTION PACKAGE PROCEDURE TRIGGER VIEW".split())
# Words after which the name of something stands that the statement changes.
_CHANGES = frozenset(
    b"CALL DELETE IGNORE INSERT LOW_PRIORITY HIGH_PRIORITY QUICK REPLACE TABLE TABLES TRUNCATE UPDATE".split()
)
_INTO_AFTER = frozenset(b"DELAYED HIGH_PRIORITY IGNORE INSERT LOW_PRIORITY REPLACE".split())
# Encodings in which a backslash or a quote can be the second half of a character, so that we would read other strings than
# the server does.
_AMBIGUOUS = frozenset(b"BIG5 CP932 GB18030 GBK SJIS".split())
_STRINGS = ("string", "quoted")
_NAMES = ("name", "quoted")
# SQL modes in which double quotes hold a name, by their names and by their bit.
_NAME_MODES = (b"ANSI", b"DB2", b"MAXDB", b"MSSQL", b"ORACLE", b"POSTGRESQL")
_ANSI_QUOTES = 1 << 2
_NO_BACKSLASH_ESCAPES = 1 << 20
_SET_REFUSED = frozenset(
    b"GLOBAL PERSIST PERSIST_ONLY PASSWORD ROLE DEFAULT STATEMENT @@GLOBAL @@PERSIST @@PERSIST_ONLY".split()
)

_SERVER_SCOPE = frozenset(b"GLOBAL @@GLOBAL PERSIST @@PERSIST".split())


class Piece(Protocol):
    """A token, as far as the rules look at it."""

    @property
    def kind(self) -> str:
        """``word``, ``name``, ``string``, ``quoted`` or ``symbol``."""

    @property
    def text(self) -> bytes:
        """Its text, without quotes; words are in upper case."""


class Rules:
    """Looks at one statement after the other.

    Args:
        dump: The dump's name, for messages.
        trusted: Whether to let through what only could reach outside the target.

    Attributes:
        named: The databases that statements name, with the line where each is named first.
        changed: Likewise the databases that views, routines, triggers and events would change.
    """

    def __init__(self, dump: str, trusted: bool) -> None:
        self.named: dict[str, int] = {}
        self.changed: dict[str, int] = {}
        self._dump = dump
        self._trusted = trusted
        self._routines: set[bytes] = set()
        self._quotes_names = False
        self._line: Callable[[], int] = int

    def look_at(self, tokens: Sequence[Piece], line: Callable[[], int]) -> None:
        """Refuse a statement that would leave the target.

        Raises:
            BackupError: If it would.
        """
        self._line = line
        self._look_at_quotes(tokens)
        words = [token.text if token.kind == "word" else b"" for token in tokens]
        self._look_at_files(words)
        first = next(filter(None, words), b"")
        if first not in _BEGINNINGS or not _is_plain(first, words[1:3]):
            self._refuse(_shown(first or tokens[0].text), "it leaves the target")
        if first == b"SET":
            self._look_at_set(tokens, words)
        elif first in _DEFINITIONS:
            self._look_at_definition(tokens, words)
        else:
            self._look_at_calls(tokens)
            self._look_at_names(tokens)

    def _look_at_quotes(self, tokens: Sequence[Piece]) -> None:
        if not self._quotes_names:
            return
        if any(token.kind == "quoted" and b"\\" in token.text for token in tokens):
            self._could("a backslash in double quotes", "they may hold a name here")

    def _look_at_files(self, words: Sequence[bytes]) -> None:
        for word, following in zip(words, [*words[1:], b""], strict=True):
            if word == b"INTO" and following in (b"OUTFILE", b"DUMPFILE"):
                self._refuse(f"INTO {_shown(following)}", "it writes a file of the server")
            if word == b"LOAD" and following in (b"DATA", b"XML", b"INDEX"):
                self._refuse(f"LOAD {_shown(following)}", "it reads a file")
        if b"LOAD_FILE" in words:
            self._refuse("LOAD_FILE()", "it reads a file of the server")
        if b"SONAME" in words:
            self._refuse("SONAME", "it loads a library into the server")

    def _look_at_set(self, tokens: Sequence[Piece], words: Sequence[bytes]) -> None:
        refused = _SET_REFUSED.intersection(words[:2]) | _SERVER_SCOPE.intersection(words)
        if refused:
            self._refuse(f"SET {_shown(min(refused))}", "it changes the server, not the target")
        texts = b"".join(token.text for token in tokens if token.kind in _STRINGS).upper()
        if b"SQL_MODE" in b" ".join(words):
            self._look_at_mode(texts, [int(word) for word in words if word.isdigit()])
        self._look_at_reading(tokens, [*words, texts])

    def _look_at_reading(self, tokens: Sequence[Piece], texts: Sequence[bytes]) -> None:
        if _AMBIGUOUS.intersection(texts):
            self._could("an encoding", "a backslash can be half a character in it")
        if any(token.text == b"(" for token in tokens):
            self._could("a computed setting", "it could change how strings are read")

    def _look_at_mode(self, texts: bytes, numbers: Sequence[int]) -> None:
        if b"NO_BACKSLASH" in texts or any(number & _NO_BACKSLASH_ESCAPES for number in numbers):
            self._refuse("the SQL mode NO_BACKSLASH_ESCAPES", "it changes how strings are read")
        if any(mode in texts for mode in _NAME_MODES) or any(
            number & _ANSI_QUOTES for number in numbers
        ):
            self._quotes_names = True

    def _look_at_definition(self, tokens: Sequence[Piece], words: Sequence[bytes]) -> None:
        at = _first_of(words, _OBJECTS | _OUTSIDE_OBJECTS)
        kind = words[at] if at >= 0 else b""
        if kind not in _OBJECTS:
            what = f"{_shown(words[0])} {_shown(kind)}"
            self._refuse(what, "it changes the server, not the target")
        if words[0] == b"CREATE" and kind in _PROGRAMS:
            self._look_at_program(tokens, words, at)
        else:
            self._look_at_names(tokens)

    def _look_at_program(
        self, tokens: Sequence[Piece], words: Sequence[bytes], kind_at: int
    ) -> None:
        # Its own name stands right behind its kind; what follows is read when it is used, not now.
        names = (at for at in range(kind_at + 1, len(tokens)) if self._is_name(tokens, at))
        own = next(names, len(tokens) - 1)
        self._routines.add(tokens[own].text.lower())
        # The table of a trigger stands before its body.
        is_trigger = words[kind_at] == b"TRIGGER" and b"FOR" in words
        end = words.index(b"FOR") if is_trigger else own + 3
        self._look_at_names(tokens[kind_at:end])
        self._look_at_body(tokens, words)

    def _look_at_names(self, tokens: Sequence[Piece]) -> None:
        """Look at every `database.name` of a statement that acts now."""
        for at in range(len(tokens) - 2):
            if self._is_qualified(tokens, at) and tokens[at - 1].text != b"REFERENCES":
                self._note(self.named, tokens[at])

    def _look_at_body(self, tokens: Sequence[Piece], words: Sequence[bytes]) -> None:
        """Look at what a view, a routine, a trigger or an event would change of other databases."""
        for at in range(1, len(tokens) - 2):
            if self._is_qualified(tokens, at) and _changes(words, at - 1):
                self._note(self.changed, tokens[at])

    def _note(self, databases: dict[str, int], token: Piece) -> None:
        name = _shown(token.text).lower()
        if name not in databases:
            databases[name] = self._line()

    def _look_at_calls(self, tokens: Sequence[Piece]) -> None:
        is_call = tokens[0].text == b"CALL"
        following = [*(token.text for token in tokens[1:]), b""]
        for token, after in zip(tokens, following, strict=True):
            if token.text.lower() in self._routines and (is_call or after == b"("):
                self._could(f"a call of its own routine {_shown(token.text)}", "it can do anything")

    def _is_name(self, tokens: Sequence[Piece], at: int) -> bool:
        token = tokens[at]
        return token.kind in _NAMES or (
            token.kind == "word" and token.text not in (b"IF", b"NOT", b"EXISTS", b"BODY")
        )

    def _is_qualified(self, tokens: Sequence[Piece], at: int) -> bool:
        """Return whether ``database . name`` stands there; a number or a variable is no database."""
        if tokens[at + 1].text != b"." or tokens[at + 1].kind != "symbol":
            return False
        token, name = tokens[at], tokens[at + 2]
        if name.kind not in (*_NAMES, "word") or (at and tokens[at - 1].text == b"."):
            return False
        if token.kind in _NAMES:
            return True
        return token.kind == "word" and not token.text.startswith(b"@") and not token.text.isdigit()

    def _could(self, what: str, why: str) -> None:
        if not self._trusted:
            self._refuse(what, f"{why} (--trust-dump lets it through)")

    def _refuse(self, what: str, why: str) -> NoReturn:
        raise refusal(self._dump, self._line(), what, why)


def _first_of(words: Sequence[bytes], wanted: frozenset[bytes]) -> int:
    """Return where the first of the wanted words stands, -1 if there is none."""
    return next((at for at, word in enumerate(words) if word in wanted), -1)


def _is_plain(first: bytes, rest: Sequence[bytes]) -> bool:
    """Return whether a word that begins several statements begins the one that may stand in a dump."""
    if first == b"START":
        return rest[:1] == [b"TRANSACTION"]
    if first == b"BEGIN":
        return rest in ([], [b"WORK"])
    return first != b"LOCK" or rest[:1] in ([b"TABLES"], [b"TABLE"])


def _changes(words: Sequence[bytes], at: int) -> bool:
    """Return whether the word at a place says that what follows it is going to be changed."""
    word, before = words[at], words[at - 1] if at else b""
    if word == b"INTO":
        return before in _INTO_AFTER
    if word == b"FROM":
        return before in (b"DELETE", b"QUICK", b"IGNORE", b"LOW_PRIORITY")
    if word == b"EXISTS":
        return before in (b"IF", b"NOT")
    return word in _CHANGES and not (word == b"UPDATE" and before == b"KEY")


def _shown(text: bytes) -> str:
    return text.decode("utf-8", "replace")
