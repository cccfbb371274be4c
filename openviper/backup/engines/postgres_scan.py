"""Reading a PostgreSQL dump before `psql` does: a backslash outside of strings and data could run a program.

Newer versions of `psql` can be told to take no commands from a file (``\\restrict``; see `restriction`), which is the
stronger protection; this scan also serves older ones and gives a better message.
"""

from __future__ import annotations

import re
from pathlib import Path

from openviper.backup.background import StopFlag
from openviper.backup.exceptions import BackupError

# The first minor release of each version that knows `\restrict` (CVE-2025-8714).
_RESTRICT_SINCE = {13: 22, 14: 19, 15: 14, 16: 10, 17: 6}
_FENCE = re.compile(rb"\\(?:un)?restrict [A-Za-z0-9]+\s*$")
_COPY = re.compile(rb"COPY\s.*\sFROM\s+STDIN\b[^;]*;$", re.IGNORECASE | re.DOTALL)
_OTHER_STRINGS = re.compile(
    rb"standard_conforming_strings\s*(?:=|\sto\b)\s*(?:off|false|0|$)", re.IGNORECASE
)
# One row of a COPY can be very long; such lines are read in pieces.
_PIECE = 1 << 20
_COMMENT_EDGE = re.compile(rb"/\*|\*/")
_NAME_CHARACTER = re.compile(rb"[A-Za-z0-9_$\x80-\xff]")
_ESCAPED = re.compile(rb"(?:^|[^A-Za-z0-9_$\x80-\xff])[eE]$")
# What begins something in which a backslash is harmless, and the backslash itself.
_TOKEN = re.compile(rb"""'|"|--|/\*|\\|\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$""")
_STRING_PART = re.compile(rb"(?:[^'\\]|\\.)*", re.DOTALL)


def restriction(version: str) -> bool:
    """Tell whether a version of `psql`, such as ``psql (PostgreSQL) 15.20``, can be told to take no commands."""
    match = re.search(r"(\d+)\.(\d+)", version)
    if match is None:
        return False
    major, minor = int(match[1]), int(match[2])
    return major > max(_RESTRICT_SINCE) or minor >= _RESTRICT_SINCE.get(major, 1 << 30)


def refuse_shell_commands(dump: Path, stop: StopFlag) -> list[tuple[int, int]]:
    """Refuse a dump in which `psql` would find a command of its own.

    `psql` takes a backslash for a command wherever it stands outside of quotes, comments and COPY data, also in the
    middle of a line. So the text is followed as `psql` does.

    Returns:
        Offset and length of the fences (``\\restrict`` and ``\\unrestrict``) that `pg_dump` writes around its text.

    Raises:
        BackupError: If there is such a command.
        Stopped: If `stop` was set meanwhile.
    """
    scanner = _Scanner(dump.name)
    offset = number = 0
    with open(dump, "rb", buffering=_PIECE) as file:
        while line := file.readline(_PIECE):
            if number % 1024 == 0:
                stop.check()
            # A piece of a longer line counts as a line unless it is SQL, where a token could be cut in two.
            while (
                not scanner.in_copy and not line.endswith(b"\n") and (rest := file.readline(_PIECE))
            ):
                line += rest
            number += line.endswith(b"\n")
            scanner.feed(line, offset, max(number, 1))
            offset += len(line)
    return scanner.fences


class _Scanner:
    """Where in the SQL text we are, from line to line."""

    def __init__(self, name: str) -> None:
        self.in_copy = False
        self.fences: list[tuple[int, int]] = []
        self._name = name
        self._closing = b""
        self._escapes = False
        self._comment_depth = 0
        self._statement: list[bytes] = []
        self._line_began = True

    def feed(self, line: bytes, offset: int, number: int) -> None:
        """Follow one line.

        Raises:
            BackupError: If it holds a command of `psql`.
        """
        began, self._line_began = self._line_began, line.endswith(b"\n")
        if self.in_copy:
            self.in_copy = not (began and line.rstrip(b"\r\n") == b"\\.")
            return
        if not self._closing and not self._comment_depth and _FENCE.match(line):
            self.fences.append((offset, len(line.rstrip(b"\r\n"))))
            return
        position = 0
        while position < len(line):
            if self._closing:
                position = self._leave_quote(line, position)
            elif self._comment_depth:
                position = self._leave_comment(line, position)
            else:
                position = self._plain(line, position, number)

    def _plain(self, line: bytes, position: int, number: int) -> int:
        match = _TOKEN.search(line, position)
        start = len(line) if match is None else match.start()
        self._note(line[position:start])
        if match is None or match.group() == b"--":
            return len(line)
        token = match.group()
        if token == b"\\":
            raise BackupError(
                f"the SQL text {self._name!r} holds a command of psql in line {number}, which a restore refuses: "
                "it could run a program"
            )
        if token == b"/*":
            self._comment_depth = 1
            return match.end()
        if token.startswith(b"$") and start and _NAME_CHARACTER.match(line, start - 1):
            return start + 1  # part of a name, as in a$b$
        self._closing = token
        self._escapes = (
            token == b"'" and _ESCAPED.search(line[max(0, start - 2) : start]) is not None
        )
        return match.end()

    def _leave_quote(self, line: bytes, position: int) -> int:
        if self._escapes:
            match = _STRING_PART.match(line, position)
            position = len(line) if match is None else match.end()
        found = line.find(self._closing, position)
        if found < 0:
            return len(line)
        position = found + len(self._closing)
        # A doubled quote goes on with the same string, in which escapes still count.
        if self._escapes and line[position : position + 1] == b"'":
            return position + 1
        self._closing = b""
        return position

    def _leave_comment(self, line: bytes, position: int) -> int:
        match = _COMMENT_EDGE.search(line, position)
        if match is None:
            return len(line)
        self._comment_depth += 1 if match.group() == b"/*" else -1
        return match.end()

    def _note(self, text: bytes) -> None:
        """Remember the plain text of statements that could begin COPY data or change how strings are read."""
        ended, semicolon, rest = text.rpartition(b";")
        if not semicolon:
            self._collect(text)
            return
        self._collect(ended)
        statement = b"".join(self._statement).rpartition(b";")[2].strip() + b";"
        # In parentheses or a function's body a semicolon ends no statement, and what follows is no data.
        balanced = statement.count(b"(") == statement.count(b")")
        if balanced and _COPY.match(statement):
            self.in_copy = True
        if _OTHER_STRINGS.search(b"".join(self._statement)):
            raise BackupError(
                f"the SQL text {self._name!r} changes how strings are read, which a restore refuses"
            )
        self._statement = []
        self._collect(rest)

    def _collect(self, text: bytes) -> None:
        start = (self._statement[0] if self._statement else text).lstrip()[:4].upper()
        if start in (b"COPY", b"SET ", b"SET\n") or (not self._statement and b";" in text):
            self._statement.append(text)
        elif not self._statement and text.strip():
            # Only its beginning matters, and says that it is neither.
            self._statement.append(text[:64])
