"""The drawings of the manual."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from openviper.documentation.pages import read_pages, resolve
from scripts import build_drawings
from scripts.build_drawings import DRAWINGS, Arrow, Box, Drawing, build, draw, main

SVG = "{http://www.w3.org/2000/svg}"


def test_the_drawings_are_what_the_script_writes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_told_in_words_too(name: str) -> None:
    root = ElementTree.fromstring(build()[f"{name}.svg"])
    ids = {element.get("id"): element for element in root.iter()}
    labels = (root.get("aria-labelledby") or "").split()
    assert [ids[label].tag for label in labels] == [f"{SVG}title", f"{SVG}desc"]
    assert all(len(ids[label].text or "") > 15 for label in labels)
    assert root.get("role") == "img"


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_asks_nothing_of_a_page_that_its_policy_forbids(name: str) -> None:
    """No style of its own, no script, nothing from elsewhere: the site is served with `default-src 'none'`."""
    root = ElementTree.fromstring(build()[f"{name}.svg"])
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in (
            *("svg", "title", "desc", "defs", "marker", "path", "rect", "text"),
        )
        assert "style" not in element.attrib and not any("href" in key for key in element.attrib)


@pytest.mark.parametrize("name", DRAWINGS)
def test_everything_lies_within_the_drawing_and_no_box_on_another(name: str) -> None:
    root = ElementTree.fromstring(build()[f"{name}.svg"])
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    boxes = DRAWINGS[name].boxes
    for box in boxes:
        assert 0 < box.left and box.left + box.across < width
        assert 0 < box.top and box.top + box.height < height
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            apart = one.left + one.across <= other.left or other.left + other.across <= one.left
            assert apart or one.top + one.height < other.top or other.top + other.height < one.top


def test_every_drawing_stands_on_a_page() -> None:
    shown = {
        resolve(page, target)[0] for page in read_pages().values() for _, target in page.links()
    }
    assert {f"drawings/{name}" for name in build()} <= shown


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="'x{40}' does not fit into its box"):
        draw("a", Drawing("A", "An a.", [Box(0, 0, "x" * 40)], []))
    with pytest.raises(ValueError, match="no box is named 'c'"):
        draw("a", Drawing("A", "An a.", [Box(0, 0, "b")], [Arrow("b", "c")]))


def test_a_file_that_differs_or_has_no_drawing_is_named_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build_drawings, "FOLDER", tmp_path / "drawings")
    assert main([]) == 0 and main(["--check"]) == 0
    (tmp_path / "drawings/tasks.svg").write_text("<svg/>")
    (tmp_path / "drawings/old.svg").touch()
    assert main(["--check"]) == 1
    told = capsys.readouterr().err
    assert "tasks.svg is not what" in told and "old.svg is not what" in told
    assert main([]) == 0 and main(["--check"]) == 0
