"""Finding the texts of a project: by syntax, and never by looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper import i18n
from openviper.i18n.catalogue import Message
from openviper.i18n.extraction import (
    FUNCTIONS,
    combined,
    python_messages,
    source_files,
    template_messages,
)
from openviper.template import get_jinja2_env
from tests.projects import write


def keys(source: str) -> list[tuple[str | None, str, str]]:
    return [(each.context, each.text, each.plural) for each in python_messages(source, "m.py")]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("_('a')", [(None, "a", "")]),
        ("i18n.gettext('a')", [(None, "a", "")]),
        ("gettext_lazy('a' 'b')", [(None, "ab", "")]),
        ("ngettext('a', 'b', n)", [(None, "a", "b")]),
        ("pgettext('c', 'a')", [("c", "a", "")]),
        ("npgettext('c', 'a', 'b', 2)", [("c", "a", "b")]),
        ("_(_('a'))", [(None, "a", "")]),
        ("f(_('a'), x=_('b'))", [(None, "a", ""), (None, "b", "")]),
        ("class A:\n    label = _('a')\n", [(None, "a", "")]),
        ("@_('a')\ndef f(): ...", [(None, "a", "")]),
        ("f'{_(\"a\")}'", [(None, "a", "")]),
        ("_(text)", []),
        ("_(f'a{b}')", []),
        ("_(b'a')", []),
        ("_(5)", []),
        ("_('')", []),
        ("_()", []),
        ("pgettext('c')", []),
        ("other('a')", []),
        ("x[0]('a')", []),
        ("'_(\"a\")'", []),
        ("# _('a')", []),
        ("", []),
    ],
)
def test_texts_are_found_where_a_function_for_them_is_called(
    source: str, found: list[tuple[str | None, str, str]]
) -> None:
    assert sorted(keys(source), key=str) == sorted(found, key=str)


@pytest.mark.parametrize(
    ("text", "is_format"),
    [("%(n)s files", True), ("%s", True), ("100 %", False), ("%d", True), ("{n}", False)],
)
def test_a_text_with_places_for_values_is_marked(text: str, is_format: bool) -> None:
    (message,) = python_messages(f"_({text!r})", "m.py")
    assert (message.flags == ["python-format"]) is is_format


def test_the_place_of_a_text_is_the_line_of_its_call() -> None:
    (message,) = python_messages("\n\nx = _(\n    'a'\n)\n", "shop/views.py")
    assert message.places == ["shop/views.py:3"]


def test_a_file_that_is_no_python_is_an_error() -> None:
    with pytest.raises(SyntaxError):
        list(python_messages("def (", "m.py"))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("{{ _('a') }}", [(None, "a", "")]),
        ("{{ gettext('a') }}{{ pgettext('c', 'b') }}", [(None, "a", ""), ("c", "b", "")]),
        ("{% trans %}a{% endtrans %}", [(None, "a", "")]),
        (
            "{% trans n=3 %}{{ n }} a{% pluralize %}{{ n }} b{% endtrans %}",
            [(None, "%(n)s a", "%(n)s b")],
        ),
        ("{{ _(name) }}{{ other('a') }}_('a')", []),
        ("{# _('a') #}", []),
    ],
)
def test_templates_have_texts_too(
    tmp_path: Path, source: str, found: list[tuple[str | None, str, str]]
) -> None:
    messages = template_messages(get_jinja2_env([str(tmp_path)]), source, "t.html")
    assert [(each.context, each.text, each.plural) for each in messages] == found


def test_a_text_is_listed_once_with_all_its_places_and_the_plural_that_one_of_them_has() -> None:
    (message,) = combined(
        [
            Message("a", places=["x:1"]),
            Message("a", "as", places=["x:2"]),
            Message("a", places=["y:1"]),
        ]
    )
    assert (message.places, message.plural) == (["x:1", "x:2", "y:1"], "as")
    assert len(combined([Message("a"), Message("a", context="c"), Message("b")])) == 3
    assert combined([]) == []


def test_only_files_of_the_project_itself_are_looked_into(tmp_path: Path) -> None:
    write(tmp_path, {name: "" for name in (
        "a.py", "b.html", "c.txt", "shop/d.py", "shop/.hidden/e.py", "node_modules/f.py", "x/venv/g.py", "build/h.py",
        ".env/i.py", "__pycache__/j.py", "shop/.k.py", "mine/pyvenv.cfg", "mine/lib/l.py",
    )})  # fmt: skip
    (tmp_path / "folder.py").mkdir()
    names = [str(path.relative_to(tmp_path)) for path in source_files(tmp_path, (".py", ".html"))]
    assert names == ["a.py", "b.html", "shop/.k.py", "shop/d.py"]
    assert list(source_files(tmp_path, ())) == []


def test_functions_of_ours_are_known_by_the_names_that_a_module_gives_them() -> None:
    source = (
        "from openviper.i18n import gettext_lazy as _l, ngettext as many, pgettext\nfrom other import gettext as t\n"
        "_l('one'); many('a', 'b', 2); pgettext('c', 'two'); t('of others')"
    )
    found = [(each.context, each.text, each.plural) for each in python_messages(source, "m.py")]
    assert found == [(None, "one", ""), (None, "a", "b"), ("c", "two", "")]


@pytest.mark.parametrize("text", ["nul\\0x", "end\\x04x", "half \\ud800"])
@pytest.mark.parametrize("call", ["gettext('{}')", "pgettext('{}', 'a')", "ngettext('a', '{}', 2)"])
def test_a_text_that_no_catalogue_can_hold_is_named_with_its_line(call: str, text: str) -> None:
    with pytest.raises(ValueError, match="line 3: no catalogue can hold"):
        list(python_messages(f"\n\n{call.format(text)}", "m.py"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_for_texts_is_one_of_ours(name: str) -> None:
    assert name == "_" or callable(getattr(i18n, name))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("gettext(message='a')", [(None, "a", "")]),
        ("ngettext(singular='a', plural='b', number=2)", [(None, "a", "b")]),
        ("ngettext('a', plural='b', number=2)", [(None, "a", "b")]),
        ("npgettext(context='c', singular='a', plural='b', number=2)", [("c", "a", "b")]),
        ("pgettext('c', message='a')", [("c", "a", "")]),
        ("pgettext(message='a', context='c')", [("c", "a", "")]),
        ("gettext(message=text)", []),
        ("gettext(other='a')", []),
        ("gettext(**texts)", []),
    ],
)
def test_texts_may_be_given_by_name(source: str, found: list[tuple[str | None, str, str]]) -> None:
    assert keys(source) == found


def test_a_source_may_name_its_character_set() -> None:
    source = "# -*- coding: latin-1 -*-\n_('ä')\n".encode("latin-1")
    assert [each.text for each in python_messages(source, "m.py")] == ["ä"]
