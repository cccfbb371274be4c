"""HTML cut into tags and texts in one pass, for reading only.

The time is linear in the length, whatever the text is: `html.parser` takes the square of it for some, up to Python
3.12. What has no end, such as a comment that is not closed, swallows the rest, as it does in a browser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

_NAME = re.compile(r"[A-Za-z][^\s/>]*")
_END_OF_TAG = re.compile(r""">|=\s*"[^"]*"|=\s*'[^']*'""")
_ATTRIBUTE = re.compile(
    r"""([^\s=/>"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""",
)
_RAW = frozenset(("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"))
"""Elements whose content holds no tags but their own end."""


class Tag(NamedTuple):
    """A tag.

    Attributes:
        name: In lower case.
        is_end: Whether it ends an element.
        attributes: Values by name, of the first of each name.
    """

    name: str
    is_end: bool
    attributes: dict[str, str]


def tokens(html: str) -> Iterator[Tag | str]:
    """Yield the tags and texts of a document in order; texts have their character references resolved."""
    place = 0
    while place < len(html):
        start = html.find("<", place)
        text = html[place:] if start < 0 else html[place:start]
        if text:
            yield unescape(text)
        if start < 0:
            return
        found, place = _markup(html, start)
        if found is not None:
            yield from _with_content(html, place, found)
            place = _end_of_raw(html, place, found)


def _with_content(html: str, place: int, found: Tag | str) -> Iterator[Tag | str]:
    """Yield a tag or text, and the content of an element that holds no tags."""
    yield found
    content = html[place : _end_of_raw(html, place, found)]
    if content:
        yield content


def _markup(html: str, start: int) -> tuple[Tag | str | None, int]:
    """Return what begins with the ``<`` at a place, and where it ends; `None` for what nobody sees."""
    if html.startswith("<!--", start):
        return None, _behind(html, "-->", start + 4)
    if html.startswith(("<!", "<?"), start):
        return None, _behind(html, ">", start)
    is_end = html.startswith("/", start + 1)
    name = _NAME.match(html, start + 1 + is_end)
    return ("<", start + 1) if name is None else _tag(html, name, is_end)


def _tag(html: str, name: re.Match[str], is_end: bool) -> tuple[Tag, int]:
    end = _end_of_tag(html, name.end())
    attributes = {} if is_end else _attributes(html[name.end() : end])
    return Tag(name[0].lower(), is_end, attributes), end + 1


def _behind(html: str, mark: str, place: int) -> int:
    found = html.find(mark, place)
    return len(html) if found < 0 else found + len(mark)


def _end_of_tag(html: str, place: int) -> int:
    """Return where the ``>`` of a tag is that is not within a quoted value; the length of the text if there is none."""
    for match in _END_OF_TAG.finditer(html, place):
        if match[0] == ">":
            return match.start()
    return len(html)


def _attributes(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, *forms in _ATTRIBUTE.findall(text):
        values.setdefault(name.lower(), unescape("".join(forms)))
    return values


def _end_of_raw(html: str, place: int, found: Tag | str) -> int:
    """Return where the content ends that belongs to an element without tags inside; the place itself for any other."""
    if isinstance(found, str) or found.is_end or found.name not in _RAW:
        return place
    match = re.compile(rf"</{found.name}(?=[\s/>])", re.IGNORECASE).search(html, place)
    return len(html) if match is None else match.start()
