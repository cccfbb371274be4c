"""The manual in a browser: its search finds what `openviper docs --search` finds, from a folder and without a server."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from openviper.documentation.search import search
from openviper.documentation.site import Site
from tests.unit.documentation.test_search import QUESTIONS

pytestmark = pytest.mark.one_version
ASKING = """<script defer src="asking.js"></script></head>"""
ASKING_SCRIPT = """
addEventListener("load", function () {
  const found = QUESTIONS.map((question) => searchManual(question, 5).map((entry) => entry[0]));
  const box = document.getElementById("manual-question");
  document.dispatchEvent(new KeyboardEvent("keydown", {key: "/"}));
  const focused = document.activeElement === box;
  box.value = "nightly backup";
  box.dispatchEvent(new Event("input"));
  const shown = [...document.querySelectorAll("#manual-answers a")].map((link) => link.getAttribute("href"));
  box.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowDown"}));
  const active = box.getAttribute("aria-activedescendant");
  const buttons = document.querySelectorAll("figure.code button").length;
  const width = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  document.title = JSON.stringify({found, focused, shown, active, buttons, width});
});
"""


@pytest.fixture(scope="module")
def browser() -> str:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no Chromium")
    return found


def title_of(browser: str, page: Path, profile: Path, width: int) -> str:
    """Return the title of a page of a folder once its scripts have run."""
    options = (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--window-size={width},900",
        f"--user-data-dir={profile}",
        "--dump-dom",
    )
    result = subprocess.run(
        [browser, *options, page.as_uri()], capture_output=True, text=True, timeout=120
    )
    found = re.search(r"<title>(.*?)</title>", result.stdout, re.DOTALL)
    assert found is not None, result.stderr
    return html.unescape(found[1])


def test_the_search_of_the_page_is_the_search_of_the_command(browser: str, tmp_path: Path) -> None:
    site = Site()
    site.build(tmp_path)
    folder = tmp_path / site.version
    asked = [question for question, _ in QUESTIONS]
    (folder / "asking.js").write_text(
        f"const QUESTIONS = {json.dumps(asked)};{ASKING_SCRIPT}", encoding="utf-8"
    )
    first = folder / "index.html"
    first.write_text(first.read_text().replace("</head>", ASKING))
    told = json.loads(title_of(browser, first, tmp_path / "profile", 1400))
    assert told["found"] == [
        [entry.address for entry in search(site.index, question, 5)] for question in asked
    ]
    assert told["focused"] is True
    assert told["shown"] == [entry.address for entry in search(site.index, "nightly backup", 8)]
    assert told["active"] == "manual-answer-0"


@pytest.mark.parametrize("width", [500, 800, 1400])
@pytest.mark.parametrize("page", ["how-to/backup", "reference/settings", "reference/orm"])
def test_no_page_is_wider_than_the_window_and_code_can_be_copied(
    browser: str, tmp_path: Path, page: str, width: int
) -> None:
    site = Site()
    site.build(tmp_path)
    file = tmp_path / site.version / f"{page}.html"
    (file.parent / "asking.js").write_text(f"const QUESTIONS = [];{ASKING_SCRIPT}")
    file.write_text(file.read_text().replace("</head>", ASKING))
    told = json.loads(title_of(browser, file, tmp_path / "profile", width))
    assert told["width"] == 0
    assert told["buttons"] == len(site.pages[f"{page}.md"].blocks)
