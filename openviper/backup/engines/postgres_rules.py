"""What a statement of a PostgreSQL dump may do: everything inside its database, nothing outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn, Protocol

from openviper.backup.engines.foreign import refusal

_SERVER_OBJECTS = frozenset(b"DATABASE GROUP ROLE SYSTEM TABLESPACE USER".split())
_REFUSED_BEGINNINGS = {
    b"LOAD": "it brings a library into the server",
    b"ROLLBACK": "it ends the transaction in which the restore runs",
    b"ABORT": "it ends the transaction in which the restore runs",
    b"VACUUM": "it cannot run in the transaction of the restore",
    b"DISCARD": "it changes how strings are read",
}
_TRANSACTION_BEGINNINGS = (b"BEGIN", b"COMMIT", b"END", b"START")
_TRANSACTION_WORDS = (b"TRANSACTION", b"WORK")
# Functions that reach the server's files, another server, or a setting that changes how the text is read.
_OUTSIDE_FUNCTIONS = frozenset(
    b"DBLINK DBLINK_CONNECT DBLINK_EXEC LO_EXPORT LO_IMPORT PG_LS_DIR PG_READ_BINARY_FILE PG_READ_FILE PG_RELOAD_CONF "
    b"PG_ROTATE_LOGFILE PG_TERMINATE_BACKEND SET_CONFIG".split()
)
_EMPTY_SEARCH_PATH = [
    b"SELECT", b"PG_CATALOG", b".", b"SET_CONFIG", b"(", b"'search_path'", b",", b"''", b",", b"FALSE", b")",
]  # fmt: skip
# Encodings of clients in which a backslash or a quote can be the second half of a character.
_AMBIGUOUS = frozenset(
    b"BIG5 GB18030 GBK JOHAB MSKANJI SHIFTJIS SHIFT_JIS SHIFT_JIS_2004 SJIS UHC WIN932 WIN936 WIN949 WIN950 WINDOWS932 "
    b"WINDOWS936 WINDOWS949 WINDOWS950".split()
)
_STRINGS_ON = [[b"SET", b"STANDARD_CONFORMING_STRINGS", sign, b"ON"] for sign in (b"=", b"TO")]


class Piece(Protocol):
    """A token, as far as the rules look at it."""

    @property
    def kind(self) -> str:
        """``word``, ``name``, ``string``, ``number`` or ``symbol``."""

    @property
    def text(self) -> bytes:
        """Its text; words are in upper case."""


class Rules:
    """Looks at one statement after the other.

    Args:
        dump: The dump's name, for messages.
        trusted: Whether to let through what only could reach outside the database.
    """

    def __init__(self, dump: str, trusted: bool) -> None:
        self._dump = dump
        self._trusted = trusted
        self._line: Callable[[], int] = int

    def look_at(self, tokens: Sequence[Piece], line: Callable[[], int]) -> None:
        """Refuse a statement that would leave the database, or the transaction of the restore.

        Raises:
            BackupError: If it would.
        """
        self._line = line
        texts = [token.text for token in tokens if token.text != b";"]
        self._look_at_beginning(texts)
        self._look_at_strings(texts)
        if texts != _EMPTY_SEARCH_PATH:
            called = {text for text, after in zip(texts, texts[1:], strict=False) if after == b"("}
            for word in _OUTSIDE_FUNCTIONS.intersection(called):
                self._could(f"{_shown([word]).lower()}()", "it can reach outside the database")

    def _look_at_beginning(self, texts: Sequence[bytes]) -> None:
        first, second = texts[0], b"".join(texts[1:2])
        beginning = _shown(texts[:2])
        if first in _REFUSED_BEGINNINGS:
            self._refuse(_shown([first]), _REFUSED_BEGINNINGS[first])
        if _changes_transaction(texts):
            self._refuse(beginning, "it changes the transaction in which the restore runs")
        if first in (b"DO", b"CALL"):
            self._could(_shown([first]), "it can run anything")
        defines = first in (b"CREATE", b"ALTER", b"DROP") and second in _SERVER_OBJECTS
        # A user mapping belongs to the database.
        if defines and texts[2:3] != [b"MAPPING"]:
            self._refuse(beginning, "it changes the server, not the database")

    def _look_at_strings(self, texts: Sequence[bytes]) -> None:
        if b"STANDARD_CONFORMING_STRINGS" in texts and list(texts) not in _STRINGS_ON:
            self._refuse("standard_conforming_strings", "it changes how strings are read")
        if texts[0] == b"RESET" and texts[1:2] == [b"ALL"]:
            self._refuse("RESET ALL", "it changes how strings are read")
        if texts[0] == b"SET" and {b"CLIENT_ENCODING", b"NAMES"}.intersection(texts[:3]):
            if _AMBIGUOUS.intersection(text.strip(b"'\"").upper() for text in texts):
                self._refuse("an encoding", "a backslash can be half a character in it")

    def _could(self, what: str, why: str) -> None:
        if not self._trusted:
            self._refuse(what, f"{why} (--trust-dump lets it through)")

    def _refuse(self, what: str, why: str) -> NoReturn:
        raise refusal(self._dump, self._line(), what, why)


def _changes_transaction(texts: Sequence[bytes]) -> bool:
    """Return whether a statement does more to a transaction than to begin or end one, which is taken out."""
    first, second = texts[0], b"".join(texts[1:2])
    if first == b"PREPARE":
        return second == b"TRANSACTION"
    if first not in _TRANSACTION_BEGINNINGS:
        return False
    return len(texts) > 2 or second not in (b"", *_TRANSACTION_WORDS)


def _shown(texts: Sequence[bytes]) -> str:
    return b" ".join(texts).decode("utf-8", "replace")
