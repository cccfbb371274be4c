"""The files of the site."""

from __future__ import annotations

import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from openviper.documentation.pages import ManualError
from openviper.documentation.site import Site, newest_first


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    (root / "how-to").mkdir(parents=True)
    (root / "README.md").write_text("# M\n## Do\n[a](how-to/a.md) [b](how-to/b.md)\n")
    (root / "how-to/a.md").write_text(
        "# How-to: A <x>\n![d](../d.svg) beside it\n## Two\n## Three\n"
    )
    (root / "how-to/b.md").write_text("# B\nsecond\n")
    (root / "d.svg").write_text("<svg/>")
    return root


@pytest.fixture
def small(sources: Path) -> Site:
    return Site(sources, "1.0")


@pytest.fixture(scope="module")
def ours() -> Site:
    return Site()


class Reader(HTMLParser):
    """Collects what a page links to, and which tags are open."""

    VOID = frozenset({"meta", "link", "input", "img", "br", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.targets += [found[name] or "" for name in ("href", "src") if name in found]
        self.ids += [found["id"] or ""] if "id" in found else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_has_navigation_text_and_neighbours(small: Site) -> None:
    text = small.answer("how-to/a.html").decode()
    assert "<title>How-to: A &lt;x&gt; – OpenViper 1.0</title>" in text
    assert '<a href="a.html" aria-current="page">A &lt;x&gt;</a>' in text
    assert '<a rel="prev" href="../index.html">' in text
    assert '<a rel="next" href="b.html">' in text
    assert 'src="../../versions.js"' in text
    assert 'src="../d.svg"' in text


def test_what_the_site_does_not_have_is_a_key_error(small: Site) -> None:
    for address in ("gone.html", "../README.md", "how-to/a.md", "", "page.html", "/etc/passwd"):
        with pytest.raises(KeyError):
            small.answer(address)


def test_every_page_of_the_manual_is_well_formed_and_leads_to_files_of_the_site(ours: Site) -> None:
    addresses = set(ours.addresses())
    for page in ours.pages.values():
        reader = Reader(ours.answer(page.address).decode())
        assert reader.open == []
        assert len(reader.ids) == len(set(reader.ids)), page.path
        folder = page.address.rpartition("/")[0]
        for target in reader.targets:
            if re.match(r"[a-z]+:|#", target) or target.endswith("versions.js"):
                continue
            path = target.partition("#")[0]
            resolved = (Path("/") / folder / path).resolve().relative_to("/")
            assert str(resolved) in addresses, f"{page.path}: {target}"


def test_nothing_is_fetched_from_elsewhere(ours: Site) -> None:
    for address in ours.addresses():
        text = ours.answer(address).decode()
        assert not re.search(
            r"(?:src=|<link[^>]+href=|url\(|fetch\(|import )[\"']?(?:https?:)?//", text
        )


def test_two_builds_give_the_same_bytes(ours: Site, tmp_path: Path) -> None:
    def built(target: Path) -> dict[str, str]:
        Site().build(target)
        return {
            str(path.relative_to(target)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in target.rglob("*")
            if path.is_file()
        }

    first = built(tmp_path / "one")
    assert first == built(tmp_path / "two")
    assert len(first) == len(list(ours.addresses())) + 2


def test_a_build_removes_what_is_gone_and_keeps_other_versions(
    sources: Path, tmp_path: Path
) -> None:
    target = tmp_path / "site"
    Site(sources, "0.9").build(target)
    Site(sources, "0.10").build(target)
    (sources / "how-to/b.md").unlink()
    (sources / "README.md").write_text("# M\n## Do\n[a](how-to/a.md)\n")
    Site(sources, "0.10").build(target)
    assert not (target / "0.10/how-to/b.html").exists()
    assert (target / "0.9/how-to/b.html").exists()
    assert (target / "versions.js").read_text() == 'window.manualVersions = ["0.10", "0.9"];\n'
    assert "url=0.10/index.html" in (target / "index.html").read_text()


def test_a_build_that_was_cut_short_can_be_made_again(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(sources, "1.0")
    answer = site.answer

    def fail(address: str) -> bytes:
        if address == "index.html":
            raise OSError(28, "No space left on device")
        return answer(address)

    monkeypatch.setattr(site, "answer", fail)
    with pytest.raises(OSError, match="No space"):
        site.build(tmp_path / "site")
    monkeypatch.setattr(site, "answer", answer)
    site.build(tmp_path / "site")
    assert (tmp_path / "site/1.0/index.html").is_file()


def test_a_folder_of_something_else_is_left_alone(small: Site, tmp_path: Path) -> None:
    (tmp_path / "site/1.0").mkdir(parents=True)
    (tmp_path / "site/1.0/thesis.txt").write_text("mine")
    with pytest.raises(ManualError, match=r"1\.0' holds files that are no manual"):
        small.build(tmp_path / "site")
    assert (tmp_path / "site/1.0/thesis.txt").read_text() == "mine"


def test_the_index_of_the_search_is_a_script(small: Site) -> None:
    text = small.answer("search-index.js").decode()
    index = json.loads(text.removeprefix("window.searchIndex = ").removesuffix(";\n"))
    assert index["words"]["second"] == [5, 1]
    assert index["entries"][5][:4] == ["how-to/b.html", "B", "", "second"]


def test_faults_of_the_sources_are_told(sources: Path) -> None:
    (sources / "how-to/b.md").write_text("# B\n![gone](gone.svg)\n")
    assert Site(sources).faults() == ["how-to/b.md: the link 'gone.svg' leads to no page"]


def test_a_manual_without_a_first_page_is_refused(sources: Path) -> None:
    (sources / "README.md").unlink()
    with pytest.raises(ManualError, match="no README.md"):
        Site(sources)


def test_versions_compare_as_numbers() -> None:
    assert newest_first(["0.9", "0.10", "0.10.1", "1.0", "dev"]) == [
        "1.0", "0.10.1", "0.10", "0.9", "dev",
    ]  # fmt: skip
