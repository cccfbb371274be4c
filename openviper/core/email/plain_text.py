"""The plain text of an HTML body, for readers without HTML."""

from __future__ import annotations

import re
from collections.abc import Callable

from openviper.core.email.html_tokens import Tag, tokens

_BLOCKS = frozenset(
    "address article aside blockquote dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li main "
    "nav ol p pre section table tbody tfoot thead tr ul".split()
)
_PARAGRAPHS = frozenset("p h1 h2 h3 h4 h5 h6 blockquote ul ol table pre dl".split())
_DROPPED = frozenset("script style head title template noscript iframe noembed noframes".split())
_LINKED = ("http://", "https://", "mailto:")
_SPACES = re.compile(r"[ \t\r\n\f]+")
DEEPEST_INDENT = 8
"""Levels of lists that are told by their indentation."""


def html_to_text(value: str) -> str:
    """Return HTML as plain text: line breaks at blocks, links with their target, lists with marks, nothing of scripts or styles."""
    reader = _Reader()
    for token in tokens(value.replace("\0", "")):
        reader.take(token)
    return reader.result()


class _Lines:
    """Text on its way to lines: white space collapses, and blank lines never stand in pairs."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._wants_space = False
        self._breaks_wanted = 0

    def add(self, text: str) -> None:
        """Add words; white space around and between them counts as one space."""
        words = _SPACES.split(text)
        for place, word in enumerate(words):
            if place:
                self._wants_space = True
            if word:
                self._add_word(word)

    def _add_word(self, word: str) -> None:
        self._do_breaks()
        if self._wants_space and self._line and not self._line[-1].endswith(" "):
            self._line.append(" ")
        self._wants_space = False
        self._line.append(word)

    def add_as_it_is(self, text: str) -> None:
        """Add preformatted text: its spaces and line ends count."""
        first, *more = text.expandtabs(4).replace("\r\n", "\n").split("\n")
        self._add_exactly(first)
        for line in more:
            self._end_line()
            self._add_exactly(line)

    def _add_exactly(self, text: str) -> None:
        if text:
            self._do_breaks()
            self._line.append(text)

    def space(self) -> None:
        """Keep the next word apart."""
        self._wants_space = True

    def start_item(self, mark: str, depth: int) -> None:
        """Begin an item of a list on a line of its own."""
        self.end_block(1)
        self._do_breaks()
        self._line.append("  " * min(depth, DEEPEST_INDENT) + mark)

    def line_break(self) -> None:
        """End the line, even an empty one."""
        self._do_breaks()
        self._end_line()

    def end_block(self, breaks: int) -> None:
        """End the line if there is one; with 2 breaks leave a blank line before what follows."""
        self._breaks_wanted = max(self._breaks_wanted, breaks)
        self._wants_space = False

    def _do_breaks(self) -> None:
        if not self._breaks_wanted:
            return
        if self._line:
            self._end_line()
        wants_blank = self._breaks_wanted > 1 and self._lines and self._lines[-1]
        if wants_blank:
            self._lines.append("")
        self._breaks_wanted = 0

    def _end_line(self) -> None:
        self._lines.append("".join(self._line).rstrip())
        self._line = []
        self._wants_space = False

    def result(self) -> str:
        """Return the text."""
        self._end_line()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._lines)).strip("\n").rstrip()


class _Reader:
    """Turns the tags and texts of a document into lines."""

    def __init__(self) -> None:
        self._lines = _Lines()
        self._dropped = ""
        self._depth_of_dropped = 0
        self._link: _Link | None = None
        self._lists: list[int | None] = []
        self._preformatted = 0

    def result(self) -> str:
        """Return the text of everything that was taken."""
        self._end_link()
        return self._lines.result()

    def take(self, token: Tag | str) -> None:
        """Take the next tag or text."""
        if self._dropped:
            self._skip(token)
        elif isinstance(token, str):
            self._add(token)
        else:
            self._take_tag(token)

    def _take_tag(self, tag: Tag) -> None:
        if tag.name in _DROPPED:
            self._start_dropping(tag)
        elif tag.is_end:
            self._end(tag.name)
        else:
            self._start(tag)

    def _start_dropping(self, tag: Tag) -> None:
        if not tag.is_end:
            self._dropped, self._depth_of_dropped = tag.name, 1

    def _skip(self, token: Tag | str) -> None:
        if isinstance(token, Tag) and token.name == self._dropped:
            self._depth_of_dropped += -1 if token.is_end else 1
            if self._depth_of_dropped == 0:
                self._dropped = ""

    def _add(self, text: str) -> None:
        if self._link is not None:
            self._link.shown.append(text)
        if self._preformatted:
            self._lines.add_as_it_is(text)
        else:
            self._lines.add(text)

    def _start(self, tag: Tag) -> None:
        if tag.name in _BLOCKS:
            self._lines.end_block(self._breaks(tag.name))
        starter = _STARTERS.get(tag.name)
        if starter is not None:
            starter(self, tag)

    def _end(self, name: str) -> None:
        ender = _ENDERS.get(name)
        if ender is not None:
            ender(self)
        if name in _BLOCKS:
            self._lines.end_block(self._breaks(name))

    def _breaks(self, name: str) -> int:
        """Return 2 where a blank line belongs; items of a list stand close."""
        return 2 if name in _PARAGRAPHS and not self._lists else 1

    # Elements with a form of their own

    def start_br(self, _tag: Tag) -> None:
        self._lines.line_break()

    def start_hr(self, _tag: Tag) -> None:
        self._lines.end_block(2)
        self._lines.add("---")
        self._lines.end_block(2)

    def start_img(self, tag: Tag) -> None:
        self._add(tag.attributes.get("alt", ""))

    def start_cell(self, _tag: Tag) -> None:
        self._lines.space()

    def start_ul(self, _tag: Tag) -> None:
        self._lists.append(None)

    def start_ol(self, _tag: Tag) -> None:
        self._lists.append(0)

    def end_list(self) -> None:
        if self._lists:
            self._lists.pop()

    def start_li(self, _tag: Tag) -> None:
        number = self._lists[-1] if self._lists else None
        mark = "- "
        if number is not None:
            self._lists[-1] = number + 1
            mark = f"{number + 1}. "
        self._lines.start_item(mark, max(0, len(self._lists) - 1))

    def start_pre(self, _tag: Tag) -> None:
        self._preformatted += 1

    def end_pre(self) -> None:
        self._preformatted = max(0, self._preformatted - 1)

    def start_a(self, tag: Tag) -> None:
        self._end_link()
        self._link = _Link(tag.attributes.get("href", ""))

    def _end_link(self) -> None:
        """Show where a link leads, unless that is what it says."""
        link, self._link = self._link, None
        if link is None or not link.target.lower().startswith(_LINKED):
            return
        target = link.target.removeprefix("mailto:")
        shown = "".join(link.shown).strip()
        if target != shown:
            if shown:
                self._lines.space()
            self._lines.add(f"({target})" if shown else target)

    def end_a(self) -> None:
        self._end_link()


class _Link:
    """A link that is open: where it leads, and what it says so far."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.shown: list[str] = []


_STARTERS: dict[str, Callable[[_Reader, Tag], None]] = {
    "a": _Reader.start_a,
    "br": _Reader.start_br,
    "hr": _Reader.start_hr,
    "img": _Reader.start_img,
    "li": _Reader.start_li,
    "ol": _Reader.start_ol,
    "pre": _Reader.start_pre,
    "td": _Reader.start_cell,
    "th": _Reader.start_cell,
    "ul": _Reader.start_ul,
}
_ENDERS: dict[str, Callable[[_Reader], None]] = {
    "a": _Reader.end_a,
    "ol": _Reader.end_list,
    "pre": _Reader.end_pre,
    "ul": _Reader.end_list,
}
