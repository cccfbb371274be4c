"""Long JSON texts, read piece by piece.

The scanner of the standard library is one call in C: no other thread runs until it has read the whole text, half a second for
nine megabytes of ``[]``. Here it gets as much at a time as it reads in a millisecond: as many whole members of a list or an object
as fit, and a bracket behind them. A piece that is cut in the wrong place it refuses; one that it takes, it would have read in the
same way as a part of the whole. Between two pieces other threads may run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from json import JSONDecodeError
from typing import Any

from openviper.utils.json_reading import scan, twice, without_mark

PIECE = 64 * 1024
"""Longest part that is read at once, in characters; only a single text or number may be longer."""
MOST_LEVELS = 200
"""Most lists and objects inside each other that are each longer than a piece; shorter ones may go deeper."""
_OF_A_NUMBER = 2
"""Most characters of a number that its beginning leaves over where it is cut: ``e+`` of ``1e+5``."""

_space = re.compile(r"[ \t\n\r]*+").match
# A text that is cut off ends where the piece does. Possessive, so that there is one way to match.
_tokens = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL).finditer
_LATER = object()
"""Stands for the value of a list or an object that has been opened."""


def parse_long_json(text: str) -> Any:
    """Do what `openviper.utils.json_reading.parse_json` does, and let other threads run meanwhile."""
    return _Reader(without_mark(text)).read()


class _Container:
    """A list or an object that is longer than a piece, while it is read.

    Args:
        opening: The bracket that it begins with.

    Attributes:
        value: What has been read of it.
        key: The name of the member that is read, in an object.
        marks: What stands where its pieces are likely to be cut, what has worked last first.
        broken_until: Up to where its members are read one by one, as one of them is no JSON.
    """

    def __init__(self, opening: str) -> None:
        self.brackets = "[]" if opening == "[" else "{}"
        self.value: Any = [] if opening == "[" else {}
        self.key = ""
        self.marks = [",", "},", "],"]
        self.broken_until = 0

    def add(self, member: Any) -> None:
        """Add the value of one member."""
        if self.brackets == "[]":
            self.value.append(member)
        else:
            self.add_all({self.key: member})

    def add_all(self, members: Any) -> None:
        """Add the members of a piece.

        Raises:
            ValueError: If an object has a name twice.
        """
        if self.brackets == "[]":
            self.value += members
            return
        for name in members.keys() & self.value.keys():
            raise twice(name)
        self.value.update(members)

    def cuts(self, window: str) -> Iterator[int]:
        """Yield places of commas in a window at which it may be cut; the last one is right, if all in the window is."""
        for mark in tuple(self.marks):
            place = window.rfind(mark)
            if place >= 0:
                yield place + len(mark) - 1
                # Asked for another one: this was the wrong mark.
                self.marks.remove(mark)
                self.marks.append(mark)
        yield _last_cut(window)


def _last_cut(window: str) -> int:
    """Return the place of the last comma that is in no text and no inner bracket; 0 if there is none."""
    depth = cut = 0
    for token in _tokens(window):
        sign = token[0]
        if sign == "," and depth == 0:
            cut = token.start()
        elif sign in ("[", "{"):
            depth += 1
        elif sign in ("]", "}"):
            depth -= 1
        if depth < 0:
            break
    return cut


def _members(piece: str) -> Any:
    """Return the members in a piece with brackets around it; `None` if it was cut in the wrong place, or is no JSON."""
    try:
        members, end = scan(piece, 0)
    except (JSONDecodeError, StopIteration):
        return None
    return members if end == len(piece) else None


class _Reader:
    """Reads one text.

    Args:
        text: The text.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._open: list[_Container] = []

    def read(self) -> Any:
        """Return the value."""
        self._skip_space()
        value = self._value()
        while self._open:
            value = self._first() if value is _LATER else self._next(value)
        self._skip_space()
        if self._at != len(self._text):
            raise self._fault("Extra data")
        return value

    def _first(self) -> Any:
        """Return what comes right behind an opening bracket: the first member, or the empty container."""
        self._skip_space()
        return self._closed() if self._has(self._open[-1].brackets[1]) else self._member()

    def _next(self, value: Any) -> Any:
        """Add a value to the innermost container, and return the next one: a member, or the container that it ends."""
        container = self._open[-1]
        container.add(value)
        self._skip_space()
        if self._has(container.brackets[1]):
            return self._closed()
        if not self._has(","):
            raise self._fault("Expecting ',' delimiter")
        self._at += 1
        self._skip_space()
        return self._member()

    def _closed(self) -> Any:
        self._at += 1
        return self._open.pop().value

    def _member(self) -> Any:
        """Read as many members as there are in whole pieces, and return the value of the one behind them."""
        container = self._open[-1]
        while self._at >= container.broken_until and self._read_piece(container):
            self._skip_space()
        if container.brackets == "{}":
            container.key = self._key()
        return self._value()

    def _read_piece(self, container: _Container) -> bool:
        """Read members up to a comma, and return whether there were any."""
        window = self._text[self._at : self._at + PIECE]
        opening, closing = container.brackets[0], container.brackets[1]
        cut = 0
        for cut in container.cuts(window):
            members = _members(f"{opening}{window[:cut]}{closing}") if cut else None
            if members is not None:
                container.add_all(members)
                self._at += cut + 1
                return True
        if cut > 0:
            container.broken_until = self._at + len(window)
        return False

    def _key(self) -> str:
        if not self._has('"'):
            raise self._fault("Expecting property name enclosed in double quotes")
        key: str
        key, self._at = scan(self._text, self._at)
        self._skip_space()
        if not self._has(":"):
            raise self._fault("Expecting ':' delimiter")
        self._at += 1
        self._skip_space()
        return key

    def _value(self) -> Any:
        """Return the value that begins here, or open it: a list or an object that does not fit into a piece."""
        window = self._text[self._at : self._at + PIECE]
        # What is cut off may look complete.
        unsure = 0 if self._at + len(window) == len(self._text) else 1 + _OF_A_NUMBER
        try:
            value, end = scan(window, 0)
        except (JSONDecodeError, StopIteration):
            end = len(window) + 1
        if end + unsure <= len(window):
            self._at += end
            return value
        if window[:1] not in ("[", "{"):
            return self._single()
        if len(self._open) == MOST_LEVELS:
            raise RecursionError
        self._open.append(_Container(window[0]))
        self._at += 1
        return _LATER

    def _single(self) -> Any:
        """Return a text, a number or a word."""
        try:
            value, self._at = scan(self._text, self._at)
        except StopIteration:
            raise self._fault("Expecting value") from None
        return value

    def _has(self, sign: str) -> bool:
        return self._text.startswith(sign, self._at)

    def _skip_space(self) -> None:
        found = _space(self._text, self._at)
        self._at = self._at if found is None else found.end()

    def _fault(self, reason: str) -> JSONDecodeError:
        return JSONDecodeError(reason, self._text, self._at)
