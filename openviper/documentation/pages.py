"""The pages of the manual: their titles, headings and code blocks, and the order of the navigation.

The sources are Markdown files. ``README.md`` is the first page, and its level-two headings with the links below them are
the navigation, so a page has one place in it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable

from openviper.utils.packed_files import PackedFilesError, as_folder, unpack

CONTENT = "content"
"""The folder of the sources."""
PACKED = "content.tar.gz"
"""The archive that stands in its place in a vendored tree of the compact form."""
FIRST_PAGE = "README.md"
FENCE = re.compile(r"^```(?P<language>[\w+-]*)(?: title=\"(?P<title>[^\"]*)\")?\s*$")
HEADING = re.compile(r"^(?P<level>#{1,6}) +(?P<text>.+?) *$")
# Kinds of pages that stand before a title, and what the navigation says of them.
_KINDS = {"How-to": "", "Explanation": ": explained", "Reference": ": reference", "Tutorial": ""}
# A line in the words of who asks, where those are not the page's: the search reads it, the page does not show it.
ASKED = re.compile(r"^<!-- asked: (?P<text>[^<>]+) -->$")
# No bracket within: each opening one is looked at once, however many there are.
LINK = re.compile(r"\[(?P<text>[^\[\]]+)\]\((?P<target>[^()\[\]\s]+)\)")
_PICTURE = re.compile(rf"!{LINK.pattern}")


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A fenced block: its language, the file it is said to be, and its text, which ends with a line feed."""

    language: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: its level, its text without markup, and the anchor that leads to it."""

    level: int
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Section:
    """What stands below one heading, without code: what a search finds.

    Attributes:
        heading: The heading.
        text: What is shown there.
        asked: Other words for it, in phrases; not shown.
    """

    heading: Heading
    text: str
    asked: tuple[str, ...] = ()


@dataclass(slots=True)
class Page:
    """One page.

    Attributes:
        path: The file's path below the manual, ``how-to/backup.md``.
        prose: The text with each code block replaced by a comment that holds its number.
        blocks: The code blocks, in order.
        sections: The text by headings; the first heading is the title.
    """

    path: str
    prose: str
    blocks: list[CodeBlock] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The text of the first heading."""
        return self.sections[0].heading.text if self.sections else self.path

    @property
    def short_title(self) -> str:
        """The title as the navigation has it, without the kind of page in front."""
        kind, colon, rest = self.title.partition(": ")
        if not colon or kind not in _KINDS:
            return self.title
        return f"{rest[:1].upper()}{rest[1:]}{_KINDS[kind]}"

    @property
    def headings(self) -> list[Heading]:
        """The headings, in order."""
        return [section.heading for section in self.sections]

    @property
    def address(self) -> str:
        """The address below the site, ``how-to/backup.html``."""
        return address_of(self.path)

    def links(self) -> Iterator[tuple[str, str]]:
        """Yield the text and target of every link."""
        # What stands between backticks is code, with brackets of its own.
        for match in LINK.finditer(re.sub(r"`[^`\n]*`", "code", self.prose)):
            yield match["text"], match["target"]


class ManualError(ValueError):
    """A page that cannot be read as one."""


def content() -> Traversable:
    """Return the folder of the sources, which lies in the package, also inside a zip, or packed into one file.

    Raises:
        ManualError: If this copy of OpenViper was made without the manual, or the file it is packed into is damaged.
    """
    place = files("openviper.documentation")
    folder, packed = place.joinpath(CONTENT), place.joinpath(PACKED)
    if folder.is_dir():
        return folder
    if not packed.is_file():
        raise ManualError("this copy of OpenViper was made without it (vendor --without-manual)")
    return _unpacked(packed.read_bytes())


def _unpacked(packed: bytes) -> Traversable:
    try:
        return as_folder(unpack(packed)).joinpath(CONTENT)
    except PackedFilesError as error:
        raise ManualError(f"{PACKED}: {error}") from error


def address_of(path: str) -> str:
    """Return the address of a page below the site."""
    folder, _, name = path.rpartition("/")
    stem = "index" if name == FIRST_PAGE else name.removesuffix(".md")
    return f"{folder}/{stem}.html" if folder else f"{stem}.html"


def read_pages(root: Traversable | None = None) -> dict[str, Page]:
    """Return every page by its path, the first page first.

    Raises:
        ManualError: If a code block is not closed, or a page has no title.
    """
    pages = [read_page(path, text) for path, text in sorted(_sources(root or content(), ""))]
    pages.sort(key=lambda page: page.path != FIRST_PAGE)
    return {page.path: page for page in pages}


