"""Texts that a page translates though they do not stand in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from markupsafe import Markup

from openviper.i18n import override_language, reset_translations
from openviper.i18n.catalogue import Message, header, write_mo
from openviper.template import render_to_string
from openviper.testing import override_openviper_settings as override

VALUES = {"x": "<i>", "y": "<u>", "full": "100% sure <b>", "html": Markup("<b>"), "count": 2}


def render(folder: Path, source: str, name: str = "t.html") -> str:
    (folder / name).write_text(source)
    return render_to_string(name, VALUES, template_dir=folder)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ _(x) }}", "&lt;i&gt;"),
        ("{{ gettext(x|upper) }}", "&lt;I&gt;"),
        ("{{ pgettext('c', x) }}", "&lt;i&gt;"),
        ("{{ ngettext(x, y, count) }}", "&lt;u&gt;"),
        ("{{ npgettext('c', x, y, 1) }}", "&lt;i&gt;"),
        ("{{ _(_(x)) }}{% macro m(t) %}{{ _(t) }}{% endmacro %}{{ m(y) }}", "&lt;i&gt;&lt;u&gt;"),
        ("{{ _(full) }}", "100% sure &lt;b&gt;"),
        ("{{ _(x ~ '%(n)s', n=y) }}", "&lt;i&gt;&lt;u&gt;"),
        ("{{ _('<b>%(n)s', n=x) }}{{ _(html) }}", "<b>&lt;i&gt;<b>"),
        ("{% trans v=x %}<b>{{ v }}</b>{% endtrans %}", "<b>&lt;i&gt;</b>"),
    ],
)
def test_what_a_page_was_given_is_escaped_and_what_stands_in_it_is_not(
    tmp_path: Path, source: str, text: str
) -> None:
    assert render(tmp_path, source) == text


def test_plain_text_has_it_as_it_is(tmp_path: Path) -> None:
    assert render(tmp_path, "{{ _(x) }} {{ _(full) }}", "t.txt") == "<i> 100% sure <b>"


def test_the_translation_of_a_given_text_may_be_html(tmp_path: Path) -> None:
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    known = Message("<i>", translations=["<em>kursiv</em>"])
    (folder / "messages.mo").write_bytes(write_mo([header("de"), known]))
    reset_translations()
    with override(LOCALE_DIRS=(str(tmp_path),)), override_language("de"):
        assert render(tmp_path, "{{ _(x) }}{{ _(y) }}") == "<em>kursiv</em>&lt;u&gt;"
    reset_translations()
