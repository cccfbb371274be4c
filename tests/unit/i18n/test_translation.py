"""Translations."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper import JSONResponse
from openviper.core.management.base import CommandError
from openviper.core.management.commands import compilemessages, makemessages
from openviper.i18n import (
    get_language,
    gettext,
    gettext_lazy,
    ngettext,
    npgettext,
    override_language,
    pgettext,
    reset_translations,
)
from openviper.i18n.catalogue import CatalogueError, Message, header, read_po, write_mo, write_po
from openviper.i18n.extraction import combined, python_messages
from openviper.i18n.translation import catalogue_languages
from openviper.template import render_to_string
from openviper.testing import override_openviper_settings as override
from openviper.utils.terminal import Terminal

GERMAN = [
    header("de"),
    Message("Hello", translations=["Hallo"]),
    Message("May", context="month", translations=["Mai"]),
    Message("May", context="verb", translations=["dürfen"]),
    Message("%(num)s file", "%(num)s files", translations=["%(num)s Datei", "%(num)s Dateien"]),
    Message("guess", translations=["Ahnung"], flags=["fuzzy"]),
    Message('quote " and\nline\\', translations=['Zitat " und\nZeile\\']),
    Message("untranslated"),
]


@pytest.fixture
def catalogues(tmp_path: Path) -> Iterator[Path]:
    """Return a directory with a German catalogue."""
    folder = tmp_path / "locale" / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "messages.mo").write_bytes(write_mo(GERMAN))
    (folder / "messages.po").write_text(write_po(GERMAN), "utf-8")
    reset_translations()
    with override(LOCALE_DIRS=(str(tmp_path / "locale"),), LANGUAGES=("en", "de")):
        yield tmp_path / "locale"
    reset_translations()


def test_texts_are_those_of_the_language_of_the_moment(catalogues: Path) -> None:
    assert (get_language(), gettext("Hello")) == ("en", "Hello")
    with override_language("de-at"):
        assert gettext("Hello") == "Hallo"
        assert pgettext("month", "May") == "Mai"
        assert pgettext("verb", "May") == "dürfen"
        assert ngettext("%(num)s file", "%(num)s files", 1) == "%(num)s Datei"
        assert ngettext("%(num)s file", "%(num)s files", 5) == "%(num)s Dateien"
        assert npgettext("x", "one", "many", 2) == "many"
        assert gettext('quote " and\nline\\') == 'Zitat " und\nZeile\\'
        for text in ("guess", "untranslated", "unknown", ""):
            assert gettext(text) == text
    assert gettext("Hello") == "Hello"


def test_lazy_texts_are_translated_when_they_are_looked_at(catalogues: Path) -> None:
    label = gettext_lazy("Hello")
    with override_language("de"):
        assert str(label) == f"{label}" == "Hallo"
        assert label == "Hallo" and label + "!" == "Hallo!" and "<" + label == "<Hallo"
        assert (len(label), label.upper(), bool(label), "all" in label) == (5, "HALLO", True, True)
        assert JSONResponse({"a": label}).body == b'{"a":"Hallo"}'
    assert (str(label), hash(label), repr(label)) == (
        "Hello",
        hash("Hello"),
        "<LazyText 'Hello'>",
    )
    assert sorted([gettext_lazy("b"), gettext_lazy("a")]) == ["a", "b"]


def test_templates_translate(catalogues: Path, tmp_path: Path) -> None:
    (tmp_path / "t.html").write_text(
        "{{ _('Hello') }} {% trans num=n %}{{ num }} file{% pluralize %}{{ num }} files{% endtrans %} {{ language }}"
    )
    with override_language("de"):
        assert render_to_string("t.html", {"n": 3}, template_dir=tmp_path) == "Hallo 3 Dateien de"


def test_a_catalogue_is_written_and_read_back() -> None:
    again = read_po(write_po(GERMAN))
    assert [(each.key, each.plural, each.translations) for each in again] == [
        (each.key, each.plural, each.translations or [""]) for each in GERMAN
    ]
    assert again[5].flags == ["fuzzy"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('msgid "a"\nmsgstr "b\n', 2),
        ("nonsense", 1),
        ('"alone"', 1),
        ('msgid "a"\nmsgstr open("/etc/passwd")', 2),
        ('msgid 5\nmsgstr ""', 1),
    ],
)
def test_a_broken_catalogue_names_the_line(text: str, line: int) -> None:
    with pytest.raises(CatalogueError) as caught:
        read_po(text)
    assert caught.value.line == line


def test_what_is_not_ours_in_a_catalogue_is_kept_apart() -> None:
    text = (
        '# note\n#. extracted\n#: a.py:1 b.py:2\n#, fuzzy, python-format\n#| msgid "old"\nmsgid ""\n"long "\n"text"\n'
        'msgstr "x"\n\n#~ msgid "gone"\n#~ msgstr "weg"\n'
    )
    message, _ = read_po(text)
    assert (message.text, message.places) == ("long text", ["a.py:1", "b.py:2"])
    assert message.flags == ["fuzzy", "python-format"] and not message.is_translated


def test_texts_are_found_by_syntax_and_not_by_looks() -> None:
    source = (
        "x = _('one')\n# _('comment')\ny = gettext_lazy('two'), obj.ngettext('a %s', 'b %s', n)\n"
        "z = pgettext('ctx', 'three'); _(variable); print('_(\"text\")'); _('one')\n"
    )
    found = {message.key: message for message in combined(python_messages(source, "m.py"))}
    assert set(found) == {(None, "one"), (None, "two"), (None, "a %s"), ("ctx", "three")}
    assert found[None, "one"].places == ["m.py:1", "m.py:4"]
    assert (found[None, "a %s"].plural, found[None, "a %s"].flags) == ("b %s", ["python-format"])


@pytest.mark.parametrize(
    ("language", "folders"),
    [
        ("de", ["de"]),
        ("pt-br", ["pt_BR", "pt"]),
        ("zh-hans", ["zh_Hans", "zh"]),
        ("zh-Hans-CN", ["zh_Hans_CN", "zh_Hans", "zh"]),
        ("pt_BR", ["pt_BR", "pt"]),
        ("", [""]),
        ("de-1996", ["de_1996", "de"]),
        ("EN", ["en"]),
    ],
)
def test_where_the_catalogues_of_a_language_are(language: str, folders: list[str]) -> None:
    assert catalogue_languages(language) == folders


def run(module: object, *arguments: str) -> str:
    """Run a command and return what it prints."""
    out = io.StringIO()
    command = module.Command(Terminal(out=out, err=io.StringIO()))  # type: ignore[attr-defined]  # modules of commands
    command.handle(**vars(command.create_parser("viperctl.py", "x").parse_args(arguments)))
    return out.getvalue()


def test_from_the_program_to_its_translation_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    monkeypatch.setattr(sys, "argv", ["pytest"])
    (tmp_path / "views.py").write_text("title = _('Title')\ncount = ngettext('one', 'many', 2)\n")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "a.html").write_text("<h1>{{ _('Welcome') }}</h1>")
    with override(LANGUAGES=("de",), LOCALE_DIRS=("locale/",), TEMPLATES_DIR="templates/"):
        assert "3 texts, 0 translated" in run(makemessages)
        deep = tmp_path / "src" / "apps" / "deep" / "templates"
        deep.mkdir(parents=True)
        (deep / "mail.txt.j2").write_text("{{ _('Deep') }}")
        monkeypatch.setattr(makemessages, "get_template_directories", lambda: [str(deep)])
        assert "4 texts, 0 translated" in run(makemessages)
        path = tmp_path / "locale" / "de" / "LC_MESSAGES" / "messages.po"
        assert "templates/a.html:1" in path.read_text("utf-8")
        path.write_text(
            path.read_text("utf-8").replace(
                'msgid "Welcome"\nmsgstr ""', '# kept\nmsgid "Welcome"\nmsgstr "Willkommen"'
            ),
            "utf-8",
        )
        assert "4 texts, 1 translated" in run(makemessages)
        assert "# kept" in path.read_text("utf-8")
        assert "1 texts" in run(compilemessages)
        # What is as it would be written stays untouched: catalogues of packages lie where nobody may write.
        compiled = path.with_suffix(".mo")
        before = compiled.stat()
        assert "1 texts" in run(compilemessages)
        assert compiled.stat().st_ino == before.st_ino
        reset_translations()
        with override_language("de"):
            assert gettext("Welcome") == "Willkommen"
        path.write_text("broken", "utf-8")
        for command in (makemessages, compilemessages):
            with pytest.raises(CommandError, match="line 1"):
                run(command)
    reset_translations()


def test_json_knows_lazy_texts_only_through_our_encoder() -> None:
    with pytest.raises(TypeError):
        json.dumps(gettext_lazy("x"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no catalogue at all",
        write_mo(GERMAN)[:-30],
        write_mo([Message("", translations=["Plural-Forms: nplurals=2; plural=(n !=;\n"])]),
        write_mo([Message("", translations=["Content-Type: text/plain; charset=nowhere\n"])]),
    ],
)
def test_a_broken_catalogue_costs_its_own_texts_only_and_is_told_of_once(
    catalogues: Path, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "broken" / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "messages.mo").write_bytes(content)
    with override(LOCALE_DIRS=(str(tmp_path / "broken"), str(catalogues))):
        reset_translations()
        with override_language("de"):
            assert [gettext("Hello"), gettext("Hello")] == ["Hallo", "Hallo"]
            assert ngettext("%(num)s file", "%(num)s files", 2) == "%(num)s Dateien"
    assert [record.name for record in caplog.records] == ["openviper.i18n"]
    assert "broken" in caplog.text


@pytest.mark.parametrize("tag", ["../../etc", "de/../x", "", "d", "de de", ".."])
def test_texts_are_collected_for_languages_only(catalogues: Path, tag: str) -> None:
    with pytest.raises(CommandError, match="language"):
        makemessages.Command().handle(language=[tag])


@pytest.mark.parametrize("rule", ["n%0", "1/0", "n/(n-9)"])
def test_a_rule_that_divides_by_zero_costs_its_catalogue_and_no_page(
    tmp_path: Path, rule: str
) -> None:
    folder = tmp_path / "xx" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    head = Message("", translations=[f"Plural-Forms: nplurals=2; plural={rule};\n"])
    (folder / "messages.mo").write_bytes(write_mo([head, Message("a", translations=["b"])]))
    reset_translations()
    with override(LOCALE_DIRS=(str(tmp_path),)), override_language("xx"):
        assert (gettext("a"), ngettext("a", "as", 9)) == ("a", "as")
    reset_translations()
