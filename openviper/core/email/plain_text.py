"""The plain text of an HTML body, for readers without HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_BLOCKS = frozenset(
    "address article aside blockquote dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li main "
    "nav ol p pre section table tbody td tfoot th thead tr ul".split()
)
_PARAGRAPHS = frozenset("p h1 h2 h3 h4 h5 h6 blockquote ul ol table pre dl".split())
_DROPPED = frozenset("script style head title template noscript".split())
_VOID = frozenset("br hr img input meta link area base col embed source track wbr".split())


class _Reader(HTMLParser):
    """Collects the text of a document with its line breaks."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._dropped: list[str] = []
        self._links: list[tuple[str, int]] = []
        self._lists: list[int | None] = []
        self._preformatted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._dropped or tag in _DROPPED:
            if tag not in _VOID:
                self._dropped.append(tag)
            return
        if tag == "br":
            self.pieces.append("\n")
        elif tag == "hr":
            self.pieces.append("\n\n---\n\n")
        elif tag == "img":
            self.pieces.append(dict(attrs).get("alt") or "")
        elif tag in ("td", "th"):
            self.pieces.append(" ")
        elif tag in _BLOCKS:
            self._break(tag)
        if tag in ("ul", "ol"):
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._start_item()
        elif tag == "pre":
            self._preformatted += 1
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self.pieces)))

    def _start_item(self) -> None:
        number = self._lists[-1] if self._lists else None
        indent = "  " * max(0, len(self._lists) - 1)
        if number is None:
            self.pieces.append(f"{indent}\0- ")
        else:
            self._lists[-1] = number + 1
            self.pieces.append(f"{indent}\0{number + 1}. ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._dropped:
            if tag in self._dropped:
                while self._dropped.pop() != tag:
                    pass
            return
        if tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        elif tag == "pre" and self._preformatted:
            self._preformatted -= 1
        elif tag == "a" and self._links:
            self._end_link()
        if tag in _BLOCKS and tag not in ("td", "th"):
            self._break(tag)

    def _break(self, tag: str) -> None:
        """End the line, and leave one free around paragraphs; items of a list stand close."""
        wanted = 2 if tag in _PARAGRAPHS and not self._lists else 1
        for piece in reversed(self.pieces):
            if piece.strip(" "):
                wanted -= piece[len(piece.rstrip("\n ")) :].count("\n")
                break
        self.pieces.append("\n" * max(0, wanted))

    def _end_link(self) -> None:
        """Show where a link leads, unless that is what it says."""
        target, start = self._links.pop()
        shown = "".join(self.pieces[start:]).strip()
        bare = target.removeprefix("mailto:")
        if target.lower().startswith(("http://", "https://", "mailto:")) and bare != shown:
            self.pieces.append(f" ({bare})" if shown else bare)

    def handle_data(self, data: str) -> None:
        if self._dropped:
            return
        if self._preformatted:
            # Marked, so that what collapses white space leaves it alone.
            self.pieces.append(data.replace(" ", "\1").replace("\t", "\1\1\1\1"))
        else:
            self.pieces.append(
                re.sub(r"[ \t\r\n\f]+", " ", data.replace("\0", "").replace("\1", ""))
            )


def html_to_text(value: str) -> str:
    """Return HTML as plain text: line breaks at blocks, links with their target, lists with marks, nothing of scripts or styles."""
    reader = _Reader()
    reader.feed(value)
    reader.close()
    text = "".join(reader.pieces)
    lines = [
        re.sub(r"(?<!\0) +", " ", line).strip(" ") if "\0" not in line else line
        for line in text.split("\n")
    ]
    lines = [
        re.sub(r" {2,}", " ", line.partition("\0")[2]) if "\0" in line else line
        for line in map(_indented, lines)
    ]
    text = "\n".join(line.rstrip() for line in lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n").replace("\1", " ").strip()


def _indented(line: str) -> str:
    if "\0" not in line:
        return line
    before, _, after = line.partition("\0")
    indent = "\1" * (len(before) - len(before.lstrip(" "))) if not before.strip() else ""
    return f"\0{indent}{after.strip()}"
