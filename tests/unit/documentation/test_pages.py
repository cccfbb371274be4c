"""Reading the pages of the manual."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.documentation import pages as pages_module
from openviper.documentation.pages import (
    ManualError,
    Page,
    find_faults,
    navigation,
    plain,
    read_page,
    read_pages,
    resolve,
)
from openviper.documentation.site import Site
from openviper.utils.packed_files import pack

TEXT = """# How-to: *boats*

After this page you have a `boat`.

```python title="shop/models.py"
# no heading
class Boat: ...
```

## Sail it

See [the sea](../sea.md#waves) and [above](#sail-it).

## Sail it

| a | b |
| --- | --- |
| one | **two** |
"""


def test_a_page_has_its_title_headings_and_code() -> None:
    page = read_page("how-to/boats.md", TEXT)
    assert page.title == "How-to: *boats*"
    assert page.short_title == "*boats*"
    assert page.address == "how-to/boats.html"
    assert [(heading.level, heading.anchor) for heading in page.headings] == [
        (1, "how-to-boats"),
        (2, "sail-it"),
        (2, "sail-it-1"),
    ]
    (block,) = page.blocks
    assert (block.language, block.title) == ("python", "shop/models.py")
    assert block.text == "# no heading\nclass Boat: ...\n"
    assert list(page.links()) == [("the sea", "../sea.md#waves"), ("above", "#sail-it")]


def test_the_text_of_a_section_is_what_a_reader_sees() -> None:
    sections = read_page("how-to/boats.md", TEXT).sections
    assert sections[0].text == "After this page you have a boat."
    assert sections[1].text == "See the sea and above."
    assert sections[2].text == "| a | b | | one | two |"


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("How-to: log in", "Log in"),
        ("Reference: mail", "Mail: reference"),
        ("Explanation: backup", "Backup: explained"),
        ("Note: this", "Note: this"),
        ("Commands", "Commands"),
    ],
)
def test_the_navigation_names_pages_without_their_kind(title: str, shown: str) -> None:
    assert read_page("a.md", f"# {title}\n").short_title == shown


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no title\n", "no title"),
        ("## Second level first\n", "no title"),
        ("# A\n```python\nopen\n", "not closed"),
        ("# A\n   ```python\n", "cannot be read"),
        ("# A\n```python {x}\n```\n", "cannot be read"),
        ("# A\n<!-- asked: b -- >\n", "a line of what is asked that cannot be read"),
        ("# A\n<!-- asked:-->\n", "a line of what is asked that cannot be read"),
    ],
)
def test_a_page_that_cannot_be_shown_is_named(text: str, reason: str) -> None:
    with pytest.raises(ManualError, match=f"^a/b.md: .*{reason}"):
        read_page("a/b.md", text)


@pytest.mark.parametrize(
    ("path", "target", "meant"),
    [
        ("README.md", "how-to/a.md", ("how-to/a.md", "")),
        ("how-to/a.md", "b.md#c", ("how-to/b.md", "c")),
        ("how-to/a.md", "../reference/b.md", ("reference/b.md", "")),
        ("how-to/a.md", "#here", ("how-to/a.md", "here")),
        ("how-to/a.md", "../../etc/passwd", ("../etc/passwd", "")),
    ],
)
def test_links_are_relative_to_their_page(path: str, target: str, meant: tuple[str, str]) -> None:
    assert resolve(Page(path, ""), target) == meant


def manual(**texts: str) -> dict[str, Page]:
    pages = {f"{name}.md": read_page(f"{name}.md", text) for name, text in texts.items()}
    return pages


def test_the_navigation_is_the_headings_and_links_of_the_first_page() -> None:
    first = read_page(
        "README.md",
        "# M\n[x](x.md)\n## Begin\n- [a](a.md#b), [a](a.md)\n## Empty\n### Deep\n## Web\n[b](b.md) [e](https://e)\n",
    )
    assert [(group.title, group.paths) for group in navigation(first)] == [
        ("Begin", ("a.md",)),
        ("Web", ("b.md",)),
    ]


def test_links_that_lead_nowhere_are_found() -> None:
    pages = manual(
        README="# M\n## Begin\n[a](a.md)\n",
        a="# A\n[1](gone.md) [2](README.md#begin) [3](README.md#gone) [4](d.svg) [5](https://x/gone.md)\n",
        lost="# Lost\n",
    )
    assert find_faults(pages, frozenset({"d.svg"})) == [
        "a.md: the link 'gone.md' leads to no page",
        "a.md: the link 'README.md#gone' leads to no heading of README.md",
        "lost.md: README.md has no link to this page below one of its headings",
    ]


def test_a_picture_is_no_text_of_its_section() -> None:
    page = read_page("a.md", "# A\n\n![Boats on a lake](b.svg)\n\nRow [on](c.md).\n")
    assert page.sections[0].text == "Row on."


def test_a_copy_without_the_manual_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages_module, "files", lambda _package: tmp_path)
    with pytest.raises(ManualError, match=r"made without it \(vendor --without-manual\)"):
        read_pages()


def test_our_own_manual_has_no_faults() -> None:
    pages = read_pages()
    assert next(iter(pages)) == "README.md"
    assert find_faults(pages, frozenset(Site().drawings)) == []


def test_the_sources_in_the_package_are_those_of_the_repository() -> None:
    root = Path(__file__).resolve().parents[3] / "docs"
    assert set(read_pages()) == {str(path.relative_to(root)) for path in root.rglob("*.md")}


@pytest.mark.parametrize("piece", ["[", "[a](b", "**`", "| --- ", "#", "[a", "`["])
def test_odd_text_takes_linear_work(piece: str) -> None:
    # Work that squares would take hours for this.
    text = piece * (1_000_000 // len(piece))
    page = read_page("a.md", f"# A\n{text}\n")
    assert list(page.links()) == []
    assert plain(text) is not None


def test_pages_are_read_from_the_archive_that_stands_in_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages_module, "files", lambda _package: tmp_path)
    packed = pack({"content/README.md": b"# Boats\n", "content/how-to/sail.md": b"# Sail\n"})
    (tmp_path / "content.tar.gz").write_bytes(packed)
    assert list(read_pages()) == ["README.md", "how-to/sail.md"]
    (tmp_path / "content.tar.gz").write_bytes(packed[:-9])
    with pytest.raises(ManualError, match=r"content.tar.gz: the archive is damaged"):
        read_pages()
    (tmp_path / "content.tar.gz").unlink()
    with pytest.raises(ManualError, match="made without it"):
        read_pages()
