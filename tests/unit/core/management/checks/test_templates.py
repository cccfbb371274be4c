"""Checks of the templates: what they use is there, and is used as it can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper import Request
from openviper.core.management.checks import templates
from openviper.routing import Router
from openviper.testing import override_openviper_settings as override


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory of templates of a project with one route."""
    router = Router()

    @router.get("/items/{id:int}/{name}", name="item")
    async def item(request: Request, id: int, name: str) -> str:
        return ""

    monkeypatch.setattr(templates, "project_routes", lambda: router.routes)
    (tmp_path / "here.html").write_text("here")
    return tmp_path


def findings(folder: Path, text: str) -> list[str]:
    """Return what is said about a template."""
    (folder / "page.html").write_text(text)
    with override(TEMPLATES_DIR=str(folder)):
        return [finding.message for finding in templates.check_templates()]


@pytest.mark.parametrize(
    "text",
    [
        "{% include 'gone.html' ignore missing %}",
        "{% include ['gone.html', 'gone.xml'] ignore missing %}",
        "{% include ['gone.html', 'here.html'] %}",
        "{% include chosen %}",
        "{% include ['gone.html', chosen] %}",
        "{% extends 'here.html' %}",
        "{{ url_for('item', id=5, name='x') }}",
        "{{ url_for('item', id=page.id, name=page.name) }}",
        "{{ url_for('item', **values) }}",
        "{{ url_for(chosen) }}",
        "{% for user in users %}{{ user }}{% endfor %}{{ requests }}{{ languages }}{{ message }}",
        "{{ static('pictures/') ~ name }}",
        "{% macro link(url_for) %}{{ url_for('gone') }}{% endmacro %}",
        "{% from 'here.html' import other as static %}{{ static('gone.css') }}",
        "{{ _('100%% of %(n)s', n=5) }}{{ _('%(n)s', **values) }}{{ gettext('plain') }}{{ _(text) }}",
        "{% trans %}100% sure{% endtrans %}{% trans n=5 %}100% of {{ n }}{% endtrans %}",
        "{% set static = make %}{{ static('gone.css') }}",
    ],
)
def test_what_can_be_used_is_no_finding(folder: Path, text: str) -> None:
    (folder / "static" / "pictures").mkdir(parents=True)
    with override(STATICFILES_DIRS=(str(folder / "static"),)):
        assert findings(folder, text) == []


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{% include 'gone.html' %}", "'gone.html', which does not exist"),
        ("{{ static('pictures/') }}", "there is no static file 'pictures/'"),
        (f"{{{{ {'(' * 3000}1{')' * 3000} }}}}", "cannot be read: maximum recursion depth"),
        ("{% for a in b %}" * 30 + "{% endfor %}" * 30, "cannot be read: too many statically"),
        (
            "{{ _('100% sure') }}",
            "line 1: the text '100% sure' has a '%' alone; it is written '%%'",
        ),
        ("{{ gettext('%(n)s of %(m)s', n=1) }}", "needs a value for 'm'"),
        ("{{ messagess }}", "did you mean 'messages'?"),
        ("{% include ['gone.html', 'a.xml'] %}", "'gone.html' or 'a.xml', which does not exist"),
        ("{% extends 'gone.html' %}", "'gone.html', which does not exist"),
        ("{% import 'gone.html' as gone %}", "'gone.html', which does not exist"),
        ("{% from 'gone.html' import gone %}", "'gone.html', which does not exist"),
        ("{{ url_for('nowhere') }}", "there is no route 'nowhere'"),
        ("{{ url_for('item', name='x') }}", "route 'item' needs a value for 'id'"),
        ("{{ url_for('item', id=1) }}", "route 'item' needs a value for 'name'"),
        ("{{ url_for('item', id=1, nme='x') }}", "route 'item' has no parameter 'nme'"),
        ("{{ url_for('item', id='five', name='x') }}", "'five' does not fit 'id' (int)"),
        ("{{ url_for('item', id=-1, name='x') }}", ""),
        ("{{ url_for('item', id=1, name='a/b') }}", "'a/b' does not fit 'name' (str)"),
    ],
)
def test_what_would_fail_when_the_page_is_made_is_found(folder: Path, text: str, part: str) -> None:
    found = findings(folder, text)
    assert [part in message for message in found] == ([True] if part else [])
