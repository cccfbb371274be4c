"""Filters and functions that projects and apps give their templates."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.core.management.checks.templates import check_templates
from openviper.exceptions import ImproperlyConfigured
from openviper.template import render_to_string
from openviper.template.plugins import plugin_folder
from openviper.testing import override_openviper_settings as override

ON = {"enable": 1, "path": "jinja_plugins"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with an app, both with plug-ins; it is the working directory."""
    files = {
        "shelf/__init__.py": "",
        "shelf/jinja_plugins/filters/text.py": (
            "from os.path import basename\n"
            "def loud(text): return text.upper()\n"
            "def both(text): return 'app'\n"
            "def _hidden(text): return text\n"
            "LIMIT = 5\n"
        ),
        "shelf/jinja_plugins/globals/numbers.py": (
            "__all__ = ['answer']\ndef answer(): return 42\ndef other(): return 1\n"
        ),
        "shelf/jinja_plugins/globals/_private.py": "raise RuntimeError\n",
        "jinja_plugins/filters/own.py": "def both(text): return 'project'\n",
        "templates/page.html": "{{ 'a'|loud }} {{ answer() }} {{ 'x'|both }}",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith(("shelf", "jinja_plugins")):
            del sys.modules[name]


def test_functions_are_found_by_their_place_and_the_project_has_the_last_word(
    project: Path,
) -> None:
    with override(JINJA_PLUGINS=ON, INSTALLED_APPS=("shelf", "no.such.app")):
        assert render_to_string("page.html") == "A 42 project"
        assert check_templates() == []


@pytest.mark.parametrize("setting", [{}, {"enable": 0}, {"path": "jinja_plugins"}])
def test_nothing_is_looked_for_unless_it_is_asked_for(
    project: Path, setting: dict[str, Any]
) -> None:
    with override(JINJA_PLUGINS=setting, INSTALLED_APPS=("shelf",)):
        assert "No filter named 'loud'" in check_templates()[0].message


@pytest.mark.parametrize("name", ["basename", "_hidden", "LIMIT"])
def test_what_is_imported_or_private_or_no_function_is_no_filter(project: Path, name: str) -> None:
    (project / "templates" / "other.html").write_text(f"{{{{ 'a'|{name} }}}}")
    with override(JINJA_PLUGINS=ON, INSTALLED_APPS=("shelf",)):
        (finding,) = check_templates()
    assert f"No filter named {name!r}" in finding.message


def test_a_module_that_says_what_it_offers_offers_nothing_else(project: Path) -> None:
    (project / "templates" / "other.html").write_text("{{ other() }}")
    with override(JINJA_PLUGINS=ON, INSTALLED_APPS=("shelf",)):
        with pytest.raises(Exception, match="'other' is undefined"):
            render_to_string("other.html")


def test_a_broken_plug_in_is_named(project: Path) -> None:
    path = project / "jinja_plugins" / "filters" / "broken.py"
    path.write_text("1 / 0\n")
    with override(JINJA_PLUGINS=ON, INSTALLED_APPS=()):
        with pytest.raises(ImproperlyConfigured, match=r"broken\.py .*ZeroDivisionError"):
            render_to_string("page.html")
        (finding,) = check_templates()
    assert finding.code == "templates.E004" and "broken.py" in finding.message
    assert "jinja_plugins.filters.broken" not in sys.modules


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"enabled": 1}, "'enabled'; it has: enable, path"),
        ({"enable": 1, "path": "../elsewhere"}, "'../elsewhere'"),
        ({"enable": 1, "path": "/etc"}, "'/etc'"),
        ({"enable": 1, "path": ""}, "''"),
        ({"enable": 1, "path": 5}, "5"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(setting: dict[str, Any], told: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="JINJA_PLUGINS") as caught:
        plugin_folder(setting)
    assert told in str(caught.value)


def test_a_folder_may_lie_deeper() -> None:
    assert plugin_folder({"enable": True, "path": "web/plugins"}) == "web/plugins"
