"""Links between the pages lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    # What stands between backticks is code, with brackets of its own.
    text = re.sub(r"`[^`\n]*`", "code", page.read_text())
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.parent.name == "how-to"], ids=lambda page: page.stem
)
def test_a_how_to_begins_with_what_its_reader_will_have_at_its_end(page: Path) -> None:
    # A line below the heading says what the page is found by.
    head, opening, _ = page.read_text().split("\n\n", 2)
    title = head.partition("\n<!-- asked: ")[0]
    assert title.startswith("# ") and "\n" not in title
    assert opening.startswith("After this page ")


def test_every_page_can_be_reached_from_the_overview() -> None:
    text = (ROOT / "docs/README.md").read_text()
    pages = [
        str(page.relative_to(ROOT / "docs"))
        for page in PAGES
        if "docs" in page.parts and page.stem != "README"
    ]
    assert [page for page in pages if f"({page})" not in text] == []
