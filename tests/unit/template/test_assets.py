"""The addresses of static files in templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from openviper.staticfiles import collect_static, static_url
from openviper.template import render_to_string
from openviper.testing import override_openviper_settings
from tests.projects import write


def collected(directory: Path, text: str, *, hashed: bool = True) -> None:
    """Collect one stylesheet with a content."""
    write(directory / "source", {"css/a b.css": text})
    with override_openviper_settings(INSTALLED_APPS=()):
        collect_static([directory / "source"], directory / "root", hashed=hashed)


def chosen(directory: Path, **more: Any) -> Any:
    """Return a block with settings for the collected files."""
    return override_openviper_settings(STATIC_ROOT=str(directory / "root"), **more)


def test_in_debug_mode_the_plain_name_is_used(tmp_path: Path) -> None:
    collected(tmp_path, "one")
    with chosen(tmp_path, DEBUG=True):
        assert static_url("css/a b.css") == "/static/css/a%20b.css"


def test_without_debug_the_name_with_the_hash_is_used_as_soon_as_it_is_there(
    tmp_path: Path,
) -> None:
    with chosen(tmp_path, DEBUG=False, STATIC_URL="https://files.example.com/s"):
        assert static_url("css/a b.css") == "https://files.example.com/s/css/a%20b.css"
        collected(tmp_path, "one")
        first = static_url("css/a b.css")
        collected(tmp_path, "another")
        second = static_url("css/a b.css")
        assert static_url("not/collected.css") == "https://files.example.com/s/not/collected.css"
    assert first != second
    for url in (first, second):
        name = url.removeprefix("https://files.example.com/s/").replace("%20", " ")
        assert (tmp_path / "root" / name).is_file()


def test_without_hashed_names_or_with_a_damaged_record_the_plain_name_is_used(
    tmp_path: Path,
) -> None:
    collected(tmp_path, "one", hashed=False)
    with chosen(tmp_path, DEBUG=False):
        assert static_url("css/a b.css") == "/static/css/a%20b.css"
        for text in ("nonsense", "[]", '{"version": 99}', '{"version": 1, "hashed": 5}'):
            (tmp_path / "root/.openviper-static.json").write_text(text)
            assert static_url("css/a b.css") == "/static/css/a%20b.css"


@pytest.mark.parametrize("name", ["", "/css/a.css", "../a.css", "css/../../a", "a\\b"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not the path of a static file"):
        static_url(name)


def test_templates_have_the_function(tmp_path: Path) -> None:
    collected(tmp_path, "one")
    write(tmp_path / "templates", {"page.html": "<link href=\"{{ static('css/a b.css') }}\">"})
    with chosen(tmp_path, DEBUG=False):
        page = render_to_string("page.html", template_dir=tmp_path / "templates")
        assert page == f'<link href="{static_url("css/a b.css")}">'
    assert ".css" in page and page != '<link href="/static/css/a%20b.css">'
