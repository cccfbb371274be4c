"""The manual as files of a web site.

The site works from a folder (``file://``) as from a server: addresses are relative, the index of the search is a script, and
nothing is fetched from elsewhere. Two builds of the same sources give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from openviper.documentation.markup import relative, to_html
from openviper.documentation.pages import (
    FIRST_PAGE,
    ManualError,
    Page,
    content,
    find_faults,
    navigation,
    read_pages,
)
from openviper.documentation.search import (
    K1,
    MAX_WORDS,
    PREFIX_WEIGHT,
    B,
    Index,
    build_index,
    stop_words,
)
from openviper.template.environment import MissingDependencyError
from openviper.utils.atomic_files import atomic_write
from openviper.version import VERSION

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from jinja2 import Template

THEME = ("style.css", "site.js")
DRAWINGS = (".svg", ".png")
SEARCH_INDEX = "search-index.js"
# How much of a section an answer of the search shows, in characters.
SHOWN = 220


class Site:
    """The site of one version of the manual.

    Args:
        root: The folder of the sources; that of the package when not given.
        version: The version that the pages name.

    Raises:
        ManualError: If a page cannot be read.
    """

    def __init__(self, root: Traversable | None = None, version: str = VERSION) -> None:
        self.root = content() if root is None else root
        self.version = version
        self.pages = read_pages(self.root)
        if FIRST_PAGE not in self.pages:
            raise ManualError(f"the manual has no {FIRST_PAGE}")
        self.groups = navigation(self.pages[FIRST_PAGE])
        self._by_address = {page.address: page for page in self.pages.values()}

    @cached_property
    def index(self) -> Index:
        """The index of the search."""
        return build_index(self.pages.values())

    @cached_property
    def order(self) -> list[Page]:
        """The pages in the order of the navigation, the first page first."""
        paths = [path for group in self.groups for path in group.paths if path in self.pages]
        return [self.pages[path] for path in dict.fromkeys([FIRST_PAGE, *paths])]

    @cached_property
    def drawings(self) -> dict[str, Traversable]:
        """The pictures among the sources, by path."""
        return dict(_drawings(self.root, ""))

    @cached_property
    def _inline_drawings(self) -> dict[str, str]:
        return {
            path: drawing.read_text(encoding="utf-8")
            for path, drawing in self.drawings.items()
            if path.endswith(".svg")
        }

    def faults(self) -> list[str]:
        """Return what is wrong with links, anchors, pictures and the navigation, one line each."""
        return find_faults(self.pages, frozenset(self.drawings))

    def addresses(self) -> Iterator[str]:
        """Yield the address of every file of the site."""
        yield from self._by_address
        yield from self.drawings
        yield from THEME
        yield SEARCH_INDEX

    def answer(self, address: str) -> bytes:
        """Return the bytes of one file of the site.

        Raises:
            KeyError: If the site has no such file.
        """
        if address in self._by_address:
            return self._render(self._by_address[address]).encode()
        if address in self.drawings:
            return self.drawings[address].read_bytes()
        if address in THEME:
            return _theme(address).read_bytes()
        if address == SEARCH_INDEX:
            return self._search_index().encode()
        raise KeyError(address)

    def build(self, target: Path) -> list[str]:
        """Write the site below ``target/VERSION``, and the list of all versions beside it; return the addresses written.

        Files of an earlier build of the same version that are no longer part of it are removed.

        Raises:
            ManualError: If the folder holds something else.
            OSError: If a file cannot be written.
        """
        folder = target / self.version
        _check_folder(folder)
        # The index, by which a folder is known as a manual, comes first: what was interrupted can be written again.
        addresses = sorted(self.addresses(), key=lambda address: (address != SEARCH_INDEX, address))
        files = {folder / PurePosixPath(address): address for address in addresses}
        for file, address in files.items():
            _write(file, self.answer(address))
        _remove_others(folder, set(files))
        _write_versions(target)
        return list(files.values())

    def _render(self, page: Page) -> str:
        before, after = self._neighbours(page)
        return self._template.render(
            page=page,
            text=to_html(page, self._inline_drawings),
            groups=self.groups,
            pages=self.pages,
            version=self.version,
            before=before,
            after=after,
            link=lambda address: relative(page.address, address),
            # The folder of all versions lies one above this version's.
            above=relative(page.address, "") + "../",
        )

    def _neighbours(self, page: Page) -> tuple[Page | None, Page | None]:
        """Return the pages before and behind one in the order of the navigation."""
        if page not in self.order:
            return None, None
        around = [None, *self.order, None]
        here = self.order.index(page)
        return around[here], around[here + 2]

    @cached_property
    def _template(self) -> Template:
        try:
            from jinja2 import Environment, StrictUndefined
        except ImportError as error:
            raise MissingDependencyError(
                "the manual's pages need the package 'jinja2'; run: pip install jinja2"
            ) from error
        environment = Environment(
            autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        return environment.from_string(_theme("page.html").read_text(encoding="utf-8"))

    def _search_index(self) -> str:
        entries = [
            [
                entry.address,
                entry.title,
                entry.heading,
                entry.text[:SHOWN],
                entry.length,
                entry.share,
            ]
            for entry in self.index.entries
        ]
        words = {
            word: [number for pair in places.items() for number in pair]
            for word, places in sorted(self.index.words.items())
        }
        content = {
            "entries": entries,
            "words": words,
            "common": sorted(stop_words()),
            "k1": K1,
            "b": B,
            "prefix": PREFIX_WEIGHT,
            "most": MAX_WORDS,
        }
        text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
        return f"window.searchIndex = {text};\n"


def _theme(name: str) -> Traversable:
    return files("openviper.documentation").joinpath("theme", name)


def _drawings(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _drawings(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(DRAWINGS):
            yield f"{prefix}{entry.name}", entry


def _check_folder(folder: Path) -> None:
    """Refuse a folder that holds something else than a manual."""
    is_manual = (folder / SEARCH_INDEX).is_file()
    if is_manual or not folder.is_dir():
        return
    if any(folder.iterdir()):
        raise ManualError(f"{str(folder)!r} holds files that are no manual; give another folder")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(content)


def _remove_others(folder: Path, kept: set[Path]) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and path not in kept:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _write_versions(target: Path) -> None:
    versions = newest_first([path.parent.name for path in target.glob("*/index.html")])
    _write(target / "versions.js", f"window.manualVersions = {json.dumps(versions)};\n".encode())
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>OpenViper</title>'
        f'<meta http-equiv="refresh" content="0; url={versions[0]}/index.html">'
        f'<p><a href="{versions[0]}/index.html">The manual of OpenViper {versions[0]}</a></p></html>\n'
    )
    _write(target / "index.html", page.encode())


def newest_first(versions: Sequence[str]) -> list[str]:
    """Return versions in order: numbers compare as numbers, so 0.10 is newer than 0.9."""

    def parts(version: str) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdigit() else (-1, part) for part in version.split(".")]

    return sorted(versions, key=parts, reverse=True)