def _sources(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _sources(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".md"):
            yield f"{prefix}{entry.name}", entry.read_text(encoding="utf-8")


def read_page(path: str, text: str) -> Page:
    """Take a page apart.

    Raises:
        ManualError: If a code block is not closed, a line of what is asked cannot be read, or the page has no title.
    """
    page = Page(path, "")
    lines: list[str] = []
    source = iter(text.splitlines())
    for line in source:
        fence = _fence(line, path)
        if fence is None:
            lines.append(line)
            continue
        code = _until_closed(source, path, line)
        lines.extend(["", f"<!--code {len(page.blocks)}-->", ""])
        page.blocks.append(CodeBlock(fence["language"], fence["title"] or "", code))
    page.prose = "".join(f"{line}\n" for line in lines if not _asked(line, path))
    page.sections = _sections(lines)
    _check_title(page)
    return page


def _fence(line: str, path: str) -> re.Match[str] | None:
    """Return the fence that opens a code block, if a line is one."""
    fence = FENCE.match(line)
    if fence is None and line.lstrip().startswith("```"):
        raise ManualError(f"{path}: a fence that cannot be read: {line!r}")
    return fence


def _check_title(page: Page) -> None:
    if not page.sections or page.sections[0].heading.level != 1:
        raise ManualError(f"{page.path}: the page has no title")


def _until_closed(source: Iterator[str], path: str, opened: str) -> str:
    code: list[str] = []
    for line in source:
        if line.rstrip() == "```":
            return "".join(f"{line}\n" for line in code)
        code.append(line)
    raise ManualError(f"{path}: a code block is not closed: {opened!r}")


def _sections(lines: Sequence[str]) -> list[Section]:
    found: list[tuple[Heading, list[str], list[str]]] = []
    taken: dict[str, int] = {}
    for line in lines:
        heading = _heading(line, taken)
        if heading is not None:
            found.append((heading, [], []))
            continue
        if not found:
            continue
        _, text, asked = found[-1]
        match = ASKED.match(line)
        if match is not None:
            asked += match["text"].split("; ")
        elif not line.startswith("<!--"):
            text.append(line)
    return [Section(heading, plain(" ".join(text)), tuple(asked)) for heading, text, asked in found]


def _asked(line: str, path: str) -> bool:
    """Return whether a line holds what is asked."""
    if not line.startswith("<!-- asked"):
        return False
    if ASKED.match(line) is None:
        raise ManualError(f"{path}: a line of what is asked that cannot be read: {line!r}")
    return True


def _heading(line: str, taken: dict[str, int]) -> Heading | None:
    match = HEADING.match(line)
    if match is None:
        return None
    text = plain(match["text"])
    return Heading(len(match["level"]), text, _anchor(text, taken))


def plain(text: str) -> str:
    """Return a text without the marks of Markdown: what a reader sees."""
    text = _PICTURE.sub("", text)
    text = LINK.sub(lambda match: match["text"], text)
    text = re.sub(r"\*\*|`", "", text)
    # The rule below the head of a table.
    text = re.sub(r"\|(?: ?:?-{3,}:? ?\|)+", "", text)
    return " ".join(text.replace("\\|", "|").split())


def _anchor(text: str, taken: dict[str, int]) -> str:
    # As GitHub makes them, so that a link works there too: words and hyphens of the lower-case text.
    slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
    number = taken.get(slug, 0)
    taken[slug] = number + 1
    return f"{slug}-{number}" if number else slug


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the navigation: its title and the paths of its pages."""

    title: str
    paths: tuple[str, ...]


def navigation(first: Page) -> list[Group]:
    """Return the groups of the first page: its level-two headings and the pages linked below each."""
    groups: list[tuple[str, list[str]]] = []
    for line in first.prose.splitlines():
        match = HEADING.match(line)
        is_group = match is not None and len(match["level"]) == 2
        if match is not None and is_group:
            groups.append((plain(match["text"]), []))
        elif groups:
            groups[-1][1].extend(_linked_pages(line, groups))
    return [Group(title, tuple(paths)) for title, paths in groups if paths]


def _linked_pages(line: str, groups: list[tuple[str, list[str]]]) -> Iterator[str]:
    known = {path for _, paths in groups for path in paths}
    for match in LINK.finditer(line):
        target = match["target"].partition("#")[0]
        if target.endswith(".md") and target not in known:
            known.add(target)
            yield target


def resolve(page: Page, target: str) -> tuple[str, str]:
    """Return the path and the anchor that a relative link of a page means; the path may leave the manual with ``..``."""
    path, _, anchor = target.partition("#")
    if not path:
        return page.path, anchor
    return posixpath.normpath(posixpath.join(posixpath.dirname(page.path), path)), anchor


def is_elsewhere(target: str) -> bool:
    """Tell whether a link leaves the site."""
    return re.match(r"[a-z][a-z0-9+.-]*:|//", target, re.IGNORECASE) is not None


def find_faults(pages: dict[str, Page], others: frozenset[str] = frozenset()) -> list[str]:
    """Return what is wrong with links, anchors and the navigation, one line each.

    Args:
        pages: The pages by path.
        others: The paths of files that are not pages, such as drawings.
    """
    faults: list[str] = []
    for page in pages.values():
        for target in _inner_links(page):
            faults.extend(_faults_of_link(page, target, pages, others))
    faults.extend(_lost(pages))
    return faults


def _inner_links(page: Page) -> list[str]:
    return [target for _, target in page.links() if not is_elsewhere(target)]


def _lost(pages: dict[str, Page]) -> Iterator[str]:
    reached = {path for group in navigation(pages[FIRST_PAGE]) for path in group.paths}
    for path in sorted(pages.keys() - reached - {FIRST_PAGE}):
        yield f"{path}: {FIRST_PAGE} has no link to this page below one of its headings"


def _faults_of_link(
    page: Page, target: str, pages: dict[str, Page], others: frozenset[str]
) -> Iterator[str]:
    path, anchor = resolve(page, target)
    if path in others:
        return
    if path not in pages:
        yield f"{page.path}: the link {target!r} leads to no page"
    elif anchor and anchor not in {heading.anchor for heading in pages[path].headings}:
        yield f"{page.path}: the link {target!r} leads to no heading of {path}"
