"""An allow-list cleaner of HTML on the standard library's parser.

What comes out is written anew from what was understood: elements and attributes of the list, and escaped text. Nothing
of the input is copied unescaped, so a browser that reads the input in another way never sees it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from html import escape
from html.parser import HTMLParser

_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_DROPPED_CONTENT = frozenset(("script", "style"))
_CLOSES_ITSELF = frozenset(("dd", "dt", "li", "option", "p", "td", "th", "tr"))
"""Elements that end where the next one of their kind begins."""
_LINKS = frozenset(
    "action background cite data formaction href longdesc manifest ping poster src srcset xlink:href".split()
)
_IGNORED_IN_LINKS = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028\u2029\ufeff]")
"""Control characters and spaces; browsers leave some of them out of a scheme (https://url.spec.whatwg.org)."""
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_NAME = re.compile(r"[a-z][a-z0-9:_.-]*\Z")


def clean(
    text: str,
    tags: frozenset[str],
    attributes: Mapping[str, frozenset[str]],
    schemes: frozenset[str],
    *,
    strip_comments: bool,
) -> str:
    """Return HTML with the allowed elements, attributes and links only, all elements closed.

    Args:
        text: The HTML.
        tags: Names of elements, in lower case.
        attributes: Names of attributes by element, or under ``"*"``, in lower case.
        schemes: Schemes that links may have, in lower case.
        strip_comments: Leave comments out.
    """
    cleaner = _Cleaner(tags, attributes, schemes, strip_comments)
    cleaner.feed(_defused(text.replace("\x00", "")))
    cleaner.close()
    return cleaner.result()


def _defused(text: str) -> str:
    """Return HTML in which every ``<`` begins a complete tag or comment, and all others are text.

    The parser of the standard library takes the square of the length for many that do not end, and fails at some
    declarations; here each place is looked at once.
    """
    pieces: list[str] = []
    position = 0
    ends = _Ends(text)
    while (start := text.find("<", position)) >= 0:
        pieces.append(text[position:start])
        piece, position = _construct(text, start, ends)
        pieces.append(piece)
    pieces.append(text[position:])
    return "".join(pieces)


class _Ends:
    """Finds the ends of constructs; a search that has found nothing is not repeated."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: dict[str, int] = {}

    def after(self, mark: str, position: int) -> int:
        """Return where a mark stands behind a position; the length of the text if nowhere."""
        found = self._found.get(mark, -1)
        if found < position:
            found = self._text.find(mark, position)
            self._found[mark] = found = found if found >= 0 else len(self._text)
        return found


def _construct(text: str, start: int, ends: _Ends) -> tuple[str, int]:
    """Return what stands in place of the construct at a ``<``, and where the text goes on."""
    if text.startswith("<!--", start):
        end = ends.after("-->", start + 4)
        if end < len(text):
            return text[start : end + 3], end + 3
        return "&lt;", start + 1
    end = ends.after(">", start + 1)
    is_broken = end == len(text) or ends.after("<", start + 1) < end
    following = text[start + 1 : start + 2]
    if following in ("!", "?") and not is_broken:
        return "", end + 1
    if is_broken or not (following.isalpha() or following == "/"):
        return "&lt;", start + 1
    return text[start : end + 1], end + 1


class _Cleaner(HTMLParser):
    def __init__(
        self,
        tags: frozenset[str],
        attributes: Mapping[str, frozenset[str]],
        schemes: frozenset[str],
        strip_comments: bool,
    ) -> None:
        super().__init__(convert_charrefs=True)
        self.tags = tags
        self.attributes = attributes
        self.schemes = schemes
        self.strip_comments = strip_comments
        self.parts: list[str] = []
        self.open: list[str] = []
        self.counts: Counter[str] = Counter()
        self.dropping = ""

    def result(self) -> str:
        """Return what was written, with everything closed."""
        self.parts.extend(f"</{tag}>" for tag in reversed(self.open))
        self.open.clear()
        return "".join(self.parts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write an allowed element with its allowed attributes."""
        if self.dropping:
            return
        if tag in _DROPPED_CONTENT:
            self.dropping = tag
        if tag in self.tags and _NAME.match(tag):
            self._open(tag, attrs)

    def _open(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _CLOSES_ITSELF and self.open and self.open[-1] == tag:
            self.handle_endtag(tag)
        self.parts.append(f"<{tag}{self._attributes(tag, attrs)}>")
        if tag not in _VOID:
            self.open.append(tag)
            self.counts[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        """Close an element and all that is open inside of it; an end without a beginning is left out."""
        if self.dropping:
            self.dropping = "" if tag == self.dropping else self.dropping
        elif self.counts[tag]:
            # A count, because looking through the list for every stray end would take too long.
            self._close(tag)

    def _close(self, tag: str) -> None:
        while True:
            inner = self.open.pop()
            self.counts[inner] -= 1
            self.parts.append(f"</{inner}>")
            if inner == tag:
                break

    def handle_data(self, data: str) -> None:
        """Write text, escaped."""
        if not self.dropping:
            self.parts.append(escape(data, quote=False))

    def handle_comment(self, data: str) -> None:
        """Write a comment, if comments may stay, in a form that ends nowhere but at its end."""
        if not self.strip_comments and not self.dropping:
            self.parts.append(f"<!--{data.replace('<', '&lt;').replace('>', '&gt;')}-->")

    def _attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> str:
        allowed = self.attributes.get(tag, frozenset()) | self.attributes.get("*", frozenset())
        written: dict[str, str] = {}
        for name, value in attrs:
            if name in allowed and self._is_allowed_value(name, value or ""):
                # Browsers take the first of several, so later ones must not replace it.
                written.setdefault(name, value or "")
        return "".join(f' {name}="{escape(value)}"' for name, value in written.items())

    def _is_allowed_value(self, name: str, value: str) -> bool:
        if not _NAME.match(name):
            return False
        return name not in _LINKS or self._is_allowed_link(value)

    def _is_allowed_link(self, link: str) -> bool:
        plain = _IGNORED_IN_LINKS.sub("", link)
        match = _SCHEME.match(plain)
        if match is not None:
            return match.group(1).lower() in self.schemes
        # A colon that is not behind a path could end a scheme which a browser understands and we do not.
        return ":" not in re.split(r"[/?#\\]", plain, maxsplit=1)[0]
