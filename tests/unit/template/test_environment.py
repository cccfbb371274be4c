"""Templates."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper import HTMLResponse
from openviper.template import TemplateNotFoundError, render_to_string


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a directory with templates."""
    (tmp_path / "page.html").write_text("<p>{{ text }}</p>")
    (tmp_path / "plain.txt").write_text("{{ text }}")
    (tmp_path / "attack.html").write_text("{{ ''.__class__.__mro__ }}")
    return tmp_path


def test_html_is_escaped_and_text_is_not(directory: Path) -> None:
    assert (
        render_to_string("page.html", {"text": "<&>"}, template_dir=directory)
        == "<p>&lt;&amp;&gt;</p>"
    )
    assert render_to_string("plain.txt", {"text": "<&>"}, template_dir=directory) == "<&>"


@pytest.mark.parametrize(
    "name",
    "p.html p.HTM p.xhtml p.xml p.svg p.rss p.j2 p.jinja p.jinja2 p.html.j2 p.svg.jinja my.page.j2 a.txt/p.html p.tpl p p.unknown x.y.z.j2".split(),
)
def test_markup_is_escaped_whatever_its_file_is_called(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("{{ x }}")
    assert render_to_string(name, {"x": "<b>"}, template_dir=tmp_path) == "&lt;b&gt;"


@pytest.mark.parametrize(
    "name", "p.txt p.md p.csv p.txt.j2 p.txt.jinja2 a.html/p.eml p.TXT p.js p.json.j2".split()
)
def test_plain_text_is_not_escaped(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("{{ x }}")
    assert render_to_string(name, {"x": "<b>"}, template_dir=tmp_path) == "<b>"


@pytest.mark.parametrize("name", ["plain.txt", "a.txt.j2", "a.md"])
def test_a_page_is_not_made_of_plain_text(directory: Path, name: str) -> None:
    (directory / name).write_text("{{ x }}")
    with pytest.raises(ValueError, match="of plain text"):
        HTMLResponse(template=name, template_dir=directory, context={"x": "<b>"})


def test_templates_cannot_reach_into_python(directory: Path) -> None:
    from jinja2.exceptions import SecurityError

    with pytest.raises(SecurityError):
        render_to_string("attack.html", template_dir=directory)


@pytest.mark.parametrize(
    "name", ["../x.html", "/etc/passwd", "a/../../x", "\\x", "C:x", "a\\b", "", "x\0"]
)
def test_names_that_lead_outside_are_refused(name: str, directory: Path) -> None:
    with pytest.raises(ValueError, match="template name"):
        render_to_string(name, template_dir=directory)


def test_a_missing_template_is_named_with_the_places_searched(directory: Path) -> None:
    with pytest.raises(TemplateNotFoundError, match="'no.html' not found in") as caught:
        render_to_string("no.html", template_dir=directory)
    assert str(directory) in caught.value.directories
